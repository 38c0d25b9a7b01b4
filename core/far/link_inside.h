/*
 * What the files of links share: link.c holds them and asks, connect.c makes a
 * connection, wire.c moves bytes to and from ssh.
 */
#ifndef PRIMO_FAR_LINK_INSIDE_H
#define PRIMO_FAR_LINK_INSIDE_H

#include "core/far/bundle.h"
#include "core/far/link.h"

struct link_set {
    const struct launch_site *site;
    pthread_mutex_t lock;
    struct link *first;
    pthread_mutex_t bundling; /* held while the bundle or the id is made */
    struct bundle bundle;     /* of the site's program */
    char id[2 * FAR_ID + 1];  /* of the state directory, "" = look */
    bool queues;              /* Slurm is behind the hosts */
    _Atomic bool ending;      /* nobody waits for a host any more */
};

/* How ssh is called, with the user's own configuration: it never asks for
 * anything, forwards nothing to a host that needs nothing of ours, and notices
 * by itself when the other end is gone. Options before the host win over those
 * of the configuration. */
#define LINK_SSH_OPTIONS                                                       \
    "-T", "-a", "-x", "-o", "BatchMode=yes", "-o", "ConnectTimeout=6", "-o",   \
        "ConnectionAttempts=1", "-o", "ServerAliveInterval=2", "-o",           \
        "ServerAliveCountMax=3", "-o", "ClearAllForwardings=yes", "-o",        \
        "PermitLocalCommand=no", "-o", "LogLevel=ERROR", "-o",                 \
        "RemoteCommand=none"

/* wire.c: 0 or -errno; ETIMEDOUT after the time that is set, however many bytes
 * there are until then, EPIPE where the other end is closed, ECANCELED where
 * the links end. */

/* What is sent and read from now on has so many seconds for all of it, and more
 * for so many bytes: those of a line that is slow, but can be used. */
void wire_expect(struct wire *w, int seconds, uint64_t bytes);
/* More bytes are awaited than were thought of. */
void wire_expect_more(struct wire *w, uint64_t bytes);

/* Start ssh with a command for the far side's shell; "" = this host's. */
int wire_open(struct wire *w, const char *host, const char *command,
              struct reason *why);
/* End ssh. *status, which may be NULL, is what waitpid() says. */
void wire_close(struct wire *w);
int wire_send(const struct wire *w, const void *data, size_t size);
/* As wire_send(), but ends with EINTR when the far side says something. */
int wire_send_while_silent(const struct wire *w, const void *data, size_t size);
/* Read a line of at most size - 1 bytes, without its end. */
int wire_line(const struct wire *w, char *line, size_t size);
int wire_bytes(const struct wire *w, void *to, size_t size);
/* Append the last line that ssh has said on standard error, or all of it. */
void wire_words(const struct wire *w, struct text *out);
void wire_all_words(const struct wire *w, struct text *out);

/* link.c */

/* What sentences call the host. */
const char *link_name(const struct link *l);
/* Whether a machine without a host is this one. */
bool link_may_be_here(const struct link *l);
/* The line by which somebody tries by hand whether the host is reached. */
void put_try(const struct link *l, struct text *out);

/* As link_ask(), but nobody is said to want the machine. */
int link_ask_own(struct link *l, struct far_line *in, const struct text *bytes,
                 struct far_line *out, struct text *said, struct reason *why);

/* queue.c: ask for the queue, if that is due. */
void link_queue_ask(struct link *l);

/* connect.c: connect, and copy what is missing. The sentence of a failure has
 * the step, the host and what can be tried by hand. */
int link_connect(struct link *l, struct wire *w, struct reason *why);

/* Make a connection besides, on which a line of sh runs that ends with a line
 * feed; what follows is between the caller and that. */
int link_run_there(struct link *l, struct wire *w, const char *line,
                   struct reason *why);

#endif
