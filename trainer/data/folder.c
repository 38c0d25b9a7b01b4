#include "trainer/data/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 32, FILES_MAX = 10 * 1000 * 1000 };

/* The chain of folders above the present one, by which a link back to one of
 * them is noticed. */
struct way {
    const struct way *up;
    dev_t device;
    ino_t inode;
    int depth;
};

void names_release(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->name[i]);
    free(n->name);
    *n = (struct names){0};
}

static int names_add(struct names *n, const char *folder, const char *name,
                     struct reason *why)
{
    if (n->count == n->room) {
        size_t room = n->room ? n->room * 2 : 64;
        char **grown = realloc(n->name, room * sizeof *grown);
        if (!grown)
            return refuse(why, ENOMEM, "no memory for the list of files");
        n->name = grown;
        n->room = room;
    }
    char *s = NULL;
    if (asprintf(&s, "%s%s%s", folder, *folder ? "/" : "", name) < 0)
        return refuse(why, ENOMEM, "no memory for the list of files");
    n->name[n->count++] = s;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_sort(struct names *n)
{
    if (n->count)
        qsort(n->name, n->count, sizeof *n->name, compare_names);
}

/* Links are followed; what cannot be examined is not a folder. */
static bool is_folder(DIR *dir, const struct dirent *e)
{
    struct stat st;
    if (e->d_type != DT_UNKNOWN && e->d_type != DT_LNK)
        return e->d_type == DT_DIR;
    return fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static bool has_extension(const char *name, const char *extensions)
{
    const char *dot = strrchr(name, '.');
    size_t n = dot ? strlen(dot + 1) : 0;
    if (n == 0)
        return false;
    for (const char *e = extensions; *e; e += *e == ' ') {
        size_t size = strcspn(e, " ");
        if (size == n && !strncasecmp(e, dot + 1, n))
            return true;
        e += size;
    }
    return false;
}

/* Adds the names of the folders in `path` to *folders and the paths of its
 * files to *files; either may be NULL. */
static int folder_read(const char *path, struct names *folders,
                       struct names *files, const char *extensions,
                       struct reason *why)
{
    DIR *dir = opendir(path);
    if (!dir)
        return refuse_errno(why, errno, "the folder '%s' can't be read", path);
    int err = 0;
    struct dirent *e;
    while (err == 0 && (errno = 0, e = readdir(dir))) {
        if (e->d_name[0] == '.')
            continue;
        if (is_folder(dir, e))
            err = folders ? names_add(folders, "", e->d_name, why) : 0;
        else if (files && has_extension(e->d_name, extensions))
            err = names_add(files, path, e->d_name, why);
    }
    if (err == 0 && errno)
        err = refuse_errno(why, errno, "the folder '%s' can't be read", path);
    closedir(dir);
    return err;
}

static bool is_on_way(const struct way *way, const struct stat *st)
{
    for (; way; way = way->up)
        if (way->device == st->st_dev && way->inode == st->st_ino)
            return true;
    return false;
}

static int walk(struct names *out, const char *path, const char *extensions,
                const struct way *up, struct reason *why)
{
    struct stat st;
    if (stat(path, &st))
        return refuse_errno(why, errno, "the folder '%s' can't be read", path);
    if (is_on_way(up, &st))
        return 0;
    struct way here = {up, st.st_dev, st.st_ino, up ? up->depth + 1 : 0};
    if (here.depth > DEPTH_MAX)
        return refuse(why, ELOOP,
                      "the folder '%s' is more than %d folders deep", path,
                      DEPTH_MAX);
    struct names folders = {0};
    int err = folder_read(path, &folders, out, extensions, why);
    if (err == 0 && out->count > FILES_MAX)
        err = refuse(why, EFBIG, "the folder '%s' holds more than %d pictures",
                     path, FILES_MAX);
    for (size_t i = 0; err == 0 && i < folders.count; i++) {
        char *below = NULL;
        if (asprintf(&below, "%s/%s", path, folders.name[i]) < 0)
            err = refuse(why, ENOMEM, "no memory for the list of files");
        else
            err = walk(out, below, extensions, &here, why);
        free(below);
    }
    names_release(&folders);
    return err;
}

int folder_list(struct names *out, const char *path, struct reason *why)
{
    int err = folder_read(path, out, NULL, NULL, why);
    names_sort(out);
    return err;
}

int folder_files(struct names *out, const char *path, const char *extensions,
                 struct reason *why)
{
    int err = folder_read(path, NULL, out, extensions, why);
    names_sort(out);
    return err;
}

int folder_walk(struct names *out, const char *path, const char *extensions,
                struct reason *why)
{
    int err = walk(out, path, extensions, NULL, why);
    names_sort(out);
    return err;
}
