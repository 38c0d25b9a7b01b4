/*
 * Profiles of colours, as scanners give them to their pictures: whether one
 * changes what is seen. They are read by Little CMS, as the library that draws
 * does. One thread; reads what others gave us, and so only where it is
 * confined.
 */
#ifndef PRIMO_PAGES_PROFILE_H
#define PRIMO_PAGES_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

/* Load the library; false = it is not installed. Any number of times. */
bool profile_load(void);
/* Whether colours of 1 or 3 channels that have this ICC profile look as they do
 * without one: as greys or sRGB. */
bool profile_is_plain(const void *data, size_t size, int channels);

#endif
