/*
 * Charts as they were last drawn. Drawing a full metrics.csv takes a second,
 * and each stat() of a chart needs its size: so a chart is drawn once for each
 * state of its process, however many ask, and one at a time. Any thread.
 */
#ifndef PRIMO_CHARTS_H
#define PRIMO_CHARTS_H

#include "core/basic/text.h"

#include <pthread.h>
#include <stdint.h>

enum { CHARTS_KEPT = 8 };

struct charts {
    pthread_mutex_t lock;
    uint64_t turn; /* under lock, as what follows */
    struct drawn {
        struct text key, text;
        uint64_t used; /* the turn in which it was asked for last */
    } kept[CHARTS_KEPT];
};

/* Life cycle */
void charts_init(struct charts *c);
void charts_release(struct charts *c);

/* Append to *out what draw(context) appends, from memory if it was drawn for an
 * equal key, which tells of all that it depends on. 0, or the error of draw(),
 * which is not remembered. */
int charts_draw(struct charts *c, const char *key,
                int (*draw)(void *context, struct text *out), void *context,
                struct text *out);

#endif
