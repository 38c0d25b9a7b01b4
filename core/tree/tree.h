/*
 * The tree is a table: a row for each file says where it stands, which kind of
 * file it is (shape.h), what it shows and takes, and has a line of help.
 * Lookup, listing, modes, the README in the mount and docs/tree.md come from
 * the same rows; nothing else lists files. The rows are in core/rows.h.
 */
#ifndef PRIMO_TREE_H
#define PRIMO_TREE_H

#include "core/process/changes.h"
#include "core/process/show.h"
#include "core/state/primo.h"
#include "core/store/node.h"
#include "core/tree/shape.h"

#include <sys/stat.h>

struct row {
    enum tree_no parent; /* the row of the directory it stands in */
    const char *name;    /* NULL = it is named by its object */
    const struct shape *shape;
    const char *help; /* one line for people; NULL = there is no such row */

    /* What it shows */

    /* Its text, or the target of a link. For a file of a model, it is the text
     * that the model keeps of its process; NULL = the trainer made the file */
    show_fn *show;
    /* Growing texts: the part of the stream, and the time of their last line in
     * ns (0 = when the file system was mounted first) */
    char stream;
    int64_t (*mtime)(const struct show_request *r);
    /* The id of the stream; NULL = that of the run of its process, or of its
     * object. 0 = there is none now */
    uint64_t (*stream_id)(const struct show_request *r);
    enum change_text told; /* the change that watchers are notified of */
    bool polled;           /* reading it again from 0 shows the new state */
    bool unlisted;         /* it is not listed, only found by name */

    /* What it takes */

    enum right needs; /* the right to write it; RIGHT_VIEW = nobody does */
    /* Whether the right to create suffices, as it is being set up */
    bool (*setup)(struct primo *primo, const struct caller *caller,
                  uint64_t object);
    /* Words: take the text that was written, trimmed */
    int (*store)(struct primo *primo, const struct caller *caller,
                 uint64_t object, const char *text, struct reason *why);
    /* Actions: do it. `said` is the text that was written, without blanks
     * around it; "" = it was touched */
    int (*act)(struct primo *primo, const struct caller *caller,
               uint64_t object, const char *said, struct reason *why);
    unsigned scope; /* inputs: the enum param_scope of their texts */
    /* Inputs: one was changed, durably */
    void (*changed)(struct primo *primo);

    /* Directories and what is in them */

    enum object_kind kind; /* the kind of objects for which the row stands */
    /* How the name here differs from that of the object: what stands in front
     * of it in the store, and what is shown behind it; NULL = nothing */
    const char *prefix, *suffix;
    /* Who has no right to view sees of what is in it only what is his own, for
     * which the right to create suffices */
    bool own;
    /* The line of a role that covers this file and what is in it; 0 = the line
     * of the directory above */
    enum key line;
    /* mkdir in this directory, and rmdir of it; NULL = not possible */
    int (*make)(struct primo *primo, const struct caller *caller,
                const char *name, uint64_t *object, struct reason *why);
    int (*drop)(struct primo *primo, const struct caller *caller,
                uint64_t object, struct reason *why);
    /* Whether a generated file in it may be hidden now; NULL = never */
    int (*hide)(struct primo *primo, uint64_t object, struct reason *why);
};

/* The name of a row, or what stands for the names of its objects: NAME … */
const char *row_title(const struct row *row);

enum { TREE_ROWS = 256 }; /* the number of a row is a byte of the inode */
extern const struct row tree_rows[TREE_ROWS]; /* gaps have no help */

/* The row that follows `after` (0 = the first) among the rows of what is in a
 * directory, in the order of their numbers; 0 past the last. */
enum tree_no row_next(enum tree_no directory, enum tree_no after);
/* The row of the objects in a directory; 0 = it has none. Where objects are
 * shown in several forms, it is the first of them. */
enum tree_no row_of_objects(enum tree_no directory);
/* The next form behind `after`; 0 past the last. */
enum tree_no row_of_objects_next(enum tree_no directory, enum tree_no after);

struct tree_stat {
    uint64_t inode;
    uint32_t mode, uid, gid; /* mode includes the file type */
    uint64_t size;
    int64_t atime, mtime, ctime; /* ns */
    /* Whether the kernel may keep the name, and the attributes of an input:
     * nothing but a request for this node or its name will change them. That is
     * not so while an input is written or not saved yet, in a view, and for
     * some seconds after a model has appeared. */
    bool settled;
};

/* One state of a generated text. */
struct shown {
    struct text text;
    int64_t mtime; /* when the data that it shows changed, in ns */
};

struct tree_entry {
    uint64_t cookie; /* where tree_next() continues behind this entry */
    struct node node;
    char name[256];
};

/* Read */

static inline bool row_is_input(const struct row *row)
{
    return row->shape->is_input;
}
static inline bool row_is_directory(const struct row *row)
{
    return S_ISDIR(row->shape->mode);
}

static inline const struct row *node_row(struct node n)
{
    return &tree_rows[n.no];
}
/* The node of an inode number; false = there can be none. */
bool tree_node(uint64_t inode, struct node *out);
/* Append the path below the mount point, for people: "templates/a". */
void tree_path(struct primo *primo, struct node n, struct text *out);

/* Find the child of this name. -ENOENT mostly comes without a sentence: looking
 * for what does not exist is no fault. */
int tree_find(struct primo *primo, struct node directory, const char *name,
              struct node *out, struct reason *why);
/* The generated file of that name, if somebody has removed it and so hidden it.
 * Whoever may open it for writing makes it anew by that (touch start). */
bool tree_find_hidden(struct primo *primo, struct node directory,
                      const char *name, struct node *out);
/* Show it again. False = it would not be there now anyhow. */
bool tree_unhide(struct primo *primo, struct node n);
/* The directory that n stands in. */
int tree_parent(struct primo *primo, struct node n, struct node *out,
                struct reason *why);
/* The next child behind `cookie` (0: the first). -ENOENT past the last. */
int tree_next(struct primo *primo, struct node directory, uint64_t cookie,
              struct tree_entry *out, struct reason *why);
/* Why a name is not in a directory, where somebody may well expect it: ENOENT
 * with a sentence, or 0. The caller must be allowed to view the directory. */
int tree_missing(struct primo *primo, const struct caller *caller,
                 struct node directory, const char *name, struct reason *why);
/* Attributes, as the caller sees them (NULL = the administrator): `errors` is
 * everyone's own. A generated text has those of the state `shown`, if given. */
int tree_stat(struct primo *primo, const struct caller *caller, struct node n,
              const struct shown *shown, struct tree_stat *out,
              struct reason *why);
/* The text of a generated file, or the target of a link. */
int tree_show(struct primo *primo, struct node n, struct shown *out,
              struct reason *why);
/* Call `take` with the request that the show functions of a node get, within a
 * read transaction. */
int tree_request(struct primo *primo, struct node n,
                 int (*take)(struct show_request *r, struct node n,
                             void *context, struct reason *why),
                 void *context, struct reason *why);
/* Whether nothing but an action changes the text of a polled file: no training
 * of its process is live. */
bool tree_rests(struct primo *primo, struct node n);

/* Change: names */
int tree_mkdir(struct primo *primo, const struct caller *caller,
               struct node directory, const char *name, struct node *out,
               struct reason *why);
int tree_rmdir(struct primo *primo, const struct caller *caller,
               struct node directory, const char *name, struct reason *why);
int tree_unlink(struct primo *primo, const struct caller *caller,
                struct node directory, const char *name, struct reason *why);
struct renaming {
    struct node directory;
    const char *name;
    struct node to; /* the directory of the new name */
    const char *new_name;
    bool no_replace; /* as RENAME_NOREPLACE */
};
int tree_rename(struct primo *primo, const struct caller *caller,
                const struct renaming *r, struct reason *why);

/* Change: attributes */
struct tree_change {
    bool mode_set, owner_set, atime_set, mtime_set;
    bool now;                /* the times are the present time */
    uint32_t mode, uid, gid; /* (uint32_t)-1 = leave it as it is */
    int64_t atime, mtime;    /* ns */
};
int tree_change(struct primo *primo, const struct caller *caller, struct node n,
                const struct tree_change *change, struct reason *why);

#endif
