/*
 * As much of the structure of a PDF as it takes to find the pages of scanned
 * documents: tables of objects as PDF has had them from the first, dictionaries
 * and the tree of pages. What is written in newer ways, or wrongly, is not
 * understood, which is no error: who reads the whole format (pages/drawer.h)
 * is asked then. All of it is bounded by the bytes of the file, which stay
 * where they are. A struct pdf_file may be read by several threads.
 */
#ifndef PRIMO_PDF_FILE_H
#define PRIMO_PDF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value in the file, and where the file ends. at NULL = there is none. */
struct pdf_value {
    const uint8_t *at, *end;
};

struct pdf_file {
    const uint8_t *data;
    size_t size;
    uint32_t *offsets; /* [count], owned; 0 = there is no such object */
    size_t count;
    struct pdf_value trailer, pages; /* dictionaries; the root of the pages */
    int page_count;
};

/* What pages may have from the folders of pages above them. */
struct pdf_page {
    struct pdf_value dict, media_box, crop_box, rotate, resources;
};

/* Life cycle. False: it is not understood, or encrypted; there is nothing to
 * release. */
bool pdf_open(struct pdf_file *f, const uint8_t *data, size_t size);
void pdf_release(struct pdf_file *f);

/* Read */

/* What a reference leads to; any other value is itself. */
struct pdf_value pdf_resolve(const struct pdf_file *f, struct pdf_value v);
/* The value of a key of a dictionary, resolved. */
struct pdf_value pdf_get(const struct pdf_file *f, struct pdf_value dict,
                         const char *key);
bool pdf_number(struct pdf_value v, double *out);
/* Numbers of an array, all of them. */
bool pdf_numbers(const struct pdf_file *f, struct pdf_value array, double *out,
                 int count);
/* Whether it is this name, or an array of nothing but it. */
bool pdf_is_name(struct pdf_value v, const char *name);
bool pdf_is_name_alone(struct pdf_value v, const char *name);
/* The bytes of a stream, as they are stored. */
bool pdf_stream(const struct pdf_file *f, struct pdf_value dict,
                const uint8_t **data, size_t *size);
/* Page `number`, from 1. */
bool pdf_page_find(const struct pdf_file *f, int number, struct pdf_page *out);

/* The next word of text with PDF's rules, of at most 63 bytes: a number, an
 * operator or, with its '/', a name. 0 = the end; -1 = it is something else. */
int pdf_word(struct pdf_value *at, char word[64]);

#endif
