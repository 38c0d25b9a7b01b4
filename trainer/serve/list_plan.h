/*
 * The plan of a list: which pictures its lines stand for, in order. It is made
 * once, with the rights of the process, and kept in the run directory, so that
 * a worker that goes on with a list has the same rows, whatever has come into
 * the folders since.
 *
 * A line is the absolute path of a picture or of a folder, which stands for all
 * pictures below it. A folder with folders named as classes of the model is
 * labelled: what is below one of these has its class as the truth. Each line
 * has at least one row; what it names need not exist. Lines without anything in
 * them are left out. One thread.
 */
#ifndef PRIMO_LIST_PLAN_H
#define PRIMO_LIST_PLAN_H

#include "core/basic/reason.h"
#include "core/basic/sha256.h"
#include "core/basic/text.h"

#include <stdint.h>

enum { LIST_ROWS_MOST = 1000000 };

struct list_entry {
    const char *path;  /* as the list, or a folder, has it */
    const char *fault; /* why it is no picture, as a predicate; "" = it may be
                          one */
    uint64_t line;     /* counted from 1 */
    int truth;         /* a class; -1 = none is known */
};

struct list_plan {
    struct list_entry *entries;
    size_t count, room;
    uint64_t lines;          /* that have something in them */
    bool is_labelled;        /* some entry has a truth */
    char sha256[SHA256_HEX]; /* of the list; "" = an older plan has none */
    struct text text;        /* its file, which the strings point into */
};

/* The classes by which folders are labelled. */
struct list_classes {
    char *const *names;
    int count;
};

/* Life cycle */

/* Take the plan that is kept in the run directory `dir`, or make and keep that
 * of the list in the file `name` there. EFBIG: too many lines or pictures; what
 * the list names does not make this fail. */
int list_plan_open(struct list_plan *p, int dir, const char *name,
                   const struct list_classes *classes, struct reason *why);
void list_plan_release(struct list_plan *p);

#endif
