/* The table that tree.h declares, made from the rows of rows.h. */
#include "core/basic/language.h"
#include "core/models/model.h"
#include "core/serve/serving_action.h"
#include "core/training/action.h"
#include "core/training/publish.h"
#include "core/tree/tree.h"

/* Files of a finished model may always be hidden, because `rm -r` removes them
 * before the directory, which is what deletes the model. */
static int model_may_hide(struct primo *primo, uint64_t id, struct reason *why)
{
    (void)primo;
    (void)id;
    (void)why;
    return 0;
}

static void roles_changed(struct primo *primo)
{
    roles_load(&primo->roles, primo->store);
}

int64_t mtime_serving(const struct show_request *r);
int64_t mtime_list(const struct show_request *r);
uint64_t stream_of_list(const struct show_request *r);

/* First, declare the functions and shapes that the rows name. */
#define ROW(number, directory, text, form, shows, what, ...)                   \
    extern const struct shape shape_##form;                                    \
    show_fn shows;
#include "core/rows.h"
#undef ROW

/* Then, make the rows. */
#define no_show NULL
#define ROW(number, directory, text, form, shows, what, ...)                   \
    [number] = {.parent = directory,                                           \
                .name = text,                                                  \
                .shape = &shape_##form,                                        \
                .show = shows,                                                 \
                .help = what,                                                  \
                __VA_ARGS__},
const struct row tree_rows[TREE_ROWS] = {
#include "core/rows.h"
};

bool version_text_next(struct version_text *text)
{
    do
        text->number = row_next(TREE_VERSION, text->number);
    while (text->number && !tree_rows[text->number].show);
    text->name = tree_rows[text->number].name;
    text->show = tree_rows[text->number].show;
    return text->number != 0;
}
