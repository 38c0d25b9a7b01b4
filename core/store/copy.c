#include "core/store/inside.h"

#include "core/system/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int env_copy(struct store *s, int fd, struct reason *why)
{
    pthread_rwlock_rdlock(&s->env_lock);
    work_begin();
    int rc = s->env ? mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT) : MDB_PANIC;
    work_end();
    pthread_rwlock_unlock(&s->env_lock);
    return rc ? lmdb_refuse(why, rc, "copying") : 0;
}

int store_copy(struct store *s, int dir, const char *name, struct reason *why)
{
    char aside[300];
    snprintf(aside, sizeof aside, "%s.new", name);
    unlinkat(dir, aside, 0); /* a crash may have left it */
    int fd = openat(dir, aside,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return refuse_errno(why, errno, "cannot make '%s'", name);
    int err = env_copy(s, fd, why);
    if (err == 0 && fsync(fd))
        err = refuse_errno(why, errno, "cannot save '%s'", name);
    close(fd);
    if (err == 0 && renameat(dir, aside, dir, name))
        err = refuse_errno(why, errno, "cannot rename '%s'", aside);
    if (err)
        unlinkat(dir, aside, 0);
    return err ? err : directory_sync(dir, why);
}
