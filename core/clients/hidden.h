/*
 * Generated files that somebody removed: they stay out of sight until the
 * next start of their process or the next mount, so that `rm -r` works and
 * nothing pretends. Those of a model are there again after some seconds, if the
 * model still is. A set of inode numbers in memory. Any thread.
 */
#ifndef PRIMO_HIDDEN_H
#define PRIMO_HIDDEN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct hidden_file {
    uint64_t inode;
    int64_t until;    /* ns, when it is shown again; 0 = not by itself */
    const char *name; /* a constant; NULL = nothing is told of its return */
    uid_t user;       /* who removed it */
};

struct hidden {
    pthread_rwlock_t lock;
    struct hidden_file *list; /* under lock; sorted by inode */
    size_t count, room;       /* under lock */
};

/* Life cycle */
void hidden_init(struct hidden *h);
void hidden_release(struct hidden *h);

/* Read */
bool hidden_has(struct hidden *h, uint64_t inode);

/* Change */
void hidden_add(struct hidden *h, const struct hidden_file *file);
/* Take out one whose time has come; false = there is none. */
bool hidden_take_due(struct hidden *h, int64_t now, struct hidden_file *out);
/* Show again all inodes from `first` to `last`, both included. */
void hidden_clear(struct hidden *h, uint64_t first, uint64_t last);
/* Show all files of an object again. */
void hidden_clear_object(struct hidden *h, uint64_t object);

#endif
