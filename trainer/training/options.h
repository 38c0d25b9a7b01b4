/*
 * The options of a training, as typed values, each with where it came from.
 *
 * Life: lay the texts over each other with settings_parse() on `settings`
 * (type, template, job, in this order, and single values of a command line),
 * then options_take() turns them into values; what says `auto` is decided
 * later by whoever knows, with options_decide(). Not for concurrent use.
 */
#ifndef PRIMO_OPTIONS_H
#define PRIMO_OPTIONS_H

#include "core/shared/settings.h"

struct options {
    struct settings settings; /* what was asked for */

    unsigned augment; /* set of enum augment, loader.h */
    uint64_t epochs;
    uint64_t iterations; /* 0 = as many as epochs make */
    int batch;
    double learning_rate;
    int workers;    /* 0 until decided */
    int image_size; /* 0 until decided */
    bool bf16;
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
/* The text of the artifact `config`: every parameter as it is used, each
 * under a comment that says where it came from. Lines of the machine are
 * comments altogether, so that the text is a valid template. */
void options_config(const struct options *o, struct text *out);
/* Append `key=value` lines of all that the resulting model depends on. */
void options_identity(const struct options *o, struct text *out);

/* Change */

/* Turn the settings into values. EINVAL, ENOTSUP: no dataset, arithmetic that
 * this processor has not. */
int options_take(struct options *o, struct reason *why);
/* From now on, speak the language that was asked for. */
void options_speak(const struct options *o);
/* What `base` stands for: another value (NULL = its own) and a description; a
 * trained one has a learning rate of its own, where that is auto. */
void options_base(struct options *o, const char *value, const char *what,
                  bool trained);
/* Decide an `auto` number. */
void options_decide(struct options *o, enum key key, int value,
                    const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
