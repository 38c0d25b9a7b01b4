/*
 * The filter by which pictures are resized along a line (resize.c). Any thread;
 * one filter may be used by several.
 */
#ifndef PRIMO_FILTER_H
#define PRIMO_FILTER_H

#include "core/basic/reason.h"

#include <stdint.h>

struct filter;

/* ENOMEM. */
int filter_open(struct filter **out, int inputs, int outputs,
                struct reason *why);
void filter_free(struct filter *f); /* NULL is fine */
/* Resize one line, [inputs, 3], to [outputs, 3]. */
void filter_line(const struct filter *f, const uint8_t *line, int outputs,
                 uint8_t *out);

#endif
