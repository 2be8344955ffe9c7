/*
 * Stragglers: children of the root that need what the window no longer has, or have held up others. The root can always
 * read the packages again, so each of them is served from a few slots apart from the window. READ numbers these slots
 * behind those of the window.
 */
#ifndef STRAGGLER_H
#define STRAGGLER_H

#include <stdint.h>

struct bcast;
struct peer;

/* The frame for the link's next segment, when it is whole; NULL. */
const uint8_t *straggler_frame(const struct bcast *e, uint32_t link);

/* The frame in a READ slot, and the segment that belongs there. */
uint8_t *straggler_slot(const struct bcast *e, uint32_t slot, uint64_t *segment);

/* Finds the next READ for a straggler: 1 and its slot, or 0. */
int straggler_ask(struct bcast *e, uint32_t *slot);

/* A READ for a straggler is complete; 0 when it was not asked for. */
int straggler_read(struct bcast *e, uint32_t slot);

/* The link's segment is written. */
void straggler_written(struct bcast *e, uint32_t link, uint64_t segment);

/* Lets a straggler that has caught up read through the window, unless it is one for good. */
void straggler_join(struct bcast *e, struct peer *peer);

/* A link is gone: its slots are free, once no READ is open for them. */
void straggler_dropped(struct bcast *e, uint32_t link);

#endif
