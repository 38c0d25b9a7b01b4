/*
 * The refusals: a growing text in memory. Users see their own refusals,
 * administrators see all. As callers see different files, nothing is ever
 * cached.
 */
#include "core/tree/gate.h"
#include "core/tree/shapes/common.h"

static int own_stat(const struct stat_request *r, struct tree_stat *out,
                    struct reason *why)
{
    const uid_t *user = r->caller && !tree_sees_all(r->primo, r->caller)
                            ? &r->caller->uid
                            : NULL;
    (void)why;
    out->size = refusals_size(&r->primo->refusals, user, &out->mtime);
    return 0;
}

/* Whose refusals are shown is asked at each read, as he who saw all may have
 * lost that right. */
static int own_read(struct handle *h, uint64_t offset, size_t size,
                    struct text *out, struct reason *why)
{
    const uid_t *user =
        tree_sees_all(h->primo, &h->caller) ? NULL : &h->caller.uid;
    (void)why;
    refusals_read(&h->primo->refusals, user, offset, size, out);
    return 0;
}

const struct shape shape_refusals = {
    .mode = S_IFREG | 0444,
    .stat = own_stat,
    .unlink = generated_unlink,
    .read = own_read,
    .follows = true,
    .keeps_name = true,
    .direct_io = true,
};
