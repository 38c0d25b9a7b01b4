/*
 * Backups: `primofs --backup STATE FILE` writes a tar file of a state
 * directory, also beside the daemon that has it: a copy of the database as it
 * is at one moment, and the models and bases that it names, which never change.
 * Run directories are not in it. Main thread.
 */
#ifndef PRIMO_BACKUP_H
#define PRIMO_BACKUP_H

#include "core/basic/reason.h"

/* FILE "-" is standard output; another one appears when it is complete. */
int backup(const char *state, const char *file, struct reason *why);

#endif
