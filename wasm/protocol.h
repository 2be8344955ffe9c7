/*
 * What peers say. A frame is judged twice: by its header, before a byte of payload is taken, and when it is whole. A peer
 * that says what does not fit loses its link; nothing a peer sends is an error of the engine.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdint.h>

struct bcast;

/* Takes bytes of a link through the frames they make. */
void protocol_feed(struct bcast *e, uint32_t link, const uint8_t *bytes, uint32_t length);

/* Where the next bytes of a link are best put, and how many have room there. */
uint8_t *protocol_inbox(const struct bcast *e, uint32_t link, uint32_t *room);

/* See bcast_place() and bcast_put(). */
uint8_t *protocol_place(const struct bcast *e, uint32_t link, uint32_t *room);
void protocol_put(struct bcast *e, const uint8_t *bytes, uint32_t length);

#endif
