/*
 * The picture formats that are read: one row for each, from which the daemon
 * takes the file extensions that a template may name, and the trainer its
 * decoders and its sentences. Formats that are only recognised, so that a
 * refusal can name them, are in trainer/pictures/picture.c.
 *
 * X(id, name, extensions): `picture_ID` is the decoder (trainer/pictures/
 * format.h), the name is for people, the extensions are words in small letters
 * separated by spaces. Decoders are asked in this order. BMP without a file
 * header has the weakest signature, four bytes of a header's size, but none
 * of these sizes begins another format's file.
 */
#ifndef PRIMO_PICTURE_FORMATS_H
#define PRIMO_PICTURE_FORMATS_H

#define PICTURE_FORMATS(X)                                                     \
    X(jpeg, "JPEG", "jpg jpeg jpe")                                            \
    X(png, "PNG", "png")                                                       \
    X(bmp, "BMP", "bmp dib")                                                   \
    X(tiff, "TIFF", "tif tiff")

/* The extensions of all formats as one literal of words, and the names. */
#define PICTURE_EXTENSIONS (&PICTURE_FORMATS(PICTURE_WORDS_OF)[1])
#define PICTURE_NAMES      (&PICTURE_FORMATS(PICTURE_NAME_OF)[1])

#define PICTURE_WORDS_OF(id, name, extensions) " " extensions
#define PICTURE_NAME_OF(id, name, extensions)  " " name

#endif
