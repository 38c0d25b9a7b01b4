#include "trainer/files/export.h"

#include "core/basic/json.h"
#include "core/basic/text.h"
#include "core/system/file.h"
#include "trainer/files/onnx.h"
#include "trainer/files/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* The metadata that both model files have. The strings are not owned. */
struct card {
    struct text classes, side;
    struct metadata *list;
    int count;
};

static int card_make(struct card *c, const struct classifier *m,
                     struct reason *why)
{
    *c = (struct card){0};
    json_put_strings(&c->classes, m->class_names, m->classes);
    text_printf(&c->side, "%d", m->image_size);
    const struct metadata own[] = {
        {"format", "pt"}, /* torchvision's names and layouts */
        {"architecture", m->network->name},
        {"classes", text_string(&c->classes)},
        {"image_size", text_string(&c->side)},
        {"color", "RGB"},
        {"resize", "bilinear, antialiased, aspect ratio not kept"},
    };
    size_t n = sizeof own / sizeof *own;
    c->list = calloc(n + (size_t)m->fact_count, sizeof *c->list);
    if (!c->list)
        return refuse(why, ENOMEM, "no memory to export the model");
    memcpy(c->list, own, sizeof own);
    for (int i = 0; i < m->fact_count; i++)
        c->list[n + (size_t)i] = m->facts[i];
    c->count = (int)n + m->fact_count;
    return 0;
}

static void card_release(struct card *c)
{
    text_release(&c->classes);
    text_release(&c->side);
    free(c->list);
}

/* Writes a class name as one line, whatever bytes the folder's name has. No
 * line is empty. */
static void put_label(struct text *out, const char *name)
{
    size_t before = out->size;
    text_put_printable(out, name, strlen(name));
    text_puts(out, out->size > before ? "\n" : "?\n");
}

static int labels_write(const char *path, const struct classifier *m,
                        const struct card *c, struct reason *why)
{
    (void)c;
    struct text labels = TEXT_INIT;
    for (int i = 0; i < m->classes; i++)
        put_label(&labels, m->class_names[i]);
    int err = file_save(AT_FDCWD, path, text_string(&labels), labels.size, why);
    text_release(&labels);
    return err;
}

static int weights_write(const char *path, const struct classifier *m,
                         const struct card *c, struct reason *why)
{
    return safetensors_write(path, m->tensors, m->count, c->list, c->count,
                             why);
}

static int graph_write(const char *path, const struct classifier *m,
                       const struct card *c, struct reason *why)
{
    return onnx_write(path, m, c->list, c->count, why);
}

typedef int write_fn(const char *path, const struct classifier *m,
                     const struct card *c, struct reason *why);

/* NULL = the artifact is written by other code, before the training. */
static write_fn *const writers[ARTIFACTS] = {
    [ARTIFACT_WEIGHTS] = weights_write,
    [ARTIFACT_LABELS] = labels_write,
    [ARTIFACT_GRAPH] = graph_write,
};

bool export_writes(enum artifact_no no)
{
    return writers[no] != NULL;
}

/* Writes the files in reverse order, beginning with the graph, whose writer
 * checks the tensors: where they are not those of a network, no file must be
 * left. */
static int files_write(const char *dir, const struct classifier *m,
                       const struct card *c, struct reason *why)
{
    int err = 0;
    for (int i = ARTIFACTS - 1; i >= 0 && err == 0; i--) {
        if (!writers[i])
            continue;
        struct text path = TEXT_INIT;
        text_printf(&path, "%s/%s", dir, artifacts[i].name);
        err = writers[i](text_string(&path), m, c, why);
        text_release(&path);
    }
    return err;
}

int export_model(const char *dir, const struct classifier *model,
                 struct reason *why)
{
    struct card card;
    int err = card_make(&card, model, why);
    if (err == 0)
        err = files_write(dir, model, &card, why);
    card_release(&card);
    return err;
}
