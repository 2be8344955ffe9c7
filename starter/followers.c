#include "followers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"
#include "memory.h"

void followers_add(struct followers *followers, int connection) {
  if (followers->count == followers->room) {
    followers->room = followers->room ? 2 * followers->room : 64;
    int *more = take_memory(followers->room * sizeof *more);
    if (followers->count) memcpy(more, followers->connections, followers->count * sizeof *more);
    free(followers->connections);
    followers->connections = more;
  }
  followers->connections[followers->count++] = connection;
}

void followers_tell(struct followers *followers, const char *message, size_t size) {
  for (size_t i = 0; i < followers->count; i++) {
    frame_write(followers->connections[i], message, size);
    close(followers->connections[i]);
  }
  followers->count = 0;
}
