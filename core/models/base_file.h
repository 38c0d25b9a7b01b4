/*
 * Base models as files: STATE/bases/ID is the body of a base, immutable once an
 * object names it, with ID in the object's number (0 = the text is in the
 * object itself, as the built-in one's); STATE/bases/run.RUN is the file that a
 * run began with, held for it whatever becomes of the base.
 *
 * What is written goes straight to a new body, whose header is checked as soon
 * as it is complete; the transaction that names a body publishes it, what
 * nobody names is swept at the next mount. A struct staged is used by one
 * thread at a time; all else by any.
 */
#ifndef PRIMO_BASE_FILE_H
#define PRIMO_BASE_FILE_H

#include "core/models/sweep.h"
#include "core/shared/base_match.h"
#include "core/state/primo.h"

/* A body that is being written. */
struct staged {
    const struct primo *primo;
    uint64_t id;     /* 0 = none */
    int fd;          /* where id is not 0 */
    uint64_t filled; /* bytes written without a gap from the beginning */
    uint64_t size;   /* of the whole file, by its header; 0 = not known yet */
};

/* Life cycle */

/* Begin a body under a new id, with what is in another (0: with nothing). */
int staged_begin(struct staged *s, struct primo *primo, uint64_t from,
                 struct reason *why);
/* Take it away again, unless an object names it by now (then forget it). */
void staged_drop(struct staged *s);
void staged_forget(struct staged *s);

/* Read */
int body_open(const struct primo *primo, uint64_t id, struct reason *why);
int64_t body_size(const struct primo *primo, uint64_t id); /* or -errno */
uint64_t staged_size(const struct staged *s);

/* Whether the body is a base model, whole. EINVAL with what is wrong with it;
 * *cut (may be NULL) says that it is only too short. Its bytes are on disk
 * when this returns 0. */
int body_check(const struct primo *primo, uint64_t id, bool *cut,
               struct reason *why);

/* Change */

/* With `check`, the first faulty header is refused as soon as it is there, and
 * so is what will not fit on the disk. ENOSPC, EFBIG, EINVAL. */
int staged_write(struct staged *s, uint64_t offset, const char *data,
                 size_t size, bool check, struct reason *why);
int staged_truncate(struct staged *s, uint64_t size, struct reason *why);
/* The body of an object that is gone; nothing where it has none. */
void body_drop(const struct primo *primo, const struct object *o);

/* What `base` of a template stands for: how it is called in the mount ("" =
 * a fresh network), which file it is, and the object whose mode and line of a
 * role say who may read it. */
struct base_choice {
    struct object object; /* owned */
    enum key line;
    char called[600];
    int dir; /* where the file is, by its name, which may have a slash */
    char file[64];
};
/* EINVAL: there is none; *out is then as after base_choice_release(). */
int base_choose(const struct primo *primo, struct store_txn *txn,
                const char *base, struct base_choice *out, struct reason *why);
void base_choice_release(struct base_choice *choice);
/* Keep the file for a run, by another name in bases/. */
int base_hold(const struct primo *primo, uint64_t run,
              const struct base_choice *choice, struct reason *why);
/* Whether one is kept; its name there, of at most 32 bytes. */
bool base_held(const struct primo *primo, uint64_t run, char *name);
void base_release_run(const struct primo *primo, uint64_t run);
/* Sweep what no object names, and what is held for runs (sweep.h). */
void bases_sweep(struct primo *primo, run_fate *of_run);

#endif
