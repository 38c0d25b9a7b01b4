#include "trainer/training/options.h"

#include "core/basic/language.h"
#include "trainer/data/augment.h"
#include "trainer/net/net.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The fields that take a parameter's value as it is. A word, such as auto, and
 * an empty value become 0; in a FIELD_REAL they become NAN. */
static const struct field {
    enum key key;
    enum { FIELD_INT, FIELD_COUNT, FIELD_BYTES, FIELD_TIME, FIELD_REAL } type;
    size_t at; /* offset in struct options */
} fields[] = {
    {KEY_EPOCHS, FIELD_COUNT, offsetof(struct options, epochs)},
    {KEY_ITERATIONS, FIELD_COUNT, offsetof(struct options, iterations)},
    {KEY_TIME_LIMIT, FIELD_TIME, offsetof(struct options, time_limit)},
    {KEY_BATCH_SIZE, FIELD_INT, offsetof(struct options, batch)},
    {KEY_LEARNING_RATE, FIELD_REAL, offsetof(struct options, learning_rate)},
    {KEY_WORKERS, FIELD_INT, offsetof(struct options, workers)},
    {KEY_IMAGE_SIZE, FIELD_INT, offsetof(struct options, image_size)},
    {KEY_PATIENCE, FIELD_COUNT, offsetof(struct options, patience)},
    {KEY_SEED, FIELD_COUNT, offsetof(struct options, seed)},
    {KEY_THREADS, FIELD_INT, offsetof(struct options, threads)},
    {KEY_NICE, FIELD_INT, offsetof(struct options, nice)},
    {KEY_MEMORY, FIELD_BYTES, offsetof(struct options, memory)},
};

enum { FIELDS = sizeof fields / sizeof *fields };

void options_init(struct options *o)
{
    memset(o, 0, sizeof *o);
    settings_init(&o->settings);
}

void options_release(struct options *o)
{
    settings_release(&o->settings);
}

/* Sets a field that holds a whole number. */
static void whole_set(struct options *o, const struct field *f, double number)
{
    void *at = (char *)o + f->at;
    if (f->type == FIELD_INT)
        *(int *)at = (int)number;
    else if (f->type == FIELD_COUNT)
        *(uint64_t *)at = (uint64_t)number;
}

static void field_take(struct options *o, const struct field *f)
{
    void *at = (char *)o + f->at;
    double v = settings_number(&o->settings, f->key);
    switch (f->type) {
    case FIELD_INT:
    case FIELD_COUNT:
        whole_set(o, f, isnan(v) ? 0 : v);
        break;
    case FIELD_BYTES:
        *(uint64_t *)at = settings_bytes(&o->settings, f->key);
        break;
    case FIELD_TIME:
        *(double *)at = settings_seconds(&o->settings, f->key);
        break;
    case FIELD_REAL:
        *(double *)at = v;
        break;
    }
}

static void note_set(struct options *o, enum key key, const char *value,
                     const char *format, va_list ap)
{
    struct option_note *n = &o->notes[key];
    snprintf(n->value, sizeof n->value, "%s", value);
    vsnprintf(n->why, sizeof n->why, translate(format), ap);
    n->why[utf8_valid(n->why, strlen(n->why))] = 0;
}

void options_note(struct options *o, enum key key, const char *value,
                  const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    note_set(o, key, value, format, ap);
    va_end(ap);
}

/* Takes a precision that was set by name; `auto` is decided later. */
static int precision_take(struct options *o, struct reason *why)
{
    const char *set = settings_get(&o->settings, KEY_PRECISION);
    o->bf16 = !strcmp(set, "bf16");
    o->wire_bf16 = strcmp(set, "f32") != 0;
    if (o->bf16 && !net_bf16_fast())
        return refuse(why, ENOTSUP,
                      "precision = bf16 needs a processor with bf16 "
                      "arithmetic, this one has none; f32 and auto would be "
                      "accepted");
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
    param_pages(settings_get(&o->settings, KEY_PAGES), &o->pages);
    for (int i = 0; i < FIELDS; i++)
        field_take(o, &fields[i]);
    if (o->iterations)
        options_note(o, KEY_EPOCHS, "",
                     N_("not used, iterations take its place"));
    return precision_take(o, why);
}

bool options_undecided(const struct options *o, enum key key)
{
    return !strcmp(options_used(o, key), "auto");
}

void options_decide(struct options *o, enum key key, int value,
                    const char *format, ...)
{
    char text[16];
    for (int i = 0; i < FIELDS; i++)
        if (fields[i].key == key)
            whole_set(o, &fields[i], value);
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
        if ((!ours && !(params[key].scope & SCOPE_JOB)) || key == KEY_LANG ||
            key == KEY_SEGMENT ||
            (key == KEY_HOST && !*settings_get(&o->settings, KEY_HOST)))
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
    for (int key = 0; key < KEY_COUNT; key++)
        if (params[key].shapes_model)
            text_printf(out, "%s=%s\n", params[key].key,
                        options_used(o, (enum key)key));
}
