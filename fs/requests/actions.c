#include "fs/requests/actions.h"

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include <stdlib.h>
#include <string.h>

struct action {
    struct node node;
    void (*act)(void *context);
    void *context;
    struct action *next;
};

/* Names */

bool actions_names_begin(struct actions *a, struct node n)
{
    pthread_rwlock_rdlock(&a->names);
    return !a->acting && tree_rests(a->primo, n);
}

void actions_names_end(struct actions *a)
{
    pthread_rwlock_unlock(&a->names);
}

static void acting_set(struct actions *a, bool acting)
{
    pthread_rwlock_wrlock(&a->names);
    a->acting = acting;
    pthread_rwlock_unlock(&a->names);
}

/* Make the kernel forget the names of the polled texts beside the node: an
 * action is about to change what they say. */
static void names_forget(struct actions *a, struct node n)
{
    enum tree_no directory = node_row(n)->parent;
    for (enum tree_no no = 0; (no = row_next(directory, no));) {
        const struct row *row = &tree_rows[no];
        if (row->polled && row->name)
            fuse_lowlevel_notify_inval_entry(a->session,
                                             tree_inode(n.object, directory),
                                             row->name, strlen(row->name));
    }
}

/* The thread */

static struct action *action_take(struct actions *a)
{
    pthread_mutex_lock(&a->lock);
    while (!a->first && !a->end)
        pthread_cond_wait(&a->changed, &a->lock);
    struct action *taken = a->first;
    if (taken)
        a->first = taken->next;
    if (!a->first)
        a->last = &a->first;
    pthread_mutex_unlock(&a->lock);
    return taken;
}

static void *actions_run(void *context)
{
    struct actions *a = context;
    struct action *next;
    while ((next = action_take(a))) {
        acting_set(a, true);
        names_forget(a, next->node);
        next->act(next->context);
        acting_set(a, false);
        free(next);
    }
    return NULL;
}

void actions_add(struct actions *a, struct node n, void (*act)(void *context),
                 void *context)
{
    struct action *added = malloc(sizeof *added);
    if (!added)
        abort();
    *added = (struct action){n, act, context, NULL};
    pthread_mutex_lock(&a->lock);
    *a->last = added;
    a->last = &added->next;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* Life cycle */

int actions_start(struct actions *a, struct primo *primo, struct reason *why)
{
    pthread_rwlockattr_t writers_first;
    *a = (struct actions){.primo = primo, .last = &a->first};
    pthread_rwlockattr_init(&writers_first);
    pthread_rwlockattr_setkind_np(&writers_first,
                                  PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&a->names, &writers_first);
    pthread_rwlockattr_destroy(&writers_first);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    int code = pthread_create(&a->thread, NULL, actions_run, a);
    return code ? refuse_errno(why, code, "cannot start a thread") : 0;
}

void actions_stop(struct actions *a)
{
    pthread_mutex_lock(&a->lock);
    a->end = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    pthread_rwlock_destroy(&a->names);
}
