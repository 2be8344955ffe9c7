#include "installation.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"

const char *installation(void) {
  static char path[PATH_MAX];
  if (path[0]) return path;
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0) fail(STATUS_NO_RUNTIME, "cannot read /proc/self/exe, which says where python-mpi is installed; mount /proc");
  path[length] = '\0';
  for (int up = 0; up < 2; up++) {
    char *slash = strrchr(path, '/');
    if (slash) *slash = '\0';
  }
  if (!path[0]) strcpy(path, "/");
  return path;
}
