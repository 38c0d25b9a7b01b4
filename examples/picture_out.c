#include "picture_out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>

int fail(const char *what, const char *name)
{
    int err = errno;
    fprintf(stderr, "%s: %s '%s'%s%s\n", program_invocation_short_name, what,
            name, err ? ": " : "", err ? strerror(err) : "");
    return -1;
}

int make_part(const char *out, const char *part)
{
    char path[4096];
    if (mkdir(out, 0777) && errno != EEXIST)
        return fail("cannot make", out);
    snprintf(path, sizeof path, "%s/%s", out, part);
    /* Pictures of an earlier call would get mixed with new ones. */
    return mkdir(path, 0777) ? fail("cannot make", path) : 0;
}

int make_class(const char *out, const char *part, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%s", out, part, name);
    return mkdir(path, 0777) ? fail("cannot make", path) : 0;
}

static void compress(const struct picture *p, int quality,
                     unsigned char **bytes, unsigned long *size)
{
    struct jpeg_compress_struct j;
    struct jpeg_error_mgr errors;
    j.err = jpeg_std_error(&errors);
    jpeg_create_compress(&j);
    jpeg_mem_dest(&j, bytes, size);
    j.image_width = (JDIMENSION)p->width;
    j.image_height = (JDIMENSION)p->height;
    j.input_components = p->channels;
    j.in_color_space = p->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&j);
    jpeg_set_quality(&j, quality, TRUE);
    j.optimize_coding = TRUE;
    if (p->dpi) {
        j.density_unit = 1;
        j.X_density = j.Y_density = (UINT16)p->dpi;
    }
    jpeg_start_compress(&j, TRUE);
    for (int y = 0; y < p->height; y++) {
        JSAMPROW row = p->pixels + (size_t)y * p->width * p->channels;
        jpeg_write_scanlines(&j, &row, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
}

int write_jpeg(const struct picture *p, int quality, const char *path)
{
    FILE *f = fopen(path, "wbe");
    if (!f)
        return fail("cannot write", path);
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    compress(p, quality, &bytes, &size);
    bool ok = fwrite(bytes, 1, size, f) == size;
    ok &= fclose(f) == 0;
    free(bytes);
    return ok ? 0 : fail("cannot write", path);
}

bool read_number(const char *s, int low, int high, int *out)
{
    char *end;
    errno = 0;
    long n = strtol(s, &end, 10);
    *out = (int)n;
    return *s && !*end && !errno && n >= low && n <= high;
}

bool read_counts(int n, char **words, int train, int test, int per_class[2])
{
    return n >= 0 && n <= 2 &&
           (n < 1 || read_number(words[0], 1, train, &per_class[0])) &&
           (n < 2 || read_number(words[1], 0, test, &per_class[1]));
}
