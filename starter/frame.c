#include "frame.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "memory.h"

static size_t length_of(const unsigned char *head) {
  return (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
}

enum frame_state frame_read(struct frame *frame, int stream) {
  for (;;) {
    bool in_head = frame->got < FRAME_HEAD;
    size_t wanted = in_head ? FRAME_HEAD : FRAME_HEAD + frame->size;
    if (!in_head && frame->got == wanted) return FRAME_WHOLE;
    void *into = in_head ? (void *)(frame->head + frame->got)
                         : (void *)(frame->content + (frame->got - FRAME_HEAD));
    ssize_t got = read(stream, into, wanted - frame->got);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return FRAME_PARTIAL;
    if (got <= 0) return FRAME_END;
    frame->got += (size_t)got;
    if (frame->got != FRAME_HEAD || frame->content) continue;
    frame->size = length_of(frame->head);
    /* The last field must end. */
    if (frame->size == 0 || frame->size > FRAME_LIMIT) return FRAME_END;
    frame->content = take_memory(frame->size + 1);
    frame->content[frame->size] = '\0';
  }
}

void frame_clear(struct frame *frame) {
  free(frame->content);
  *frame = (struct frame){0};
}

static bool write_all(int stream, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t wrote = send(stream, bytes, size, MSG_NOSIGNAL);
    if (wrote >= 0) {
      bytes += wrote;
      size -= (size_t)wrote;
    } else if (errno == EAGAIN) {
      struct pollfd writable = {.fd = stream, .events = POLLOUT};
      poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool frame_write(int stream, const char *content, size_t size) {
  char head[FRAME_HEAD] = {(char)size, (char)(size >> 8), (char)(size >> 16), (char)(size >> 24)};
  return write_all(stream, head, sizeof head) && write_all(stream, content, size);
}

const char *frame_next(const struct frame *frame, const char *field) {
  const char *next = field ? field + strlen(field) + 1 : frame->content;
  return next < frame->content + frame->size ? next : NULL;
}
