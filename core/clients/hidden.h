/*
 * Generated files that somebody removed: they stay out of sight until the
 * next start of their process or the next mount, so that `rm -r` works and
 * nothing pretends. A set of inode numbers in memory. Any thread.
 */
#ifndef PRIMO_HIDDEN_H
#define PRIMO_HIDDEN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct hidden {
    pthread_rwlock_t lock;
    uint64_t *list;     /* under lock; sorted */
    size_t count, room; /* under lock */
};

/* Life cycle */
void hidden_init(struct hidden *h);
void hidden_release(struct hidden *h);

/* Read */
bool hidden_has(struct hidden *h, uint64_t inode);

/* Change */
void hidden_add(struct hidden *h, uint64_t inode);
/* Show again all inodes from `first` to `last`, both included. */
void hidden_clear(struct hidden *h, uint64_t first, uint64_t last);
/* Show all files of an object again. */
void hidden_clear_object(struct hidden *h, uint64_t object);

#endif
