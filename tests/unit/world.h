/* What tests of the tree share: a state directory of their own, its files by
 * their paths, and writing as a shell does. */
#ifndef PRIMO_TEST_WORLD_H
#define PRIMO_TEST_WORLD_H

#include "core/open.h"
#include "core/tree/gate.h"
#include "core/tree/handle.h"
#include "core/tree/tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
    char dir[64];
    struct primo primo;
};

static inline void world_open(struct world *w)
{
    struct reason why = REASON_INIT;
    if (primo_open(&w->primo, w->dir, &why))
        fail_msg("%s", why.sentence);
}

/* Makes the directory; it is not opened yet. */
static inline struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/primofs_test.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    return w;
}

/* Removes the directory, which has been closed before. */
static inline void world_free(struct world *w)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
}

static inline int world_set_up(void **state)
{
    struct world *w = world_new();
    world_open(w);
    *state = w;
    return 0;
}

static inline int world_tear_down(void **state)
{
    struct world *w = *state;
    primo_close(&w->primo);
    world_free(w);
    return 0;
}

/* Looks up a path such as "templates/a"; returns the result of the last
 * look-up. */
static inline int walk(struct world *w, const char *path, struct node *out)
{
    char copy[256], *rest = copy, *name;
    int err = 0;
    snprintf(copy, sizeof copy, "%s", path);
    *out = (struct node){TREE_ROOT, 0};
    while (err == 0 && (name = strsep(&rest, "/"))) {
        struct node dir = *out;
        if (*name)
            err = tree_find(&w->primo, dir, name, out, NULL);
    }
    return err;
}

static inline struct node at(struct world *w, const char *path)
{
    struct node n;
    if (walk(w, path, &n))
        fail_msg("%s is not there", path);
    return n;
}

/* Writes a file, with the flags of open(), and makes it if it does not
 * exist. */
static inline int put_as(struct world *w, const struct caller *who,
                         const char *dir, const char *name, const char *text,
                         int flags, struct reason *why)
{
    struct node d = at(w, dir), n;
    struct handle *h;
    int err = tree_find(&w->primo, d, name, &n, NULL);
    err = err ? handle_create(&w->primo, who,
                              &(struct creation){d, name, 0644, O_WRONLY}, &n,
                              &h, why)
              : handle_open(&w->primo, who, n, O_WRONLY | flags, NULL, &h, why);
    if (err)
        return err;
    err = handle_write(h, 0, text, strlen(text), why);
    if (err == 0)
        err = handle_flush(h, why);
    handle_close(h, NULL);
    return err;
}

/* Writes a role as the administrator; the test fails where it is refused. */
static inline void role(struct world *w, const char *name, const char *text)
{
    const struct caller administrator = {0, 0, 0};
    struct reason why = REASON_INIT;
    if (put_as(w, &administrator, "roles", name, text, O_TRUNC, &why))
        fail_msg("%s: %s", name, why.sentence);
}

#endif
