#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "complain.h"
#include "descriptors.h"
#include "mask.h"

/* Those by which the kernel says that this process itself has gone wrong, and those that cannot be blocked. */
static const int OWN[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

/* How long a signal sent to several processes may take to reach the sentinel, in milliseconds. */
enum { SENTINEL_MS = 60 };

static uint64_t inherited_mask;
static bool ignores_children;
static struct {
  pid_t pid;
  int says; /* one byte for each signal it gets */
} sentinel = {0, -1};

/* All but what the kernel says of this process itself. */
static uint64_t all_others(void) {
  uint64_t set = ~(uint64_t)0;
  for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++) set &= ~mask_of(OWN[i]);
  return set;
}

int signals_take(void) {
  uint64_t ignored = mask_ignored();
  /* Where the end of children is ignored, they cannot be waited for. */
  ignores_children = ignored & mask_of(SIGCHLD);
  if (ignores_children) mask_dispose(SIGCHLD, SIG_DFL);
  inherited_mask = mask_blocked();
  /* What is ignored has no effect on Python either. */
  uint64_t set = all_others() & (~ignored | mask_of(SIGCHLD));
  mask_block(inherited_mask | set);
  int signals = mask_descriptor(set);
  if (signals < 0) fail(STATUS_NO_RUNTIME, "cannot wait for signals (%s)", strerror(errno));
  return signals;
}

void signals_give_back(void) {
  if (ignores_children) mask_dispose(SIGCHLD, SIG_IGN);
  mask_block(inherited_mask);
}

void signals_keep_away(void) { mask_block(all_others() & ~mask_of(SIGCHLD)); }

/* The life of a sentinel. It ends with its parent. */
static _Noreturn void stand_guard(int says) {
  mask_block(~(uint64_t)0);
  for (;;) {
    int number = mask_wait(~(uint64_t)0);
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
  while (waitpid(sentinel.pid, NULL, 0) < 0 && errno == EINTR) {
  }
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
  mask_dispose(number, SIG_DFL);
  kill(getpid(), number);
  mask_block(mask_blocked() & ~mask_of(number));
  /* The first process of a container is not ended by signals of its own. */
  _exit(128 + number);
}
