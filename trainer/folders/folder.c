#include "trainer/folders/folder.h"

#include "trainer/basic/within.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* The depth counts from the folder of a class, two below the root. */
enum { ABOVE_CLASS = -2, DEPTH_MAX = 32, FILES_MAX = 10 * 1000 * 1000 };

/* The chain of folders from the root to the present one, by which a link back
 * to one of them is noticed. */
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

enum entry { ENTRY_FOLDER, ENTRY_FILE, ENTRY_OUTSIDE, ENTRY_ABOVE };

static bool is_on_way(const struct way *way, const struct stat *st)
{
    for (; way; way = way->up)
        if (way->device == st->st_dev && way->inode == st->st_ino)
            return true;
    return false;
}

/* A link to a name beside it that is not there: a file that cannot be read. */
static bool leads_nowhere(DIR *dir, const char *name)
{
    char target[256];
    struct stat st;
    ssize_t n = readlinkat(dirfd(dir), name, target, sizeof target);
    if (n <= 0 || n == sizeof target)
        return false;
    target[n] = 0;
    return !strchr(target, '/') &&
           fstatat(dirfd(dir), target, &st, AT_SYMLINK_NOFOLLOW) &&
           errno == ENOENT;
}

static enum entry entry_at_end(DIR *dir, const char *name, int root,
                               const struct way *way)
{
    struct stat st;
    int fd = openat(dirfd(dir), name, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return leads_nowhere(dir, name) ? ENTRY_FILE : ENTRY_OUTSIDE;
    bool inside = fstat(fd, &st) == 0 && is_within(root, fd);
    close(fd);
    return !inside                ? ENTRY_OUTSIDE
           : !S_ISDIR(st.st_mode) ? ENTRY_FILE
           : is_on_way(way, &st)  ? ENTRY_ABOVE
                                  : ENTRY_FOLDER;
}

static enum entry entry_of(DIR *dir, const struct dirent *e, int root,
                           const struct way *way)
{
    struct stat st;
    unsigned char type = e->d_type;
    if (type == DT_UNKNOWN &&
        fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        type = IFTODT(st.st_mode);
    if (type == DT_LNK)
        return entry_at_end(dir, e->d_name, root, way);
    return type == DT_DIR ? ENTRY_FOLDER : ENTRY_FILE;
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

/* Opens a folder, and checks on the open folder that it is below the root. */
static int folder_open(DIR **out, int root, const char *path,
                       struct reason *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && !is_within(root, fd)) {
        close(fd);
        return refuse(why, EXDEV, "the folder '%s' leads out of the dataset",
                      path);
    }
    *out = fd < 0 ? NULL : fdopendir(fd);
    if (*out)
        return 0;
    int err = refuse_errno(why, errno, "the folder '%s' can't be read", path);
    if (fd >= 0)
        close(fd);
    return err;
}

/* What to do with the entries of a folder. */
struct wanted {
    struct names *folders, *files; /* NULL = none of them */
    const char *extensions;        /* of files */
    struct leftovers *left;
    int root;
};

static int file_take(const char *name, const char *path, const struct wanted *w,
                     struct reason *why)
{
    if (!w->files)
        return 0;
    if (has_extension(name, w->extensions))
        return names_add(w->files, path, name, why);
    if (!file_is_system(name))
        leftovers_add_file(w->left, name);
    return 0;
}

static int folder_take(const char *name, const char *path,
                       const struct wanted *w, struct reason *why)
{
    if (!w->folders)
        return 0;
    if (!folder_is_system(name))
        return names_add(w->folders, "", name, why);
    leftovers_add_system(w->left, path, name);
    return 0;
}

static int entry_take(DIR *dir, const struct dirent *e, const char *path,
                      const struct wanted *w, const struct way *way,
                      struct reason *why)
{
    switch (entry_of(dir, e, w->root, way)) {
    case ENTRY_FOLDER:
        return folder_take(e->d_name, path, w, why);
    case ENTRY_FILE:
        return file_take(e->d_name, path, w, why);
    case ENTRY_ABOVE:
        if (w->folders)
            leftovers_add_above(w->left, path, e->d_name);
        return 0;
    default:
        w->left->outside++;
        return 0;
    }
}

/* The names in a folder, with those of files, folders or both. The way ends in
 * the folder itself. */
static int folder_read(const char *path, const struct wanted *w,
                       const struct way *way, struct reason *why)
{
    DIR *dir;
    struct dirent *e;
    int err = folder_open(&dir, w->root, path, why);
    if (err)
        return err;
    while (err == 0 && (errno = 0, e = readdir(dir)))
        if (e->d_name[0] != '.')
            err = entry_take(dir, e, path, w, way, why);
    if (err == 0 && errno)
        err = refuse_errno(why, errno, "the folder '%s' can't be read", path);
    closedir(dir);
    return err;
}

/* Sets *here to the folder `path`, behind `up` on the way. */
static int way_extend(struct way *here, const struct way *up, const char *path,
                      struct reason *why)
{
    struct stat st;
    if (stat(path, &st))
        return refuse_errno(why, errno, "the folder '%s' can't be read", path);
    *here = (struct way){up, st.st_dev, st.st_ino, up ? up->depth + 1 : 0};
    return 0;
}

static int walk(const char *path, const struct wanted *w, const struct way *up,
                struct reason *why)
{
    struct way here;
    int err = way_extend(&here, up, path, why);
    if (err)
        return err;
    if (here.depth > DEPTH_MAX)
        return refuse(why, ELOOP,
                      "the folder '%s' is more than %d folders deep", path,
                      DEPTH_MAX);
    struct names folders = {0};
    struct wanted both = *w;
    both.folders = &folders;
    err = folder_read(path, &both, &here, why);
    if (err == 0 && w->files->count > FILES_MAX)
        err = refuse(why, EFBIG, "the folder '%s' holds more than %d pictures",
                     path, FILES_MAX);
    names_sort(&folders);
    for (size_t i = 0; err == 0 && i < folders.count; i++) {
        char *below = NULL;
        if (asprintf(&below, "%s/%s", path, folders.name[i]) < 0)
            err = refuse(why, ENOMEM, "no memory for the list of files");
        else
            err = walk(below, w, &here, why);
        free(below);
    }
    names_release(&folders);
    return err;
}

/* The way from the root to the folder above `path`. Between the two is one
 * folder at most, that of a part of the dataset. */
static int way_begin(struct way way[2], int root, const char *path,
                     struct reason *why)
{
    struct stat st;
    if (fstat(root, &st))
        return refuse_errno(why, errno, "the folder '%s' can't be read", path);
    way[0] = (struct way){NULL, st.st_dev, st.st_ino, ABOVE_CLASS};
    const char *slash = strrchr(path, '/');
    char *above = strndup(path, slash && slash > path ? slash - path : 1);
    if (!above)
        return refuse(why, ENOMEM, "no memory for the list of files");
    int err = way_extend(&way[1], &way[0], above, why);
    free(above);
    return err;
}

/* Reads one folder, or all below it. */
static int folder_do(const char *path, struct wanted *w, bool below,
                     struct reason *why)
{
    struct leftovers unwanted = {0};
    struct way way[2], here;
    if (!w->left)
        w->left = &unwanted;
    int err = way_begin(way, w->root, path, why);
    if (err == 0 && below)
        err = walk(path, w, &way[1], why);
    else if (err == 0 && !(err = way_extend(&here, &way[1], path, why)))
        err = folder_read(path, w, &here, why);
    leftovers_release(&unwanted);
    return err;
}

int folder_list(struct names *out, struct leftovers *left, int root,
                const char *path, struct reason *why)
{
    struct wanted folders = {.folders = out, .left = left, .root = root};
    int err = folder_do(path, &folders, false, why);
    names_sort(out);
    return err;
}

int folder_files(struct names *out, struct leftovers *left, int root,
                 const char *path, const char *extensions, struct reason *why)
{
    struct wanted files = {
        .files = out, .extensions = extensions, .left = left, .root = root};
    int err = folder_do(path, &files, false, why);
    names_sort(out);
    return err;
}

int folder_walk(struct names *out, struct leftovers *left, int root,
                const char *path, const char *extensions, struct reason *why)
{
    struct wanted files = {
        .files = out, .extensions = extensions, .left = left, .root = root};
    int err = folder_do(path, &files, true, why);
    names_sort(out);
    return err;
}
