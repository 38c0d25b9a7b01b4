/*
 * Foreign directories: those that another user may change at any moment, as
 * run directories are. What is opened in one is a regular file of that
 * directory's owner and has no other name; so no link of any kind leads out of
 * it, no pipe or device holds the reader up, and what is mounted over it is
 * not entered. What is read must be bounded by the caller. Names may have
 * slashes. Any thread.
 */
#ifndef PRIMO_FOREIGN_H
#define PRIMO_FOREIGN_H

#include "core/basic/reason.h"
#include "core/basic/text.h"

#include <stdint.h>
#include <sys/types.h>

/* Read; a descriptor or -errno: EINVAL, EPERM, ELOOP, ENOTDIR, EXDEV … */

/* Open a file of the directory for reading. */
int foreign_open(int dir, const char *name, struct reason *why);
/* Append a whole file of at most `limit` bytes to *out; EFBIG. */
int foreign_read(int dir, const char *name, size_t limit, struct text *out,
                 struct reason *why);
/* Open a directory in this one, not necessarily foreign itself. */
int foreign_directory(int dir, const char *name, struct reason *why);

/* Change */

/* Make a directory for a user, or find it from earlier; a descriptor. EPERM:
 * it is there and somebody else's. */
int foreign_make(int parent, const char *name, uid_t uid, gid_t gid,
                 struct reason *why);
/* A new, empty file in place of whatever has the name, open for appending and
 * of the directory's owner; a descriptor. */
int foreign_renew(int dir, const char *name, struct reason *why);

#endif
