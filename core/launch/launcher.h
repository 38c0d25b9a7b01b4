/*
 * Launchers: how a run is started, watched and stopped on a machine. Nothing
 * outside a launcher may assume that a run directory is on this host, or that
 * a machine is this host.
 *
 * A run directory holds `job`, `template` and `type` (what to do), `base` (the
 * file of weights to begin with, if there is one), `stop` (asks the trainer to
 * end), `journal.N` (core/report/journal.h), `checkpoint`, `artifacts/` and
 * `stderr`. It belongs to the user whose run it is, so that whatever is read
 * from it is untrusted input (core/system/foreign.h).
 *
 * Threads. Each live run is watched by a thread of its own, and another one
 * looks after each launcher (core/training/supervisor.h). So a launcher's
 * functions are called from several threads at once, but for any one run from
 * one thread at a time. They may take long, as a network does: that holds up
 * only their own machine. They must return at last, because unmounting waits
 * for them. Whatever a launcher keeps for all its machines it must guard
 * itself.
 *
 * To add a launcher: write its file, give it a line in launcher.c, add its name
 * to the words of the parameter `launcher` and the keys that it needs
 * (core/settings/param.c).
 */
#ifndef PRIMO_LAUNCHER_H
#define PRIMO_LAUNCHER_H

#include "core/basic/reason.h"
#include "core/basic/text.h"
#include "core/settings/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LAUNCH_STOP_SECONDS = 8 }; /* a trainer that stops takes five at most */

struct launcher;

/* A launcher at work for one state directory. */
struct launch_site {
    const struct launcher *launcher;
    const char *runs;    /* a directory on this host for run directories */
    const char *trainer; /* absolute path of this host's primo-train */
    void *own;           /* what its open() has made */
};

/* All launchers at work. Nothing is added once threads use the list. */
struct launch_sites {
    struct launch_site *list;
    size_t count, room;
};

/* A machine as its launcher sees it. The holder of the struct owns `machine`.
 */
struct launch_target {
    const struct launch_site *site;
    struct settings machine; /* as it was when the run was started */
};

struct run_job {                     /* what the trainer is given */
    struct text job, template, type; /* the texts of these files */
    int base_dir;  /* the directory of the base, on this host */
    char base[64]; /* its name there, "" = there is none */
    uid_t uid;     /* the user to run as, if the launcher can do that */
    gid_t gid;
    struct text groups; /* "G,G,…"; empty = as the user database says */
    bool serve;         /* it is to answer requests, not to train */
    bool lead;          /* it is to have other hosts train with this one */
};

/* Append the path of the dataset that a trainer will find: the template's, or
 * else the type's. False: there is none, or one of the texts is damaged. */
bool run_job_dataset(const struct run_job *job, struct text *out);

/* What `overview` shows of a machine. */
struct machine_facts {
    char processor[100]; /* its name; "" = not known */
    char trainer[32]; /* version of primo-train; "" = it does not run there */
    int cores;        /* cores that a training may use; 0 = not known */
    uint64_t memory;  /* bytes of the host or its cgroup; 0 = not known */
    double load;      /* mean of the last minute; NAN = not known */
    bool elsewhere;   /* it is reached over a network: */
    bool reached;     /* now */
    double since;     /* when that began, 0 = it is not known yet */
    char unreached[1024]; /* why not, a sentence */
    int64_t changed;      /* when any of these changed, in ns */
};

/* What a launcher asks, and tells, while it sweeps run directories. */
struct launch_sweep {
    /* 1 = the run is needed, 0 = it is not. An error: this is not known, and
     * nothing may be removed. */
    int (*needed)(void *context, uint64_t run);
    /* Called before a directory in `runs` is removed, which it may move
     * elsewhere. An error: the directory must stay. */
    int (*rescue)(void *context, uint64_t run);
    /* Whether a record says that the run, which nobody needs, was given up. One
     * of which nothing is known belongs to somebody who may come back: a
     * machine that others use too may not be cleared of it. */
    bool (*given_up)(void *context, uint64_t run);
    /* 1 = a process trains or answers with this run, 0 = none does, so that no
     * trainer of it may go on. */
    int (*live)(void *context, uint64_t run);
    /* Called when the directory is gone. */
    void (*dropped)(void *context, uint64_t run);
    void *context;
};

struct launcher {
    const char *name;
    bool queues; /* a run may wait for long before it begins */

    /* Life cycle; NULL = the launcher keeps nothing. */
    void *(*open)(const struct launch_site *site);
    void (*close)(void *own);
    /* The mount ends: whoever waits for a machine, or will, is told EINPROGRESS
     * now. NULL = nobody ever waits for long. */
    void (*end)(void *own);

    /* The machine */

    /* Gather facts about the machines, as far as that is due. One thread calls
     * this about once a second. NULL = there is nothing to gather. */
    void (*look)(const struct launch_site *site);
    /* Somebody may want this machine soon: it is said about once a second for
     * each machine that is enabled. Never waits. NULL = it is always there. */
    void (*want)(const struct launch_target *target);
    /* The facts gathered about a machine; never waits. */
    void (*facts)(const struct launch_target *target,
                  struct machine_facts *out);
    /* Whether a machine has come within reach since its run directories were
     * last swept. NULL = none comes and goes. */
    bool (*unswept)(const struct launch_site *site);
    /* Remove the run directories that nobody needs, and end the trainers that
     * work in them. Returns 0 when all is done, 1 when it is to be called again
     * soon, or the error that prevented it. The thread that calls look() calls
     * this, too. NULL = the launcher leaves no directories behind. */
    int (*sweep)(const struct launch_site *site,
                 const struct launch_sweep *sweep);

    /* One run */

    /* All these may fail with EHOSTUNREACH: the machine is not reached, and
     * nothing is known of the run. */

    /* Start the trainer; 0 also when it already runs. EINPROGRESS: ask again
     * soon. */
    int (*start)(const struct launch_target *target, uint64_t run,
                 const struct run_job *job, struct reason *why);
    /* 1 = the trainer is alive, 0 = it is gone. An error: this is not known. */
    int (*alive)(const struct launch_target *target, uint64_t run);
    /* Append up to 64 KiB of a journal segment from byte `offset` on. -ENOENT:
     * there is no such segment. */
    int (*follow)(const struct launch_target *target, uint64_t run,
                  uint64_t segment, uint64_t offset, struct text *out);
    /* Append to the file `name` of the run directory, which is made where it is
     * not there. NULL = this launcher runs no services. */
    int (*tell)(const struct launch_target *target, uint64_t run,
                const char *name, const struct text *text, struct reason *why);
    /* Give the run a file of this host, DIR/name, as the file `as` of its
     * directory. `kept`: other runs will be given it, too, so that a machine
     * elsewhere may keep it for a while. */
    int (*give)(const struct launch_target *target, uint64_t run, int dir,
                const char *name, const char *as, bool kept,
                struct reason *why);
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
    /* End a trainer that does not stop, wherever it hangs, or a start that was
     * EINPROGRESS. */
    void (*kill)(const struct launch_target *target, uint64_t run);
    /* What is known, for people, about why a trainer died that has not reported
     * an end. Returns whether somebody there wanted that, so that it is not
     * started again. */
    bool (*last_words)(const struct launch_target *target, uint64_t run,
                       struct text *out);
    /* What is known of a run that does not start at once, as with Slurm: until
     * then, why it waits, for people. Appends nothing where nothing is known;
     * never waits. NULL = runs start at once. */
    void (*waits)(const struct launch_target *target, uint64_t run,
                  struct text *out);
    /* Append the script that was given to them. NULL = there is none. */
    int (*script)(const struct launch_target *target, uint64_t run,
                  struct text *out);
};

/* A piece of the journal of a run: where it begins, and what is there. */
struct launch_piece {
    uint64_t segment, offset;
    struct text data; /* owned */
};

/* Read the next piece that has whole records: from the place of *piece on,
 * where segment 0 means the first one, or else from the beginning of the next
 * segment. 1 = there is one; 0 = there is none, and *piece is empty, where it
 * was. EHOSTUNREACH. */
int launch_piece_next(const struct launch_target *target, uint64_t run,
                      struct launch_piece *piece);

/* Life cycle. The paths must live as long as the sites do. */
void launch_sites_open(struct launch_sites *s, const char *runs,
                       const char *trainer);
/* Let nobody wait for a machine any more. */
void launch_sites_end(const struct launch_sites *s);
void launch_sites_close(struct launch_sites *s); /* no thread uses them */
/* Add a launcher that is not in the table, as tests do. */
void launch_sites_add(struct launch_sites *s, const struct launcher *launcher,
                      const char *runs, const char *trainer);

/* The site of the launcher of this name; NULL = there is none. */
const struct launch_site *launch_site_find(const struct launch_sites *s,
                                           const char *name);
/* Let all launchers gather facts. */
void launch_sites_look(const struct launch_sites *s);

#endif
