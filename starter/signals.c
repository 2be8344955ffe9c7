#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "complain.h"
#include "descriptors.h"

/* Those by which the kernel says that this process itself has gone wrong, and those that cannot be blocked. */
static const int OWN[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

/* How long a signal sent to several processes may take to reach the sentinel, in milliseconds. */
enum { SENTINEL_MS = 60 };

static sigset_t inherited_mask;
static struct sigaction inherited_child;
static struct {
  pid_t pid;
  int says; /* one byte for each signal it gets */
} sentinel = {0, -1};

/* All that can be passed on and is not ignored: what is, has no effect on Python either. */
static sigset_t passed_on(void) {
  sigset_t set;
  sigfillset(&set);
  for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++) sigdelset(&set, OWN[i]);
  for (int number = 1; number < _NSIG; number++) {
    struct sigaction action;
    if (number != SIGCHLD && sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
      sigdelset(&set, number);
  }
  return set;
}

int signals_take(void) {
  /* Where the end of children is ignored, they cannot be waited for. */
  struct sigaction waits = {.sa_handler = SIG_DFL};
  sigaction(SIGCHLD, &waits, &inherited_child);
  sigset_t set = passed_on();
  sigprocmask(SIG_BLOCK, &set, &inherited_mask);
  int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) fail(STATUS_NO_RUNTIME, "cannot wait for signals (%s)", strerror(errno));
  return signals;
}

void signals_give_back(void) {
  sigaction(SIGCHLD, &inherited_child, NULL);
  sigprocmask(SIG_SETMASK, &inherited_mask, NULL);
}

void signals_keep_away(void) {
  sigset_t set;
  sigfillset(&set);
  sigdelset(&set, SIGCHLD);
  for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++) sigdelset(&set, OWN[i]);
  sigprocmask(SIG_SETMASK, &set, NULL);
}

/* The life of a sentinel. It ends with its parent. */
static _Noreturn void stand_guard(int says) {
  sigset_t set;
  sigfillset(&set);
  sigprocmask(SIG_SETMASK, &set, NULL);
  for (;;) {
    int number = sigwaitinfo(&set, NULL);
    char byte = (char)number;
    if (number > 0 && number != SIGCHLD && write(says, &byte, 1) < 0) _exit(0);
  }
}

void sentinel_post(void) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    for (int standard = 0; standard < 3; standard++) close(standard);
    close_others(&ends[1], 1);
    stand_guard(ends[1]);
  }
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return;
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  sentinel.pid = child;
  sentinel.says = ends[0];
}

void sentinel_dismiss(void) {
  if (sentinel.pid <= 0) return;
  kill(sentinel.pid, SIGKILL);
  while (waitpid(sentinel.pid, NULL, 0) < 0 && errno == EINTR) continue;
  close(sentinel.says);
  sentinel.pid = 0;
  sentinel.says = -1;
}

int sentinel_says(void) { return sentinel.says; }

/* Whether the sentinel has been told too. */
static bool was_for_all(int number) {
  if (sentinel.pid <= 0) return false;
  struct pollfd readable = {.fd = sentinel.says, .events = POLLIN};
  while (poll(&readable, 1, SENTINEL_MS) == 1) {
    unsigned char told;
    ssize_t got = read(sentinel.says, &told, 1);
    if (got == 1 && told == number) return true;
    if (got == 0) return false;
  }
  return false;
}

void signal_pass_on(const struct signalfd_siginfo *signal, pid_t child) {
  int number = (int)signal->ssi_signo;
  bool is_timer = number == SIGALRM || number == SIGVTALRM || number == SIGPROF || number == SIGXCPU;
  /* Terminals speak to whole groups; timers of this process were set before it was python-mpi. */
  if (signal->ssi_code == SI_KERNEL ? !is_timer : was_for_all(number)) return;
  union sigval value = {.sival_ptr = (void *)(uintptr_t)signal->ssi_ptr};
  if (signal->ssi_code == SI_QUEUE)
    sigqueue(child, number, value);
  else
    kill(child, number);
}

void end_as(int status) {
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  int number = WTERMSIG(status);
  /* One core of one process is enough. */
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  signal(number, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  kill(getpid(), number);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  /* The first process of a container is not ended by signals of its own. */
  _exit(128 + number);
}
