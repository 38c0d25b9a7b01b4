/*
 * Calls a target without libFuzzer:
 *
 *     TARGET [-n RUNS] [-s SEED] FILE|FOLDER…
 *
 * takes each file as it is, and then so many mutations of them. The input that
 * ends the program, or takes longer than SECONDS_MOST, is left in the file
 * crash-SEED-RUN, to be given as a FILE.
 */
#include "tests/fuzz/fuzz.h"

#include "core/basic/alloc.h"
#include "core/basic/text.h"
#include "core/system/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECONDS_MOST = 60, BYTES_MOST = 1 << 20, EDITS_MOST = 8 };

static struct {
    struct text *list;
    size_t count;
} corpus;

/* What the handlers of signals need. */
static struct text now;
static unsigned long seed = 1, run;
static uint64_t state;

static uint64_t random_next(void) /* splitmix64 */
{
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static size_t random_below(size_t n)
{
    return n ? (size_t)(random_next() % n) : 0;
}

/* The corpus */

static void file_take(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
        st.st_size > BYTES_MOST) {
        fprintf(stderr, "%s cannot be taken\n", path);
        exit(2);
    }
    corpus.list =
        xrealloc(corpus.list, (corpus.count + 1) * sizeof *corpus.list);
    struct text *t = &corpus.list[corpus.count++];
    text_init(t);
    text_resize(t, (size_t)st.st_size);
    if (descriptor_read_at(fd, t->data, t->size, 0))
        exit(2);
    close(fd);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_shown(const struct dirent *e)
{
    return *e->d_name != '.';
}

/* Takes a file, or all of a folder in the order of their names. */
static void path_take(const char *path)
{
    struct dirent **list;
    int n = scandir(path, &list, is_shown, by_name);
    if (n < 0) {
        file_take(path);
        return;
    }
    for (int i = 0; i < n; i++) {
        char *file = xstrfmt("%s/%s", path, list[i]->d_name);
        file_take(file);
        free(file);
        free(list[i]);
    }
    free(list);
}

/* Mutations */

static void byte_change(struct text *t)
{
    static const uint8_t odd[] = {0, 1, 0x7F, 0x80, 0xFF, '\n', '=', '"'};
    if (!t->size)
        return;
    uint8_t *at = (uint8_t *)t->data + random_below(t->size);
    switch (random_below(4)) {
    case 0:
        *at ^= (uint8_t)(1u << random_below(8));
        break;
    case 1:
        *at = odd[random_below(sizeof odd)];
        break;
    case 2:
        *at = (uint8_t)(*at + random_below(33) - 16);
        break;
    default:
        *at = (uint8_t)random_next();
    }
}

/* A number of two, four or eight bytes that is at the edge of something. */
static void number_change(struct text *t)
{
    static const uint64_t odd[] = {
        0,          1,          0x7FFF,      0xFFFF,    0x10000,    0x7FFFFFFF,
        0x80000000, 0xFFFFFFFF, 0x100000000, INT64_MAX, UINT64_MAX, 0x3FFFFFFF};
    size_t n = (size_t)2 << random_below(3);
    uint64_t value = odd[random_below(sizeof odd / sizeof *odd)];
    if (random_below(2))
        value = __builtin_bswap64(value) >> (64 - 8 * n);
    if (t->size >= n)
        memcpy(t->data + random_below(t->size - n + 1), &value, n);
}

static void part_drop(struct text *t)
{
    size_t from = random_below(t->size), n = random_below(t->size - from) + 1;
    if (n > t->size - from)
        return;
    memmove(t->data + from, t->data + from + n, t->size - from - n);
    text_resize(t, t->size - n);
}

/* Puts a part of another file of the corpus there, or of this one. */
static void part_insert(struct text *t)
{
    const struct text *from = &corpus.list[random_below(corpus.count)];
    size_t at = random_below(t->size + 1), start = random_below(from->size);
    size_t n = random_below(from->size - start), old = t->size;
    if (old + n > BYTES_MOST)
        return;
    text_resize(t, old + n);
    memmove(t->data + at + n, t->data + at, old - at);
    if (n)
        memcpy(t->data + at, from->data + start, n);
}

static void mutate(struct text *t)
{
    static void (*const edits[])(struct text *) = {byte_change, byte_change,
                                                   byte_change, number_change,
                                                   part_drop,   part_insert};
    for (size_t n = random_below(EDITS_MOST) + 1; n > 0; n--)
        edits[random_below(sizeof edits / sizeof *edits)](t);
}

/* Running */

static void on_end(int signal_number)
{
    char name[64];
    snprintf(name, sizeof name, "crash-%lu-%lu", seed, run);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0 && write(fd, now.data, now.size) == (ssize_t)now.size)
        dprintf(2, "signal %d; the input is in %s\n", signal_number, name);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* With a copy of exactly that size, a sanitizer sees what is read behind it. */
static void target_call(void)
{
    uint8_t *copy = xmalloc(now.size + !now.size);
    if (now.size)
        memcpy(copy, now.data, now.size);
    alarm(SECONDS_MOST);
    LLVMFuzzerTestOneInput(copy, now.size);
    alarm(0);
    free(copy);
    run++;
}

static void all_run(unsigned long runs)
{
    text_init(&now);
    for (size_t i = 0; i < corpus.count + runs; i++) {
        const struct text *from =
            &corpus.list[i < corpus.count ? i : random_below(corpus.count)];
        text_clear(&now);
        text_add(&now, text_string(from), from->size);
        if (i >= corpus.count)
            mutate(&now);
        target_call();
    }
    fprintf(stderr, "%zu files, %lu mutations\n", corpus.count, runs);
}

int main(int argc, char **argv)
{
    unsigned long runs = 1000;
    int option;
    while ((option = getopt(argc, argv, "n:s:")) > 0) {
        if (option == '?')
            return 2;
        *(option == 'n' ? &runs : &seed) = strtoul(optarg, NULL, 10);
    }
    for (int i = optind; i < argc; i++)
        path_take(argv[i]);
    if (!corpus.count) {
        fprintf(stderr, "usage: %s [-n RUNS] [-s SEED] FILE|FOLDER…\n", *argv);
        return 2;
    }
    state = seed;
    for (const int *s = (const int[]){SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL,
                                      SIGALRM, 0};
         *s; s++)
        signal(*s, on_end);
    all_run(runs);
    for (size_t i = 0; i < corpus.count; i++)
        text_release(&corpus.list[i]);
    free(corpus.list);
    text_release(&now);
    return 0;
}
