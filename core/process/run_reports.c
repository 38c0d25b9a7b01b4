#include "core/process/run_reports.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/language.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

const char *const run_report_facts[RUN_REPORT_FACTS] = {
    NC_("info", "macro_f1"),
    NC_("info", "temperature"),
    NC_("info", "calibration_error"),
    NC_("info", "milliseconds_per_image"),
};

/* Packing: the size as 8 bytes, low ones first, and a zlib stream. */

static void pack(struct text *out, const struct text *in)
{
    uint64_t size = htole64(in->size);
    uLongf room = compressBound(in->size);
    text_add(out, &size, sizeof size);
    text_resize(out, sizeof size + room);
    if (compress2((Bytef *)out->data + sizeof size, &room,
                  (const Bytef *)text_string(in), in->size, Z_BEST_SPEED))
        abort(); /* there was room: only memory can have been lacking */
    text_resize(out, sizeof size + room);
}

static int unpack(struct text *out, const struct text *packed)
{
    uint64_t size = 0;
    size_t had = out->size;
    if (packed->size < sizeof size)
        return -EIO;
    memcpy(&size, packed->data, sizeof size);
    uLongf room = le64toh(size);
    if (room > (uLongf)REPORT_BYTES)
        return -EIO;
    text_resize(out, had + room);
    return room && uncompress((Bytef *)out->data + had, &room,
                              (const Bytef *)packed->data + sizeof size,
                              packed->size - sizeof size)
               ? -EIO
               : 0;
}

/* Making */

static void fact_set(struct text *out, double v)
{
    if (isfinite(v))
        text_put_double(out, v, 6);
}

static void reports_fill(struct run_reports *r, const struct evaluation *e)
{
    struct figures f;
    struct text out = TEXT_INIT;
    figures_make(&f, e);
    const double facts[RUN_REPORT_FACTS] = {
        f.macro_f1, e->temperature, f.calibration_error, e->milliseconds};
    for (int i = 0; i < RUN_REPORT_FACTS; i++)
        fact_set(&r->facts[i], facts[i]);
    for (int i = 0; i < REPORTS; i++) {
        text_clear(&out);
        reports[i].put(&out, e, &f);
        pack(&r->packed[i], &out);
    }
    text_release(&out);
    figures_release(&f);
    r->complete = e->complete;
    r->made = true;
}

int run_reports_make(struct run_reports *r, const struct text *evaluation,
                     struct reason *why)
{
    struct evaluation e;
    int err =
        evaluation_parse(&e, text_string(evaluation), evaluation->size, why);
    if (err)
        return err;
    reports_fill(r, &e);
    evaluation_release(&e);
    return 0;
}

void run_reports_release(struct run_reports *r)
{
    for (int i = 0; i < REPORTS; i++)
        text_release(&r->packed[i]);
    for (int i = 0; i < RUN_REPORT_FACTS; i++)
        text_release(&r->facts[i]);
    *r = (struct run_reports){0};
}

/* Storing */

int run_reports_put(struct store_txn *txn, struct process *p,
                    const struct run_reports *r, struct reason *why)
{
    int err = 0;
    for (int i = 0; i < REPORTS && err == 0; i++)
        err = blob_put(txn, p->run, (char)(RUN_REPORT + i),
                       text_string(&r->packed[i]), r->packed[i].size, why);
    if (err)
        return err;
    for (int i = 0; i < RUN_REPORT_FACTS; i++)
        if (r->facts[i].size)
            process_set_fact(p, run_report_facts[i], text_string(&r->facts[i]));
    p->evaluated = time_after(p->evaluated);
    p->evaluation_complete = r->complete;
    return 0;
}

int run_report_get(struct store_txn *txn, const struct process *p,
                   enum report_no no, struct text *out)
{
    struct text packed = TEXT_INIT;
    int err = p->run && p->evaluated > 0
                  ? blob_get(txn, p->run, (char)(RUN_REPORT + no), &packed)
                  : -ENOENT;
    if (err == 0)
        err = unpack(out, &packed);
    text_release(&packed);
    return err;
}
