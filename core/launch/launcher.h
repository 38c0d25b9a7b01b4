/*
 * Launchers: how a run is started, watched and stopped on a machine. Nothing
 * outside a launcher may assume that a run directory is on this host, or that
 * a machine is this host.
 *
 * A run directory holds: `job`, `template`, `type` (what to do), `base` (the
 * file of weights to begin with, where there is one), `stop` (asks the trainer
 * to end), `journal.N` (core/shared/journal.h), `checkpoint`, `artifacts/`,
 * `stderr`. It belongs to the user whose run it is, and what is in it is input
 * like any other (core/basic/foreign.h).
 *
 * Threads. Each run that is live is watched by a thread of its own, and each
 * launcher is tidied up by another one (core/process/supervisor.h). So a
 * launcher's functions are called from several threads at once, but for one run
 * from one thread at a time. They may take long, as a network does, and hold up
 * nobody but their own machine; they must not take for ever, because unmounting
 * waits for them. What a launcher keeps for all its machines it guards itself.
 *
 * To add a launcher: write its file, give it a line in launcher.c, add its name
 * to the words of the parameter `launcher` and the keys that it needs
 * (core/shared/param.c).
 */
#ifndef PRIMO_LAUNCHER_H
#define PRIMO_LAUNCHER_H

#include "core/basic/reason.h"
#include "core/basic/text.h"
#include "core/shared/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LAUNCH_STOP_SECONDS = 8 }; /* a trainer that stops takes five at most */

struct launcher;

/* A launcher at work for one state directory. */
struct launch_site {
    const struct launcher *launcher;
    const char *runs;    /* a directory of this host that launchers may use */
    const char *trainer; /* absolute path of this host's primo-train */
    void *own;           /* what its open() has made */
};

/* All launchers at work. Nothing is added once threads use the list. */
struct launch_sites {
    struct launch_site *list;
    size_t count, room;
};

/* A machine, as its launcher reaches it: whoever holds one owns `machine`. */
struct launch_target {
    const struct launch_site *site;
    struct settings machine; /* as it was when the run was started */
};

struct run_job {                     /* what the trainer is given */
    struct text job, template, type; /* texts of settings */
    int base_dir;                    /* where its base model is on this host */
    char base[64];                   /* and its name there, "" = none */
    uid_t uid; /* whose rights it has, where the launcher can give them */
    gid_t gid;
    struct text groups; /* "G,G,…"; empty = those that the database says */
};

/* What `overview` tells of a machine. */
struct machine_facts {
    char processor[100]; /* its name; "" = not known */
    char trainer[32];    /* version of primo-train; "" = it does not run */
    int cores;           /* that a training may have there; 0 = not known */
    uint64_t memory;     /* bytes, of the host or its cgroup; 0 = not known */
    double load;         /* over a minute, to a tenth; NAN = not known */
    int64_t changed;     /* ns */
};

/* Who needs which run; a launcher that sweeps asks. */
struct launch_sweep {
    /* 1 needed, 0 not; any error: it cannot be told, and nothing may go. */
    int (*needed)(void *context, uint64_t run);
    /* Called before a directory in `runs` is removed; may move it elsewhere. An
     * error: it stays. */
    int (*rescue)(void *context, uint64_t run);
    void (*dropped)(void *context, uint64_t run); /* it is gone */
    void *context;
};

struct launcher {
    const char *name;

    /* Life cycle; NULL = it keeps nothing. */
    void *(*open)(const struct launch_site *site);
    void (*close)(void *own);

    /* The machine */

    /* Learn what is due about the machines: often called, by one thread. NULL =
     * there is nothing to learn. */
    void (*look)(const struct launch_site *site);
    /* What was learned of a machine; never waits. */
    void (*facts)(const struct launch_target *target,
                  struct machine_facts *out);
    /* Remove the run directories that nobody needs, and end the trainers that
     * work in them. 0 when that is done, 1 when it should be called again soon,
     * or the error for which nothing (more) was removed. Called by the thread
     * that calls look(). NULL = it leaves none. */
    int (*sweep)(const struct launch_site *site,
                 const struct launch_sweep *sweep);

    /* One run */

    /* Start the trainer; 0 also when it is already there. */
    int (*start)(const struct launch_target *target, uint64_t run,
                 const struct run_job *job, struct reason *why);
    /* 1 alive, 0 gone; an error where that cannot be told just now. */
    int (*alive)(const struct launch_target *target, uint64_t run);
    /* Append up to 64 KiB of a journal segment from `offset`; -ENOENT when
     * there is no such segment. */
    int (*follow)(const struct launch_target *target, uint64_t run,
                  uint64_t segment, uint64_t offset, struct text *out);
    /* Copy artifacts/NAME of at most `limit` bytes into the directory `to`. */
    int (*fetch)(const struct launch_target *target, uint64_t run,
                 const char *name, uint64_t limit, int to, struct reason *why);
    /* Append artifacts/NAME of at most `limit` bytes to *out. */
    int (*fetch_text)(const struct launch_target *target, uint64_t run,
                      const char *name, uint64_t limit, struct text *out,
                      struct reason *why);
    /* Ask the trainer to write a checkpoint and end. */
    int (*stop)(const struct launch_target *target, uint64_t run,
                struct reason *why);
    /* End a trainer that does not stop, wherever it hangs. */
    void (*kill)(const struct launch_target *target, uint64_t run);
    /* Why a trainer that is gone without a last word went, for people. */
    void (*last_words)(const struct launch_target *target, uint64_t run,
                       struct text *out);
};

/* Life cycle. The paths must live as long as the sites do. */
void launch_sites_open(struct launch_sites *s, const char *runs,
                       const char *trainer);
void launch_sites_close(struct launch_sites *s); /* no thread uses them */
/* One launcher besides those of the table. */
void launch_sites_add(struct launch_sites *s, const struct launcher *launcher,
                      const char *runs, const char *trainer);

/* By the machine's `launcher`; NULL = there is none of that name. */
const struct launch_site *launch_site_find(const struct launch_sites *s,
                                           const char *name);
/* Let all launchers learn what is due. */
void launch_sites_look(const struct launch_sites *s);

#endif
