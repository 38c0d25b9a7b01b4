#include "core/rights/roles.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/basic/name.h"
#include "core/store/node.h"
#include "core/store/object.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FRESH_SECONDS = 10 };

void roles_init(struct roles *r, const uid_t *owner)
{
    memset(r, 0, sizeof *r);
    r->owner = owner;
    pthread_mutex_init(&r->load, NULL);
    pthread_rwlock_init(&r->lock, NULL);
}

static void list_free(struct role *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        groups_release(&list[i].users);
        groups_release(&list[i].groups);
    }
    free(list);
}

static void known_release(struct known_members *k)
{
    for (size_t i = 0; i < k->count; i++)
        free(k->list[i].word);
    free(k->list);
    *k = (struct known_members){0};
}

void roles_release(struct roles *r)
{
    list_free(r->list, r->count);
    known_release(&r->known);
    pthread_rwlock_destroy(&r->lock);
    pthread_mutex_destroy(&r->load);
}

bool is_administrator(const struct roles *r, const struct caller *caller)
{
    return caller->uid == 0 || caller->uid == *r->owner;
}

/* Members */

enum { ENTRY_LEAST = 4 << 10, ENTRY_MOST = 4 << 20 };

/* Finds the number of a user or, with '@', of a group. Returns -ENOENT where
 * there is none; after any other error this cannot be told now. The buffer
 * grows because a group's entry holds the names of all its members. */
static int member_number(const char *word, id_t *out)
{
    struct passwd user, *user_found = NULL;
    struct group group, *group_found = NULL;
    bool is_group = *word == '@';
    int err = ERANGE;
    if (!word[is_group + strspn(word + is_group, "0123456789")]) {
        *out = (id_t)strtoul(word + is_group, NULL, 10);
        return 0;
    }
    for (size_t n = ENTRY_LEAST; err == ERANGE && n <= ENTRY_MOST; n *= 4) {
        char *room = xmalloc(n);
        err = is_group ? getgrnam_r(word + 1, &group, room, n, &group_found)
                       : getpwnam_r(word, &user, room, n, &user_found);
        if (group_found)
            *out = group.gr_gid;
        if (user_found)
            *out = user.pw_uid;
        free(room);
    }
    if (user_found || group_found)
        return 0;
    return database_error(err, is_group ? "/etc/group" : "/etc/passwd");
}

/* Calls `take` for each word, until it returns an error. */
static int each_member(const char *value,
                       int (*take)(void *context, const char *word,
                                   struct reason *why),
                       void *context, struct reason *why)
{
    int err = 0;
    for (size_t n; err == 0 && (n = member_next(&value)) > 0; value += n) {
        char *word = xstrndup(value, n);
        err = take(context, word, why);
        free(word);
    }
    return err;
}

static int member_judge(void *context, const char *word, struct reason *why)
{
    id_t number;
    (void)context;
    int err = member_number(word, &number);
    if (err == 0)
        return 0;
    if (err != -ENOENT)
        return refuse_errno(why, EAGAIN, "'%.200s' cannot be looked up now",
                            word);
    if (*word == '@')
        return refuse(why, EINVAL, "there is no group '%.200s' on this machine",
                      word + 1);
    return refuse(why, EINVAL, "there is no user '%.200s' on this machine",
                  word);
}

int members_judge(const char *value, struct reason *why)
{
    return each_member(value, member_judge, NULL, why);
}

/* Making the table anew */
struct loading {
    struct roles *roles;
    struct role *role;          /* the role that members are added to */
    struct known_members known; /* the members of the new table */
};

static bool known_number(const struct known_members *k, const char *word,
                         id_t *out)
{
    for (size_t i = 0; i < k->count; i++) {
        if (!strcmp(k->list[i].word, word)) {
            *out = k->list[i].number;
            return true;
        }
    }
    return false;
}

static int member_add(void *context, const char *word, struct reason *why)
{
    struct loading *l = context;
    struct known_members *k = &l->known;
    id_t number;
    (void)why;
    int err = member_number(word, &number);
    bool unknown =
        err && err != -ENOENT && !known_number(&l->roles->known, word, &number);
    l->role->partial |= unknown;
    if (err == -ENOENT || unknown)
        return 0;
    groups_add(*word == '@' ? &l->role->groups : &l->role->users, number);
    ALLOC_GROW(k->list, k->count + 1, k->room);
    k->list[k->count++] = (struct known_member){xstrdup(word), number};
    return 0;
}

/* Loading */

static int64_t seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

/* The name by which a role counts. While an editor saves a role, the old text
 * has the name of a backup for a moment; it stands for the role until the new
 * one is there. Returns false where the file does not count. */
static bool role_name(struct store_txn *txn, const struct object *o, char *name)
{
    struct object other = OBJECT_INIT;
    bool scratch = name_is_scratch(o->name);
    strcpy(name, scratch ? o->home : o->name);
    if (!scratch || !*name)
        return !scratch;
    bool taken = object_find(txn, TREE_ROLES, name, &other) == 0;
    object_release(&other);
    return !taken;
}

static void role_fill(struct loading *l, const struct text *body)
{
    struct role *role = l->role;
    struct settings s;
    settings_init(&s);
    if (settings_parse(&s, text_string(body), body->size, SCOPE_ROLE, "role",
                       NULL) == 0) {
        each_member(settings_get(&s, KEY_MEMBERS), member_add, l, NULL);
        for (int key = KEY_TEMPLATES; key <= KEY_ROLES; key++)
            role->rights[key] = rights_parse(settings_get(&s, (enum key)key));
    }
    settings_release(&s);
}

static struct role *list_make(struct loading *l, struct store_txn *txn,
                              size_t *count)
{
    struct role *list = NULL;
    struct object o = OBJECT_INIT;
    uint64_t after = 0;
    size_t room = 0;
    *count = 0;
    while (object_next(txn, TREE_ROLES, after, &o) == 0) {
        struct role role = {0};
        after = o.id;
        if (role_name(txn, &o, role.name)) {
            l->role = &role;
            role_fill(l, &o.body);
            ALLOC_GROW(list, *count + 1, room);
            list[(*count)++] = role;
        }
        object_release(&o);
    }
    return list;
}

/* A store that can't be read gives nobody a right. */
static void load_locked(struct roles *r)
{
    struct role *list = NULL, *old = r->list;
    struct loading loading = {.roles = r};
    struct store_txn *txn;
    size_t count = 0, old_count = r->count;
    if (store_begin(r->store, false, &txn, NULL) == 0) {
        list = list_make(&loading, txn, &count);
        store_abort(txn);
        known_release(&r->known);
        r->known = loading.known;
    }
    pthread_rwlock_wrlock(&r->lock);
    r->list = list;
    r->count = count;
    pthread_rwlock_unlock(&r->lock);
    list_free(old, old_count);
    __atomic_store_n(&r->loaded, seconds(), __ATOMIC_RELAXED);
}

void roles_load(struct roles *r, struct store *store)
{
    pthread_mutex_lock(&r->load);
    r->store = store;
    load_locked(r);
    pthread_mutex_unlock(&r->load);
}

/* One thread makes the table anew; others go on with the old one meanwhile, so
 * that a slow directory service holds up a single request. */
static void refresh(struct roles *r)
{
    int64_t age = seconds() - __atomic_load_n(&r->loaded, __ATOMIC_RELAXED);
    if (age < FRESH_SECONDS || pthread_mutex_trylock(&r->load))
        return;
    if (r->count) /* only the holder of `load` changes it */
        load_locked(r);
    pthread_mutex_unlock(&r->load);
}

/* Asking */

static unsigned role_rights(const struct role *role, enum key line)
{
    return line ? role->rights[line] : 1u << RIGHT_VIEW;
}

static bool in_one_of(const struct role *role, const struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++)
        if (groups_have(&role->groups, groups->list[i]))
            return true;
    return false;
}

/* The roles that give what is asked for. */
struct givers {
    bool groups;           /* some are for groups, */
    bool unknown;          /* or for members that could not be looked up */
    struct groups numbers; /* these groups, where they are asked for */
};

/* Whether a role of the user, or of one of the groups, has one of the rights.
 */
static bool allow(struct roles *r, uid_t uid, const struct groups *groups,
                  enum key line, unsigned rights, struct givers *givers)
{
    bool yes = false;
    pthread_rwlock_rdlock(&r->lock);
    for (size_t i = 0; i < r->count && !yes; i++) {
        const struct role *role = &r->list[i];
        if (!(role_rights(role, line) & rights))
            continue;
        yes = groups_have(&role->users, uid) || in_one_of(role, groups);
        givers->groups |= role->groups.count > 0;
        givers->unknown |= role->partial;
        for (size_t k = 0; groups->count && k < role->groups.count; k++)
            groups_add(&givers->numbers, role->groups.list[k]);
    }
    pthread_rwlock_unlock(&r->lock);
    return yes;
}

/* Whether the database knows of each group whether it is there: the list of a
 * user's groups does not say what it could not ask. */
static bool groups_are_known(const struct groups *groups)
{
    char room[ENTRY_LEAST];
    struct group entry, *found;
    bool known = true;
    for (size_t i = 0; i < groups->count && known; i++) {
        int err =
            getgrgid_r(groups->list[i], &entry, room, sizeof room, &found);
        known = err == 0 || err == ERANGE || err == ENOENT || err == ESRCH;
    }
    return known;
}

int roles_ask(struct roles *r, const struct caller *caller, enum key line,
              unsigned rights)
{
    struct groups groups = GROUPS_INIT;
    struct givers givers = {0};
    int found = 0;
    refresh(r);
    bool yes = allow(r, caller->uid, &groups, line, rights, &givers);
    if (!yes && givers.groups) {
        found = groups_find(&groups, caller);
        yes = allow(r, caller->uid, &groups, line, rights, &givers);
    }
    bool unknown = givers.unknown || found < 0 ||
                   (found > 0 && !yes && !groups_are_known(&givers.numbers));
    groups_release(&groups);
    groups_release(&givers.numbers);
    return yes ? 1 : unknown ? -EAGAIN : 0;
}

bool roles_allow(struct roles *r, const struct caller *caller, enum key line,
                 unsigned rights)
{
    return roles_ask(r, caller, line, rights) == 1;
}

/* Refusing */

/* Appends the roles for which `which` is true, as "roles/a, roles/b". Returns
 * how many there are. */
static size_t put_roles(struct text *out, const struct roles *r,
                        const bool *which)
{
    enum { MOST = 3 };
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++)
        if (which[i] && ++n <= MOST)
            text_printf(out, "%sroles/%s", n > 1 ? ", " : "", r->list[i].name);
    if (n > MOST)
        text_puts(out, " …");
    return n;
}

/* Appends in which roles the user is: "in no role", or "in roles/a, which does
 * not give it". */
static void put_have(struct text *out, const struct roles *r, const bool *mine)
{
    struct text names = TEXT_INIT;
    size_t n = put_roles(&names, r, mine);
    if (!n)
        text_puts(out, _("in no role"));
    else
        text_printf(out,
                    n > 1 ? _("in %s, which do not give it")
                          : _("in %s, which does not give it"),
                    text_string(&names));
    text_release(&names);
}

/* Appends which roles give the right: ", roles/a gives it". */
static void put_give(struct text *out, const struct roles *r,
                     const bool *givers)
{
    struct text names = TEXT_INIT;
    size_t n = put_roles(&names, r, givers);
    if (n)
        text_printf(out, n > 1 ? _(", %s give it") : _(", %s gives it"),
                    text_string(&names));
    text_release(&names);
}

/* Appends who can grant the right: "root or NAME or a member of roles/a". */
static void put_granters(struct text *out, const struct roles *r,
                         const bool *granters)
{
    struct text names = TEXT_INIT;
    text_puts(out, "root");
    if (*r->owner) {
        text_puts(out, _(" or "));
        user_name(out, *r->owner);
    }
    if (put_roles(&names, r, granters))
        text_printf(out, _(" or a member of %s"), text_string(&names));
    text_release(&names);
}

struct explanation {
    struct text user, have, give, granters;
};

/* Says why the right is missing. For each role three things count: whether the
 * caller is in it, whether it gives the right, and whether its members may
 * change roles. The three lists share one allocation. */
static void explain(struct roles *r, const struct caller *caller, enum key line,
                    enum right right, struct explanation *out)
{
    struct groups groups = GROUPS_INIT;
    groups_find(&groups, caller);
    user_name(&out->user, caller->uid);
    pthread_rwlock_rdlock(&r->lock);
    bool *mine = xcalloc(3 * r->count + 1, sizeof *mine);
    bool *givers = mine + r->count, *granters = givers + r->count;
    for (size_t i = 0; i < r->count; i++) {
        const struct role *role = &r->list[i];
        mine[i] =
            groups_have(&role->users, caller->uid) || in_one_of(role, &groups);
        givers[i] = role_rights(role, line) >> right & 1;
        granters[i] = role->rights[KEY_ROLES] >> RIGHT_EDIT & 1;
    }
    put_have(&out->have, r, mine);
    put_give(&out->give, r, givers);
    put_granters(&out->granters, r, granters);
    pthread_rwlock_unlock(&r->lock);
    free(mine);
    groups_release(&groups);
}

int roles_refuse_unknown(const struct caller *caller, struct reason *why)
{
    struct text user = TEXT_INIT;
    if (!why)
        return -EAGAIN;
    user_name(&user, caller->uid);
    int err =
        refuse(why, EAGAIN, "the groups of %s cannot be looked up just now",
               text_string(&user));
    text_release(&user);
    return err;
}

int roles_judge(struct roles *r, const struct caller *caller, enum key line,
                enum right right, struct reason *why)
{
    int may = is_administrator(r, caller)
                  ? 1
                  : roles_ask(r, caller, line, 1u << right);
    if (may < 0)
        return roles_refuse_unknown(caller, why);
    return may ? 0 : roles_refuse(r, caller, line, right, why);
}

int roles_refuse(struct roles *r, const struct caller *caller, enum key line,
                 enum right right, struct reason *why)
{
    struct explanation e = {0};
    if (!why)
        return -EACCES;
    explain(r, caller, line, right, &e);
    if (line)
        refuse(why, EACCES,
               "the right '%s' for %s is missing: %s is %s%s; %s can grant it",
               right_name(right), params[line].key, text_string(&e.user),
               text_string(&e.have), text_string(&e.give),
               text_string(&e.granters));
    else
        refuse(why, EACCES,
               "the right '%s' is missing here: %s is %s%s; %s can grant it",
               right_name(right), text_string(&e.user), text_string(&e.have),
               text_string(&e.give), text_string(&e.granters));
    text_release(&e.user);
    text_release(&e.have);
    text_release(&e.give);
    text_release(&e.granters);
    return -EACCES;
}
