/* What new inputs may be called, and what becomes of old ones with names that
 * are refused now. */
#include "tests/unit/world.h"

#include "core/basic/name.h"

#include <errno.h>

static const struct caller root = {0, 0, 0};

static const char composed[] = "\xd0\xb9", /* й */
    decomposed[] = "\xd0\xb8\xcc\x86",     /* и with a breve */
    hangul[] = "\xea\xb0\x81", jamo[] = "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8",
                  half[] = "\xea\xb0\x80\xe1\x86\xa8", /* both mixed */
    kelvin[] = "\xe2\x84\xaa", angstrom[] = "\xe2\x84\xab";

static int make(struct world *w, const char *name, struct reason *why)
{
    return put_as(w, &root, "templates", name, "seed = 1\n", O_TRUNC, why);
}

static int move(struct world *w, const char *from, const char *to,
                struct reason *why)
{
    struct node dir = at(w, "templates");
    return tree_rename(&w->primo, &root,
                       &(struct renaming){dir, from, dir, to, false}, why);
}

static int drop(struct world *w, const char *name)
{
    return tree_unlink(&w->primo, &root, at(w, "templates"), name, NULL);
}

/* Puts an object there that the functions of today would not make. */
static void make_old(struct world *w, uint64_t parent, enum object_kind kind,
                     const char *name)
{
    struct object o = {.parent = parent, .kind = kind, .mode = 0644};
    struct store_txn *txn;
    assert_int_equal(ids_take(&w->primo.ids, w->primo.store, &o.id, NULL), 0);
    strcpy(o.name, name);
    text_puts(&o.body, "seed = 1\n");
    assert_int_equal(store_begin(w->primo.store, true, &txn, NULL), 0);
    assert_int_equal(store_end(txn, object_put(txn, &o, NULL), NULL), 0);
    object_release(&o);
}

static void twins(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool twins;
    } cases[] = {
        {composed, decomposed, true},
        {hangul, jamo, true},
        {hangul, half, true},
        {half, jamo, true},
        {kelvin, "K", true},
        {angstrom, "A\xcc\x8a", true},
        {"a\xcc\x81\xcc\xa3", "a\xcc\xa3\xcc\x81", true}, /* two marks */
        {composed, composed, false},
        {"", composed, false},
        {"\xd0\xb8", composed, false},
        {"\xd0\xb8", decomposed, false},
        {"e", "e\xcc\x81", false},
        {"a", "b", false},
        {"a", "a", false},
        {"a", "\xd0\xb0", false}, /* Cyrillic: another letter */
        {"e\xcc\x81", "e\xcc\x80", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char a[64], b[64];
        snprintf(a, sizeof a, "x%sy", cases[i].a);
        snprintf(b, sizeof b, "x%sy", cases[i].b);
        if (name_is_twin(cases[i].a, cases[i].b) != cases[i].twins ||
            name_is_twin(cases[i].b, cases[i].a) != cases[i].twins ||
            name_is_twin(a, b) != cases[i].twins)
            fail_msg("case %zu", i);
        assert_true(!cases[i].twins ||
                    (name_has_twins(cases[i].a) && name_has_twins(cases[i].b)));
    }
}

static void names_that_cannot_be_told_apart(void **state)
{
    struct world *w = *state;
    struct node n;
    static const char *const bad[] = {
        "-rf",
        "-",
        "--help",
        "-x~",
        "a\xef\xb8\x80",     /* U+FE00, a variation selector */
        "a\xf3\xa0\x84\x80", /* U+E0100 */
        "a\xcd\x8f",         /* U+034F, a joiner */
        "\xe3\x85\xa4",      /* U+3164, the Hangul filler */
        "\xe1\x85\xa0",      /* U+1160 */
        "\xe1\x85\x9f",      /* U+115F */
        "\xef\xbe\xa0",      /* U+FFA0 */
        "\xe2\xa0\x80",      /* U+2800, an empty Braille cell */
        "a\xe1\x9e\xb4",     /* U+17B4 */
        "a\xe1\xa0\x8b",     /* U+180B */
        "a\xe2\x80\x8d",     /* U+200D */
        "a\xc2\xad",         /* U+00AD */
        "a\xe2\x80\x8b"
        "b", /* U+200B */
        "\xef\xbb\xbf"
        "a",                 /* U+FEFF */
        "a\xd8\x9c",         /* U+061C */
        "a\xf0\x96\xbf\xa4", /* U+16FE4 */
        ".\xe3\x85\xa4",     /* and in scratch files */
        ".\xe2\x80\xae",
        "\xe2\xa0\x80~",
    };
    static const char *const good[] = {
        "a-b", "Счета-2026", decomposed, hangul, kelvin, angstrom, "日本語",
        "क्षि", "ที่",          ".x",       "x~",   "#x#",  "a.-b"};
    assert_int_equal(make(w, "old", NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reason why = REASON_INIT;
        if (make(w, bad[i], &why) != -EINVAL || !*why.sentence)
            fail_msg("'%s' was made", bad[i]);
        if (*bad[i] != '-' && !strstr(why.sentence, "but U+"))
            fail_msg("'%s': %s", bad[i], why.sentence);
        if (move(w, "old", bad[i], &why) != -EINVAL)
            fail_msg("'%s' was given", bad[i]);
        assert_int_equal(walk(w, "templates/old", &n), 0);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct reason why = REASON_INIT;
        if (make(w, good[i], &why))
            fail_msg("'%s': %s", good[i], why.sentence);
        drop(w, good[i]);
        assert_int_equal(move(w, "old", good[i], &why), 0);
        assert_int_equal(move(w, good[i], "old", &why), 0);
    }
}

static void a_twin_is_refused(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node n;
    assert_int_equal(make(w, composed, &why), 0);
    assert_int_equal(make(w, composed, &why), 0); /* it is written again */
    assert_int_equal(make(w, decomposed, &why), -EINVAL);
    assert_non_null(strstr(why.sentence, composed));
    assert_int_equal(walk(w, "templates/\xd0\xb8\xcc\x86", &n), -ENOENT);
    assert_int_equal(make(w, "x", &why), 0);
    assert_int_equal(move(w, "x", decomposed, &why), -EINVAL);
    assert_int_equal(make(w, ".x", &why), 0);
    assert_int_equal(move(w, ".x", decomposed, &why), -EINVAL);
    assert_int_equal(move(w, ".x", composed, &why), 0); /* as editors save */
    /* the other form is given by renaming, and both by an editor's backup */
    assert_int_equal(move(w, composed, decomposed, &why), 0);
    assert_int_equal(make(w, composed, &why), -EINVAL);
    assert_int_equal(move(w, decomposed, "x~", &why), 0);
    assert_int_equal(move(w, "x~", decomposed, &why), 0);
    assert_int_equal(drop(w, decomposed), 0);
    assert_int_equal(make(w, composed, &why), 0);
    /* in another directory it is no twin */
    assert_int_equal(
        put_as(w, &root, "machines", decomposed, "", O_TRUNC, &why), 0);
    /* files that are not saved yet count, too */
    struct handle *h;
    struct creation c = {at(w, "templates"), hangul, 0644, O_WRONLY};
    assert_int_equal(handle_create(&w->primo, &root, &c, &n, &h, &why), 0);
    assert_int_equal(make(w, jamo, &why), -EINVAL);
    handle_close(h, NULL);
    /* and so do the models of a template that is gone */
    make_old(w, TREE_MODELS, OBJECT_MODEL, angstrom);
    assert_int_equal(make(w, "A\xcc\x8a", &why), -EINVAL);
    assert_int_equal(make(w, angstrom, &why), 0);
}

static void old_names_stay(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct handle *h;
    static const char *const old[] = {"-rf", "a\xef\xb8\x80", "\xe3\x85\xa4",
                                      "\xd0\xb9", "\xd0\xb8\xcc\x86"};
    for (size_t i = 0; i < sizeof old / sizeof *old; i++)
        make_old(w, TREE_TEMPLATES, OBJECT_TEMPLATE, old[i]);
    primo_close(&w->primo);
    world_open(w);
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        struct node n, dir = at(w, "templates");
        struct text text = TEXT_INIT;
        assert_int_equal(tree_find(&w->primo, dir, old[i], &n, &why), 0);
        assert_int_equal(
            handle_open(&w->primo, &root, n, O_RDONLY, NULL, &h, &why), 0);
        assert_int_equal(handle_read(h, 0, 100, &text, &why), 0);
        assert_string_equal(text_string(&text), "seed = 1\n");
        handle_close(h, NULL);
        text_release(&text);
        assert_int_equal(make(w, old[i], &why), 0); /* written in place */
        assert_int_equal(make(w, ".new", &why), 0);
        assert_int_equal(move(w, ".new", old[i], &why), 0); /* and replaced */
        assert_int_equal(move(w, old[i], "good", &why), 0);
        assert_int_equal(drop(w, "good"), 0);
    }
    make_old(w, TREE_TEMPLATES, OBJECT_TEMPLATE, old[0]);
    assert_int_equal(drop(w, old[0]), 0);
}

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twins),
        TEST(names_that_cannot_be_told_apart),
        TEST(a_twin_is_refused),
        TEST(old_names_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
