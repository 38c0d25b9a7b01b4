/*
 * The options of a training as typed values, each with its origin.
 *
 * To use them, parse the texts into `settings` with settings_parse(), in the
 * order type, template, job, command line; each overrides the ones before. Then
 * options_take() turns them into values. A parameter that is `auto` is decided
 * later (auto.h). Not for concurrent use.
 */
#ifndef PRIMO_OPTIONS_H
#define PRIMO_OPTIONS_H

#include "core/settings/settings.h"

struct options {
    struct settings settings; /* what was asked for */

    unsigned augment; /* set of enum augment, augment.h */
    uint64_t epochs;
    uint64_t iterations; /* 0 = as many as the epochs have */
    double time_limit;   /* seconds, 0 = none */
    struct page_range pages;
    int batch;
    double learning_rate; /* NAN until decided */
    int workers;          /* 0 until decided */
    int image_size;       /* 0 until decided */
    bool bf16;            /* false until decided */
    bool wire_bf16;       /* gradients travel as bf16: together.h */
    uint64_t patience;
    uint64_t seed;
    int threads; /* 0 until decided */
    int nice;
    uint64_t memory; /* bytes, 0 = no limit */

    struct option_note {
        char value[320]; /* "" = the value in `settings` is used */
        char why[700];
    } notes[KEY_COUNT];
};

/* Life cycle */
void options_init(struct options *o);
void options_release(struct options *o);

/* Read */

/* The value that is used, whether it was set or decided. */
const char *options_used(const struct options *o, enum key key);
/* Whether the parameter is still `auto`. */
bool options_undecided(const struct options *o, enum key key);
/* Append the text of the artifact `config`: every parameter as it is used, each
 * below a comment with its origin. The parameters of the machine are comments
 * themselves, so that the text is a valid template. */
void options_config(const struct options *o, struct text *out);
/* Append a `key=value` line for each parameter that shapes the model. */
void options_identity(const struct options *o, struct text *out);

/* Change */

/* Turn the settings into values. EINVAL: there is no dataset; ENOTSUP: this
 * processor does not have the arithmetic that is asked for. */
int options_take(struct options *o, struct reason *why);
/* Use the language that is set from now on. */
void options_speak(const struct options *o);
/* Note which value is used instead of the one that is set ("" = that one
 * itself), and why. The caller sets the field. */
void options_note(struct options *o, enum key key, const char *value,
                  const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Set a field that is a whole number, and note why it has this value. */
void options_decide(struct options *o, enum key key, int value,
                    const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
