/* What answers need of a model: its labels, its type, its temperature. */
#include "core/basic/alloc.h"
#include "core/inbox/answer.h"
#include "core/models/model.h"
#include "core/store/node.h"
#include "core/system/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MOST = 16 << 20 };

static int text_read(const struct primo *primo, uint64_t version,
                     const char *name, struct text *out, struct reason *why)
{
    int fd = model_file_open(primo, version, name, why);
    int err = fd < 0 ? fd : descriptor_read(fd, TEXT_MOST, out);
    if (fd >= 0)
        close(fd);
    return err < 0 && fd >= 0
               ? refuse_errno(why, -err, "'%s' cannot be read", name)
               : err;
}

static int labels_read(struct primo *primo, struct answer_model *m,
                       struct reason *why)
{
    struct text t = TEXT_INIT;
    size_t room = 0;
    int err = text_read(primo, m->version, "labels.txt", &t, why);
    for (char *rest = t.data, *line;
         err == 0 && (line = strsep(&rest, "\n"));) {
        if (!rest && !*line)
            break; /* behind the last newline */
        ALLOC_GROW(m->labels, (size_t)m->classes + 1, room);
        m->labels[m->classes++] = xstrdup(line);
    }
    text_release(&t);
    return err;
}

/* Models that say no temperature were trained by an older version. */
static double temperature_read(struct primo *primo, uint64_t version)
{
    static const char key[] = "\ntemperature:";
    struct text t = TEXT_INIT;
    double temperature = 0;
    text_puts(&t, "\n");
    if (text_read(primo, version, "info", &t, NULL) == 0) {
        char *at = strstr(text_string(&t), key);
        if (at) {
            at += strlen(key) + strspn(at + strlen(key), " ");
            at[strcspn(at, "\n")] = 0;
            if (!parse_double(at, &temperature))
                temperature = 0;
        }
    }
    text_release(&t);
    return temperature > 0.01 && temperature < 100 ? temperature : 1;
}

static void type_read(struct primo *primo, struct answer_model *m)
{
    struct text t = TEXT_INIT;
    struct settings s;
    settings_init(&s);
    if (text_read(primo, m->version, "template", &t, NULL) == 0)
        settings_parse(&s, text_string(&t), t.size, SCOPE_TEMPLATE, "", NULL);
    snprintf(m->type, sizeof m->type, "%s", settings_get(&s, KEY_TYPE));
    settings_release(&s);
    text_release(&t);
}

static int version_find(struct store_txn *txn, const char *name,
                        struct answer_model *out, struct reason *why)
{
    struct object family = OBJECT_INIT, version = OBJECT_INIT;
    char template[300], number[32];
    name += strncmp(name, "models/", 7) ? 0 : 7;
    const char *slash = strchr(name, '/');
    uint64_t latest = 0;
    snprintf(template, sizeof template, "%.*s", slash ? (int)(slash - name) : 0,
             name);
    snprintf(number, sizeof number, "%s", slash ? slash + 1 : "");
    int err = object_find(txn, TREE_MODELS, template, &family);
    if (err == 0 && !strcmp(number, "latest")) {
        err = object_latest(txn, family.id, &latest);
        snprintf(number, sizeof number, "%llu", (unsigned long long)latest);
    }
    if (err == 0)
        err = object_find(txn, family.id, number, &version);
    if (err)
        refuse(why, EINVAL, "model = %s: there is no such model", name);
    out->version = version.id;
    snprintf(out->called, sizeof out->called, "%.255s/%s", template, number);
    object_release(&family);
    object_release(&version);
    return err ? -EINVAL : 0;
}

int answer_model_load(struct primo *primo, struct store_txn *txn,
                      const char *name, struct answer_model *out,
                      struct reason *why)
{
    struct answer_model m = {0};
    int err = version_find(txn, name, &m, why);
    if (err == 0 && m.version == out->version)
        return 0; /* it is known already */
    if (err == 0)
        err = labels_read(primo, &m, why);
    if (err) {
        answer_model_release(&m);
        return err;
    }
    m.temperature = temperature_read(primo, m.version);
    type_read(primo, &m);
    answer_model_release(out);
    *out = m;
    return 0;
}

void answer_model_release(struct answer_model *m)
{
    for (int i = 0; i < m->classes; i++)
        free(m->labels[i]);
    free(m->labels);
    *m = (struct answer_model){0};
}
