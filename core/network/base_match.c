#include "core/network/base_match.h"

#include "core/basic/language.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 192 };

/* Wrappers put one or several of these in front of all names; "resnet." comes
 * from Hugging Face's own classifier. */
static const char *const wrappers[] = {
    "module.",  "model.",      "backbone.",   "resnet.",
    "encoder.", "network.",    "base_model.", "net.",
    "body.",    "state_dict.", "timm_model.",
};

/* Names */

/* Writes the name that a weight has in the file, given torchvision's name. */
static void put_name(const struct base_match *m, char *out, const char *name)
{
    char own[NAME_BYTES] = "";
    if (m->naming->put)
        m->naming->put(own, sizeof own, name);
    else
        snprintf(own, sizeof own, "%s", name);
    snprintf(out, NAME_BYTES, "%s%.120s", m->prefix, own);
}

/* Writes the name of the first weight of a network, which every file for this
 * network contains. */
static void put_anchor(const struct network *net, char *out)
{
    snprintf(out, NAME_BYTES, "%s.weight", net->layer[0].name);
}

/* Whether the n bytes at s consist of nothing but wrappers. */
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

/* Finds the prefix, which is what stands before the anchor. */
static bool prefix_take(struct base_match *m,
                        const struct safetensors_header *h)
{
    char plain[NAME_BYTES], anchor[NAME_BYTES];
    m->prefix[0] = 0;
    put_anchor(m->network, plain);
    put_name(m, anchor, plain);
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

/* Says which first weight is wanted: that of the first network of each
 * family. */
static int anchor_missing(struct reason *why)
{
    struct text titles = TEXT_INIT, anchors = TEXT_INIT;
    char anchor[NAME_BYTES];
    for (int i = 0; i < networks_count; i++) {
        if (networks[i]->mark)
            continue;
        put_anchor(networks[i], anchor);
        text_printf(&anchors, "%s'%s'", anchors.size ? ", " : "", anchor);
    }
    networks_put_titles(&titles);
    int err = refuse(why, EINVAL,
                     "it has none of the keys %s: a %s under the names of "
                     "torchvision, timm or Hugging Face would be accepted",
                     text_string(&anchors), text_string(&titles));
    text_release(&titles);
    text_release(&anchors);
    return err;
}

/* Finds the naming of the weights, and a network that has it. */
static int naming_take(struct base_match *m, const struct safetensors_header *h,
                       struct reason *why)
{
    for (int i = 0; i < networks_count; i++) {
        m->network = networks[i];
        for (int k = 0; m->network->namings[k]; k++) {
            m->naming = m->network->namings[k];
            if (prefix_take(m, h))
                return 0;
        }
    }
    return anchor_missing(why);
}

static bool has(const struct base_match *m, const struct safetensors_header *h,
                const char *name)
{
    char own[NAME_BYTES];
    put_name(m, own, name);
    return safetensors_header_find(h, own) != NULL;
}

/* Chooses among the networks with this naming: the last one whose mark is
 * there. */
static void network_choose(struct base_match *m,
                           const struct safetensors_header *h)
{
    const struct naming *const *namings = m->network->namings;
    for (int i = 0; i < networks_count; i++)
        if (networks[i]->namings == namings && networks[i]->mark &&
            has(m, h, networks[i]->mark))
            m->network = networks[i];
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
                     const struct weight_shape *shape, struct reason *why)
{
    struct text got = TEXT_INIT, want = TEXT_INIT;
    put_shape(&got, p->dim, p->rank);
    put_shape(&want, shape->dim, shape->rank);
    int err = refuse(
        why, EINVAL, "the key '%s' has the shape %s, but a %s has %s there",
        p->name, text_string(&got), m->network->title, text_string(&want));
    text_release(&got);
    text_release(&want);
    return err;
}

/* Whether a tensor has the shape, or more or fewer dimensions of 1 behind it: a
 * matrix is also a convolution of one pixel. */
static bool is_shaped(const struct tensor_place *p,
                      const struct weight_shape *shape)
{
    enum { MOST = sizeof shape->dim / sizeof *shape->dim };
    for (int i = 0; i < MOST; i++)
        if ((i < p->rank ? p->dim[i] : 1) != shape->dim[i])
            return false;
    return p->rank <= MOST;
}

static int weight_check(struct base_match *m,
                        const struct safetensors_header *h,
                        const struct weight_shape *shape, struct reason *why)
{
    char own[NAME_BYTES];
    put_name(m, own, shape->name);
    const struct tensor_place *p = safetensors_header_find(h, own);
    if (!p)
        return refuse(why, EINVAL, "the key '%s' is missing; a %s has it", own,
                      m->network->title);
    if (p->type == DTYPE_OTHER)
        return refuse(
            why, EINVAL,
            "the key '%s' has integers; F32, F16 or BF16 would be accepted",
            own);
    if (!is_shaped(p, shape))
        return misshapen(m, p, shape, why);
    long long count = 1;
    for (int i = 0; i < shape->rank; i++)
        count *= shape->dim[i];
    m->parameters += count;
    m->taken++;
    return 0;
}

/* Checks all weights except those of the head. */
static int weights_check_all(struct base_match *m,
                             const struct safetensors_header *h,
                             struct reason *why)
{
    struct weight_shape shape;
    int err = 0;
    for (int r = 0; r < network_head(m->network); r++)
        for (enum weight_part p = 0; p < WEIGHT_PARTS && err == 0; p++)
            if (layer_weight(&m->network->layer[r], p, 0, &shape))
                err = weight_check(m, h, &shape, why);
    return err;
}

/* Whether the name, behind the prefix, is one that weights of layers have. */
static bool is_of_layer(const struct base_match *m, const char *name)
{
    size_t n = strlen(m->prefix);
    if (strncmp(name, m->prefix, n))
        return false;
    for (const char *const *start = m->naming->starts; *start; start++)
        if (!strncmp(name + n, *start, strlen(*start)))
            return true;
    return false;
}

static bool ends_in(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && !strcmp(s + n - m, tail);
}

static bool is_known(const struct base_match *m, const char *key)
{
    struct weight_shape shape;
    char own[NAME_BYTES];
    for (int r = 0; r < network_head(m->network); r++)
        for (enum weight_part p = 0; p < WEIGHT_PARTS; p++) {
            if (!layer_weight(&m->network->layer[r], p, 0, &shape))
                continue;
            put_name(m, own, shape.name);
            if (!strcmp(own, key))
                return true;
        }
    return false;
}

static int unknown_key(const struct base_match *m, const char *key,
                       struct reason *why)
{
    struct text titles = TEXT_INIT;
    networks_put_titles(&titles);
    int err = refuse(
        why, EINVAL,
        "the key '%s' belongs to no layer of a %s; a %s would be accepted", key,
        m->network->title, text_string(&titles));
    text_release(&titles);
    return err;
}

/* Refuses a file with further layers: it is for a network that only begins like
 * ours. */
static int others_check(const struct base_match *m,
                        const struct safetensors_header *h, struct reason *why)
{
    for (int i = 0; i < h->count; i++) {
        const char *key = h->place[i].name;
        if (!ends_in(key, ".num_batches_tracked") && is_of_layer(m, key) &&
            !is_known(m, key))
            return unknown_key(m, key, why);
    }
    return 0;
}

/* The head */

/* Wrappers may put fewer prefixes before the head than before the other
 * weights: it is looked for behind the whole prefix, then behind the prefix
 * without its last word, and so on. */
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

static const struct tensor_place *
head_weight(const struct base_match *m, const struct safetensors_header *h,
            enum weight_part part)
{
    struct weight_shape shape;
    layer_weight(&m->network->layer[network_head(m->network)], part, 0, &shape);
    return head_part(m, h, shape.name);
}

static void head_take(struct base_match *m, const struct safetensors_header *h)
{
    const struct tensor_place *weight = head_weight(m, h, WEIGHT_KERNEL);
    const struct tensor_place *bias = head_weight(m, h, WEIGHT_BIAS);
    int features = m->network->layer[network_head(m->network)].in;
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

/* Takes a file without tensors, which only names a network. */
static int fresh_take(struct base_match *m, const struct safetensors_header *h,
                      struct reason *why)
{
    const char *name =
        metadata_find(h->metadata, h->metadata_count, "architecture");
    m->network = name ? network_find(name) : NULL;
    if (m->network)
        return 0;
    struct text names = TEXT_INIT;
    networks_put_names(&names);
    int err = refuse(
        why, EINVAL,
        "it has no tensors, and no metadata that name an architecture: %s",
        text_string(&names));
    text_release(&names);
    return err;
}

static int weights_take(struct base_match *m,
                        const struct safetensors_header *h, struct reason *why)
{
    int err = naming_take(m, h, why);
    if (err)
        return err;
    network_choose(m, h);
    err = weights_check_all(m, h, why);
    if (err == 0)
        err = others_check(m, h, why);
    if (err)
        return err;
    head_take(m, h);
    unused_count(m, h);
    return 0;
}

int base_match(struct base_match *out, const struct safetensors_header *h,
               struct reason *why)
{
    struct base_match m = {0};
    int err = h->count ? weights_take(&m, h, why) : fresh_take(&m, h, why);
    if (err == 0)
        err = base_input_read(&m.input, h, why);
    if (err == 0)
        *out = m;
    return err;
}

const struct tensor_place *base_find(const struct base_match *m,
                                     const struct safetensors_header *h,
                                     const char *name)
{
    char own[NAME_BYTES];
    if (!m->naming)
        return NULL;
    if (network_is_head(m->network, name))
        return m->classes ? head_part(m, h, name) : NULL;
    put_name(m, own, name);
    return safetensors_header_find(h, own);
}

void base_describe(const struct base_match *m, struct text *out)
{
    text_puts(out, m->network->title);
    if (!m->naming) {
        text_puts(out, _(" from scratch"));
        return;
    }
    text_printf(out, _(" by %s names"), _(m->naming->title));
    if (*m->prefix)
        text_printf(out, _(" behind '%s'"), m->prefix);
    text_printf(out, _(", %d tensors of %.1f million values"), m->taken,
                (double)m->parameters / 1e6);
    if (m->classes)
        text_printf(out, _(", a head of %d classes"), m->classes);
    if (m->unused)
        text_printf(out, _(", %d tensors that are not used"), m->unused);
    base_input_describe(&m->input, out);
}
