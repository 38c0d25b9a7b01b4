#include "trainer/training/prepare.h"

#include "core/basic/language.h"
#include "core/report/artifact.h"
#include "core/system/cgroup.h"
#include "core/system/threads.h"
#include "trainer/data/decoded.h"
#include "trainer/dataset/kept.h"
#include "trainer/machine/headroom.h"
#include "trainer/training/auto.h"

#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

enum {
    ANSWER_SECONDS = 30, /* until a dead network path is given up */
    PICTURE_SECONDS =
        120, /* until one is given up that dies while it is read */
};

/* Machine */

static int limits_take(struct rundir *run, const struct options *o,
                       struct reason *why)
{
    struct rlimit limit = {o->memory, o->memory};
    if (o->nice && setpriority(PRIO_PROCESS, 0, o->nice) < 0)
        writer_log(run->writer, "nice = %d is not allowed here", o->nice);
    if (o->memory && setrlimit(RLIMIT_DATA, &limit) < 0)
        return refuse_errno(why, errno, "cannot limit the memory to %s",
                            settings_get(&o->settings, KEY_MEMORY));
    return 0;
}

/* `kept` is how many the training began with here; 0 = it begins now. */
static int threads_keep(struct rundir *run, const struct options *o, int kept,
                        struct reason *why)
{
    int all[NODES_MOST];
    if (kept && nodes_count(run->nodes) == 1)
        return 0;
    nodes_gather(run->nodes, &o->threads, sizeof o->threads, all);
    return rundir_keep_threads(run, all, why);
}

static int threads_take(struct rundir *run, struct options *o,
                        struct reason *why)
{
    struct threads found;
    int kept = rundir_threads(run);
    threads_find(&found, "", NULL);
    if (kept && kept != o->threads)
        options_decide(o, KEY_THREADS, kept, "as the training began");
    const struct auto_facts facts = {.machine = &found};
    auto_decide(o, AUTO_MACHINE, &facts);
    if (*o->notes[KEY_THREADS].value && !kept)
        writer_log(run->writer, "threads: %d (%s)", o->threads, found.why);
    else
        writer_log(run->writer, "threads: %d, %s (here: %s)", o->threads,
                   kept ? _("as the training began") : _("as requested"),
                   found.why);
    writer_fact(run->writer, "threads", "%d", o->threads);
    omp_set_num_threads(o->threads);
    return threads_keep(run, o, kept, why);
}

/* All nodes compute with the same precision: bf16 where each of them has it. */
static void precision_agree(struct rundir *run, struct options *o)
{
    int nodes = nodes_count(run->nodes), mine = o->bf16, all[NODES_MOST];
    nodes_gather(run->nodes, &mine, sizeof mine, all);
    for (int i = 0; i < nodes; i++) {
        if (all[i] || !o->bf16)
            continue;
        o->bf16 = false;
        options_note(o, KEY_PRECISION, "f32",
                     N_("the processor of host '%s' has no bf16 in hardware"),
                     nodes_name(run->nodes, i));
    }
}

int prepare_machine(struct rundir *run, struct options *o, struct reason *why)
{
    int err = limits_take(run, o, why);
    if (err == 0)
        err = threads_take(run, o, why);
    if (err == 0)
        precision_agree(run, o);
    if (err == 0 && o->memory)
        err = headroom_for_team(o->threads, why);
    return err;
}

/* Decoded pictures may take half of the memory that is available, as far as the
 * host, the cgroup and the parameter `memory` allow; the rest is for the
 * network and for the page cache. */
static uint64_t memory_for_pictures(const struct options *o)
{
    unsigned long long kib = 0;
    char line[256];
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            break;
    if (f)
        fclose(f);
    uint64_t room = kib ? (uint64_t)kib << 10 : (uint64_t)1 << 30;
    uint64_t group = cgroup_memory("");
    if (group < room)
        room = group;
    if (o->memory && o->memory < room)
        room = o->memory;
    return room / 2;
}

/* Base */

/* The network that a base of which there is no file stands for; NULL = none. In
 * runs that versions without a shipped base began, the default was fresh. */
static const struct network *fresh_network(const struct rundir *run,
                                           const char *base)
{
    bool old =
        run->from.at.iteration > 0 && !strcmp(base, params[KEY_BASE].fallback);
    return old ? networks[0] : network_fresh(base);
}

int prepare_base(struct rundir *run, const struct options *o,
                 struct material *m, struct reason *why)
{
    const char *file = settings_get(&o->settings, KEY_BASE_FILE);
    const char *base = settings_get(&o->settings, KEY_BASE);
    char *own = rundir_path(run, "base");
    struct stat st;
    int err = 0;
    if (lstat(own, &st) == 0)
        err = base_open(&m->base, own, why);
    else if (*file)
        err = base_open(&m->base, file, why);
    else if (!(m->base.match.network = fresh_network(run, base)))
        err = refuse(why, EINVAL,
                     "base = %s needs a mount, where bases/ and models/ are; "
                     "primo-train alone takes base_file=PATH",
                     base);
    free(own);
    return err;
}

/* Says which edition a file is, where it tells: the shipped one does. */
static void version_tell(const struct safetensors_header *h, struct text *out)
{
    const char *version =
        metadata_find(h->metadata, h->metadata_count, "version");
    const char *sum =
        metadata_find(h->metadata, h->metadata_count, "values_crc32");
    struct text printable = TEXT_INIT;
    if (!version || !sum)
        return;
    text_put_printable(&printable, version, strlen(version));
    text_puts(&printable, " ");
    text_put_printable(&printable, sum, strlen(sum));
    text_printf(out, _("; version %s"), text_string(&printable));
    text_release(&printable);
}

/* Reports the base. Its name is that of base_file, which in a mount is a path
 * below the root. */
static void base_tell(struct rundir *run, struct options *o, struct material *m)
{
    const char *file = settings_get(&o->settings, KEY_BASE_FILE);
    const struct base *b = &m->base;
    struct text what = TEXT_INIT;
    if (!b->match.network || !*file)
        return;
    m->head_kept =
        base_has_head_for(b, m->dataset.class_names, m->dataset.classes);
    text_printf(&what, "%s: ", file);
    base_describe(&b->match, &what);
    version_tell(&b->file.header, &what);
    if (base_is_trained(b))
        text_puts(&what, m->head_kept ? _("; the head is kept")
                                      : _("; the head is replaced"));
    options_note(o, KEY_BASE, strncmp(file, "models/", 7) ? "" : file, "%s",
                 text_string(&what));
    writer_log(run->writer, _("base %s"), text_string(&what));
    text_release(&what);
}

/* Dataset */

static int dataset_answers(struct rundir *run, const struct options *o,
                           struct reason *why)
{
    const char *path = dataset_place(&o->settings);
    struct stat st;
    control_expect(run->control, ANSWER_SECONDS,
                   "the dataset '%s' does not answer", path);
    int err = stat(path, &st) < 0 ? errno : 0;
    control_arrived(run->control);
    if (err)
        return refuse_errno(why, err, "cannot read the dataset '%s'", path);
    return 0;
}

/* The reading of a dataset may take any time, as long as pictures arrive. */
struct dataset_reading {
    struct rundir *run;
    const char *path;
    int done;
};

static void log_line(void *context, const char *line)
{
    struct dataset_reading *r = context;
    writer_log(r->run->writer, "%s", line);
}

static void reading_expect(struct dataset_reading *r)
{
    control_expect(r->run->control, PICTURE_SECONDS,
                   "no picture of the dataset '%s' could be read for %d "
                   "seconds",
                   r->path, PICTURE_SECONDS);
}

static bool reading_tick(void *context, int done, int total)
{
    struct dataset_reading *r = context;
    (void)total;
    if (done != r->done)
        reading_expect(r);
    r->done = done;
    return true;
}

/* Closes what was decoded, so that other trainings have it from now on. */
static void decoded_end(struct rundir *run, struct decoded *decoded)
{
    int found = decoded_found(decoded);
    decoded_close(decoded);
    if (found)
        writer_log(run->writer, "pictures that were decoded before: %d", found);
}

/* The report is saved even if the reading fails, when it is needed most. */
static int loader_make(struct dataset_reading *reading, const struct options *o,
                       struct material *m, struct reason *why)
{
    const struct loader_options options = {
        .side = o->image_size,
        .batch = o->batch,
        .augment = o->augment,
        .seed = o->seed,
        .workers = o->workers,
        .memory = memory_for_pictures(o),
        .pages = o->pages,
        .decoded = decoded_open(reading->run->dir, o->image_size),
        .nodes = nodes_count(reading->run->nodes),
        .node = nodes_rank(reading->run->nodes),
        .log = log_line,
        .tick = reading_tick,
        .context = reading,
    };
    struct text report = TEXT_INIT;
    reading_expect(reading);
    int err = loader_open(&m->loader, &m->dataset, &options, &report, why);
    control_arrived(reading->run->control);
    decoded_end(reading->run, options.decoded);
    int saved = report.size ? rundir_artifact(reading->run,
                                              artifacts[ARTIFACT_DATASET].name,
                                              &report, err ? NULL : why)
                            : 0;
    text_release(&report);
    return err ? err : saved;
}

static int config_save(struct rundir *run, const struct options *o,
                       struct reason *why)
{
    struct text config = TEXT_INIT;
    options_config(o, &config);
    int err =
        rundir_artifact(run, artifacts[ARTIFACT_CONFIG].name, &config, why);
    text_release(&config);
    return err;
}

static void findings_tell(struct rundir *run, const struct loader_findings *f)
{
    writer_fact(run->writer, "unreadable_images", "%d", f->unreadable);
    writer_fact(run->writer, "duplicate_images", "%d", f->duplicates);
    writer_fact(run->writer, "leaked_test_images", "%d", f->leaks);
    writer_fact(run->writer, "contradicting_labels", "%d", f->contradictions);
}

static void material_tell(struct rundir *run, const struct options *o,
                          const struct material *m)
{
    int train = loader_train_count(m->loader);
    int test = loader_test_count(m->loader);
    writer_fact(run->writer, "classes", "%d", m->dataset.classes);
    writer_fact(run->writer, "images", "%d", train);
    writer_fact(run->writer, "test_images", "%d", test);
    writer_fact(run->writer, "image_size", "%d", o->image_size);
    findings_tell(run, loader_findings(m->loader));
    writer_log(run->writer,
               "dataset read: %d classes, %d training and %d test pictures, "
               "taken at %d x %d",
               m->dataset.classes, train, test, o->image_size, o->image_size);
}

/* A training that is continued has the pictures that it began with. */
static int dataset_take(struct rundir *run, const struct options *o,
                        struct dataset *d, struct reason *why)
{
    struct text list = TEXT_INIT;
    int err = run->from.state.count ? rundir_pictures(run, &list, why) : 0;
    if (err == 0)
        err = list.size ? kept_open(d, &o->settings, &list, why)
                        : dataset_open(d, &o->settings, why);
    text_release(&list);
    return err;
}

static int pictures_keep(struct rundir *run, const struct material *m,
                         struct reason *why)
{
    struct text list = TEXT_INIT;
    if (m->dataset.kept)
        return 0;
    loader_keep(m->loader, &list);
    int err = rundir_keep_pictures(run, &list, why);
    text_release(&list);
    return err;
}

static struct auto_facts facts_of(const struct material *m)
{
    return (struct auto_facts){.dataset = &m->dataset,
                               .trained = base_is_trained(&m->base),
                               .base_side = m->base.image_size};
}

int prepare_material(struct rundir *run, struct options *o, struct material *m,
                     struct reason *why)
{
    const char *path = settings_get(&o->settings, KEY_DATASET);
    writer_stage(run->writer, NC_("stage", "dataset"));
    writer_fact(run->writer, "dataset", "%s", path);
    int err = dataset_answers(run, o, why);
    if (err == 0)
        err = dataset_take(run, o, &m->dataset, why);
    /* Where classes are unfit, the pictures are read nevertheless: there may be
     * more to say. */
    if (err && !(err == -EINVAL && dataset_has_classes(&m->dataset)))
        return err;
    base_tell(run, o, m);
    writer_log(run->writer, "reading the pictures of '%s'", path);
    const struct auto_facts facts = facts_of(m);
    auto_decide(o, AUTO_DATASET, &facts);
    err = err ? 0 : config_save(run, o, why);
    struct dataset_reading reading = {.run = run, .path = path};
    if (err == 0)
        err = loader_make(&reading, o, m, why);
    if (err == 0)
        err = pictures_keep(run, m, why);
    if (err == 0)
        material_tell(run, o, m);
    return err;
}

int prepare_learning(struct rundir *run, struct options *o,
                     const struct material *m, enum acquaintance acquaintance,
                     struct reason *why)
{
    struct auto_facts facts = facts_of(m);
    facts.acquaintance = acquaintance;
    auto_decide(o, AUTO_ADAPTED, &facts);
    return config_save(run, o, why);
}

void material_release(struct material *m)
{
    loader_free(m->loader);
    dataset_release(&m->dataset);
    base_release(&m->base);
    *m = (struct material){0};
}

static uLong string_crc(uLong crc, const char *s)
{
    return crc32_z(crc, (const Bytef *)s, strlen(s) + 1);
}

/* Of those that are used: an unreadable one is neither kept nor needed. */
static void samples_put(struct text *out, const char *key,
                        const struct loader *l, bool test)
{
    uLong crc = crc32_z(0, NULL, 0);
    int count = test ? loader_test_count(l) : loader_train_count(l);
    for (int i = 0; i < count; i++) {
        const struct sample *s =
            test ? loader_test_sample(l, i) : loader_train_sample(l, i);
        crc = string_crc(crc, sample_name(s));
        crc = crc32_z(crc, (const Bytef *)&s->label, sizeof s->label);
    }
    text_printf(out, "%s=%d of %d (%08lx)\n", key, count, count, crc);
}

int material_identity(const struct material *m, struct text *out,
                      struct reason *why)
{
    const struct dataset *d = &m->dataset;
    uLong names = crc32_z(0, NULL, 0);
    for (int i = 0; i < d->classes; i++)
        names = string_crc(names, d->class_names[i]);
    text_printf(out, "classes=%d (%08lx)\n", d->classes, names);
    samples_put(out, "training_pictures", m->loader, false);
    samples_put(out, "test_pictures", m->loader, true);
    return base_identity(&m->base, out, why);
}
