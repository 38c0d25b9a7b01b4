/* Why a name is not there. Most names that are not are asked for by programs
 * that look around; those that people expect are few. */
#include "core/basic/name.h"
#include "core/process/process.h"
#include "core/tree/gate.h"
#include "core/tree/tree.h"

#include <errno.h>
#include <string.h>

static bool has(struct primo *primo, enum tree_no directory, const char *name)
{
    struct object o = OBJECT_INIT;
    bool there = object_search(primo, (uint64_t)directory, name, &o) == 0;
    object_release(&o);
    return there;
}

static int no_process(struct primo *primo, const char *name, struct reason *why)
{
    if (has(primo, TREE_MACHINES, name))
        return refuse(why, ENOENT,
                      "there is no process on the machine '%s'; mkdir "
                      "processes/%s makes one",
                      name, name);
    return refuse(why, ENOENT, "there is no machine '%s' in machines/", name);
}

static int no_family(struct primo *primo, const char *name, struct reason *why)
{
    if (has(primo, TREE_TEMPLATES, name))
        return refuse(why, ENOENT,
                      "the template '%s' has no model yet: no training with it "
                      "has succeeded",
                      name);
    return 0;
}

static int no_file(struct primo *primo, struct node directory, const char *name,
                   struct reason *why)
{
    enum status status;
    if (strcmp(name, "model") ||
        process_status(primo->store, directory.object, &status))
        return 0;
    if (status == STATUS_SUCCEEDED)
        return refuse(why, ENOENT, "the model of the process was removed");
    return refuse(why, ENOENT,
                  "the process has no model: its status is %s, not %s",
                  status_name(status), status_name(STATUS_SUCCEEDED));
}

int tree_missing(struct primo *primo, const struct caller *caller,
                 struct node directory, const char *name, struct reason *why)
{
    if (name_is_scratch(name) ||
        tree_may(primo, caller, directory, RIGHT_VIEW, NULL))
        return 0;
    switch (directory.no) {
    case TREE_PROCESSES:
        return no_process(primo, name, why);
    case TREE_MODELS:
        return no_family(primo, name, why);
    case TREE_PROCESS:
        return no_file(primo, directory, name, why);
    default:
        return 0;
    }
}
