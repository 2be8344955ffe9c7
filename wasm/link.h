/*
 * One connection: cuts what arrives into frames and queues what is to be written. Knows bytes and their order, not
 * what frames mean.
 */
#ifndef LINK_H
#define LINK_H

#include <stdint.h>

#include "bcast.h"
#include "frame.h"

#define LINK_CONTROLS 16 /* frames without payload that may wait to be written */
#define LINK_OUTGOING 16 /* spans that may be in the caller's hands */

enum link_state {
    LINK_FREE,
    LINK_OPEN,
    LINK_DROPPED, /* to be closed; reap() has yet to see to it */
    LINK_LOST,    /* has ended by itself; the same */
    LINK_CLOSING, /* only CLOSE is left to say */
};

enum link_event { LINK_MORE, LINK_HEADER, LINK_FRAME, LINK_CORRUPT };

/* What a span in the caller's hands is made of. */
enum outgoing_kind { OUTGOING_CONTROLS, OUTGOING_SEGMENT, OUTGOING_FIXED };

struct outgoing {
    uint32_t left;   /* bytes not yet written */
    uint8_t kind;    /* enum outgoing_kind */
    uint8_t frames;  /* of OUTGOING_CONTROLS */
};

struct link {
    uint8_t state;   /* enum link_state */
    uint8_t role;    /* enum bcast_role: what the peer is */
    uint8_t verified; /* segments have no checksum */
    uint8_t reason;  /* enum bcast_reason, when closing */
    uint32_t position;
    uint64_t heard;  /* when bytes last arrived */
    uint64_t said;   /* when bytes were last handed out or written */

    /* Receiving. */
    uint8_t header[FRAME_BYTES];
    uint32_t header_got, payload_got;
    struct frame frame;
    uint8_t *into;   /* where the payload goes; NULL to drop it */
    uint8_t text[BCAST_TEXT_MAX]; /* room for a payload that has no other place */

    /* Sending. Counters of control frames only grow; the ring index is the counter modulo LINK_CONTROLS. */
    uint8_t controls[LINK_CONTROLS][FRAME_BYTES];
    uint32_t controls_said, controls_handed, controls_written;
    struct outgoing outgoing[LINK_OUTGOING];
    uint32_t outgoing_first, outgoing_count;
};

/* Makes the link open and everything else in it zero. */
void link_open(struct link *link, uint32_t position, enum bcast_role role, uint64_t now);

/* Whether the peer is a child, on a link that is open. */
static inline int link_is_child(const struct link *link) {
    return link->state == LINK_OPEN && link->role == BCAST_ROLE_CHILD;
}

/* Takes what it can of `*bytes` up to the next event. LINK_HEADER: link->frame is known, set link->into. LINK_FRAME:
 * its payload is whole and right. LINK_MORE: all bytes are taken. LINK_CORRUPT: no later byte can be trusted. */
enum link_event link_take(struct link *link, const uint8_t **bytes, uint32_t *length);

/* How many more control frames may be said. */
uint32_t link_room(const struct link *link);

/* Queues a control frame; there must be room. */
void link_say(struct link *link, uint8_t type, uint8_t flags, uint64_t value);

/* Whether one more span may be handed out. */
int link_may_hand(const struct link *link);

/* The control frames to hand out next, contiguous, at most all: their bytes, or 0. */
uint32_t link_controls(const struct link *link, const uint8_t **from);

/* Notes that a span is in the caller's hands. */
void link_hand(struct link *link, enum outgoing_kind kind, uint32_t length, uint64_t now);

/* The oldest `length` bytes are written. Returns 0 when so many were never handed out; else adds to *segments the
 * segments that are now whole. */
int link_written(struct link *link, uint32_t length, uint32_t *segments, uint64_t now);

#endif
