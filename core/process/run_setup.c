#include "core/process/run_setup.h"

#include "core/basic/language.h"
#include "core/process/process.h"
#include "core/rights/roles.h"
#include "core/store/node.h"
#include "core/store/stream.h"

#include <errno.h>
#include <string.h>

/* The kernel takes at most 128 KiB as one argument of a program, which is how a
 * trainer is told its groups. */
enum { GROUPS_BYTES = 64 << 10 };

static int hosts_count(const char *hosts)
{
    int count = 0;
    while (*hosts) {
        count++;
        hosts += strcspn(hosts, " \t");
        hosts += strspn(hosts, " \t");
    }
    return count;
}

/* What no line of the file says alone: who is to train one model together. */
static int nodes_check(const struct settings *s, const char *name,
                       struct reason *why)
{
    const char *launcher = settings_get(s, KEY_LAUNCHER);
    const char *nodes = settings_get(s, KEY_NODES);
    int several = settings_number(s, KEY_NODES) > 1;
    int hosts = hosts_count(settings_get(s, KEY_HOST));
    if (several && !strcmp(launcher, "local"))
        return refuse(why, EINVAL,
                      "nodes = %s in machines/%s needs launcher = ssh or slurm",
                      nodes, name);
    if (hosts > 1 && strcmp(launcher, "ssh"))
        return refuse(why, EINVAL,
                      "host in machines/%s names %d hosts, which only "
                      "launcher = ssh takes",
                      name, hosts);
    if (!strcmp(launcher, "ssh") && (several || hosts > 1) &&
        hosts != (int)settings_number(s, KEY_NODES))
        return refuse(why, EINVAL,
                      "host in machines/%s names %d hosts, and nodes = %s: "
                      "both must be as many",
                      name, hosts, nodes);
    return 0;
}

int machine_load(struct store_txn *txn, const char *name, struct settings *out,
                 struct text *text, struct reason *why)
{
    struct object machine = OBJECT_INIT;
    int err = object_find(txn, TREE_MACHINES, name, &machine);
    if (err)
        return refuse(why, -err, "there is no machine '%s' in machines/", name);
    err = settings_parse(out, text_string(&machine.body), machine.body.size,
                         SCOPE_MACHINE, "machine", why);
    if (err == 0 && text)
        text_move(text, &machine.body);
    object_release(&machine);
    if (err == 0 && !strcmp(settings_get(out, KEY_ENABLED), "no"))
        err = refuse(why, EBUSY,
                     "the machine '%s' is switched off (enabled = no in "
                     "machines/%s)",
                     name, name);
    if (err == 0)
        err = nodes_check(out, name, why);
    return err;
}

/* Lines that are added whenever the trainer is started. */
static bool is_added_late(int key)
{
    return key == KEY_SEGMENT || key == KEY_DATASET_COPY || key == KEY_HOST;
}

void job_print(const struct settings *machine, const char *base,
               struct text *out)
{
    for (int i = 0; i < KEY_COUNT; i++)
        if (params[i].scope & SCOPE_JOB && !is_added_late(i))
            text_printf(out, "%s = %s\n", params[i].key,
                        i == KEY_LANG ? language()
                        : i == KEY_BASE_FILE
                            ? base
                            : settings_get(machine, (enum key)i));
}

int groups_save(struct store_txn *txn, uint64_t run,
                const struct caller *caller, struct reason *why)
{
    struct groups groups = GROUPS_INIT;
    struct text list = TEXT_INIT;
    if (groups_find(&groups, caller) < 0) {
        groups_release(&groups);
        return roles_refuse_unknown(caller, why);
    }
    for (size_t i = 0; i < groups.count && list.size < GROUPS_BYTES; i++)
        text_printf(&list, "%s%u", i ? "," : "", (unsigned)groups.list[i]);
    int err =
        blob_put(txn, run, RUN_GROUPS, text_string(&list), list.size, why);
    text_release(&list);
    groups_release(&groups);
    return err;
}
