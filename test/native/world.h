/*
 * What a simulated world consists of. sim.c makes it and lets its time pass, position.c is what a driver would do for each
 * engine, wires.c what lies between them. Time in microseconds.
 */
#ifndef WORLD_H
#define WORLD_H

#include "bcast.h"
#include "check.h"
#include "events.h"
#include "pace.h"
#include "random.h"
#include "sim.h"

enum { PACKAGES = 3 };

#define NONE UINT32_MAX

/* A connection; side 0 dialled. */
struct wire {
    struct end {
        uint32_t node, link;
        int open;
        uint64_t arrives;   /* when the last bytes sent from here arrive */
        uint32_t under_way; /* ARRIVEs to come here */
        uint8_t *waiting;   /* what has arrived here and is not read yet */
        uint32_t waits;
    } end[2];
};

struct node {
    struct bcast *engine;
    uint32_t *wire_of;    /* by link: wire * 2 + side, or NONE */
    uint32_t links;
    int alive, hung, staged, done, slow, holder, stuck;
    int verdict;          /* 0, BCAST_READY, BCAST_FAILED */
    uint32_t code, failed;
    uint64_t got;         /* bytes of the stream delivered */
    uint64_t timer_at;
    struct busy busy;
};

struct world {
    const struct sim_options *options;
    struct bcast_config config;
    struct pace pace;
    uint64_t seed, now, ended, received, staged, swift, known;
    struct events events;
    struct wire *wires;
    uint32_t wire_count, wire_room;
    struct node *nodes;
    uint64_t sizes[PACKAGES], total;
};

static inline struct event *post(struct world *w, uint64_t time, enum event_kind kind, uint32_t node) {
    return events_post(&w->events, time, kind, node);
}

static inline uint64_t soon(struct world *w, uint32_t most_ms) { return pace_soon(&w->pace, w->now, most_ms); }

/* A forecast sends small stand-ins for real segments. */
static inline uint32_t real_bytes(const struct world *w, uint32_t bytes) {
    return w->pace.costs == NULL ? bytes : (uint32_t)(bytes * w->pace.costs->scale);
}

/* No call of the simulated drivers is wrong. */
static inline void call(int result) { CHECK(result == BCAST_OK, "the engine refused a call with error %d", result); }

/* ---- wires.c; an end of a wire goes by the wire's number * 2 + side ---- */

struct end *wires_end(struct world *w, uint32_t wire_side);

/* Connects two nodes at link ids that are free; returns the first one's end. */
uint32_t wires_connect(struct world *w, uint32_t from, uint32_t from_link, uint32_t to, uint32_t to_link);

/* A link id of the node that has no wire; NONE when all have. */
uint32_t wires_free_link(const struct node *n);

/* One end is closed; the other learns of it, after what is still on its way or instead of it. */
void wires_close(struct world *w, uint32_t wire_side, int after_data);
void wires_close_all(struct world *w, uint32_t id, int after_data);

/* Bytes that something takes on the cable. */
uint64_t wires_load(const struct world *w, const uint8_t *bytes, uint32_t length);

/* Puts what a SEND says on its way. */
void wires_send(struct world *w, uint32_t id, const struct bcast_record *r);

/* ---- position.c ---- */

/* What has come to pass at a node. */
void position_happens(struct world *w, struct event *e);

#endif
