#include "trainer/dataset/faults.h"

#include "core/basic/language.h"

#include <errno.h>
#include <string.h>

/* What fits into a reason, of all kinds together. */
enum { LIST_BYTES = 560, LINES_MAX = 1000 };

/* Each sentence takes the names, and perhaps the extensions. */
static const struct {
    const char *one, *many;
    bool extensions;
} kinds[FAULTS] = {
    [FAULT_NAME] = {N_("the name of the class folder %s must be valid UTF-8 "
                       "without control characters"),
                    N_("the names of the class folders %s must be valid UTF-8 "
                       "without control characters"),
                    false},
    [FAULT_EMPTY] = {N_("the class %s has no pictures (files ending in: %s)"),
                     N_("the classes %s have no pictures (files ending in: "
                        "%s)"),
                     true},
    [FAULT_SINGLE] = {N_("the class %s has one file of pictures; to hold one "
                         "out for testing takes two"),
                      N_("the classes %s have one file of pictures each; to "
                         "hold one out for testing takes two"),
                      false},
    [FAULT_TEST_CLASS] = {N_("the class %s of the test part has no folder in "
                             "the training part"),
                          N_("the classes %s of the test part have no folders "
                             "in the training part"),
                          false},
    [FAULT_UNREADABLE] = {N_("the class %s has no readable training picture"),
                          N_("the classes %s have no readable training "
                             "pictures"),
                          false},
    [FAULT_ONE_READABLE] = {N_("the class %s has one readable picture; to hold "
                               "one out for testing takes two"),
                            N_("the classes %s have one readable picture each; "
                               "to hold one out for testing takes two"),
                            false},
    [FAULT_GONE] = {N_("the training began with the picture %s, which can't be "
                       "read now; put it back to continue, or start anew"),
                    N_("the training began with the pictures %s, which can't "
                       "be read now; put them back to continue, or start "
                       "anew"),
                    false},
};

void faults_release(struct faults *f)
{
    for (int i = 0; i < FAULTS; i++) {
        text_release(&f->first[i]);
        text_release(&f->all[i]);
    }
    text_release(&f->other);
    *f = (struct faults){0};
}

void text_put_c_escaped(struct text *out, const char *name)
{
    unsigned code;
    for (size_t left = strlen(name), n; left; name += n, left -= n) {
        unsigned char c = (unsigned char)*name;
        n = utf8_decode(name, left, &code);
        if (n == 0 || c < 0x20 || c == 0x7F) {
            n = 1;
            text_printf(out,
                        c == '\n'   ? "\\n"
                        : c == '\t' ? "\\t"
                                    : "\\x%02x",
                        c);
        } else {
            text_put_printable(out, name, n);
        }
    }
}

void faults_add(struct faults *f, enum fault_kind kind, const char *name,
                const char *detail)
{
    struct text item = TEXT_INIT, shown = TEXT_INIT;
    text_put_c_escaped(&shown, name);
    text_printf(&item, _("'%s'"), text_string(&shown));
    text_puts(&item, *detail ? " (" : "");
    text_put_printable(&item, detail, strlen(detail));
    text_puts(&item, *detail ? ")" : "");
    text_release(&shown);
    size_t used = 0;
    for (int i = 0; i < FAULTS; i++)
        used += f->first[i].size;
    if (f->count[kind] == 0 || used + item.size <= LIST_BYTES)
        text_printf(&f->first[kind], "%s%s", f->shown[kind]++ ? ", " : "",
                    text_string(&item));
    if (f->count[kind]++ < LINES_MAX)
        text_printf(&f->all[kind], "%s\n", text_string(&item));
    text_release(&item);
}

void faults_add_sentence(struct faults *f, const char *sentence)
{
    text_printf(&f->other, "%s\n", sentence);
}

bool faults_any(const struct faults *f)
{
    bool any = f->other.size > 0;
    for (int i = 0; i < FAULTS; i++)
        any |= f->count[i] > 0;
    return any;
}

static void put_kind(const struct faults *f, int kind, const char *extensions,
                     struct text *out)
{
    struct text names = TEXT_INIT;
    int more = f->count[kind] - f->shown[kind];
    text_puts(&names, text_string(&f->first[kind]));
    if (more)
        text_printf(&names, P_(" and %d more", " and %d more", more), more);
    const char *format =
        f->count[kind] == 1 ? kinds[kind].one : kinds[kind].many;
    text_puts(out, out->size ? "; " : "");
    if (kinds[kind].extensions)
        text_printf(out, translate(format), text_string(&names), extensions);
    else
        text_printf(out, translate(format), text_string(&names));
    text_release(&names);
}

static void put_others(const struct faults *f, struct text *out)
{
    const char *at = text_string(&f->other);
    for (size_t n; (n = strcspn(at, "\n")) > 0; at += n + 1)
        text_printf(out, "%s%.*s", out->size ? "; " : "", (int)n, at);
}

int faults_refuse(const struct faults *f, const char *extensions,
                  struct reason *why)
{
    struct text all = TEXT_INIT;
    if (!faults_any(f))
        return 0;
    put_others(f, &all);
    for (int i = 0; i < FAULTS; i++)
        if (f->count[i])
            put_kind(f, i, extensions, &all);
    int err = refuse(why, EINVAL, "%s", text_string(&all));
    text_release(&all);
    return err;
}

static void put_line(int kind, const char *item, int size,
                     const char *extensions, struct text *out)
{
    struct text name = TEXT_INIT;
    text_printf(&name, "%.*s", size, item);
    text_puts(out, "fault: ");
    if (kinds[kind].extensions)
        text_printf(out, translate(kinds[kind].one), text_string(&name),
                    extensions);
    else
        text_printf(out, translate(kinds[kind].one), text_string(&name));
    text_puts(out, "\n");
    text_release(&name);
}

void faults_put_lines(const struct faults *f, const char *extensions,
                      struct text *out)
{
    const char *at = text_string(&f->other);
    for (size_t n; (n = strcspn(at, "\n")) > 0; at += n + 1)
        text_printf(out, "fault: %.*s\n", (int)n, at);
    for (int i = 0; i < FAULTS; i++) {
        at = text_string(&f->all[i]);
        for (size_t n; (n = strcspn(at, "\n")) > 0; at += n + 1)
            put_line(i, at, (int)n, extensions, out);
    }
}
