#include "mask.h"

#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the kernel knows of a disposition, with room for what machines have behind the handler. */
struct disposition {
  void (*handler)(int);
  unsigned long rest[15]; // cppcheck-suppress unusedStructMember
};

uint64_t mask_blocked(void) {
  uint64_t blocked = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &blocked, sizeof blocked);
  return blocked;
}

void mask_block(uint64_t blocked) {
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, NULL, sizeof blocked);
}

uint64_t mask_ignored(void) {
  uint64_t ignored = 0;
  for (int number = 1; number < SIGNALS; number++) {
    struct disposition found = {0};
    if (syscall(SYS_rt_sigaction, number, NULL, &found, sizeof ignored) == 0 && found.handler == SIG_IGN)
      ignored |= mask_of(number);
  }
  return ignored;
}

void mask_dispose(int number, void (*disposition)(int)) {
  struct disposition wanted = {.handler = disposition};
  syscall(SYS_rt_sigaction, number, &wanted, NULL, sizeof(uint64_t));
}

int mask_wait(uint64_t set) { return (int)syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, sizeof set); }

int mask_descriptor(uint64_t set) {
  return (int)syscall(SYS_signalfd4, -1, &set, sizeof set, SFD_CLOEXEC | SFD_NONBLOCK);
}
