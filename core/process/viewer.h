/*
 * What somebody who starts a training may view. The training is given copies of
 * a template, a type and the weights that it begins with, and its directory is
 * the user's own; so whoever starts it must be allowed to read them where they
 * are.
 *
 * The roles are asked once, before the transaction of the start, as asking may
 * load them from the store. One thread.
 */
#ifndef PRIMO_VIEWER_H
#define PRIMO_VIEWER_H

#include "core/state/primo.h"

struct viewer {
    struct primo *primo;                       /* not owned */
    const struct caller *caller;               /* not owned */
    bool views[KEY_COUNT], creates[KEY_COUNT]; /* by the line of a role */
};

/* Life cycle: not within a write transaction. */
void viewer_init(struct viewer *v, struct primo *primo,
                 const struct caller *caller);

/* Read */

/* Whether he may read the object, of which this line of a role speaks and which
 * is called so in the mount: by his rights and by its mode. With the right to
 * create he may use what he has made, and everybody may use what is built in.
 * EACCES with a sentence that names the object. */
int viewer_may(const struct viewer *v, enum key line, const char *called,
               const struct object *o, struct reason *why);

#endif
