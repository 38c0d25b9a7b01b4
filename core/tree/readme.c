/* The file `README`: an example session, and a list of all files, which is made
 * from the rows of the tree. */
#include "core/basic/language.h"
#include "core/process/show.h"
#include "core/tree/tree.h"

static const char session[] = N_(
    "primofs: train image models with files\n"
    "\n"
    "How to train a model, in six commands (here, in the mount point):\n"
    "\n"
    "    printf 'dataset = /path/of/class/folders\\n' > templates/invoices\n"
    "    mkdir processes/local\n"
    "    echo invoices > processes/local/template\n"
    "    touch processes/local/start\n"
    "    cat processes/local/progress processes/local/wait\n"
    "    cp models/invoices/latest/model.onnx ~\n"
    "\n"
    "To ask it what it sees in a picture, or in all those of a folder:\n"
    "\n"
    "    primo-train predict models/invoices/latest scan.jpg\n"
    "\n"
    "When something is refused, the last entry of `errors` says why. Every\n"
    "parameter of a template is in template.example. Stop with\n"
    "`touch processes/local/stop`, go on with `touch processes/local/resume`.\n"
    "\n"
    "The files:\n"
    "\n");

static void put_rows(struct text *out, enum tree_no directory, int depth)
{
    for (enum tree_no no = 0; (no = row_next(directory, no));) {
        const struct row *row = &tree_rows[no];
        const char *name = row_title(row);
        bool is_dir = row_is_directory(row);
        size_t from = out->size;
        text_printf(out, "%*s%s%s", depth * 2, "", name, is_dir ? "/" : "");
        while (utf8_count(out->data + from, out->size - from) < 24)
            text_puts(out, " ");
        text_printf(out, " %s\n", _(row->help));
        if (is_dir)
            put_rows(out, no, depth + 1);
    }
}

int show_readme(struct show_request *r, struct text *out, struct reason *why)
{
    (void)r;
    (void)why;
    text_puts(out, _(session));
    put_rows(out, TREE_ROOT, 0);
    return 0;
}
