/*
 * The parameter table: every key that a template, a type, a machine or a job
 * file may have, with its kind, range, default and meaning. Checks, defaults,
 * `template.example`, the trainer's arguments and docs/template.md all come
 * from its rows, which are in param_rows.c. Constant data; any thread.
 */
#ifndef PRIMO_PARAM_H
#define PRIMO_PARAM_H

#include "core/basic/reason.h"
#include "core/basic/text.h"

#include <stdbool.h>
#include <stdint.h>

enum param_kind {
    PARAM_TEXT,    /* anything on one line */
    PARAM_NAME,    /* an object's name */
    PARAM_NAMES,   /* names of objects, separated by spaces or commas */
    PARAM_BASE,    /* an object's name or models/TEMPLATE/(N|latest) */
    PARAM_PATH,    /* an absolute path, or one of `words` */
    PARAM_PLACE,   /* an absolute path, or one that begins with ~/ */
    PARAM_HOSTS,   /* what ssh takes as destinations, separated by spaces */
    PARAM_SET,     /* '+'-joined words of `words`, or "none" */
    PARAM_LIST,    /* words of `words`, separated by spaces */
    PARAM_RIGHTS,  /* words of `words`, separated by spaces or commas */
    PARAM_MEMBERS, /* users and @groups, separated by spaces or commas */
    PARAM_INT,     /* low..high, or one of `words` */
    PARAM_REAL,    /* low..high, or one of `words` */
    PARAM_CHOICE,  /* one of `words` */
    PARAM_SIZE,    /* bytes with K, M, G or T, or one of `words` */
    PARAM_SPAN,    /* a time such as 30s, 5m, 2h or 7d, or one of `words` */
    PARAM_MODEL,   /* TEMPLATE/(N|latest), models/ may stand in front */
    PARAM_PAGES,   /* N, N-M or N-, or one of `words` */
    PARAM_WORD,    /* one word that no shell and no command takes for more */
    PARAM_OPTIONS, /* words of which the first begins with '-' */
};

/* The texts in which a key may stand: a set. */
enum param_scope {
    SCOPE_TEMPLATE = 1,
    SCOPE_TYPE = 2,
    SCOPE_MACHINE = 4,
    SCOPE_JOB = 8, /* what the supervisor hands to a trainer */
    SCOPE_ROLE = 16,
    SCOPE_SERVICE = 32,
    SCOPE_WORKER = 64, /* what the daemon hands to the worker of a service */
};

struct param {
    const char *key;
    unsigned scope;
    enum param_kind kind;
    const char *words;    /* separated by spaces, NULL = none */
    double low, high;     /* bounds of PARAM_INT, PARAM_REAL, PARAM_SPAN */
    const char *fallback; /* the default as text; "" = none */
    /* The trained model depends on the value, so that a checkpoint that was
     * made with another one cannot be continued. */
    bool shapes_model;
    const char *meaning; /* one sentence for people */
    const char *term;    /* its name in the guide, NULL = it is not there */
    /* Words of the guide that are taken, too: "WORD=OURS;…", NULL = none */
    const char *guide_words;
};

/* The indices of the rows. */
enum key {
    KEY_TYPE,
    KEY_BASE,
    KEY_DATASET,
    KEY_DESCRIPTION,
    KEY_AUGMENT,
    KEY_EXTENSIONS,
    KEY_PAGES,
    KEY_EPOCHS,
    KEY_ITERATIONS,
    KEY_TIME_LIMIT,
    KEY_BATCH_SIZE,
    KEY_LEARNING_RATE,
    KEY_WORKERS,
    KEY_IMAGE_SIZE,
    KEY_TEST_FRACTION,
    KEY_PRECISION,
    KEY_PATIENCE,
    KEY_KEEP,
    KEY_SEED,
    KEY_GOAL,
    KEY_LAUNCHER,
    KEY_HOST,
    KEY_DIRECTORY,
    KEY_TRAINER,
    KEY_PARTITION,
    KEY_TIME,
    KEY_OPTIONS,
    KEY_COPY_DATASET,
    KEY_NODES,
    KEY_BASE_FILE,
    KEY_SEGMENT,
    KEY_DATASET_COPY,
    KEY_THREADS,
    KEY_NICE,
    KEY_MEMORY,
    KEY_ENABLED,
    KEY_LANG,
    KEY_SERVICE_MODEL, /* those of services, from here on */
    KEY_SERVICE_MACHINE,
    KEY_SERVICE_DESCRIPTION,
    KEY_SERVICE_EXTENSIONS,
    KEY_SERVICE_OK,
    KEY_SERVICE_CHECK,
    KEY_SERVICE_TOP,
    KEY_SERVICE_PAGES,
    KEY_SERVICE_KEEP,
    KEY_SERVICE_WHEN_DONE,
    KEY_SERVICE_SETTLE,
    KEY_SERVICE_IDLE,
    KEY_SERVICE_THREADS,
    KEY_SERVICE_PRECISION,
    KEY_SERVICE_ENABLED, /* to here */
    KEY_TOLD,
    KEY_MEMBERS,
    KEY_TEMPLATES, /* the lines of a role, from here on */
    KEY_PROCESSES,
    KEY_MACHINES,
    KEY_MODELS,
    KEY_TYPES,
    KEY_BASES,
    KEY_SERVICES,
    KEY_REQUESTS,
    KEY_ROLES, /* to here */
    KEY_COUNT,
};

extern const struct param params[KEY_COUNT];

/* What somebody may do with a kind of objects; a role has sets of rights. */
enum right {
    RIGHT_VIEW,
    RIGHT_CREATE,
    RIGHT_EDIT,
    RIGHT_DELETE,
    RIGHT_MANAGE,
    RIGHTS,
};

/* Read */

/* The word of a right. */
const char *right_name(enum right right);
/* The seconds of a value of PARAM_SPAN; false = it is a word, or none. */
bool param_span(const char *value, double *seconds);
/* Pages of a file, from 1; `last` may be more than it has. */
struct page_range {
    int first, last;
};
enum {
    PAGES_MOST = 1000,   /* that an answer may be of, and */
    PAGES_SECONDS = 600, /* the longest that they are read */
};
#define PAGES_ALL                                                              \
    (struct page_range)                                                        \
    {                                                                          \
        1, INT32_MAX                                                           \
    }
/* Parse a value of PARAM_PAGES, or `first` or `all`. */
bool param_pages(const char *value, struct page_range *out);
enum { NAMES_MOST = 16 }; /* in a value of PARAM_NAMES */
/* The rights in a value of PARAM_RIGHTS: a set of 1 << enum right. */
unsigned rights_parse(const char *value);
/* Move *at to the next word of a value of PARAM_NAMES, PARAM_RIGHTS or
 * PARAM_MEMBERS, and return its size; 0 past the last one. */
size_t member_next(const char **at);

/* The row of the key of `size` bytes, if it is in the scope; NULL = none. */
const struct param *param_find(const char *key, size_t size, unsigned scope);
/* The value as the other functions take it, which the caller frees: words of
 * the guide become ours, and blanks around the '+' of a set go. */
char *param_value(const struct param *p, const char *text, size_t size);
/* Check a value; an empty one is always accepted. EINVAL. */
int param_check(const struct param *p, const char *value, struct reason *why);
/* Append a description of what the row accepts: "an integer from 1 to 10000".
 */
void param_accepts(const struct param *p, struct text *out);
/* Append an example, such as template.example: `head` and then every parameter
 * of the scope, with a comment. */
void param_example(struct text *out, unsigned scope, const char *head);
extern const char param_template_head[], param_service_head[];
/* Append the parameters of the scope as a Markdown table, for docs/. */
void param_table(struct text *out, unsigned scope);

#endif
