/*
 * What a process inherits beside arguments, variables and descriptors, in words: for ranks of our own launcher, whose Node
 * would change it on the way.
 */
#ifndef INHERITED_H
#define INHERITED_H

/* Which signals are ignored and which are blocked, and the soft limit of descriptors. */
char *inherited_describe(void);

/* Makes it so again. What makes no sense is left as it is. */
void inherited_restore(const char *described);

#endif
