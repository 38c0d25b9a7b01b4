/*
 * The supervisor of lists: for each live service it has one list at a time
 * answered (list_watch.h), the oldest first, in a run of its own with the
 * rights of who wrote it. Any thread.
 */
#ifndef PRIMO_LISTS_H
#define PRIMO_LISTS_H

#include "core/state/primo.h"

struct lists;

/* Life cycle */
int lists_open(struct lists **out, struct primo *primo, struct reason *why);
void lists_close(struct lists *l); /* NULL is fine; workers go on */

#endif
