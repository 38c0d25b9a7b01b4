/*
 * The structure of a PDF, as libqpdf reads it: pages, dictionaries and streams.
 * It draws nothing. A file with any fault is not read at all, as is one that is
 * encrypted: who draws the page sees what can be made of it. One thread; reads
 * what others gave us, and so only where it is confined.
 *
 * A value is a number, which is good until pdf_forget(); 0 = there is none.
 * Each function takes it, and values of other kinds than the one it wants.
 */
#ifndef PRIMO_PDF_FILE_H
#define PRIMO_PDF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pdf_file;
typedef unsigned pdf_value;

/* Life cycle */

/* Load the library; false = it is not installed. Any number of times. */
bool pdf_load(void);
/* Open a file in memory that stays. NULL: it is not understood. */
struct pdf_file *pdf_open(const uint8_t *data, size_t size);
void pdf_close(struct pdf_file *f);
/* Give up all values. */
void pdf_forget(struct pdf_file *f);

/* Read. Each may find that the file is damaged; pdf_is_sound() says so. */

bool pdf_is_sound(struct pdf_file *f);
int pdf_pages(struct pdf_file *f);
/* Page `number`, from 1, which exists. */
pdf_value pdf_page(struct pdf_file *f, int number);
/* The value of a key of a dictionary, or of a stream's; 0 also where it is
 * null. Keys begin with '/'. */
pdf_value pdf_get(struct pdf_file *f, pdf_value dict, const char *key);
/* Do the same with what a page may have from the folders of pages above it. */
pdf_value pdf_inherited(struct pdf_file *f, pdf_value page, const char *key);
/* The number of items of an array; 0 = it has none, or is no array. */
int pdf_length(struct pdf_file *f, pdf_value array);
pdf_value pdf_item(struct pdf_file *f, pdf_value array, int i);
bool pdf_number(struct pdf_file *f, pdf_value v, double *out);
/* One that is written as an integer: who draws ignores 90.0 where it has to be.
 */
bool pdf_integer(struct pdf_file *f, pdf_value v, double *out);
/* Numbers of an array, all of them. */
bool pdf_numbers(struct pdf_file *f, pdf_value array, double *out, int count);
/* Whether it is this name, which begins with '/', or an array of nothing but
 * it. */
bool pdf_is_name(struct pdf_file *f, pdf_value v, const char *name);
bool pdf_is_name_alone(struct pdf_file *f, pdf_value v, const char *name);
bool pdf_is_false(struct pdf_file *f, pdf_value v);
/* The number of the object that it is; 0 = it is part of another one. */
int pdf_object(struct pdf_file *f, pdf_value v);
/* The bytes of a stream, in memory that the caller frees: as they are stored;
 * unpacked; or with only the first of its filters undone, which is FlateDecode.
 * False: they can't be had so. */
bool pdf_stored(struct pdf_file *f, pdf_value stream, uint8_t **data,
                size_t *size);
bool pdf_unpacked(struct pdf_file *f, pdf_value stream, uint8_t **data,
                  size_t *size);
bool pdf_inflated(struct pdf_file *f, pdf_value stream, uint8_t **data,
                  size_t *size);
/* The same of all that a page draws, unpacked. */
bool pdf_content(struct pdf_file *f, pdf_value page, uint8_t **data,
                 size_t *size);

#endif
