#include "run_key.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "process.h"

__extension__ typedef unsigned __int128 uint128;

char *key_of(const char *text) {
  const uint128 prime = ((uint128)1 << 88) + 0x13b;
  uint128 hash = ((uint128)0x6c62272e07bb0142 << 64) + 0x62b821756295c58d;
  for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++)
    hash = (hash ^ *byte) * prime;
  return print_text("%016llx%016llx", (unsigned long long)(hash >> 64), (unsigned long long)hash);
}

/* The step and the settings that stage, as one text. */
static char *describe(const struct place *place, const struct command_line *line) {
  char *text = concatenate((const char *[]){"python-mpi run\n", place->step, NULL});
  for (int i = 0; i < OPTION_COUNT; i++) {
    const char *value = OPTIONS[i].stages ? setting(line, (enum option)i) : NULL;
    if (!value) continue;
    char *longer = concatenate((const char *[]){text, "\n", OPTIONS[i].name, "=", value, NULL});
    free(text);
    text = longer;
  }
  return text;
}

/* Processes between a rank and its launcher are few. */
enum { MOST_ANCESTORS = 16 };

/* The topmost ancestor that is part of the same rank: it has the rank's variable. 0 when there is none. */
static pid_t topmost(const struct place *place) {
  char *entry = concatenate((const char *[]){place->rank_variable, "=", place->rank, NULL});
  pid_t found = 0;
  pid_t pid = getppid();
  for (int i = 0; i < MOST_ANCESTORS && pid > 1 && process_has(pid, entry); i++) {
    found = pid;
    pid = process_parent(pid);
  }
  free(entry);
  return found;
}

/* One for each rank, in a file of the run's step and settings. */
struct slot {
  uint32_t runs;
  uint32_t pid;     /* of the rank's topmost ancestor: while it lives, there may be another run */
  uint64_t started; /* and the start time of that */
};

/* How many runs the rank has had before this one, which is counted. */
static uint32_t count(const struct place *place, const char *key, int directory, pid_t ancestor) {
  char *name = print_text("runs-%s-%s", key, place->node);
  size_t offset = strtoul(place->rank, NULL, 10) * sizeof(struct slot);
  int file = openat(directory, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  free(name);
  if (file < 0) return 0;
  struct stat found;
  size_t end = offset + sizeof(struct slot);
  uint32_t before = 0;
  /* Ranks that come at the same time all make it longer, none shorter. */
  if (fstat(file, &found) == 0 && ((size_t)found.st_size >= end || pwrite(file, "", 1, (off_t)end - 1) == 1)) {
    long page = sysconf(_SC_PAGESIZE);
    size_t start = offset - offset % (size_t)page;
    char *map = mmap(NULL, end - start, PROT_READ | PROT_WRITE, MAP_SHARED, file, (off_t)start);
    if (map != MAP_FAILED) {
      struct slot *slot = (struct slot *)(void *)(map + (offset - start));
      before = __atomic_fetch_add(&slot->runs, 1, __ATOMIC_SEQ_CST);
      slot->pid = (uint32_t)ancestor;
      slot->started = strtoull(process_start_time(ancestor), NULL, 10);
      munmap(map, end - start);
    }
  }
  close(file);
  return before;
}

char *next_run_key(const struct place *place, const struct command_line *line, int directory) {
  char *text = describe(place, line);
  pid_t ancestor = topmost(place);
  uint32_t before = 0;
  if (ancestor) {
    char *key = key_of(text);
    before = count(place, key, directory, ancestor);
    free(key);
  }
  char *counted = print_text("%s\nrun %u", text, before);
  char *key = key_of(counted);
  free(text);
  free(counted);
  return key;
}
