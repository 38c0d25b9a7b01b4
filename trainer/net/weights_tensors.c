/* Export and import: weights as row-major tensors. */
#include "trainer/net/weights.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A kind of copy, and the prefix of its names. */
struct kind {
    const char *prefix;
    enum weight_copy copy;
};

static const struct kind kinds[] = {
    {"", COPY_VALUE}, {"momentum.", COPY_MOMENTUM}, {"average.", COPY_AVERAGE}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The kinds that are exported, with or without state. */
struct selection {
    const struct kind *kind;
    int kinds;
};

static struct selection select_kinds(const struct weights *w, bool state)
{
    static const struct kind value = {"", COPY_VALUE};
    static const struct kind average = {"", COPY_AVERAGE};
    if (state && w->momentum)
        return (struct selection){kinds, KINDS};
    return (struct selection){w->average ? &average : &value, 1};
}

/* The copy of a weight for export; NULL = there is none. */
static float *copy_of(const struct weights *w, const struct weight *x,
                      const struct kind *kind)
{
    if (weight_is_statistic(x) && kind->copy == COPY_GRADIENT)
        return NULL; /* statistics of a batch are no gradients */
    return weights_copy(w, x, kind->copy);
}

/* Export */

static size_t count_floats(const struct weights *w, const struct selection *s,
                           int *count)
{
    size_t floats = 0;
    *count = 0;
    for (int k = 0; k < s->kinds; k++)
        for (int i = 0; i < w->count; i++)
            if (copy_of(w, &w->list[i], &s->kind[k])) {
                floats += tensor_count(&w->list[i].shape);
                ++*count;
            }
    return floats;
}

/* Hands each tensor to the visitor, with its data at `values`. With `keep`, the
 * next tensor goes behind it, else in its place. */
static int walk(const struct weights *w, const struct selection *s,
                float *values, bool keep, tensor_visit *visit, void *context,
                struct reason *why)
{
    int err = 0;
    for (int n = 0; !err && n < s->kinds * w->count; n++) {
        const struct kind *kind = &s->kind[n / w->count];
        const struct weight *x = &w->list[n % w->count];
        struct tensor t = x->shape;
        float *from = copy_of(w, x, kind);
        if (!from)
            continue;
        snprintf(t.name, sizeof t.name, "%s%s", kind->prefix, x->shape.name);
        t.data = values;
        values += keep ? tensor_count(&t) : 0;
        err = dnn_reorder(w->dnn, (struct dnn_tensor){x->layout, from},
                          (struct dnn_tensor){x->plain, t.data}, why);
        if (!err)
            err = visit(context, &t, why);
    }
    return err;
}

static int note(void *context, const struct tensor *t, struct reason *why)
{
    struct tensor **next = context;
    (void)why;
    *(*next)++ = *t;
    return 0;
}

/* Exports into one allocation: first the tensors, then their values. */
static int export_selection(const struct weights *w, const struct selection *s,
                            struct tensor **out, int *count, struct reason *why)
{
    int n;
    size_t floats = count_floats(w, s, &n);
    size_t head = ((size_t)n * sizeof(struct tensor) + 63) & ~(size_t)63;
    char *block = dnn_alloc(head + floats * sizeof(float));
    struct tensor *next = (struct tensor *)(void *)block;
    if (!block)
        return refuse(why, ENOMEM, "out of memory for a copy of the weights");
    int err =
        walk(w, s, (float *)(void *)(block + head), true, note, &next, why);
    if (err) {
        free(block);
        return err;
    }
    *out = (struct tensor *)(void *)block;
    *count = n;
    return 0;
}

int weights_export(const struct weights *w, bool state, struct tensor **out,
                   int *count, struct reason *why)
{
    struct selection s = select_kinds(w, state);
    return export_selection(w, &s, out, count, why);
}

int weights_export_gradients(const struct weights *w, struct tensor **out,
                             int *count, struct reason *why)
{
    static const struct kind gradient = {"", COPY_GRADIENT};
    struct selection s = {&gradient, 1};
    return export_selection(w, &s, out, count, why);
}

int weights_count(const struct weights *w, bool state)
{
    struct selection s = select_kinds(w, state);
    int count;
    count_floats(w, &s, &count);
    return count;
}

int weights_walk(const struct weights *w, bool state, tensor_visit *visit,
                 void *context, struct reason *why)
{
    struct selection s = select_kinds(w, state);
    float *room = dnn_alloc(weights_largest(w) * sizeof(float));
    if (!room)
        return refuse(why, ENOMEM, "out of memory for a copy of a weight");
    int err = walk(w, &s, room, false, visit, context, why);
    free(room);
    return err;
}

/* Import */

static const struct tensor *find(const struct tensor *tensors, int count,
                                 const char *prefix, const char *name)
{
    size_t size = strlen(prefix);
    for (int i = 0; i < count; i++)
        if (!strncmp(tensors[i].name, prefix, size) &&
            !strcmp(tensors[i].name + size, name))
            return &tensors[i];
    return NULL;
}

static int check_shape(const struct tensor *want, const struct tensor *got,
                       struct reason *why)
{
    bool same = got->rank == want->rank;
    for (int i = 0; same && i < want->rank; i++)
        same = got->dim[i] == want->dim[i];
    if (same)
        return 0;
    return refuse(why, EINVAL,
                  "the shape of weight '%s' does not fit this network; [%lld, "
                  "%lld, %lld, %lld] would be accepted",
                  got->name, (long long)want->dim[0], (long long)want->dim[1],
                  (long long)want->dim[2], (long long)want->dim[3]);
}

int net_weights_check(const struct weights *w, const struct tensor *tensors,
                      int count, struct reason *why)
{
    int err = 0;
    for (int i = 0; !err && i < w->count; i++) {
        const struct tensor *want = &w->list[i].shape;
        if (!find(tensors, count, "", want->name))
            return refuse(why, EINVAL, "weight '%s' is missing", want->name);
        for (int k = 0; !err && k < KINDS; k++) {
            const struct tensor *t =
                find(tensors, count, kinds[k].prefix, want->name);
            err = t ? check_shape(want, t, why) : 0;
        }
    }
    return err;
}

/* Imports the copies of one kind, as far as they are given. */
static int import_kind(struct weights *w, const struct kind *kind,
                       const struct tensor *tensors, int count,
                       struct reason *why)
{
    int err = 0;
    for (int i = 0; !err && i < w->count; i++) {
        const struct weight *x = &w->list[i];
        const struct tensor *t =
            find(tensors, count, kind->prefix, x->shape.name);
        float *to = copy_of(w, x, kind);
        if (t && to)
            err = dnn_reorder(w->dnn, (struct dnn_tensor){x->plain, t->data},
                              (struct dnn_tensor){x->layout, to}, why);
    }
    return err;
}

int weights_fill(struct weights *w, tensor_fill *fill, void *context,
                 struct reason *why)
{
    float *room = dnn_alloc(weights_largest(w) * sizeof(float));
    int err = 0;
    if (!room)
        return refuse(why, ENOMEM, "out of memory for a copy of a weight");
    for (int i = 0; err >= 0 && i < w->count; i++) {
        const struct weight *x = &w->list[i];
        float *to = weights_copy(w, x, COPY_VALUE);
        bool plain = dnn_layout_same(x->layout, x->plain);
        struct tensor t = x->shape;
        t.data = plain ? to : room;
        err = fill(context, &t, why);
        if (err > 0 && !plain)
            err = dnn_reorder(w->dnn, (struct dnn_tensor){x->plain, room},
                              (struct dnn_tensor){x->layout, to}, why);
    }
    free(room);
    weights_anew(w);
    return err < 0 ? err : 0;
}

int weights_import(struct weights *w, const struct tensor *tensors, int count,
                   struct reason *why)
{
    int err = net_weights_check(w, tensors, count, why);
    if (!err)
        err = import_kind(w, &kinds[0], tensors, count, why);
    if (err)
        return err;
    weights_anew(w);
    for (int k = 1; !err && k < KINDS; k++)
        err = import_kind(w, &kinds[k], tensors, count, why);
    return err;
}
