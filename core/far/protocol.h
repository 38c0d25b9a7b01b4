/*
 * What two programs of ours say to each other over a connection to another
 * host: the daemon asks, and `primo-train --far` (trainer/far/) there answers,
 * one request at a time. Both are lines of text with bytes behind them, so that
 * a person can read along:
 *
 *     VERB RUN A B SIZE NAME\n  and SIZE bytes
 *     CODE A B SIZE\n           and SIZE bytes; CODE is an errno, 0 = done, and
 *                               then the bytes are the sentence that says why
 *
 * The first line of the far side is FAR_HELLO and its version. Neither side
 * believes the other: sizes are bounded, names are those of files of a run.
 */
#ifndef PRIMO_FAR_PROTOCOL_H
#define PRIMO_FAR_PROTOCOL_H

#include "core/basic/reason.h"
#include "core/basic/text.h"

#include <stdbool.h>
#include <stdint.h>

#define FAR_HELLO "primo-train --far 1 "

enum {
    FAR_LINE = 256,           /* the longest line, with its end */
    FAR_BYTES = 1 << 18,      /* the most bytes behind one */
    FAR_LEASE = 24 * 60 * 60, /* seconds: a run that nobody asks for ends */
    FAR_ID = 16,              /* bytes of the name of a state directory */
    FAR_BASE_DIGITS = 40, /* how much of a sum bases and copies are called by */
};

/* How a data set is copied: the rsync of this host, which `primo-train --send`
 * becomes (trainer/far/send.h), speaks to one there. These options are those
 * that both must be given: folders, times, modes and links; what is gone here
 * goes there; what was cut goes on. */
#define FAR_RSYNC_OPTIONS                                                      \
    "-rtlp", "--delete-after", "--partial-dir=.primofs-part"
#define FAR_RSYNC_SERVER                                                       \
    "rsync --server -ltpre.LsfxC --delete-after "                              \
    "--partial-dir .primofs-part ."

enum { FAR_NO_RSYNC = 127 }; /* the status of --send where there is no rsync */

/* The list of verbs: X(NAME). What they take is with the functions that answer
 * them (trainer/far/far.c). */
#define FAR_VERBS(X)                                                           \
    X(facts)                                                                   \
    X(text)                                                                    \
    X(have)                                                                    \
    X(put)                                                                     \
    X(keep)                                                                    \
    X(place)                                                                   \
    X(start)                                                                   \
    X(submit)                                                                  \
    X(script)                                                                  \
    X(queue)                                                                   \
    X(alive)                                                                   \
    X(follow)                                                                  \
    X(tell)                                                                    \
    X(fill)                                                                    \
    X(link)                                                                    \
    X(read)                                                                    \
    X(stop)                                                                    \
    X(kill)                                                                    \
    X(words)                                                                   \
    X(list)                                                                    \
    X(drop)

enum far_verb {
#define FAR_VERB(name) FAR_##name,
    FAR_VERBS(FAR_VERB)
#undef FAR_VERB
        FAR_VERB_COUNT
};
extern const char *const far_verbs[FAR_VERB_COUNT];

/* The line of a request, or of an answer. */
struct far_line {
    enum far_verb verb; /* requests only */
    int code;           /* answers only */
    uint64_t run;       /* requests only */
    uint64_t a, b;
    uint64_t size;
    char name[80]; /* requests only; "" = none */
};

/* Print a line with its end. */
void far_request_print(struct text *out, const struct far_line *line);
void far_answer_print(struct text *out, const struct far_line *line);
/* Read one, without its end; false = it is none, or says too much. */
bool far_request_parse(const char *text, struct far_line *out);
bool far_answer_parse(const char *text, struct far_line *out);

#endif
