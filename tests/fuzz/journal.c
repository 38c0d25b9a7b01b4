/*
 * Journals, and the texts that they announce: all that a trainer tells, which
 * its user might forge. They go into a real store, as the supervisor takes them
 * over, and then all that is shown of the process is drawn.
 *
 * The input is the journal as it is, if it begins with the byte 0xFF. Otherwise
 * each line is a record: the letter of its kind, and what it says; those that
 * begin with '!' are the lines of the texts that are announced.
 */
#include "tests/fuzz/fuzz.h"

#include "core/basic/alloc.h"
#include "core/process/show.h"
#include "core/report/journal.h"
#include "core/state/events.h"
#include "core/store/node.h"
#include "core/store/stream.h"
#include "core/system/own.h"
#include "core/training/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCESS = 300, RUN = 301, USER = 1234, PIECE = 1 << 16 };

show_fn show_config, show_dataset, show_info, show_log, show_metrics,
    show_monitor_html, show_monitor_svg, show_progress, show_status, show_eta;

static char place[64];
static struct primo primo;
static struct text journal, artifact;

static int follow(const struct launch_target *target, uint64_t run,
                  uint64_t segment, uint64_t offset, struct text *out)
{
    (void)target;
    (void)run;
    if (segment != 1)
        return -ENOENT;
    if (offset < journal.size) {
        size_t left = journal.size - offset;
        text_add(out, journal.data + offset, left < PIECE ? left : PIECE);
    }
    return 0;
}

static int fetch_text(const struct launch_target *target, uint64_t run,
                      const char *name, uint64_t limit, struct text *out,
                      struct reason *why)
{
    (void)target;
    (void)run;
    (void)name;
    (void)why;
    text_add(out, text_string(&artifact),
             artifact.size < limit ? artifact.size : limit);
    return 0;
}

static const struct launcher liar = {
    .name = "liar", .follow = follow, .fetch_text = fetch_text};

static void must(int err)
{
    if (err)
        abort();
}

/* The store */

static void place_remove(void)
{
    char command[128];
    store_close(primo.store);
    close(primo.state_dir);
    text_release(&journal);
    text_release(&artifact);
    snprintf(command, sizeof command, "rm -rf %s", place);
    must(system(command));
}

static void place_make(void)
{
    if (*place)
        return;
    strcpy(place, "/dev/shm/primofs-fuzz.XXXXXX");
    if (!mkdtemp(place))
        abort();
    primo.state_dir = directory_own(AT_FDCWD, place, NULL);
    must(primo.state_dir < 0);
    must(store_open(&primo.store, primo.state_dir, true, NULL));
    atexit(place_remove);
}

/* A process whose trainer has just been started. */
static void process_put(void)
{
    struct store_txn *txn;
    struct process p;
    struct object o = {.id = PROCESS,
                       .parent = TREE_PROCESSES,
                       .kind = OBJECT_PROCESS,
                       .name = "local"};
    process_init(&p);
    p.id = PROCESS;
    strcpy(p.machine, "local");
    p.run = RUN;
    p.status = STATUS_RUNNING;
    p.run_uid = p.run_gid = p.author = USER;
    must(store_begin(primo.store, true, &txn, NULL));
    must(stream_drop(txn, process_metrics(&p), NULL));
    must(stream_drop(txn, process_log(&p), NULL));
    must(stream_drop(txn, EVENTS, NULL));
    must(blob_drop_all(txn, RUN, NULL));
    must(object_put(txn, &o, NULL));
    must(process_save(txn, &p, NULL));
    must(store_commit(txn, NULL));
    process_release(&p);
}

/* The input */

static void line_take(const char *line, size_t size)
{
    char *payload = strndup(line + 1, size - 1);
    if (*line == '!') {
        text_add(&artifact, line + 1, size - 1);
        text_puts(&artifact, "\n");
    } else {
        journal_frame(&journal, (enum journal_kind) * line, 1e9, payload);
    }
    free(payload);
}

static void input_take(const char *data, size_t size)
{
    text_clear(&journal);
    text_clear(&artifact);
    if (size && (uint8_t)*data == 0xFF) {
        text_add(&journal, data + 1, size - 1);
        return;
    }
    for (size_t from = 0; from < size;) {
        const char *end = memchr(data + from, '\n', size - from);
        size_t n = end ? (size_t)(end - data) - from : size - from;
        if (n)
            line_take(data + from, n);
        from += n + 1;
    }
}

/* What must be so */

static void shown_check(const struct text *t)
{
    for (size_t i = 0; i < t->size; i++) {
        unsigned char c = (unsigned char)t->data[i];
        if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7F)
            abort();
    }
}

static void all_show(const struct process *p)
{
    static show_fn *const all[] = {
        show_config,  show_dataset,     show_info,     show_log,
        show_metrics, show_monitor_svg, show_progress, show_monitor_html,
        show_status,  show_eta};
    struct store_txn *txn;
    must(store_begin(primo.store, false, &txn, NULL));
    struct show_request r = {
        .primo = &primo, .txn = txn, .process = (struct process *)p};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct text out = TEXT_INIT;
        struct reason why = REASON_INIT;
        if (all[i](&r, &out, &why) == 0)
            shown_check(&out);
        text_release(&out);
    }
    store_abort(txn);
}

static void result_check(void)
{
    struct process p;
    must(process_read(primo.store, PROCESS, &p, NULL));
    if (p.run_uid != USER || p.run_gid != USER || p.author != USER ||
        p.run != RUN || p.model || strcmp(p.machine, "local"))
        abort();
    all_show(&p);
    process_release(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct follow_state followed = {.more = true};
    const struct launch_site site = {.launcher = &liar};
    const struct launch_target target = {.site = &site};
    struct reason why = REASON_INIT;
    place_make();
    process_put();
    input_take((const char *)data, size);
    while (followed.more && !followed.succeeded)
        must(run_follow(&primo, &target, PROCESS, RUN, &followed, &why));
    result_check();
    return 0;
}
