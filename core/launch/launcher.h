/*
 * Launchers: how a run is started, watched and stopped on a machine. Nothing
 * outside a launcher may assume that a run directory is on this host.
 *
 * A run directory holds: `job`, `template`, `type` (what to do), `base` (the
 * file of weights to begin with, where there is one), `stop` (asks the trainer
 * to end), `journal.N` (core/journal.h), `checkpoint`, `artifacts/`, `stderr`.
 * It belongs to the user whose run it is, and what is in it is input like any
 * other (core/foreign.h). Where nothing else is said, functions are called from
 * the supervisor's thread.
 */
#ifndef PRIMO_LAUNCHER_H
#define PRIMO_LAUNCHER_H

#include "core/basic/reason.h"
#include "core/basic/text.h"
#include "core/launch/child.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Where a launcher works; belongs to the supervisor. */
struct launch_site {
    const char *runs;              /* directory of run directories */
    const char *trainer;           /* absolute path of primo-train */
    struct launch_child *children; /* the last one started first */
};

struct run_job {                     /* what the trainer is given */
    struct text job, template, type; /* texts of settings */
    char *base; /* path of its base model on this host, NULL = none */
    uid_t uid;  /* whose rights it has, where the launcher can give them */
    gid_t gid;
};

struct host;
struct machine_facts;

struct launcher {
    const char *name;
    /* What is known of its machine; never waits, and from any thread. */
    void (*facts)(struct host *host, struct machine_facts *out);
    /* Start the trainer; 0 also when it is already there. */
    int (*start)(struct launch_site *site, uint64_t run,
                 const struct run_job *job, struct reason *why);
    /* 1 alive, 0 gone, -errno not to be told now. */
    int (*alive)(struct launch_site *site, uint64_t run);
    /* Append up to 64 KiB of a journal segment from `offset`; -ENOENT when
     * there is no such segment. */
    int (*follow)(struct launch_site *site, uint64_t run, uint64_t segment,
                  uint64_t offset, struct text *out);
    /* Copy artifacts/NAME of at most `limit` bytes into the directory `to`, or
     * append it to *out. */
    int (*fetch)(struct launch_site *site, uint64_t run, const char *name,
                 uint64_t limit, int to, struct reason *why);
    int (*fetch_text)(struct launch_site *site, uint64_t run, const char *name,
                      uint64_t limit, struct text *out, struct reason *why);
    int (*stop)(struct launch_site *site, uint64_t run, struct reason *why);
    /* For one that does not stop: end it at once, wherever it hangs. */
    void (*kill)(struct launch_site *site, uint64_t run);
    /* Why a trainer that is gone without a last word went, for people. */
    void (*last_words)(struct launch_site *site, uint64_t run,
                       struct text *out);
    int (*discard)(struct launch_site *site, uint64_t run, struct reason *why);
};

/* By the machine's `launcher`; NULL = there is none of that name. */
const struct launcher *launcher_find(const char *name);

extern const struct launcher launcher_local;

#endif
