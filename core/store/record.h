/*
 * Records: the body of an object as `key=value` lines, written and read by one
 * table of fields, so that a later version can add fields. A field that a
 * record does not have keeps the value that it has. Any thread, each on
 * structs of its own.
 */
#ifndef PRIMO_RECORD_H
#define PRIMO_RECORD_H

#include "core/basic/text.h"

enum field_kind {
    FIELD_STRING, /* char[size] */
    FIELD_COUNT,  /* uint64_t */
    FIELD_TIME,   /* double */
    FIELD_BOOL,   /* bool */
};

/* A field: its name in the record and its place in the struct. */
struct field {
    const char *name;
    enum field_kind kind;
    size_t offset, size;
};

/* A row of the table of a struct. */
#define FIELD(type, f, form)                                                   \
    {                                                                          \
#f, form, offsetof(type, f), sizeof(((type *)0)->f)                    \
    }

/* The fields of a struct, in a table. */
struct record_form {
    const struct field *fields;
    int count;
};

/* Append the lines of all fields. */
void record_print(const struct record_form *form, const void *of,
                  struct text *out);
/* Set the field of this name; one that the table lacks is of a later version.
 * Returns false where it cannot have the value. *next says where the search
 * begins, behind the field that was found last. */
bool record_take(const struct record_form *form, void *of, const char *key,
                 const char *value, int *next);
/* What is done with a line `key=value`. False = it cannot have the value. */
typedef bool record_line(void *context, const char *key, const char *value);
/* Hand over the lines of a text up to its end or an empty line, and append what
 * follows that to *rest (NULL = it is ignored). False = a line is none, or was
 * not taken. */
bool record_walk(const char *text, record_line *take, void *context,
                 struct text *rest);
/* Set the fields of a text's lines. False = there are others in it. */
bool record_parse(const struct record_form *form, void *of, const char *text);

#endif
