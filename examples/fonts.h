/*
 * The TrueType and OpenType fonts below a folder, in the order of their paths,
 * so that what is drawn with them repeats. Links are followed; fonts without
 * outlines or without Unicode's names for them are left out.
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

/* -1, having said why, where there is none; then nothing is left to close. */
int fonts_open(struct fonts *f, const char *dir);
void fonts_close(struct fonts *f);

/* Whether it has an outline for the character; a blank is none. */
bool font_draws(FT_Face face, uint32_t character);

#endif
