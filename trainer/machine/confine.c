#include "trainer/machine/confine.h"

#include "core/basic/language.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILES_MOST = 1024, VERSION_LEAST = 2 };
#define FILE_BYTES ((rlim_t)16 << 30)

/* As in linux/landlock.h, which may be older than the kernel. */
#define FS_TRUNCATE (1ULL << 14) /* since version 3 */
#define FS_IOCTL    (1ULL << 15) /* 5 */
#define NET_ALL     3ULL         /* 4: bind and connect */
#define SCOPE_ALL   3ULL         /* 6: abstract sockets, signals */
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

/* What this version knows; *size is that of the attributes it takes. */
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

/* Returns the version of Landlock that holds, or -errno. */
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

/* An io_uring could do what the others may not. */
static const int forbidden[] = {
    SCMP_SYS(socket),
    SCMP_SYS(socketpair),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(add_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(request_key),
};

static int calls_confine(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int err = filter ? 0 : -ENOMEM;
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden && !err; i++)
        err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), forbidden[i], 0);
    if (err == 0)
        err = seccomp_load(filter);
    seccomp_release(filter);
    return err;
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
    signal(SIGXFSZ, SIG_IGN); /* a file that is too large: EFBIG */
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
        text_puts(said, _("no network (seccomp)"));
    else
        text_printf(said, _("NOT kept from the network: no seccomp (%s)"),
                    strerror(-calls));
}

void confine(const char *folder, struct text *said)
{
    if (sanitized) {
        if (said)
            text_puts(said, _("NOT confined: built with a sanitizer"));
        return;
    }
    amounts_confine();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* both ask for it */
    long files = files_confine(folder);
    int calls = calls_confine();
    if (said)
        say(said, files, calls);
}
