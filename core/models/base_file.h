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
#include "core/network/base_match.h"
#include "core/state/primo.h"

/* A body that is being written. */
struct staged {
    const struct primo *primo;
    uint64_t id;     /* 0 = none */
    int fd;          /* its descriptor, where id is not 0 */
    uint64_t filled; /* bytes written without a gap from the beginning */
    uint64_t size; /* size of the whole file by its header; 0 = not known yet */
};

/* Life cycle */

/* Begin a body under a new id, as a copy of the body `from` (0: an empty
 * one). */
int staged_begin(struct staged *s, struct primo *primo, uint64_t from,
                 struct reason *why);
/* Remove the body again, unless an object names it by now. */
void staged_drop(struct staged *s);
void staged_forget(struct staged *s);

/* Read */
int body_open(const struct primo *primo, uint64_t id, struct reason *why);
/* The size in bytes, or -errno. */
int64_t body_size(const struct primo *primo, uint64_t id);
uint64_t staged_size(const struct staged *s);

/* Check that the body is a whole base model. EINVAL, whose sentence says what
 * is wrong; *cut (may be NULL) tells whether it is only too short. When this
 * returns 0, its bytes are on the disk. */
int body_check(const struct primo *primo, uint64_t id, bool *cut,
               struct reason *why);

/* Change */

/* With `check`, the first faulty header is refused as soon as it is there, and
 * so is what will not fit on the disk. ENOSPC, EFBIG, EINVAL. */
int staged_write(struct staged *s, uint64_t offset, const char *data,
                 size_t size, bool check, struct reason *why);
int staged_truncate(struct staged *s, uint64_t size, struct reason *why);
/* Remove the body of an object that is gone. Does nothing where it has none. */
void body_drop(const struct primo *primo, const struct object *o);

/* Make a body of an installed file: a link to it where only root or we can
 * write it, else a copy. */
int body_adopt(struct primo *primo, int fd, uint64_t *id, struct reason *why);

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
/* Keep the file for a run, under another name in bases/. */
int base_hold(const struct primo *primo, uint64_t run,
              const struct base_choice *choice, struct reason *why);
/* Whether a base is kept for the run. Writes its name in bases/, at most 32
 * bytes. */
bool base_held(const struct primo *primo, uint64_t run, char *name);
void base_release_run(const struct primo *primo, uint64_t run);
/* Sweep the bodies that no object names, and those held for runs that are gone
 * (sweep.h). */
void bases_sweep(struct primo *primo, run_fate *of_run);

#endif
