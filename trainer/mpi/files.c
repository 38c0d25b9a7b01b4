#include "trainer/mpi/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a trainer reads in its run directory (run/rundir.h). */
static const char *const names[] = {"job",        "template", "type",   "base",
                                    "checkpoint", "pictures", "threads"};
enum { NAMES = sizeof names / sizeof *names };

#define SCRATCH "primofs-node."

/* A disk may be slow, and the others must be told meanwhile. */
enum { PIECE = 4 << 20 };

/* The head of a file, or of a part of it, in the window. */
struct part {
    int64_t size; /* -1 = the file is not there, or cannot be read */
};

static bool say(const char *what, const char *path)
{
    fprintf(stderr, "primo-nodes: cannot %s '%s': %s\n", what, path,
            strerror(errno));
    return false;
}

static bool size_share(struct world *w, int64_t *size)
{
    struct part *part = (struct part *)w->window;
    part->size = *size;
    if (!exchange_share(w, sizeof *part))
        return false;
    *size = part->size;
    return true;
}

/* Fills the window; returns -1 where the file is shorter than it was. */
static int piece_read(struct world *w, int fd, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = read(fd, w->window + at, size - at);
        if (n <= 0)
            return -1;
        at += (size_t)n;
    }
    return 0;
}

static int piece_write(struct world *w, int fd, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = write(fd, w->window + at, size - at);
        if (n <= 0)
            return -1;
        at += (size_t)n;
    }
    return 0;
}

/* Copies an open file from rank 0 to the others. A fault of one is told at the
 * end, as all take part until then. */
static bool file_share(struct world *w, int fd, int64_t size, int *fault)
{
    for (int64_t at = 0; at < size; at += PIECE) {
        size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;
        if (w->rank == 0 && piece_read(w, fd, n))
            *fault = errno ? errno : EIO;
        if (!exchange_share(w, n))
            return false;
        if (w->rank && !*fault && piece_write(w, fd, n))
            *fault = errno;
    }
    return true;
}

static bool one_share(struct world *w, int directory, const char *name,
                      int *fault)
{
    int flags = w->rank ? O_WRONLY | O_CREAT | O_EXCL : O_RDONLY;
    int64_t size = -1;
    struct stat st;
    int fd =
        w->rank ? -1 : openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &st) == 0)
        size = st.st_size;
    if (!size_share(w, &size))
        return false;
    if (w->rank && size >= 0) {
        fd = openat(directory, name, flags | O_CLOEXEC, 0600);
        *fault = fd < 0 && !*fault ? errno : *fault;
    }
    bool together = file_share(w, fd, size, fault);
    if (fd >= 0)
        close(fd);
    return together;
}

static int one_remove(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    remove(path);
    return 0;
}

static void folder_remove(const char *path)
{
    nftw(path, one_remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Opens a directory of ours and takes its lock; -1 = another one has it. */
static int lock_take(int place, const char *name)
{
    struct stat st;
    int fd =
        openat(place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
        flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Removes what others have left that were killed. */
static void leftovers_remove(const char *place)
{
    DIR *d = opendir(place);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[sizeof((struct world *)NULL)->scratch];
        if (strncmp(e->d_name, SCRATCH, sizeof SCRATCH - 1))
            continue;
        int lock = lock_take(dirfd(d), e->d_name);
        if (lock < 0)
            continue;
        if (snprintf(path, sizeof path, "%s/%s", place, e->d_name) <
            (int)sizeof path)
            folder_remove(path);
        close(lock);
    }
    if (d)
        closedir(d);
}

/* It gets its name when it is locked. The lock is held until the end. */
static bool scratch_make(struct world *w)
{
    const char *place = getenv("TMPDIR");
    char fresh[sizeof w->scratch - sizeof SCRATCH];
    place = place && *place == '/' ? place : "/tmp";
    leftovers_remove(place);
    snprintf(fresh, sizeof fresh, "%s/new-" SCRATCH "XXXXXX", place);
    if (!mkdtemp(fresh))
        return say("make", fresh);
    snprintf(w->scratch, sizeof w->scratch, "%s/%s", place,
             fresh + strlen(place) + sizeof "/new-" - 1);
    if (lock_take(AT_FDCWD, fresh) < 0 || rename(fresh, w->scratch)) {
        say("lock", fresh);
        folder_remove(fresh);
        w->scratch[0] = 0;
        return false;
    }
    return true;
}

bool files_share(struct world *w, const char *directory)
{
    int fault = 0;
    if (w->rank && !scratch_make(w))
        return false;
    const char *place = w->rank ? w->scratch : directory;
    int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return say("open", place);
    bool together = true;
    for (int i = 0; i < NAMES && together; i++)
        together = one_share(w, fd, names[i], &fault);
    close(fd);
    errno = fault;
    return together && (!fault || say(w->rank ? "fill" : "read", place));
}

void files_remove(struct world *w)
{
    if (*w->scratch)
        folder_remove(w->scratch);
    w->scratch[0] = 0;
}
