#include "trainer/dataset/sample.h"

#include "core/basic/alloc.h"

#include <stdlib.h>

struct sample sample_of_page(const char *path, int page, int label)
{
    return (struct sample){.path = xstrdup(path),
                           .name =
                               page ? xstrfmt("%s#page=%d", path, page) : NULL,
                           .page = page,
                           .label = label};
}

void samples_free(struct sample *samples, int count)
{
    for (int i = 0; i < count; i++) {
        free(samples[i].path);
        free(samples[i].name);
        free(samples[i].fault);
    }
    free(samples);
}

const char *sample_name(const struct sample *s)
{
    return s->name ? s->name : s->path;
}
