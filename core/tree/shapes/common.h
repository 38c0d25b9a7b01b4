/*
 * What several shapes do alike. A shape puts these functions into its table as
 * they are, or calls them from its own.
 */
#ifndef PRIMO_SHAPES_COMMON_H
#define PRIMO_SHAPES_COMMON_H

#include "core/tree/handle_inside.h"
#include "core/tree/input.h"

/* Generated files */

/* The size and time of the text that the row's show function gives. */
int shown_stat(const struct stat_request *r, struct tree_stat *out,
               struct reason *why);
/* Let the handle show this text, or the state that the opener already has. */
int shown_open(struct handle *h, const struct text *text, struct reason *why);
/* Hide the file until the next start or mount, if its directory allows that. */
int generated_unlink(struct primo *primo, const struct caller *caller,
                     struct node directory, struct node n, struct reason *why);
/* Ignore new attributes: copying tools set them, and must not fail. */
int change_ignored(struct primo *primo, const struct caller *caller,
                   struct node n, const struct tree_change *c,
                   struct reason *why);

/* Texts that are written aside (aside.c) */

/* Let a text that users write get another name: what it has becomes a file
 * aside, and the text is out of sight for some seconds, or until it is written
 * anew. */
int aside_from(struct primo *primo, const struct caller *caller, struct node n,
               struct node directory, const char *name, bool no_replace,
               struct reason *why);

/* Reading */

/* Let the handle show a text, whose bytes are taken out of it, instead of what
 * it has shown or staged. ENOMEM where its user may have no more open. */
int handle_show(struct handle *h, struct text *text, struct reason *why);
/* Append up to `size` bytes of the handle's text, or of a file. */
int handle_read_text(struct handle *h, uint64_t offset, size_t size,
                     struct text *out, struct reason *why);
/* A text that is waited for never has a size of 0: for sendfile(2) and
 * splice(2) the kernel would take it for empty, and ask for nothing. */
int awaited_text_stat(const struct stat_request *r, struct tree_stat *out,
                      struct reason *why);
/* Append what is there of the text that is waited for; the handle keeps it. */
int awaited_text_read(struct handle *h, uint64_t offset, size_t size,
                      struct text *out, struct reason *why);
int handle_read_file(int fd, uint64_t offset, size_t size, struct text *out,
                     struct reason *why);

/* Inputs */

/* The object of the file, if its mode allows this open. */
int handle_load(struct handle *h, struct object *o, struct reason *why);
/* The same, and let the handle show the object's text, unless it empties it. */
int handle_load_text(struct handle *h, struct reason *why);
/* What stat says of an object and its text. */
int object_stat(const struct stat_request *r, struct tree_stat *out,
                struct reason *why);
/* Note that the text has just been written. */
void handle_written(struct handle *h);
/* The parameters of a save through this handle, for input_save.c. */
struct save handle_save_of(struct handle *h);
/* Whether the file has the name of a scratch file now. */
bool handle_is_scratch(const struct handle *h);

/* Staging a text */

/* Make what the handle shows the text that it stages, with room for `size`
 * bytes; ENOMEM where its user may have no more. */
int stage_text(struct handle *h, uint64_t size, struct reason *why);
/* Begin with an empty text, which never fails. */
void stage_nothing(struct handle *h);
/* Give it so many bytes, as truncate() does with a file. */
int stage_truncate(struct handle *h, uint64_t size, struct reason *why);
/* Cut it to at most so many bytes, and give back what that leaves free. */
void stage_cut(struct handle *h, uint64_t size);

#endif
