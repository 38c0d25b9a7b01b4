#include "trainer/evaluation/reports_write.h"

#include "core/basic/alloc.h"
#include "core/system/file.h"

#include <fcntl.h>
#include <stdlib.h>

static void card_around(struct text *out, const struct card *card,
                        const struct text *part)
{
    struct card whole = *card;
    whole.evaluation = text_string(part);
    card_put(out, &whole);
}

static int report_write(const char *folder, const struct evaluation *e,
                        const struct figures *f, const struct card *card,
                        enum report_no no, struct reason *why)
{
    struct text out = TEXT_INIT, whole = TEXT_INIT;
    char *path = xstrfmt("%s/%s", folder, reports[no].name);
    reports[no].put(&out, e, f);
    if (no == REPORT_CARD)
        card_around(&whole, card, &out);
    else
        text_move(&whole, &out);
    int err = file_save(AT_FDCWD, path, text_string(&whole), whole.size, why);
    free(path);
    text_release(&out);
    text_release(&whole);
    return err;
}

int reports_write(const char *folder, const struct evaluation *e,
                  const struct card *card, struct reason *why)
{
    struct figures f;
    int err = 0;
    figures_make(&f, e);
    for (int i = 0; i < REPORTS && err == 0; i++)
        if (card || i != REPORT_CARD)
            err = report_write(folder, e, &f, card, (enum report_no)i, why);
    figures_release(&f);
    return err;
}
