/*
 * Files of the state directory: written aside, synced and renamed; read with
 * bounds and without following links, as what lies in a run directory is
 * input like any other. Any thread.
 */
#ifndef PRIMO_DISK_H
#define PRIMO_DISK_H

#include "reason.h"
#include "text.h"

#include <stdint.h>

/* Read */

/* Open a regular file for reading; -errno, EINVAL when it is none. */
int file_open(int dir, const char *name, struct reason *why);
/* Append a whole file to *out; EFBIG past `limit` bytes. */
int file_read(int dir, const char *name, size_t limit, struct text *out,
              struct reason *why);

/* Change */

/* Make or replace DIR/name with these bytes, durably and as a whole. */
int file_write(int dir, const char *name, const char *data, size_t size,
               struct reason *why);
/* Copy a regular file of at most `limit` bytes, synced. */
int file_copy(int from, const char *name, int to, uint64_t limit,
              struct reason *why);
/* Give a regular file another name, or, where that can't be, copy it. EEXIST is
 * fine: it is that name's already. */
int file_link(int from, const char *name, int to, const char *as,
              uint64_t limit, struct reason *why);
int directory_make(const char *path, struct reason *why); /* EEXIST is fine */
int directory_open(const char *path, struct reason *why); /* a descriptor */
int directory_sync(int dir, struct reason *why);
/* Remove a directory and what is in it; links are not followed. Absent: 0. */
int directory_remove(int parent, const char *name, struct reason *why);

#endif
