/*
 * Finds a Node that is new enough, and becomes one of our programs in it.
 *
 * Every look-up on the shared file system counts: where all is in place there is one for the pinned Node and one more by
 * Node for the program. What the user has set for Node, OpenSSL, malloc or the loader is for the user's own programs:
 * it does not reach this Node, which is told it under other names (see tools/start.js).
 */
#ifndef NODE_H
#define NODE_H

#include "environment.h"

/*
 * Becomes the program of this name, with these words behind it.
 * extra: NAME=VALUE for the program alone, or NULL
 */
_Noreturn void become_program(const char *name, char **words, char **variables, const char *extra);

/* The words behind a program's name, in the command line of the Node that runs it; NULL when it is none. */
char **words_of_program(char **command);

/* Turns the variables of such a Node back into those that it was made of, but for what was extra. */
void variables_of_program(struct environment *environment);

#endif
