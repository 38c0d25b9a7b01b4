/*
 * Taking over what the worker of a list says: its rows, in groups, each in one
 * transaction with the position in the journal; and the end of a list. For
 * list_watch.c, whose thread calls this.
 */
#ifndef PRIMO_LIST_FOLLOW_H
#define PRIMO_LIST_FOLLOW_H

#include "core/lists/list_watch.h"

#define LIST_HEADER                                                            \
    "line,file,page,class,confidence,state,truth,milliseconds,error\n"

/* Take the next piece. Returns whether something was taken. */
bool list_follow(struct list_watch *w);
/* End the list with this fault; its rows stay. */
void list_fail(struct list_watch *w, const char *code, const char *sentence);

#endif
