#include "core/usage/usage.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    RESERVE_PART =
        8, /* one of so many parts is reserved for the administrator */
    OWN_DESCRIPTORS = 256, /* for the store, run directories, children … */
    MOST_OPENS = 16384,
};

struct user_usage {
    uid_t user;
    uint64_t held[USAGE_RESOURCES];
    struct user_usage *next;
};

/* What a resource is called; both figures of the sentence are in `unit`s. */
struct resource_row {
    uint64_t all; /* 0 = it is only known at the start */
    uint64_t unit;
    int code;
    const char *sentence;
};

static const struct resource_row rows[USAGE_RESOURCES] = {
    [USAGE_OPENS] = {MOST_OPENS, 1, ENFILE,
                     N_("one user may have at most %llu files open here at "
                        "this time, and you have %llu")},
    [USAGE_DESCRIPTORS] = {0, 1, ENFILE,
                           N_("one user may have at most %llu files of models "
                              "and bases open at this time, and you have "
                              "%llu")},
    [USAGE_TEXTS] = {128 << 20, 1 << 10, ENOMEM,
                     N_("the open files of one user may hold at most %llu KiB "
                        "at this time, and yours hold %llu KiB")},
    [USAGE_SCRATCH_FILES] = {1024, 1, ENOSPC,
                             N_("one user may have at most %llu scratch files "
                                "and files that are not saved yet at this "
                                "time, and you have %llu")},
    [USAGE_SCRATCH_BYTES] = {32 << 20, 1 << 10, ENOSPC,
                             N_("the scratch files of one user may have at "
                                "most %llu KiB at this time, and yours have "
                                "%llu KiB")},
};

/* Life cycle */

/* How many descriptors are left for what users open. */
static uint64_t descriptors_raise(void)
{
    const rlim_t wanted = MOST_OPENS + OWN_DESCRIPTORS;
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l))
        return 0;
    if (l.rlim_cur < wanted) {
        struct rlimit more = {wanted,
                              l.rlim_max < wanted ? wanted : l.rlim_max};
        struct rlimit most = {l.rlim_max < wanted ? l.rlim_max : wanted,
                              l.rlim_max};
        /* only root may exceed the hard limit */
        if (setrlimit(RLIMIT_NOFILE, &more))
            setrlimit(RLIMIT_NOFILE, &most);
        getrlimit(RLIMIT_NOFILE, &l);
    }
    /* where there are too few even for ours, users get the smaller half */
    rlim_t own = l.rlim_cur / 2 < OWN_DESCRIPTORS ? l.rlim_cur - l.rlim_cur / 2
                                                  : OWN_DESCRIPTORS;
    return l.rlim_cur < wanted ? l.rlim_cur - own : MOST_OPENS;
}

void usage_init(struct usage *u, const uid_t *owner)
{
    *u = (struct usage){.owner = owner};
    pthread_mutex_init(&u->lock, NULL);
    for (int i = 0; i < USAGE_RESOURCES; i++)
        u->all[i] = rows[i].all;
    u->all[USAGE_DESCRIPTORS] = descriptors_raise();
}

void usage_release(struct usage *u)
{
    while (u->first) {
        struct user_usage *one = u->first;
        u->first = one->next;
        free(one);
    }
    pthread_mutex_destroy(&u->lock);
}

/* Users */

static struct user_usage **find(struct usage *u, uid_t user)
{
    struct user_usage **at = &u->first;
    while (*at && (*at)->user != user)
        at = &(*at)->next;
    return at;
}

uint64_t usage_of(struct usage *u, uid_t user, enum resource what)
{
    pthread_mutex_lock(&u->lock);
    struct user_usage *one = *find(u, user);
    uint64_t held = one ? one->held[what] : 0;
    pthread_mutex_unlock(&u->lock);
    return held;
}

static uint64_t left(uint64_t all, uint64_t taken)
{
    return all > taken ? all - taken : 0;
}

/* The most that a user may hold now: what he has, and of what is free either
 * all, or so much that as much is left for others. */
static uint64_t most_of(const struct usage *u, uid_t user, enum resource what,
                        uint64_t held)
{
    uint64_t all = u->all[what], total = u->total[what];
    if (user == 0 || user == *u->owner)
        return held + left(all, total);
    uint64_t half = (held + left(all - all / RESERVE_PART, total)) / 2;
    return half > held ? half : held;
}

static int take_locked(struct usage *u, uid_t user, enum resource what,
                       uint64_t amount, struct reason *why)
{
    const struct resource_row *row = &rows[what];
    struct user_usage **at = find(u, user);
    uint64_t held = *at ? (*at)->held[what] : 0;
    uint64_t most = most_of(u, user, what, held);
    if (amount > most - held)
        return refuse(why, row->code, row->sentence,
                      (unsigned long long)(most / row->unit),
                      (unsigned long long)(held / row->unit));
    if (!*at) {
        *at = xcalloc(1, sizeof **at);
        (*at)->user = user;
    }
    (*at)->held[what] += amount;
    u->total[what] += amount;
    return 0;
}

int usage_take(struct usage *u, uid_t user, enum resource what, uint64_t amount,
               struct reason *why)
{
    if (!amount)
        return 0;
    pthread_mutex_lock(&u->lock);
    int err = take_locked(u, user, what, amount, why);
    pthread_mutex_unlock(&u->lock);
    return err;
}

static bool is_empty(const struct user_usage *one)
{
    for (int i = 0; i < USAGE_RESOURCES; i++)
        if (one->held[i])
            return false;
    return true;
}

void usage_give(struct usage *u, uid_t user, enum resource what,
                uint64_t amount)
{
    pthread_mutex_lock(&u->lock);
    struct user_usage **at = find(u, user), *one = *at;
    if (one && amount) {
        one->held[what] -= amount;
        u->total[what] -= amount;
    }
    if (one && is_empty(one)) {
        *at = one->next;
        free(one);
    }
    pthread_mutex_unlock(&u->lock);
}

int usage_change(struct usage *u, uid_t user, enum resource what,
                 uint64_t before, uint64_t now, struct reason *why)
{
    if (now > before)
        return usage_take(u, user, what, now - before, why);
    usage_give(u, user, what, before - now);
    return 0;
}
