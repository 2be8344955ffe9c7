/*
 * The leader's word: how Python is started on this node, once for all its ranks. Fields of a frame:
 *
 *     word                                   what it is
 *     file FILE                              the interpreter
 *     set NAME VALUE  ·  unset NAME          a variable
 *     before NAME BYTES JOINT                bytes in front of a variable's value, with that character between
 *     rank NAME NUMBER MORE                  a variable that holds the rank's number, this one where it is not known, and more
 *     self NAME MORE                         a variable that holds more, and the number of this process
 *
 * Arguments and all other variables are each rank's own, as bytes.
 */
#ifndef WORD_H
#define WORD_H

#include "frame.h"

/* Becomes the Python of the word. rank: its number, or NULL. Returns only when that cannot be done: errno; EBADMSG when the word makes no sense. */
int become_python(const struct frame *word, char **arguments, char **variables, const char *rank);

/* The interpreter that a word names; empty when none. */
const char *word_file(const struct frame *word);

#endif
