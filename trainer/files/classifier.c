#include "trainer/files/classifier.h"

#include "core/basic/text.h"
#include "core/report/artifact.h"
#include "core/settings/param.h"
#include "trainer/files/safetensors.h"

#include <errno.h>
#include <stdlib.h>

/* Moves the tensors and the metadata out of *s. */
static void classifier_take(struct classifier *m, struct safetensors *s)
{
    m->tensors = s->tensors;
    m->count = s->count;
    m->facts = s->metadata;
    m->fact_count = s->metadata_count;
    *s = (struct safetensors)SAFETENSORS_INIT;
}

/* Parses a valid image_size; 0 = it is none. */
static int side_parse(const char *s)
{
    const struct param *p = &params[KEY_IMAGE_SIZE];
    long long side;
    if (!s || !parse_int(s, &side))
        return 0;
    return (double)side >= p->low && (double)side <= p->high ? (int)side : 0;
}

/* The network that a model names. Models of the first version name none; they
 * are all of one network. */
static const struct network *network_parse(const char *name)
{
    return network_find(name ? name : "resnet18");
}

static int classifier_fill(struct classifier *m, const char *path,
                           struct reason *why)
{
    struct safetensors s = SAFETENSORS_INIT;
    int err = safetensors_open(&m->file, path, why);
    if (err == 0)
        err = safetensors_heads(&s, &m->file, why);
    if (err < 0)
        return err;
    err = safetensors_strings(&s, "classes", &m->class_names, &m->classes, why);
    m->image_size = side_parse(safetensors_find(&s, "image_size"));
    m->network = network_parse(safetensors_find(&s, "architecture"));
    if (err == 0 && (!m->image_size || m->classes < 1))
        err = refuse(why, EINVAL, "no usable image_size or classes in it");
    if (err == 0 && !m->network)
        err = refuse(why, EINVAL, "its architecture is none of ours");
    classifier_take(m, &s);
    if (err < 0)
        reason_prefix(why, "'%s' is not a model of primo-train: ", path);
    return err;
}

int classifier_read(struct classifier *out, const char *path,
                    struct reason *why)
{
    struct classifier fresh = CLASSIFIER_INIT;
    int err = classifier_fill(&fresh, path, why);
    if (err < 0)
        classifier_release(&fresh);
    else
        *out = fresh;
    return err;
}

int classifier_open(struct classifier *out, const char *dir, struct reason *why)
{
    struct text path = TEXT_INIT;
    text_printf(&path, "%s/%s", dir, artifacts[ARTIFACT_WEIGHTS].name);
    int err = classifier_read(out, text_string(&path), why);
    text_release(&path);
    return err;
}

int classifier_values(void *classifier, const struct tensor *t,
                      struct reason *why)
{
    const struct classifier *m = classifier;
    const struct tensor_place *p =
        safetensors_header_find(&m->file.header, t->name);
    int err = p ? safetensors_values(&m->file, p, t->data, why) : 0;
    return err < 0 ? err : p != NULL;
}

void classifier_close(struct classifier *m)
{
    safetensors_close(&m->file);
}

void classifier_release(struct classifier *m)
{
    struct safetensors s = {m->tensors, m->count, m->facts, m->fact_count};
    safetensors_release(&s);
    classifier_close(m);
    for (int i = 0; i < m->classes; i++)
        free(m->class_names[i]);
    free(m->class_names);
    *m = (struct classifier)CLASSIFIER_INIT;
}
