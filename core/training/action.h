/*
 * What users do to processes: make, set up, start, stop, resume, remove. Each
 * is one durable change with an entry in `events`; when it returns 0 it would
 * survive a power cut. Rights are checked by the caller (the gate of the
 * tree); everything else is checked here. Any thread.
 */
#ifndef PRIMO_ACTION_H
#define PRIMO_ACTION_H

#include "core/process/queue.h"

/* Make a process for a machine. ENOENT: there is no such machine; EBUSY: it is
 * switched off; EEXIST: it has a process. */
int process_create(struct primo *primo, const struct caller *caller,
                   const char *machine, uint64_t *id, struct reason *why);
/* EBUSY while the process is live. */
int process_remove(struct primo *primo, const struct caller *caller,
                   uint64_t id, struct reason *why);
/* Take the text written to `template`: a name, or nothing. EINVAL: there is no
 * such template. */
int process_set_template(struct primo *primo, const struct caller *caller,
                         uint64_t id, const char *name, struct reason *why);
/* Take the text written to `enabled`: yes or no. */
int process_set_enabled(struct primo *primo, const struct caller *caller,
                        uint64_t id, const char *word, struct reason *why);
/* `said` is the text that was written to the file; "" = it was touched. EBUSY:
 * the process is live or disabled, or its machine is switched off; EINVAL: it
 * has no template, the template has no dataset, and so on; EACCES: the caller
 * may not read what it is made of, or somebody else has named the data set and
 * `said` is not its path. */
int process_start(struct primo *primo, const struct caller *caller, uint64_t id,
                  const char *said, struct reason *why);
/* Start what waits first in the queue, as whoever has written it, and take it
 * off; as above, and EAGAIN where something else waits first by now, or where
 * users or groups cannot be looked up. */
int process_start_queued(struct primo *primo, uint64_t id,
                         const struct queued *next, struct reason *why);
/* Take it off without starting it, with the sentence in `events`. */
int process_pass_over(struct primo *primo, uint64_t id,
                      const struct queued *next, const char *sentence);
/* What is said does not matter. */
int process_stop(struct primo *primo, const struct caller *caller, uint64_t id,
                 const char *said, struct reason *why);
/* EACCES: there is a template of the run's name that the caller may not view.
 * What is said does not matter. */
int process_resume(struct primo *primo, const struct caller *caller,
                   uint64_t id, const char *said, struct reason *why);
/* Whether the caller made the process and nobody has started it yet. */
bool process_is_new_to(struct primo *primo, const struct caller *caller,
                       uint64_t id);
/* 0 when a file of the process may be hidden now, or the refusal. */
int process_may_hide(struct primo *primo, uint64_t id, struct reason *why);

#endif
