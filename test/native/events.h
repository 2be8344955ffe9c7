/* What is going to happen in a simulated world, by time; at the same time, in order of entry. */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdint.h>

enum event_kind {
    TIMER, ARRIVE, WRITTEN, LOST, DIALLED, READ_DONE, WANTED, CONSUMED, STAGED, FAILURE, DEATH, HANG, CUT, TAKEN,
    START,
};

struct event {
    uint64_t time, order;
    uint8_t kind;
    uint32_t node;
    uint32_t wire;       /* of ARRIVE, TAKEN, WRITTEN, LOST, CUT: its number * 2 + side */
    uint32_t number;     /* length, slot, position, answer */
    uint8_t *bytes;
};

struct events {
    struct event *heap;
    uint32_t count, room;
    uint64_t order; /* of the next to enter */
};

/* Enters an event; the pointer is good until the next call. */
struct event *events_post(struct events *events, uint64_t time, enum event_kind kind, uint32_t node);

/* Takes out the earliest; there must be one. */
struct event events_pop(struct events *events);

#endif
