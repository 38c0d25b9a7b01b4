/* Renaming while somebody else makes and removes the new name: without the
 * kernel, which lets only one at a time change a directory. */
#include "tests/unit/world.h"

#include "core/basic/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

static const struct caller root = {0, 0, 0}, anna = {54001, 54001, 0};

enum { SECONDS = 2 };

struct race {
    struct world *w;
    struct node dir;
    atomic_bool over;
    atomic_int renamed, refused; /* of anna's */
    int made, lost;              /* of root's */
};

static int make(struct race *r, const struct caller *who, const char *name,
                struct node *out)
{
    struct creation c = {r->dir, name, 0644, O_WRONLY};
    struct handle *h;
    int err = handle_create(&r->w->primo, who, &c, out, &h, NULL);
    if (err == 0)
        handle_close(h, NULL);
    return err;
}

static void *rename_run(void *context)
{
    struct race *r = context;
    struct renaming to_y = {r->dir, ".n", r->dir, ".y", false};
    while (!r->over) {
        struct node n;
        make(r, &anna, ".n", &n);
        int err = tree_rename(&r->w->primo, &anna, &to_y, NULL);
        r->renamed += err == 0;
        r->refused += err == -EACCES;
        tree_unlink(&r->w->primo, &anna, r->dir, err ? ".n" : ".y", NULL);
    }
    return NULL;
}

static void make_once(struct race *r)
{
    struct node n, found;
    if (make(r, &root, ".y", &n))
        return; /* hers is there */
    r->made++;
    for (int i = 0; i < 20; i++)
        if (tree_find(&r->w->primo, r->dir, ".y", &found, NULL) ||
            found.object != n.object) {
            r->lost++;
            break;
        }
    tree_unlink(&r->w->primo, &root, r->dir, ".y", NULL);
    for (int i = 0; i < 20; i++)
        tree_find(&r->w->primo, r->dir, ".y", &found, NULL);
}

/* anna may create files and not edit those of others: what she renames takes no
 * name that somebody else's file has by then. She has that right by her group,
 * which takes some time to find out. */
static void rights_are_those_of_the_moment(void **state)
{
    struct world *w = *state;
    struct race r = {.w = w, .dir = at(w, "templates")};
    pthread_t thread;
    assert_int_equal(put_as(w, &root, "roles", "a",
                            "members = @54001\ntemplates = create\n", O_TRUNC,
                            NULL),
                     0);
    int64_t end = monotonic_ns() + SECONDS * 1000000000LL;
    pthread_create(&thread, NULL, rename_run, &r);
    while (monotonic_ns() < end)
        make_once(&r);
    r.over = true;
    pthread_join(thread, NULL);
    print_message("%d made, %d lost; %d renamed, %d refused\n", r.made, r.lost,
                  r.renamed, r.refused);
    assert_int_equal(r.lost, 0);
    assert_true(r.made > 0 && r.renamed > 0 && r.refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rights_are_those_of_the_moment,
                                        world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
