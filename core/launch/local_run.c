#include "core/basic/alloc.h"
#include "core/launch/local_inside.h"

#include "core/basic/language.h"
#include "core/report/journal.h"
#include "core/system/directory.h"
#include "core/system/file.h"
#include "core/system/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    FOLLOW_BYTES = 1 << 16,
    WORDS_BYTES = 4096,
};

char *local_path(const struct launch_site *site, uint64_t run, const char *tail)
{
    return xstrfmt("%s/%" PRIu64 "%s", site->runs, run, tail);
}

static int run_open(const struct launch_site *site, uint64_t run,
                    struct reason *why)
{
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64, run);
    int runs = directory_open(site->runs, why);
    if (runs < 0)
        return runs;
    int dir = foreign_directory(runs, name, why);
    close(runs);
    return dir;
}

/* Watch */

int local_is_alive(const struct launch_site *site, uint64_t run)
{
    struct launch_child child;
    /* Reap our own child first, if it has ended. */
    child_find(&local_of(site)->children, run, &child);
    char *path = local_path(site, run, ".lock");
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    int code = errno, alive = 0;
    free(path);
    if (fd < 0)
        return code == ENOENT ? 0 : -code;
    if (flock(fd, LOCK_EX | LOCK_NB))
        alive = errno == EWOULDBLOCK ? 1 : -errno;
    else
        /* Closing is not enough: a child that another thread is just spawning
         * may have a copy of the descriptor. */
        flock(fd, LOCK_UN);
    close(fd);
    return alive;
}

int local_alive(const struct launch_target *target, uint64_t run)
{
    return local_is_alive(target->site, run);
}

int local_follow(const struct launch_target *target, uint64_t run,
                 uint64_t segment, uint64_t offset, struct text *out)
{
    char name[32];
    snprintf(name, sizeof name, JOURNAL_SEGMENT, (unsigned)segment);
    int dir = run_open(target->site, run, NULL);
    if (dir < 0)
        return dir;
    int fd = foreign_open(dir, name, NULL);
    close(dir);
    if (fd < 0)
        return fd;
    size_t had = out->size;
    text_resize(out, had + FOLLOW_BYTES);
    ssize_t n = pread(fd, out->data + had, FOLLOW_BYTES, (off_t)offset);
    int err = n < 0 ? -errno : 0;
    text_resize(out, had + (n > 0 ? (size_t)n : 0));
    close(fd);
    return err;
}

int local_tell(const struct launch_target *target, uint64_t run,
               const char *name, const struct text *text, struct reason *why)
{
    int dir = run_open(target->site, run, why);
    if (dir < 0)
        return dir;
    int fd = foreign_append(dir, name, why);
    close(dir);
    if (fd < 0)
        return fd;
    ssize_t n = write(fd, text_string(text), text->size);
    int code = n < 0 ? errno : (size_t)n < text->size ? ENOSPC : 0;
    close(fd);
    return code ? refuse_errno(why, code, "cannot write '%s'", name) : 0;
}

int local_give(const struct launch_target *target, uint64_t run, int from,
               const char *name, const char *as, bool kept, struct reason *why)
{
    (void)kept;
    int dir = run_open(target->site, run, why);
    if (dir < 0)
        return dir;
    int err = file_link(from, name, dir, as, UINT64_MAX, why);
    close(dir);
    return err;
}

int local_fetch(const struct launch_target *target, uint64_t run,
                const char *name, uint64_t limit, int to, struct reason *why)
{
    char path[300];
    snprintf(path, sizeof path, "artifacts/%s", name);
    int dir = run_open(target->site, run, why);
    if (dir < 0)
        return dir;
    int fd = foreign_open(dir, path, why);
    int err = fd < 0 ? fd : file_copy(fd, to, name, limit, why);
    if (fd >= 0)
        close(fd);
    close(dir);
    return err;
}

int local_fetch_text(const struct launch_target *target, uint64_t run,
                     const char *name, uint64_t limit, struct text *out,
                     struct reason *why)
{
    char path[300];
    snprintf(path, sizeof path, "artifacts/%s", name);
    int dir = run_open(target->site, run, why);
    if (dir < 0)
        return dir;
    int err = foreign_read(dir, path, limit, out, why);
    close(dir);
    return err;
}

static void put_last_line(struct text *out, const char *s, size_t size)
{
    while (size && (s[size - 1] == '\n' || s[size - 1] == ' '))
        size--;
    size_t from = size;
    while (from > 0 && s[from - 1] != '\n')
        from--;
    for (size_t i = from; i < size;) {
        size_t n = utf8_decode(s + i, size - i, NULL);
        text_add(out, n && (unsigned char)s[i] >= 0x20 ? s + i : "?",
                 n && (unsigned char)s[i] >= 0x20 ? n : 1);
        i += n ? n : 1;
    }
}

/* Prints how the trainer ended, or nothing if another daemon started it. */
static void put_ending(const struct launch_site *site, uint64_t run,
                       struct text *out)
{
    struct launch_child child;
    if (!child_find(&local_of(site)->children, run, &child) || !child.ended)
        return;
    if (WIFSIGNALED(child.status))
        text_printf(out, _("killed by signal %d, %s"), WTERMSIG(child.status),
                    strsignal(WTERMSIG(child.status)));
    else
        text_printf(out, _("exit status %d"), WEXITSTATUS(child.status));
}

bool local_last_words(const struct launch_target *target, uint64_t run,
                      struct text *out)
{
    size_t had = out->size;
    put_ending(target->site, run, out);
    int dir = run_open(target->site, run, NULL);
    int fd = dir < 0 ? dir : foreign_open(dir, "stderr", NULL);
    if (dir >= 0)
        close(dir);
    if (fd < 0)
        return false;
    char words[WORDS_BYTES];
    struct stat st;
    off_t from = fstat(fd, &st) == 0 && st.st_size > WORDS_BYTES
                     ? st.st_size - WORDS_BYTES
                     : 0;
    ssize_t n = pread(fd, words, sizeof words, from);
    close(fd);
    if (n > 0 && out->size > had)
        text_puts(out, "; ");
    if (n > 0)
        put_last_line(out, words, (size_t)n);
    return false;
}

/* Stop */

/* The trainer stops when a file `stop` appears. The directory belongs to the
 * user, who may have put anything there under that name, which has the same
 * effect: hence O_EXCL, and EEXIST is no error. */
int local_ask_to_stop(const struct launch_site *site, uint64_t run,
                      struct reason *why)
{
    int dir = run_open(site, run, why);
    if (dir < 0)
        return dir;
    int fd = openat(dir, "stop",
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    int code = fd < 0 && errno != EEXIST ? errno : 0;
    if (fd >= 0)
        close(fd);
    close(dir);
    return code ? refuse_errno(why, code, "cannot ask the trainer to stop") : 0;
}

int local_stop(const struct launch_target *target, uint64_t run,
               struct reason *why)
{
    return local_ask_to_stop(target->site, run, why);
}

/* The user of a run is the owner of its directory. */
static int run_owner(const struct launch_site *site, uint64_t run, uid_t *uid)
{
    struct stat st;
    char *path = local_path(site, run, "");
    int code = lstat(path, &st) ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    free(path);
    *uid = code ? 0 : st.st_uid;
    return -code;
}

/* Our own child is in the list. A trainer that an earlier daemon started is
 * found by the lock: the file belongs to the daemon, so that among the
 * processes of the run's user only the trainer can have it open. */
void local_end(const struct launch_site *site, uint64_t run)
{
    struct local *l = local_of(site);
    struct stat lock;
    uid_t uid;
    char name[40];
    if (child_kill(&l->children, run))
        return;
    snprintf(name, sizeof name, "%" PRIu64 ".lock", run);
    char *path = local_path(site, run, ".lock");
    pthread_mutex_lock(&l->spawning);
    if (lstat(path, &lock) == 0 && S_ISREG(lock.st_mode) &&
        run_owner(site, run, &uid) == 0)
        holders_kill(&lock, name, uid);
    pthread_mutex_unlock(&l->spawning);
    free(path);
}

void local_kill(const struct launch_target *target, uint64_t run)
{
    local_end(target->site, run);
}
