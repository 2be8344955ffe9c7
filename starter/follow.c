#include "follow.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "complain.h"
#include "frame.h"
#include "run_key.h"
#include "session.h"
#include "word.h"

/* Without a setting, staging may take this long, in seconds: src/cli/configuration.ts. */
static const double DEFAULT_TIMEOUT = 600;
/* How much later than the leader, who says what it was that did not come, a follower gives up, in seconds. */
static const double CLEANUP = 10;
/* Pauses between two looks for a leader that has not begun, in milliseconds. */
enum { FIRST_PAUSE = 1, LONGEST_PAUSE = 50 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* What all of a node find is told by one rank of the job; the first one, while it lives, knows better. */
static _Noreturn void give_up(const struct place *place, int status, const char *what) {
  if (place->is_deputy) complain(status, "%s on %s", what, host_name());
  _exit(status);
}

static int meet(const struct place *place, const char *key, int directory, double deadline) {
  for (int pause = FIRST_PAUSE;;) {
    int connection = session_connect(directory, key, place->node);
    if (connection >= 0) return connection;
    if (now() > deadline)
      give_up(place, STATUS_TIMEOUT, "timed out waiting for the leader of this node");
    poll(NULL, 0, pause);
    pause = pause * 2 < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
  }
}

static void hear(struct frame *word, const struct place *place, int connection, double deadline) {
  for (;;) {
    double left = deadline - now();
    struct pollfd readable = {.fd = connection, .events = POLLIN};
    if (left <= 0) give_up(place, STATUS_TIMEOUT, "timed out waiting for the packages of this node");
    poll(&readable, 1, (int)(left * 1000) + 1);
    if (!readable.revents) continue;
    enum frame_state state = frame_read(word, connection);
    if (state == FRAME_WHOLE) return;
    if (state == FRAME_END) give_up(place, STATUS_PEER_LOST, "lost the leader of this node");
  }
}

void follow(const struct place *place, const struct command_line *line, int directory, char **variables) {
  const char *timeout = setting(line, OPTION_TIMEOUT);
  double deadline = now() + (timeout ? strtod(timeout, NULL) : DEFAULT_TIMEOUT) + CLEANUP;
  char *key = next_run_key(place, line, directory);
  int connection = meet(place, key, directory, deadline);
  struct frame word = {0};
  hear(&word, place, connection, deadline);
  const char *verb = frame_next(&word, NULL);
  /* The session has failed, and the user has been told why. */
  if (strcmp(verb, "failed") == 0) {
    const char *status = frame_next(&word, verb);
    _exit(status ? atoi(status) : STATUS_SYSTEM);
  }
  int error = become_python(&word, line->python, variables, place->rank);
  complain(STATUS_NO_INTERPRETER, "cannot run %s (%s)", word_file(&word), strerror(error));
  _exit(STATUS_NO_INTERPRETER);
}
