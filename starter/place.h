/*
 * What the environment says of this process for certain: which launcher started it, and whether it leads its node.
 *
 * A starter may only say "surely not the leader". What is not sure is for the program, which asks the launcher;
 * so every condition here is at least as strict as its twin in src/pmi/launchers/.
 */
#ifndef PLACE_H
#define PLACE_H

#include <stdbool.h>

#include "command_line.h"

struct place {
  /* The launcher's step and this node's place in it, in words that no other step has; NULL when that is not sure. */
  char *step;
  const char *node;
  /* This rank, and the variable that tells it. */
  const char *rank;
  const char *rank_variable;
  /* Another rank of this node leads. Only where the step is known. */
  bool follows;
  /* This rank tells the user when the first one is gone. */
  bool is_deputy;
  /* No launcher at all. */
  bool is_alone;
};

struct place find_place(const struct command_line *line);

#endif
