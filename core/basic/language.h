/*
 * The language of what is said to people: sentences, labels, comments. Keys,
 * file names, status words and CSV headers are the same in every language.
 *
 * The catalogues are a part of the program, made from po/NAME.po when it is
 * built: they fit it, and are there wherever it is copied to. gettext() would
 * not do: it translates nothing where only the locales "C" and "C.UTF-8" are
 * installed, which is so on a bare system, and it wants a setlocale().
 *
 * One language a process, English at first. Texts that are kept stay in the
 * language in which they were said. Any thread.
 */
#ifndef PRIMO_LANGUAGE_H
#define PRIMO_LANGUAGE_H

#include <stdbool.h>

/* Read */

/* The name of the current language: "en", "ru". */
const char *language(void);
/* Write the names of all languages into out, with `last` between the last
 * two. */
void language_list(char *out, unsigned size, const char *last);
/* The language that LC_ALL, LC_MESSAGES or LANG asks for, and LANGUAGE in other
 * locales than C; "en" where none of those is known. It does not matter whether
 * the locale is installed. */
const char *language_of_environment(void);

/* Change */

/* Choose a language by its name. Returns false, and changes nothing, where
 * there is none of that name. */
bool language_set(const char *name);

/* Say */

/* The translation, or the English text where there is none. The translation of
 * a format takes the same arguments. */
const char *translate(const char *english) __attribute__((format_arg(1)));
/* Translate a word that is translated differently in different places;
 * `context` names the place. */
const char *translate_in(const char *context, const char *english)
    __attribute__((format_arg(2)));
/* The form that goes with the number n. */
const char *translate_many(const char *one, const char *many, unsigned long n)
    __attribute__((format_arg(1), format_arg(2)));

/* What `make po` collects. N_ and NC_ mark a constant that is translated when
 * it is said. refuse() and the like take sentences that need no mark. */
#define _(english)            translate(english)
#define C_(context, english)  translate_in(context, english)
#define P_(one, many, n)      translate_many(one, many, n)
#define N_(english)           english
#define NC_(context, english) english

/* A catalogue, as po/compile writes it. */
struct message {
    const char *context; /* NULL = none */
    const char *english;
    const char *forms[4]; /* one for each grammatical number; without numbers,
                             only the first */
};
struct catalogue {
    const char *name; /* NULL = the end of the list */
    unsigned (*form)(unsigned long n);
    const struct message *messages;
    unsigned count;
};
extern const struct catalogue catalogues[];

#endif
