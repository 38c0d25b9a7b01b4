#include "core/shared/param.h"

#include "core/basic/language.h"
#include "core/basic/name.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#define BOTH (SCOPE_TEMPLATE | SCOPE_TYPE)

const struct param params[KEY_COUNT] = {
    [KEY_TYPE] = {"type", SCOPE_TEMPLATE, PARAM_NAME, NULL, 0, 0, "classifier",
                  N_("model type, one of types/"), "Тип"},
    [KEY_BASE] = {"base", BOTH, PARAM_BASE, NULL, 0, 0, "base",
                  N_("base model to start from, one of bases/, or "
                     "models/TEMPLATE/N or models/TEMPLATE/latest to train a "
                     "trained model further"),
                  "Шаблон модели: Базовая модель"},
    [KEY_DATASET] = {"dataset", BOTH, PARAM_PATH, NULL, 0, 0, "",
                     N_("folder of class folders on the target machine, or one "
                        "with train/ and test/ inside; required to start"),
                     "Датасет"},
    [KEY_DESCRIPTION] = {"description", BOTH | SCOPE_MACHINE, PARAM_TEXT, NULL,
                         0, 0, "", N_("free text"), "Описание"},
    [KEY_AUGMENT] = {"augment", BOTH, PARAM_SET, "rotation exposure noise", 0,
                     0, "rotation+exposure+noise",
                     N_("how the training pictures are varied"),
                     "Искусственно расширить датасет"},
    [KEY_EXTENSIONS] = {"extensions", BOTH, PARAM_LIST,
                        "jpg jpeg jpe png bmp dib tif tiff", 0, 0,
                        "jpg jpeg jpe png bmp dib tif tiff",
                        N_("which files of the dataset count"),
                        "Допустимые расширения файлов"},
    [KEY_EPOCHS] = {"epochs", BOTH, PARAM_INT, NULL, 1, 10000, "30",
                    N_("passes over the training pictures"), NULL},
    [KEY_ITERATIONS] = {"iterations", BOTH, PARAM_INT, NULL, 1, 100000000, "",
                        N_("updates to make; takes the place of epochs"),
                        "Кол-во итераций"},
    [KEY_BATCH_SIZE] = {"batch_size", BOTH, PARAM_INT, NULL, 1, 1024, "16",
                        N_("pictures per update"), "Batch Size"},
    [KEY_LEARNING_RATE] = {"learning_rate", BOTH, PARAM_REAL, "auto", 1e-7, 10,
                           "auto",
                           N_("peak rate; auto is 0.0125 for a fresh network "
                              "(more for larger batches), less from a trained "
                              "base"),
                           "Начальный коэф. обучения"},
    [KEY_WORKERS] = {"workers", BOTH, PARAM_INT, "auto", 1, 256, "auto",
                     N_("threads that load pictures"), "Num workers"},
    [KEY_IMAGE_SIZE] = {"image_size", BOTH, PARAM_INT, "auto", 32, 1024, "auto",
                        N_("side of the square network input in pixels"), NULL},
    [KEY_TEST_FRACTION] = {"test_fraction", BOTH, PARAM_REAL, NULL, 0.01, 0.9,
                           "0.2",
                           N_("part held out per class when the dataset brings "
                              "no test part"),
                           NULL},
    [KEY_PRECISION] = {"precision", BOTH, PARAM_CHOICE, "auto f32 bf16", 0, 0,
                       "auto",
                       N_("arithmetic; auto takes bf16 where the processor has "
                          "it in hardware"),
                       NULL},
    [KEY_PATIENCE] = {"patience", BOTH, PARAM_INT, NULL, 0, 10000, "0",
                      N_("stop early after so many epochs without a better "
                         "average precision; 0 = never"),
                      NULL},
    [KEY_SEED] = {"seed", BOTH, PARAM_INT, NULL, 0, 4294967295.0, "1",
                  N_("the same seed, data, machine and thread count give the "
                     "same model, bit for bit"),
                  NULL},
    [KEY_GOAL] = {"goal", SCOPE_TYPE, PARAM_CHOICE, "classification", 0, 0,
                  "classification", N_("what models of this type do"), NULL},
    [KEY_LAUNCHER] = {"launcher", SCOPE_MACHINE, PARAM_CHOICE, "local", 0, 0,
                      "local", N_("how the trainer is run there"), NULL},
    [KEY_BASE_FILE] = {"base_file", SCOPE_JOB, PARAM_TEXT, NULL, 0, 0, "",
                       N_("the file of weights that base stands for"), NULL},
    [KEY_THREADS] = {"threads", SCOPE_MACHINE | SCOPE_JOB, PARAM_INT, "auto", 1,
                     1024, "auto",
                     N_("threads of a training; auto respects affinity and "
                        "cgroup quota"),
                     NULL},
    [KEY_NICE] = {"nice", SCOPE_MACHINE | SCOPE_JOB, PARAM_INT, NULL, 0, 19,
                  "0", N_("how far trainings give way to other programs"),
                  NULL},
    [KEY_MEMORY] = {"memory", SCOPE_MACHINE | SCOPE_JOB, PARAM_SIZE, "none", 0,
                    0, "none", N_("memory limit of a training, e.g. 8G"), NULL},
    [KEY_ENABLED] = {"enabled", SCOPE_MACHINE, PARAM_CHOICE, "yes no", 0, 0,
                     "yes",
                     N_("whether trainings may be started and resumed there"),
                     "Выключить/Включить"},
    [KEY_LANG] = {"lang", SCOPE_JOB, PARAM_CHOICE, "en ru", 0, 0, "",
                  N_("language of the log and of refusals"), NULL},
    [KEY_MEMBERS] = {"members", SCOPE_ROLE, PARAM_MEMBERS, NULL, 0, 0, "",
                     N_("who has the role"), NULL},
#define ROLE_LINE(key, meaning, term)                                          \
    {                                                                          \
        key, SCOPE_ROLE, PARAM_RIGHTS, "view create edit delete manage", 0, 0, \
            "", meaning, term                                                  \
    }
    [KEY_TEMPLATES] =
        ROLE_LINE("templates",
                  N_("training templates: view lists and reads them, create "
                     "writes new ones, edit changes and renames them, delete "
                     "removes them"),
                  "Шаблоны обучения"),
    [KEY_PROCESSES] = ROLE_LINE(
        "processes",
        N_("training processes: view reads their files, overview and events, "
           "create makes them and sets their template before the first start, "
           "edit sets it later, delete removes them, manage starts, stops, "
           "resumes, disables and enables them"),
        "Процессы обучения"),
    [KEY_MACHINES] = ROLE_LINE("machines", N_("target machines, as templates"),
                               "Целевые машины"),
    [KEY_MODELS] = ROLE_LINE("models",
                             N_("trained models: view lists and reads them, "
                                "delete removes them"),
                             "Модели"),
    [KEY_TYPES] =
        ROLE_LINE("types", N_("model types, as templates"), "Типы моделей"),
    [KEY_BASES] =
        ROLE_LINE("bases", N_("base models, as templates"), "Базовые модели"),
    [KEY_ROLES] = ROLE_LINE("roles",
                            N_("roles, as templates, so that create and edit "
                               "let members grant any right; manage reads the "
                               "refusals of all users in errors"),
                            "Роли"),
};

const char *right_name(enum right right)
{
    static const char *const names[] = {
        [RIGHT_VIEW] = "view",     [RIGHT_CREATE] = "create",
        [RIGHT_EDIT] = "edit",     [RIGHT_DELETE] = "delete",
        [RIGHT_MANAGE] = "manage",
    };
    return names[right];
}

const struct param *param_find(const char *key, size_t size, unsigned scope)
{
    for (int i = 0; i < KEY_COUNT; i++)
        if ((params[i].scope & scope) && strlen(params[i].key) == size &&
            !memcmp(params[i].key, key, size))
            return &params[i];
    return NULL;
}

/* Whether the word of `size` bytes is in a space-separated list. */
static bool word_listed(const char *words, const char *word, size_t size)
{
    if (!words || !size)
        return false;
    for (const char *w = words; *w; w += *w == ' ') {
        size_t n = strcspn(w, " ");
        if (n == size && !memcmp(w, word, n))
            return true;
        w += n;
    }
    return false;
}

size_t member_next(const char **at)
{
    *at += strspn(*at, " \t,");
    return strcspn(*at, " \t,");
}

unsigned rights_parse(const char *value)
{
    unsigned set = 0;
    for (size_t n; (n = member_next(&value)) > 0; value += n)
        for (int i = 0; i < RIGHTS; i++)
            if (word_listed(right_name((enum right)i), value, n))
                set |= 1u << i;
    return set;
}

static void put_words(struct text *out, const char *words, const char *last)
{
    for (const char *w = words; *w;) {
        size_t n = strcspn(w, " ");
        bool end = !w[n];
        if (w != words)
            text_puts(out, end ? last : ", ");
        text_add(out, w, n);
        w += n + !end;
    }
}

/* What values of a kind are, for people; the %s are those of
 * accepts_arguments(). */
static const char *const kinds[] = {
    [PARAM_TEXT] = N_("text"),
    [PARAM_NAME] = N_("a name of letters, digits, '-', '_' and '.'"),
    [PARAM_BASE] = N_("a name from bases/, models/TEMPLATE/N or "
                      "models/TEMPLATE/latest"),
    [PARAM_PATH] = N_("an absolute path"),
    [PARAM_SET] = N_("any of %s joined by '+', or none"),
    [PARAM_LIST] = N_("any of %s, separated by spaces"),
    [PARAM_RIGHTS] = N_("any of %s, separated by spaces or commas"),
    [PARAM_MEMBERS] = N_("names or numbers of users, and of groups behind '@', "
                         "separated by spaces or commas"),
    [PARAM_INT] = N_("an integer from %s to %s"),
    [PARAM_REAL] = N_("a number from %s to %s"),
    [PARAM_CHOICE] = "%s",
    [PARAM_SIZE] = N_("a size such as 512M or 8G"),
};

/* The words of the row, or its bounds. */
static void accepts_arguments(const struct param *p, struct text *first,
                              struct text *second)
{
    bool number = p->kind == PARAM_INT || p->kind == PARAM_REAL;
    if (number) {
        text_put_double(first, p->low, p->kind == PARAM_INT ? 15 : 6);
        text_put_double(second, p->high, p->kind == PARAM_INT ? 15 : 6);
    } else if (p->words) {
        put_words(first, p->words,
                  p->kind == PARAM_CHOICE ? _(" or ") : _(" and "));
    }
}

void param_accepts(const struct param *p, struct text *out)
{
    struct text first = TEXT_INIT, second = TEXT_INIT;
    accepts_arguments(p, &first, &second);
    text_printf(out, _(kinds[p->kind]), text_string(&first),
                text_string(&second));
    text_release(&first);
    text_release(&second);
    if (p->words && (p->kind >= PARAM_INT && p->kind != PARAM_CHOICE)) {
        put_words(&first, p->words, _(" or "));
        text_printf(out, _(", or %s"), text_string(&first));
        text_release(&first);
    }
}

/* Every `separator`-separated word of value is in words, none twice, at least
 * one. */
static bool words_ok(const char *words, const char *value,
                     const char *separator)
{
    bool any = false;
    for (const char *w = value; *w;) {
        size_t n = strcspn(w, separator);
        if (n == 0 && *separator == '+')
            return false;
        if (n) {
            if (!word_listed(words, w, n))
                return false;
            if (w > value && memmem(value, (size_t)(w - value), w, n)) {
                struct text before = TEXT_INIT;
                text_add(&before, value, (size_t)(w - value));
                for (char *c = before.data; *c; c++)
                    if (strchr(separator, *c))
                        *c = ' ';
                bool twice = word_listed(before.data, w, n);
                text_release(&before);
                if (twice)
                    return false;
            }
            any = true;
        }
        w += n;
        if (*w && !*++w && *separator == '+')
            return false;
    }
    return any;
}

static bool number_ok(const struct param *p, const char *value)
{
    long long n;
    double v;
    if (p->kind == PARAM_INT) {
        if (!parse_int(value, &n))
            return false;
        v = (double)n;
    } else if (!parse_double(value, &v)) {
        return false;
    }
    return v >= p->low && v <= p->high;
}

static bool size_ok(const char *value)
{
    size_t digits = strspn(value, "0123456789");
    const char *unit = value + digits;
    return digits > 0 && digits < 13 && (!*unit || strchr("KMGT", *unit)) &&
           (!*unit || !unit[1]) && strspn(value, "0") < digits;
}

static bool base_ok(const char *value)
{
    if (strncmp(value, "models/", 7))
        return name_check(value, strlen(value), NULL) == 0;
    const char *name = value + 7, *slash = strchr(name, '/');
    if (!slash || name_check(name, (size_t)(slash - name), NULL))
        return false;
    long long n;
    return !strcmp(slash + 1, "latest") ||
           (slash[1] >= '1' && slash[1] <= '9' && parse_int(slash + 1, &n));
}

/* Whether there are such users and groups is for others to say. */
static bool members_ok(const char *value)
{
    long long n;
    for (size_t size; (size = member_next(&value)) > 0; value += size) {
        char number[16];
        size_t sign = *value == '@';
        if (size == sign || memchr(value, ':', size))
            return false;
        snprintf(number, sizeof number, "%.*s", (int)(size - sign),
                 value + sign);
        if (strspn(value + sign, "0123456789") >= size - sign &&
            (size - sign >= sizeof number || !parse_int(number, &n) ||
             n >= UINT32_MAX))
            return false;
    }
    return true;
}

static bool value_ok(const struct param *p, const char *value)
{
    switch (p->kind) {
    case PARAM_TEXT:
        return true;
    case PARAM_NAME:
        return name_check(value, strlen(value), NULL) == 0;
    case PARAM_BASE:
        return base_ok(value);
    case PARAM_PATH:
        return value[0] == '/';
    case PARAM_SET:
        return !strcmp(value, "none") || words_ok(p->words, value, "+");
    case PARAM_LIST:
        return words_ok(p->words, value, " ");
    case PARAM_RIGHTS:
        return words_ok(p->words, value, " \t,");
    case PARAM_MEMBERS:
        return members_ok(value);
    case PARAM_INT:
    case PARAM_REAL:
        return word_listed(p->words, value, strlen(value)) ||
               number_ok(p, value);
    case PARAM_CHOICE:
        return word_listed(p->words, value, strlen(value));
    case PARAM_SIZE:
        return word_listed(p->words, value, strlen(value)) || size_ok(value);
    }
    return false;
}

int param_check(const struct param *p, const char *value, struct reason *why)
{
    if (!*value || value_ok(p, value))
        return 0;
    struct text accepts = TEXT_INIT;
    param_accepts(p, &accepts);
    refuse(why, EINVAL, "%s must be %s, got '%.200s'", p->key,
           text_string(&accepts), value);
    text_release(&accepts);
    return -EINVAL;
}

static void put_comment(struct text *out, const struct param *p)
{
    struct text accepts = TEXT_INIT;
    text_printf(out, "# %s", _(p->meaning));
    if (p->term)
        text_printf(out, " (%s)", p->term);
    param_accepts(p, &accepts);
    text_printf(out, _("\n# accepted: %s\n"), text_string(&accepts));
    text_release(&accepts);
}

void param_example(struct text *out, unsigned scope)
{
    text_puts(
        out, _("# A training template: every parameter with its default.\n"
               "# cp template.example templates/NAME, then set the dataset.\n"
               "# key = value; '#' starts a comment at the beginning of a line "
               "only;\n# an empty value means the default.\n"));
    for (int i = 0; i < KEY_COUNT; i++) {
        const struct param *p = &params[i];
        if (!(p->scope & scope))
            continue;
        text_puts(out, "\n");
        put_comment(out, p);
        text_printf(out, "%s =%s%s\n", p->key, *p->fallback ? " " : "",
                    p->fallback);
    }
}

void param_table(struct text *out, unsigned scope)
{
    text_puts(out, _("| key | default | accepted | meaning |\n"
                     "|---|---|---|---|\n"));
    for (int i = 0; i < KEY_COUNT; i++) {
        const struct param *p = &params[i];
        if (!(p->scope & scope))
            continue;
        text_printf(out, "| `%s` | %s%s%s | ", p->key, *p->fallback ? "`" : "",
                    *p->fallback ? p->fallback : "–", *p->fallback ? "`" : "");
        param_accepts(p, out);
        text_printf(out, " | %s", _(p->meaning));
        if (p->term)
            text_printf(out, " (%s)", p->term);
        text_puts(out, " |\n");
    }
}
