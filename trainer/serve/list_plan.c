#include "trainer/serve/list_plan.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/settings/picture_formats.h"
#include "core/system/file.h"
#include "trainer/folders/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAN "plan"
static const char end_mark[] = "end";

enum { LIST_BYTES = 512 << 20 };

/* A plan on its way: what its file gets. */
struct making {
    const struct list_classes *classes;
    struct text text;
    uint64_t line, lines;
    size_t count;
    char sha256[SHA256_HEX];
};

/* The file has records that end in a NUL, as a path may have any other byte:
 * "LINE TRUTH PATH" and a record with the fault, and at last "end LINES
 * SHA256". */
static void put(struct making *m, int truth, const char *path,
                const char *fault)
{
    text_printf(&m->text, "%" PRIu64 " %d ", m->line, truth);
    text_add(&m->text, path, strlen(path) + 1);
    text_add(&m->text, fault, strlen(fault) + 1);
    m->count++;
}

static int bound(const struct making *m, struct reason *why)
{
    if (m->count > LIST_ROWS_MOST)
        return refuse(why, EFBIG,
                      "a list must have at most %d pictures; divide it",
                      LIST_ROWS_MOST);
    return m->text.size <= LIST_BYTES
               ? 0
               : refuse(why, EFBIG,
                        "the paths of the pictures of a list must have at most "
                        "%d MiB together; divide it",
                        LIST_BYTES >> 20);
}

/* Folders */

static int class_find(const struct list_classes *classes, const char *name)
{
    int i = 0;
    while (i < classes->count && strcmp(classes->names[i], name))
        i++;
    return i < classes->count ? i : -1;
}

static bool is_labelled(const struct making *m, int root, const char *path)
{
    struct names folders = {0};
    bool any = false;
    folder_list(&folders, NULL, root, path, NULL);
    for (size_t i = 0; i < folders.count; i++)
        any |= class_find(m->classes, folders.name[i]) >= 0;
    names_release(&folders);
    return any;
}

/* The class of the folder directly below PATH in which a file is. */
static int truth_of(const struct making *m, const char *path, const char *file)
{
    const char *at = file + strlen(path);
    at += strspn(at, "/");
    size_t n = strcspn(at, "/");
    char *name = xstrndup(at, n);
    int truth = at[n] ? class_find(m->classes, name) : -1;
    free(name);
    return truth;
}

static void folder_put(struct making *m, int root, const char *path)
{
    struct names files = {0};
    struct reason fault = REASON_INIT;
    bool labelled = is_labelled(m, root, path);
    int err = folder_walk(&files, NULL, root, path, PICTURE_EXTENSIONS, &fault);
    if (err)
        put(m, -1, path, fault.sentence);
    else if (!files.count)
        put(m, -1, path, _("is a folder without pictures"));
    for (size_t i = 0; !err && i < files.count && !bound(m, NULL); i++)
        put(m, labelled ? truth_of(m, path, files.name[i]) : -1, files.name[i],
            "");
    names_release(&files);
}

/* Lines */

static void line_put(struct making *m, const char *path)
{
    struct stat st;
    if (*path != '/') {
        put(m, -1, path, _("is not an absolute path"));
        return;
    }
    if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
        put(m, -1, path, ""); /* reading it says what is wrong with it */
        return;
    }
    int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    struct reason fault = REASON_INIT;
    if (root < 0) {
        refuse_errno(&fault, errno, "can't be read");
        put(m, -1, path, fault.sentence);
        return;
    }
    folder_put(m, root, path);
    close(root);
}

/* Takes lines of the list; lines end as they do on any system. */
static int lines_put(struct making *m, struct text *list, struct reason *why)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* of UTF-8 */
    char *rest = list->data, *line;
    int err = 0;
    if (list->size >= 3 && !memcmp(list->data, mark, 3))
        rest += 3;
    while (err == 0 && rest && (line = strsep(&rest, "\n"))) {
        m->line++;
        size_t n = strlen(line);
        if (n && line[n - 1] == '\r')
            line[--n] = 0;
        if (!n)
            continue;
        m->lines++;
        line_put(m, line);
        err = bound(m, why);
    }
    return err;
}

static int list_read(int dir, const char *name, struct text *list,
                     struct reason *why)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int err = fd < 0 ? -errno : descriptor_read(fd, LIST_BYTES, list);
    if (fd >= 0)
        close(fd);
    if (err)
        return refuse_errno(why, -err, "the list can't be read");
    return memchr(text_string(list), 0, list->size)
               ? refuse(why, EINVAL, "the list has bytes that are no text")
               : 0;
}

static void sum(const struct text *list, char hex[SHA256_HEX])
{
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, list->data, list->size);
    sha256_end(&s, hex);
}

static int make(int dir, const char *name, const struct list_classes *classes,
                struct text *out, struct reason *why)
{
    struct making m = {.classes = classes};
    struct text list = TEXT_INIT;
    int err = list_read(dir, name, &list, why);
    if (err == 0)
        sum(&list, m.sha256); /* of the bytes, which lines_put() cuts up */
    if (err == 0)
        err = lines_put(&m, &list, why);
    if (err == 0) {
        text_printf(&m.text, "%s %" PRIu64 " %s", end_mark, m.lines, m.sha256);
        text_add(&m.text, "", 1);
        err = file_save(dir, PLAN, m.text.data, m.text.size, why);
    }
    text_release(&list);
    text_move(out, &m.text);
    return err;
}

/* Reading */

static void entry_add(struct list_plan *p, const struct list_entry *e)
{
    ALLOC_GROW(p->entries, p->count + 1, p->room);
    p->entries[p->count++] = *e;
    p->is_labelled |= e->truth >= 0;
}

/* Takes the records of the file; false = it is not whole. */
static bool parse(struct list_plan *p)
{
    const char *at = text_string(&p->text), *end = at + p->text.size;
    while (at < end) {
        struct list_entry e = {.fault = ""};
        int skip = 0;
        if (sscanf(at, "end %" SCNu64 " %64[0-9a-f]", &p->lines, p->sha256) >=
            1)
            return true;
        sscanf(at, "%" SCNu64 " %d%n", &e.line, &e.truth, &skip);
        if (!skip || at[skip] != ' ')
            return false;
        e.path = at + skip + 1;
        at += strlen(at) + 1;
        if (at >= end)
            return false;
        e.fault = at;
        at += strlen(at) + 1;
        entry_add(p, &e);
    }
    return false;
}

/* Takes the plan that is there; false = there is none. */
static bool kept_take(struct list_plan *p, int dir)
{
    int fd = openat(dir, PLAN, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool whole = descriptor_read(fd, INT_MAX, &p->text) == 0 && parse(p);
    close(fd);
    if (!whole)
        list_plan_release(p);
    return whole;
}

int list_plan_open(struct list_plan *p, int dir, const char *name,
                   const struct list_classes *classes, struct reason *why)
{
    *p = (struct list_plan){0};
    if (kept_take(p, dir))
        return 0;
    int err = make(dir, name, classes, &p->text, why);
    if (err == 0 && !parse(p))
        err = refuse(why, EIO, "the plan of the list can't be read");
    if (err)
        list_plan_release(p);
    return err;
}

void list_plan_release(struct list_plan *p)
{
    free(p->entries);
    text_release(&p->text);
    *p = (struct list_plan){0};
}
