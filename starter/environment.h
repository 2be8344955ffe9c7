/*
 * Lists of NAME=VALUE, as execve takes them. Values are bytes: nothing here knows of characters.
 */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include <stddef.h>

/* A list that can be changed: the strings are borrowed or never freed, since a program follows soon. */
struct environment {
  char **entries; /* up to a NULL */
  size_t count;
};

/* A list with the same entries, in the same order. */
struct environment environment_copy(char **entries);

/* The value of a name, or NULL. */
const char *environment_get(const struct environment *environment, const char *name);

/* Replaces every entry of that name by one, in the first one's place, or adds it. */
void environment_set(struct environment *environment, const char *name, const char *value);

/* Removes every entry of that name. */
void environment_unset(struct environment *environment, const char *name);

/* Puts bytes in front of a value, with the joint between; they are the value where there is none or an empty one. */
void environment_prepend(struct environment *environment, const char *name, const char *bytes,
                         char joint);

#endif
