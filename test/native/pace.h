/*
 * How long things take in a simulated world. Without costs, anything from a millisecond on, at random, so that everything
 * comes in every order. With costs, what it would take a real node: it has one processor for the leader, a cable that
 * carries so much each way, and an unpacker beside them. Times in microseconds.
 */
#ifndef PACE_H
#define PACE_H

#include <stdint.h>

#include "sim.h"

struct pace {
    const struct sim_costs *costs; /* NULL: at random */
    uint64_t *seed;
};

/* When what a node has is free again. */
struct busy {
    double processor, sender, out, in, unpacker;
};

/* Some time from `now` on, at most so many milliseconds. */
uint64_t pace_soon(const struct pace *pace, uint64_t now, uint32_t most_ms);

/* When a driver has begun, or its station knows what to make of a plan: at once, if things have their costs. */
uint64_t pace_answer(const struct pace *pace, uint64_t now);

/* When a peer that was called has answered, and both have proved themselves. */
uint64_t pace_dial(const struct pace *pace, uint64_t now);

/* When the root has read so many bytes of a package. */
uint64_t pace_read(const struct pace *pace, uint64_t now, uint32_t bytes);

/* When so many bytes that `from` sends are on their way, and when they are there. `last` is when those before them on the
 * same connection arrive: they do not overtake. Bytes are those on the cable. */
struct crossing {
    uint64_t written, arrives;
};
struct crossing pace_send(const struct pace *pace, struct busy *from, struct busy *to, uint64_t now, uint64_t last,
                          uint64_t bytes, int slow);

/* When the leader has taken in so many bytes that are there now. */
uint64_t pace_take(const struct pace *pace, struct busy *node, uint64_t now, uint64_t bytes);

/* When the unpacker has room for so many more bytes: until then they stay in the window. */
uint64_t pace_consume(const struct pace *pace, struct busy *node, uint64_t now, uint64_t bytes);

/* When a node that has everything is ready. */
uint64_t pace_stage(const struct pace *pace, const struct busy *node, uint64_t now);

#endif
