#include "trainer/training/options.h"

#include "core/basic/language.h"
#include "trainer/data/loader.h"
#include "trainer/net/net.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* For a network that has learnt nothing yet: a step along the mean gradient of
 * more pictures is a surer one, and may be larger. */
#define RATE_FRESH       0.0125
#define RATE_FRESH_BATCH 16
#define RATE_FRESH_MOST  0.05
#define RATE_TRAINED     0.4 /* of that: one that has learnt already */

void options_init(struct options *o)
{
    memset(o, 0, sizeof *o);
    settings_init(&o->settings);
}

void options_release(struct options *o)
{
    settings_release(&o->settings);
}

/* 0 for a word ("auto") and for an empty value. */
static uint64_t number(const struct options *o, enum key key)
{
    double v = settings_number(&o->settings, key);
    return isnan(v) ? 0 : (uint64_t)v;
}

static void note_set(struct options *o, enum key key, const char *value,
                     const char *format, va_list ap)
{
    struct option_note *n = &o->notes[key];
    snprintf(n->value, sizeof n->value, "%s", value);
    vsnprintf(n->why, sizeof n->why, translate(format), ap);
    n->why[utf8_valid(n->why, strlen(n->why))] = 0;
}

static void note(struct options *o, enum key key, const char *value,
                 const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    note_set(o, key, value, format, ap);
    va_end(ap);
}

static void learning_rate_take(struct options *o, bool trained)
{
    o->learning_rate = settings_number(&o->settings, KEY_LEARNING_RATE);
    if (!isnan(o->learning_rate))
        return;
    struct text t = TEXT_INIT;
    o->learning_rate =
        fmin(RATE_FRESH * o->batch / RATE_FRESH_BATCH, RATE_FRESH_MOST) *
        (trained ? RATE_TRAINED : 1);
    text_put_double(&t, o->learning_rate, 6);
    note(o, KEY_LEARNING_RATE, text_string(&t),
         trained ? N_("for a trained base and batches of %d")
                 : N_("for a fresh network and batches of %d"),
         o->batch);
    text_release(&t);
}

static int precision_take(struct options *o, struct reason *why)
{
    const char *wanted = settings_get(&o->settings, KEY_PRECISION);
    bool fast = net_bf16_fast();
    o->bf16 = strcmp(wanted, "auto") ? !strcmp(wanted, "bf16") : fast;
    if (o->bf16 && !fast)
        return refuse(why, ENOTSUP,
                      "precision = bf16 needs a processor with bf16 "
                      "arithmetic, this one has none; f32 and auto would be "
                      "accepted");
    if (!strcmp(wanted, "auto"))
        note(o, KEY_PRECISION, fast ? "bf16" : "f32",
             fast ? N_("the processor has it in hardware")
                  : N_("the processor has no bf16 in hardware"));
    return 0;
}

static unsigned augment_take(const char *set)
{
    return (strstr(set, "rotation") ? AUGMENT_ROTATION : 0u) |
           (strstr(set, "exposure") ? AUGMENT_EXPOSURE : 0u) |
           (strstr(set, "noise") ? AUGMENT_NOISE : 0u);
}

void options_speak(const struct options *o)
{
    const char *lang = settings_get(&o->settings, KEY_LANG);
    if (*lang)
        language_set(lang);
}

int options_take(struct options *o, struct reason *why)
{
    if (!*settings_get(&o->settings, KEY_DATASET))
        return refuse(why, EINVAL,
                      "dataset must be set: the absolute path of a folder of "
                      "class folders");
    o->augment = augment_take(settings_get(&o->settings, KEY_AUGMENT));
    o->epochs = number(o, KEY_EPOCHS);
    o->iterations = number(o, KEY_ITERATIONS);
    o->batch = (int)number(o, KEY_BATCH_SIZE);
    o->workers = (int)number(o, KEY_WORKERS);
    o->image_size = (int)number(o, KEY_IMAGE_SIZE);
    o->patience = number(o, KEY_PATIENCE);
    o->seed = number(o, KEY_SEED);
    o->threads = (int)number(o, KEY_THREADS);
    o->nice = (int)number(o, KEY_NICE);
    o->memory = settings_bytes(&o->settings, KEY_MEMORY);
    learning_rate_take(o, false);
    if (o->iterations)
        note(o, KEY_EPOCHS, "", "not used, iterations take its place");
    return precision_take(o, why);
}

void options_base(struct options *o, const char *value, const char *what,
                  bool trained)
{
    note(o, KEY_BASE, value ? value : "", "%s", what);
    learning_rate_take(o, trained);
}

void options_decide(struct options *o, enum key key, int value,
                    const char *format, ...)
{
    int *field = key == KEY_WORKERS      ? &o->workers
                 : key == KEY_IMAGE_SIZE ? &o->image_size
                                         : &o->threads;
    char text[16];
    *field = value;
    snprintf(text, sizeof text, "%d", value);
    va_list ap;
    va_start(ap, format);
    note_set(o, key, text, format, ap);
    va_end(ap);
}

const char *options_used(const struct options *o, enum key key)
{
    const char *decided = o->notes[key].value;
    return *decided ? decided : settings_get(&o->settings, key);
}

static void put_origin(const struct options *o, enum key key, struct text *out)
{
    const char *source = o->settings.source[key];
    text_printf(
        out, "# %s",
        translate_in("origin", source ? source : NC_("origin", "default")));
    if (source && !strcmp(source, "type"))
        text_printf(out, " '%s'", settings_get(&o->settings, KEY_TYPE));
    if (*o->notes[key].value)
        text_printf(out, " %s", settings_get(&o->settings, key));
    if (*o->notes[key].why)
        text_printf(out, ": %s", o->notes[key].why);
    text_puts(out, "\n");
}

void options_config(const struct options *o, struct text *out)
{
    text_puts(out, _("# Every parameter of this training as it was used; the "
                     "line above each\n# says where its value came from.\n"));
    for (int key = 0; key < KEY_COUNT; key++) {
        bool ours = params[key].scope & SCOPE_TEMPLATE;
        if ((!ours && !(params[key].scope & SCOPE_JOB)) || key == KEY_LANG)
            continue;
        text_puts(out, "\n");
        put_origin(o, (enum key)key, out);
        const char *value = options_used(o, (enum key)key);
        text_printf(out, "%s%s =%s%s\n", ours ? "" : "# ", params[key].key,
                    *value ? " " : "", value);
    }
}

void options_identity(const struct options *o, struct text *out)
{
    static const enum key keys[] = {
        KEY_BASE,          KEY_AUGMENT,    KEY_EPOCHS,    KEY_ITERATIONS,
        KEY_BATCH_SIZE,    KEY_IMAGE_SIZE, KEY_PRECISION, KEY_LEARNING_RATE,
        KEY_TEST_FRACTION, KEY_PATIENCE,   KEY_SEED,      KEY_THREADS};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        text_printf(out, "%s=%s\n", params[keys[i]].key,
                    options_used(o, keys[i]));
}
