/*
 * The journal: a trainer reports what it does in append-only files of framed
 * records, which anyone can follow from any record boundary.
 *
 * A frame is a little-endian header {magic "PRJ1", payload size u32, crc32 of
 * what follows u32, kind u8, 3 zero bytes, unix time f64} and the payload,
 * UTF-8 text of at most JOURNAL_PAYLOAD_MAX bytes. Each start of a trainer
 * opens a new segment file, JOURNAL_SEGMENT with its number, from 1. A frame
 * that is incomplete or does not match its crc ends a segment: the records
 * before it are valid, whatever is behind it is not.
 *
 * Payloads by kind:
 *   OPEN        "version=1 iteration=N": the checkpoint it starts from (0 =
 *               from scratch); the first record of each segment
 *   STAGE       "dataset" "base" "training" "export" …: what begins now
 *   LOG         one line for people
 *   METRIC      a row of metrics.csv (core/report/progress.h)
 *   PROGRESS    core/report/progress.h; sent about once a second, the heartbeat
 *   FACT        "key=value", a line of `info`; the keys are journal_facts
 *   CHECKPOINT  "iteration=N": the checkpoint of this update is durable
 *   ARTIFACT    "NAME crc32=XXXXXXXX": artifacts/NAME in the run directory is
 *               complete and has this sum; older trainers give no sum
 *   ANSWER      what a worker of a service says of a request: trainer/serve/
 *   END         "succeeded", "stopped", "failed: REASON", or "interrupted":
 *               the training goes on by itself; the last record
 *
 * The functions here only frame and unframe records. They open no file and keep
 * no state; any thread may call them.
 */
#ifndef PRIMO_JOURNAL_H
#define PRIMO_JOURNAL_H

#include "core/basic/text.h"

#define JOURNAL_SEGMENT "journal.%06u"
/* Room for the answer for a file of PAGES_MOST pages with its thumbnail. */
#define JOURNAL_PAYLOAD_MAX 32768
/* Longest thumbnail of an answer, in characters of base64. */
#define JOURNAL_THUMBNAIL_MAX 8192

/* The kinds: X(NAME, name, the letter in the frame). A new one has a line
 * here, its payload above, and a function take_NAME() in
 * core/training/follow.c. */
#define JOURNAL_KINDS(X)                                                       \
    X(OPEN, open, 'O')                                                         \
    X(STAGE, stage, 'S')                                                       \
    X(LOG, log, 'L')                                                           \
    X(METRIC, metric, 'M')                                                     \
    X(PROGRESS, progress, 'P')                                                 \
    X(FACT, fact, 'F')                                                         \
    X(CHECKPOINT, checkpoint, 'C')                                             \
    X(ARTIFACT, artifact, 'A')                                                 \
    X(ANSWER, answer, 'R')                                                     \
    X(END, end, 'E')

enum journal_kind {
#define JOURNAL_KIND(NAME, name, letter) JOURNAL_##NAME = letter,
    JOURNAL_KINDS(JOURNAL_KIND)
#undef JOURNAL_KIND
};

struct journal_record {
    enum journal_kind kind;
    double time;                           /* Unix seconds */
    size_t size;                           /* bytes of the payload */
    char payload[JOURNAL_PAYLOAD_MAX + 1]; /* NUL-terminated */
};

/* The facts that a trainer may report, in the order of `info`. Others are
 * ignored: they would stand among lines that primofs itself vouches for. */
struct journal_fact {
    const char *key;
    bool expected; /* shown with an empty value while it is not known */
};
enum { JOURNAL_FACTS = 15 };
extern const struct journal_fact journal_facts[JOURNAL_FACTS];

/* Whether there is a fact of this name. */
bool journal_has_fact(const char *key);

/* Append the frame of a record. A payload that is too long is cut between two
 * UTF-8 characters. */
void journal_frame(struct text *out, enum journal_kind kind, double time,
                   const char *payload);

/* Read the frame at data. Returns its length, or 0 if this is not (yet) a valid
 * frame: it is incomplete or damaged, is of an unknown kind, or has invalid
 * UTF-8 or a NUL. */
size_t journal_unframe(const char *data, size_t size,
                       struct journal_record *record);

#endif
