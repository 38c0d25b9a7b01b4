#include "trainer/dataset/kept.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_SHOWN = 10, HASH_DIGITS = 16, CLASSES_MAX = 1 << 20 };

void kept_put_classes(const struct dataset *d, struct text *out)
{
    for (int i = 0; i < d->classes; i++) {
        text_printf(out, "class %s", d->class_names[i]);
        text_add(out, "", 1);
    }
}

void kept_put(const struct dataset *d, const struct sample *s,
              const uint64_t hash[2], bool test, struct text *out)
{
    if (s->page) {
        text_printf(out, "page %d", s->page);
        text_add(out, "", 1);
    }
    text_printf(out, "%s %d %016" PRIx64 "%016" PRIx64 " %s",
                test ? "test" : "train", s->label, hash[0], hash[1],
                dataset_relative(d, s->path));
    text_add(out, "", 1);
}

void kept_put_end(struct text *out)
{
    text_add(out, "end", sizeof "end");
}

/* Reading */

/* What a list is read into. */
struct lists {
    struct dataset *d;
    int page; /* of the next picture; 0 = it is a file */
    size_t class_room, train_room, test_room;
};

/* Takes a word and the blank behind it. */
static bool word_take(const char **at, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*at, word, n) || (*at)[n] != ' ')
        return false;
    *at += n + 1;
    return true;
}

static bool hash_take(const char **at, uint64_t hash[2])
{
    for (int i = 0; i < 2; i++) {
        char digits[HASH_DIGITS + 1], *end;
        if (strnlen(*at, HASH_DIGITS) < HASH_DIGITS)
            return false;
        memcpy(digits, *at, HASH_DIGITS);
        digits[HASH_DIGITS] = 0;
        hash[i] = strtoull(digits, &end, 16);
        if (*end)
            return false;
        *at += HASH_DIGITS;
    }
    return *(*at)++ == ' ';
}

/* No path may lead out of the dataset; links are judged when it is opened. */
static bool path_is_below(const char *path)
{
    if (!*path || *path == '/')
        return false;
    for (const char *at = path; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (!strncmp(at, "..", 2) && (!at[2] || at[2] == '/'))
            return false;
    }
    return true;
}

static bool sample_take(struct lists *l, const char *at, struct sample *out)
{
    const struct dataset *d = l->d;
    uint64_t hash[2];
    char *end;
    long label = strtol(at, &end, 10);
    if (end == at || *end != ' ' || label < 0 || label >= d->classes)
        return false;
    at = end + 1;
    if (!hash_take(&at, hash) || !path_is_below(at))
        return false;
    char *path = xstrfmt("%s/%s", d->root, at);
    *out = sample_of_page(path, l->page, (int)label);
    memcpy(out->hash, hash, sizeof hash);
    l->page = 0;
    free(path);
    return true;
}

static bool class_take(struct lists *l, const char *name)
{
    struct dataset *d = l->d;
    size_t count = (size_t)d->classes;
    if (!*name || d->train_count || d->test_count || count >= CLASSES_MAX)
        return false;
    ALLOC_GROW(d->class_names, count + 1, l->class_room);
    d->class_names[d->classes++] = xstrdup(name);
    return true;
}

static bool page_take(struct lists *l, const char *at)
{
    char *end;
    long page = strtol(at, &end, 10);
    l->page = (int)page;
    return end != at && !*end && page > 0 && page <= INT32_MAX;
}

static bool record_take(struct lists *l, const char *at)
{
    struct dataset *d = l->d;
    struct sample s;
    if (word_take(&at, "class"))
        return class_take(l, at);
    if (word_take(&at, "page"))
        return page_take(l, at);
    bool test = word_take(&at, "test");
    if ((!test && !word_take(&at, "train")) || !sample_take(l, at, &s))
        return false;
    if (test) {
        ALLOC_GROW(d->test, (size_t)d->test_count + 1, l->test_room);
        d->test[d->test_count++] = s;
    } else {
        ALLOC_GROW(d->train, (size_t)d->train_count + 1, l->train_room);
        d->train[d->train_count++] = s;
    }
    return true;
}

static int list_take(struct dataset *d, const struct text *list,
                     struct reason *why)
{
    struct lists l = {.d = d};
    const char *at = text_string(list), *end = at + list->size;
    while (at < end && strcmp(at, "end") && record_take(&l, at))
        at += strlen(at) + 1;
    if (at >= end || strcmp(at, "end") || d->classes < 2 || !d->train_count ||
        !d->test_count)
        return refuse(why, EINVAL,
                      "the list of the pictures that the training began with "
                      "is damaged; start anew");
    return 0;
}

/* What came since */

static int compare_samples(const void *a, const void *b)
{
    return strcmp(((const struct sample *)a)->path,
                  ((const struct sample *)b)->path);
}

/* All samples by path; the paths remain the dataset's. */
static struct sample *sorted(const struct dataset *d, size_t *count)
{
    size_t train = (size_t)d->train_count, test = (size_t)d->test_count;
    struct sample *all = xmalloc((train + test + 1) * sizeof *all);
    if (train)
        memcpy(all, d->train, train * sizeof *all);
    if (test)
        memcpy(all + train, d->test, test * sizeof *all);
    *count = train + test;
    qsort(all, *count, sizeof *all, compare_samples);
    return all;
}

static void new_tell(struct dataset *d, const struct dataset *now)
{
    size_t mine, theirs, count = 0;
    struct sample *kept = sorted(d, &mine), *found = sorted(now, &theirs);
    struct text names = TEXT_INIT;
    for (size_t i = 0; i < theirs; i++) {
        if (bsearch(&found[i], kept, mine, sizeof *kept, compare_samples))
            continue;
        if (count++ >= NAMES_SHOWN)
            continue;
        text_puts(&names, count > 1 ? ", " : "");
        text_put_c_escaped(&names, dataset_relative(d, found[i].path));
    }
    if (count > NAMES_SHOWN)
        text_printf(&names, _(" and %zu more"), count - NAMES_SHOWN);
    if (count)
        dataset_note(d, NC_("dataset", "not used"),
                     P_("%zu picture that was not there when the training "
                        "began: %s",
                        "%zu pictures that were not there when the training "
                        "began: %s",
                        count),
                     count, text_string(&names));
    text_release(&names);
    free(kept);
    free(found);
}

/* What else is not used now. */
static void unused_take(struct dataset *d, const struct dataset *now)
{
    static const char key[] = "not used: ";
    const char *at = text_string(&now->layout);
    for (size_t n; (n = strcspn(at, "\n")) > 0; at += n + 1)
        if (!strncmp(at, key, sizeof key - 1))
            text_add(&d->layout, at, n + 1);
}

int kept_open(struct dataset *d, const struct settings *settings,
              const struct text *list, struct reason *why)
{
    struct dataset now;
    int err = dataset_root_open(d, settings, why);
    if (err == 0)
        err = list_take(d, list, why);
    if (err)
        return err;
    d->kept = true;
    dataset_note(d, NC_("dataset", "layout"), "%s",
                 _("the pictures that the training began with"));
    dataset_open(&now, settings, NULL); /* it may be unfit by now */
    unused_take(d, &now);
    new_tell(d, &now);
    dataset_release(&now);
    return 0;
}
