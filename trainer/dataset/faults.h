/*
 * What keeps a dataset from being trained on. Faults are collected, so that all
 * of them are said at once and need not be met one after another. Most are of
 * classes; those of a kind are said in one sentence. Not for concurrent use.
 */
#ifndef PRIMO_FAULTS_H
#define PRIMO_FAULTS_H

#include "core/basic/reason.h"
#include "core/basic/text.h"

#include <stdbool.h>

/* In the order in which they are said. */
enum fault_kind {
    FAULT_NAME,         /* of a class: control characters, or no UTF-8 */
    FAULT_EMPTY,        /* a class without pictures */
    FAULT_SINGLE,       /* a class with one picture, of which one is held out */
    FAULT_TEST_CLASS,   /* a class of the test part alone */
    FAULT_UNREADABLE,   /* a class whose pictures can't be read */
    FAULT_ONE_READABLE, /* a class of which one picture can be read */
    FAULT_GONE,         /* a picture that the training began with */
    FAULTS,
};

struct faults {
    struct text first[FAULTS]; /* "'a', 'b'", as many as fit a sentence */
    struct text all[FAULTS];   /* a line each, with details */
    int count[FAULTS], shown[FAULTS]; /* of all, those in `first` */
    struct text other;                /* sentences that are of no class */
};

/* Life cycle */
void faults_release(struct faults *f);

/* Read */
bool faults_any(const struct faults *f);
/* Fill *why with all of them and return -EINVAL; 0 = there are none.
 * `extensions` are those that pictures may have. */
int faults_refuse(const struct faults *f, const char *extensions,
                  struct reason *why);
/* Append a line for each fault, with the key `fault`. */
void faults_put_lines(const struct faults *f, const char *extensions,
                      struct text *out);

/* Change */

/* Add a fault of a class or picture. `detail` is said behind its name; "" =
 * there is none. */
void faults_add(struct faults *f, enum fault_kind kind, const char *name,
                const char *detail);
/* Add a sentence. */
void faults_add_sentence(struct faults *f, const char *sentence);

/* Append a name with what is not printable as in C: \n, \t, \x07. */
void text_put_c_escaped(struct text *out, const char *name);

#endif
