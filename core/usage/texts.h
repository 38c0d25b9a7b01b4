/*
 * Texts that open files show and that nobody changes any more. Equal texts of
 * one user are one: however often he opens a file, its text is in memory once
 * and counts once as his (usage.h). Two users have a text each, so that neither
 * can hold what the other is charged for. Any thread.
 */
#ifndef PRIMO_TEXTS_H
#define PRIMO_TEXTS_H

#include "core/basic/text.h"
#include "core/usage/usage.h"

enum { TEXTS_BUCKETS = 1024 };

struct kept_text {
    struct text text; /* never changes */
    uid_t user;
    uint64_t print;         /* text_print() of the text */
    unsigned holds;         /* under texts.lock */
    struct kept_text *next; /* under texts.lock: the next one in its bucket */
};

struct texts {
    struct usage *usage; /* not owned */
    pthread_mutex_t lock;
    struct kept_text *bucket[TEXTS_BUCKETS]; /* under lock */
};

/* Life cycle; every text was dropped before texts_release() */
void texts_init(struct texts *t, struct usage *usage);
void texts_release(struct texts *t);

/* Keep a text for a user; it takes over the bytes of *text. ENOMEM where the
 * user may hold no more. */
int texts_keep(struct texts *t, uid_t user, struct text *text,
               struct kept_text **out, struct reason *why);
void texts_drop(struct texts *t, struct kept_text *kept); /* NULL = nothing */

#endif
