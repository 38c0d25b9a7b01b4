#include "core/serve/service.h"

#include "core/inbox/serving.h"
#include "core/store/node.h"

#include <errno.h>

int service_load(struct store_txn *txn, const char *name, struct settings *out,
                 struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = object_find(txn, TREE_SERVICES, name, &o);
    if (err)
        err =
            refuse(why, EINVAL, "there is no service '%s' in services/", name);
    else
        err = settings_parse(out, text_string(&o.body), o.body.size,
                             SCOPE_SERVICE, "service", why);
    object_release(&o);
    return err;
}

int service_read(struct primo *primo, uint64_t serving, struct settings *out,
                 struct reason *why)
{
    struct serving s;
    struct store_txn *txn;
    int err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    err = serving_load(txn, serving, &s, why);
    if (err == 0)
        err = service_load(txn, s.service, out, why);
    store_abort(txn);
    return err;
}
