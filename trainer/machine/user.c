#include "trainer/machine/user.h"

#include "core/basic/alloc.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GROUPS_MOST = 65536 /* the most that the kernel takes */ };

/* Parses numbers with commas between them, perhaps none, and sets *count. The
 * caller frees the result. NULL = this is no such list. */
static gid_t *groups_parse(const char *list, size_t *count)
{
    gid_t *groups = xcalloc(GROUPS_MOST, sizeof *groups);
    const char *at = list;
    for (*count = 0; *at && *count < GROUPS_MOST; (*count)++) {
        char *end;
        groups[*count] = (gid_t)strtoul(at, &end, 10);
        if (end == at || (*end && *end != ',') || (*end && !end[1]))
            break;
        at = end + (*end == ',');
    }
    if (*at == 0)
        return groups;
    free(groups);
    errno = EINVAL;
    return NULL;
}

/* Takes the groups of the list. A run that an older version has begun has no
 * list: then the groups of the database count, where a user without an entry is
 * only in `gid`. */
static int groups_take(uid_t uid, gid_t gid, const char *list)
{
    if (list) {
        size_t count;
        gid_t *groups = groups_parse(list, &count);
        int err = groups ? setgroups(count, groups) : -1;
        free(groups);
        return err;
    }
    errno = 0;
    const struct passwd *entry = getpwuid(uid);
    return entry ? initgroups(entry->pw_name, gid) : setgroups(1, &gid);
}

/* Drops all capabilities for good. setresuid() does that too, but not where the
 * new user is root, or where somebody has told the kernel to keep them. */
static int capabilities_drop(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    return (int)syscall(SYS_capset, &header, none);
}

static bool has_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, had))
        return true;
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        if (had[i].effective || had[i].permitted || had[i].inheritable)
            return true;
    return false;
}

/* Whether this process has no other identity and no capability left. */
static bool is_only(uid_t uid)
{
    uid_t real, effective, saved;
    return getresuid(&real, &effective, &saved) == 0 && real == uid &&
           effective == uid && saved == uid && !has_capabilities() &&
           (uid == 0 || setuid(0) < 0);
}

int user_become(const char *words, struct reason *why)
{
    unsigned uid, gid;
    int read = 0;
    if (sscanf(words, "%u:%u%n", &uid, &gid, &read) != 2 ||
        (words[read] && words[read] != ':'))
        return refuse(why, EINVAL, "'%s' is not UID:GID or UID:GID:GROUPS",
                      words);
    const char *groups = words[read] ? words + read + 1 : NULL;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return refuse_errno(why, errno, "cannot give up new privileges");
    if (groups_take(uid, gid, groups) || setresgid(gid, gid, gid) ||
        setresuid(uid, uid, uid) || capabilities_drop())
        return refuse_errno(why, errno, "cannot become user %u, group %u", uid,
                            gid);
    return is_only(uid) ? 0
                        : refuse(why, EPERM,
                                 "rights of root are left after becoming user "
                                 "%u",
                                 uid);
}
