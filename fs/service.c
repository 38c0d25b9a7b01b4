#include "fs/service.h"

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_log.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

static const char *about; /* the mount point */

/* The levels of libfuse are those of syslog, which says itself who speaks. */
static void say(enum fuse_log_level level, const char *format, va_list ap)
{
    static const char name[] = "primofs: ";
    char line[1200];
    if (!strncmp(format, name, strlen(name)))
        format += strlen(name);
    vsnprintf(line, sizeof line, format, ap);
    syslog((int)level, "%s: %s", about, line);
}

void service_log_to_syslog(const char *mountpoint)
{
    about = mountpoint;
    openlog("primofs", LOG_PID, LOG_DAEMON);
    fuse_set_log_func(say);
}

void service_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, n);
    if (*path == '@')
        *to.sun_path = 0; /* an abstract socket address */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    close(fd);
}
