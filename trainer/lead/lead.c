#include "trainer/lead/lead.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/launch/spawn.h"
#include "core/system/file.h"
#include "trainer/files/checkpoint.h"
#include "trainer/lead/hosts.h"
#include "trainer/lead/mpirun.h"
#include "trainer/run/rundir.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
    AWAY_SECONDS = 60, /* how long a host is waited for that was there before */
    AGAIN_SECONDS = 3,
};

/* A file of the run, which says that the hosts have trained together, and that
 * the training has not ended by itself since. It is written as soon as they
 * train: who leads may be killed with the rest, or its host fail. */
#define LOST_MARK "together"

/* Stopping */

static volatile sig_atomic_t asked;

static void on_signal(int number)
{
    asked = number;
}

/* What asks a trainer to end asks all of them. */
static void signals_take(void)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

void lead_together(const struct lead *l)
{
    file_save(l->dir, LOST_MARK, "", 0, NULL);
}

bool lead_is_stopped(const struct lead *l)
{
    if (asked) {
        int fd = openat(l->dir, "stop",
                        O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd >= 0)
            close(fd);
        asked = 0;
    }
    return faccessat(l->dir, "stop", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Programs */

static void become(char *const *words, int out, pid_t parent)
{
    int null = open("/dev/null", O_RDONLY);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || null < 0 || dup2(null, 0) < 0 ||
        dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(127);
    closefrom(3);
    signal(SIGPIPE, SIG_DFL);
    execvp(words[0], words);
    _exit(127);
}

int lead_spawn(char *const *words, int out)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(words, out, parent);
    return pid < 0 ? -errno : pid;
}

void lead_put_words(struct text *out, const char *said)
{
    for (size_t n; *said; said += n + (said[n] == '\n')) {
        n = strcspn(said, "\n");
        size_t blank = strspn(said, "- \t\r");
        if (blank >= n)
            continue;
        text_put_printable(out, said, n);
        return;
    }
    text_puts(out, _("the connection was closed"));
}

/* Life cycle */

/* Cuts the last component off, and returns it. */
static char *last_cut(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return NULL;
    *slash = 0;
    return slash + 1;
}

/* The path is DIRECTORY/runs/ID/RUN. */
static int path_take(struct lead *l, const char *path, struct reason *why)
{
    char *rest = xstrdup(path);
    bool whole = last_cut(rest);
    l->path = xstrdup(path);
    l->runs = xstrdup(rest);
    const char *id = whole ? last_cut(rest) : NULL;
    l->id = xstrdup(id ? id : "");
    whole = id && last_cut(rest);
    l->directory = rest;
    l->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!whole || *path != '/')
        return refuse(why, EINVAL, "'%s' is no run directory of a machine",
                      path);
    return l->dir < 0 || fchdir(l->dir)
               ? refuse_errno(why, errno, "cannot open the run directory '%s'",
                              path)
               : 0;
}

/* As in machine/team_wait.c: where a loader that was brought along has started
 * this program, a variable has its path. */
static void program_find(struct lead *l)
{
    char path[4096];
    const char *script = getenv("PRIMOFS_PROGRAM");
    ssize_t n = script ? 0 : readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    l->program = xstrdup(script ? script : path);
    l->nodes = nodes_program_find(l->program);
}

/* Whether this host has an address that begins so. */
static bool is_used(const struct ifaddrs *list, const char *block)
{
    char numbers[INET_ADDRSTRLEN];
    for (; list; list = list->ifa_next) {
        const void *at = list->ifa_addr;
        const struct sockaddr_in *in = at;
        if (in && in->sin_family == AF_INET &&
            inet_ntop(AF_INET, &in->sin_addr, numbers, sizeof numbers) &&
            !strncmp(numbers, block, strlen(block)))
            return true;
    }
    return false;
}

/* Numbers are what mpirun does not look up, and takes for no host of its own,
 * unless this host has them. These are for documentation (RFC 5737), which does
 * not keep some from using them. */
static const char *block_find(struct reason *why)
{
    static const char *const blocks[] = {"192.0.2.", "198.51.100.",
                                         "203.0.113."};
    struct ifaddrs *list;
    const char *free = NULL;
    if (getifaddrs(&list)) {
        refuse_errno(why, errno, "cannot list the addresses of this host");
        return NULL;
    }
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks && !free; i++)
        if (!is_used(list, blocks[i]))
            free = blocks[i];
    freeifaddrs(list);
    if (!free)
        refuse(why, EADDRINUSE,
               "this host has addresses in 192.0.2.0/24, in 198.51.100.0/24 "
               "and in 203.0.113.0/24: one of these must be free");
    return free;
}

static int hosts_take(struct lead *l, struct reason *why)
{
    const char *block = block_find(why);
    if (!block)
        return -why->code;
    const char *at = settings_get(&l->job, KEY_HOST);
    while (*at && l->count < LEAD_HOSTS) {
        struct lead_host *h = &l->host[l->count++];
        size_t n = strcspn(at, " \t");
        h->name = xstrndup(at, n);
        snprintf(h->called, sizeof h->called, "%s%d", block, l->count);
        at += n;
        at += strspn(at, " \t");
    }
    return 0;
}

static int job_take(struct lead *l, struct reason *why)
{
    struct text t = TEXT_INIT;
    int fd = file_open(l->dir, "job", why);
    int err = fd < 0 ? fd : descriptor_read(fd, 1 << 16, &t);
    if (fd >= 0)
        close(fd);
    if (err == 0)
        err = settings_parse(&l->job, text_string(&t), t.size, SCOPE_JOB, "job",
                             why);
    text_release(&t);
    language_set(settings_get(&l->job, KEY_LANG));
    return err;
}

/* The end of the process releases the rest. */
static int lead_open(struct lead *l, const char *path, struct reason *why)
{
    *l = (struct lead){0};
    settings_init(&l->job);
    program_find(l);
    int err = path_take(l, path, why);
    return err ? err : job_take(l, why);
}

/* Who was here before */

static bool lock_await(int fd)
{
    const struct timespec nap = {.tv_nsec = 100000000};
    double until = monotonic_now() + LEAD_END_SECONDS;
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK || monotonic_now() > until)
            return false;
        nanosleep(&nap, NULL);
    }
    return true;
}

/* One like this holds `lead` as long as it lives, and a trainer `lock`: where
 * only this process was killed, those that it had started may need some seconds
 * to notice. */
static int others_await(const struct lead *l, struct reason *why)
{
    static const char *const names[] = {"lead", "lock"};
    for (size_t i = 0; i < 2; i++) {
        int fd = openat(l->dir, names[i],
                        O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
            return refuse_errno(why, errno, "cannot open '%s/%s'", l->path,
                                names[i]);
        if (!lock_await(fd))
            return refuse(why, EBUSY, "another trainer works in '%s'", l->path);
        if (i)
            close(fd);
    }
    return 0;
}

/* A training that went on alone */

/* Whether the checkpoint says so (training/together.h). One that cannot be read
 * is for the trainer to tell of. */
static bool goes_alone(void)
{
    struct checkpoint found = CHECKPOINT_INIT;
    bool alone =
        checkpoint_read(&found, "checkpoint", NULL) == 0 && found.at.alone;
    checkpoint_release(&found);
    return alone;
}

/* It needs none of the other hosts any more. */
static void others_leave_out(struct lead *l)
{
    for (int i = 1; i < l->count; i++)
        l->host[i].left_out = true;
}

/* Hosts that are away */

static struct lead_host *away_find(struct lead *l)
{
    for (int i = 1; i < l->count; i++)
        if (!l->host[i].ready && !l->host[i].left_out)
            return &l->host[i];
    return NULL;
}

/* Hosts that were there when the run was lost are waited for a while, as they
 * may be just starting. Returns false when it was stopped. */
static bool prepare(struct lead *l, bool lost)
{
    double until = monotonic_now() + AWAY_SECONDS;
    const struct timespec nap = {.tv_sec = AGAIN_SECONDS};
    for (;;) {
        if (!hosts_prepare(l))
            return false;
        if (!away_find(l) || !lost || monotonic_now() > until)
            return true;
        nanosleep(&nap, NULL);
    }
}

/* Says in a segment of the journal of its own who trains without whom. The
 * trainer begins the next one. */
static int left_out_tell(struct lead *l, struct reason *why)
{
    struct text names = TEXT_INIT, job = TEXT_INIT;
    struct journal_writer *w;
    const struct journal_start start = {
        .segment = (unsigned)settings_number(&l->job, KEY_SEGMENT)};
    int left = 0, err = writer_open(&w, l->dir, &start, NULL, why);
    if (err)
        return err;
    for (int i = 0; i < l->count; i++) {
        struct lead_host *h = &l->host[i];
        h->left_out = i > 0 && !h->ready;
        if (h->left_out)
            writer_log(w, "the training goes on without host '%s': %s", h->name,
                       h->why.sentence);
        else
            text_printf(&names, "%s%s", left++ ? ", " : "", h->name);
    }
    writer_fact(w, "hosts", "%d (%s)", left, text_string(&names));
    writer_sync(w);
    writer_free(w);
    settings_unset(&l->job, KEY_SEGMENT);
    for (int key = 0; key < KEY_COUNT; key++)
        if (params[key].scope & SCOPE_JOB && l->job.value[key])
            text_printf(&job, "%s = %s\n", params[key].key, l->job.value[key]);
    err = file_save(l->dir, "job", job.data, job.size, why);
    text_release(&names);
    text_release(&job);
    return err;
}

/* Ending */

/* The journal says why nobody trains. Where a stop is asked for, the control
 * thread of the run sees it, and ends the process. */
static int end_untrained(const struct lead *l, int err,
                         const struct reason *why)
{
    struct reason own = REASON_INIT;
    struct rundir run;
    control_block_signals();
    if (rundir_open(&run, l->path, NULL, RUN_SUCCEEDED, &own)) {
        fprintf(stderr, "primo-train: %s\n",
                err ? why->sentence : own.sentence);
        return RUN_FAILED;
    }
    if (!err)
        nodes_rest();
    fprintf(stderr, "primo-train: %s\n", why->sentence);
    return rundir_end(&run, err, why);
}

static bool was_lost(const struct lead *l)
{
    return faccessat(l->dir, LOST_MARK, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int train(struct lead *l, struct reason *why)
{
    bool lost = was_lost(l), begun;
    int err = hosts_take(l, why);
    if (err == 0)
        err = mpirun_check(l, why);
    if (err == 0)
        err = hosts_name(l, why);
    if (err)
        return end_untrained(l, err, why);
    if (goes_alone())
        others_leave_out(l);
    if (!prepare(l, lost))
        return end_untrained(l, 0, NULL);
    struct lead_host *away = away_find(l);
    if (away && !lost)
        return end_untrained(l, -away->why.code, &away->why);
    if (away && (err = left_out_tell(l, why)))
        return end_untrained(l, err, why);
    err = mpirun_run(l, &begun, why);
    if (err == -ECANCELED)
        return end_untrained(l, 0, NULL);
    if (err && !begun && !lost)
        return end_untrained(l, err, why);
    if (err && !begun)
        fprintf(stderr, "primo-train: %s\n", why->sentence);
    if (err == 0)
        unlinkat(l->dir, LOST_MARK, 0);
    return err ? RUN_FAILED : RUN_SUCCEEDED;
}

int lead_main(const char *path)
{
    struct reason why = REASON_INIT;
    struct lead l;
    signals_take();
    int err = lead_open(&l, path, &why);
    if (err == 0)
        err = others_await(&l, &why);
    if (err == 0)
        return train(&l, &why);
    fprintf(stderr, "primo-train: %s\n", why.sentence);
    return RUN_FAILED;
}
