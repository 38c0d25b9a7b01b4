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
/* Append a whole file to *out. EFBIG where it has more than `limit` bytes. */
int foreign_read(int dir, const char *name, size_t limit, struct text *out,
                 struct reason *why);
/* Open a directory in another one, which need not be foreign itself. */
int foreign_directory(int dir, const char *name, struct reason *why);

/* Change */

/* Make a directory for a user, or open the one that was made before. Returns a
 * descriptor; EPERM where it is there and belongs to somebody else. */
int foreign_make(int parent, const char *name, uid_t uid, gid_t gid,
                 struct reason *why);
/* Open a file for appending, or make it as foreign_renew() does where it is not
 * there. Returns a descriptor. */
int foreign_append(int dir, const char *name, struct reason *why);
/* Make a new, empty file in place of whatever has the name. It belongs to the
 * directory's owner and is open for appending. Returns a descriptor. */
int foreign_renew(int dir, const char *name, struct reason *why);

#endif
