/*
 * Whoever starts a training, and what he may view and lends.
 *
 * The training is given copies of a template, a type and the weights that it
 * begins with, and shows some of it; so whoever starts it must be allowed to
 * read them where they are. It reads the data set with his rights, and shows
 * its classes and names to all who may view the process; so the path must be
 * his own or the administrator's word, or he must confirm it.
 *
 * The roles are asked once, before the transaction of the start, as asking may
 * load them from the store. One thread.
 */
#ifndef PRIMO_VIEWER_H
#define PRIMO_VIEWER_H

#include "core/state/primo.h"

struct viewer {
    struct primo *primo;         /* not owned */
    const struct caller *caller; /* not owned */
    const char *said; /* what he wrote to `start`, "" = nothing; not owned */
    bool views[KEY_COUNT], creates[KEY_COUNT]; /* by the line of a role */
    bool unknown; /* some could not be told, as his groups are not known now */
};

/* Life cycle: not within a write transaction. */
void viewer_init(struct viewer *v, struct primo *primo,
                 const struct caller *caller, const char *said);

/* Read */

/* Whether he may read the object, of which this line of a role speaks and which
 * is called so in the mount: by his rights and by its mode. With the right to
 * create he may use what he has made, and everybody may use what is built in.
 * EACCES, or EAGAIN where that cannot be told now, with a sentence that names
 * the object. */
int viewer_may(const struct viewer *v, enum key line, const char *called,
               const struct object *o, struct reason *why);
/* Whether his rights may be used to read this data set, which the object,
 * called so, names. Somebody else has written that, unless it was the
 * administrator: then he must have said the path. EACCES, or EINVAL where he
 * has said another one. */
int viewer_lends(const struct viewer *v, const char *called,
                 const struct object *o, const char *dataset,
                 struct reason *why);

#endif
