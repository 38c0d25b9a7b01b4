#include "trainer/pages/tokens.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_space(uint8_t c)
{
    return c == 0 || c == '\t' || c == '\n' || c == '\f' || c == '\r' ||
           c == ' ';
}

static bool is_delimiter(uint8_t c)
{
    return c && strchr("()<>[]{}/%", c);
}

static void space_skip(struct tokens *t)
{
    bool comment = false;
    for (; t->at < t->end; t->at++) {
        if (*t->at == '\n' || *t->at == '\r')
            comment = false;
        else if (*t->at == '%')
            comment = true;
        else if (!comment && !is_space(*t->at))
            break;
    }
}

/* Skips a string in parentheses, which begins here. */
static bool string_skip(struct tokens *t)
{
    int open = 0;
    for (; t->at < t->end; t->at++) {
        if (*t->at == '\\' && t->at + 1 < t->end)
            t->at++;
        else if (*t->at == '(')
            open++;
        else if (*t->at == ')' && --open == 0) {
            t->at++;
            return true;
        }
    }
    return false;
}

/* Skips a string of digits, or one half of << and >>. */
static bool angle_skip(struct tokens *t)
{
    if (t->end - t->at > 1 && t->at[1] == t->at[0]) {
        t->at += 2;
        return true;
    }
    const uint8_t *end =
        *t->at == '<' ? memchr(t->at, '>', (size_t)(t->end - t->at)) : NULL;
    t->at = end ? end + 1 : t->at;
    return end != NULL;
}

static bool other_skip(struct tokens *t)
{
    if (*t->at == '(')
        return string_skip(t);
    if (*t->at == '<' || *t->at == '>')
        return angle_skip(t);
    bool bracket = *t->at == '[' || *t->at == ']';
    t->at += bracket;
    return bracket;
}

/* A name may have characters written as numbers: such a one is not looked up,
 * and none of those that mean something here is written so. */
static bool word_take(struct tokens *t, char word[128])
{
    size_t n = 0;
    do {
        if (n == 127 || *t->at == '#')
            return false;
        word[n++] = (char)*t->at++;
    } while (t->at < t->end && !is_space(*t->at) && !is_delimiter(*t->at));
    word[n] = 0;
    return true;
}

static bool is_number(struct token *t)
{
    char *end;
    if (t->word[strspn(t->word, "+-.0123456789")])
        return false;
    t->number = strtod(t->word, &end);
    t->real = strchr(t->word, '.') != NULL;
    return end != t->word && !*end;
}

void token_take(struct tokens *t, struct token *out)
{
    out->kind = TOKEN_END;
    space_skip(t);
    if (t->at == t->end)
        return;
    if (is_delimiter(*t->at) && *t->at != '/')
        out->kind = other_skip(t) ? TOKEN_OTHER : TOKEN_BROKEN;
    else if (!word_take(t, out->word))
        out->kind = TOKEN_BROKEN;
    else if (*out->word == '/')
        out->kind = TOKEN_NAME;
    else
        out->kind = is_number(out) ? TOKEN_NUMBER : TOKEN_OPERATOR;
}
