#include "descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_among(const int *kept, size_t count, int descriptor) {
  for (size_t i = 0; i < count; i++)
    if (kept[i] == descriptor) return true;
  return false;
}

void close_others(const int *kept, size_t count) {
  DIR *directory = opendir("/proc/self/fd");
  if (!directory) return;
  struct dirent *entry;
  while ((entry = readdir(directory))) {
    int descriptor = atoi(entry->d_name);
    if (descriptor < 3 || descriptor == dirfd(directory)) continue;
    if (!is_among(kept, count, descriptor)) close(descriptor);
  }
  closedir(directory);
}

void open_nothing(int descriptor) {
  int nothing = open("/dev/null", O_RDWR);
  if (nothing < 0 || nothing == descriptor) return;
  dup2(nothing, descriptor);
  close(nothing);
}
