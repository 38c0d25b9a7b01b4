#include "trainer/far/copies.h"

#include "core/basic/text.h"
#include "core/far/protocol.h"
#include "core/system/directory.h"
#include "core/system/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEPT_SECONDS = 7 * 24 * 3600, LOCK_NAME = FAR_BASE_DIGITS + 10 };

static bool is_copy(const char *name)
{
    return strlen(name) == FAR_BASE_DIGITS &&
           !name[strspn(name, "0123456789abcdef")];
}

/* The lock of a copy, made where it is not there; a descriptor. */
static int lock_open(int dir, const char *name)
{
    char lock[LOCK_NAME];
    snprintf(lock, sizeof lock, "%.*s.lock", FAR_BASE_DIGITS, name);
    return openat(dir, lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int copy_place(int dir, const char *name, struct reason *why)
{
    if (!is_copy(name))
        return refuse(why, EINVAL, "no copy can be called '%s'", name);
    int fd = lock_open(dir, name);
    int code = fd < 0 || futimens(fd, NULL) ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (!code && mkdirat(dir, name, 0700) && errno != EEXIST)
        code = errno;
    return code ? refuse_errno(why, code, "cannot make the folder of the copy")
                : 0;
}

/* Whether the job of a run says that it reads this copy. */
static bool run_reads(int runs, const char *run, const char *name)
{
    struct text job = TEXT_INIT;
    int dir = foreign_directory(runs, run, NULL);
    bool reads = dir >= 0 &&
                 foreign_read(dir, "job", FAR_BYTES, &job, NULL) == 0 &&
                 strstr(text_string(&job), name);
    if (dir >= 0)
        close(dir);
    text_release(&job);
    return reads;
}

static bool is_read(int runs, const char *name)
{
    DIR *list = directory_list(runs, ".");
    struct dirent *e;
    bool read = !list; /* that is not known */
    while (!read && (e = readdir(list)))
        read = e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
               run_reads(runs, e->d_name, name);
    if (list)
        closedir(list);
    return read;
}

/* Whether a trainer holds the copy (dataset/dataset.c), of whichever run: here
 * may be no more than one of several hosts that train together. Where it can't
 * be locked, as in some network file systems, that is not known. */
static bool is_held(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return held;
}

/* Removes a copy that is old, is not being filled and that nobody needs. */
static void copy_tidy(int dir, int runs, const char *name)
{
    struct stat st;
    char lock[LOCK_NAME];
    int fd = lock_open(dir, name);
    if (fd >= 0 && fstat(fd, &st) == 0 &&
        time(NULL) - st.st_mtime > KEPT_SECONDS &&
        flock(fd, LOCK_EX | LOCK_NB) == 0 && !is_read(runs, name) &&
        !is_held(dir, name) && directory_remove(dir, name, NULL) == 0) {
        snprintf(lock, sizeof lock, "%.*s.lock", FAR_BASE_DIGITS, name);
        unlinkat(dir, lock, 0);
    }
    if (fd >= 0)
        close(fd);
}

void copies_tidy(int dir, int runs)
{
    DIR *list = directory_list(dir, ".");
    struct dirent *e;
    while (list && (e = readdir(list)))
        if (is_copy(e->d_name))
            copy_tidy(dir, runs, e->d_name);
    if (list)
        closedir(list);
}
