/*
 * Telling programs that wait for changes: inotify and poll.
 *
 * The kernel makes inotify events of system calls, not of what a file system
 * changes by itself. So a small process of ours makes harmless ones through the
 * mount: where a status, rows, lines or a journal have changed it opens the
 * file, writes a byte that goes nowhere and closes it (IN_MODIFY,
 * IN_CLOSE_WRITE); where a model has appeared it makes a directory that is
 * there already (IN_CREATE), and so it does with the file of an answer. The
 * operations know it by its pid and answer it accordingly. It keeps nothing
 * open and changes no time (helper.h).
 *
 * A watch is on an inode, and a generated text has one for each of its states
 * (states.h): the process reaches those that somebody holds under their node
 * ids, in a directory that only it can find.
 *
 * A thread looks for changes after every commit, and says new events to the
 * log, too. Any thread may call the functions, but for those of the life cycle.
 */
#ifndef PRIMO_NOTICES_H
#define PRIMO_NOTICES_H

#include "core/process/changes.h"
#include "core/serve/serving_changes.h"
#include "core/system/worker.h"
#include "fs/notices/inotify_child.h"
#include "fs/notices/pollers.h"
#include "fs/notices/states.h"

struct notices {
    struct primo *primo;
    struct states *states;
    struct inotify_child child;
    struct pollers pollers;
    struct worker worker;   /* woken by every commit */
    bool started;           /* there is a thread, which also writes the log */
    struct changes changes; /* only the thread uses these: what it has seen */
    struct serving_changes servings;
    pthread_mutex_t lock;
    struct node announced; /* under lock: hidden from the inotify child */
};

/* Life cycle */

/* Start the inotify child: before there are threads or a store. */
void notices_init(struct notices *n, const char *mountpoint);
/* Start the thread, once the mount is there. */
void notices_start(struct notices *n, struct primo *primo,
                   struct states *states, const char *mountpoint);
/* Stop, before the session and the store are closed. A second call does
 * nothing. */
void notices_stop(struct notices *n);

/* Requests of the inotify child */
bool notices_is_child(const struct notices *n, fuse_req_t req);
/* Whether a node is hidden from the inotify child, so that the child can make
 * it: answers always are. */
bool notices_is_announced(struct notices *n, struct node node);
/* The directory of states, which only the inotify child sees: its name in the
 * root, and its node id. */
#define NOTICES_FOLDER    ".states"
#define NOTICES_FOLDER_ID ((uint64_t)1 << 63)

/* Whether changes of this node are announced. */
bool notices_tells(struct node node);

#endif
