#include "trainer/alone.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/report/artifact.h"
#include "core/report/chart.h"
#include "core/system/file.h"
#include "core/system/shipped.h"
#include "trainer/alone_output.h"
#include "trainer/evaluation/reports_write.h"
#include "trainer/machine/confine.h"
#include "trainer/pages/drawer.h"
#include "trainer/run/rundir.h"
#include "trainer/training/options.h"
#include "trainer/training/train.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEMPLATE_MAX = 64 * 1024 };

struct alone {
    const char *template_file, *out;
    struct text template;
    struct options options;
    struct alone_output *output;
};

static int complain(const struct reason *why, int status)
{
    fprintf(stderr, "primo-train: %s\n", why->sentence);
    return status;
}

/* Reading */

static int file_take(const char *path, size_t most, struct text *out,
                     struct reason *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 ? -errno : descriptor_read(fd, most, out);
    if (fd >= 0)
        close(fd);
    return err ? refuse_errno(why, -err, "cannot read '%s'", path) : 0;
}

static int template_take(struct alone *a)
{
    struct reason why = REASON_INIT;
    if (file_take(a->template_file, TEMPLATE_MAX, &a->template, &why))
        return complain(&why, RUN_USAGE);
    if (settings_parse(&a->options.settings, text_string(&a->template),
                       a->template.size, SCOPE_TEMPLATE,
                       NC_("origin", "template"), &why) == 0)
        return 0;
    fprintf(stderr, "%s:%d:%d: %s\n", a->template_file, why.line, why.column,
            why.sentence);
    if (*why.excerpt)
        fprintf(stderr, "%s\n", why.excerpt);
    return RUN_USAGE;
}

static int words_take(struct alone *a, int count, char **words)
{
    struct settings_check check = {.scope = SCOPE_TEMPLATE | SCOPE_JOB};
    for (int i = 0; i < count; i++) {
        struct reason why = REASON_INIT;
        if (strchr(words[i], '=') &&
            settings_line(&check, words[i], strlen(words[i]),
                          &a->options.settings, NC_("origin", "command line"),
                          &why) == 0)
            continue;
        fprintf(stderr, _("primo-train: argument '%s': %s\n"), words[i],
                *why.sentence ? why.sentence : _("key=value is expected"));
        return RUN_USAGE;
    }
    return 0;
}

/* Takes the base that is shipped where no other one is named. */
static int base_take(struct alone *a, struct reason *why)
{
    struct settings *s = &a->options.settings;
    struct settings_check check = {.scope = SCOPE_JOB};
    char *path;
    if (*settings_get(s, KEY_BASE_FILE) ||
        strcmp(settings_get(s, KEY_BASE), params[KEY_BASE].fallback))
        return 0;
    int err = shipped_base_find(&path, why);
    if (err)
        return err;
    char *line = xstrfmt("base_file=%s", path);
    err = settings_line(&check, line, strlen(line), s, NC_("origin", "default"),
                        why);
    free(line);
    free(path);
    return err;
}

/* The folder */

static int folder_make(const char *path, struct reason *why)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return 0;
    return refuse_errno(why, errno, "cannot create '%s'", path);
}

static int folder_prepare(const struct alone *a, struct reason *why)
{
    int err = folder_make(a->out, why);
    if (err)
        return err;
    char *model = xstrfmt("%s/%s", a->out, artifacts[ARTIFACT_GRAPH].name);
    if (access(model, F_OK) == 0)
        err = refuse(why, EEXIST,
                     "'%s' holds a finished model; another folder would be "
                     "accepted",
                     a->out);
    free(model);
    char *run = xstrfmt("%s/.run", a->out), *stop = xstrfmt("%s/stop", run);
    if (err == 0)
        err = folder_make(run, why);
    if (err == 0)
        unlink(stop); /* left by a training that was stopped before */
    free(stop);
    free(run);
    return err;
}

static void chart_save(const struct alone *a)
{
    struct text svg = TEXT_INIT;
    struct chart chart = {.title = a->out, .status = "succeeded"};
    alone_output_chart(a->output, &chart);
    chart_svg(&svg, &chart);
    char *path = xstrfmt("%s/monitor.svg", a->out);
    struct reason why = REASON_INIT;
    if (file_save(AT_FDCWD, path, text_string(&svg), svg.size, &why))
        complain(&why, 0); /* a missing chart is no failure of the training */
    free(path);
    text_release(&svg);
}

static int artifact_move(const struct alone *a, const char *name,
                         struct reason *why)
{
    char *from = xstrfmt("%s/.run/artifacts/%s", a->out, name);
    char *to = xstrfmt("%s/%s", a->out, name);
    int err = rename(from, to) < 0 ? errno : 0;
    free(from);
    free(to);
    return err ? refuse_errno(why, err, "cannot move '%s' into '%s'", name,
                              a->out)
               : 0;
}

/* The options are as the training resolved them. */
static void card_fill(const struct alone *a, const struct evaluation *e,
                      struct card *card)
{
    const struct settings *s = &a->options.settings;
    *card = (struct card){
        .title = strrchr(a->out, 0x2f) ? strrchr(a->out, 0x2f) + 1 : a->out,
        .description = settings_get(s, KEY_DESCRIPTION),
        .dataset = settings_get(s, KEY_DATASET),
        .base = options_used(&a->options, KEY_BASE),
        .precision = a->options.bf16 ? "bf16" : "f32",
        .finished = unix_now(),
        .image_size = a->options.image_size,
        .temperature = e->temperature,
    };
}

/* What the trainer leaves of its last evaluation is where the daemon would find
 * it. */
static int reports_make(const struct alone *a, struct reason *why)
{
    const struct artifact *from = &artifacts[ARTIFACT_EVALUATION];
    char *path = xstrfmt("%s/.run/artifacts/%s", a->out, from->name);
    struct text text = TEXT_INIT;
    struct evaluation e;
    evaluation_init(&e);
    int err =
        access(path, F_OK) ? -ENOENT : file_take(path, from->limit, &text, why);
    if (err == 0)
        err = evaluation_parse(&e, text_string(&text), text.size, why);
    if (err == 0) {
        struct card card;
        card_fill(a, &e, &card);
        err = reports_write(a->out, &e, &card, why);
    }
    evaluation_release(&e);
    text_release(&text);
    free(path);
    return err == -ENOENT ? 0 : err;
}

static int artifacts_move(const struct alone *a, struct reason *why)
{
    int err = reports_make(a, why);
    for (int i = 0; i < ARTIFACTS && err == 0; i++)
        if (!artifacts[i].inner)
            err = artifact_move(a, artifacts[i].name, why);
    return err;
}

static void folder_drop(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    while (dir && (e = readdir(dir)))
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            unlinkat(dirfd(dir), e->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(path);
}

static int finish(const struct alone *a, struct reason *why)
{
    int err = artifacts_move(a, why);
    if (err)
        return err;
    chart_save(a);
    char *run = xstrfmt("%s/.run", a->out);
    char *inner = xstrfmt("%s/artifacts", run);
    folder_drop(inner);
    folder_drop(run);
    free(inner);
    free(run);
    return 0;
}

/* Running */

static int template_keep(const struct alone *a, struct reason *why)
{
    char *path = xstrfmt("%s/template", a->out);
    int err = file_save(AT_FDCWD, path, text_string(&a->template),
                        a->template.size, why);
    free(path);
    return err;
}

static int train_in(struct alone *a, struct reason *why)
{
    struct rundir run;
    struct journal_observer observer = {alone_output_seen, a->output};
    char *path = xstrfmt("%s/.run", a->out);
    struct text said = TEXT_INIT;
    drawers_start();
    confine(a->out, &said);
    int err = rundir_open(&run, path, &observer, RUN_STOPPED, why);
    free(path);
    if (err) {
        text_release(&said);
        return complain(why, RUN_FAILED);
    }
    err = alone_output_begin(a->output, run.from.at.iteration, why);
    writer_log(run.writer, "%s", text_string(&said));
    text_release(&said);
    if (err == 0)
        err = template_keep(a, why);
    if (err == 0)
        err = train(&run, &a->options, why);
    int status = rundir_end(&run, err, why);
    if (status == RUN_SUCCEEDED && finish(a, why))
        status = complain(why, RUN_FAILED);
    return status;
}

static int alone_run(struct alone *a, int count, char **words)
{
    struct reason why = REASON_INIT;
    int status = template_take(a);
    if (status == 0)
        status = words_take(a, count, words);
    if (status)
        return status;
    options_speak(&a->options);
    if (base_take(a, &why) || options_take(&a->options, &why))
        return complain(&why, RUN_USAGE);
    if (folder_prepare(a, &why))
        return complain(&why, RUN_FAILED);
    if (alone_output_open(&a->output, a->out, &why))
        return complain(&why, RUN_FAILED);
    return train_in(a, &why);
}

int alone_main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, _("usage: %s\n"), ALONE_USAGE);
        return RUN_USAGE;
    }
    struct alone a = {.template_file = argv[0], .out = argv[1]};
    options_init(&a.options);
    control_block_signals();
    signal(SIGPIPE, SIG_IGN); /* a closed terminal must not end a training */
    int status = alone_run(&a, argc - 2, argv + 2);
    alone_output_free(a.output);
    options_release(&a.options);
    text_release(&a.template);
    return status;
}
