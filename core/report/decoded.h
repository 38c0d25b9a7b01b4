/*
 * Where pictures that a training has decoded are kept for the next ones: files
 * that the launcher lends to a run directory (core/launch/decoded.h), and the
 * trainer reads and fills there (trainer/data/decoded.h). Any thread.
 */
#ifndef PRIMO_REPORT_DECODED_H
#define PRIMO_REPORT_DECODED_H

#include <stdint.h>

/* Names in a run directory. */
#define DECODED_NEW "decoded.new" /* empty, to be filled */
#define DECODED_OLD "decoded.%d"  /* from 0 on, the newest first */
enum { DECODED_OLD_MOST = 12 };

/* How many bytes such files may take on the file system of an open file, where
 * they take `held` now: the least of 4 GiB, a twentieth of the file system, and
 * a quarter of what would be free without them. So they shrink while others
 * fill the disk, and are gone before it is full. */
uint64_t decoded_bound(int fd, uint64_t held);

#endif
