#include "classifier.h"

#include "safetensors.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>

/* Take the tensors and the metadata out of *s. */
static void classifier_take(struct classifier *m, struct safetensors *s)
{
    m->tensors = s->tensors;
    m->count = s->count;
    m->facts = s->metadata;
    m->fact_count = s->metadata_count;
    *s = (struct safetensors)SAFETENSORS_INIT;
}

static int classifier_read(struct classifier *m, const char *path,
                           struct reason *why)
{
    struct safetensors s = SAFETENSORS_INIT;
    int r = safetensors_read(&s, path, why);
    if (r < 0)
        return r;
    long long side = 0;
    const char *size = safetensors_find(&s, "image_size");
    r = safetensors_strings(&s, "classes", &m->class_names, &m->classes, why);
    if (r == 0 && (!size || !parse_int(size, &side) || side < 1 ||
                   side > 16384 || m->classes < 1))
        r = refuse(why, EINVAL, "no usable image_size in the metadata");
    m->image_size = (int)side;
    classifier_take(m, &s);
    if (r < 0)
        reason_prefix(why, "'%s' is not a model of primo-train: ", path);
    return r;
}

int classifier_open(struct classifier *out, const char *dir, struct reason *why)
{
    struct text path = TEXT_INIT;
    text_printf(&path, "%s/" CLASSIFIER_FILE, dir);
    struct classifier fresh = CLASSIFIER_INIT;
    int r = classifier_read(&fresh, text_string(&path), why);
    text_release(&path);
    if (r < 0)
        classifier_release(&fresh);
    else
        *out = fresh;
    return r;
}

void classifier_release(struct classifier *m)
{
    struct safetensors s = {m->tensors, m->count, m->facts, m->fact_count};
    safetensors_release(&s);
    for (int i = 0; i < m->classes; i++)
        free(m->class_names[i]);
    free(m->class_names);
    *m = (struct classifier)CLASSIFIER_INIT;
}
