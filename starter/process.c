#include "process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

bool process_has(pid_t pid, const char *entry) {
  char path[40];
  snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
  FILE *file = fopen(path, "re");
  if (!file) return false;
  char *found = NULL;
  size_t room = 0;
  bool has = false;
  while (!has && getdelim(&found, &room, '\0', file) > 0) has = strcmp(found, entry) == 0;
  free(found);
  fclose(file);
  return has;
}

/* A field of /proc/PID/stat behind the name, which may hold anything: 4 is the parent, 22 the start time. */
static const char *field(pid_t pid, int number, char *line, size_t size) {
  char path[40];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? -1 : read(file, line, size - 1);
  if (file >= 0) close(file);
  if (length <= 0) return "";
  line[length] = '\0';
  char *behind = strrchr(line, ')');
  if (!behind) return "";
  char *rest = NULL;
  char *word = strtok_r(behind + 1, " ", &rest);
  for (int i = 3; word && i < number; i++) word = strtok_r(NULL, " ", &rest);
  return word ? word : "";
}

pid_t process_parent(pid_t pid) {
  char line[1024];
  return (pid_t)atoi(field(pid, 4, line, sizeof line));
}

const char *process_start_time(pid_t pid) {
  static char line[1024];
  return field(pid, 22, line, sizeof line);
}
