/*
 * The daemon as a service: where its messages go, and the notifications to the
 * service manager that started it, if any (the protocol of sd_notify(3)).
 *
 * Messages are written by libfuse's fuse_log(), like those of libfuse itself:
 * to standard error in the foreground, to syslog in the background.
 */
#ifndef PRIMO_SERVICE_H
#define PRIMO_SERVICE_H

/* Send messages to syslog from now on, each with the mount point that it is
 * about, a text that stays. Call it before there are threads. */
void service_log_to_syslog(const char *mountpoint);

/* Notify the service manager, if there is one, of a state: READY=1, STOPPING=1.
 */
void service_notify(const char *state);

#endif
