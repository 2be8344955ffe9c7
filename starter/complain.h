/*
 * The one line that a user reads when the starter cannot do its part, and the status it ends with.
 */
#ifndef COMPLAIN_H
#define COMPLAIN_H

#include <stdbool.h>

/* Those of src/errors.ts that the starter itself can end with. */
enum {
  STATUS_PEER_LOST = 69,
  STATUS_INTERNAL = 70,
  STATUS_SYSTEM = 71,
  STATUS_TIMEOUT = 75,
  STATUS_LAUNCHER = 78,
  STATUS_NO_RUNTIME = 79,
  STATUS_NO_INTERPRETER = 127,
};

/* Whose name stands before each line. */
extern const char *program_name;

/* Whether this is the first rank, as far as the environment tells: it speaks for the job where all see the same. */
bool is_first_rank(void);

/* The name of this node, for messages. */
const char *host_name(void);

/* Writes a line to standard error, with the code of the status behind it; control characters become spaces. */
void complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What every rank of the job finds alike: the first rank complains, all end with the status. */
_Noreturn void fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
