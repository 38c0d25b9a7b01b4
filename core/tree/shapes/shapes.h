/* The shapes, for the table of rows. */
#ifndef PRIMO_SHAPES_H
#define PRIMO_SHAPES_H

#include "core/tree/shape.h"

extern const struct shape shape_directory, shape_generated, shape_growing,
    shape_refusals, shape_wait, shape_word, shape_action, shape_body,
    shape_input, shape_weights, shape_link;

#endif
