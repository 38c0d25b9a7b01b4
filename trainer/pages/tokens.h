/*
 * Words of what a page draws: numbers, names and operators. Strings and
 * brackets are read over. Any thread.
 */
#ifndef PRIMO_PAGES_TOKENS_H
#define PRIMO_PAGES_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

struct tokens {
    const uint8_t *at, *end;
};

enum token_kind {
    TOKEN_END,
    TOKEN_NUMBER,
    TOKEN_NAME, /* with its '/' */
    TOKEN_OPERATOR,
    TOKEN_OTHER,
    TOKEN_BROKEN, /* it can't be read on */
};
struct token {
    enum token_kind kind;
    char word[128];
    double number;
    bool real; /* it is written with a point */
};

/* Takes the next one. */
void token_take(struct tokens *t, struct token *out);

#endif
