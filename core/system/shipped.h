/*
 * What comes with the programs besides them: the base model. In a build
 * directory it lies beside the programs; where they are installed in
 * PREFIX/bin, it is in PREFIX/share/primofs. Any thread.
 */
#ifndef PRIMO_SHIPPED_H
#define PRIMO_SHIPPED_H

#include "core/basic/reason.h"

/* Find the file of the base model. *path is its absolute path without links,
 * which the caller frees. EINVAL where it is not installed, with its place. */
int shipped_base_find(char **path, struct reason *why);

#endif
