#include "fs/damage.h"

#include "core/basic/language.h"
#include "core/open.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* All that the signal handler needs is prepared here, because a handler may
 * call very few functions. */
static struct {
    char sentence[1024], log[1100];
    const char *mountpoint;
    int ready, syslog; /* descriptors, -1 = none */
} damage = {.ready = -1, .syslog = -1};

static void say(int fd, const char *text, size_t size)
{
    ssize_t ignored = fd < 0 ? 0 : write(fd, text, size);
    (void)ignored;
}

/* Unmounts: root can do so directly, others need fusermount3, as in libfuse. */
static void unmount(void)
{
    if (!damage.mountpoint || umount2(damage.mountpoint, MNT_DETACH) == 0)
        return;
    pid_t pid = _Fork();
    if (pid == 0) {
        execlp("fusermount3", "fusermount3", "-uzq", damage.mountpoint, NULL);
        _exit(1);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    if (!primo_reads_store()) {
        signal(number, SIG_DFL); /* the instruction is tried again */
        return;
    }
    say(damage.ready, damage.sentence, strlen(damage.sentence) + 1);
    if (damage.ready < 0) {
        say(2, damage.log, strlen(damage.log));
        say(2, "\n", 1);
    }
    if (damage.syslog >= 0)
        say(damage.syslog, damage.log, strlen(damage.log));
    unmount();
    _exit(1);
}

static int syslog_open(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void damage_watch(const char *state, const char *mountpoint, int ready)
{
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags = SA_SIGINFO};
    snprintf(damage.sentence, sizeof damage.sentence,
             _("the state database of '%s' is damaged: it cannot be read as it "
               "is. 'primofs --check %s' says what is damaged, 'primofs "
               "--salvage %s' brings what can be read into a new one"),
             state, state, state);
    snprintf(damage.log, sizeof damage.log, "primofs: %s", damage.sentence);
    damage.mountpoint = mountpoint;
    damage.ready = ready;
    damage.syslog = syslog_open();
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
}

void damage_mounted(void)
{
    damage.ready = -1;
}
