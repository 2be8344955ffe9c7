/*
 * The starter: what python-mpi is until it is Python.
 *
 * A rank that surely does not lead its node waits here for its leader's word and becomes Python: no Node starts, and nothing that
 * the launcher gave it passes through anything. A rank that leads, or may, runs the program beside itself (lead.h). What only
 * prints, or starts no Python, becomes the program. This file decides which; src/ knows nothing of how.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "command_line.h"
#include "complain.h"
#include "embedded.h"
#include "follow.h"
#include "inherited.h"
#include "lead.h"
#include "memory.h"
#include "node.h"
#include "place.h"
#include "session.h"

/* The programs that start no Python; by another name, a link or a copy of this file is python-mpi. */
static const char *const OTHERS[] = {"python-mpi-bundle", "python-mpi-bcast"};

static const char *other_program(const char *called) {
  const char *slash = strrchr(called, '/');
  const char *name = slash ? slash + 1 : called;
  for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
    if (strcmp(name, OTHERS[i]) == 0) return OTHERS[i];
  return NULL;
}

int main(int count, char **words, char **variables) {
  /* A caller may leave out even the name. */
  if (count == 0) words = (char *[]){"python-mpi", NULL, NULL};
  const char *other = other_program(words[0]);
  if (other) {
    program_name = other;
    become_program(other, words + 1, variables, NULL);
  }
  words++;
  bool is_embedded = getenv(EMBEDDED);
  if (is_embedded) embedded_adopt(&words, &variables);
  struct command_line line;
  command_line_read(words, &line);
  if (line.unclear || line.check) become_program(program_name, words, variables, NULL);
  if (line.ranks && !is_embedded) {
    char *inherited = concatenate((const char *[]){INHERITED "=", inherited_describe(), NULL});
    become_program(program_name, words, variables, inherited);
  }

  struct place place = find_place(&line);
  int directory = -1;
  if (place.step && setting(&line, OPTION_PACKAGES)) {
    const char *chroot = setting(&line, OPTION_CHROOT);
    directory = open_private_directory(chroot ? chroot : "/dev/shm");
    if (place.follows && directory >= 0) follow(&place, &line, directory, variables);
  }
  lead(&place, &line, directory, words, variables);
}
