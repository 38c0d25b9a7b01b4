/*
 * Fills a state directory that is not mounted, which is quicker through core/:
 *   objects STATE templates N   templates t0000001 … of one line each
 *   objects STATE model FILE    models/bench/1 with FILE as its model.onnx
 *   objects STATE rows N        a process on `local` whose metrics.csv gets N
 *                               rows, each in a transaction as the supervisor
 *                               appends them
 * `rows` prints four means of a single append: the bytes that it writes to the
 * store and the microseconds that it takes, for the first thousand rows and for
 * the last thousand.
 */
#include "core/basic/clock.h"
#include "core/process/process.h"
#include "core/store/object.h"
#include "core/store/stream.h"
#include "core/system/directory.h"
#include "core/system/file.h"
#include "core/system/own.h"
#include "core/tree/tree.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOGETHER = 50000, SAMPLE = 1000 };

static struct id_source ids = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct reason why = REASON_INIT;

static void check(int rc)
{
    if (rc)
        errx(1, "%s", why.sentence);
}

static struct object object_new(struct store *store, uint64_t parent,
                                enum object_kind kind, const char *name)
{
    struct object o = {.parent = parent,
                       .kind = kind,
                       .mode = 0644,
                       .uid = getuid(),
                       .gid = getgid()};

    check(ids_take(&ids, store, &o.id, &why));
    o.atime = o.mtime = o.ctime = clock_ns();
    snprintf(o.name, sizeof o.name, "%s", name);
    return o;
}

static void object_add(struct store *store, const struct object *o)
{
    struct store_txn *txn;

    check(store_begin(store, true, &txn, &why));
    check(store_end(txn, object_put(txn, o, &why), &why));
}

/* Templates */

static void templates_add(struct store *store, int first, int count)
{
    uint64_t *id = malloc((size_t)count * sizeof *id);
    struct object o = object_new(store, TREE_TEMPLATES, OBJECT_TEMPLATE, "");
    struct store_txn *txn;

    for (int i = 0; i < count; i++) /* outside of a transaction */
        check(ids_take(&ids, store, &id[i], &why));
    text_puts(&o.body, "dataset = /data/invoices\nepochs = 10\n");
    check(store_begin(store, true, &txn, &why));
    for (int i = 0; i < count; i++) {
        o.id = id[i];
        snprintf(o.name, sizeof o.name, "t%07d", first + i);
        check(object_put(txn, &o, &why));
    }
    check(store_commit(txn, &why));
    object_release(&o);
    free(id);
}

static void make_templates(struct store *store, const char *state,
                           const char *count)
{
    int n = atoi(count);

    (void)state;
    for (int i = 0; i < n; i += TOGETHER)
        templates_add(store, i + 1, n - i < TOGETHER ? n - i : TOGETHER);
}

/* A model */

static void make_model(struct store *store, const char *state, const char *file)
{
    struct object family =
        object_new(store, TREE_MODELS, OBJECT_MODEL, "bench");
    struct object version = object_new(store, family.id, OBJECT_VERSION, "1");
    char path[4096];

    version.number = 1;
    snprintf(path, sizeof path, "%s/models", state);
    close(directory_own_make(AT_FDCWD, path, &why));
    snprintf(path, sizeof path, "%s/models/%llu", state,
             (unsigned long long)version.id);
    int dir = directory_own_make(AT_FDCWD, path, &why);
    check(dir < 0 ? dir : 0);
    int from = file_open(AT_FDCWD, file, &why);
    check(from < 0 ? from : 0);
    check(file_copy(from, dir, "model.onnx", (uint64_t)1 << 30, &why));
    close(from);
    close(dir);
    object_add(store, &family);
    object_add(store, &version);
}

/* Rows */

/* The bytes that this process has written, as the kernel counts them. */
static double bytes_written(void)
{
    char line[64];
    double n = 0;
    FILE *io = fopen("/proc/self/io", "r");

    while (io && fgets(line, sizeof line, io))
        sscanf(line, "wchar: %lf", &n);
    if (io)
        fclose(io);
    return n;
}

static void row_add(struct store *store, uint64_t process, int i)
{
    struct process p;
    struct store_txn *txn;
    char row[160];

    int n = snprintf(row, sizeof row,
                     "2026-11-25T02:%02d:%02d.%03dZ,%d,%d,0.0423,1.2345,,,"
                     "331.2\n",
                     i / 60 % 60, i % 60, i % 1000, i / 100, i);
    check(store_begin(store, true, &txn, &why));
    check(process_load(txn, process, &p, &why));
    p.row_iteration = (uint64_t)i;
    p.row_time = p.changed = (double)clock_ns() / 1e9;
    check(stream_append(txn, process_metrics(&p), row, (size_t)n, &why));
    check(process_save(txn, &p, &why));
    process_release(&p);
    check(store_commit(txn, &why));
}

static void rows_add(struct store *store, uint64_t process, int from, int to,
                     bool tell)
{
    double bytes = bytes_written();
    int64_t began = clock_ns();

    for (int i = from; i < to; i++)
        row_add(store, process, i);
    if (tell)
        printf("%.0f %.1f ", (bytes_written() - bytes) / (to - from),
               (double)(clock_ns() - began) / 1e3 / (to - from));
}

static void make_rows(struct store *store, const char *state, const char *count)
{
    struct object o =
        object_new(store, TREE_PROCESSES, OBJECT_PROCESS, "local");
    struct process p;
    struct store_txn *txn;
    int n = atoi(count);

    (void)state;
    if (n < 2 * SAMPLE)
        errx(2, "at least %d rows", 2 * SAMPLE);
    object_add(store, &o);
    process_init(&p);
    p.id = o.id;
    p.created = p.changed = p.status_changed = (double)o.mtime / 1e9;
    strcpy(p.machine, "local");
    check(store_begin(store, true, &txn, &why));
    check(store_end(txn, process_save(txn, &p, &why), &why));
    rows_add(store, o.id, 0, SAMPLE, true);
    rows_add(store, o.id, SAMPLE, n - SAMPLE, false);
    rows_add(store, o.id, n - SAMPLE, n, true);
    printf("\n");
}

static const struct {
    const char *name;
    void (*make)(struct store *store, const char *state, const char *what);
} kinds[] = {
    {"templates", make_templates},
    {"model", make_model},
    {"rows", make_rows},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

int main(int argc, char **argv)
{
    struct store *store;
    int kind = 0;

    while (argc == 4 && kind < KINDS && strcmp(kinds[kind].name, argv[2]))
        kind++;
    if (argc != 4 || kind == KINDS)
        errx(2, "usage: objects STATE templates|model|rows N|FILE");
    int dir = directory_own_make(AT_FDCWD, argv[1], &why);
    check(dir < 0 ? dir : store_open(&store, dir, true, &why));
    kinds[kind].make(store, argv[1], argv[3]);
    store_close(store);
    return 0;
}
