#include "word.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"
#include "memory.h"

/* One change, and where in the frame it ends. */
static const char *apply(const struct frame *word, const char *verb, struct environment *environment,
                         const char *rank) {
  const char *name = frame_next(word, verb);
  if (!name || !*name) return NULL;
  if (strcmp(verb, "unset") == 0) {
    environment_unset(environment, name);
    return name;
  }
  const char *value = frame_next(word, name);
  if (!value) return NULL;
  if (strcmp(verb, "set") == 0) {
    environment_set(environment, name, value);
    return value;
  }
  if (strcmp(verb, "self") == 0) {
    environment_set(environment, name, print_text("%s%d", value, (int)getpid()));
    return value;
  }
  const char *third = frame_next(word, value);
  if (!third) return NULL;
  if (strcmp(verb, "rank") == 0)
    environment_set(environment, name, print_text("%s%s", rank ? rank : value, third));
  else if (strcmp(verb, "before") == 0)
    environment_prepend(environment, name, value, *third);
  else
    return NULL;
  return third;
}

const char *word_file(const struct frame *word) {
  for (const char *field = frame_next(word, NULL); field; field = frame_next(word, field)) {
    if (strcmp(field, "file") != 0) continue;
    const char *file = frame_next(word, field);
    return file ? file : "";
  }
  return "";
}

int become_python(const struct frame *word, char **arguments, char **variables, const char *rank) {
  struct environment environment = environment_copy(variables);
  const char *file = word_file(word);
  const char *field = frame_next(word, NULL);
  if (!field || strcmp(field, "word") != 0 || !*file) return EBADMSG;
  while ((field = frame_next(word, field))) {
    field = strcmp(field, "file") == 0 ? frame_next(word, field) : apply(word, field, &environment, rank);
    if (!field) return EBADMSG;
  }
  size_t count = 0;
  while (arguments[count]) count++;
  char **command = take_memory((count + 2) * sizeof *command);
  command[0] = concatenate((const char *[]){file, NULL});
  memcpy(command + 1, arguments, (count + 1) * sizeof *command);
  execve(file, command, environment.entries);
  return errno;
}
