#include "trainer/pages/content.h"
#include "trainer/pages/tokens.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATES_MOST = 32,
    FORMS_MOST = 32, /* drawn, in all; .. */
    DEEP_MOST = 8,   /* .. in each other */
    STEPS_MOST = 1 << 20,
    OPERANDS_MOST = 6, /* that are looked at */
};

/* A picture may leave this share of the page's side uncovered, which is white;
 * if anything lies below it, only this one. */
#define UNCOVERED      0.005
#define UNCOVERED_DARK 0.0005

enum { TEXT_INVISIBLE = 3, TEXT_CLIPS = 4 };

/* What operators may change, and Q brings back. */
struct state {
    double matrix[6];
    double clip[4];   /* left, bottom, right, top, in the page's units */
    bool clip_odd;    /* it is no such rectangle */
    bool translucent; /* what is painted shows what lies below it, or may */
    int text;         /* how text is shown: a mode of PDF */
    bool font_drawn;  /* it is a font of drawings, which are shown always */
};

/* What has been built of a path: nothing, a rectangle, or more. */
enum path { PATH_NONE, PATH_RECTANGLE, PATH_OTHER };

struct walk {
    struct pdf_file *file;
    const double *box;
    struct covering *out;
    bool painted; /* something lies below what comes */
    int steps, forms, deep;
};

/* One stream of content. */
struct content {
    struct walk *walk;
    const struct content *outer; /* what draws it, as a form; NULL = the page */
    pdf_value resources;
    struct state states[STATES_MOST], *state;
    enum path path;
    double rectangle[4]; /* as struct state has them */
    bool clips;          /* the path is to */
    double operands[OPERANDS_MOST];
    int count;      /* of operands that are numbers, all of them */
    bool real;      /* one of these is written with a point */
    char name[128]; /* the first operand that is a name; "" = none is */
};

/* Geometry */

static void matrix_multiply(const double by[6], double m[6])
{
    const double r[6] = {
        by[0] * m[0] + by[1] * m[2],        by[0] * m[1] + by[1] * m[3],
        by[2] * m[0] + by[3] * m[2],        by[2] * m[1] + by[3] * m[3],
        by[4] * m[0] + by[5] * m[2] + m[4], by[4] * m[1] + by[5] * m[3] + m[5]};
    memcpy(m, r, sizeof r);
}

/* The sides of a rectangle that a matrix has moved. False: they are no longer
 * upright. */
static bool rectangle_move(const double r[4], const double m[6], double out[4])
{
    double lengths = fabs(m[0]) + fabs(m[1]) + fabs(m[2]) + fabs(m[3]);
    double slant = fmin(fabs(m[1]) + fabs(m[2]), fabs(m[0]) + fabs(m[3]));
    double a[2] = {m[0] * r[0] + m[2] * r[1] + m[4],
                   m[1] * r[0] + m[3] * r[1] + m[5]};
    double b[2] = {m[0] * r[2] + m[2] * r[3] + m[4],
                   m[1] * r[2] + m[3] * r[3] + m[5]};
    for (int i = 0; i < 2; i++) {
        out[i] = fmin(a[i], b[i]);
        out[i + 2] = fmax(a[i], b[i]);
    }
    return slant <= UNCOVERED_DARK * lengths;
}

static void clip_narrow(struct state *s, const double r[4])
{
    for (int i = 0; i < 2; i++) {
        s->clip[i] = fmax(s->clip[i], r[i]);
        s->clip[i + 2] = fmin(s->clip[i + 2], r[i + 2]);
    }
}

/* Whether r reaches to all sides of the page, nearly. */
static bool is_covered(const double box[4], const double r[4], double uncovered)
{
    double width = (box[2] - box[0]) * uncovered;
    double height = (box[3] - box[1]) * uncovered;
    return r[0] <= box[0] + width && r[1] <= box[1] + height &&
           r[2] >= box[2] - width && r[3] >= box[3] - height;
}

/* Whether r reaches no farther, or hardly. */
static bool is_within(const double box[4], const double r[4])
{
    double width = (box[2] - box[0]) * UNCOVERED;
    double height = (box[3] - box[1]) * UNCOVERED;
    return r[0] >= box[0] - width && r[1] >= box[1] - height &&
           r[2] <= box[2] + width && r[3] <= box[3] + height;
}

/* Painting */

/* Something that is seen where it is not covered. */
static bool paint(struct content *c)
{
    c->walk->out->picture = 0;
    c->walk->painted = true;
    return true;
}

/* What a name stands for: in a form also what it stands for outside. */
static pdf_value resource_of(const struct content *c, const char *kind,
                             const char *name)
{
    struct pdf_file *f = c->walk->file;
    pdf_value found = 0;
    for (; c && !found; c = c->outer)
        found = pdf_get(f, pdf_get(f, c->resources, kind), name);
    return found;
}

static pdf_value resource(const struct content *c, const char *kind)
{
    return *c->name ? resource_of(c, kind, c->name) : 0;
}

static bool picture_paint(struct content *c, pdf_value picture)
{
    static const double square[4] = {0, 0, 1, 1};
    struct walk *w = c->walk;
    const struct state *s = c->state;
    double sides[4];
    double uncovered = w->painted ? UNCOVERED_DARK : UNCOVERED;
    bool covers = !s->translucent && !s->clip_odd &&
                  rectangle_move(square, s->matrix, sides) &&
                  is_covered(w->box, sides, uncovered) &&
                  is_covered(w->box, s->clip, uncovered) &&
                  is_within(w->box, sides);
    paint(c);
    if (!covers)
        return true;
    w->out->picture = picture;
    w->out->rgb_replaced = resource_of(c, "/ColorSpace", "/DefaultRGB");
    w->out->grey_replaced = resource_of(c, "/ColorSpace", "/DefaultGray");
    memcpy(w->out->matrix, s->matrix, sizeof s->matrix);
    return true;
}

static bool stream_follow(struct walk *w, const struct content *outer,
                          pdf_value resources, const struct state *from,
                          const uint8_t *data, size_t size);

/* The box of a form clips it. */
static bool form_enter(struct content *c, pdf_value form, struct state *s)
{
    struct pdf_file *f = c->walk->file;
    double matrix[6], box[4], moved[4];
    pdf_value given = pdf_get(f, form, "/Matrix");
    if (given && !pdf_numbers(f, given, matrix, 6))
        return false;
    if (given)
        matrix_multiply(matrix, s->matrix);
    if (!pdf_numbers(f, pdf_get(f, form, "/BBox"), box, 4))
        return false;
    s->clip_odd |= !rectangle_move(box, s->matrix, moved);
    clip_narrow(s, moved);
    return true;
}

static bool form_paint(struct content *c, pdf_value form)
{
    struct walk *w = c->walk;
    struct state s = *c->state;
    uint8_t *data;
    size_t size;
    pdf_value resources = pdf_get(w->file, form, "/Resources");
    if (++w->forms > FORMS_MOST || w->deep == DEEP_MOST ||
        !form_enter(c, form, &s) || !pdf_unpacked(w->file, form, &data, &size))
        return false;
    w->deep++;
    bool good = stream_follow(w, c, resources, &s, data, size);
    w->deep--;
    free(data);
    return good;
}

static bool object_paint(struct content *c)
{
    struct pdf_file *f = c->walk->file;
    pdf_value object = resource(c, "/XObject");
    pdf_value kind = pdf_get(f, object, "/Subtype");
    if (pdf_get(f, object, "/OC"))
        return false; /* it is seen or not */
    if (pdf_is_name(f, kind, "/Image"))
        return picture_paint(c, object);
    return pdf_is_name(f, kind, "/Form") && form_paint(c, object);
}

/* The state */

static bool state_save(struct content *c)
{
    if (c->state == c->states + STATES_MOST - 1)
        return false;
    c->state[1] = c->state[0];
    c->state++;
    return true;
}

static bool state_restore(struct content *c)
{
    if (c->state == c->states)
        return false;
    c->state--;
    return true;
}

static bool state_turn(struct content *c)
{
    if (c->count != 6)
        return false;
    matrix_multiply(c->operands, c->state->matrix);
    return true;
}

static bool is_absent_or(struct pdf_file *f, pdf_value dict, const char *key,
                         const char *name)
{
    pdf_value v = pdf_get(f, dict, key);
    return !v || pdf_is_name(f, v, name);
}

/* A dictionary of the state. What is translucent stays so until Q. */
static bool state_set(struct content *c)
{
    struct pdf_file *f = c->walk->file;
    struct state *s = c->state;
    pdf_value set = resource(c, "/ExtGState");
    pdf_value opacity = pdf_get(f, set, "/ca");
    double value = 1;
    if (!set || (opacity && !pdf_number(f, opacity, &value)))
        return false;
    s->translucent |= value < 1 || !is_absent_or(f, set, "/BM", "/Normal") ||
                      !is_absent_or(f, set, "/SMask", "/None") ||
                      !is_absent_or(f, set, "/TR", "/Identity") ||
                      !is_absent_or(f, set, "/TR2", "/Default");
    s->font_drawn |= pdf_get(f, set, "/Font") != 0;
    return true;
}

/* Paths */

static bool path_rectangle(struct content *c)
{
    const double *o = c->operands;
    const double r[4] = {o[0], o[1], o[0] + o[2], o[1] + o[3]};
    bool first = c->path == PATH_NONE && c->count == 4;
    bool upright = rectangle_move(r, c->state->matrix, c->rectangle);
    c->path = first && upright ? PATH_RECTANGLE : PATH_OTHER;
    return true;
}

static bool path_other(struct content *c)
{
    c->path = PATH_OTHER;
    return true;
}

static bool path_clips(struct content *c)
{
    c->clips = true;
    return true;
}

static bool path_end(struct content *c)
{
    if (c->clips && c->path == PATH_RECTANGLE)
        clip_narrow(c->state, c->rectangle);
    else if (c->clips)
        c->state->clip_odd = true;
    c->clips = false;
    c->path = PATH_NONE;
    return true;
}

static bool path_paint(struct content *c)
{
    return paint(c) && path_end(c);
}

/* Text */

static bool text_mode(struct content *c)
{
    if (c->count != 1 || c->real)
        return false;
    c->state->text = (int)fmin(fmax(c->operands[0], 0), TEXT_CLIPS);
    return true;
}

static bool text_font(struct content *c)
{
    struct pdf_file *f = c->walk->file;
    pdf_value font = resource(c, "/Font");
    pdf_value kind = pdf_get(f, font, "/Subtype");
    c->state->font_drawn = pdf_is_name(f, kind, "/Type3");
    return font;
}

static bool text_show(struct content *c)
{
    if (c->state->text == TEXT_INVISIBLE && !c->state->font_drawn)
        return true;
    return c->state->text < TEXT_CLIPS && paint(c);
}

/* Marked content */

static bool mark(struct content *c)
{
    return strcmp(c->name, "/OC") != 0; /* it is seen or not */
}

/* Operators */

static bool nothing(struct content *c)
{
    (void)c;
    return true;
}

/* Whatever is not here is not understood. */
static const struct {
    const char *word;
    bool (*follow)(struct content *c);
} operators[] = {
    {"q", state_save},  {"Q", state_restore}, {"cm", state_turn},
    {"gs", state_set},  {"Do", object_paint}, {"re", path_rectangle},
    {"m", path_other},  {"l", path_other},    {"c", path_other},
    {"v", path_other},  {"y", path_other},    {"h", path_other},
    {"W", path_clips},  {"W*", path_clips},   {"n", path_end},
    {"S", path_paint},  {"s", path_paint},    {"f", path_paint},
    {"F", path_paint},  {"f*", path_paint},   {"B", path_paint},
    {"B*", path_paint}, {"b", path_paint},    {"b*", path_paint},
    {"sh", paint},      {"BT", nothing},      {"ET", nothing},
    {"Tr", text_mode},  {"Tf", text_font},    {"Tj", text_show},
    {"TJ", text_show},  {"'", text_show},     {"\"", text_show},
    {"Tc", nothing},    {"Tw", nothing},      {"Tz", nothing},
    {"TL", nothing},    {"Ts", nothing},      {"Td", nothing},
    {"TD", nothing},    {"Tm", nothing},      {"T*", nothing},
    {"w", nothing},     {"J", nothing},       {"j", nothing},
    {"M", nothing},     {"d", nothing},       {"ri", nothing},
    {"i", nothing},     {"g", nothing},       {"G", nothing},
    {"rg", nothing},    {"RG", nothing},      {"k", nothing},
    {"K", nothing},     {"cs", nothing},      {"CS", nothing},
    {"sc", nothing},    {"SC", nothing},      {"scn", nothing},
    {"SCN", nothing},   {"MP", nothing},      {"DP", nothing},
    {"BMC", mark},      {"BDC", mark},        {"EMC", nothing},
};

static bool operator_follow(struct content *c, const char *word)
{
    size_t i = 0, n = sizeof operators / sizeof *operators;
    while (i < n && strcmp(operators[i].word, word) != 0)
        i++;
    bool good = i < n && operators[i].follow(c);
    c->count = 0;
    c->real = false;
    *c->name = 0;
    return good;
}

static void operand_keep(struct content *c, const struct token *t)
{
    if (t->kind == TOKEN_NUMBER && c->count++ < OPERANDS_MOST)
        c->operands[c->count - 1] = t->number;
    c->real |= t->kind == TOKEN_NUMBER && t->real;
    if (t->kind == TOKEN_NAME && !*c->name)
        memcpy(c->name, t->word, sizeof c->name);
}

static bool stream_follow(struct walk *w, const struct content *outer,
                          pdf_value resources, const struct state *from,
                          const uint8_t *data, size_t size)
{
    struct content c = {.walk = w, .outer = outer, .resources = resources};
    struct tokens tokens = {data, data + size};
    struct token t;
    c.states[0] = *from;
    c.state = c.states;
    while (w->steps++ < STEPS_MOST) {
        token_take(&tokens, &t);
        if (t.kind == TOKEN_END)
            return true;
        if (t.kind == TOKEN_BROKEN ||
            (t.kind == TOKEN_OPERATOR && !operator_follow(&c, t.word)))
            return false;
        operand_keep(&c, &t);
    }
    return false;
}

bool content_follow(struct pdf_file *f, pdf_value page, const double box[4],
                    struct covering *out)
{
    struct walk w = {.file = f, .box = box, .out = out};
    struct state s = {.matrix = {1, 0, 0, 1, 0, 0}};
    uint8_t *data;
    size_t size;
    *out = (struct covering){0};
    memcpy(s.clip, box, sizeof s.clip);
    if (!pdf_content(f, page, &data, &size))
        return false;
    bool good = stream_follow(&w, NULL, pdf_inherited(f, page, "/Resources"),
                              &s, data, size);
    free(data);
    return good && out->picture && pdf_is_sound(f);
}
