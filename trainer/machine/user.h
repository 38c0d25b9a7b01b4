/*
 * Becoming the user whose training it is, for a trainer that the daemon of
 * root has started. Done by main() before it looks at anything of that user's
 * and before there is a second thread; there is no way back.
 */
#ifndef PRIMO_USER_H
#define PRIMO_USER_H

#include "core/basic/reason.h"

/* Take the rights of "UID:GID": user, group, the groups that the user is in,
 * no capability, and none that a program could give. EPERM: this process may
 * not. EINVAL: no such words. For root itself nothing changes. */
int user_become(const char *words, struct reason *why);

#endif
