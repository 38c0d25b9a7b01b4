#include "core/far/bundle.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/launch/spawn.h"
#include "core/system/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The loader is called primo-train, too, because that is the name under which
 * the process then appears. PRIMOFS_PROGRAM: trainer/machine/team_wait.c. */
const char bundle_script[] =
    "#!/bin/sh\n"
    "d=${0%/*}\n"
    "PRIMOFS_PROGRAM=$0\n"
    "export PRIMOFS_PROGRAM\n"
    "exec \"$d/loader/primo-train\" --library-path \"$d\" \"$d/program\" "
    "\"$@\"\n";

static void script_sum(struct bundle_file *f)
{
    struct sha256 sum;
    f->size = strlen(bundle_script);
    sha256_init(&sum);
    sha256_add(&sum, bundle_script, f->size);
    sha256_end(&sum, f->sum);
}

/* Of a library or a program, or, where there is no path, of the script. */
static int file_sum(struct bundle_file *f, struct reason *why)
{
    if (!f->path) {
        script_sum(f);
        return 0;
    }
    int fd = file_open(AT_FDCWD, f->path, why);
    if (fd < 0)
        return fd;
    int err = descriptor_sum(fd, f->sum, &f->size);
    close(fd);
    return err ? refuse_errno(why, -err, "cannot read '%s'", f->path) : 0;
}

static int file_add(struct bundle *b, const char *path, const char *name,
                    struct reason *why)
{
    ALLOC_GROW(b->file, (size_t)b->count + 1, b->room);
    struct bundle_file *f = &b->file[b->count++];
    /* Most libraries are links to their newest version. */
    *f = (struct bundle_file){.path = path ? realpath(path, NULL) : NULL,
                              .link = path ? xstrdup(path) : NULL,
                              .name = xstrdup(name)};
    if (path && (!f->path || stat(f->path, &f->stat)))
        return refuse_errno(why, errno, "cannot open '%s'", path);
    return file_sum(f, why);
}

/* Takes a line of what the loader lists: "NAME => PATH (0x…)", or, of the
 * loader itself, "PATH (0x…)". The kernel's own library has no path. */
static int line_take(struct bundle *b, const char *line, struct reason *why)
{
    char name[256], path[1024];
    if (sscanf(line, " %255s => %1023s", name, path) == 2) {
        if (*path == '/' && !strchr(name, '/'))
            return file_add(b, path, name, why);
        return *path == '/'
                   ? 0
                   : refuse(why, ENOENT, "'%s' is not installed", name);
    }
    if (sscanf(line, " %1023s", path) == 1 && *path == '/')
        return file_add(b, path, "loader/primo-train", why);
    return 0;
}

static int libraries_add(struct bundle *b, const char *program,
                         struct reason *why)
{
    struct text list = TEXT_INIT;
    char *rest = NULL;
    int err = trainer_libraries(program, &list, why);
    for (char *line = err ? NULL : strtok_r(list.data, "\n", &rest);
         line && err == 0; line = strtok_r(NULL, "\n", &rest))
        err = line_take(b, line, why);
    text_release(&list);
    return err;
}

/* The folder's name has a sum of all sums: another program or another library
 * is another folder. */
static void name_make(struct bundle *b)
{
    struct sha256 sum;
    char hex[SHA256_HEX];
    sha256_init(&sum);
    for (int i = 0; i < b->count; i++) {
        sha256_add(&sum, b->file[i].name, strlen(b->file[i].name));
        sha256_add(&sum, b->file[i].sum, sizeof b->file[i].sum);
    }
    sha256_end(&sum, hex);
    snprintf(b->name, sizeof b->name, "%s-%.16s", PRIMO_VERSION, hex);
}

static bool is_same(const struct bundle_file *f)
{
    struct stat st;
    return !f->path ||
           (stat(f->link, &st) == 0 && st.st_ino == f->stat.st_ino &&
            st.st_dev == f->stat.st_dev && st.st_size == f->stat.st_size &&
            timespec_ns(st.st_mtim) == timespec_ns(f->stat.st_mtim));
}

/* An upgrade may replace a library alone. */
static bool is_current(const struct bundle *b)
{
    int i = 0;
    while (i < b->count && is_same(&b->file[i]))
        i++;
    return b->count && i == b->count;
}

/* primo-nodes is linked with the MPI of whatever host it runs on, whose
 * libraries are not brought along. */
static int nodes_add(struct bundle *b, const char *program, struct reason *why)
{
    char *path = nodes_program_find(program);
    int err = path ? file_add(b, path, "primo-nodes", why) : 0;
    free(path);
    return err;
}

static void machine_note(struct bundle *b)
{
    struct utsname host;
    if (uname(&host) == 0)
        snprintf(b->machine, sizeof b->machine, "%s %s", host.sysname,
                 host.machine);
}

/* The folder of a bundle that was copied here and has this program; NULL: it is
 * no part of one. The caller frees it. */
static char *copied_find(const char *program)
{
    const char *slash = strrchr(program, '/');
    char *folder =
        slash ? xstrndup(program, (size_t)(slash - program)) : xstrdup("");
    char *part = xstrfmt("%s/program", folder);
    char *loader = xstrfmt("%s/loader/primo-train", folder);
    bool found = !access(part, F_OK) && !access(loader, F_OK);
    free(part);
    free(loader);
    if (found)
        return folder;
    free(folder);
    return NULL;
}

static bool is_part(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && !strcmp(name + n - 5, ".part");
}

/* Takes the files of a folder that are not still being copied. */
static int folder_add(struct bundle *b, const char *folder, const char *prefix,
                      struct reason *why)
{
    DIR *list = opendir(folder);
    struct dirent *e;
    int err = list ? 0 : refuse_errno(why, errno, "cannot open '%s'", folder);
    while (err == 0 && (e = readdir(list))) {
        if (e->d_name[0] == '.' || is_part(e->d_name) ||
            !strcmp(e->d_name, "loader"))
            continue;
        char *path = xstrfmt("%s/%s", folder, e->d_name);
        char *name = xstrfmt("%s%s", prefix, e->d_name);
        err = file_add(b, path, name, why);
        free(path);
        free(name);
    }
    if (list)
        closedir(list);
    return err;
}

static int copied_make(struct bundle *b, const char *folder, struct reason *why)
{
    char *loader = xstrfmt("%s/loader", folder);
    int err = folder_add(b, folder, "", why);
    if (err == 0)
        err = folder_add(b, loader, "loader/", why);
    free(loader);
    const char *slash = strrchr(folder, '/');
    snprintf(b->name, sizeof b->name, "%s", slash ? slash + 1 : folder);
    return err;
}

static int anew_make(struct bundle *b, const char *program, struct reason *why)
{
    int err = file_add(b, program, "program", why);
    if (err == 0)
        err = file_add(b, NULL, "primo-train", why);
    if (err == 0)
        err = nodes_add(b, program, why);
    if (err == 0)
        err = libraries_add(b, program, why);
    if (err == 0)
        name_make(b);
    return err;
}

int bundle_make(struct bundle *b, const char *program, struct reason *why)
{
    if (is_current(b))
        return 0;
    bundle_release(b);
    char *copied = copied_find(program);
    int err = copied ? copied_make(b, copied, why) : anew_make(b, program, why);
    free(copied);
    machine_note(b);
    if (err)
        bundle_release(b);
    return err;
}

void bundle_copy(struct bundle *to, const struct bundle *from)
{
    bundle_release(to);
    *to = *from;
    to->room = (size_t)from->count;
    to->file = xcalloc(to->room + 1, sizeof *to->file);
    for (int i = 0; i < from->count; i++) {
        to->file[i] = from->file[i];
        to->file[i].path =
            from->file[i].path ? xstrdup(from->file[i].path) : NULL;
        to->file[i].link =
            from->file[i].link ? xstrdup(from->file[i].link) : NULL;
        to->file[i].name = xstrdup(from->file[i].name);
    }
}

void bundle_release(struct bundle *b)
{
    for (int i = 0; i < b->count; i++) {
        free(b->file[i].path);
        free(b->file[i].link);
        free(b->file[i].name);
    }
    free(b->file);
    *b = (struct bundle){0};
}
