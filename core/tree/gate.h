/*
 * The gate: who may do what with a node. Rights come from the roles; a file's
 * own mode may take away from them (core/rights/mode.h). Any thread.
 */
#ifndef PRIMO_GATE_H
#define PRIMO_GATE_H

#include "core/tree/tree.h"

/* Whether the caller may do this to the node; EACCES with a sentence that says
 * which right is missing and who can grant it. */
int tree_may(struct primo *primo, const struct caller *caller, struct node n,
             enum right right, struct reason *why);
/* Like tree_may(), but any of `others` (a set of 1 << enum right) suffices,
 * too. */
int tree_may_or(struct primo *primo, const struct caller *caller, struct node n,
                enum right right, unsigned others, struct reason *why);
/* The rights (a set) that suffice in the place of this one, as things stand. */
unsigned tree_others(struct primo *primo, const struct caller *caller,
                     struct node n, enum right right);
/* What access(2) asks, by rights and by modes; `mask` is the same. */
int tree_access(struct primo *primo, const struct caller *caller, struct node n,
                int mask, struct reason *why);
/* Whether the caller has the right to view a node, and not only his own. */
bool tree_views(struct primo *primo, const struct caller *caller,
                struct node n);
/* Whether there is such a node for the caller: what is others' own is not there
 * for who may not view it. */
bool tree_sees(struct primo *primo, const struct caller *caller, struct node n);
/* Whether the caller reads the refusals of all users. */
bool tree_sees_all(struct primo *primo, const struct caller *caller);

#endif
