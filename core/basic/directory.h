/*
 * Files of the state directory: written aside, synced and renamed. What a run
 * directory holds is input like any other: foreign.h. Any thread.
 */
#ifndef PRIMO_DIRECTORY_H
#define PRIMO_DIRECTORY_H

#include "core/basic/reason.h"
#include "core/basic/text.h"

#include <stdint.h>

/* Read */

/* Open a regular file for reading; -errno, EINVAL when it is none. */
int file_open(int dir, const char *name, struct reason *why);

/* Change */

/* All of these bytes; an errno, not negative, or 0. */
int descriptor_write(int fd, const char *data, size_t size, uint64_t offset);
/* Make or replace DIR/name with these bytes, durably and as a whole. */
int file_write(int dir, const char *name, const char *data, size_t size,
               struct reason *why);
/* Copy what is open, at most `limit` bytes (EFBIG), to a new DIR/name, synced.
 */
int file_copy(int from, int dir, const char *name, uint64_t limit,
              struct reason *why);
/* Give a regular file another name, or, where that can't be, copy it. EEXIST is
 * fine: it is that name's already. */
int file_link(int from, const char *name, int to, const char *as,
              uint64_t limit, struct reason *why);
/* EEXIST is fine. `passable`: others may pass through it, also where it is
 * there already and theirs in nothing else. */
int directory_make(const char *path, bool passable, struct reason *why);
int directory_open(const char *path, struct reason *why); /* a descriptor */
int directory_sync(int dir, struct reason *why);
/* Remove a directory and what is in it, however deep; links are not followed.
 * Absent: 0. EAGAIN: there is more in it than is removed at once. */
int directory_remove(int parent, const char *name, struct reason *why);

#endif
