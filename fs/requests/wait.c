/* Reading `wait` and what is in wait/: the request is put away and answered
 * when the process has ended, or there is an answer, or the reader gives up, or
 * the mount ends. No thread is held. */
#include "core/basic/alloc.h"
#include "fs/requests/request.h"
#include "fs/requests/table.h"

#include <errno.h>
#include <stdlib.h>

struct waiting {
    fuse_req_t req;
    struct mount *m;
    fuse_ino_t ino;
    struct handle *h; /* open as long as the kernel waits for this */
    size_t size;
    int references; /* one is the list's of waiters, one wait_reply()'s */
    int interrupted;
};

static void waiting_put(struct waiting *w)
{
    if (__atomic_sub_fetch(&w->references, 1, __ATOMIC_ACQ_REL) == 0)
        free(w);
}

/* libfuse may be calling on_interrupt() in another thread. Taking that function
 * back waits for it, so neither the request nor `w` is freed under it. */
static void interrupts_end(struct waiting *w)
{
    fuse_req_interrupt_func(w->req, NULL, NULL);
}

/* The word, or where that is empty, what the file shows by now. */
static void reply_ended(struct waiting *w, const char *word)
{
    struct shown shown = {TEXT_INIT, 0};
    struct text out = TEXT_INIT;
    struct reason why = REASON_INIT;
    int err = 0;
    if (*word)
        text_printf(&shown.text, "%s\n", word);
    else
        err = tree_show(&w->m->primo, handle_node(w->h), &shown, &why);
    if (err == 0)
        err = handle_read_awaited(w->h, &shown.text, w->size, &out, &why);
    if (err)
        reply_err(w->req, err, w->ino, NULL, &why);
    else
        fuse_reply_buf(w->req, text_string(&out), out.size);
    text_release(&out);
    text_release(&shown.text);
}

/* Whoever takes the waiter off the list calls this, so it runs once. */
static void on_end(void *context, const char *status)
{
    struct waiting *w = context;
    interrupts_end(w);
    if (status)
        reply_ended(w, status);
    else
        fuse_reply_err(w->req, ENODEV);
    waiting_put(w);
}

static void give_up(struct waiting *w)
{
    if (!waiters_cancel(&w->m->primo.waiters, w))
        return; /* it is answered already, or about to be */
    fuse_reply_err(w->req, EINTR);
    waiting_put(w);
}

/* An interrupt may come before the waiter is on the list. It leaves a mark for
 * that case, which wait_reply() looks for when it has added the waiter. */
static void on_interrupt(fuse_req_t req, void *context)
{
    struct waiting *w = context;
    (void)req;
    __atomic_store_n(&w->interrupted, 1, __ATOMIC_RELEASE);
    give_up(w);
}

void wait_reply(fuse_req_t req, fuse_ino_t ino, struct handle *h, size_t size)
{
    struct waiting *w = xcalloc(1, sizeof *w);
    struct mount *m = request_mount(req);
    uint64_t process = handle_node(h).object;
    *w = (struct waiting){
        .req = req, .m = m, .ino = ino, .h = h, .size = size, .references = 2};
    fuse_req_interrupt_func(req, on_interrupt, w);
    waiters_add(&m->primo.waiters, process, on_end, w);
    /* The training may have ended, or the reader have given up, just before. */
    if (__atomic_load_n(&w->interrupted, __ATOMIC_ACQUIRE)) {
        interrupts_end(w);
        give_up(w);
    } else {
        waiters_wake(&m->primo.waiters, process);
    }
    waiting_put(w);
}
