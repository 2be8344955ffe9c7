/*
 * The ranks of a node that wait for their leader's word.
 */
#ifndef FOLLOWERS_H
#define FOLLOWERS_H

#include <stddef.h>

/* Begins as zeroes. */
struct followers {
  int *connections;
  size_t count;
  size_t room;
};

/* The connection is theirs from now on. */
void followers_add(struct followers *followers, int connection);

/* Tells all of them, once. */
void followers_tell(struct followers *followers, const char *message, size_t size);

#endif
