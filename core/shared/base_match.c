#include "core/shared/base_match.h"

#include "core/basic/language.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 192 };

/* What wrappers put in front, one or several of them; "resnet." is that of
 * Hugging Face's own classifier. */
static const char *const wrappers[] = {
    "module.",  "model.",      "backbone.", "resnet.", "encoder.",
    "network.", "base_model.", "net.",      "body.",   "state_dict.",
};

/* The first of all weights, under both names. */
#define TORCHVISION  "conv1.weight"
#define HUGGING_FACE "embedder.embedder.convolution.weight"

/* Names */

/* "layer2.0.conv1" and so on in Hugging Face's words. */
static void put_hugging_face(char *out, const char *name)
{
    int stage, block, n = 0, used = 0;
    if (sscanf(name, "layer%d.%d.%n", &stage, &block, &used) == 2 && used) {
        const char *what = name + used;
        int at = snprintf(out, NAME_BYTES, "encoder.stages.%d.layers.%d.",
                          stage - 1, block);
        if (sscanf(what, "conv%d", &n) == 1)
            snprintf(out + at, NAME_BYTES - (size_t)at,
                     "layer.%d.convolution%s", n - 1,
                     what + strcspn(what, "."));
        else if (sscanf(what, "bn%d", &n) == 1)
            snprintf(out + at, NAME_BYTES - (size_t)at,
                     "layer.%d.normalization%s", n - 1,
                     what + strcspn(what, "."));
        else if (sscanf(what, "downsample.%d", &n) == 1)
            snprintf(out + at, NAME_BYTES - (size_t)at, "shortcut.%s%s",
                     n ? "normalization" : "convolution",
                     what + strlen("downsample.0"));
        return;
    }
    static const struct {
        const char *from, *to;
    } others[] = {{"conv1.", "embedder.embedder.convolution."},
                  {"bn1.", "embedder.embedder.normalization."},
                  {"fc.", "classifier.1."}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strncmp(name, others[i].from, strlen(others[i].from)))
            snprintf(out, NAME_BYTES, "%s%s", others[i].to,
                     name + strlen(others[i].from));
}

/* As it is called in the file. */
static void put_name(const struct base_match *m, char *out, const char *name)
{
    char own[NAME_BYTES] = "";
    if (m->hugging_face)
        put_hugging_face(own, name);
    else
        snprintf(own, sizeof own, "%s", name);
    snprintf(out, NAME_BYTES, "%s%.120s", m->prefix, own);
}

/* Whether s, of n bytes, is nothing but wrappers. */
static bool is_prefix(const char *s, size_t n)
{
    while (n > 0) {
        size_t i = 0, size = 0;
        for (; i < sizeof wrappers / sizeof *wrappers; i++) {
            size = strlen(wrappers[i]);
            if (size <= n && !memcmp(s, wrappers[i], size))
                break;
        }
        if (i == sizeof wrappers / sizeof *wrappers)
            return false;
        s += size;
        n -= size;
    }
    return true;
}

static bool names_found(struct base_match *m,
                        const struct safetensors_header *h, const char *anchor)
{
    size_t tail = strlen(anchor);
    for (int i = 0; i < h->count; i++) {
        const char *name = h->place[i].name;
        size_t size = strlen(name);
        if (size < tail || strcmp(name + size - tail, anchor) ||
            size - tail >= sizeof m->prefix || !is_prefix(name, size - tail))
            continue;
        memcpy(m->prefix, name, size - tail);
        m->prefix[size - tail] = 0;
        return true;
    }
    return false;
}

static int names_take(struct base_match *m, const struct safetensors_header *h,
                      struct reason *why)
{
    m->names = N_("torchvision's");
    if (names_found(m, h, TORCHVISION))
        return 0;
    m->hugging_face = true;
    m->names = N_("Hugging Face's");
    if (names_found(m, h, HUGGING_FACE))
        return 0;
    return refuse(
        why, EINVAL,
        "the key '%s' is missing: a ResNet-18, 34 or 50 under the "
        "names of torchvision, timm or Hugging Face would be accepted",
        TORCHVISION);
}

/* Which of the three */

static bool has(const struct base_match *m, const struct safetensors_header *h,
                const char *name)
{
    char own[NAME_BYTES];
    put_name(m, own, name);
    return safetensors_header_find(h, own) != NULL;
}

static void network_choose(struct base_match *m,
                           const struct safetensors_header *h)
{
    m->network = network_find("resnet18");
    if (has(m, h, "layer1.0.conv3.weight"))
        m->network = network_find("resnet50");
    else if (has(m, h, "layer1.2.conv1.weight"))
        m->network = network_find("resnet34");
}

/* Checks */

static void put_shape(struct text *out, const int64_t *dim, int rank)
{
    text_puts(out, "[");
    for (int i = 0; i < rank && i < 4; i++)
        text_printf(out, "%s%lld", i ? ", " : "", (long long)dim[i]);
    text_puts(out, rank > 4 ? ", …]" : "]");
}

static int misshapen(const struct base_match *m, const struct tensor_place *p,
                     const int64_t *dim, int rank, struct reason *why)
{
    struct text got = TEXT_INIT, want = TEXT_INIT;
    put_shape(&got, p->dim, p->rank);
    put_shape(&want, dim, rank);
    refuse(why, EINVAL, "the key '%s' has the shape %s, a %s has %s there",
           p->name, text_string(&got), m->network->title, text_string(&want));
    text_release(&got);
    text_release(&want);
    return -EINVAL;
}

static int weight_check(struct base_match *m,
                        const struct safetensors_header *h, const char *name,
                        const char *part, const int64_t *dim, int rank,
                        struct reason *why)
{
    char plain[NAME_BYTES], own[NAME_BYTES];
    snprintf(plain, sizeof plain, "%s%s", name, part);
    put_name(m, own, plain);
    const struct tensor_place *p = safetensors_header_find(h, own);
    if (!p)
        return refuse(why, EINVAL, "the key '%s' is missing, a %s has it", own,
                      m->network->title);
    if (p->type == DTYPE_OTHER)
        return refuse(why, EINVAL,
                      "the key '%s' is of whole numbers; F32, F16 or BF16 "
                      "would be accepted",
                      own);
    if (p->rank != rank || memcmp(p->dim, dim, sizeof *dim * (size_t)rank))
        return misshapen(m, p, dim, rank, why);
    long long count = 1;
    for (int i = 0; i < rank; i++)
        count *= dim[i];
    m->parameters += count;
    m->taken++;
    return 0;
}

static int convolution_check(struct base_match *m,
                             const struct safetensors_header *h,
                             const struct layer *l, struct reason *why)
{
    static const char *const parts[] = {".weight", ".bias", ".running_mean",
                                        ".running_var"};
    const int64_t dim[] = {l->out, l->in, l->kernel, l->kernel};
    int err = weight_check(m, h, l->name, ".weight", dim, 4, why);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && err == 0; i++)
        err = weight_check(m, h, l->norm, parts[i], dim, 1, why);
    return err;
}

/* A name of a layer, behind the prefix: those that no layer has are of another
 * network. */
static bool is_layers(const struct base_match *m, const char *name)
{
    static const char *const starts[] = {"layer", "conv1.", "bn1.", "embedder.",
                                         "encoder."};
    size_t n = strlen(m->prefix);
    if (strncmp(name, m->prefix, n))
        return false;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (!strncmp(name + n, starts[i], strlen(starts[i])))
            return (i < 3) != m->hugging_face;
    return false;
}

static bool ends_in(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && !strcmp(s + n - m, tail);
}

static bool is_known(const struct base_match *m, const char *key)
{
    static const char *const parts[] = {".weight", ".bias", ".running_mean",
                                        ".running_var"};
    char plain[NAME_BYTES], own[NAME_BYTES];
    for (int r = 0; r < m->network->layers; r++) {
        const struct layer *l = &m->network->layer[r];
        if (l->kind != LAYER_CONVOLUTION)
            continue;
        snprintf(plain, sizeof plain, "%s.weight", l->name);
        put_name(m, own, plain);
        if (!strcmp(own, key))
            return true;
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            snprintf(plain, sizeof plain, "%s%s", l->norm, parts[i]);
            put_name(m, own, plain);
            if (!strcmp(own, key))
                return true;
        }
    }
    return false;
}

static int others_check(struct base_match *m,
                        const struct safetensors_header *h, struct reason *why)
{
    for (int i = 0; i < h->count; i++) {
        const char *key = h->place[i].name;
        if (ends_in(key, ".num_batches_tracked"))
            continue;
        if (is_layers(m, key) && !is_known(m, key))
            return refuse(why, EINVAL,
                          "the key '%s' is of no layer of a %s; a ResNet-18, "
                          "34 or 50 would be accepted",
                          key, m->network->title);
    }
    return 0;
}

/* The head */

/* With the prefix, or with what is left of it when its last words go. */
static const struct tensor_place *head_part(const struct base_match *m,
                                            const struct safetensors_header *h,
                                            const char *name)
{
    struct base_match less = *m;
    for (;;) {
        char own[NAME_BYTES];
        put_name(&less, own, name);
        const struct tensor_place *p = safetensors_header_find(h, own);
        size_t n = strlen(less.prefix);
        if (p || n == 0)
            return p;
        do
            less.prefix[--n] = 0;
        while (n > 0 && less.prefix[n - 1] != '.');
    }
}

static void head_take(struct base_match *m, const struct safetensors_header *h)
{
    const struct tensor_place *weight = head_part(m, h, "fc.weight");
    const struct tensor_place *bias = head_part(m, h, "fc.bias");
    int features = m->network->layer[m->network->layers - 1].in;
    if (!weight || !bias || weight->type == DTYPE_OTHER ||
        bias->type == DTYPE_OTHER || weight->rank != 2 || bias->rank != 1 ||
        weight->dim[1] != features || weight->dim[0] != bias->dim[0])
        return;
    m->classes = (int)bias->dim[0];
}

static void unused_count(struct base_match *m,
                         const struct safetensors_header *h)
{
    int counters = 0;
    for (int i = 0; i < h->count; i++)
        counters += ends_in(h->place[i].name, ".num_batches_tracked");
    m->unused = h->count - counters - m->taken - (m->classes ? 2 : 0);
}

static int fresh_take(struct base_match *m, const struct safetensors_header *h,
                      struct reason *why)
{
    const char *name =
        metadata_find(h->metadata, h->metadata_count, "architecture");
    m->network = name ? network_find(name) : NULL;
    if (m->network)
        return 0;
    return refuse(why, EINVAL,
                  "there are no tensors in it, and no metadata that name an "
                  "architecture: resnet18, resnet34 or resnet50");
}

int base_match(struct base_match *out, const struct safetensors_header *h,
               struct reason *why)
{
    struct base_match m = {0};
    int err = h->count ? names_take(&m, h, why) : fresh_take(&m, h, why);
    if (err || !m.names) {
        if (err == 0)
            *out = m;
        return err;
    }
    network_choose(&m, h);
    for (int r = 0; r < m.network->layers && err == 0; r++)
        if (m.network->layer[r].kind == LAYER_CONVOLUTION)
            err = convolution_check(&m, h, &m.network->layer[r], why);
    if (err == 0)
        err = others_check(&m, h, why);
    if (err)
        return err;
    head_take(&m, h);
    unused_count(&m, h);
    *out = m;
    return 0;
}

const struct tensor_place *base_find(const struct base_match *m,
                                     const struct safetensors_header *h,
                                     const char *name)
{
    char own[NAME_BYTES];
    if (!m->names)
        return NULL;
    if (!strncmp(name, "fc.", 3))
        return m->classes ? head_part(m, h, name) : NULL;
    put_name(m, own, name);
    return safetensors_header_find(h, own);
}

void base_describe(const struct base_match *m, struct text *out)
{
    text_puts(out, m->network->title);
    if (!m->names) {
        text_puts(out, _(" from scratch"));
        return;
    }
    text_printf(out, _(" by %s names"), _(m->names));
    if (*m->prefix)
        text_printf(out, _(" behind '%s'"), m->prefix);
    text_printf(out, _(", %d tensors of %.1f million values"), m->taken,
                (double)m->parameters / 1e6);
    if (m->classes)
        text_printf(out, _(", a head of %d classes"), m->classes);
    if (m->unused)
        text_printf(out, _(", %d tensors that are not used"), m->unused);
}
