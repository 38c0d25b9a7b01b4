/*
 * What runs of all kinds, of trainings and of services, are made from: the
 * settings of a machine, the job that a trainer is given, and the groups of
 * whoever starts it. Any thread, within a transaction of the caller.
 */
#ifndef PRIMO_RUN_SETUP_H
#define PRIMO_RUN_SETUP_H

#include "core/rights/caller.h"
#include "core/settings/settings.h"
#include "core/store/store.h"

/* Read the settings of a machine and, unless `text` is NULL, its text. EBUSY:
 * the machine is switched off. */
int machine_load(struct store_txn *txn, const char *name, struct settings *out,
                 struct text *text, struct reason *why);
/* Append the trainer's `job`: the settings of the machine, the name of the
 * base's file, and the language of the log. The number of the journal segment
 * to write is added whenever the trainer is started. */
void job_print(const struct settings *machine, const char *base,
               struct text *out);
/* Save the groups that the caller has at this moment, which need not be the
 * ones that the user database lists. Where there are very many, some are left
 * out: this can only take rights away, never grant any. EAGAIN: they cannot be
 * looked up just now. */
int groups_save(struct store_txn *txn, uint64_t run,
                const struct caller *caller, struct reason *why);

#endif
