#include "examples/base/view.h"

#include <math.h>
#include <string.h>

/* Where the picture lies in the drawing, in its pixels. */
struct frame {
    double x, y;           /* the middle */
    double ax, ay, bx, by; /* one pixel of the picture to the right, down */
};

enum { SAMPLES = 3 }; /* a pixel is the mean of so many squared */

static void sample(const struct source *s, const struct frame *f, double u,
                   double v, float rgb[3])
{
    int x = (int)floor(f->x + u * f->ax + v * f->bx);
    int y = (int)floor(f->y + u * f->ay + v * f->by);
    if (x < 0 || y < 0 || x >= s->side || y >= s->side) {
        for (int i = 0; i < 3; i++)
            rgb[i] += 255;
        return;
    }
    const uint8_t *at = s->pixels + (size_t)y * s->stride + 4 * (size_t)x;
    for (int i = 0; i < 3; i++)
        rgb[i] += at[2 - i];
}

static void pixel_see(const struct source *s, const struct frame *f, double u,
                      double v, uint8_t *to)
{
    float rgb[3] = {0};
    for (int i = 0; i < SAMPLES * SAMPLES; i++)
        sample(s, f, u + (i % SAMPLES + 0.5) / SAMPLES,
               v + (i / SAMPLES + 0.5) / SAMPLES, rgb);
    for (int i = 0; i < 3; i++)
        to[i] = (uint8_t)(rgb[i] / (SAMPLES * SAMPLES) + 0.5f);
}

static void frame_see(const struct source *s, const struct frame *f,
                      struct picture *to)
{
    for (int y = 0; y < to->height; y++)
        for (int x = 0; x < to->width; x++)
            pixel_see(s, f, x - to->width / 2.0, y - to->height / 2.0,
                      to->pixels + 3 * ((size_t)y * to->width + x));
}

/* The standard deviation of the green of every eighth pixel or so. */
static double deviation(const uint8_t *pixels, size_t count, size_t step)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        double v = pixels[i * step + 1];
        sum += v;
        squares += v * v;
    }
    double mean = sum / (double)count;
    return sqrt(fmax(squares / (double)count - mean * mean, 0));
}

bool view_is_blank(const struct source *s)
{
    return deviation(s->pixels, (size_t)s->stride / 4 * s->side / 3, 12) < 8;
}

static struct frame frame_whole(const struct source *s, int side)
{
    double scale = (double)s->side / side;
    return (struct frame){s->side / 2.0, s->side / 2.0, scale, 0, 0, scale};
}

void view_plain(const struct source *s, struct picture *to)
{
    struct frame f = frame_whole(s, to->width);
    frame_see(s, &f, to);
}

/* Random numbers */

static double between(struct random *r, double low, double high)
{
    return random_uniform(r, (float)low, (float)high);
}

static bool one_in(struct random *r, uint32_t n)
{
    return random_below(r, n) == 0;
}

/* What is seen */

static struct frame frame_choose(const struct source *s, int side, bool piece,
                                 struct random *r)
{
    double share =
        piece ? exp(between(r, log(0.3), log(0.85))) : between(r, 0.94, 1.06);
    double stretch =
        piece ? exp(between(r, -0.25, 0.25)) : exp(between(r, -0.04, 0.04));
    double free = fmax(1 - share, 0) / 2 + 0.02;
    double angle = between(r, -0.05, 0.05);
    double wide = share * stretch * s->side / side;
    double high = share / stretch * s->side / side;
    return (struct frame){s->side * (0.5 + between(r, -free, free)),
                          s->side * (0.5 + between(r, -free, free)),
                          wide * cos(angle),
                          wide * sin(angle),
                          -high * sin(angle),
                          high * cos(angle)};
}

/* How it is seen */

static void soften(struct picture *p)
{
    size_t row = 3 * (size_t)p->width;
    for (int y = 0; y + 1 < p->height; y++)
        for (size_t i = 0; i + 3 < row; i++) {
            uint8_t *at = p->pixels + y * row + i;
            *at = (uint8_t)((at[0] + at[3] + at[row] + at[row + 3] + 2) / 4);
        }
}

struct light {
    float paper[3], ink[3]; /* what white and black become */
    float right, down;      /* how much lighter from edge to edge */
    float noise;
    bool grey, hard;
    float faded[256]; /* what is left of each brightness, 0 to 1 */
};

static struct light light_choose(struct random *r)
{
    struct light l = {.noise = (float)between(r, 0, 5),
                      .grey = one_in(r, 4),
                      .hard = one_in(r, 14)};
    double gamma = exp(between(r, -0.3, 0.3));
    for (int i = 0; i < 256; i++)
        l.faded[i] = (float)pow(i / 255.0, gamma);
    float paper = (float)between(r, 205, 262), ink = (float)between(r, -10, 70);
    float tint = one_in(r, 2) ? 14 : 3;
    for (int i = 0; i < 3; i++) {
        l.paper[i] = paper + (float)between(r, -tint, tint);
        l.ink[i] = ink + (float)between(r, -tint, tint);
    }
    if (one_in(r, 2)) {
        l.right = (float)between(r, -50, 50);
        l.down = (float)between(r, -50, 50);
    }
    return l;
}

static uint8_t clamped(float v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5f);
}

static void pixel_light(const struct light *l, float shade, uint8_t *at,
                        struct random *r)
{
    int mean = (at[0] + 2 * at[1] + at[2]) / 4;
    uint32_t bits = random_u32(r); /* the sum of four bytes is nearly normal */
    int sum = (int)((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) +
                    (bits >> 24));
    float noise = l->noise * (float)(sum - 510) / 148;
    for (int i = 0; i < 3; i++) {
        float v = l->faded[l->grey || l->hard ? mean : at[i]];
        v = l->ink[i] + v * (l->paper[i] - l->ink[i]) + shade + noise;
        at[i] = clamped(l->hard ? 255 * (v > 150) : v);
    }
}

static void light_apply(const struct light *l, struct picture *p,
                        struct random *r)
{
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            float shade = l->right * ((float)x / (float)p->width - 0.5f) +
                          l->down * ((float)y / (float)p->height - 0.5f);
            pixel_light(l, shade, p->pixels + 3 * ((size_t)y * p->width + x),
                        r);
        }
}

int view_scanned(const struct source *s, struct picture *to, bool piece,
                 struct random *r)
{
    enum { TRIES = 6 };
    size_t count = (size_t)to->width * to->height;
    for (int i = 0; i < TRIES; i++) {
        struct frame f = frame_choose(s, to->width, piece, r);
        frame_see(s, &f, to);
        if (deviation(to->pixels, count, 3) >= 20)
            break;
    }
    if (one_in(r, 3))
        soften(to);
    if (!one_in(r, 6)) {
        struct light l = light_choose(r);
        light_apply(&l, to, r);
    }
    return 30 + (int)random_below(r, 61);
}
