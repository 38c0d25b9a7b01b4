/* roles.h, groups.h and the gate: who may do what, with no mount. */
#include "core/process/process.h"
#include "core/tree/gate.h"
#include "core/tree/input.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Users with numbers that nobody has, and with no groups but their own. */
static const struct caller root = {0, 0, 0}, anna = {54001, 54001, 0},
                           bert = {54002, 54002, 0};

static int put(struct world *w, const struct caller *who, const char *dir,
               const char *name, const char *text, struct reason *why)
{
    return put_as(w, who, dir, name, text, O_TRUNC, why);
}

static int look(struct world *w, const struct caller *who, const char *path,
                int flags, struct reason *why)
{
    struct handle *h;
    int err = handle_open(&w->primo, who, at(w, path), flags, NULL, &h, why);
    if (err == 0)
        handle_close(h, NULL);
    return err;
}

/* Grammar */

static void takes_the_grammar(void **state)
{
    struct world *w = *state;
    static const char *const good[] = {
        "",
        "members =\n",
        "members = root\n",
        "members = root, nobody\t0\n",
        "members = @nogroup 4294967294 @0\ntemplates = view\n",
        "templates = view, create\nprocesses = manage,view create\n",
        "templates =\nroles = view create edit delete manage\n"};
    static const struct {
        const char *text;
        int column;
        const char *sentence;
    } bad[] = {
        {"members = nobody-at-all\n", 11, "no user 'nobody-at-all'"},
        {"members = root @nobodies\n", 11, "no group 'nobodies'"},
        {"members = @\n", 11, "groups behind '@'"},
        {"members = 4294967295\n", 11, "names or numbers of users"},
        {"members = 99999999999999999999\n", 11, "names or numbers"},
        {"templates = see\n", 13, "any of view, create, edit, delete and "},
        {"templates = view view\n", 13, "got 'view view'"},
        {"templates = view,view\n", 13, "separated by spaces or commas"},
        {"template = view\n", 1, "did you mean 'templates'?"},
        {"epochs = 3\n", 1, "unknown key 'epochs'"},
        {"roles = view\nroles = edit\n", 1, "twice"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        role(w, "a", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reason why = REASON_INIT;
        assert_int_equal(put(w, &root, "roles", "a", bad[i].text, &why),
                         -EINVAL);
        assert_int_equal(why.column, bad[i].column);
        if (!strstr(why.sentence, bad[i].sentence))
            fail_msg("'%s': '%s'", bad[i].text, why.sentence);
    }
}

static void the_words_are_the_rights(void **state)
{
    struct text words = TEXT_INIT;
    (void)state;
    for (int i = 0; i < RIGHTS; i++) {
        text_printf(&words, "%s%s", i ? " " : "", right_name((enum right)i));
        assert_int_equal(rights_parse(right_name((enum right)i)), 1 << i);
    }
    for (int key = KEY_TEMPLATES; key <= KEY_ROLES; key++)
        assert_string_equal(params[key].words, text_string(&words));
    assert_int_equal(rights_parse("view,manage"),
                     1 << RIGHT_VIEW | 1 << RIGHT_MANAGE);
    assert_int_equal(rights_parse(""), 0);
    text_release(&words);
}

/* Members */

static void status_files(void **state)
{
    struct groups g = GROUPS_INIT;
    (void)state;
    const char *text = "Name:\tGroups:\nUid:\t9\t9\t9\t54001\n"
                       "Gid:\t9\t9\t9\t54001\nGroups:\t27 100 4294967294 \n"
                       "NStgid:\t1\n";
    assert_true(groups_parse(&g, text, &anna));
    assert_int_equal(g.count, 4);
    assert_true(groups_have(&g, 54001));
    assert_true(groups_have(&g, 27));
    assert_true(groups_have(&g, 4294967294));
    assert_false(groups_have(&g, 1));
    groups_release(&g);
    /* the process id belongs to another user */
    assert_false(groups_parse(&g, text, &bert));
    assert_false(groups_parse(&g, "", &anna));
    assert_false(groups_parse(&g, "Uid:\t1\nGid:\t1\nGroups:\t1\n", &anna));
    assert_int_equal(g.count, 0);
    assert_true(groups_parse(
        &g, "Uid:\t0\t0\t0\t54001\nGid:\t0\t0\t0\t54001\nGroups:\t\n", &anna));
    assert_int_equal(g.count, 1);
    groups_release(&g);
}

/* Starts a process of anna's with a supplementary group; 0 where that is not
 * possible. */
static pid_t process_with_group(gid_t gid)
{
    int ends[2];
    char word;
    if (geteuid() != 0 || pipe(ends))
        return 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (setgroups(1, &gid) || setgid(anna.gid) || setuid(anna.uid))
            _exit(1);
        if (write(ends[1], "1", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ends[0], &word, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void supplementary_groups_count(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    role(w, "a", "members = @54010\ntemplates = create\n");
    assert_int_equal(put(w, &anna, "templates", "x", "", &why), -EACCES);
    struct caller in_group = anna;
    in_group.pid = process_with_group(54010);
    if (!in_group.pid)
        skip();
    assert_int_equal(put(w, &in_group, "templates", "x", "", &why), 0);
    struct caller liar = bert; /* the process is not his */
    liar.pid = in_group.pid;
    assert_int_equal(put(w, &liar, "templates", "y", "", &why), -EACCES);
    kill(in_group.pid, SIGKILL);
    waitpid(in_group.pid, NULL, 0);
    assert_int_equal(put(w, &in_group, "templates", "y", "", &why), -EACCES);
}

static void members_by_name_number_and_group(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct caller nobody = {65534, 1, 0}, other = {54009, 65534, 0};
    role(w, "a", "members = nobody @nogroup 54001\ntypes = view\n");
    w->primo.owner = 54003;
    assert_int_equal(look(w, &nobody, "types/classifier", O_RDONLY, &why), 0);
    assert_int_equal(look(w, &other, "types/classifier", O_RDONLY, &why), 0);
    assert_int_equal(look(w, &anna, "types/classifier", O_RDONLY, &why), 0);
    assert_int_equal(look(w, &bert, "types/classifier", O_RDONLY, &why),
                     -EACCES);
}

/* The gate */

static void roles_add_up_and_change_at_once(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node roles = at(w, "roles");
    assert_int_equal(look(w, &anna, "README", O_RDONLY, &why), -EACCES);
    role(w, "a", "members = 54001\n");
    assert_int_equal(look(w, &anna, "README", O_RDONLY, &why), 0);
    assert_int_equal(look(w, &bert, "README", O_RDONLY, &why), -EACCES);
    assert_int_equal(put(w, &anna, "templates", "x", "", &why), -EACCES);
    role(w, "b", "members = 54001\ntemplates = create\n");
    assert_int_equal(put(w, &anna, "templates", "x", "", &why), 0);
    assert_int_equal(look(w, &anna, "templates/x", O_RDONLY, &why), -EACCES);
    role(w, "a", "members = 54001\ntemplates = view\n");
    assert_int_equal(look(w, &anna, "templates/x", O_RDONLY, &why), 0);
    /* Until the editor has saved the new role, its backup counts. */
    assert_int_equal(
        tree_rename(&w->primo, &root,
                    &(struct renaming){roles, "a", roles, "a~", false}, &why),
        0);
    assert_int_equal(look(w, &anna, "templates/x", O_RDONLY, &why), 0);
    role(w, "a", "members = 54002\ntemplates = view\n");
    assert_int_equal(look(w, &anna, "templates/x", O_RDONLY, &why), -EACCES);
    assert_int_equal(look(w, &bert, "templates/x", O_RDONLY, &why), 0);
    assert_int_equal(tree_unlink(&w->primo, &root, roles, "a", &why), 0);
    assert_int_equal(look(w, &bert, "templates/x", O_RDONLY, &why), -EACCES);
}

static int act(struct world *w, const struct caller *who, const char *path,
               struct reason *why)
{
    struct tree_change touch = {.mtime_set = true, .now = true};
    return tree_change(&w->primo, who, at(w, path), &touch, why);
}

/* What anna tries, and the right that it needs. */
enum { VIEW = 1, CREATE = 2, EDIT = 4, DELETE = 8, MANAGE = 16, NONE = 32 };

static int step_list(struct world *w, struct reason *why)
{
    return tree_may(&w->primo, &anna, at(w, "templates"), RIGHT_VIEW, why);
}
static int step_read(struct world *w, struct reason *why)
{
    return look(w, &anna, "templates/x", O_RDONLY, why);
}
static int step_make(struct world *w, struct reason *why)
{
    int err = put(w, &anna, "templates", "new", "epochs = 3\n", why);
    if (err == 0)
        tree_unlink(&w->primo, &root, at(w, "templates"), "new", NULL);
    return err;
}
static int step_write(struct world *w, struct reason *why)
{
    return put(w, &anna, "templates", "x", "epochs = 3\n", why);
}
static int step_rename(struct world *w, struct reason *why)
{
    struct node dir = at(w, "templates");
    int err = tree_rename(&w->primo, &anna,
                          &(struct renaming){dir, "x", dir, "y", false}, why);
    if (err == 0)
        tree_rename(&w->primo, &root,
                    &(struct renaming){dir, "y", dir, "x", false}, NULL);
    return err;
}
static int step_date(struct world *w, struct reason *why)
{
    struct tree_change date = {.mtime_set = true, .mtime = 1};
    return tree_change(&w->primo, &anna, at(w, "templates/x"), &date, why);
}
static int step_remove(struct world *w, struct reason *why)
{
    int err = tree_unlink(&w->primo, &anna, at(w, "templates"), "x", why);
    if (err == 0)
        put(w, &root, "templates", "x", "", NULL);
    return err;
}

static void each_right_of_inputs(void **state)
{
    static const struct {
        unsigned needs;
        int (*step)(struct world *w, struct reason *why);
    } steps[] = {
        {VIEW, step_list},     {VIEW, step_read},   {CREATE, step_make},
        {EDIT, step_write},    {EDIT, step_rename}, {EDIT, step_date},
        {DELETE, step_remove},
    };
    struct world *w = *state;
    put(w, &root, "templates", "x", "", NULL);
    for (unsigned set = 0; set < 1u << RIGHTS; set++) {
        struct text text = TEXT_INIT;
        text_puts(&text, "members = 54001\ntemplates =");
        for (int i = 0; i < RIGHTS; i++)
            if (set >> i & 1)
                text_printf(&text, " %s", right_name((enum right)i));
        text_puts(&text, "\n");
        role(w, "a", text_string(&text));
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            struct reason why = REASON_INIT;
            int err = steps[i].step(w, &why);
            int wanted = set & steps[i].needs ? 0 : -EACCES;
            if (err != wanted)
                fail_msg("step %zu with '%s': %d, %s", i, text_string(&text),
                         err, why.sentence);
        }
        text_release(&text);
    }
}

static void each_right_of_processes(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node n, dir = at(w, "processes");
    const char *all = "members = 54001 54002\ntemplates = view\nprocesses = ";
    char text[128];
    put(w, &root, "templates", "x", "", NULL);
#define MAY(rights)                                                            \
    snprintf(text, sizeof text, "%s%s\n", all, rights);                        \
    role(w, "a", text)
    MAY("view edit delete manage");
    assert_int_equal(tree_mkdir(&w->primo, &anna, dir, "local", &n, &why),
                     -EACCES);
    assert_non_null(strstr(why.sentence, "'create' for processes"));
    MAY("create");
    assert_int_equal(tree_mkdir(&w->primo, &anna, dir, "local", &n, &why), 0);
    assert_int_equal(look(w, &anna, "overview", O_RDONLY, &why), -EACCES);
    assert_int_equal(look(w, &anna, "events", O_RDONLY, &why), -EACCES);
    assert_int_equal(look(w, &anna, "processes/local/status", O_RDONLY, &why),
                     -EACCES);
    assert_int_equal(look(w, &anna, "README", O_RDONLY, &why), 0);
    /* Setting the first template is a part of making a process, for its maker.
     */
    assert_int_equal(put(w, &anna, "processes/local", "template", "x\n", &why),
                     0);
    assert_int_equal(put(w, &bert, "processes/local", "template", "x\n", &why),
                     -EACCES);
    assert_non_null(strstr(why.sentence, "'edit' for processes"));
    assert_int_equal(put(w, &anna, "processes/local", "enabled", "no\n", &why),
                     -EACCES);
    assert_non_null(strstr(why.sentence, "'manage' for processes"));
    assert_int_equal(act(w, &anna, "processes/local/start", &why), -EACCES);
    assert_int_equal(look(w, &anna, "processes/local/start", O_WRONLY, &why),
                     -EACCES);
    MAY("view");
    assert_int_equal(look(w, &anna, "overview", O_RDONLY, &why), 0);
    assert_int_equal(look(w, &anna, "processes/local/status", O_RDONLY, &why),
                     0);
    assert_int_equal(put(w, &anna, "processes/local", "template", "x\n", &why),
                     -EACCES);
    MAY("manage");
    assert_int_equal(act(w, &anna, "processes/local/start", &why), -EINVAL);
    assert_int_equal(put(w, &anna, "processes/local", "enabled", "no\n", &why),
                     0);
    assert_int_equal(tree_rmdir(&w->primo, &anna, dir, "local", &why), -EACCES);
    assert_int_equal(
        tree_unlink(&w->primo, &anna, at(w, "processes/local"), "status", &why),
        -EACCES);
    MAY("edit");
    assert_int_equal(put(w, &bert, "processes/local", "template", "\n", &why),
                     0);
    MAY("delete");
    assert_int_equal(
        tree_unlink(&w->primo, &anna, at(w, "processes/local"), "status", &why),
        0);
    assert_int_equal(tree_rmdir(&w->primo, &anna, dir, "local", &why), 0);
}

/* A training would hand its starter whatever it is made of. */
static void starting_takes_what_may_be_viewed(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct tree_change closed = {.mode_set = true, .mode = 0600};
    struct node n;
    static const struct {
        const char *rights, *text, *refusal; /* the text has no data set */
    } cases[] = {
        {"", "", "'templates/x': the right 'view' for templates is missing"},
        {"templates = create", "",
         "'templates/x': the right 'view' for templates is missing"},
        {"templates = view", "", "has no dataset"},
        {"templates = view", "type = secret\n",
         "'types/secret': the right 'view' for types is missing"},
        {"templates = view\ntypes = view", "type = secret\n", "has no dataset"},
    };
    put(w, &root, "types", "secret", "goal = classification\n", &why);
    assert_int_equal(
        tree_mkdir(&w->primo, &root, at(w, "processes"), "local", &n, &why), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        snprintf(text, sizeof text, "members = 54001\nprocesses = manage\n%s\n",
                 cases[i].rights);
        role(w, "a", text);
        put(w, &root, "templates", "x", cases[i].text, &why);
        put(w, &root, "processes/local", "template", "x\n", &why);
        int err = act(w, &anna, "processes/local/start", &why);
        if (!strstr(why.sentence, cases[i].refusal))
            fail_msg("case %zu: %s", i, why.sentence);
        assert_int_equal(err,
                         strstr(cases[i].refusal, "right") ? -EACCES : -EINVAL);
    }
    /* modes count, too */
    tree_change(&w->primo, &root, at(w, "types/secret"), &closed, NULL);
    assert_int_equal(act(w, &anna, "processes/local/start", &why), -EACCES);
    assert_non_null(strstr(why.sentence, "'types/secret': the mode of"));
    assert_int_equal(act(w, &root, "processes/local/start", &why), -EINVAL);
    tree_change(&w->primo, &root, at(w, "templates/x"), &closed, NULL);
    assert_int_equal(act(w, &anna, "processes/local/start", &why), -EACCES);
    assert_non_null(strstr(why.sentence, "'templates/x': the mode of"));
    /* who may create templates may train by his own */
    role(w, "a", "members = 54001\nprocesses = manage\ntemplates = create\n");
    assert_int_equal(put(w, &anna, "templates", "mine", "", &why), 0);
    put(w, &root, "processes/local", "template", "mine\n", &why);
    assert_int_equal(act(w, &anna, "processes/local/start", &why), -EINVAL);
    assert_non_null(strstr(why.sentence, "has no dataset"));
}

/* A training reads its data set with the rights of who starts it, and shows
 * what is there to others. Whoever names a folder that he may not read himself
 * must not get it read by others unawares. */
static void the_dataset_of_another_is_confirmed(void **state)
{
    struct world *w = *state;
    static const struct {
        const struct caller *writer, *starter;
        const char *said, *refusal; /* NULL = it starts */
    } cases[] = {
        {&anna, &anna, "1", NULL},
        {&root, &anna, "1", NULL},
        {&root, &root, "1", NULL},
        {&anna, &root, "1", "'templates/x' was last written by 54001"},
        {&anna, &root, " \n", "dataset '/data/of anna' with"},
        {&anna, &root, "/data/of", "has the dataset '/data/of anna', not '/d"},
        {&anna, &root, "/data/of anna", NULL},
        {&anna, &root, "\t/data/of anna \n", NULL},
        {&anna, &bert, "start", "'templates/x' was last written by 54001"},
        {&anna, &bert, "/data/of anna\n", NULL},
        {&root, &root, "/elsewhere", "not '/elsewhere'"},
    };
    role(w, "a",
         "members = 54001 54002\ntemplates = view create edit\n"
         "processes = view edit manage\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reason why = REASON_INIT;
        struct node n, dir = at(w, "processes");
        char machine[32], path[64];
        snprintf(machine, sizeof machine, "m%zu", i);
        snprintf(path, sizeof path, "processes/%s", machine);
        /* whose file it is does not matter, but who wrote it */
        put(w, i % 2 ? &root : &anna, "templates", "x", "", &why);
        put(w, cases[i].writer, "templates", "x",
            "base = scratch\ndataset = /data/of anna\n", &why);
        put(w, &root, "machines", machine, "", &why);
        assert_int_equal(tree_mkdir(&w->primo, &root, dir, machine, &n, &why),
                         0);
        assert_int_equal(put(w, &root, path, "template", "x\n", &why), 0);
        int err = put(w, cases[i].starter, path, "start", cases[i].said, &why);
        if (cases[i].refusal ? !err || !strstr(why.sentence, cases[i].refusal)
                             : err)
            fail_msg("case %zu: %d, %s", i, err, why.sentence);
    }
}

/* It is so however the text got its name, and after the state directory was
 * opened anew; and where the data set is that of a type. */
static void a_text_keeps_its_writer(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node n, dir = at(w, "templates");
    struct tree_change mine = {.owner_set = true, .uid = 0, .gid = 0};
    role(w, "a",
         "members = 54001\ntemplates = view create edit\n"
         "types = view create edit\n");
    put(w, &root, "templates", "x", "base = scratch\ndataset = /a\n", &why);
    put(w, &anna, "templates", ".x.new", "base = scratch\ndataset = /b\n",
        &why);
    assert_int_equal(
        tree_rename(&w->primo, &anna,
                    &(struct renaming){dir, ".x.new", dir, "x", false}, &why),
        0);
    assert_int_equal(
        tree_change(&w->primo, &root, at(w, "templates/x"), &mine, &why), 0);
    assert_int_equal(
        tree_mkdir(&w->primo, &root, at(w, "processes"), "local", &n, &why), 0);
    put(w, &root, "processes/local", "template", "x\n", &why);
    primo_close(&w->primo);
    world_open(w);
    assert_int_equal(act(w, &root, "processes/local/start", &why), -EACCES);
    assert_non_null(strstr(why.sentence, "last written by 54001"));
    assert_int_equal(put(w, &anna, "types", "t", "dataset = /c\n", &why), 0);
    put(w, &root, "templates", "x", "type = t\n", &why);
    assert_int_equal(act(w, &root, "processes/local/start", &why), -EACCES);
    assert_non_null(strstr(why.sentence, "'types/t' was last written by"));
    put(w, &root, "templates", "x", "type = t\nbase = scratch\ndataset = /a\n",
        &why);
    assert_int_equal(act(w, &root, "processes/local/start", &why), 0);
}

/* There is no data set, and perhaps no trainer. */
static void await_failure(struct world *w, uint64_t id)
{
    enum status status = STATUS_STARTING;
    for (int i = 0; i < 3000 && status != STATUS_FAILED; i++) {
        struct process p;
        usleep(10000);
        assert_int_equal(process_read(w->primo.store, id, &p, NULL), 0);
        status = p.status;
        process_release(&p);
    }
    assert_int_equal(status, STATUS_FAILED);
}

/* What a run makes gets the name of its template, which may be another one's by
 * the time that it is resumed. */
static void resuming_takes_the_right_to_the_template(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct tree_change closed = {.mode_set = true, .mode = 0600};
    struct node n, templates = at(w, "templates");
    role(w, "a", "members = 54001\nprocesses = manage\n");
    put(w, &root, "templates", "x", "base = scratch\ndataset = /a\n", &why);
    assert_int_equal(
        tree_mkdir(&w->primo, &root, at(w, "processes"), "local", &n, &why), 0);
    put(w, &root, "processes/local", "template", "x\n", &why);
    assert_int_equal(act(w, &root, "processes/local/start", &why), 0);
    await_failure(w, n.object);
    assert_int_equal(act(w, &anna, "processes/local/resume", &why), -EACCES);
    assert_non_null(strstr(why.sentence, "the right 'view' for templates"));
    role(w, "a", "members = 54001\nprocesses = manage\ntemplates = view\n");
    tree_change(&w->primo, &root, at(w, "templates/x"), &closed, NULL);
    assert_int_equal(act(w, &anna, "processes/local/resume", &why), -EACCES);
    assert_non_null(strstr(why.sentence, "'templates/x': the mode of"));
    put(w, &root, "processes/local", "template", "\n", &why);
    assert_int_equal(tree_unlink(&w->primo, &root, templates, "x", &why), 0);
    assert_int_equal(act(w, &anna, "processes/local/resume", &why), 0);
}

/* Editors and copying tools need no right beyond that for the change itself. */
static void scratch_files_are_their_makers(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node dir = at(w, "templates");
    put(w, &root, "templates", "x", "", NULL);
    role(w, "a", "members = 54001\ntemplates = create\n");
    role(w, "b", "members = 54002\ntemplates = edit\n");
    assert_int_equal(put(w, &anna, "templates", ".new", "seed = 2\n", &why), 0);
    assert_int_equal(look(w, &anna, "templates/.new", O_RDWR, &why), 0);
    assert_int_equal(act(w, &anna, "templates/.new", &why), 0);
    assert_int_equal(look(w, &bert, "templates/.new", O_RDONLY, &why), -EACCES);
    assert_int_equal(
        tree_rename(&w->primo, &anna,
                    &(struct renaming){dir, ".new", dir, "x", false}, &why),
        -EACCES);
    assert_int_equal(
        tree_rename(&w->primo, &anna,
                    &(struct renaming){dir, ".new", dir, "y", false}, &why),
        0);
    assert_int_equal(act(w, &anna, "templates/y", &why), 0); /* it is hers */
    assert_int_equal(act(w, &anna, "templates/x", &why), -EACCES);
    assert_int_equal(look(w, &anna, "templates/y", O_WRONLY, &why), -EACCES);
    assert_int_equal(put(w, &anna, "templates", ".gone", "", &why), 0);
    assert_int_equal(tree_unlink(&w->primo, &anna, dir, ".gone", &why), 0);
    /* bert's editor keeps a backup, writes a new file and removes the backup.
     */
    assert_int_equal(put(w, &bert, "templates", ".swp", "", &why), 0);
    assert_int_equal(
        tree_rename(&w->primo, &bert,
                    &(struct renaming){dir, ".swp", dir, "z", false}, &why),
        -EACCES);
    assert_int_equal(
        tree_rename(&w->primo, &bert,
                    &(struct renaming){dir, ".swp", dir, "x", false}, &why),
        0);
    assert_int_equal(put(w, &bert, "templates", "z", "", &why), -EACCES);
    assert_int_equal(tree_rename(&w->primo, &bert,
                                 &(struct renaming){dir, "x", dir, "x~", false},
                                 &why),
                     0);
    assert_int_equal(tree_unlink(&w->primo, &bert, dir, "x~", &why), -EACCES);
    assert_int_equal(put(w, &root, "templates", "x", "", &why), 0);
    assert_int_equal(tree_unlink(&w->primo, &bert, dir, "x~", &why), 0);
}

static void modes_only_tighten(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    static const struct {
        uint32_t mode;
        bool anna_reads, anna_writes, bert_reads, bert_writes;
    } cases[] = {
        {0644, true, true, true, true},    {0666, true, true, true, true},
        {0444, true, false, true, false},  {0600, true, true, false, false},
        {0640, true, true, false, false},  {0604, true, true, true, true},
        {0200, false, true, false, false}, {0, false, false, false, false},
        {0777, true, true, true, true},
    };
    w->primo.owner = 54003;
    role(w, "a", "members = 54001 54002\ntemplates = view create edit\n");
    role(w, "b", "members = 54004\ntemplates = view\n");
    const struct caller owner = {54003, 54003, 0}, viewer = {54004, 54004, 0};
    assert_int_equal(put(w, &anna, "templates", "x", "", &why), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tree_change mode = {.mode_set = true, .mode = cases[i].mode};
        struct node x = at(w, "templates/x");
        assert_int_equal(tree_change(&w->primo, &anna, x, &mode, &why), 0);
        const struct caller *who[] = {&anna, &bert};
        for (int j = 0; j < 2; j++) {
            bool reads = j ? cases[i].bert_reads : cases[i].anna_reads;
            bool writes = j ? cases[i].bert_writes : cases[i].anna_writes;
            assert_int_equal(look(w, who[j], "templates/x", O_RDONLY, &why),
                             reads ? 0 : -EACCES);
            assert_int_equal(look(w, who[j], "templates/x", O_WRONLY, &why),
                             writes ? 0 : -EACCES);
            assert_int_equal(tree_access(&w->primo, who[j], x, R_OK, &why),
                             reads ? 0 : -EACCES);
            assert_int_equal(tree_access(&w->primo, who[j], x, W_OK, &why),
                             writes ? 0 : -EACCES);
        }
        assert_int_equal(look(w, &root, "templates/x", O_RDWR, &why), 0);
        assert_int_equal(look(w, &owner, "templates/x", O_RDONLY, &why),
                         cases[i].anna_reads ? 0 : -EACCES);
        assert_int_equal(look(w, &viewer, "templates/x", O_WRONLY, &why),
                         -EACCES); /* no mode adds a right */
    }
}

static int move(struct world *w, const struct caller *who, const char *name,
                const char *new_name, struct reason *why)
{
    struct node dir = at(w, "templates");
    return tree_rename(&w->primo, who,
                       &(struct renaming){dir, name, dir, new_name, false},
                       why);
}

static int change_mode(struct world *w, const struct caller *who, uint32_t mode)
{
    struct tree_change c = {.mode_set = true, .mode = mode};
    return tree_change(&w->primo, who, at(w, "templates/hers"), &c, NULL);
}

static int change_owner(struct world *w, const struct caller *who, uint32_t uid,
                        uint32_t gid)
{
    struct tree_change c = {.owner_set = true, .uid = uid, .gid = gid};
    return tree_change(&w->primo, who, at(w, "templates/hers"), &c, NULL);
}

/* A closed file is kept from everybody else, whichever way he goes about it. */
static void modes_are_their_owners(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    const struct caller owner = {54003, 54003, 0};
    const uint32_t same = (uint32_t)-1;
    struct tree_change date = {.mtime_set = true, .mtime = 1};
    w->primo.owner = owner.uid;
    role(w, "a",
         "members = 54001 54002\ntemplates = view create edit delete\n");
    assert_int_equal(put(w, &anna, "templates", "hers", "", &why), 0);
    assert_int_equal(put(w, &bert, "templates", "his", "", &why), 0);
    /* an open file: its texts are everybody's, its mode is not */
    assert_int_equal(change_mode(w, &bert, 0666), -EPERM);
    assert_int_equal(change_owner(w, &bert, bert.uid, same), -EPERM);
    assert_int_equal(change_owner(w, &bert, same, bert.gid), -EPERM);
    assert_int_equal(change_owner(w, &anna, bert.uid, same), -EPERM);
    assert_int_equal(change_owner(w, &anna, anna.uid, anna.gid), 0);
    assert_int_equal(put(w, &bert, "templates", "hers", "seed = 2\n", &why), 0);
    struct node hers = at(w, "templates/hers");
    assert_int_equal(tree_change(&w->primo, &bert, hers, &date, &why), 0);

    static const uint32_t closed[] = {0600, 0400, 0444, 0};
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        assert_int_equal(change_mode(w, &anna, closed[i]), 0);
        assert_int_equal(change_mode(w, &bert, 0666), -EPERM);
        assert_int_equal(tree_change(&w->primo, &bert, hers, &date, &why),
                         -EACCES);
        assert_int_equal(put(w, &bert, "templates", "hers", "seed = 3\n", &why),
                         -EACCES);
        assert_int_equal(move(w, &bert, "his", "hers", &why), -EACCES);
        assert_non_null(strstr(why.sentence, "mode of the file"));
        assert_int_equal(put(w, &bert, "templates", ".his", "", &why), 0);
        assert_int_equal(move(w, &bert, ".his", "hers", &why), -EACCES);
        assert_int_equal(move(w, &bert, "hers", "away", &why), -EACCES);
        assert_int_equal(move(w, &bert, "hers", "hers~", &why), -EACCES);
        assert_int_equal(
            tree_unlink(&w->primo, &bert, at(w, "templates"), "hers", &why),
            -EACCES);
        assert_int_equal(at(w, "templates/hers").object, hers.object);
    }
    /* she may do all that herself, and so may the administrator */
    assert_int_equal(move(w, &anna, "hers", "away", &why), 0);
    assert_int_equal(move(w, &anna, "away", "hers", &why), 0);
    assert_int_equal(tree_change(&w->primo, &anna, hers, &date, &why), 0);
    assert_int_equal(change_mode(w, &owner, 0400), 0);
    assert_int_equal(change_owner(w, &owner, bert.uid, same), 0);
    assert_int_equal(change_owner(w, &root, anna.uid, same), 0);
    assert_int_equal(put(w, &anna, "templates", "new", "", &why), 0);
    assert_int_equal(move(w, &anna, "new", "hers", &why), 0);
    assert_int_equal(change_mode(w, &anna, 0400), 0);
    assert_int_equal(
        tree_unlink(&w->primo, &anna, at(w, "templates"), "hers", &why), 0);
}

static void access_answers_for_the_caller(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node n;
    put(w, &root, "templates", "x", "", NULL);
    tree_mkdir(&w->primo, &root, at(w, "processes"), "local", &n, NULL);
    role(w, "a",
         "members = 54001\ntemplates = view create\nprocesses = manage\n");
    static const struct {
        const char *path;
        int mask;
        bool anna, root;
    } cases[] = {
        {"", R_OK | X_OK, true, true},
        {"README", R_OK, true, true},
        {"README", W_OK, false, false},
        {"README", X_OK, false, false},
        {"templates", R_OK | W_OK | X_OK, true, true},
        {"templates/x", R_OK, true, true},
        {"templates/x", W_OK, false, true},
        {"machines", R_OK, false, true},
        {"machines", X_OK, true, true},
        {"processes", W_OK, false, true},
        {"processes/local", W_OK, false, true},
        {"processes/local/start", W_OK, true, true},
        {"processes/local/enabled", W_OK, true, true},
        {"processes/local/template", W_OK, false, true},
        {"processes/local/status", R_OK, false, true},
        {"processes/local/status", W_OK, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        n = at(w, cases[i].path);
        int mask = cases[i].mask;
        if (tree_access(&w->primo, &anna, n, mask, &why) !=
                (cases[i].anna ? 0 : -EACCES) ||
            tree_access(&w->primo, &root, n, mask, &why) !=
                (cases[i].root ? 0 : -EACCES))
            fail_msg("%s, %d", cases[i].path, mask);
    }
}

/* Sentences */

static void sentences_say_who_grants_it(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    put(w, &anna, "templates", "x", "", &why);
    assert_string_equal(why.sentence,
                        "the right 'create' for templates is missing: 54001 is "
                        "in no role; root can grant it");
    role(w, "makers", "members = 54002\ntemplates = create\n");
    role(w, "lookers", "members = 54001\ntemplates = view\n");
    role(w, "others", "members = @54001\n");
    role(w, "admins", "members = 54003\nroles = view edit\n");
    w->primo.owner = 54004;
    put(w, &anna, "templates", "x", "", &why);
    assert_string_equal(
        why.sentence,
        "the right 'create' for templates is missing: 54001 is in "
        "roles/lookers, roles/others, which do not give it, roles/makers "
        "gives it; root or 54004 or a member of roles/admins can grant it");
}

/* errors */

static void everyone_reads_his_own_refusals(void **state)
{
    struct world *w = *state;
    struct refusals *r = &w->primo.refusals;
    struct reason why = REASON_INIT;
    struct handle *h;
    struct tree_stat st;
    static const struct caller *const who[] = {&anna, &bert, &root};
    const char *lines[] = {"one", "two", "three"};
    refuse(&why, EINVAL, "no");
    for (int i = 0; i < 3; i++)
        refusals_add(r, i % 2 ? bert.uid : anna.uid, lines[i], &why);
    role(w, "a", "members = 54001 54002\n");
    for (int i = 0; i < 3; i++) {
        struct text all = TEXT_INIT, rest = TEXT_INIT;
        struct node errors = at(w, "errors");
        assert_int_equal(
            handle_open(&w->primo, who[i], errors, O_RDONLY, NULL, &h, &why),
            0);
        assert_int_equal(handle_read(h, 0, 1 << 20, &all, &why), 0);
        assert_int_equal(handle_read(h, all.size / 2, 1 << 20, &rest, &why), 0);
        assert_string_equal(text_string(&all) + all.size / 2,
                            text_string(&rest));
        assert_int_equal(tree_stat(&w->primo, who[i], errors, NULL, &st, &why),
                         0);
        assert_int_equal(st.size, all.size);
        assert_true(!strstr(text_string(&all), "one") == (i == 1));
        assert_true(!strstr(text_string(&all), "two") == (i == 0));
        assert_true(!strstr(text_string(&all), "three") == (i == 1));
        handle_close(h, NULL);
        text_release(&all);
        text_release(&rest);
    }
    assert_int_equal(refusals_save(r, w->primo.store, &why), 0);
    struct refusals again;
    int64_t mtime;
    refusals_init(&again);
    for (int i = 0; i < 1000 && !again.count; i++) {
        usleep(i * 1000); /* the supervisor may be saving them at this moment */
        refusals_load(&again, w->primo.store);
    }
    assert_int_equal(refusals_size(&again, NULL, &mtime), r->text.size);
    assert_int_equal(mtime, r->list[2].time);
    assert_int_equal(refusals_size(&again, &bert.uid, &mtime), r->list[1].size);
    refusals_release(&again);
    role(w, "a", "members = 54001 54002\nroles = manage\n");
    assert_int_equal(
        tree_stat(&w->primo, &bert, at(w, "errors"), NULL, &st, &why), 0);
    assert_int_equal(st.size, r->text.size);
}

static void old_refusals_go(void **state)
{
    struct world *w = *state;
    struct refusals *r = &w->primo.refusals;
    struct reason why = REASON_INIT;
    char path[1000];
    int64_t mtime;
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = 0;
    refuse(&why, EINVAL, "no");
    for (int i = 0; i < 1000; i++) {
        refusals_add(r, i % 2 ? bert.uid : anna.uid, path, &why);
        assert_true(r->text.size <= REFUSALS_BYTES);
    }
    size_t hers = refusals_size(r, &anna.uid, &mtime);
    size_t his = refusals_size(r, &bert.uid, &mtime);
    assert_int_equal(hers + his, r->text.size);
    assert_true(hers > 0 && his > 0 && r->text.size > REFUSALS_BYTES / 4);
}

/* However many refusals one user gets, those of others stay. */
static void others_keep_their_refusals(void **state)
{
    struct world *w = *state;
    struct refusals *r = &w->primo.refusals;
    struct reason why = REASON_INIT;
    struct text got = TEXT_INIT;
    int64_t mtime;
    refuse(&why, EINVAL, "first");
    refusals_add(r, anna.uid, "templates/hers", &why);
    size_t hers = refusals_size(r, &anna.uid, &mtime);
    for (int i = 0; i < 20000; i++)
        refusals_add(r, bert.uid, "templates/his", &why);
    assert_int_equal(refusals_size(r, &anna.uid, &mtime), hers);
    refusals_read(r, &anna.uid, 0, 1000, &got);
    assert_non_null(strstr(text_string(&got), "templates/hers: first"));
    assert_true(r->text.size <= REFUSALS_BYTES);
    assert_true(r->text.size > REFUSALS_BYTES / 4);
    /* nor does loading what was saved wipe them */
    assert_int_equal(refusals_save(r, w->primo.store, NULL), 0);
    refusals_load(r, w->primo.store);
    assert_int_equal(refusals_size(r, &anna.uid, &mtime), hers);
    text_release(&got);
}

/* Who is a member stays one while users cannot be looked up. */
static void members_stay_without_descriptors(void **state)
{
    struct world *w = *state;
    struct roles *r = &w->primo.roles;
    struct rlimit before, none;
    struct caller daemon = {1, 1, 0};
    int held[64], count = 0;
    struct passwd *entry = getpwuid(1);
    char text[100];
    if (!entry)
        skip();
    snprintf(text, sizeof text, "members = %s\ntemplates = view\n",
             entry->pw_name);
    role(w, "one", text);
    assert_true(roles_allow(r, &daemon, KEY_TEMPLATES, 1u << RIGHT_VIEW));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)dup(0) + 1; /* all below it are taken by then */
    held[count++] = (int)none.rlim_cur - 1;
    setrlimit(RLIMIT_NOFILE, &none);
    while (count < 64 && (held[count] = dup(0)) >= 0)
        count++;
    roles_load(r, w->primo.store);
    bool may = roles_allow(r, &daemon, KEY_TEMPLATES, 1u << RIGHT_VIEW);
    struct reason why = REASON_INIT;
    int err = members_judge(entry->pw_name, &why);
    setrlimit(RLIMIT_NOFILE, &before);
    while (count > 0)
        close(held[--count]);
    assert_true(may);
    assert_int_equal(err, -EAGAIN);
    assert_non_null(strstr(why.sentence, "cannot be looked up now"));
    roles_load(r, w->primo.store);
    assert_true(roles_allow(r, &daemon, KEY_TEMPLATES, 1u << RIGHT_VIEW));
}

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(takes_the_grammar),
        TEST(the_words_are_the_rights),
        TEST(status_files),
        TEST(supplementary_groups_count),
        TEST(members_by_name_number_and_group),
        TEST(roles_add_up_and_change_at_once),
        TEST(each_right_of_inputs),
        TEST(each_right_of_processes),
        TEST(starting_takes_what_may_be_viewed),
        TEST(the_dataset_of_another_is_confirmed),
        TEST(a_text_keeps_its_writer),
        TEST(resuming_takes_the_right_to_the_template),
        TEST(scratch_files_are_their_makers),
        TEST(modes_only_tighten),
        TEST(modes_are_their_owners),
        TEST(access_answers_for_the_caller),
        TEST(sentences_say_who_grants_it),
        TEST(everyone_reads_his_own_refusals),
        TEST(old_refusals_go),
        TEST(others_keep_their_refusals),
        TEST(members_stay_without_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
