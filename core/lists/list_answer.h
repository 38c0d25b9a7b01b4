/*
 * The answer to a list: its summary, as one line of JSON, and its row of
 * results.csv. Within a transaction of the caller, who holds primo->change.
 */
#ifndef PRIMO_LIST_ANSWER_H
#define PRIMO_LIST_ANSWER_H

#include "core/evaluation/evaluation.h"
#include "core/inbox/answer.h"
#include "core/inbox/list.h"

/* What is known in the end. */
struct list_end {
    const struct list *list;
    const struct evaluation *evaluation; /* NULL = there is none */
    const char *code, *error;            /* "" = it was answered */
};

/* Answer the request, which is the list `o`, in the transaction of *a. */
int list_answer(struct answering *a, struct object *o, struct request *r,
                const struct list_end *end, struct reason *why);

#endif
