/*
 * What the launchers `ssh` and `slurm` do for services: their workers are told
 * of requests by a file of their run directory that grows, and are given those
 * as files.
 */
#include "core/far/ssh.h"

#include "core/system/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Nobody who serves has to tell a host that is not reached yet from one that is
 * lost. */
static int unreached(int err)
{
    return err == -EINPROGRESS ? -EHOSTUNREACH : err;
}

int ssh_tell(const struct launch_target *target, uint64_t run, const char *name,
             const struct text *text, struct reason *why)
{
    struct far_line in = {.verb = FAR_tell, .run = run};
    snprintf(in.name, sizeof in.name, "%s", name);
    return unreached(link_ask(link_of(target), &in, text, NULL, NULL, why));
}

static int fill(struct link *l, uint64_t run, int fd, const char *as,
                struct reason *why)
{
    struct far_line in = {.verb = FAR_fill, .run = run};
    bool unread;
    snprintf(in.name, sizeof in.name, "%s", as);
    int err = ssh_pieces_send(l, &in, fd, &unread, why);
    return unread ? refuse_errno(why, -err, "cannot read '%s'", as) : err;
}

static int give_kept(struct link *l, uint64_t run, int dir, const char *name,
                     const char *as, struct reason *why)
{
    char kept[64];
    struct far_line in = {.verb = FAR_link, .run = run};
    snprintf(in.name, sizeof in.name, "%s", as);
    int err = ssh_file_send(l, dir, name, kept, why);
    const struct text bytes = {.data = kept, .size = err ? 0 : strlen(kept)};
    return err ? err : link_ask(l, &in, &bytes, NULL, NULL, why);
}

static int give_once(struct link *l, uint64_t run, int dir, const char *name,
                     const char *as, struct reason *why)
{
    int fd = file_open(dir, name, why);
    int err = fd < 0 ? fd : fill(l, run, fd, as, why);
    if (fd >= 0)
        close(fd);
    return err;
}

int ssh_give(const struct launch_target *target, uint64_t run, int dir,
             const char *name, const char *as, bool kept, struct reason *why)
{
    struct link *l = link_of(target);
    return unreached(kept ? give_kept(l, run, dir, name, as, why)
                          : give_once(l, run, dir, name, as, why));
}
