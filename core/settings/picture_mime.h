/*
 * What a file is by its first bytes, for those who do not decode it: the daemon
 * says at once that something is no picture, and answers have the media type.
 * The decoders judge by themselves (trainer/pictures/format.h). Pure; any
 * thread.
 */
#ifndef PRIMO_PICTURE_MIME_H
#define PRIMO_PICTURE_MIME_H

#include <stddef.h>

enum { PICTURE_MIME_BYTES = 16 }; /* that suffice to tell */

/* The media type of one of the formats that are read; "" = it is none. */
const char *picture_mime(const void *data, size_t size);

#endif
