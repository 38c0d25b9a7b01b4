/*
 * Checksums of bodies, kept in the store (core/store/garbage.h) as lines `SUM
 * SIZE NAME`, with NAME "" for a base, which is one file. Bodies of older
 * versions have none.
 */
#ifndef PRIMO_BODY_SUMS_H
#define PRIMO_BODY_SUMS_H

#include "core/basic/reason.h"
#include "core/basic/text.h"
#include "core/store/store.h"

#include <stdint.h>

/* Read */

/* Compute the crc32 and the size of an open file, from its beginning. Returns 0
 * or -errno. */
int file_sum(int fd, uint32_t *sum, uint64_t *size);
/* Append the line of a body that is a single file. */
int body_sum_make(int fd, struct text *out, struct reason *why);
/* Append the lines of all files of a directory. */
int body_sums_make(int dir, struct text *out, struct reason *why);
/* Compare FOLDER/id with the checksums in the store. EUCLEAN, with the first
 * file that is missing or not as it was published. Where the store has no
 * checksums, only check that the body is there. */
int body_sums_check(struct store_txn *txn, int folder, uint64_t id,
                    struct reason *why);

#endif
