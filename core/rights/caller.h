/*
 * The groups of who asks.
 *
 * The kernel tells the user and group of a request, but not the supplementary
 * groups. Those that count are the ones that the calling thread has, as
 * /proc/TID/status shows them: it knows of newgrp, of services with groups of
 * their own and of users who log in anew to get a group, and asks no directory
 * service that may not answer. The thread waits for our reply meanwhile. Only
 * one that is killed may be gone, and its number somebody else's: so the file
 * counts only if its file system user and group are those of the request. Where
 * it does not, or can't be read (another pid namespace, hidepid, a server that
 * acts for others, access(2) in a set-user-id program), the user's groups in
 * the group database are taken.
 *
 * A struct groups owns its list. Any thread.
 */
#ifndef PRIMO_CALLER_H
#define PRIMO_CALLER_H

#include "core/basic/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct caller { /* who asks */
    uid_t uid;
    gid_t gid;
    pid_t pid; /* the calling thread; 0 = it is in another pid namespace */
};

struct groups {
    gid_t *list; /* NULL = none */
    size_t count, room;
};

/* Life cycle */
#define GROUPS_INIT                                                            \
    {                                                                          \
        0                                                                      \
    }
void groups_release(struct groups *g);

/* Read */
bool groups_have(const struct groups *g, gid_t gid);
/* Take the groups from the text of a status file. Returns false where it is not
 * the caller's: user or group differ. */
bool groups_parse(struct groups *g, const char *status,
                  const struct caller *caller);

/* Change */

/* Find the caller's groups, including the main one. */
void groups_find(struct groups *g, const struct caller *caller);
void groups_add(struct groups *g, gid_t gid);

/* Append the name of a user, or the number where there is no name. */
void user_name(struct text *out, uid_t uid);

#endif
