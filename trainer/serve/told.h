/*
 * What the daemon tells the worker of a service: lines of the files
 * TOLD_SEGMENT in the run directory, which only grow. Each daemon begins a file
 * of its own, with the next number, which is missing if it died before that;
 * nothing is added to a file once a later one is there.
 *
 *   model NAME TEMPERATURE TOP [FIRST-LAST]
 *       from here on the weights in the file NAME answer, with the
 *       probabilities of the TOP best classes, and of these pages of a file; a
 *       list that is in work keeps its weights, and takes the pages
 *   picture ID REVISION NAME
 *       say what the picture in the file NAME is; it is removed once it is read
 *   list ROW NAME
 *       answer the list in the file NAME from this row on (list_job.h), and end
 *   until ROW
 *       go on with the list, up to this row, which is not meant
 *   bad ROW
 *       workers have died of this row of the list: do not read its picture
 *
 * Names are of the run directory. The answers are records of the journal:
 *
 *   request=ID revision=REVISION model=NAME type=MIME bytes=N sha256=HEX
 *   decode=MS network=MS page=FIRST pages=INDEX:PROBABILITY,…
 *   classes=INDEX:PROBABILITY,… thumbnail=BASE64
 *   request=ID revision=REVISION bytes=N sha256=HEX code=WORD error=SENTENCE
 *
 * or those of core/report/list_row.h; `pages` has the best class of each page,
 * where there are several, and `classes` the best ones of the file, and the
 * sentence is a predicate of
 * the picture ("is cut short"). One thread.
 */
#ifndef PRIMO_TOLD_H
#define PRIMO_TOLD_H

#include "core/basic/text.h"
#include "core/report/told_line.h"

#include <sys/types.h>

struct told {
    int dir; /* the run directory; not owned */
    unsigned segment;
    off_t at;         /* how far the file was read */
    struct text rest; /* what was read and not taken yet, from `taken` on */
    size_t taken;
    size_t last; /* the size of the line that was taken last */
};

/* Life cycle: from the beginning of the file with this number on. */
void told_init(struct told *t, int dir, unsigned segment);
void told_release(struct told *t);

/* Take the next line. False = there is none yet. */
bool told_next(struct told *t, struct told_line *out);
/* Go back by the line that was taken last, once. */
void told_back(struct told *t);

#endif
