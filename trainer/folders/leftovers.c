#include "trainer/folders/leftovers.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    ENDING_MOST = 12, /* bytes; what is longer is no ending, but a sentence */
    ENDINGS_KEPT = 1000,
    ENDINGS_SHOWN = 8,
};

/* Hidden ones are left out anyway. */
static const char *const system_folders[] = {
    "@eaDir", /* Synology: thumbnails, attributes */
    "@tmp",
    "@sharebin",
    "#recycle",
    "#snapshot",
    "@Recycle", /* QNAP */
    "@Recently-Snapshot",
    "@__thumb",
    "$RECYCLE.BIN", /* Windows */
    "RECYCLER",
    "RECYCLED",
    "System Volume Information",
    "FOUND.000",
    "$Extend",
    "lost+found", /* ext4 */
    "~snapshot",  /* NetApp */
    "__MACOSX",   /* archives made on a Mac */
    "Network Trash Folder",
    "Temporary Items",
    "TheVolumeSettingsFolder",
    "__pycache__",
};

static const char *const system_files[] = {
    "Thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "Icon\r",
};

static void strings_free(char **s, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(s[i]);
    free(s);
}

void leftovers_release(struct leftovers *l)
{
    strings_free(l->systems, l->system_count);
    strings_free(l->above, l->above_count);
    for (size_t i = 0; i < l->ending_count; i++)
        free(l->endings[i].text);
    free(l->endings);
    *l = (struct leftovers){0};
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcasecmp(name, names[i]))
            return true;
    return false;
}

bool folder_is_system(const char *name)
{
    return is_one_of(name, system_folders,
                     sizeof system_folders / sizeof *system_folders);
}

bool file_is_system(const char *name)
{
    return is_one_of(name, system_files,
                     sizeof system_files / sizeof *system_files);
}

/* `folder` "" = the name alone. */
static char *path_below(const char *folder, const char *name)
{
    return xstrfmt("%s%s%s", folder, *folder ? "/" : "", name);
}

void leftovers_add_system(struct leftovers *l, const char *folder,
                          const char *name)
{
    ALLOC_GROW(l->systems, l->system_count + 1, l->system_room);
    l->systems[l->system_count++] = path_below(folder, name);
}

void leftovers_add_above(struct leftovers *l, const char *folder,
                         const char *name)
{
    ALLOC_GROW(l->above, l->above_count + 1, l->above_room);
    l->above[l->above_count++] = path_below(folder, name);
}

/* What stands behind the last dot, unless it is a part of a sentence. */
static void ending_take(const char *name, struct text *out)
{
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name || strlen(dot + 1) > ENDING_MOST ||
        strchr(dot, ' '))
        return;
    text_put_printable(out, dot + 1, strlen(dot + 1));
    for (size_t i = 0; i < out->size; i++)
        if (out->data[i] >= 'A' && out->data[i] <= 'Z')
            out->data[i] += 'a' - 'A';
}

void leftovers_add_file(struct leftovers *l, const char *name)
{
    struct text ending = TEXT_INIT;
    size_t i = 0;
    ending_take(name, &ending);
    const char *text =
        l->ending_count < ENDINGS_KEPT ? text_string(&ending) : "";
    while (i < l->ending_count && strcmp(l->endings[i].text, text))
        i++;
    if (i == l->ending_count) {
        ALLOC_GROW(l->endings, i + 1, l->ending_room);
        l->endings[l->ending_count++] = (struct ending){xstrdup(text), 0};
    }
    l->endings[i].files++;
    text_release(&ending);
}

static int compare_endings(const void *a, const void *b)
{
    const struct ending *x = a, *y = b;
    if (x->files != y->files)
        return x->files < y->files ? 1 : -1;
    return strcmp(x->text, y->text);
}

static void put_ending(struct text *out, const struct ending *e)
{
    if (*e->text)
        text_printf(
            out, P_("%zu file ends in .%s", "%zu files end in .%s", e->files),
            e->files, e->text);
    else
        text_printf(
            out,
            P_("%zu file has no ending", "%zu files have no ending", e->files),
            e->files);
}

void leftovers_put_endings(struct leftovers *l, struct text *out)
{
    size_t rest = 0;
    if (l->ending_count)
        qsort(l->endings, l->ending_count, sizeof *l->endings, compare_endings);
    for (size_t i = 0; i < l->ending_count; i++) {
        if (i >= ENDINGS_SHOWN) {
            rest += l->endings[i].files;
            continue;
        }
        text_puts(out, i ? ", " : "");
        put_ending(out, &l->endings[i]);
    }
    if (rest)
        text_printf(out,
                    P_(", %zu more file ends otherwise",
                       ", %zu more files end otherwise", rest),
                    rest);
}
