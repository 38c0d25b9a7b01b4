/*
 * The picture formats that are read, one row for each. The daemon takes the
 * file extensions from it that a template may name, and the trainer its
 * decoders and the names in its sentences. Formats that are recognised only to
 * be refused by name are in trainer/pictures/picture.c.
 *
 * X(id, name, extensions): `picture_ID` is the decoder (trainer/pictures/
 * format.h), the name is for people, and the extensions are lower-case words
 * separated by spaces. Decoders are asked in this order. BMP without a file
 * header has the weakest signature, four bytes with the size of its header, but
 * no file of another format begins like this.
 */
#ifndef PRIMO_PICTURE_FORMATS_H
#define PRIMO_PICTURE_FORMATS_H

#define PICTURE_FORMATS(X)                                                     \
    IMAGE_FORMATS(X)                                                           \
    X(pdf, "PDF", "pdf")
/* Those that a dataset has if it does not say more. */
#define IMAGE_FORMATS(X)                                                       \
    X(jpeg, "JPEG", "jpg jpeg jpe")                                            \
    X(png, "PNG", "png")                                                       \
    X(bmp, "BMP", "bmp dib")                                                   \
    X(tiff, "TIFF", "tif tiff")

/* The extensions and the names of all formats, each as one literal of words
 * separated by spaces. */
#define PICTURE_EXTENSIONS (&PICTURE_FORMATS(PICTURE_WORDS_OF)[1])
#define PICTURE_NAMES      (&PICTURE_FORMATS(PICTURE_NAME_OF)[1])
#define IMAGE_EXTENSIONS   (&IMAGE_FORMATS(PICTURE_WORDS_OF)[1])

#define PICTURE_WORDS_OF(id, name, extensions) " " extensions
#define PICTURE_NAME_OF(id, name, extensions)  " " name

#endif
