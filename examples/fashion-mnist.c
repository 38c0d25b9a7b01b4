/*
 * fashion-mnist: unpacks a part of Debian's package dataset-fashion-mnist into
 * a folder of class folders.
 *
 *   fashion-mnist OUT_DIR [TRAIN_PER_CLASS [TEST_PER_CLASS]] [--png]
 *                 [--size N] [--from DIR]
 *
 * makes OUT_DIR/train/CLASS/0001.jpg … and, with a TEST_PER_CLASS above 0,
 * OUT_DIR/test/CLASS/0001.jpg …: the first pictures of each class, in the order
 * of the dataset, so that the same arguments always make the same files. The
 * pictures are grey and have 28 x 28 pixels; --size pads them with their black
 * background, and --png makes lossless files. With `--png --size 32` a network
 * of image_size = 32 sees just these pixels, without resizing.
 */
#include "picture_out.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <png.h>

enum { SIDE = 28, SIDE_MAX = 1024, CLASSES = 10, QUALITY = 95 };

static const char *const class_names[CLASSES] = {
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal",  "shirt",   "sneaker",  "bag",   "ankle-boot",
};

/* The names of the parts, in the dataset and in OUT_DIR. */
static const struct part {
    const char *source, *name;
} parts[] = {{"train", "train"}, {"t10k", "test"}};

struct options {
    const char *out, *from;
    int per_class[2];
    int size;
    bool png;
};

/* One picture */

static int write_png(const struct picture *p, const char *path)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)p->width,
                       .height = (png_uint_32)p->height,
                       .format = PNG_FORMAT_GRAY};
    return png_image_write_to_file(&image, path, 0, p->pixels, p->width, NULL)
               ? 0
               : fail("cannot write", path);
}

static int write_picture(const struct options *o, const char *path,
                         const uint8_t pixels[SIDE * SIDE])
{
    static uint8_t grey[SIDE_MAX * SIDE_MAX]; /* its margin stays black */
    int margin = (o->size - SIDE) / 2;
    for (int y = 0; y < SIDE; y++)
        memcpy(grey + (y + margin) * o->size + margin, pixels + y * SIDE, SIDE);
    struct picture p = {grey, o->size, o->size, .channels = 1};
    return o->png ? write_png(&p, path) : write_jpeg(&p, QUALITY, path);
}

/* One part */

static int make_folders(const struct options *o, const struct part *p)
{
    int err = make_part(o->out, p->name);
    for (int c = 0; c < CLASSES && !err; c++)
        err = make_class(o->out, p->name, class_names[c]);
    return err;
}

/* Opens an IDX file and reads its header, which is so many bytes long and must
 * have the magic number. NULL, having said why, when that fails. */
static gzFile open_idx(const struct options *o, const struct part *p,
                       const char *kind, unsigned magic, unsigned bytes)
{
    char path[4096];
    unsigned char header[16];
    snprintf(path, sizeof path, "%s/%s-%s-ubyte.gz", o->from, p->source, kind);
    errno = 0;
    gzFile f = gzopen(path, "rb");
    if (!f) {
        fail("cannot read", path);
        fprintf(stderr, "it is in Debian's package dataset-fashion-mnist\n");
        return NULL;
    }
    gzbuffer(f, 1 << 17);
    if (gzread(f, header, bytes) == (int)bytes && header[2] == magic >> 8 &&
        header[3] == (magic & 0xFF))
        return f;
    gzclose(f);
    fail("not an IDX file:", path);
    return NULL;
}

static int make_pictures(const struct options *o, const struct part *p,
                         int per_class, gzFile images, gzFile labels)
{
    int made[CLASSES] = {0}, missing = CLASSES;
    uint8_t pixels[SIDE * SIDE], label;
    while (missing && gzread(labels, &label, 1) == 1 &&
           gzread(images, pixels, sizeof pixels) == sizeof pixels) {
        if (label >= CLASSES || made[label] == per_class)
            continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s/%s/%04d.%s", o->out, p->name,
                 class_names[label], ++made[label], o->png ? "png" : "jpg");
        if (write_picture(o, path, pixels))
            return -1;
        missing -= made[label] == per_class;
    }
    if (!missing)
        return 0;
    errno = 0;
    return fail("not so many pictures of a class in", p->source);
}

static int copy_part(const struct options *o, const struct part *p,
                     int per_class)
{
    int err = -1;
    gzFile images = open_idx(o, p, "images-idx3", 0x803, 16);
    gzFile labels = images ? open_idx(o, p, "labels-idx1", 0x801, 8) : NULL;
    if (labels && make_folders(o, p) == 0)
        err = make_pictures(o, p, per_class, images, labels);
    if (images)
        gzclose(images);
    if (labels)
        gzclose(labels);
    return err;
}

/* Arguments */

static const char usage[] =
    "usage: fashion-mnist OUT_DIR [TRAIN_PER_CLASS [TEST_PER_CLASS]] [--png]\n"
    "                     [--size N] [--from DIR]\n"
    "\n"
    "Makes OUT_DIR/train/CLASS/0001.jpg ... and OUT_DIR/test/CLASS/... from\n"
    "Debian's dataset-fashion-mnist; by default 100 pictures a class, none of\n"
    "them for testing.\n"
    "\n"
    "  --png       lossless PNG instead of JPEG\n"
    "  --size N    pad the 28 x 28 pixels with black to N x N, 28 to 1024\n"
    "  --from DIR  where the .gz files are\n";

static bool read_options(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {
        {"png", no_argument, NULL, 'p'},
        {"size", required_argument, NULL, 's'},
        {"from", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (c == 'p')
            o->png = true;
        else if (c == 'f')
            o->from = optarg;
        else if (c == 'h')
            exit(fputs(usage, stdout) < 0);
        else if (c != 's' || !read_number(optarg, SIDE, SIDE_MAX, &o->size))
            return false;
    }
    char **words = argv + optind;
    o->out = words[0];
    return read_counts(argc - optind - 1, words + 1, 6000, 1000, o->per_class);
}

int main(int argc, char **argv)
{
    struct options o = {.from = "/usr/share/datasets/fashion-mnist",
                        .per_class = {100, 0},
                        .size = SIDE};
    if (!read_options(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    for (int i = 0; i < 2; i++)
        if (o.per_class[i] && copy_part(&o, &parts[i], o.per_class[i]))
            return 1;
    return 0;
}
