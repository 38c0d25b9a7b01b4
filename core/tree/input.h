/*
 * Input files as objects: what they may be called, what their texts must be,
 * how they are made, saved, renamed and removed. Each change is durable when
 * its function returns, except those of scratch files, which live in memory.
 * Who may do it was asked before. Any thread.
 *
 * input.c has names, texts, making, removing and attributes, input_save.c has
 * saving, and rename.c renaming.
 */
#ifndef PRIMO_INPUT_H
#define PRIMO_INPUT_H

#include "core/settings/settings.h"
#include "core/tree/tree.h"

enum { INPUT_BYTES = 64 << 10 }; /* the most bytes that a text may have */

/* Check */

/* How the text of a row's inputs is checked, from its first line on. */
struct settings_check input_check(struct primo *primo, const struct row *row);
/* Whether a whole text is one that a row's inputs may have; EFBIG, EINVAL. */
int input_text_check(struct primo *primo, const struct row *row,
                     const struct text *text, struct reason *why);
/* Whether an input may get this new name: a good one, or that of a scratch
 * file. */
int input_name_check(const char *name, struct reason *why);
/* Whether the name has no twin (core/basic/name.h) in the directory of that
 * row. `except` is the name of the file that gets it; NULL = it is new. The
 * caller holds primo->names. */
int input_twin_check(struct primo *primo, uint64_t directory, const char *name,
                     const char *except, struct reason *why);

/* Make and save */

/* A new file, in memory: it becomes durable when it is saved, unless its name
 * is that of a scratch file. */
int input_create(struct primo *primo, const struct caller *caller,
                 struct node directory, const char *name, uint32_t mode,
                 struct node *out, struct reason *why);
/* Forget a new file whose text was refused. */
void input_discard(struct primo *primo, struct node n);

struct save {
    struct primo *primo;
    const struct caller *caller;
    struct node node;
    int64_t mtime; /* ns: the time that the file gets */
    bool fresh;    /* it had no text or body before: it is being created */
};
/* Save a text, which is checked unless the file is a scratch file. Where the
 * file is gone there is nothing to save, and that is no error. */
int input_save(const struct save *save, const struct text *text,
               struct reason *why);
/* Save the new body of a base model (base_file.h). It is checked, unless the
 * file is a scratch file, and belongs to the file when this returns 0. *cut
 * (may be NULL) as in body_check(). -ENOENT where the file is gone. */
int input_save_body(const struct save *save, uint64_t body, bool *cut,
                    struct reason *why);

/* Remove, and change attributes */
int input_unlink(struct primo *primo, const struct caller *caller,
                 struct node directory, struct node n, struct reason *why);
int input_change(struct primo *primo, const struct caller *caller,
                 struct node n, const struct tree_change *c,
                 struct reason *why);

/* Whether an input may be removed, or lose its name: EBUSY where something
 * needs it, EPERM where it is built in. */
int input_may_drop(struct primo *primo, const struct object *o,
                   struct reason *why);

/* Parts of a change that is being made, for input_save.c and rename.c */

/* Add the event "what" of the object, in the caller's transaction. */
int input_event(struct store_txn *txn, const struct caller *caller,
                const struct object *o, const char *what, struct reason *why);
/* A durable change was committed: have those who keep in memory what inputs say
 * (the roles) read it again, before the change is confirmed to anybody. */
void input_changed(struct primo *primo, const struct object *o);
/* End the transaction, as store_end(), and then input_changed(). */
int input_end(struct primo *primo, const struct object *o,
              struct store_txn *txn, int err, struct reason *why);
/* Remove a durable object, with an event (NULL = without one). The caller holds
 * primo->change. */
int input_drop(struct primo *primo, const struct caller *caller,
               const struct object *o, const char *event, struct reason *why);

#endif
