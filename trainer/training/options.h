/*
 * The options of a training, as typed values, each with where it came from.
 *
 * Life: lay the texts over each other with settings_parse() on `settings`
 * (type, template, job, in this order, and single values of a command line),
 * then options_take() turns them into values; what says `auto` is decided
 * later, as auto.h tells. Not for concurrent use.
 */
#ifndef PRIMO_OPTIONS_H
#define PRIMO_OPTIONS_H

#include "core/shared/settings.h"

struct options {
    struct settings settings; /* what was asked for */

    unsigned augment; /* set of enum augment, augment.h */
    uint64_t epochs;
    uint64_t iterations; /* 0 = as many as epochs make */
    int batch;
    double learning_rate; /* NAN until decided */
    int workers;          /* 0 until decided */
    int image_size;       /* 0 until decided */
    bool bf16;            /* false until decided */
    uint64_t patience;
    uint64_t seed;
    int threads; /* 0 until decided */
    int nice;
    uint64_t memory; /* bytes, 0 = no limit */

    struct option_note {
        char value[320]; /* "" = what was asked for is what is used */
        char why[700];
    } notes[KEY_COUNT];
};

/* Life cycle */
void options_init(struct options *o);
void options_release(struct options *o);

/* Read */

/* The value that is used, asked for or decided. */
const char *options_used(const struct options *o, enum key key);
/* Whether it says `auto` still. */
bool options_undecided(const struct options *o, enum key key);
/* The text of the artifact `config`: every parameter as it is used, each
 * under a comment that says where it came from. Lines of the machine are
 * comments altogether, so that the text is a valid template. */
void options_config(const struct options *o, struct text *out);
/* Append a `key=value` line of each parameter that shapes the model. */
void options_identity(const struct options *o, struct text *out);

/* Change */

/* Turn the settings into values. EINVAL where there is no dataset, ENOTSUP
 * for arithmetic that this processor does not have. */
int options_take(struct options *o, struct reason *why);
/* From now on, speak the language that was asked for. */
void options_speak(const struct options *o);
/* Say which value is used in place of the one that was asked for ("" = that
 * one itself), and why; the caller sets the field. */
void options_note(struct options *o, enum key key, const char *value,
                  const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Set a field of type int, and say why it has this value. */
void options_decide(struct options *o, enum key key, int value,
                    const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
