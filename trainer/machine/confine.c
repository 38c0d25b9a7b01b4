#include "trainer/machine/confine.h"

#include "core/basic/language.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/prctl.h>
#include <omp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILES_MOST = 1024, VERSION_LEAST = 2 };
#define FILE_BYTES ((rlim_t)16 << 30)

/* As in linux/landlock.h, which may be older than the kernel. */
#define FS_TRUNCATE (1ULL << 14) /* since version 3 */
#define FS_IOCTL    (1ULL << 15) /* since version 5 */
#define NET_ALL     3ULL         /* since version 4: bind and connect */
#define SCOPE_ALL   3ULL         /* since version 6: sockets, signals */
struct ruleset {
    uint64_t fs, net, scope;
};

/* Changes to files; what is read is the user's own business. */
#define FS_CHANGES                                                             \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |           \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |            \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER)
#define FS_NEVER                                                               \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |               \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |             \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* Files */

/* The rules that a version of Landlock knows. *size is set to the size of the
 * attributes that it takes. */
static struct ruleset ruleset_of(long version, size_t *size)
{
    struct ruleset r = {.fs = FS_CHANGES | FS_NEVER};
    r.fs |= version >= 3 ? FS_TRUNCATE : 0;
    r.fs |= version >= 5 ? FS_IOCTL : 0;
    r.net = version >= 4 ? NET_ALL : 0;
    r.scope = version >= 6 ? SCOPE_ALL : 0;
    *size = version >= 6   ? sizeof r
            : version >= 4 ? offsetof(struct ruleset, scope)
                           : offsetof(struct ruleset, net);
    return r;
}

static int folder_allow(int rules, uint64_t handled, const char *folder)
{
    struct landlock_path_beneath_attr rule = {
        .allowed_access = (FS_CHANGES | FS_TRUNCATE) & handled,
        .parent_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (rule.parent_fd < 0)
        return -errno;
    long added = syscall(SYS_landlock_add_rule, rules,
                         LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int code = errno;
    close(rule.parent_fd);
    return added ? -code : 0;
}

/* Confines files. Returns the version of Landlock that the kernel has, or
 * -errno. */
static long files_confine(const char *folder)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
                           LANDLOCK_CREATE_RULESET_VERSION);
    if (version < VERSION_LEAST)
        return version < 0 ? -errno : -ENOSYS;
    size_t size;
    struct ruleset wanted = ruleset_of(version, &size);
    int rules = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0);
    if (rules < 0)
        return -errno;
    long err = folder ? folder_allow(rules, wanted.fs, folder) : 0;
    if (err == 0 && syscall(SYS_landlock_restrict_self, rules, 0))
        err = -errno;
    close(rules);
    return err ? err : version;
}

/* System calls */

/* What training and predicting take, as strace shows them, and what the C
 * library, OpenMP and oneDNN may take elsewhere. Left out on purpose, besides
 * what no training needs: whatever changes the mode, the owner, the attributes
 * or the times of a file, of which Landlock knows nothing; links; processes,
 * signals and limits of others; memory, queues and semaphores that others
 * see; io_uring, which could do what the others may not. */
static const int allowed[] = {
    /* files, as far as Landlock lets them be changed */
    SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(readv), SCMP_SYS(preadv),
    SCMP_SYS(write), SCMP_SYS(pwrite64), SCMP_SYS(writev), SCMP_SYS(pwritev),
    SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup),
    SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(flock), SCMP_SYS(fsync),
    SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range), SCMP_SYS(truncate),
    SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fadvise64),
    SCMP_SYS(readahead), SCMP_SYS(copy_file_range), SCMP_SYS(sendfile),
    SCMP_SYS(stat), SCMP_SYS(fstat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
    SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(access),
    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(getdents), SCMP_SYS(getdents64),
    SCMP_SYS(getcwd), SCMP_SYS(chdir), SCMP_SYS(fchdir), SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(umask),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
    /* memory; oneDNN writes code and makes it executable */
    SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
    SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(mincore),
    SCMP_SYS(membarrier),
    /* threads; clone() is among the next ones */
    SCMP_SYS(clone3), SCMP_SYS(futex), SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list), SCMP_SYS(set_tid_address), SCMP_SYS(rseq),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler), SCMP_SYS(getcpu),
    SCMP_SYS(exit), SCMP_SYS(exit_group),
    /* AMX is asked for by arch_prctl() */
    SCMP_SYS(arch_prctl),
    /* signals to itself */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigsuspend),
    SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(pause),
    /* the clock, and what it is told of itself */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(times), SCMP_SYS(getrandom), SCMP_SYS(getrusage),
    SCMP_SYS(getpriority), SCMP_SYS(getrlimit), SCMP_SYS(setrlimit),
    SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(getpid), SCMP_SYS(gettid),
    SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getegid), SCMP_SYS(getresuid), SCMP_SYS(getresgid),
    SCMP_SYS(getgroups), SCMP_SYS(capget)};

/* System calls that are allowed with some arguments only. */
#define SET_IDS        06000u /* a file with them gives its owner's rights */
#define NEW_NAMESPACES 0x7E020080u
#define TCGETS2_SAYS   0x802C542Au /* newer than some C libraries */
static const struct narrowed {
    int call;
    unsigned argument;
    enum scmp_compare op;
    uint64_t a, b;
} narrowed[] = {
    {SCMP_SYS(open), 2, SCMP_CMP_MASKED_EQ, SET_IDS, 0},
    {SCMP_SYS(openat), 3, SCMP_CMP_MASKED_EQ, SET_IDS, 0},
    {SCMP_SYS(creat), 1, SCMP_CMP_MASKED_EQ, SET_IDS, 0},
    {SCMP_SYS(clone), 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD | NEW_NAMESPACES,
     CLONE_THREAD},
    {SCMP_SYS(prlimit64), 0, SCMP_CMP_EQ, 0, 0},
    {SCMP_SYS(sched_setaffinity), 0, SCMP_CMP_EQ, 0, 0},
    {SCMP_SYS(setpriority), 1, SCMP_CMP_EQ, 0, 0},
    {SCMP_SYS(prctl), 0, SCMP_CMP_EQ, PR_SET_NAME, 0},
    {SCMP_SYS(prctl), 0, SCMP_CMP_EQ, PR_GET_NAME, 0},
    {SCMP_SYS(prctl), 0, SCMP_CMP_EQ, PR_SET_VMA, 0},
    {SCMP_SYS(ioctl), 1, SCMP_CMP_EQ, TCGETS, 0},
    {SCMP_SYS(ioctl), 1, SCMP_CMP_EQ, TCGETS2_SAYS, 0},
    {SCMP_SYS(ioctl), 1, SCMP_CMP_EQ, TIOCGWINSZ, 0},
    {SCMP_SYS(fcntl), 1, SCMP_CMP_EQ, F_DUPFD_CLOEXEC, 0},
    {SCMP_SYS(fcntl), 1, SCMP_CMP_EQ, F_GETFD, 0},
    {SCMP_SYS(fcntl), 1, SCMP_CMP_EQ, F_SETFD, 0},
    {SCMP_SYS(fcntl), 1, SCMP_CMP_EQ, F_GETFL, 0},
    {SCMP_SYS(fcntl), 1, SCMP_CMP_EQ, F_SETFL, 0},
};

static int narrowed_add(scmp_filter_ctx filter, const struct narrowed *n)
{
    struct scmp_arg_cmp compare = {n->argument, n->op, n->a, n->b};
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, n->call, 1, &compare);
}

static int filter_fill(scmp_filter_ctx filter)
{
    const struct narrowed myself = {SCMP_SYS(tgkill), 0, SCMP_CMP_EQ,
                                    (uint64_t)getpid(), 0};
    int err = narrowed_add(filter, &myself);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed && !err; i++)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; i < sizeof narrowed / sizeof *narrowed && !err; i++)
        err = narrowed_add(filter, &narrowed[i]);
    return err;
}

/* Loads the filter of allowed calls. Calls that it refuses appear in the
 * kernel's audit log. */
static int allowed_load(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EACCES));
    int err = filter ? filter_fill(filter) : -ENOMEM;
    if (err == 0)
        err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
                               SCMP_ACT_KILL_PROCESS);
    if (err == 0)
        seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
    if (err == 0)
        err = seccomp_load(filter);
    seccomp_release(filter);
    return err;
}

/* A filter cannot look into the arguments of clone3(), so it is not there: the
 * C library takes clone() then. Not worth a line in the audit log, and so a
 * filter of its own. */
static int clone3_hide(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int err = filter ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
                                        SCMP_SYS(clone3), 0)
                     : -ENOMEM;
    if (err == 0)
        err = seccomp_load(filter);
    seccomp_release(filter);
    return err;
}

static int calls_confine(void)
{
    int err = clone3_hide();
    return err ? err : allowed_load();
}

/* Amounts */

static void limit(int what, rlim_t most)
{
    struct rlimit now;
    if (getrlimit(what, &now))
        return;
    now.rlim_max = now.rlim_max < most ? now.rlim_max : most;
    now.rlim_cur = now.rlim_cur < most ? now.rlim_cur : most;
    setrlimit(what, &now);
}

static void amounts_confine(void)
{
    signal(SIGXFSZ,
           SIG_IGN); /* so that a file that grows too large gives EFBIG */
    limit(RLIMIT_FSIZE, FILE_BYTES);
    limit(RLIMIT_NOFILE, FILES_MOST);
    limit(RLIMIT_CORE, 0);
}

/* A sanitizer writes its report where it likes, and traces its process. */
#ifdef __SANITIZE_ADDRESS__
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

static void say(struct text *said, long files, int calls)
{
    if (files > 0)
        text_printf(said,
                    _("confined: writes nowhere but in its own folder and "
                      "starts no program (Landlock, version %ld)"),
                    files);
    else
        text_printf(said,
                    _("NOT confined to its own folder: this kernel has no "
                      "Landlock that could be used (%s)"),
                    strerror((int)-files));
    text_puts(said, "; ");
    if (calls == 0)
        text_puts(said, _("no network, and no system calls but those that "
                          "training takes (seccomp)"));
    else
        text_printf(said,
                    _("NOT kept from the network and other system calls: no "
                      "seccomp (%s)"),
                    strerror(-calls));
}

/* LLVM's OpenMP registers in shared memory when it begins, for another copy of
 * it in this process, and takes that away when it ends. It could do neither
 * later; and there is no other copy. */
static void openmp_begin(void)
{
    omp_get_max_threads();
#ifdef __clang__
    char name[64];
    snprintf(name, sizeof name, "/__KMP_REGISTERED_LIB_%d_%d", (int)getpid(),
             (int)getuid());
    shm_unlink(name);
#endif
}

void confine(const char *folder, struct text *said)
{
    if (sanitized) {
        if (said)
            text_puts(said, _("NOT confined: built with a sanitizer"));
        return;
    }
    openmp_begin();
    amounts_confine();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0,
          0); /* Landlock and seccomp both require it */
    long files = files_confine(folder);
    int calls = calls_confine();
    if (said)
        say(said, files, calls);
}
