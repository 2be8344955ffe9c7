#include "inherited.h"

#include <stdio.h>
#include <sys/resource.h>

#include "mask.h"
#include "memory.h"

char *inherited_describe(void) {
  struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  getrlimit(RLIMIT_NOFILE, &limit);
  return print_text("%llx %llx %llu", (unsigned long long)mask_ignored(), (unsigned long long)mask_blocked(), (unsigned long long)limit.rlim_cur);
}

void inherited_restore(const char *described) {
  unsigned long long ignores, blocks, descriptors;
  if (sscanf(described, "%llx %llx %llu", &ignores, &blocks, &descriptors) != 3) return;
  for (int number = 1; number < SIGNALS; number++)
    if (ignores & mask_of(number)) mask_dispose(number, SIG_IGN);
  mask_block(blocks);
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = descriptors < limit.rlim_max ? descriptors : limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}
