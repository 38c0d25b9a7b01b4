#include "fonts.h"

#include "picture_out.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_font_name(const char *name)
{
    static const char *const endings[] = {".ttf", ".otf", ".ttc"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (length > 4 && !strcasecmp(name + length - 4, endings[i]))
            return true;
    return false;
}

static void add(struct fonts *f, const char *path)
{
    FT_Face face;
    if (FT_New_Face(f->library, path, 0, &face))
        return;
    FT_Face *faces = reallocarray(f->faces, f->count + 1, sizeof *faces);
    if (!faces)
        abort();
    f->faces = faces;
    if (FT_IS_SCALABLE(face) && !FT_Select_Charmap(face, FT_ENCODING_UNICODE))
        f->faces[f->count++] = face;
    else
        FT_Done_Face(face);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int find(struct fonts *f, const char *dir)
{
    char *const roots[] = {(char *)dir, NULL};
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!walk)
        return fail("cannot read", dir);
    int err = 0;
    for (FTSENT *e; !err && (e = fts_read(walk));) {
        bool bad = e->fts_info == FTS_NS || e->fts_info == FTS_DNR;
        errno = e->fts_errno;
        if (bad && e->fts_level == 0)
            err = fail("cannot read", dir);
        else if (e->fts_info == FTS_F && is_font_name(e->fts_name))
            add(f, e->fts_path);
    }
    fts_close(walk);
    return err;
}

int fonts_open(struct fonts *f, const char *dir)
{
    *f = (struct fonts){0};
    errno = 0;
    if (FT_Init_FreeType(&f->library))
        return fail("cannot start", "FreeType");
    int err = find(f, dir);
    if (!err && !f->count) {
        errno = 0;
        err = fail("no TrueType or OpenType font below", dir);
        fprintf(stderr, "Debian's package fonts-dejavu-core has some\n");
    }
    if (err)
        fonts_close(f);
    return err;
}

void fonts_close(struct fonts *f)
{
    FT_Done_FreeType(f->library);
    free(f->faces);
}

/* Some fonts draw something for a blank. */
static bool is_blank(uint32_t c)
{
    return c <= ' ' || c == 0xA0 || c == 0x1680 || c == 0x202F || c == 0x205F ||
           c == 0x3000 || (c >= 0x2000 && c <= 0x200B);
}

bool font_draws(FT_Face face, uint32_t character)
{
    FT_UInt glyph = FT_Get_Char_Index(face, character);
    return glyph && !is_blank(character) &&
           !FT_Load_Glyph(face, glyph, FT_LOAD_NO_SCALE) &&
           face->glyph->format == FT_GLYPH_FORMAT_OUTLINE &&
           face->glyph->outline.n_points > 0;
}
