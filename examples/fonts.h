/*
 * The TrueType and OpenType fonts below a folder. They are in the order of
 * their paths, so that programs which choose among them at random make the same
 * pictures again. Links are followed. Fonts without outlines, or whose
 * characters cannot be found by their numbers in Unicode, are left out.
 */
#ifndef EXAMPLES_FONTS_H
#define EXAMPLES_FONTS_H

#include <stdbool.h>
#include <stdint.h>

#include <ft2build.h>
#include FT_FREETYPE_H

struct fonts {
    FT_Library library;
    FT_Face *faces; /* owned by library */
    int count;
};

/* Returns -1, having said why, when there is no font; nothing has to be closed
 * then. */
int fonts_open(struct fonts *f, const char *dir);
void fonts_close(struct fonts *f);

/* Whether the font draws the character: an empty outline, as a blank has, does
 * not count. */
bool font_draws(FT_Face face, uint32_t character);

#endif
