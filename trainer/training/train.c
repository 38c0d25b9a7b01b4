#include "trainer/training/train.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/system/file.h"
#include "trainer/files/export.h"
#include "trainer/training/epochs.h"
#include "trainer/training/report.h"
#include "trainer/training/together.h"

#include <errno.h>
#include <limits.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNEVEN = 2 }; /* largest to smallest class: this ratio is logged */

/* Called by control_on_stop()'s thread. */
static void checkpoint_on_stop(void *context)
{
    struct training *t = context;
    omp_set_num_threads(t->options->threads); /* each thread has its own */
    if (t->at.iteration > 0)
        training_save(t);
}

/* Begin and end */

/* Where the last feature map is a single pixel, a batch of one picture has no
 * variance to normalise by. The loader leaves out such a last batch, but a
 * batch size of 1 makes all of them like this. */
static int batches_check(const struct training *t, struct reason *why)
{
    const struct options *o = t->options;
    if (loader_train_steps(t->material.loader) < 1 ||
        (o->batch == 1 && o->image_size <= 32))
        return refuse(why, EINVAL,
                      "batch_size = %d with image_size = %d leaves single "
                      "values to normalise; a batch of at least 2 pictures "
                      "would be accepted",
                      o->batch, o->image_size);
    return 0;
}

static void recipe_make(struct training *t)
{
    const struct options *o = t->options;
    recipe_init(&t->recipe, o->learning_rate,
                (uint64_t)loader_train_steps(t->material.loader), o->epochs,
                o->iterations);
    bool chosen = strcmp(settings_get(&o->settings, KEY_EPOCHS), "auto") != 0;
    t->most = chosen || o->iterations ? t->recipe.iterations : UINT64_MAX;
    recipe_set_rhythm(&t->recipe, loader_train_count(t->material.loader),
                      loader_test_count(t->material.loader));
}

static int class_weights_make(struct training *t, struct reason *why)
{
    int classes = t->material.dataset.classes, least = INT_MAX, most = 0;
    int *counts = malloc((size_t)classes * sizeof *counts);
    t->class_weights = malloc((size_t)classes * sizeof *t->class_weights);
    if (!counts || !t->class_weights) {
        free(counts);
        return refuse(why, ENOMEM, "no memory for %d classes", classes);
    }
    loader_class_counts(t->material.loader, counts);
    recipe_class_weights(counts, classes, t->class_weights);
    for (int i = 0; i < classes; i++) {
        least = counts[i] < least ? counts[i] : least;
        most = counts[i] > most ? counts[i] : most;
    }
    free(counts);
    if (most >= UNEVEN * least)
        writer_log(t->run->writer,
                   "classes are uneven, %d to %d training pictures: those of "
                   "small classes weigh more",
                   least, most);
    return 0;
}

static int buffers_make(struct training *t, struct reason *why)
{
    size_t tests = (size_t)loader_test_count(t->material.loader);
    size_t classes = (size_t)t->material.dataset.classes;
    t->scores = malloc(tests * classes * sizeof(float));
    t->answers = malloc(tests * sizeof(int));
    t->truths = malloc(tests * sizeof(float));
    if (!t->scores || !t->answers || !t->truths)
        return refuse(why, ENOMEM, "no memory for %zu test pictures", tests);
    return 0;
}

static int found_continue(struct training *t, struct reason *why)
{
    struct checkpoint *from = &t->run->from;
    if (!from->state.count)
        return 0;
    int err = checkpoint_match(from, text_string(&t->identity), why);
    if (err == 0)
        err = net_import(t->net, from->state.tensors, from->state.count, why);
    if (err)
        return err;
    t->at = t->saved = from->at;
    t->seconds = from->at.seconds;
    if (t->at.planned)
        recipe_set_iterations(&t->recipe, t->at.planned);
    t->best = from->best;
    from->best = (struct tensor_list){0};
    t->record = from->record;
    from->record = (struct tensor_list){0};
    tensor_list_release(&from->state);
    writer_log(t->run->writer, "continuing from the checkpoint at update %llu",
               (unsigned long long)t->at.iteration);
    return 0;
}

/* Builds the network, and decides what depends on its base. */
static int network_make(struct training *t, struct options *o,
                        struct reason *why)
{
    t->network = base_network(&t->material.base);
    writer_fact(t->run->writer, "base", "%s", options_used(o, KEY_BASE));
    writer_fact(t->run->writer, "precision", "%s", o->bf16 ? "bf16" : "f32");
    int err = together_open(t, why);
    if (err == 0)
        err = training_net(t, why);
    if (err == 0)
        err = prepare_learning(t->run, o, &t->material,
                               (enum acquaintance)t->at.strange, why);
    if (err)
        return err;
    recipe_make(t);
    options_identity(o, &t->identity);
    err = material_identity(&t->material, &t->identity, why);
    return err ? err : training_rates(t, why);
}

static int training_open(struct training *t, struct options *o,
                         struct reason *why)
{
    int err = prepare_machine(t->run, o, why);
    if (err == 0)
        err = prepare_base(t->run, o, &t->material, why);
    if (err == 0)
        err = prepare_material(t->run, o, &t->material, why);
    if (err == 0)
        err = batches_check(t, why);
    if (err == 0)
        err = class_weights_make(t, why);
    if (err == 0)
        err = buffers_make(t, why);
    if (err)
        return err;
    writer_stage(t->run->writer, NC_("stage", "base"));
    err = network_make(t, o, why);
    if (err == 0)
        err = found_continue(t, why);
    if (err == 0)
        err = together_check(t, why);
    if (err)
        return err;
    together_tell(t);
    writer_log(t->run->writer, "network ready: %s for %d classes, %s",
               t->network->title, t->material.dataset.classes,
               o->bf16 ? "bf16" : "f32");
    control_on_stop(t->run->control, checkpoint_on_stop, t);
    team_wait_watch(&t->team_wait, TEAM_WAIT_SCHEDSTAT, o->threads);
    training_tell(t);
    return 0;
}

static int model_export(struct training *t, struct reason *why)
{
    struct text precision = TEXT_INIT, right = TEXT_INIT, epoch = TEXT_INIT;
    struct text temperature = TEXT_INIT;
    text_put_double(&precision, t->at.best_average_precision, 7);
    text_put_double(&right, t->at.best_accuracy, 7);
    text_printf(&epoch, "%llu", (unsigned long long)t->at.best_epoch);
    text_put_double(&temperature, t->temperature, 7);
    struct metadata facts[] = {
        {"average_precision", text_string(&precision)},
        {"accuracy", text_string(&right)},
        {"epoch", text_string(&epoch)},
        {"temperature", text_string(&temperature)},
    };
    const struct classifier model = {
        .network = t->network,
        .image_size = t->options->image_size,
        .class_names = t->material.dataset.class_names,
        .classes = t->material.dataset.classes,
        .tensors = t->best.tensors,
        .count = t->best.count,
        .facts = facts,
        .fact_count = sizeof facts / sizeof *facts,
    };
    char *dir = rundir_path(t->run, "artifacts");
    int err = export_model(dir, &model, why);
    free(dir);
    text_release(&precision);
    text_release(&right);
    text_release(&epoch);
    text_release(&temperature);
    return err;
}

/* Announce what was exported, with the sum of what stands in the files now. */
static int artifact_announce(struct training *t, const char *name,
                             struct reason *why)
{
    struct text path = TEXT_INIT;
    uint32_t crc;
    text_printf(&path, "artifacts/%s", name);
    int fd = file_open(t->run->dir, text_string(&path), why);
    int err = fd < 0 ? fd : artifact_file_crc(fd, &crc);
    if (fd >= 0) {
        close(fd);
        if (err)
            refuse_errno(why, -err, "cannot read '%s'", text_string(&path));
    }
    text_release(&path);
    if (err == 0)
        writer_artifact(t->run->writer, name, crc);
    return err;
}

static int training_finish(struct training *t, struct reason *why)
{
    control_lock(t->run->control);
    training_save(t);
    control_unlock(t->run->control);
    control_on_stop(t->run->control, NULL, NULL);
    writer_stage(t->run->writer, NC_("stage", "export"));
    int err = training_report_model(t, why);
    net_free(t->net); /* only the best weights are still needed */
    t->net = NULL;
    if (err || !nodes_lead(t->run->nodes))
        return err;
    err = model_export(t, why);
    for (int i = 0; i < ARTIFACTS && err == 0; i++)
        if (export_writes((enum artifact_no)i))
            err = artifact_announce(t, artifacts[i].name, why);
    if (err)
        return err;
    writer_log(t->run->writer,
               "model of epoch %llu exported: average precision %.4f, "
               "accuracy %.4f",
               (unsigned long long)t->at.best_epoch,
               t->at.best_average_precision, t->at.best_accuracy);
    return 0;
}

/* A stop may come at any time, and must not find what is freed here: hence the
 * first line. */
static void training_close(struct training *t)
{
    control_on_stop(t->run->control, NULL, NULL);
    net_free(t->net);
    tensor_list_release(&t->best);
    tensor_list_release(&t->record);
    text_release(&t->identity);
    free(t->scores);
    free(t->answers);
    free(t->truths);
    free(t->class_weights);
    free(t->join.room);
    material_release(&t->material);
    team_wait_release(&t->team_wait);
}

int train(struct rundir *run, struct options *o, struct reason *why)
{
    struct training t = {
        .run = run,
        .options = o,
        .at = POSITION_INIT,
        .saved = POSITION_INIT,
    };
    if (together_parted(run))
        return 0;
    pace_init(&t.pace);
    team_wait_init(&t.team_wait);
    t.began = t.saved_time = monotonic_now();
    int err = training_open(&t, o, why);
    if (err == 0)
        err = training_epochs(&t, why);
    if (err == 0 && !t.parted)
        err = training_finish(&t, why);
    if (err == -ENOMEM && o->memory)
        reason_prefix(why, "memory = %s is too little: ",
                      settings_get(&o->settings, KEY_MEMORY));
    training_close(&t);
    return err;
}
