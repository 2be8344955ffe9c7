#include "complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

const char *program_name = "python-mpi";

bool is_first_rank(void) {
  for (const char *const *variable = RANK_VARIABLES; *variable; variable++) {
    const char *rank = getenv(*variable);
    if (rank && *rank) return strcmp(rank, "0") == 0;
  }
  return true;
}

const char *host_name(void) {
  static char name[256];
  gethostname(name, sizeof name - 1);
  return name;
}

static const char *code_of(int status) {
  switch (status) {
    case STATUS_PEER_LOST: return "PEER_LOST";
    case STATUS_INTERNAL: return "INTERNAL";
    case STATUS_SYSTEM: return "SYSTEM";
    case STATUS_TIMEOUT: return "TIMEOUT";
    case STATUS_LAUNCHER: return "LAUNCHER";
    case STATUS_NO_INTERPRETER: return "NO_INTERPRETER";
    default: return "NO_RUNTIME";
  }
}

/* Longest line, in bytes; what a setting holds may be longer. */
enum { LINE = 2000 };

static void say(int status, const char *format, va_list values) {
  char line[LINE];
  int start = snprintf(line, sizeof line, "%s: ", program_name);
  vsnprintf(line + start, sizeof line - 40 - (size_t)start, format, values);
  size_t length = strlen(line);
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) line[i] = ' ';
  length += (size_t)snprintf(line + length, sizeof line - length, " [%s]\n", code_of(status));
  /* In one piece, so that lines of several ranks do not tear each other. Where it fails, there is no better place. */
  if (write(STDERR_FILENO, line, length) < 0) return;
}

void complain(int status, const char *format, ...) {
  va_list values;
  va_start(values, format);
  say(status, format, values);
  va_end(values);
}

void fail(int status, const char *format, ...) {
  if (is_first_rank()) {
    va_list values;
    va_start(values, format);
    say(status, format, values);
    va_end(values);
  }
  _exit(status);
}
