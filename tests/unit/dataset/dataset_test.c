#include "trainer/dataset/dataset.h"

#include "trainer/pictures/picture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char place[64];

static int place_make(void **state)
{
    (void)state;
    strcpy(place, "/tmp/primo-dataset-XXXXXX");
    return mkdtemp(place) ? 0 : -1;
}

static int place_drop(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", place);
    return system(command) ? -1 : 0;
}

static void put(const char *path)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s/%s", place, path);
    for (char *s = whole + strlen(place) + 1; (s = strchr(s, '/')); s++) {
        *s = 0;
        mkdir(whole, 0777);
        *s = '/';
    }
    if (!whole[strlen(whole) - 1] || whole[strlen(whole) - 1] == '/')
        return;
    FILE *f = fopen(whole, "wb");
    assert_non_null(f);
    fclose(f);
}

/* FOLDER/000.jpg … */
static void put_many(const char *folder, int n)
{
    char path[256];
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%03d.jpg", folder, i);
        put(path);
    }
}

static int open_with(struct dataset *d, const char *path, const char *more,
                     struct reason *why)
{
    struct settings s;
    struct text text = TEXT_INIT;
    settings_init(&s);
    text_printf(&text, "dataset = %s\n%s", path, more);
    assert_int_equal(
        settings_parse(&s, text.data, text.size, SCOPE_TEMPLATE, "test", why),
        0);
    int err = dataset_open(d, &s, why);
    settings_release(&s);
    text_release(&text);
    return err;
}

static void opens(struct dataset *d, const char *more)
{
    struct reason why = REASON_INIT;
    if (open_with(d, place, more, &why))
        fail_msg("%s", why.sentence);
}

static void refused(const char *more, int code, const char *part)
{
    struct dataset d;
    struct reason why = REASON_INIT;
    assert_int_equal(open_with(&d, place, more, &why), -code);
    if (!strstr(why.sentence, part))
        fail_msg("'%s' has no '%s'", why.sentence, part);
    dataset_release(&d);
}

/* "dog/1.jpg=1 …": paths and labels, in order. */
static char *list(const struct dataset *d, const struct sample *s, int n)
{
    static char out[8192];
    out[0] = 0;
    for (int i = 0; i < n; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s=%d",
                 i ? " " : "", dataset_relative(d, s[i].path), s[i].label);
    return out;
}

static void classes_are_sorted_and_files_chosen(void **state)
{
    (void)state;
    struct dataset d;
    put("train/b/2.JPG");
    put("train/b/1.png");
    put("train/b/x.txt");
    put("train/b/jpg");
    put("train/b/.hidden.jpg");
    put("train/b/deep/er/3.Tiff");
    put("train/B/1.jpeg");
    put("train/a/1.jpg");
    put("train/.git/1.jpg");
    put("test/a/9.bmp");
    put("stray.jpg");
    opens(&d, "");
    assert_int_equal(d.classes, 3);
    assert_string_equal(d.class_names[0], "B");
    assert_string_equal(d.class_names[1], "a");
    assert_string_equal(d.class_names[2], "b");
    assert_string_equal(list(&d, d.train, d.train_count),
                        "train/B/1.jpeg=0 train/a/1.jpg=1 train/b/1.png=2 "
                        "train/b/2.JPG=2 train/b/deep/er/3.Tiff=2");
    assert_string_equal(list(&d, d.test, d.test_count), "test/a/9.bmp=1");
    assert_non_null(strstr(text_string(&d.layout), "train/ and test/"));
    assert_non_null(strstr(text_string(&d.layout),
                           "not used: b: 1 file has no ending, 1 file ends in "
                           ".txt\n"));
    dataset_release(&d);
    refused("extensions = png bmp\n", EINVAL,
            "the classes 'B' (1 file ends in .jpeg), 'a' (1 file ends in .jpg) "
            "have no pictures (files ending in: png bmp)");
}

static void other_test_names_are_known(void **state)
{
    (void)state;
    static const char *const names[] = {"Validation", "valid", "val", "test"};
    struct dataset d;
    put_many("Train/a", 2);
    put_many("Train/b", 2);
    /* each name is sorted before the earlier ones */
    for (int i = 0; i < 4; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/a", names[i]);
        put_many(path, i + 1);
        opens(&d, "");
        assert_int_equal(d.test_count, i + 1);
        assert_int_equal(d.train_count, 4);
        if (i)
            assert_non_null(
                strstr(text_string(&d.layout), "not used: Validation/"));
        dataset_release(&d);
    }
}

static void train_alone_is_split(void **state)
{
    (void)state;
    struct dataset d;
    put_many("train/a", 10);
    put_many("train/b", 10);
    opens(&d, "");
    assert_int_equal(d.classes, 2);
    assert_int_equal(d.train_count, 16);
    assert_int_equal(d.test_count, 4);
    dataset_release(&d);
    put_many("car", 4); /* so train is a class like others */
    opens(&d, "");
    assert_int_equal(d.classes, 2);
    assert_string_equal(d.class_names[1], "train");
    assert_int_equal(d.train_count, 19);
    dataset_release(&d);
}

static void split_is_stratified(void **state)
{
    (void)state;
    static const struct {
        const char *fraction;
        int held[3]; /* how many are held out of 2, 11 and 50 */
    } rows[] = {{"test_fraction = 0.2\n", {1, 2, 10}},
                {"test_fraction = 0.01\n", {1, 1, 1}},
                {"test_fraction = 0.9\n", {1, 10, 45}}};
    put_many("a", 2);
    put_many("b", 11);
    put_many("c", 50);
    for (int i = 0; i < 3; i++) {
        struct dataset d;
        int held[3] = {0};
        opens(&d, rows[i].fraction);
        assert_int_equal(d.train_count + d.test_count, 63);
        for (int k = 0; k < d.test_count; k++)
            held[d.test[k].label]++;
        assert_memory_equal(held, rows[i].held, sizeof held);
        for (int k = 0; k < d.test_count; k++) /* no picture is in both parts */
            for (int j = 0; j < d.train_count; j++)
                assert_string_not_equal(d.test[k].path, d.train[j].path);
        dataset_release(&d);
    }
}

static void split_depends_on_seed_and_names(void **state)
{
    (void)state;
    struct dataset d;
    put_many("a", 40);
    put_many("b", 40);
    opens(&d, "seed = 5\n");
    char *first = strdup(list(&d, d.test, d.test_count));
    dataset_release(&d);
    opens(&d, "seed = 6\n");
    assert_string_not_equal(list(&d, d.test, d.test_count), first);
    dataset_release(&d);
    char command[256]; /* the same names, made in another order */
    snprintf(command, sizeof command,
             "cd %s && rm -r a b && mkdir b a && for i in $(seq 39 -1 0); do "
             "for c in b a; do : >$c/$(printf %%03d $i).jpg; done; done",
             place);
    assert_int_equal(system(command), 0);
    opens(&d, "seed = 5\n");
    assert_string_equal(list(&d, d.test, d.test_count), first);
    dataset_release(&d);
    free(first);
}

static void links_are_followed_but_not_in_circles(void **state)
{
    (void)state;
    struct dataset d;
    char path[128];
    put_many("train/a/sub", 3);
    put_many("train/b", 3);
    put_many("test/a", 1);
    put_many("more", 5);
    snprintf(path, sizeof path, "%s/train/a/sub/up", place);
    assert_int_equal(symlink("../..", path), 0);
    snprintf(path, sizeof path, "%s/train/b/more", place);
    assert_int_equal(symlink("../../more", path), 0);
    snprintf(path, sizeof path, "%s/train/b/gone.jpg", place);
    assert_int_equal(symlink("nowhere", path), 0);
    opens(&d, "");
    int labels[2] = {0};
    for (int i = 0; i < d.train_count; i++)
        labels[d.train[i].label]++;
    assert_int_equal(labels[1], 3 + 5 + 1);
    assert_int_equal(labels[0], 3); /* a/sub/up is train itself */
    assert_non_null(strstr(text_string(&d.layout),
                           "not used: train/a/sub/up (leads to a folder above "
                           "it)\n"));
    dataset_release(&d);
}

/* Who may put links into a data set need not be who may read what they lead to:
 * neither pictures, nor names, nor whether there is something. */
static void links_out_are_not_followed(void **state)
{
    (void)state;
    struct dataset d;
    struct picture p = PICTURE_INIT;
    char path[128], command[512];
    put_many("data/train/a", 3);
    put_many("data/train/b", 3);
    put_many("data/test/a", 1);
    put_many("secret/case-of-mr-smith", 4);
    snprintf(
        command, sizeof command,
        "cd %s/data && ln -s ../../../secret/case-of-mr-smith train/a/f && "
        "ln -s %s/secret/case-of-mr-smith/000.jpg train/a/p.jpg && "
        "ln -s ../../../secret/not-there train/b/n.jpg && "
        "ln -s %s/data/train/a/000.jpg train/b/inside.jpg && "
        "ln -s ../../secret train/out && ln -s ../secret/x test/a/x.jpg",
        place, place, place);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/data", place);
    assert_int_equal(open_with(&d, path, "", NULL), 0);
    assert_int_equal(d.classes, 2);
    assert_int_equal(d.train_count, 3 + 3 + 1);
    assert_non_null(strstr(text_string(&d.layout),
                           "not used: 2 links that lead out of the dataset, or "
                           "nowhere: a"));
    assert_non_null(strstr(text_string(&d.layout),
                           "not used: 1 link that leads out of the dataset, or "
                           "nowhere: b"));
    assert_non_null(strstr(text_string(&d.layout),
                           "not used: 1 link that leads out of the dataset, or "
                           "nowhere\n"));
    assert_null(strstr(text_string(&d.layout), "smith"));
    /* also where a folder becomes a link once its names are known */
    snprintf(command, sizeof command,
             "cd %s/data/train && mv a old && ln -s ../../secret/"
             "case-of-mr-smith a",
             place);
    assert_int_equal(system(command), 0);
    assert_int_equal(
        picture_read_within(&p, d.dir, d.train[0].path, 0, 0, NULL), -EXDEV);
    dataset_release(&d);
}

static void what_cannot_be_trained_on_is_refused(void **state)
{
    (void)state;
    struct dataset d;
    struct reason why = REASON_INIT;
    assert_int_equal(open_with(&d, "/nowhere/at/all", "", &why), -ENOENT);
    dataset_release(&d);
    assert_non_null(strstr(why.sentence, "'/nowhere/at/all'"));
    assert_int_equal(open_with(&d, "/dev/null", "", &why), -ENOTDIR);
    dataset_release(&d);
    assert_int_equal(open_with(&d, "", "", &why), -EINVAL);
    dataset_release(&d);
    assert_non_null(strstr(why.sentence, "there is no dataset"));
    refused("", EINVAL, "no class folders");
    put_many("only", 9);
    refused("", EINVAL, "one class, 'only'; at least two");
    put("only/wrapped/");
    char hint[128];
    snprintf(hint, sizeof hint, "did you mean '%s/only'?", place);
    refused("", EINVAL, hint);
    put("hollow/x.txt");
    refused("", EINVAL, "class 'hollow' (1 file ends in .txt) has no pictures");
    put_many("hollow", 1);
    refused("", EINVAL, "class 'hollow' has one file");
}

/* Datasets of competitions have a test/ without classes. */
static void a_test_part_needs_class_folders(void **state)
{
    (void)state;
    struct dataset d;
    put_many("train/a", 4);
    put_many("train/b", 4);
    put_many("test", 9);
    opens(&d, "");
    assert_int_equal(d.train_count, 6);
    assert_int_equal(d.test_count, 2);
    assert_non_null(strstr(text_string(&d.layout), "not used: test/\n"));
    dataset_release(&d);
    put_many("valid/b", 3);
    opens(&d, "");
    assert_int_equal(d.train_count, 8);
    assert_int_equal(d.test_count, 3);
    assert_non_null(strstr(text_string(&d.layout), "train/ and valid/\n"));
    dataset_release(&d);
}

static void loose_pictures_are_told(void **state)
{
    (void)state;
    struct dataset d;
    put_many("a", 3);
    put_many("b", 3);
    put("x.jpg");
    put("notes.txt");
    opens(&d, "");
    assert_non_null(strstr(text_string(&d.layout),
                           "not used: 1 picture beside the class folders\n"));
    dataset_release(&d);
}

static void parts_must_fit_together(void **state)
{
    (void)state;
    put_many("train/a", 1);
    put_many("train/b", 1);
    put("test/");
    put("test/a/");
    refused("", EINVAL, "has no pictures");
    put_many("test/a", 1);
    put_many("test/c", 1);
    refused("", EINVAL, "class 'c' of the test part");
    put_many("test/A", 1);
    refused("", EINVAL, "'A' (there is 'a'), 'c'");
}

static void class_names_are_lines_of_text(void **state)
{
    (void)state;
    put_many("good", 2);
    put_many("new\nline", 2);
    refused("", EINVAL, "the class folder 'new\\nline' must be");
    char command[128];
    snprintf(command, sizeof command, "rm -r %s/new*", place);
    assert_int_equal(system(command), 0);
    put_many("latin\xe9", 2);
    refused("", EINVAL, "'latin\\xe9' must be valid UTF-8");
}

/* Folders that systems make must become neither classes nor pictures. */
static void folders_of_systems_are_left_out(void **state)
{
    (void)state;
    struct dataset d;
    put_many("a", 3);
    put_many("b", 3);
    put_many("a/@eaDir/000.jpg", 2);
    put_many("#recycle", 3);
    put_many("$Recycle.bin/S-1-5", 3);
    put_many("lost+found", 1);
    put("a/Thumbs.db");
    opens(&d, "");
    assert_int_equal(d.classes, 2);
    assert_int_equal(d.train_count + d.test_count, 6);
    assert_non_null(strstr(text_string(&d.layout), "not used: a/@eaDir/\n"));
    assert_non_null(strstr(text_string(&d.layout), "not used: #recycle/\n"));
    assert_null(strstr(text_string(&d.layout), ".db"));
    dataset_release(&d);
}

static void a_link_to_all_is_no_class(void **state)
{
    (void)state;
    struct dataset d;
    char path[128];
    put_many("a", 3);
    put_many("b/deep", 3);
    snprintf(path, sizeof path, "%s/again", place);
    assert_int_equal(symlink(".", path), 0);
    snprintf(path, sizeof path, "%s/b/deep/root", place);
    assert_int_equal(symlink(place, path), 0);
    opens(&d, "");
    assert_int_equal(d.classes, 2);
    assert_int_equal(d.train_count + d.test_count, 6);
    assert_non_null(strstr(text_string(&d.layout),
                           "not used: again (leads to a folder above it)\n"));
    assert_non_null(
        strstr(text_string(&d.layout),
               "not used: b/deep/root (leads to a folder above it)\n"));
    dataset_release(&d);
}

static void parts_by_other_names_are_no_classes(void **state)
{
    (void)state;
    struct dataset d;
    put_many("training/a", 3);
    put_many("training/b", 3);
    put_many("testing/a", 3);
    put_many("testing/b", 3);
    refused("", EINVAL,
            "'testing' and 'training' in the dataset hold the same "
            "folders ('a', 'b')");
    char command[128];
    snprintf(command, sizeof command, "rm -r %s/t*", place);
    assert_int_equal(system(command), 0);
    put_many("bills/2024", 3); /* years are how people file */
    put_many("bills/2025", 3);
    put_many("letters/2024", 3);
    put_many("letters/2025", 3);
    opens(&d, "");
    assert_int_equal(d.classes, 2);
    dataset_release(&d);
}

static void names_that_look_alike_are_told(void **state)
{
    (void)state;
    struct dataset d;
    put_many("Acme", 2);
    put_many("acme", 2);
    put_many("other", 2);
    put_many("\xd0\xb9", 2);         /* one letter of Russian */
    put_many("\xd0\xb8\xcc\x86", 2); /* the same from two */
    opens(&d, "");
    assert_int_equal(d.classes, 5);
    assert_non_null(strstr(text_string(&d.layout),
                           "class names that are alike: 'Acme', 'acme'\n"));
    assert_non_null(strstr(text_string(&d.layout),
                           "alike: '\xd0\xb8\xcc\x86', '\xd0\xb9'\n"));
    dataset_release(&d);
}

/* Who has to mend twenty things wants to know of all of them. */
static void all_faults_are_said_at_once(void **state)
{
    (void)state;
    struct dataset d;
    struct reason why = REASON_INIT;
    put_many("good", 4);
    for (int i = 0; i < 20; i++) {
        char path[64];
        snprintf(path, sizeof path, "empty%d/", i);
        put(path);
        snprintf(path, sizeof path, "single%d", i);
        put_many(path, 1);
    }
    put("scans/1.pdf");
    assert_int_equal(open_with(&d, place, "", &why), -EINVAL);
    assert_non_null(strstr(why.sentence, "'empty19'"));
    assert_non_null(strstr(why.sentence, "'single19'"));
    assert_non_null(strstr(why.sentence, "'scans' (1 file ends in .pdf)"));
    assert_true(dataset_has_classes(&d));
    dataset_release(&d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(classes_are_sorted_and_files_chosen),
        TEST(other_test_names_are_known),
        TEST(train_alone_is_split),
        TEST(split_is_stratified),
        TEST(split_depends_on_seed_and_names),
        TEST(links_are_followed_but_not_in_circles),
        TEST(links_out_are_not_followed),
        TEST(what_cannot_be_trained_on_is_refused),
        TEST(a_test_part_needs_class_folders),
        TEST(loose_pictures_are_told),
        TEST(parts_must_fit_together),
        TEST(class_names_are_lines_of_text),
        TEST(folders_of_systems_are_left_out),
        TEST(a_link_to_all_is_no_class),
        TEST(parts_by_other_names_are_no_classes),
        TEST(names_that_look_alike_are_told),
        TEST(all_faults_are_said_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
