/*
 * Files: read whole, written as a whole, copied.
 *
 * What is written appears whole or not at all: it is written as a draft,
 * NAME.part beside its place, then synced and renamed to NAME, and the
 * directory is synced. After a crash there is the old file or the new one, and
 * at most a draft, which the next writer replaces. A name is relative to the
 * directory `dir`, or to the working directory where that is AT_FDCWD. One
 * writer per name; a draft is for one thread at a time, all else for any.
 */
#ifndef PRIMO_FILE_H
#define PRIMO_FILE_H

#include "core/basic/reason.h"
#include "core/basic/sha256.h"
#include "core/basic/text.h"

#include <stdbool.h>
#include <stdint.h>

struct draft {
    int fd, dir;       /* dir is not owned and must stay open */
    char *name, *part; /* owned */
};

/* Read */

/* Whether an error (-errno) says that there is no room for what is written: on
 * the disk, or in the quota of whoever writes. Room may come back, or be made;
 * other faults are not mended by trying again. */
bool is_full(int err);
/* Open a regular file for reading. Returns a descriptor; EINVAL where it is not
 * a regular file. */
int file_open(int dir, const char *name, struct reason *why);
/* Append all that is left to be read, at most `limit` bytes. Returns 0 or
 * -errno without a sentence, -EFBIG where there is more. */
int descriptor_read(int fd, size_t limit, struct text *out);
/* Read exactly `size` bytes. Returns 0 or -errno without a sentence, -ENODATA
 * where the file ends before. */
int descriptor_read_at(int fd, void *to, size_t size, uint64_t offset);
/* The SHA-256 of all that is left to be read; *size becomes how much that was,
 * unless `size` is NULL. Returns 0 or -errno without a sentence. */
int descriptor_sum(int fd, char hex[SHA256_HEX], uint64_t *size);

/* Change */

/* Sync the directory in which DIR/name is. A new name, or one that a rename has
 * changed, survives a power cut only after that. 0 or -errno. */
int file_sync_parent(int dir, const char *name);
/* Write all of these bytes. Returns 0 or -errno without a sentence. */
int descriptor_write_at(int fd, const void *data, size_t size, uint64_t offset);

/* Begin a file, of mode 0644 less the umask. The errors are those of open(2),
 * in sentences with the name. Each successful call must be followed by
 * draft_commit() or draft_abandon(). */
int draft_open(struct draft *d, int dir, const char *name, struct reason *why);
int draft_write(struct draft *d, const void *data, size_t size,
                struct reason *why);
/* Sync the draft, give it its name and release it. On failure the draft is
 * removed; the old file stays, unless only the last step, the sync of the
 * directory, has failed. */
int draft_commit(struct draft *d, struct reason *why);
/* Remove the draft and release it. */
void draft_abandon(struct draft *d);
/* Make or replace a file with these bytes: open, write and commit a draft. */
int file_save(int dir, const char *name, const void *data, size_t size,
              struct reason *why);

/* Copy an open file, of at most `limit` bytes (EFBIG), to a new DIR/name, and
 * sync the copy. */
int file_copy(int from, int dir, const char *name, uint64_t limit,
              struct reason *why);
/* Give a regular file another name or, where that is not possible, copy it. A
 * file that already has the name is left as it is, which is no error. */
int file_link(int from, const char *name, int to, const char *as,
              uint64_t limit, struct reason *why);

#endif
