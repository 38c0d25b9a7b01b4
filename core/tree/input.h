/*
 * Input files as objects: who may be called what, what their texts must be,
 * how they are made, saved, renamed and removed. Each change is durable when
 * it returns, but for those of scratch files. Any thread.
 */
#ifndef PRIMO_INPUT_H
#define PRIMO_INPUT_H

#include "core/shared/settings.h"
#include "core/tree/tree.h"

enum { INPUT_BYTES = 64 << 10 }; /* most of a text */

/* How the text of a row's inputs is checked, from its first line on. */
struct settings_check input_check(struct primo *primo, const struct row *row);
/* A new file in memory: scratch by its name, or not closed yet. */
int input_create(struct primo *primo, const struct caller *caller,
                 struct node directory, const char *name, uint32_t mode,
                 struct node *out, struct reason *why);
/* Save its text; `fresh` says that it had none before. Checked unless scratch;
 * 0 too when the file is gone. */
int input_save(struct primo *primo, const struct caller *caller, struct node n,
               const struct text *text, int64_t mtime, bool fresh,
               struct reason *why);
/* The same for a base model: `body` is its new body (base_file.h), which is
 * checked and belongs to it then. *cut (may be NULL) as body_check(). */
int input_save_body(struct primo *primo, const struct caller *caller,
                    struct node n, uint64_t body, int64_t mtime, bool fresh,
                    bool *cut, struct reason *why);
/* Remove one, and change its attributes, for who may. */
int input_unlink(struct primo *primo, const struct caller *caller,
                 struct node n, struct reason *why);
int input_change(struct primo *primo, const struct caller *caller,
                 struct node n, const struct tree_change *c,
                 struct reason *why);
/* Forget a new file whose text was refused. */
void input_discard(struct primo *primo, struct node n);

/* Put files that have a scratch name still back to their own, where that is
 * free: at a mount, before there are users. */
int displaced_restore_all(struct primo *p, struct reason *why);

#endif
