/*
 * A database that a disk has changed. What --check lets pass must not end the
 * program, and --salvage must get through whatever is there.
 *
 * The input is a list of changes of five bytes to a database that was in order:
 * a page, an offset in it (two bytes), what the byte there becomes, and what is
 * done: 0xFF cuts the file behind that page, 0xFE copies the page before onto
 * it, all else sets the byte.
 */
#include "tests/fuzz/fuzz.h"

#include "core/basic/clock.h"
#include "core/check.h"
#include "core/salvage.h"
#include "core/store/node.h"
#include "core/store/object.h"
#include "core/store/stream.h"
#include "core/system/file.h"
#include "core/system/own.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, CHANGE = 5, OBJECTS = 40 };

static char place[64];
static struct text whole, changed;

static void must(int err)
{
    if (err)
        abort();
}

static void command_run(const char *command)
{
    char line[256];
    snprintf(line, sizeof line, "cd %s && %s", place, command);
    must(system(line));
}

static void place_remove(void)
{
    command_run("rm -rf \"$PWD\"");
    text_release(&whole);
    text_release(&changed);
}

/* The database that is changed: objects and texts of all tables, on pages that
 * are full and on some that are free. */
static void objects_put(struct store *store)
{
    struct store_txn *txn;
    char line[OBJECTS * 200];
    memset(line, 'x', sizeof line);
    for (uint64_t i = 0; i < OBJECTS; i++) {
        struct object o = {.id = OBJECT_FIRST_ID + i,
                           .parent = TREE_TEMPLATES,
                           .kind = OBJECT_TEMPLATE};
        snprintf(o.name, sizeof o.name, "template-%d", (int)i);
        text_add(&o.body, line, (size_t)i * 13);
        must(store_begin(store, true, &txn, NULL));
        must(object_put(txn, &o, NULL));
        must(stream_append(txn, (struct stream){o.id, 'l'}, line, sizeof line,
                           NULL));
        must(blob_put(txn, o.id, 'c', line, (size_t)i * 200, NULL));
        if (i % 5 == 0)
            must(object_drop(txn, &o, NULL));
        must(store_commit(txn, NULL));
        text_release(&o.body);
    }
}

static void whole_read(void)
{
    struct stat st;
    char path[96];
    snprintf(path, sizeof path, "%s/db/data.mdb", place);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        abort();
    text_resize(&whole, (size_t)st.st_size);
    must(descriptor_read_at(fd, whole.data, whole.size, 0));
    close(fd);
}

static void place_make(void)
{
    struct store *store;
    if (*place)
        return;
    strcpy(place, "/dev/shm/primofs-fuzz.XXXXXX");
    if (!mkdtemp(place))
        abort();
    int dir = directory_own(AT_FDCWD, place, NULL);
    must(dir < 0 || store_open(&store, dir, true, NULL));
    objects_put(store);
    store_close(store);
    close(dir);
    whole_read();
    atexit(place_remove);
    must(!freopen("/dev/null", "w", stdout)); /* what is said of the damage */
}

static void change(const uint8_t *c)
{
    size_t pages = changed.size / PAGE, page = c[0] % (pages ? pages : 1);
    char *at = changed.data + page * PAGE;
    if (!pages)
        return;
    if (c[4] == 0xFF)
        text_resize(&changed, page * PAGE + (size_t)c[1] % 2 * 100);
    else if (c[4] == 0xFE && page)
        memcpy(at, at - PAGE, PAGE);
    else
        at[(c[1] | c[2] << 8) % PAGE] = (char)c[3];
}

static void changed_write(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/db/data.mdb", place);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 ||
        write(fd, text_string(&changed), changed.size) != (ssize_t)changed.size)
        abort();
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reason why = REASON_INIT;
    place_make();
    text_clear(&changed);
    text_add(&changed, text_string(&whole), whole.size);
    for (size_t i = 0; i + CHANGE <= size; i += CHANGE)
        change(data + i);
    changed_write();
    if (check_state(place, &why) == 0)
        return 0;
    if (salvage(place, &why) == 0) {
        must(check_state(place, &why));
        command_run("rm -rf db.damaged.* copies salvage lost");
    }
    return 0;
}
