/*
 * Who may do what: the texts of roles/, with their members looked up, kept in
 * memory. A request by the administrator (root, and the user who mounted) asks
 * nothing here; one by a member named as a user reads this table; only where a
 * group decides are the caller's groups looked up.
 *
 * The table is made anew when a role has changed, before the change is
 * confirmed, and every ten seconds at most while it is used, as users and
 * groups change too. A name that is nobody's gives nobody a right; one that
 * cannot be looked up for the moment stands for whom it stood for before. Any
 * thread.
 */
#ifndef PRIMO_ROLES_H
#define PRIMO_ROLES_H

#include "core/rights/caller.h"
#include "core/settings/param.h"
#include "core/settings/settings.h"

#include <pthread.h>
#include <stdint.h>

struct store;

struct role {
    char name[256];
    /* its members; users are kept in a list of numbers, as groups are */
    struct groups users, groups;
    bool partial;               /* a member could not be looked up */
    unsigned rights[KEY_COUNT]; /* by line: the bits 1 << enum right */
};

/* Whom the name of a member stood for when the table was made. */
struct known_member {
    char *word; /* begins with '@' where it is a group */
    id_t number;
};

struct known_members {
    struct known_member *list;
    size_t count, room;
};

struct roles {
    struct store *store;  /* not owned */
    const uid_t *owner;   /* who mounted; not owned */
    pthread_mutex_t load; /* held by the thread that makes the table anew */
    struct known_members known; /* under load */
    pthread_rwlock_t lock;      /* guards list and count */
    struct role *list;          /* the oldest role first */
    size_t count;               /* 0 = only the administrator may do anything */
    int64_t loaded;             /* atomic: seconds of the monotonic clock */
};

/* Life cycle */
void roles_init(struct roles *r, const uid_t *owner);
void roles_release(struct roles *r);

/* Read */

/* Whether the caller is root or the user who mounted. */
bool is_administrator(const struct roles *r, const struct caller *caller);
/* Whether a role of the caller has one of the rights (a set) in a line. Line 0
 * stands for what is no object: every role has `view` there. */
bool roles_allow(struct roles *r, const struct caller *caller, enum key line,
                 unsigned rights);
/* The same, for what is not asked again: returns 1, 0, or -EAGAIN where this
 * cannot be told now, as users or groups cannot be looked up. */
int roles_ask(struct roles *r, const struct caller *caller, enum key line,
              unsigned rights);
/* 0 where the caller, or the administrator, has the right; -EACCES, or -EAGAIN
 * as above, with a sentence. */
int roles_judge(struct roles *r, const struct caller *caller, enum key line,
                enum right right, struct reason *why);
/* Returns -EAGAIN, with its sentence. */
int roles_refuse_unknown(const struct caller *caller, struct reason *why);
/* Returns -EACCES; the sentence says what is missing and who can grant it. */
int roles_refuse(struct roles *r, const struct caller *caller, enum key line,
                 enum right right, struct reason *why);

/* Check that the users and groups named by a value of `members` exist. EINVAL
 * where one does not; EAGAIN where that cannot be told at this time. */
int members_judge(const char *value, struct reason *why);

/* Change */

/* Make the table anew from the store. Must not be called within a write
 * transaction. */
void roles_load(struct roles *r, struct store *store);

#endif
