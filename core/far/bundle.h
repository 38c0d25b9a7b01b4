/*
 * What is copied to another host so that primo-train starts there, whatever is
 * installed: the program, every library that it is linked with, the loader of
 * the C library, which starts it with just these, and a script `primo-train`
 * that says so; primo-nodes, too, where there is one. A file is known by its
 * SHA-256. Debian has oneDNN only as a shared library, so that linking all of
 * it into the program is no way.
 *
 * A bundle is made once for each program and is then only read. One that was
 * copied to this host is copied on as it is.
 */
#ifndef PRIMO_FAR_BUNDLE_H
#define PRIMO_FAR_BUNDLE_H

#include "core/basic/reason.h"
#include "core/basic/sha256.h"

#include <stdint.h>
#include <sys/stat.h>

struct bundle_file {
    char *path; /* on this host; NULL = it is bundle_script */
    char *link; /* what led there, NULL likewise */
    struct stat stat;
    char *name; /* in the folder on the other one */
    uint64_t size;
    char sum[SHA256_HEX];
};

struct bundle {
    struct bundle_file *file;
    int count;
    size_t room;
    char name[64];     /* of the folder: the version, and a sum of sums */
    char machine[140]; /* what `uname -sm` prints where it can run */
};

extern const char bundle_script[];

/* Life cycle; a zeroed bundle is empty. */

/* Make the bundle of a program anew, unless all its files are still those that
 * it was made of. */
int bundle_make(struct bundle *b, const char *program, struct reason *why);
/* Make *to the same; what it had is released. */
void bundle_copy(struct bundle *to, const struct bundle *from);
void bundle_release(struct bundle *b);

#endif
