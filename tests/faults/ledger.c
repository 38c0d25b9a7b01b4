/*
 * A client that keeps books of what it was told:
 *
 *   ledger work MOUNT BOOK SEED COUNT   change files in MOUNT/templates and
 *                                       directories in MOUNT/processes COUNT
 *                                       times (0 = until that fails), and write
 *                                       into BOOK what is begun and what is
 * done ledger check MOUNT BOOK [DONE]      whether all is there that BOOK says,
 * as it was when DONE changes had been made; the one that was under way may
 * have been made or not. Prints how many were made
 *
 * Its files are f0 to f11, its machines, which must be there, m0 to m2. Where
 * $RECORD is set, it notes there when a change is done (preload/record.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 12, PROCESSES = 3, NAMES = FILES + PROCESSES, TEXT = 4096 };

/* What is there: the number of the change that wrote each file, 0 = it is not
 * there. A process has the number 1. */
struct world {
    unsigned long there[NAMES];
};

/* A change: 'w' write a file, 'r' replace it by renaming, 'm' rename it to
 * another name, 'd' remove it; 'k' make a process, 'x' remove it. */
struct change {
    char verb;
    unsigned long number;
    int name, to;
};

static const char *mount;
static FILE *book;
static volatile sig_atomic_t ends;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* Each on its own line in the book; a reader sees whole lines only. */
static void book_line(const char *line)
{
    if (fputs(line, book) < 0 || fflush(book))
        die("book");
}

/* The world */

static void path_of(int name, const char *tail, char *out, size_t size)
{
    if (name < FILES)
        snprintf(out, size, "%s/templates/%sf%d", mount, tail, name);
    else
        snprintf(out, size, "%s/processes/m%d", mount, name - FILES);
}

/* The text that a change writes: its length and all of it depend on the
 * number. */
static size_t text_of(unsigned long number, char out[TEXT])
{
    size_t n =
        (size_t)snprintf(out, TEXT, "seed = %lu\ndescription = ", number);
    size_t end = n + number * 37 % 3000;
    for (; n < end; n++)
        out[n] = (char)('a' + (n + number) % 26);
    out[n++] = '\n';
    return n;
}

static int look(int name, unsigned long *there)
{
    char path[512], text[TEXT], wanted[TEXT];
    struct stat st;
    *there = 0;
    path_of(name, "", path, sizeof path);
    if (name >= FILES) {
        *there = stat(path, &st) == 0;
        return *there || errno == ENOENT ? 0 : -errno;
    }
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    ssize_t n = read(fd, text, sizeof text - 1);
    int err = n < 0 ? -errno : 0;
    close(fd);
    if (err)
        return err;
    text[n] = 0;
    if (sscanf(text, "seed = %lu", there) != 1 ||
        text_of(*there, wanted) != (size_t)n || memcmp(text, wanted, (size_t)n))
        return -EILSEQ;
    return 0;
}

static void apply(struct world *w, const struct change *c)
{
    w->there[c->name] = c->verb == 'w' || c->verb == 'r' ? c->number
                        : c->verb == 'k'                 ? 1
                        : c->verb == 'm'                 ? w->there[c->name]
                                                         : 0;
    if (c->verb == 'm' && c->to != c->name) {
        w->there[c->to] = w->there[c->name];
        w->there[c->name] = 0;
    }
}

/* Working */

static void on_end(int number)
{
    (void)number;
    ends = 1;
}

static int write_text(const char *path, unsigned long number)
{
    char text[TEXT];
    size_t size = text_of(number, text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0)
        return -errno;
    int err = write(fd, text, size) == (ssize_t)size ? 0 : -errno;
    if (close(fd) && err == 0)
        err = -errno;
    return err;
}

static int change_make(const struct change *c)
{
    char path[512], to[512], aside[512];
    int err = 0;
    path_of(c->name, "", path, sizeof path);
    path_of(c->to, "", to, sizeof to);
    path_of(c->name, ".", aside, sizeof aside);
    switch (c->verb) {
    case 'w':
        return write_text(path, c->number);
    case 'r':
        err = write_text(aside, c->number);
        return err ? err : rename(aside, path) ? -errno : 0;
    case 'm':
        return rename(path, to) ? -errno : 0;
    case 'd':
        return unlink(path) ? -errno : 0;
    case 'k':
        return mkdir(path, 0755) ? -errno : 0;
    default:
        return rmdir(path) ? -errno : 0;
    }
}

/* An answer of the file system that says that nothing was changed. */
static bool is_refusal(int err)
{
    return err == -ENOENT || err == -EEXIST || err == -EBUSY;
}

/* A record for powercut.py: so many changes are done. */
static void done_note(unsigned long done)
{
    const char *name = getenv("RECORD");
    uint64_t numbers[] = {0, 0, 0, done};
    char record[33] = "D";
    if (!name)
        return;
    int fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC);
    memcpy(record + 1, numbers, sizeof numbers);
    if (fd < 0 || flock(fd, LOCK_EX) ||
        write(fd, record, sizeof record) != sizeof record)
        die(name);
    close(fd);
}

static unsigned random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33);
}

static struct change change_choose(uint64_t *state, unsigned long number)
{
    static const char verbs[] = "wwwrrrmmdkx";
    struct change c = {.verb = verbs[random_next(state) % (sizeof verbs - 1)],
                       .number = number};
    bool process = c.verb == 'k' || c.verb == 'x';
    c.name = process ? FILES + (int)(random_next(state) % PROCESSES)
                     : (int)(random_next(state) % FILES);
    c.to = process ? c.name : (int)(random_next(state) % FILES);
    return c;
}

static int work(const char *seed, const char *count)
{
    unsigned long number = 0, most = strtoul(count, NULL, 10), last = 0;
    uint64_t state = strtoull(seed, NULL, 10);
    char line[128];
    for (int i = 0; i < NAMES; i++) {
        unsigned long there;
        if (look(i, &there))
            die("what was there");
        snprintf(line, sizeof line, "S %d %lu\n", i, there);
        book_line(line);
        last = there > last ? there : last;
    }
    signal(SIGTERM, on_end);
    while (number < most && !ends) {
        struct change c = change_choose(&state, last + ++number);
        snprintf(line, sizeof line, "B %c %lu %d %d\n", c.verb, c.number,
                 c.name, c.to);
        book_line(line);
        int err = change_make(&c);
        if (err && !is_refusal(err))
            return 1;
        done_note(number);
        book_line(err ? "N\n" : "D\n");
    }
    return 0;
}

/* Checking */

/* The worlds that may be there: before and after the change under way. */
struct books {
    struct world before, after;
    unsigned long done;
};

static void books_read(struct books *b, unsigned long most)
{
    char line[128];
    struct change c = {0};
    while (fgets(line, sizeof line, book)) {
        unsigned long there;
        int name;
        if (sscanf(line, "S %d %lu", &name, &there) == 2) {
            b->before.there[name] = b->after.there[name] = there;
        } else if (sscanf(line, "B %c %lu %d %d", &c.verb, &c.number, &c.name,
                          &c.to) == 4) {
            if (c.verb != 'm' || b->before.there[c.name])
                apply(&b->after, &c);
            if (b->done == most)
                return;
        } else {
            b->before = *line == 'D' ? b->after : b->before;
            b->after = b->before;
            b->done++;
        }
    }
}

static int check(const char *most)
{
    struct books b = {0};
    bool is_before = true, is_after = true;
    books_read(&b, most ? strtoul(most, NULL, 10) : (unsigned long)-1);
    for (int i = 0; i < NAMES; i++) {
        unsigned long there;
        int err = look(i, &there);
        if (err) {
            printf("%d cannot be read: %s\n", i, strerror(-err));
            return 1;
        }
        is_before &= there == b.before.there[i];
        is_after &= there == b.after.there[i];
        if (there != b.before.there[i] && there != b.after.there[i])
            printf("%d has %lu, not %lu or %lu\n", i, there, b.before.there[i],
                   b.after.there[i]);
    }
    printf("%lu\n", b.done);
    return is_before || is_after ? 0 : 1;
}

int main(int argc, char **argv)
{
    bool works = argc == 6 && !strcmp(argv[1], "work");
    if (!works && !(argc >= 4 && !strcmp(argv[1], "check"))) {
        fprintf(stderr, "usage: see the source\n");
        return 2;
    }
    mount = argv[2];
    book = fopen(argv[3], works ? "we" : "re");
    if (!book)
        die(argv[3]);
    return works ? work(argv[4], argv[5]) : check(argv[4]);
}
