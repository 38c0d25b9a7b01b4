#include "core/system/directory.h"

#include "core/system/foreign.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int directory_open(const char *path, struct reason *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return refuse_errno(why, errno, "cannot open the directory '%s'", path);
    return fd;
}

DIR *directory_list(int parent, const char *name)
{
    int fd =
        openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list && fd >= 0) {
        int code = errno;
        close(fd);
        errno = code;
    }
    return list;
}

int directory_sync(int dir, struct reason *why)
{
    return fsync(dir) ? refuse_errno(why, errno, "cannot sync a directory") : 0;
}

/* Removal. Somebody else may have made what is there, as deep and as much as
 * they liked: directories past a depth are lifted to the top first, so that
 * neither the stack nor the descriptors grow, and work is left for later. */

enum { DEPTH_MOST = 8, ENTRIES_MOST = 50000 };

struct removal {
    int top;         /* the descriptor of the directory that is emptied */
    unsigned lifted; /* number of the last directory that was lifted */
    int budget;      /* how many more entries are removed this time */
};

static int entries_remove(struct removal *r, int fd, int depth,
                          struct reason *why);

static int directory_lift(struct removal *r, int parent, const char *name,
                          struct reason *why)
{
    char up[32];
    do
        snprintf(up, sizeof up, "lifted.%u", ++r->lifted);
    while (renameat2(parent, name, r->top, up, RENAME_NOREPLACE) &&
           errno == EEXIST && r->budget-- > 0);
    return faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0
               ? refuse(why, EAGAIN, "cannot move '%s' up", name)
               : 0;
}

static int subdirectory_remove(struct removal *r, int parent, const char *name,
                               int depth, struct reason *why)
{
    if (depth == DEPTH_MOST)
        return directory_lift(r, parent, name, why);
    int fd = foreign_directory(parent, name, why);
    if (fd < 0)
        return fd;
    int err = entries_remove(r, fd, depth + 1, why);
    if (err == 0 && unlinkat(parent, name, AT_REMOVEDIR) && errno != ENOENT)
        err = refuse_errno(why, errno, "cannot remove '%s'", name);
    return err;
}

/* Owns fd from here on, and closes it. */
static int entries_remove(struct removal *r, int fd, int depth,
                          struct reason *why)
{
    DIR *dir = fdopendir(fd);
    struct dirent *e;
    int err = 0;
    if (!dir) {
        close(fd);
        return refuse(why, ENOMEM, "no memory to list a directory");
    }
    while (err == 0 && (e = readdir(dir))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (r->budget-- <= 0)
            err = refuse(why, EAGAIN, "there is more to remove");
        else if (unlinkat(fd, e->d_name, 0) && errno != ENOENT)
            err =
                errno == EISDIR || errno == EPERM
                    ? subdirectory_remove(r, fd, e->d_name, depth, why)
                    : refuse_errno(why, errno, "cannot remove '%s'", e->d_name);
    }
    closedir(dir);
    return err;
}

/* Directories may have been lifted to the top while it was emptied: then it is
 * emptied once more. */
static int top_remove(struct removal *r, int parent, const char *name,
                      struct reason *why)
{
    for (;;) {
        unsigned lifted = r->lifted;
        int fd = foreign_directory(parent, name, why);
        int err = fd < 0 ? fd : entries_remove(r, fd, 0, why);
        if (err)
            return err;
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (errno != ENOTEMPTY || r->lifted == lifted)
            return refuse_errno(why, errno, "cannot remove '%s'", name);
    }
}

int directory_remove(int parent, const char *name, struct reason *why)
{
    struct stat st;
    struct removal r = {.budget = ENTRIES_MOST};
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
        return 0;
    r.top = foreign_directory(parent, name, why);
    if (r.top < 0)
        return r.top;
    int err = top_remove(&r, parent, name, why);
    close(r.top);
    return err;
}
