/*
 * Answers: what a worker says of a request, judged by the service, as one line
 * of JSON for the requester and a row of results.csv; and the change that
 * answers, which is one transaction with that of the request's state.
 *
 * The worker is not trusted: what it says is parsed within bounds, and what it
 * names must be there. Any thread, within a transaction of the caller, who
 * holds primo->change.
 */
#ifndef PRIMO_ANSWER_H
#define PRIMO_ANSWER_H

#include "core/inbox/request.h"
#include "core/inbox/serving.h"
#include "core/report/journal.h"
#include "core/settings/settings.h"
#include "core/state/primo.h"

enum { ANSWER_CLASSES = 100 }; /* most of one answer */

/* A model that answers, as the daemon knows it. */
struct answer_model {
    uint64_t version;
    char called[300]; /* "TEMPLATE/N" */
    char type[256];
    char **labels; /* owned */
    int classes;
    double temperature;
};

struct answer_class {
    int class;
    double confidence;
};

/* What a worker says, or the daemon itself where it refuses. */
struct answer {
    uint64_t request, revision;
    uint64_t bytes;
    char sha256[65];            /* "" = not known */
    char type[40];              /* the media type, "" = not known */
    double decode, network;     /* ms */
    char model[64];             /* the name that the worker was given */
    char code[32], error[1024]; /* "" = none */
    int count;                  /* classes that follow, the best first */
    struct answer_class best[ANSWER_CLASSES];
    int first_page, pages;                /* how many there are, 0 = one, and */
    struct answer_class page[PAGES_MOST]; /* the best class of each */
    char thumbnail[JOURNAL_THUMBNAIL_MAX + 1]; /* base64; "" = none */
};

/* Parse the payload of a record; false = it is none. */
bool answer_parse(const char *payload, struct answer *out);

/* A request that is being answered. */
struct answering {
    struct primo *primo;
    struct store_txn *txn;
    struct serving *serving;          /* changed, saved by the caller */
    const struct settings *service;   /* the service's text */
    const struct answer_model *model; /* NULL = an error needs none */
    uint64_t ids[2];                  /* new ones, for sorted/; 0 = none */
};

/* Take an answer to the request, which is loaded. Where that revision is
 * answered already, or is there no more, nothing happens; *taken says whether
 * it did. */
int answer_take(struct answering *a, const struct answer *answer, bool *taken,
                struct reason *why);
/* The word for a confidence, in the guide's three states. */
const char *answer_state(const struct settings *service, double confidence);

/* An answer of another form, as to a list: end the request, which sets its
 * times, then store it with its answer and its row. The spool keeps the bytes
 * of one that has left in/: o->number is 0 then. */
void answer_end(const struct settings *service, struct request *r);
int answer_store(struct answering *a, struct object *o, struct request *r,
                 const struct text *json, const struct text *row,
                 struct reason *why);
/* Forget what the request has in sorted/. */
int answer_unsort(struct store_txn *txn, struct request *r, struct reason *why);

/* Read what answers need of a model; EINVAL where there is none of that name
 * in models/. Life cycle: answer_model_release(). */
int answer_model_load(struct primo *primo, struct store_txn *txn,
                      const char *name, struct answer_model *out,
                      struct reason *why);
void answer_model_release(struct answer_model *m);

#endif
