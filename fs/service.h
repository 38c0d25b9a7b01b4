/*
 * The daemon as others run it: where its messages go, and what it tells the
 * service manager that started it, if one did (the protocol of sd_notify(3)).
 *
 * Messages are said with libfuse's fuse_log(), as libfuse's own are: to
 * standard error in the foreground, to syslog in the background.
 */
#ifndef PRIMO_SERVICE_H
#define PRIMO_SERVICE_H

/* From now on to syslog; before there are threads. */
void service_log_to_syslog(void);

/* `state`: READY=1, STOPPING=1. Does nothing where nobody listens. */
void service_notify(const char *state);

#endif
