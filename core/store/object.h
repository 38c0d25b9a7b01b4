/*
 * Objects: everything in the tree that somebody made: templates, machines,
 * types, bases, processes, models and their versions. Each has an id that is
 * never used again; parent and name find it.
 *
 * The functions here are about durable objects: they live in the store and
 * are found and changed within a transaction of the caller. Those that live
 * in memory only (scratch files, and new files that nobody has closed yet)
 * are in scratch.h, with ids from the same counter.
 *
 * A struct object owns its body and belongs to one thread.
 */
#ifndef PRIMO_OBJECT_H
#define PRIMO_OBJECT_H

#include "core/basic/text.h"
#include "core/store/store.h"

#include <pthread.h>

enum object_kind {
    OBJECT_TEMPLATE = 1,
    OBJECT_MACHINE,
    OBJECT_TYPE,
    OBJECT_BASE,
    OBJECT_ROLE,
    OBJECT_PROCESS,
    OBJECT_MODEL,   /* models/TEMPLATE */
    OBJECT_VERSION, /* models/TEMPLATE/N */
    OBJECT_SERVICE,
    OBJECT_SERVING, /* inference/NAME */
    OBJECT_REQUEST, /* inference/NAME/in/FILE */
    OBJECT_CLASS,   /* inference/NAME/sorted/CLASS */
    OBJECT_SORTED,  /* inference/NAME/sorted/CLASS/FILE */
    OBJECT_ASIDE,   /* what editors write beside the texts of an object */
    OBJECT_KINDS,
};

enum {
    OBJECT_FIRST_ID = 256
}; /* smaller numbers are parents that are rows of the tree */

/* The first word of a record is its layout. Those of layout 1 have no checksum,
 * later ones have one behind their head; since layout 4 the head has the
 * writer, who in older ones is taken for the owner. There is no layout 3, which
 * one bit that flips would make layout 1. */
enum { OBJECT_SUMMED = 2, OBJECT_LAYOUT = 4 };

struct object {
    uint64_t id, parent;
    enum object_kind kind;
    uint32_t mode, uid, gid;     /* permission bits only */
    uint32_t writer;             /* the user who last wrote an input */
    int64_t atime, mtime, ctime; /* ns since 1970 */
    uint64_t number;             /* the number of a version; else 0 */
    bool scratch;                /* it lives in memory (scratch.h) */
    char name[256], home[256];   /* home: the name before a rename to a
                                    scratch name, "" = none */
    struct text body;            /* an input's text, a process's fields */
};

/* Gives new ids, from blocks that are reserved in the store. */
struct id_source {
    pthread_mutex_t lock;
    uint64_t next, end; /* under lock; equal = a block must be reserved */
};

/* Life cycle */
#define OBJECT_INIT                                                            \
    {                                                                          \
        0                                                                      \
    }
void object_release(struct object *o);
void object_copy(struct object *to, const struct object *from);

/* Read. Functions return 0, -ENOENT, or -EIO for a damaged record, without a
 * sentence. */
int object_get(struct store_txn *txn, uint64_t id, struct object *out);
int object_find(struct store_txn *txn, uint64_t parent, const char *name,
                struct object *out);
/* Find a durable child whose name is a twin (core/basic/name.h) of this one,
 * other than `except` (NULL = none). Writes its name into `twin`, which has
 * room for any. */
int object_twin(struct store_txn *txn, uint64_t parent, const char *name,
                const char *except, char *twin);
/* Find the durable child with the smallest id above `after`. */
int object_next(struct store_txn *txn, uint64_t parent, uint64_t after,
                struct object *out);
/* Whether parent has a durable child. */
bool object_has_children(struct store_txn *txn, uint64_t parent);
/* Find the greatest number among the durable children of a parent. 0 or
 * -ENOENT. */
int object_latest(struct store_txn *txn, uint64_t parent, uint64_t *number);
/* Read an object from a record of the table of objects. -EIO where it is not as
 * it was written, or has a layout that this version does not know. */
int object_decode(uint64_t id, struct store_view record, struct object *out);

/* Show `found` each record that is damaged, of a layout that this version does
 * not know, or not to be found by its name, until it returns false. Returns
 * the first one's -EUCLEAN or -EINVAL, or 0. */
int objects_check(struct store_txn *txn,
                  bool (*found)(void *context, const struct reason *why),
                  void *context);

/* Change */

/* Write an object, a new one or a changed one. Another parent or name moves
 * it. */
int object_put(struct store_txn *txn, const struct object *o,
               struct reason *why);
int object_drop(struct store_txn *txn, const struct object *o,
                struct reason *why);
/* Take an id that was never used before. Must not be called within a write
 * transaction, as it may need one itself. */
int ids_take(struct id_source *ids, struct store *s, uint64_t *out,
             struct reason *why);

#endif
