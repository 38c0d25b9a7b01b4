#include "core/rights/caller.h"

#include "core/basic/alloc.h"
#include "core/basic/text.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void groups_release(struct groups *g)
{
    free(g->list);
    *g = (struct groups)GROUPS_INIT;
}

bool groups_have(const struct groups *g, gid_t gid)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->list[i] == gid)
            return true;
    return false;
}

void groups_add(struct groups *g, gid_t gid)
{
    ALLOC_GROW(g->list, g->count + 1, g->room);
    g->list[g->count++] = gid;
}

/* The rest of the line that begins with "KEY:" in a status file, or NULL. */
static const char *status_line(const char *status, const char *key)
{
    size_t n = strlen(key);
    for (const char *line = status; *line; line += *line == '\n') {
        if (!strncmp(line, key, n) && line[n] == ':')
            return line + n + 1;
        line += strcspn(line, "\n");
    }
    return NULL;
}

/* Whether the line KEY, which has four ids (real, effective, saved, file
 * system), has `id` as the last one. */
static bool acts_as(const char *status, const char *key, unsigned id)
{
    const char *line = status_line(status, key);
    unsigned fs;
    return line && sscanf(line, "%*u %*u %*u %u", &fs) == 1 && fs == id;
}

bool groups_parse(struct groups *g, const char *status,
                  const struct caller *caller)
{
    const char *list = status_line(status, "Groups");
    if (!list || !acts_as(status, "Uid", caller->uid) ||
        !acts_as(status, "Gid", caller->gid))
        return false;
    groups_add(g, caller->gid);
    for (;;) {
        char *end;
        list += strspn(list, " \t");
        unsigned long gid = strtoul(list, &end, 10);
        if (end == list || *list == '\n')
            return true;
        groups_add(g, (gid_t)gid);
        list = end;
    }
}

static bool groups_of_thread(struct groups *g, const struct caller *caller)
{
    enum {
        MOST = 1 << 20
    }; /* 65536 groups, the most that Linux allows, are 700 KiB */
    char path[64], piece[4096];
    struct text status = TEXT_INIT;
    ssize_t n = -1;
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)caller->pid,
             (int)caller->pid);
    int fd = caller->pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    while (fd >= 0 && status.size < MOST &&
           (n = read(fd, piece, sizeof piece)) > 0)
        text_add(&status, piece, (size_t)n);
    if (fd >= 0)
        close(fd);
    bool found = n == 0 && groups_parse(g, text_string(&status), caller);
    text_release(&status);
    return found;
}

int database_error(int err, const char *file)
{
    if (err && err != ESRCH)
        return -err;
    /* glibc reports "not there" also where a file cannot be opened just now, if
     * the next service in nsswitch.conf has answered */
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT && errno != EACCES)
        return -errno;
    if (fd >= 0)
        close(fd);
    return -ENOENT;
}

static int groups_of_database(struct groups *g, const struct caller *caller)
{
    char room[4096];
    struct passwd entry, *found = NULL;
    int count = 64, had = 0;
    groups_add(g, caller->gid);
    int err = getpwuid_r(caller->uid, &entry, room, sizeof room, &found);
    if (!found)
        return database_error(err, "/etc/passwd") == -ENOENT ? 1 : -EAGAIN;
    do { /* getgrouplist() raises the count where the list is too short */
        had = count;
        ALLOC_GROW(g->list, (size_t)count, g->room);
    } while (getgrouplist(found->pw_name, caller->gid, g->list, &count) < 0 &&
             count > had);
    g->count = count <= had ? (size_t)count : 0;
    /* getgrouplist() does not say that it could not ask */
    return database_error(0, "/etc/group") == -ENOENT ? 1 : -EAGAIN;
}

int groups_find(struct groups *g, const struct caller *caller)
{
    return groups_of_thread(g, caller) ? 0 : groups_of_database(g, caller);
}

struct caller caller_absent(uid_t uid)
{
    char room[4096];
    struct passwd entry, *found = NULL;
    getpwuid_r(uid, &entry, room, sizeof room, &found);
    return (struct caller){uid, found ? found->pw_gid : (gid_t)-1, 0};
}

/* Names */

void user_name(struct text *out, uid_t uid)
{
    char room[4096];
    struct passwd entry, *found = NULL;
    getpwuid_r(uid, &entry, room, sizeof room, &found);
    if (found)
        text_puts(out, found->pw_name);
    else
        text_printf(out, "%u", (unsigned)uid);
}
