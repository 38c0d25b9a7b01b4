/*
 * Measures how fast libjpeg-turbo alone decodes pictures:
 *   decode SIDE < LIST
 * prints how many of the JPEG files of LIST, a path on each line, are read and
 * decoded in a second, each at the smallest scale at which its shorter side has
 * SIDE pixels still. OMP_NUM_THREADS sets the threads.
 */
#include <err.h>
#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum { SCALES = 8, MOST = 100000 };

static void scale_choose(struct jpeg_decompress_struct *j, unsigned side)
{
    j->scale_denom = SCALES;
    for (j->scale_num = 1; j->scale_num < SCALES; j->scale_num *= 2) {
        jpeg_calc_output_dimensions(j);
        if (j->output_width >= side && j->output_height >= side)
            return;
    }
}

static void decode(const char *path, unsigned side)
{
    struct jpeg_error_mgr errors;
    struct jpeg_decompress_struct j = {.err = jpeg_std_error(&errors)};
    FILE *file = fopen(path, "rb");
    if (!file)
        err(1, "%s", path);
    jpeg_create_decompress(&j);
    jpeg_stdio_src(&j, file);
    jpeg_read_header(&j, TRUE);
    scale_choose(&j, side);
    j.out_color_space = JCS_RGB;
    jpeg_start_decompress(&j);
    JSAMPLE *line = malloc((size_t)j.output_width * 3);
    while (line && j.output_scanline < j.output_height)
        jpeg_read_scanlines(&j, &line, 1);
    free(line);
    jpeg_destroy_decompress(&j);
    fclose(file);
}

int main(int argc, char **argv)
{
    static char *paths[MOST];
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int n = 0;
    if (argc != 2)
        errx(2, "usage: decode SIDE < LIST");
    unsigned side = (unsigned)atoi(argv[1]);
    for (; n < MOST && (length = getline(&line, &room, stdin)) > 1; n++)
        paths[n] = strndup(line, (size_t)length - 1);
    double began = omp_get_wtime();
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < n; i++)
        decode(paths[i], side);
    printf("%.6g\n", n / (omp_get_wtime() - began));
    return 0;
}
