/*
 * The words of a command line: ours first, then Python's, which are handed on as they are.
 *
 * The table of our options is generated from src/cli/configuration.ts, so this file and the program that explains
 * mistakes to the user cannot differ. Knows nothing of what the options mean.
 */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include <stdbool.h>

#include "options.h"

struct command_line {
  /* As given, or NULL; a switch that was given is "true". */
  const char *given[OPTION_COUNT];
  /* The word behind -n, or NULL. */
  const char *ranks;
  /* --check was given. */
  bool check;
  /* Some of our words are not understood, or ask for something to be printed. */
  bool unclear;
  /* Python's own words, up to a NULL. */
  char **python;
};

/* Reads the words behind the program's name. The strings stay the caller's. */
void command_line_read(char **words, struct command_line *line);

/* An option's value, or its variable's (which is looked up in the environment), or NULL for none or an empty one. */
const char *setting(const struct command_line *line, enum option option);

#endif
