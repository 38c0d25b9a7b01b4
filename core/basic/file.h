/*
 * A file that appears whole or not at all: written aside as PATH.part, synced,
 * renamed to PATH, its folder synced. After a crash there is the old file or
 * the new one, and at most a PATH.part that the next writer takes over.
 * One writer per path; not for concurrent use.
 */
#ifndef PRIMO_FILE_H
#define PRIMO_FILE_H

#include "core/basic/reason.h"

#include <stddef.h>

struct durable {
    int fd;
    char *path, *part; /* owned */
};

/* Life cycle */

/* Mode 0644 under the umask. EACCES, ENOENT, ENOSPC, … with the path. */
int durable_open(struct durable *f, const char *path, struct reason *why);
/* Publish and release; on failure nothing is published. */
int durable_commit(struct durable *f, struct reason *why);
/* Remove what was written and release. */
void durable_abandon(struct durable *f);

/* Change */

int durable_write(struct durable *f, const void *data, size_t size,
                  struct reason *why);

/* All four steps for a text that is in memory. */
int durable_save(const char *path, const void *data, size_t size,
                 struct reason *why);

#endif
