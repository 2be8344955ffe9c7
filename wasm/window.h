/*
 * The window: the last segments of the stream that this position has, each in a slot as the whole DATA frame it came
 * in or will go out in, so that one span serves every child. A slot is overwritten as late as possible, so that
 * children who come back find what they miss. Knows nothing of links.
 *
 * Segments are numbers; a segment's slot is its number modulo the slots:
 *
 *     base <= held < head <= asked
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdint.h>

#include "stream.h"

struct window {
    uint8_t *frames;     /* the slots */
    uint8_t *asked_for;  /* per slot: READ is open (root) */
    uint32_t slots, slot_bytes;
    uint32_t gap;        /* bytes in front of each frame, the caller's */
    uint8_t verified;    /* frames have no checksum */
    uint8_t started;
    uint64_t base;       /* oldest segment still whole */
    uint64_t head;       /* first segment not yet whole */
    uint64_t asked;      /* root: first segment not yet asked for */
    uint32_t reads;      /* root: READs open */
    uint64_t delivered;  /* first segment not yet handed to the unpacker */
    uint64_t consumed;   /* first segment the unpacker has not used up */
};

/* Bytes of a slot for segments of this size, with a gap in front of the frame. */
uint32_t window_slot_bytes(uint32_t segment_bytes, uint32_t gap);

/* Forgets everything; the first segment to come is `segment`. */
void window_start(struct window *window, uint64_t segment);

/* The frame of a segment: header, then payload. */
uint8_t *window_frame(const struct window *window, uint64_t segment);

/* A segment is about to be written into its slot; who held it there is forgotten. */
void window_claim(struct window *window, uint64_t segment);

/* Bytes were put into slots from here on, head's or later: what those slots held is forgotten. */
void window_overwritten(struct window *window, const uint8_t *bytes, uint32_t length);

/* How many bytes of gaps and frames may be put down in one piece from the start of head's slot on, when those of at most `most`
 * segments below `end` may come: the frames lie there as they do on the wire, up to the end of the window or the
 * first short one. */
uint32_t window_run(const struct window *window, const struct stream *stream, uint64_t end, uint32_t most);

/* Root: asks for the next segment; returns its slot. */
uint32_t window_ask(struct window *window);

/* Root: a READ is complete. Writes the frame's header and moves head over what is whole. 0 when it was not asked for. */
int window_read(struct window *window, const struct stream *stream, uint32_t slot, uint64_t *gained);

/* Writes the DATA header of a payload that lies behind it. */
void window_seal(const struct window *window, uint8_t *frame, const struct stream *stream, uint64_t segment);

#endif
