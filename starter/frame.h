/*
 * Messages on a stream: four bytes of length, the least significant first, then that many bytes, which are fields that each
 * end in a NUL. The program speaks them to its starter, and a leader's starter passes them on to those that wait.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>

/* Longest message, in bytes: an environment has its limit at less. */
enum { FRAME_LIMIT = 8 << 20, FRAME_HEAD = 4 };

/* What has come of a message. Begins as zeroes. */
struct frame {
  unsigned char head[FRAME_HEAD];
  size_t got; /* of head and content together */
  char *content;
  size_t size;
};

enum frame_state { FRAME_PARTIAL, FRAME_WHOLE, FRAME_END };

/* Reads what is there, and nothing of the next message. FRAME_END: the stream has ended or failed, or holds no message. */
enum frame_state frame_read(struct frame *frame, int stream);

/* Forgets a message. */
void frame_clear(struct frame *frame);

/* Writes all of a message: false when the other side is gone. Waits for a slow reader. */
bool frame_write(int stream, const char *content, size_t size);

/* The field behind `field`, or the first for NULL; NULL behind the last one. */
const char *frame_next(const struct frame *frame, const char *field);

#endif
