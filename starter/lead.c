#include "lead.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "complain.h"
#include "descriptors.h"
#include "followers.h"
#include "frame.h"
#include "memory.h"
#include "node.h"
#include "process.h"
#include "run_key.h"
#include "session.h"
#include "signals.h"
#include "word.h"

/* A process of ours, and how it ended, by wait's word. */
struct child {
  pid_t pid;
  bool ended;
  int status;
};

struct leader {
  const struct place *place;
  char **arguments; /* Python's */
  char **variables;
  struct session session;
  struct followers followers;
  int signals;
  int control; /* to the program; -1 when it has hung up */
  struct child program;
  struct child python; /* pid 0 before there is one */
  struct frame message;
  struct frame word;
  bool becomes; /* this process becomes Python when the program has ended */
  bool outlives; /* the program ends the job, and SIGTERM comes of that */
};

/* The program, beside us: in a session of its own, where no signal reaches it that is meant for Python. */
static void start_program(struct leader *leader, char **words, const char *key) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    fail(STATUS_NO_RUNTIME, "cannot make a socket (%s)", strerror(errno));
  leader->program.pid = fork();
  if (leader->program.pid < 0) fail(STATUS_NO_RUNTIME, "cannot start a process (%s)", strerror(errno));
  if (leader->program.pid == 0) {
    setsid();
    signals_keep_away();
    const char *pmi = getenv("PMI_FD");
    int kept[] = {ends[1], pmi ? atoi(pmi) : -1};
    close_others(kept, sizeof kept / sizeof *kept);
    fcntl(ends[1], F_SETFD, 0);
    open_nothing(STDIN_FILENO);
    open_nothing(STDOUT_FILENO);
    /* No Node runs in a directory that is gone; what is said of that is Python's business. */
    char path[PATH_MAX];
    if (!getcwd(path, sizeof path) && chdir("/") != 0) _exit(STATUS_SYSTEM);
    char *starter = print_text("PYTHON_MPI_STARTER=%d %s %d", ends[1], key ? key : "-", leader->session.listener >= 0);
    become_program(program_name, words, leader->variables, starter);
  }
  close(ends[1]);
  leader->control = ends[0];
}

/* Tells the program something; one that has gone need not know. */
static void tell(struct leader *leader, const char *line) {
  if (leader->control < 0) return;
  size_t length = strlen(line);
  for (size_t sent = 0; sent < length;) {
    ssize_t wrote = send(leader->control, line + sent, length - sent, MSG_NOSIGNAL);
    if (wrote > 0) sent += (size_t)wrote;
    else if (errno != EINTR) return;
  }
}

static void admit_followers(struct leader *leader) {
  pid_t pid;
  int connection;
  while ((connection = session_accept(&leader->session, &pid)) >= 0) {
    char *line = print_text("member %d %s\n", (int)pid, process_start_time(pid));
    if (leader->word.content) {
      frame_write(connection, leader->word.content, leader->word.size);
      close(connection);
    } else {
      followers_add(&leader->followers, connection);
    }
    tell(leader, line);
    free(line);
  }
}

/* Python, as a child, with everything as the launcher has given it to us. */
static void start_python(struct leader *leader) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) fail(STATUS_SYSTEM, "cannot make a pipe (%s)", strerror(errno));
  pid_t parent = getpid();
  sentinel_post();
  pid_t child = fork();
  if (child < 0) {
    complain(STATUS_SYSTEM, "cannot start a process for Python (%s)", strerror(errno));
    _exit(STATUS_SYSTEM);
  }
  if (child == 0) {
    /* A launcher that kills us means Python. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(STATUS_SYSTEM);
    signals_give_back();
    int error = become_python(&leader->word, leader->arguments, leader->variables, leader->place->rank);
    complain(STATUS_NO_INTERPRETER, "cannot run %s (%s)", word_file(&leader->word), strerror(error));
    _exit(STATUS_NO_INTERPRETER);
  }
  close(report[1]);
  /* End of file: it has become Python, or has ended. */
  char byte;
  while (read(report[0], &byte, 1) < 0 && errno == EINTR) {
  }
  close(report[0]);
  leader->python.pid = child;
  const int kept[] = {leader->control, leader->signals, leader->session.listener, leader->session.lock,
                      leader->session.directory, sentinel_says()};
  close_others(kept, sizeof kept / sizeof *kept);
  open_nothing(STDIN_FILENO);
  open_nothing(STDOUT_FILENO);
  char *line = print_text("running %d %s\n", (int)child, process_start_time(child));
  tell(leader, line);
  free(line);
}

/* What the program has said. */
static void obey(struct leader *leader) {
  const char *verb = frame_next(&leader->message, NULL);
  if (strcmp(verb, "word") == 0) {
    leader->word = leader->message;
    leader->message = (struct frame){0};
    followers_tell(&leader->followers, leader->word.content, leader->word.size);
    return;
  }
  if (strcmp(verb, "run") == 0 && leader->word.content && leader->python.pid == 0) start_python(leader);
  if (strcmp(verb, "become") == 0) leader->becomes = true;
  if (strcmp(verb, "outlive") == 0) leader->outlives = true;
  frame_clear(&leader->message);
}

static void hear_program(struct leader *leader) {
  for (;;) {
    enum frame_state state = frame_read(&leader->message, leader->control);
    if (state == FRAME_PARTIAL) return;
    if (state == FRAME_END) {
      close(leader->control);
      leader->control = -1;
      return;
    }
    obey(leader);
  }
}

/* Notes what has become of a child. Where Python has stopped, we stop too, so that a shell sees it. */
static void note(struct leader *leader, pid_t pid, int status) {
  if (pid == leader->program.pid) {
    leader->program.ended = true;
    leader->program.status = status;
  }
  if (pid != leader->python.pid) return;
  if (WIFSTOPPED(status)) {
    kill(getpid(), SIGSTOP);
    return;
  }
  leader->python.ended = true;
  leader->python.status = status;
  sentinel_dismiss();
  char *line = WIFEXITED(status) ? print_text("ended %d\n", WEXITSTATUS(status))
                                 : print_text("killed %d\n", WTERMSIG(status));
  tell(leader, line);
  free(line);
}

static void reap(struct leader *leader) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) note(leader, pid, status);
}

/* What a signal does to a process that has no handler for it. */
static bool is_harmless(int number) {
  return number == SIGCHLD || number == SIGCONT || number == SIGURG || number == SIGWINCH;
}

static void end_by(struct leader *leader, int number) {
  kill(leader->program.pid, SIGKILL);
  session_close(&leader->session);
  end_as(number);
}

static void take_signal(struct leader *leader, const struct signalfd_siginfo *signal) {
  int number = (int)signal->ssi_signo;
  if (number == SIGCHLD) return;
  if (leader->python.pid > 0) {
    if (!leader->python.ended) signal_pass_on(signal, leader->python.pid);
  } else if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU) {
    kill(getpid(), SIGSTOP);
  } else if (!is_harmless(number) && !(leader->outlives && number == SIGTERM)) {
    /* As Python would end that has not begun. */
    end_by(leader, number);
  }
}

static void hear_signals(struct leader *leader) {
  struct signalfd_siginfo signal;
  while (read(leader->signals, &signal, sizeof signal) == sizeof signal) take_signal(leader, &signal);
  reap(leader);
  /* What it said before its end is here by now. */
  if (leader->program.ended && leader->control >= 0) hear_program(leader);
}

/* The program has ended without a word: it has told the user why, unless it was killed. */
static _Noreturn void end_without_python(struct leader *leader) {
  int status = leader->program.status;
  if (WIFSIGNALED(status)) {
    complain(STATUS_SYSTEM,
             "the leader of node %s was killed by signal %d before Python ran%s", host_name(), WTERMSIG(status),
             WTERMSIG(status) == SIGKILL ? ", as when memory runs out; ask for more memory" : "");
    status = STATUS_SYSTEM << 8;
  } else if (status == 0) {
    complain(STATUS_INTERNAL, "the program has ended without a word");
    status = STATUS_INTERNAL << 8;
  }
  char message[16] = "failed";
  int length = snprintf(message + 7, sizeof message - 7, "%d", WEXITSTATUS(status));
  followers_tell(&leader->followers, message, 7 + (size_t)length + 1);
  session_close(&leader->session);
  end_as(status);
}

static bool is_over(const struct leader *leader) {
  return leader->program.ended && (leader->python.pid == 0 || leader->python.ended);
}

static void wait_for_news(struct leader *leader) {
  struct pollfd news[] = {
      {.fd = leader->signals, .events = POLLIN},
      {.fd = leader->control, .events = POLLIN},
      {.fd = leader->session.listener, .events = POLLIN},
  };
  if (poll(news, sizeof news / sizeof *news, -1) < 0) return;
  if (news[2].revents) admit_followers(leader);
  if (news[1].revents) hear_program(leader);
  if (news[0].revents) hear_signals(leader);
}

void lead(const struct place *place, const struct command_line *line, int directory, char **words,
          char **variables) {
  struct leader leader = {
      .place = place,
      .arguments = line->python,
      .variables = variables,
      .session = {.directory = directory, .lock = -1, .listener = -1},
  };
  char *key = place->step && directory >= 0 ? next_run_key(place, line, directory) : NULL;
  if (key) session_open(&leader.session, directory, key, place->node);
  leader.signals = signals_take();
  start_program(&leader, words, key);
  fcntl(leader.control, F_SETFL, O_NONBLOCK);
  while (!is_over(&leader)) wait_for_news(&leader);
  if (leader.python.pid == 0 && !leader.becomes) end_without_python(&leader);
  session_close(&leader.session);
  if (leader.python.pid > 0) end_as(leader.python.status);
  if (leader.program.status != 0) end_as(leader.program.status);
  signals_give_back();
  int error = become_python(&leader.word, leader.arguments, leader.variables, place->rank);
  complain(STATUS_NO_INTERPRETER, "cannot run %s (%s)", word_file(&leader.word), strerror(error));
  _exit(STATUS_NO_INTERPRETER);
}
