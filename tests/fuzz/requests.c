/* What daemon and worker of a service tell each other: files of lines in the
 * run directory, of requests and of lists, and the answers in the journal. Each
 * line that is taken is printed and taken again as the same. */
#include "tests/fuzz/fuzz.h"

#include "core/basic/text.h"
#include "core/inbox/answer.h"
#include "core/report/list_row.h"
#include "trainer/serve/told.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char place[64];
static int dir = -1;

static void must(bool so)
{
    if (!so)
        abort();
}

static void place_remove(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", place);
    must(system(command) == 0);
}

static void place_make(void)
{
    if (dir >= 0)
        return;
    strcpy(place, "/dev/shm/primofs-fuzz.XXXXXX");
    must(mkdtemp(place) != NULL);
    dir = open(place, O_DIRECTORY | O_CLOEXEC);
    must(dir >= 0);
    atexit(place_remove);
}

static void segment_put(unsigned number, const uint8_t *data, size_t size)
{
    char name[32];
    snprintf(name, sizeof name, TOLD_SEGMENT, number);
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && (!size || write(fd, data, size) == (ssize_t)size));
    close(fd);
}

static void line_check(const struct told_line *line)
{
    struct text printed = TEXT_INIT, again = TEXT_INIT;
    struct told_line other;
    told_line_print(&printed, line);
    must(printed.size > 1 && printed.data[printed.size - 1] == '\n');
    printed.data[printed.size - 1] = 0;
    must(told_line_parse(printed.data, &other) && other.kind == line->kind &&
         !strcmp(other.name, line->name) && other.row == line->row &&
         other.request == line->request && other.revision == line->revision);
    told_line_print(&again, &other);
    again.data[again.size - 1] = 0;
    must(!strcmp(printed.data, again.data));
    text_release(&printed);
    text_release(&again);
}

/* A daemon has written a half, and the next one the rest. */
static void told_check(const uint8_t *data, size_t size)
{
    struct told t;
    struct told_line line;
    size_t half = size / 2, lines = 0;
    segment_put(1, data, half);
    segment_put(2, data + half, size - half);
    told_init(&t, dir, 1);
    while (told_next(&t, &line)) {
        line_check(&line);
        must(++lines <= size);
    }
    must(!told_next(&t, &line));
    told_release(&t);
}

static void answer_check(const char *payload)
{
    struct answer a;
    if (!answer_parse(payload, &a))
        return;
    must(a.request > 0 && a.count >= 0 && a.count <= ANSWER_CLASSES &&
         a.pages >= 0 && a.pages <= PAGES_MOST && a.first_page > 0);
    for (int i = 0; i < a.count; i++)
        must(a.best[i].class >= 0 && isfinite(a.best[i].confidence));
    for (int i = 0; i < a.pages; i++)
        must(a.page[i].class >= 0 && isfinite(a.page[i].confidence));
}

static void row_check(const char *payload)
{
    struct list_row r, other;
    struct text printed = TEXT_INIT;
    if (!list_row_parse(payload, &r))
        return;
    list_row_print(&printed, &r);
    must(list_row_parse(text_string(&printed), &other) && other.row == r.row &&
         other.line == r.line && other.class == r.class &&
         other.truth == r.truth && !strcmp(other.path, r.path) &&
         (r.class >= 0 || !strcmp(other.code, r.code)));
    text_release(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size), *rest = text, *line;
    place_make();
    told_check(data, size);
    while ((line = strsep(&rest, "\n"))) {
        answer_check(line);
        row_check(line);
    }
    free(text);
    return 0;
}
