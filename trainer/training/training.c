#include "trainer/training/training.h"

#include "core/basic/clock.h"

#include <stdlib.h>

int training_net(struct training *t, struct reason *why)
{
    const struct net_options options = {
        .network = t->network,
        .classes = t->material.dataset.classes,
        .image_size = t->options->image_size,
        .batch = t->options->batch,
        .bf16 = t->options->bf16,
        .training = true,
        .average = true,
        .addend = RECIPE_ADDEND,
        .class_weights = t->class_weights,
    };
    int err = net_open(&t->net, &options, t->options->seed, why);
    if (err)
        return err;
    net_fix_statistics(t->net, recipe_fixes_statistics(&t->recipe));
    return base_give(&t->material.base, t->net, t->material.head_kept, why);
}

void training_tell(struct training *t)
{
    struct progress p;
    pace_progress(&t->pace, &t->recipe, &t->at, &p);
    control_progress(t->run->control, &p);
}

/* Checkpoints */

static bool is_saved(const struct training *t)
{
    return t->saved.iteration == t->at.iteration &&
           t->saved.epoch == t->at.epoch && t->saved.retries == t->at.retries;
}

static int state_walk(void *net, tensor_visit *visit, void *to,
                      struct reason *why)
{
    return net_walk(net, true, visit, to, why);
}

/* With the state locked. */
static int checkpoint_save(struct training *t, struct reason *why)
{
    struct checkpoint c = {
        .at = t->at, .identity = t->identity, .best = t->best};
    double start = monotonic_now();
    c.at.seconds = t->seconds + start - t->began;
    const struct tensor_source state = {net_tensors(t->net, true), state_walk,
                                        t->net};
    diary_sync(t->run->diary); /* rows before it must not be lost */
    char *path = rundir_path(t->run, "checkpoint");
    int err = checkpoint_write(&c, &state, path, why);
    free(path);
    if (err)
        return err;
    t->saved = t->at;
    t->saved_time = monotonic_now();
    t->pace.checkpoint_seconds = t->saved_time - start;
    diary_checkpoint(t->run->diary, t->at.iteration);
    return 0;
}

void training_save(struct training *t)
{
    struct reason why = REASON_INIT;
    if (is_saved(t) || checkpoint_save(t, &why) == 0)
        return;
    t->saved_time = monotonic_now();
    diary_log(t->run->diary, "no checkpoint: %s", why.sentence);
}
