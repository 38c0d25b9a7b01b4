/*
 * Becoming the user whose training it is, for a trainer that the daemon of
 * root has started. Done by main() before it looks at anything of that user's
 * and before there is a second thread; there is no way back.
 */
#ifndef PRIMO_USER_H
#define PRIMO_USER_H

#include "core/basic/reason.h"

/* Take the rights of "UID:GID:G,G,…": user, group and supplementary groups
 * (perhaps none); of "UID:GID", the groups that the database says the user is
 * in. No capability is left, neither to root, who is an ordinary owner of
 * files afterwards, nor one that a program could give. EPERM: this process may
 * not. EINVAL: no such words. */
int user_become(const char *words, struct reason *why);

#endif
