/*
 * The program primo-train. This chooses between its three uses, and sets up
 * what must be set before any library is used.
 */
#include "core/basic/language.h"
#include "core/settings/param.h"
#include "trainer/alone.h"
#include "trainer/evaluate.h"
#include "trainer/far/far.h"
#include "trainer/far/send.h"
#include "trainer/lead/lead.h"
#include "trainer/machine/confine.h"
#include "trainer/machine/team_wait.h"
#include "trainer/machine/user.h"
#include "trainer/pages/drawer.h"
#include "trainer/predict.h"
#include "trainer/run/control.h"
#include "trainer/run/rundir.h"
#include "trainer/serve/serve.h"
#include "trainer/training/options.h"
#include "trainer/training/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] = N_(
    "usage: %s\n"
    "       %s\n"
    "       %s\n"
    "       primo-train --run | --serve RUN_DIR [--user UID:GID]\n"
    "       primo-train --example | --help | --version\n"
    "\n"
    "Trains an image classifier on the processors of this machine.\n"
    "\n"
    "The first form takes the parameters of a template file, and on top of\n"
    "them those of the command line (threads, nice, memory and lang too), and\n"
    "leaves the model in OUT_DIR: model.onnx, model.safetensors, labels.txt,\n"
    "metrics.csv, monitor.svg, config, dataset, template, log and the reports\n"
    "on the pictures of the test part, README.md first. Ctrl-C or SIGTERM "
    "stops\n"
    "it with a checkpoint; the same command continues from there.\n"
    "\n"
    "`predict` prints what a trained model says of pictures, `evaluate` how\n"
    "good it is on a labelled folder. `--example` prints a template with "
    "every\n"
    "parameter and its default. `--run` is how primofs starts a training;\n"
    "RUN_DIR holds its job, template and type; as root, with the user whose\n"
    "rights it is to have. `--serve` is how it starts the worker of a "
    "service.\n"
    "\n"
    "Exit status: 0 done (with --run also: stopped), 1 failed, 2 wrong usage "
    "or\n"
    "a bad template, 3 stopped.\n");

static int help_print(FILE *to)
{
    return fprintf(to, _(help), ALONE_USAGE, PREDICT_USAGE, EVALUATE_USAGE);
}

/* Reads the settings of a run. A later text overrides earlier ones. */
static int texts_take(const struct rundir *run, struct options *o,
                      struct reason *why)
{
    static const struct {
        const char *name, *source;
        unsigned scope;
    } texts[] = {{"type", NC_("origin", "type"), SCOPE_TYPE},
                 {"template", NC_("origin", "template"), SCOPE_TEMPLATE},
                 {"job", NC_("origin", "machine"), SCOPE_JOB}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct text t = TEXT_INIT;
        int err = rundir_read(run, texts[i].name, &t, why);
        if (err == 0) {
            err = settings_parse(&o->settings, text_string(&t), t.size,
                                 texts[i].scope, texts[i].source, why);
            if (err)
                reason_prefix(why, "%s, line %d: ", texts[i].name, why->line);
        }
        text_release(&t);
        if (err)
            return err;
        /* A type's description describes the type, not the training. */
        if (texts[i].scope == SCOPE_TYPE)
            settings_unset(&o->settings, KEY_DESCRIPTION);
    }
    options_speak(o);
    return options_take(o, why);
}

/* When memory runs out, the kernel is to kill this process rather than the file
 * system. */
static void end_me_first(void)
{
    FILE *f = fopen("/proc/self/oom_score_adj", "we");
    if (f) {
        fputs("500", f);
        fclose(f);
    }
}

static int confined_open(struct rundir *run, const char *path,
                         struct reason *why)
{
    struct text said = TEXT_INIT;
    drawers_start();
    confine(path, &said);
    int err = rundir_open(run, path, NULL, RUN_SUCCEEDED, why);
    if (err == 0)
        writer_log(run->writer, "%s", text_string(&said));
    text_release(&said);
    return err;
}

static int run_train(struct rundir *run, struct reason *why)
{
    struct options o;
    options_init(&o);
    int err = texts_take(run, &o, why);
    if (err == 0)
        err = train(run, &o, why);
    options_release(&o);
    return err;
}

/* Does what the supervisor wants of a run directory. `user` is for
 * user_become(), NULL = do not change the user. The working directory is the
 * run directory, which is used where its path leads through directories that
 * are closed to the user. */
static int supervised_main(int (*use)(struct rundir *run, struct reason *why),
                           const char *path, const char *user)
{
    struct reason why = REASON_INIT;
    struct rundir run;
    control_block_signals();
    end_me_first();
    int err = user ? user_become(user, &why) : 0;
    if (err == 0)
        err =
            confined_open(&run, user && access(path, X_OK) ? "." : path, &why);
    if (err) {
        fprintf(stderr, "primo-train: %s\n", why.sentence);
        return RUN_FAILED;
    }
    err = use(&run, &why);
    if (err)
        fprintf(stderr, "primo-train: %s\n", why.sentence);
    return rundir_end(&run, err, &why);
}

/* The use of a run directory that a word stands for; NULL = none. */
static int (*run_use(const char *word))(struct rundir *, struct reason *)
{
    return !strcmp(word, "--run")     ? run_train
           : !strcmp(word, "--serve") ? serve
                                      : NULL;
}

/* Calls work(of) as a user, NULL = as the one that this is. */
static int work_as(int (*work)(const char *of), const char *of,
                   const char *user)
{
    struct reason why = REASON_INIT;
    if (!user || user_become(user, &why) == 0)
        return work(of);
    fprintf(stderr, "primo-train: %s\n", why.sentence);
    return RUN_FAILED;
}

static int example_print(void)
{
    struct text example = TEXT_INIT;
    param_example(&example, SCOPE_TEMPLATE, param_template_head);
    int failed = fputs(text_string(&example), stdout) < 0;
    text_release(&example);
    return failed;
}

int main(int argc, char **argv)
{
    const char *use = argc > 1 ? argv[1] : "";
    language_set(language_of_environment());
    if (!strcmp(use, "--help"))
        return help_print(stdout) < 0;
    if (!strcmp(use, "--example"))
        return example_print();
    if (!strcmp(use, "--version"))
        return puts("primo-train " PRIMO_VERSION) < 0;
    if (!strcmp(use, "--far"))
        return far_main(argc - 2, argv + 2);
    if (!strcmp(use, "--send") && (argc == 3 || argc == 5))
        return work_as(send_main, argv[2], argc == 5 ? argv[4] : NULL);
    if (!strcmp(use, "--lead") && (argc == 3 || argc == 5))
        return work_as(lead_main, argv[2], argc == 5 ? argv[4] : NULL);
    team_wait_spin_little(argv);
    if (!strcmp(use, "predict"))
        return predict_main(argc - 1, argv + 1);
    if (!strcmp(use, "evaluate"))
        return evaluate_main(argc - 1, argv + 1);
    if (run_use(use) && argc == 3)
        return supervised_main(run_use(use), argv[2], NULL);
    if (run_use(use) && argc == 5 && !strcmp(argv[3], "--user"))
        return supervised_main(run_use(use), argv[2], argv[4]);
    if (argc > 2 && *use != '-')
        return alone_main(argc - 1, argv + 1);
    help_print(stderr);
    if (*use == '-' && !run_use(use))
        fprintf(stderr, _("primo-train: unknown option '%s'\n"), use);
    return RUN_USAGE;
}
