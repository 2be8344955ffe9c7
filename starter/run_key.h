/*
 * What pairs the ranks of one run, and keeps those of different runs apart: the launcher's step, the settings that
 * stage, as strings, and how many runs with both this rank has had before.
 *
 * The key is the same on all nodes: with it the ranks of a node find their session, and leaders greet each other.
 */
#ifndef RUN_KEY_H
#define RUN_KEY_H

#include "command_line.h"
#include "place.h"

/* Digits of a key, without the NUL. */
enum { KEY_DIGITS = 32 };

/*
 * This rank's next run. Counts it where this rank can have another one in the same step: where a shell of that step, say, is
 * between it and the launcher.
 * directory: the user's private one on this node, as a descriptor. A count that cannot be kept is 0.
 */
char *next_run_key(const struct place *place, const struct command_line *line, int directory);

/* 32 hexadecimal digits for a text (FNV-1a, 128 bits): for names, not against malice. */
char *key_of(const char *text);

#endif
