/*
 * A rank that does not lead: waits for its leader's word, and becomes Python. It starts nothing else.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "command_line.h"
#include "place.h"

_Noreturn void follow(const struct place *place, const struct command_line *line, int directory, char **variables);

#endif
