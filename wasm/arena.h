/* The one piece of memory in which an engine lives. bcast_arena_bytes() and bcast_init() are here, too. */
#ifndef ARENA_H
#define ARENA_H

#include <stdint.h>

struct bcast;

/* The offset by which a caller knows a place of the arena. */
uint32_t arena_span(const struct bcast *e, const uint8_t *place);

#endif
