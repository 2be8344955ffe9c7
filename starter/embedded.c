#include "embedded.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"
#include "environment.h"
#include "inherited.h"
#include "memory.h"
#include "node.h"
#include "process.h"

/* A rank's place, as the launcher has put it into its environment. */
static const char *const PLACE[] = {EMBEDDED, "PMI_FD", "PMI_RANK", "PMI_SIZE", NULL};

/* The strings of a file that each end in a NUL, up to a NULL. */
static char **strings_of(pid_t pid, const char *name) {
  char *path = print_text("/proc/%d/%s", (int)pid, name);
  FILE *file = fopen(path, "re");
  if (!file) fail(STATUS_NO_RUNTIME, "cannot read %s of the launcher (%s)", path, strerror(errno));
  free(path);
  size_t count = 0, room = 64, length = 0;
  char **strings = take_memory(room * sizeof *strings);
  char *next = NULL;
  while (getdelim(&next, &length, '\0', file) > 0) {
    if (count + 1 == room) {
      char **more = take_memory(2 * room * sizeof *more);
      memcpy(more, strings, count * sizeof *more);
      free(strings);
      strings = more;
      room *= 2;
    }
    strings[count++] = next;
    next = NULL;
    length = 0;
  }
  free(next);
  strings[count] = NULL;
  fclose(file);
  return strings;
}

void embedded_adopt(char ***words, char ***variables) {
  const char *launcher = getenv(EMBEDDED);
  pid_t pid = (pid_t)atoi(launcher);
  const char *started = strchr(launcher, '-');
  if (!started || strcmp(started + 1, process_start_time(pid)) != 0)
    fail(STATUS_LAUNCHER, EMBEDDED "=%s is no launcher that runs; unset it", launcher);
  char **theirs = words_of_program(strings_of(pid, "cmdline"));
  struct environment environment = environment_copy(strings_of(pid, "environ"));
  variables_of_program(&environment);
  const char *described = environment_get(&environment, INHERITED);
  if (!theirs || !described) fail(STATUS_LAUNCHER, EMBEDDED "=%s is no launcher of this version; unset it", launcher);
  inherited_restore(described);
  environment_unset(&environment, INHERITED);
  for (const char *const *name = PLACE; *name; name++) environment_set(&environment, *name, getenv(*name) ? getenv(*name) : "");
  *words = theirs;
  *variables = environ = environment.entries;
}
