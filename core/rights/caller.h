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

/* Find the caller's groups, including the main one. Returns 0 where the thread
 * has told them, and 1 where the database has. -EAGAIN: the database cannot be
 * asked now, and some may be missing. */
int groups_find(struct groups *g, const struct caller *caller);
void groups_add(struct groups *g, gid_t gid);

/* A user who is not there to ask, with his main group. */
struct caller caller_absent(uid_t uid);

/* Append the name of a user, or the number where there is no name. */
void user_name(struct text *out, uid_t uid);

/* The database of users and groups */

/* What a lookup there that has found nothing, and returned `err`, means:
 * -ENOENT where there is no such entry, or why this cannot be told now. `file`
 * is /etc/passwd or /etc/group. */
int database_error(int err, const char *file);

#endif
