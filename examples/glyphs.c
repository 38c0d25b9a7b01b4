/*
 * glyphs: makes a dataset of single letters from the fonts of this machine.
 *
 *   glyphs OUT_DIR CHARACTERS [TRAIN_PER_CLASS [TEST_PER_CLASS]] [--size N]
 *          [--from DIR]
 *
 * makes OUT_DIR/train/CLASS/0001.jpg … and, with a TEST_PER_CLASS above 0,
 * OUT_DIR/test/CLASS/0001.jpg …: grey pictures of N x N pixels, each with one
 * letter. There is a class for each of CHARACTERS. Font, size, slant, position,
 * greys and noise are random, but depend on nothing but the character, the part
 * and the picture's number; so the same arguments and fonts always make the
 * same files.
 *
 * Of the fonts that have a character, every fifth is used for its test pictures
 * only, so that a test asks for what was learnt and not for what was seen. A
 * character that fewer than five fonts have uses them all for both parts.
 */
#include "fonts.h"
#include "picture_out.h"
#include "trainer/basic/random.h"

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include FT_OUTLINE_H

enum { SIDE_MIN = 16, SIDE_MAX = 1024, QUALITY = 92, TEST_EVERY = 5 };

static const char *const part_names[] = {"train", "test"};

struct letter {
    wchar_t character;
    char name[16];  /* the name of its folder */
    FT_Face *faces; /* the faces that have the character */
    int count;
};

struct options {
    const char *out, *from, *characters;
    int per_class[2];
    int size;
};

/* One picture */

static FT_Face choose_face(const struct letter *l, int part, struct random *r)
{
    int tests = l->count / TEST_EVERY;
    if (!tests)
        return l->faces[random_below(r, l->count)];
    if (part == 1)
        return l->faces[random_below(r, tests) * TEST_EVERY + TEST_EVERY - 1];
    int i = (int)random_below(r, l->count - tests);
    return l->faces[i + i / (TEST_EVERY - 1)];
}

/* A rotation by up to 8 degrees and a slant of up to as much. */
static FT_Matrix choose_matrix(struct random *r)
{
    double angle = random_uniform(r, -0.14f, 0.14f);
    double slant = random_uniform(r, -0.14f, 0.14f);
    double x = cos(angle), y = sin(angle);
    return (FT_Matrix){.xx = lround(0x10000 * x),
                       .xy = lround(0x10000 * (slant * x - y)),
                       .yx = lround(0x10000 * y),
                       .yy = lround(0x10000 * (slant * y + x))};
}

/* Scales an outline down so that it fits into a square of `room`, in FreeType's
 * 64ths of a pixel. */
static void shrink(FT_Outline *outline, FT_Pos room)
{
    FT_BBox box;
    FT_Outline_Get_CBox(outline, &box);
    FT_Pos width = box.xMax - box.xMin, height = box.yMax - box.yMin;
    FT_Pos larger = width > height ? width : height;
    if (larger < room)
        return;
    FT_Fixed scale = FT_DivFix(room - 2, larger);
    FT_Outline_Transform(outline, &(FT_Matrix){scale, 0, 0, scale});
}

/* Moves an outline to a random position within a square of `side` pixels, at
 * least one pixel from its edges. */
static void place(FT_Outline *outline, int side, struct random *r)
{
    FT_BBox box;
    FT_Pos room = (side - 2) * 64;
    shrink(outline, room);
    FT_Outline_Get_CBox(outline, &box);
    FT_Pos x_room = room - (box.xMax - box.xMin);
    FT_Pos y_room = room - (box.yMax - box.yMin);
    FT_Pos x = 64 + (FT_Pos)random_below(r, (uint32_t)x_room + 1);
    FT_Pos y = 64 + (FT_Pos)random_below(r, (uint32_t)y_room + 1);
    FT_Outline_Translate(outline, x - box.xMin, y - box.yMin);
}

/* Draws how much of each pixel the letter covers, 0 to 255. */
static int draw_mask(const struct fonts *fonts, const struct letter *l,
                     int part, struct random *r, const struct picture *mask)
{
    FT_Face face = choose_face(l, part, r);
    double em = mask->width * random_uniform(r, 0.6f, 1.1f);
    FT_Matrix matrix = choose_matrix(r);
    FT_Bitmap bitmap = {.width = (unsigned)mask->width,
                        .rows = (unsigned)mask->height,
                        .pitch = mask->width,
                        .buffer = mask->pixels,
                        .num_grays = 256,
                        .pixel_mode = FT_PIXEL_MODE_GRAY};
    errno = 0;
    if (FT_Set_Char_Size(face, 0, lround(em * 64), 72, 72) ||
        FT_Load_Char(face, l->character,
                     FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP))
        return fail("cannot draw", l->name);
    FT_Outline *outline = &face->glyph->outline;
    FT_Outline_Transform(outline, &matrix);
    place(outline, mask->width, r);
    return FT_Outline_Get_Bitmap(fonts->library, outline, &bitmap)
               ? fail("cannot draw", l->name)
               : 0;
}

/* Turns the mask into ink on paper: dark on light or, one time in four, light
 * on dark. */
static void print(struct picture *p, struct random *r)
{
    float light = random_uniform(r, 140, 255);
    float dark = random_uniform(r, 0, light - 90);
    float noise = random_uniform(r, 0, 7);
    bool negative = random_below(r, 4) == 0;
    float ink = negative ? light : dark, paper = negative ? dark : light;
    for (int i = 0; i < p->width * p->height; i++) {
        float grey = paper + (ink - paper) * (float)p->pixels[i] / 255;
        grey += noise * random_normal(r);
        p->pixels[i] = (uint8_t)lroundf(fminf(fmaxf(grey, 0), 255));
    }
}

static int make_picture(const struct options *o, const struct fonts *fonts,
                        const struct letter *l, int part, int number)
{
    static uint8_t pixels[SIDE_MAX * SIDE_MAX];
    struct picture p = {pixels, o->size, o->size, .channels = 1};
    struct random r;
    random_open(&r, (uint64_t)l->character, (uint32_t)part, (uint32_t)number,
                0);
    memset(pixels, 0, sizeof pixels);
    if (draw_mask(fonts, l, part, &r, &p))
        return -1;
    print(&p, &r);
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%s/%04d.jpg", o->out, part_names[part],
             l->name, number);
    return write_jpeg(&p, QUALITY, path);
}

static int make_pictures(const struct options *o, const struct fonts *fonts,
                         const struct letter *letters, int count, int part)
{
    for (int c = 0; c < count; c++)
        for (int i = 1; i <= o->per_class[part]; i++)
            if (make_picture(o, fonts, &letters[c], part, i))
                return -1;
    return 0;
}

/* Letters */

/* Letters and digits name their own folders. Others are named by their number
 * in Unicode, as one of them might be '/'. */
static void name_letter(struct letter *l)
{
    if (iswalnum((wint_t)l->character))
        snprintf(l->name, sizeof l->name, "%lc", (wint_t)l->character);
    else
        snprintf(l->name, sizeof l->name, "U+%04X", (unsigned)l->character);
}

static int find_faces(struct letter *l, const struct fonts *fonts)
{
    l->faces = calloc((size_t)fonts->count, sizeof *l->faces);
    if (!l->faces)
        abort();
    for (int i = 0; i < fonts->count; i++)
        if (font_draws(fonts->faces[i], (uint32_t)l->character))
            l->faces[l->count++] = fonts->faces[i];
    errno = 0;
    return l->count ? 0 : fail("no font can draw the character", l->name);
}

static void free_letters(struct letter *letters, int count)
{
    for (int i = 0; i < count; i++)
        free(letters[i].faces);
    free(letters);
}

/* Fills in letters[], which has room for one letter for each byte of `s`.
 * Returns -1, having said why, when a character cannot be used. */
static int read_characters(const char *s, const struct fonts *fonts,
                           struct letter *letters, int *count)
{
    for (size_t length; *s; s += length) {
        struct letter *l = &letters[*count];
        errno = 0;
        length = mbrtowc(&l->character, s, strlen(s), &(mbstate_t){0});
        if (length > strlen(s))
            return fail("not in UTF-8:", s);
        name_letter(l);
        for (int i = 0; i < *count; i++)
            if (letters[i].character == l->character)
                return fail("given twice: the character", l->name);
        ++*count;
        if (find_faces(l, fonts))
            return -1;
    }
    return 0;
}

static int make_folders(const struct options *o, const struct letter *letters,
                        int count, int part)
{
    int err = make_part(o->out, part_names[part]);
    for (int i = 0; i < count && !err; i++)
        err = make_class(o->out, part_names[part], letters[i].name);
    return err;
}

static int make_all(const struct options *o, const struct fonts *fonts)
{
    int count = 0;
    struct letter *letters = calloc(strlen(o->characters), sizeof *letters);
    if (!letters)
        abort();
    int err = read_characters(o->characters, fonts, letters, &count);
    for (int part = 0; part < 2 && !err; part++)
        if (o->per_class[part])
            err = make_folders(o, letters, count, part) ||
                  make_pictures(o, fonts, letters, count, part);
    free_letters(letters, count);
    return err;
}

/* Arguments */

static const char usage[] =
    "usage: glyphs OUT_DIR CHARACTERS [TRAIN_PER_CLASS [TEST_PER_CLASS]]\n"
    "              [--size N] [--from DIR]\n"
    "\n"
    "Makes OUT_DIR/train/CLASS/0001.jpg ... and OUT_DIR/test/CLASS/... with\n"
    "letters of many fonts, a class for each of CHARACTERS; by default 200\n"
    "pictures a class, and 40 for testing, in fonts of their own.\n"
    "\n"
    "  --size N    pictures of N x N pixels, 16 to 1024 (64)\n"
    "  --from DIR  where the fonts are (/usr/share/fonts)\n";

static bool read_options(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {
        {"size", required_argument, NULL, 's'},
        {"from", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (c == 'f')
            o->from = optarg;
        else if (c == 'h')
            exit(fputs(usage, stdout) < 0);
        else if (c != 's' || !read_number(optarg, SIDE_MIN, SIDE_MAX, &o->size))
            return false;
    }
    char **words = argv + optind;
    int n = argc - optind - 2;
    if (n < 0)
        return false;
    o->out = words[0];
    o->characters = words[1];
    return *o->characters &&
           read_counts(n, words + 2, 9999, 9999, o->per_class);
}

int main(int argc, char **argv)
{
    struct options o = {
        .from = "/usr/share/fonts", .per_class = {200, 40}, .size = 64};
    if (!read_options(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    setlocale(LC_CTYPE, "C.UTF-8");
    struct fonts fonts;
    if (fonts_open(&fonts, o.from))
        return 1;
    int err = make_all(&o, &fonts);
    fonts_close(&fonts);
    return err ? 1 : 0;
}
