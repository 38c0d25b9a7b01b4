#include "trainer/pictures/pdf_file.h"

#include <stdlib.h>
#include <string.h>

enum {
    OBJECTS_MOST = 1 << 20,
    SECTIONS_MOST = 64, /* of the table of objects */
    DEEP_MOST = 32,
    KIDS_MOST = 1 << 16, /* looked at for one page */
    ENTRY = 20,          /* bytes of an entry of the table */
    TAIL = 1024,         /* where the end of the file is told */
};

/* Bytes */

static bool is_space(uint8_t c)
{
    return c == 0 || c == '\t' || c == '\n' || c == '\f' || c == '\r' ||
           c == ' ';
}

static bool is_delimiter(uint8_t c)
{
    return c && strchr("()<>[]{}/%", c);
}

static void space_skip(struct pdf_value *v)
{
    while (v->at < v->end && (is_space(*v->at) || *v->at == '%')) {
        if (*v->at == '%')
            while (v->at < v->end && *v->at != '\n' && *v->at != '\r')
                v->at++;
        else
            v->at++;
    }
}

static size_t left(struct pdf_value v)
{
    return v.at ? (size_t)(v.end - v.at) : 0;
}

static bool begins(struct pdf_value v, const char *with)
{
    size_t n = strlen(with);
    return left(v) >= n && !memcmp(v.at, with, n);
}

/* The bytes of a name without its '/', or of a number or an operator. */
static size_t word_size(struct pdf_value v)
{
    size_t n = 0;
    while (n < left(v) && !is_space(v.at[n]) && !is_delimiter(v.at[n]))
        n++;
    return n;
}

int pdf_word(struct pdf_value *v, char word[64])
{
    space_skip(v);
    if (!left(*v))
        return 0;
    struct pdf_value rest = {v->at + (*v->at == '/'), v->end};
    size_t n = word_size(rest) + (size_t)(rest.at - v->at);
    if (!word_size(rest) || n > 63)
        return -1;
    memcpy(word, v->at, n);
    word[n] = 0;
    v->at += n;
    return (int)n;
}

static bool whole_take(struct pdf_value *v, long *out)
{
    char word[64], *end;
    if (pdf_word(v, word) <= 0)
        return false;
    *out = strtol(word, &end, 10);
    return !*end && *out >= 0;
}

/* Takes "N G R" or "N G obj". */
static bool reference_take(struct pdf_value *v, const char *end, long *number)
{
    struct pdf_value at = *v;
    long generation;
    char word[64];
    if (!whole_take(&at, number) || !whole_take(&at, &generation) ||
        pdf_word(&at, word) <= 0 || strcmp(word, end))
        return false;
    *v = at;
    return true;
}

/* Values */

static bool string_skip(struct pdf_value *v)
{
    int open = 0;
    for (; v->at < v->end; v->at++) {
        if (*v->at == '\\' && v->at + 1 < v->end)
            v->at++;
        else if (*v->at == '(')
            open++;
        else if (*v->at == ')' && --open == 0) {
            v->at++;
            return true;
        }
    }
    return false;
}

static bool value_skip(struct pdf_value *v, int deep);

/* Skips what is between brackets, which begin here. */
static bool group_skip(struct pdf_value *v, const char *closing, int deep)
{
    v->at += strlen(closing);
    for (;;) {
        space_skip(v);
        if (begins(*v, closing)) {
            v->at += strlen(closing);
            return true;
        }
        if (!left(*v) || !value_skip(v, deep + 1))
            return false;
    }
}

static bool value_skip(struct pdf_value *v, int deep)
{
    long number;
    char word[64];
    space_skip(v);
    if (!left(*v) || deep > DEEP_MOST)
        return false;
    if (begins(*v, "<<"))
        return group_skip(v, ">>", deep);
    if (*v->at == '[')
        return group_skip(v, "]", deep);
    if (*v->at == '(')
        return string_skip(v);
    if (*v->at == '<') {
        const uint8_t *end = memchr(v->at, '>', left(*v));
        v->at = end ? end + 1 : v->at;
        return end != NULL;
    }
    return reference_take(v, "R", &number) || pdf_word(v, word) > 0;
}

struct pdf_value pdf_resolve(const struct pdf_file *f, struct pdf_value v)
{
    long number, itself;
    space_skip(&v);
    for (int deep = 0; deep < DEEP_MOST && reference_take(&v, "R", &number);
         deep++) {
        size_t at = (size_t)number < f->count ? f->offsets[number] : 0;
        v = (struct pdf_value){at ? f->data + at : NULL, f->data + f->size};
        if (!v.at || !reference_take(&v, "obj", &itself) || itself != number)
            return (struct pdf_value){0};
        space_skip(&v);
    }
    return v;
}

struct pdf_value pdf_get(const struct pdf_file *f, struct pdf_value dict,
                         const char *key)
{
    char word[64];
    if (!begins(dict, "<<"))
        return (struct pdf_value){0};
    dict.at += 2;
    while (pdf_word(&dict, word) > 0 && *word == '/') {
        if (!strcmp(word + 1, key))
            return pdf_resolve(f, dict);
        if (!value_skip(&dict, 0))
            break;
    }
    return (struct pdf_value){0};
}

bool pdf_number(struct pdf_value v, double *out)
{
    char word[64], *end;
    if (!left(v) || pdf_word(&v, word) <= 0 || strpbrk(word, "xXnNiI"))
        return false;
    *out = strtod(word, &end);
    return end != word && !*end;
}

bool pdf_numbers(const struct pdf_file *f, struct pdf_value array, double *out,
                 int count)
{
    if (!begins(array, "["))
        return false;
    array.at++;
    for (int i = 0; i < count; i++) {
        space_skip(&array);
        if (!pdf_number(pdf_resolve(f, array), &out[i]) ||
            !value_skip(&array, 0))
            return false;
    }
    space_skip(&array);
    return begins(array, "]");
}

bool pdf_is_name(struct pdf_value v, const char *name)
{
    char word[64];
    return left(v) && pdf_word(&v, word) > 0 && *word == '/' &&
           !strcmp(word + 1, name);
}

bool pdf_is_name_alone(struct pdf_value v, const char *name)
{
    char word[64];
    if (!begins(v, "["))
        return pdf_is_name(v, name);
    v.at++;
    if (pdf_word(&v, word) <= 0 || *word != '/' || strcmp(word + 1, name))
        return false;
    space_skip(&v);
    return begins(v, "]");
}

bool pdf_stream(const struct pdf_file *f, struct pdf_value dict,
                const uint8_t **data, size_t *size)
{
    double length;
    if (!begins(dict, "<<") || !pdf_number(pdf_get(f, dict, "Length"), &length))
        return false;
    struct pdf_value at = dict;
    if (!value_skip(&at, 0))
        return false;
    space_skip(&at);
    if (!begins(at, "stream"))
        return false;
    at.at += strlen("stream");
    at.at += begins(at, "\r\n") ? 2 : begins(at, "\n") ? 1 : 0;
    if (!(length >= 0) || length > (double)left(at))
        return false;
    *data = at.at;
    *size = (size_t)length;
    at.at += *size;
    space_skip(&at);
    return begins(at, "endstream");
}

/* The table of objects */

static bool entries_take(struct pdf_file *f, struct pdf_value *v, long first,
                         long count)
{
    space_skip(v);
    for (long i = first; count--; i++, v->at += ENTRY) {
        char digits[11] = "";
        if (left(*v) < ENTRY)
            return false;
        memcpy(digits, v->at, 10);
        unsigned long at = strtoul(digits, NULL, 10);
        bool used = v->at[17] == 'n' && at < f->size;
        if (used && i < (long)f->count && !f->offsets[i])
            f->offsets[i] = (uint32_t)at;
    }
    return true;
}

/* Takes a section, and the trailer behind it; *next is the section before it
 * in time, 0 = there is none. */
static bool section_take(struct pdf_file *f, size_t at, size_t *next)
{
    struct pdf_value v = {f->data + at, f->data + f->size};
    double previous = 0;
    if (at >= f->size || !begins(v, "xref"))
        return false;
    v.at += strlen("xref");
    for (space_skip(&v); !begins(v, "trailer"); space_skip(&v)) {
        long first, count;
        if (!whole_take(&v, &first) || !whole_take(&v, &count) ||
            count > OBJECTS_MOST || first > OBJECTS_MOST ||
            !entries_take(f, &v, first, count))
            return false;
    }
    v.at += strlen("trailer");
    space_skip(&v);
    if (!f->trailer.at)
        f->trailer = v;
    if (pdf_get(f, v, "XRefStm").at)
        return false;
    pdf_number(pdf_get(f, v, "Prev"), &previous);
    *next = previous > 0 && previous < (double)f->size ? (size_t)previous : 0;
    return true;
}

static bool start_find(const struct pdf_file *f, size_t *at)
{
    static const char word[] = "startxref";
    size_t n = sizeof word - 1, tail = f->size < TAIL ? f->size : TAIL;
    for (size_t i = n; i <= tail; i++) {
        struct pdf_value v = {f->data + f->size - i, f->data + f->size};
        long offset;
        if (!begins(v, word))
            continue;
        v.at += n;
        if (!whole_take(&v, &offset))
            return false;
        *at = (size_t)offset;
        return true;
    }
    return false;
}

static bool table_read(struct pdf_file *f)
{
    size_t at;
    if (!start_find(f, &at))
        return false;
    for (int i = 0; i < SECTIONS_MOST; i++) {
        if (!section_take(f, at, &at))
            return false;
        if (!at)
            return true;
    }
    return false;
}

/* Life cycle */

static bool structure_read(struct pdf_file *f)
{
    double count = 0;
    if (!table_read(f) || pdf_get(f, f->trailer, "Encrypt").at)
        return false;
    f->pages = pdf_get(f, pdf_get(f, f->trailer, "Root"), "Pages");
    pdf_number(pdf_get(f, f->pages, "Count"), &count);
    f->page_count = count >= 1 && count <= OBJECTS_MOST ? (int)count : 0;
    return f->page_count > 0;
}

bool pdf_open(struct pdf_file *f, const uint8_t *data, size_t size)
{
    /* An object takes more than 8 bytes, and an entry in the table. */
    size_t most = size / 8 < OBJECTS_MOST ? size / 8 : OBJECTS_MOST;
    *f = (struct pdf_file){.data = data, .size = size, .count = most};
    f->offsets = calloc(most + 1, sizeof *f->offsets);
    if (f->offsets && structure_read(f))
        return true;
    pdf_release(f);
    return false;
}

void pdf_release(struct pdf_file *f)
{
    free(f->offsets);
    *f = (struct pdf_file){0};
}

/* Pages */

static void inherit(const struct pdf_file *f, struct pdf_value node,
                    const char *key, struct pdf_value *value)
{
    struct pdf_value own = pdf_get(f, node, key);
    if (own.at)
        *value = own;
}

static void node_take(const struct pdf_file *f, struct pdf_value node,
                      struct pdf_page *p)
{
    p->dict = node;
    inherit(f, node, "MediaBox", &p->media_box);
    inherit(f, node, "CropBox", &p->crop_box);
    inherit(f, node, "Rotate", &p->rotate);
    inherit(f, node, "Resources", &p->resources);
}

/* How many pages a node is, or is above of; 0 = it is not understood. */
static int node_pages(const struct pdf_file *f, struct pdf_value node)
{
    double count = 0;
    if (!pdf_get(f, node, "Kids").at)
        return begins(node, "<<");
    pdf_number(pdf_get(f, node, "Count"), &count);
    return count >= 1 && count <= OBJECTS_MOST ? (int)count : 0;
}

/* The child of a node that is page *number of it or is above that page, which
 * then has *number below it. */
static struct pdf_value kid_find(const struct pdf_file *f,
                                 struct pdf_value kids, int *number,
                                 int *looked)
{
    if (!begins(kids, "["))
        return (struct pdf_value){0};
    for (kids.at++; ++*looked < KIDS_MOST;) {
        space_skip(&kids);
        struct pdf_value kid = pdf_resolve(f, kids);
        int pages = node_pages(f, kid);
        if (!pages || begins(kids, "]"))
            break;
        if (*number <= pages)
            return kid;
        *number -= pages;
        if (!value_skip(&kids, 0))
            break;
    }
    return (struct pdf_value){0};
}

bool pdf_page_find(const struct pdf_file *f, int number, struct pdf_page *out)
{
    struct pdf_value node = f->pages;
    int looked = 0;
    *out = (struct pdf_page){0};
    for (int deep = 0; deep < DEEP_MOST && node.at; deep++) {
        struct pdf_value kids = pdf_get(f, node, "Kids");
        node_take(f, node, out);
        if (!kids.at)
            return number == 1 && pdf_is_name(pdf_get(f, node, "Type"), "Page");
        node = kid_find(f, kids, &number, &looked);
    }
    return false;
}
