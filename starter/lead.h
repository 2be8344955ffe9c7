/*
 * A rank that leads its node, or may: its program runs beside it in a Node, and its Python becomes a child of this process,
 * which the launcher has started and waits for.
 *
 * This process stays small: it hears the ranks of the node that wait, passes on the program's word to them, starts Python from the
 * state that it was started in itself, passes on signals, and ends as Python does, after the program has cleaned up.
 */
#ifndef LEAD_H
#define LEAD_H

#include "command_line.h"
#include "place.h"

/*
 * directory: the user's private one, or -1 where no other rank can wait here
 * words: all behind the program's name
 */
_Noreturn void lead(const struct place *place, const struct command_line *line, int directory, char **words,
                    char **variables);

#endif
