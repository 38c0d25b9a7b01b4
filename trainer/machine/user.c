#include "trainer/machine/user.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A user without an entry has no groups but this one. */
static int groups_take(uid_t uid, gid_t gid)
{
    errno = 0;
    const struct passwd *entry = getpwuid(uid);
    return entry ? initgroups(entry->pw_name, gid) : setgroups(1, &gid);
}

/* setresuid() drops them, unless somebody has told the kernel not to. */
static int capabilities_drop(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return (int)syscall(SYS_capset, &header, none);
}

/* Whether nothing of root is left. */
static bool is_only(uid_t uid)
{
    uid_t real, effective, saved;
    return getresuid(&real, &effective, &saved) == 0 && real == uid &&
           effective == uid && saved == uid && setuid(0) < 0;
}

int user_become(const char *words, struct reason *why)
{
    unsigned uid, gid;
    char rest;
    if (sscanf(words, "%u:%u%c", &uid, &gid, &rest) != 2)
        return refuse(why, EINVAL, "'%s' is not UID:GID", words);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return refuse_errno(why, errno, "cannot give up new privileges");
    if (uid == 0)
        return 0;
    if (groups_take(uid, gid) || setresgid(gid, gid, gid) ||
        setresuid(uid, uid, uid) || capabilities_drop())
        return refuse_errno(why, errno, "cannot become user %u, group %u", uid,
                            gid);
    return is_only(uid) ? 0
                        : refuse(why, EPERM,
                                 "rights of root are left after becoming user "
                                 "%u",
                                 uid);
}
