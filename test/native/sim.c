/* The world of sim.h: an event queue, connections, and for each position what a driver would do. Time in microseconds. */
#include "sim.h"

#include <string.h>

#include "check.h"
#include "events.h"
#include "frame.h"
#include "pace.h"
#include "random.h"
#include "tree.h"

enum { PACKAGES = 3, NOBODY = 0xffffffff };

static const uint64_t END_OF_TIME = UINT64_C(3600) * 1000 * 1000;

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
    uint32_t *wire_of;    /* by link: wire * 2 + side, or NOBODY */
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

static struct event *post(struct world *w, uint64_t time, enum event_kind kind, uint32_t node) {
    return events_post(&w->events, time, kind, node);
}

static uint64_t soon(struct world *w, uint32_t most_ms) { return pace_soon(&w->pace, w->now, most_ms); }

/* ---- the stream ---- */

static uint8_t byte_at(uint32_t package, uint64_t offset) {
    return (uint8_t)((offset * 131 + package * 17 + (offset >> 7)) ^ 0x5a);
}

/* A forecast sends small stand-ins for real segments. */
static uint32_t real_bytes(const struct world *w, uint32_t bytes) {
    return w->pace.costs == NULL ? bytes : (uint32_t)(bytes * w->pace.costs->scale);
}

/* ---- connections ---- */

static struct end *end_of(struct world *w, uint32_t wire_side) { return &w->wires[wire_side / 2].end[wire_side % 2]; }

/* One end is closed; the other learns of it, after what is still on its way or instead of it. */
static void close_end(struct world *w, uint32_t wire_side, int after_data) {
    struct end *here = end_of(w, wire_side), *there = end_of(w, wire_side ^ 1);
    if (!here->open) return;
    here->open = 0;
    w->nodes[here->node].wire_of[here->link] = NOBODY;
    uint64_t at = soon(w, 5);
    if (after_data && at < here->arrives) at = here->arrives;
    if (there->open) post(w, at, LOST, there->node)->wire = wire_side ^ 1;
}

static void close_all(struct world *w, uint32_t id, int after_data) {
    for (uint32_t k = 0; k < w->nodes[id].links; k++) {
        if (w->nodes[id].wire_of[k] != NOBODY) close_end(w, w->nodes[id].wire_of[k], after_data);
    }
}

static uint32_t free_link(const struct node *n) {
    uint32_t k = 0;
    while (k < n->links && n->wire_of[k] != NOBODY) k++;
    return k < n->links ? k : NOBODY;
}

static void call(int result) { CHECK(result == BCAST_OK, "the engine refused a call with error %d", result); }

static void tick(struct world *w, struct bcast *engine) { call(bcast_tick(engine, w->now / 1000)); }

static void drain(struct world *w, uint32_t id);
static void create(struct world *w, uint32_t id);

static void dialled(struct world *w, uint32_t id, uint32_t position) {
    struct node *n = &w->nodes[id], *peer = &w->nodes[position];
    uint32_t mine = free_link(n), theirs = peer->engine != NULL ? free_link(peer) : NOBODY;
    if (mine == NOBODY || theirs == NOBODY || !peer->alive || peer->done || peer->hung) {
        call(bcast_dial_failed(n->engine, position));
        return;
    }
    if (w->wire_count == w->wire_room) {
        w->wire_room = w->wire_room * 2 + 64;
        w->wires = realloc(w->wires, w->wire_room * sizeof *w->wires);
    }
    uint32_t wire = w->wire_count++;
    w->wires[wire] = (struct wire){.end = {{.node = id, .link = mine, .open = 1}, {.node = position, .link = theirs, .open = 1}}};
    n->wire_of[mine] = wire * 2;
    peer->wire_of[theirs] = wire * 2 + 1;
    if (random_chance(&w->seed, w->options->cuts)) post(w, soon(w, 400), CUT, id)->wire = wire * 2;
    call(bcast_opened(n->engine, mine, position, BCAST_ROLE_PARENT));
    tick(w, peer->engine);
    call(bcast_opened(peer->engine, theirs, id, BCAST_ROLE_CHILD));
    drain(w, position);
}

/* Bytes that something takes on the cable. */
static uint64_t on_cable(const struct world *w, const uint8_t *bytes, uint32_t length) {
    return bytes[0] == FRAME_DATA ? FRAME_BYTES + real_bytes(w, length - FRAME_BYTES) : length;
}

static void send(struct world *w, uint32_t id, const struct bcast_record *r) {
    struct node *n = &w->nodes[id];
    uint32_t length = r->word[2], side = n->wire_of[r->word[0]];
    CHECK(side != NOBODY, "position %u sends on link %u, which is closed", id, r->word[0]);
    struct end *here = end_of(w, side), *there = end_of(w, side ^ 1);
    struct node *peer = &w->nodes[there->node];
    const uint8_t *bytes = (const uint8_t *)n->engine + r->word[1];
    struct crossing crossing =
        pace_send(&w->pace, &n->busy, &peer->busy, w->now, here->arrives, on_cable(w, bytes, length), peer->slow);
    here->arrives = crossing.arrives;
    struct event *e = post(w, crossing.arrives, ARRIVE, there->node);
    e->wire = side ^ 1;
    e->number = length;
    there->under_way++;
    e->bytes = malloc(length);
    memcpy(e->bytes, bytes, length);
    e = post(w, crossing.written, WRITTEN, id);
    e->wire = side;
    e->number = length;
}

/* Feeds from where the engine wants it, or from a copy of exactly this size, so that the sanitizer sees a read past the
 * end. Returns how many bytes were fed. */
static uint32_t feed(struct world *w, struct bcast *engine, uint32_t link, const uint8_t *bytes, uint32_t length) {
    uint32_t room, at = bcast_inbox(engine, link, &room);
    if (room > 0 && random_below(&w->seed, 4) > 0) {
        if (length > room) length = room;
        memcpy((uint8_t *)engine + at, bytes, length);
        call(bcast_feed(engine, link, (uint8_t *)engine + at, length));
        return length;
    }
    uint8_t *copy = malloc(length);
    memcpy(copy, bytes, length);
    call(bcast_feed(engine, link, copy, length));
    free(copy);
    return length;
}

/* Reads what has arrived, or leaves it for a while when more is to come: then one read sees many frames. */
static void arrive(struct world *w, const struct event *e) {
    struct end *end = end_of(w, e->wire);
    int forecast = w->pace.costs != NULL;
    end->under_way--;
    if (!end->open) return;
    end->waiting = realloc(end->waiting, end->waits + e->number);
    memcpy(end->waiting + end->waits, e->bytes, e->number);
    end->waits += e->number;
    if (!forecast && end->under_way > 0 && random_below(&w->seed, 2) == 0) return;
    uint8_t *bytes = end->waiting;
    uint32_t number = end->waits;
    end->waiting = NULL;
    end->waits = 0;
    for (uint32_t at = 0; at < number && end->open;) {
        uint32_t n = number - at;
        if (!forecast && random_below(&w->seed, 4) != 0) n = 1 + random_below(&w->seed, n);
        if (random_chance(&w->seed, w->options->corruption)) {
            bytes[at + random_below(&w->seed, n)] ^= (uint8_t)(1u << random_below(&w->seed, 8));
        }
        at += feed(w, w->nodes[e->node].engine, end->link, bytes + at, n);
        if (random_below(&w->seed, 2) == 0) drain(w, e->node);
        end = end_of(w, e->wire); /* draining may have made wires, and moved them */
    }
    free(bytes);
}

/* ---- a position ---- */

static void deliver(struct world *w, uint32_t id, const struct bcast_record *r) {
    struct node *n = &w->nodes[id];
    uint64_t offset = r->word[1] | (uint64_t)r->word[2] << 32, position = offset;
    const uint8_t *bytes = (const uint8_t *)n->engine + r->word[3];
    for (uint32_t k = 0; k < r->word[0]; k++) position += w->sizes[k];
    CHECK(position == n->got, "position %u: %llu comes after %llu", id, (unsigned long long)position,
          (unsigned long long)n->got);
    for (uint32_t i = 0; i < r->word[4]; i++) {
        CHECK(bytes[i] == byte_at(r->word[0], offset + i), "position %u: wrong byte", id);
    }
    n->got += r->word[4];
    if (n->got == w->total) w->received = w->now;
    post(w, pace_consume(&w->pace, &n->busy, w->now, real_bytes(w, r->word[4])), CONSUMED, id);
}

static void perform(struct world *w, uint32_t id, const struct bcast_record *r) {
    struct node *n = &w->nodes[id];
    switch (r->kind) {
    case BCAST_DIAL:
        post(w, pace_dial(&w->pace, w->now), DIALLED, id)->number = r->word[0];
        break;
    case BCAST_PLAN:
        CHECK(r->word[1] == 6 && memcmp((uint8_t *)n->engine + r->word[0], "opaque", 6) == 0, "the plan at %u", id);
        CHECK(r->word[2] == PACKAGES, "the packages at %u", id);
        post(w, pace_answer(&w->pace, w->now), WANTED, id);
        break;
    case BCAST_READ: {
        uint64_t offset = r->word[2] | (uint64_t)r->word[3] << 32;
        for (uint32_t i = 0; i < r->word[5]; i++) {
            ((uint8_t *)n->engine)[r->word[4] + i] = byte_at(r->word[1], offset + i);
        }
        post(w, pace_read(&w->pace, w->now, real_bytes(w, r->word[5])), READ_DONE, id)->number = r->word[0];
        break;
    }
    case BCAST_SEND:
        send(w, id, r);
        break;
    case BCAST_DELIVER:
        deliver(w, id, r);
        break;
    case BCAST_CLOSE:
        /* The peer may have closed it, too, and our LOST be under way. */
        if (n->wire_of[r->word[0]] != NOBODY) close_end(w, n->wire_of[r->word[0]], random_below(&w->seed, 2) == 0);
        break;
    case BCAST_READY:
    case BCAST_FAILED:
        CHECK(n->verdict == 0, "a second verdict at %u", id);
        n->verdict = (int)r->kind;
        w->known = w->now;
        if (r->kind == BCAST_READY && !n->holder) {
            CHECK(n->got == w->total, "go at %u, which has %llu bytes", id, (unsigned long long)n->got);
        }
        if (r->kind == BCAST_FAILED) n->code = r->word[0], n->failed = r->word[1];
        break;
    case BCAST_DONE:
        CHECK(n->verdict != 0, "done without a verdict at %u", id);
        n->done = 1;
        w->ended = w->now;
        break;
    default:
        CHECK(0, "record %u at %u", r->kind, id);
    }
}

static void drain(struct world *w, uint32_t id) {
    struct node *n = &w->nodes[id];
    struct bcast_record r;
    for (uint32_t count = 0; bcast_next(n->engine, &r); count++) {
        CHECK(count < 1000000, "position %u never runs out of things to do", id);
        perform(w, id, &r);
    }
    call(bcast_error(n->engine));
    if (n->done) {
        close_all(w, id, 1);
        return;
    }
    uint64_t at = bcast_deadline(n->engine);
    if (at == UINT64_MAX) return;
    at *= 1000;
    if (n->timer_at > w->now && n->timer_at <= at) return;
    n->timer_at = at > w->now ? at : w->now + 1000;
    post(w, n->timer_at, TIMER, id);
}

static void happen(struct world *w, struct event *e) {
    struct node *n = &w->nodes[e->node];
    if (e->kind == START) {
        create(w, e->node);
        return;
    }
    if (e->kind == CUT) {
        uint32_t dialler = e->wire;
        if (end_of(w, dialler)->open && end_of(w, dialler ^ 1)->open) {
            /* Each end learns of it in its own time. */
            post(w, soon(w, 30), LOST, end_of(w, dialler)->node)->wire = dialler;
            post(w, soon(w, 30), LOST, end_of(w, dialler ^ 1)->node)->wire = dialler ^ 1;
        }
        return;
    }
    if (!n->alive || n->done || n->hung) return;
    int wired = e->kind == ARRIVE || e->kind == TAKEN || e->kind == WRITTEN || e->kind == LOST;
    if (wired && !end_of(w, e->wire)->open) return;
    if (e->kind == ARRIVE) {
        uint64_t at = pace_take(&w->pace, &n->busy, w->now, on_cable(w, e->bytes, e->number));
        if (at > w->now) {
            struct event *taken = post(w, at, TAKEN, e->node);
            taken->wire = e->wire;
            taken->number = e->number;
            taken->bytes = e->bytes;
            e->bytes = NULL;
            return;
        }
    }
    tick(w, n->engine);
    switch (e->kind) {
    case TIMER: break;
    case ARRIVE:
    case TAKEN: arrive(w, e); break;
    case WRITTEN: call(bcast_sent(n->engine, end_of(w, e->wire)->link, e->number)); break;
    case LOST: {
        uint32_t link = end_of(w, e->wire)->link;
        end_of(w, e->wire)->open = 0;
        n->wire_of[link] = NOBODY;
        call(bcast_lost(n->engine, link));
        break;
    }
    case DIALLED: dialled(w, e->node, e->number); break;
    case READ_DONE: call(bcast_read_done(n->engine, e->number)); break;
    case WANTED:
        call(bcast_want(n->engine, !n->holder));
        if (n->holder) post(w, soon(w, 50), STAGED, e->node);
        break;
    case CONSUMED:
        call(bcast_delivered(n->engine, 1));
        if (n->got == w->total) post(w, pace_stage(&w->pace, &n->busy, w->now), STAGED, e->node);
        break;
    case STAGED:
        /* The last segments may be used up one by one. */
        if (!n->staged && !n->stuck) call(bcast_staged(n->engine, n->holder));
        if (!n->staged) w->staged = w->now;
        if (!n->staged && !n->slow) w->swift = w->now;
        n->staged = 1;
        break;
    case FAILURE: call(bcast_failed(n->engine, 1000 + e->node, "it broke", 8)); break;
    case HANG: n->hung = 1; return;
    case DEATH:
        close_all(w, e->node, 0);
        n->alive = 0;
        return;
    }
    drain(w, e->node);
}

/* ---- the whole ---- */

static void create(struct world *w, uint32_t id) {
    const struct sim_options *o = w->options;
    struct node *n = &w->nodes[id];
    struct tree tree = {o->shape, o->nodes};
    struct bcast_config config = w->config;
    uint32_t children = 0;
    while (tree_child(tree, id, children) != TREE_NONE) children++;
    config.position = id;
    config.max_links = n->links = children + (id == 0 ? 64 : 8);
    uint64_t bytes = bcast_arena_bytes(&config);
    CHECK(bytes > 0, "the configuration of %u", id);
    n->wire_of = malloc(n->links * sizeof *n->wire_of);
    for (uint32_t k = 0; k < n->links; k++) n->wire_of[k] = NOBODY;
    n->slow = random_chance(&w->seed, o->slow) && !(o->swift_root && id == 0);
    n->holder = random_chance(&w->seed, o->holders);
    n->stuck = random_chance(&w->seed, o->stuck);
    if (id != 0 && random_chance(&w->seed, o->absent)) return;
    call(bcast_init(&n->engine, malloc(bytes), bytes, &config, w->now / 1000));
    n->alive = 1;
    if (id == 0) {
        call(bcast_plan(n->engine, w->sizes, PACKAGES, "opaque", 6));
        post(w, pace_answer(&w->pace, 0), WANTED, 0);
        if (o->root_dies) post(w, soon(w, 400), DEATH, 0);
    } else {
        if (random_chance(&w->seed, o->deaths)) post(w, soon(w, 500), DEATH, id);
        if (random_chance(&w->seed, o->hangs)) post(w, soon(w, 500), HANG, id);
        if (random_chance(&w->seed, o->failures)) post(w, soon(w, 300), FAILURE, id);
    }
    post(w, pace_answer(&w->pace, w->now), TIMER, id);
}

static void add_statistics(struct bcast_statistics *sum, const struct bcast_statistics *s) {
#define X(name) sum->name += s->name;
    BCAST_STATISTICS(X)
#undef X
}

static struct sim_result conclude(struct world *w) {
    struct sim_result result = {.agreed = 1, .milliseconds = w->ended / 1000, .stream_bytes = w->total};
    result.received_us = w->received;
    result.staged_us = w->staged;
    result.swift_us = w->swift;
    result.known_us = w->known;
    const struct node *first = NULL;
    for (int k = 0; k < PACKAGES; k++) {
        result.stream_segments += (w->sizes[k] + w->config.segment_bytes - 1) / w->config.segment_bytes;
    }
    for (uint32_t id = 0; id < w->options->nodes; id++) {
        struct node *n = &w->nodes[id];
        if (n->engine != NULL) add_statistics(&result.sum, bcast_statistics(n->engine));
        if (!n->alive || n->hung) {
            result.lost++;
            continue;
        }
        CHECK(n->done, "position %u never ends (seed %llu)", id, (unsigned long long)w->options->seed);
        result.survivors++;
        if (n->verdict == BCAST_READY) result.go++;
        if (n->verdict == BCAST_FAILED) {
            result.failed++;
            result.failed_code = n->code;
            result.failed_position = n->failed;
            const struct node *named = &w->nodes[n->failed];
            if (n->code == BCAST_FAILURE_PEER_LOST && named->alive && !named->hung) result.blamed++;
        }
        if (first == NULL) first = n;
        if (n->verdict != first->verdict || n->code != first->code || n->failed != first->failed) result.agreed = 0;
    }
    return result;
}

struct sim_result sim_run(const struct sim_options *options) {
    struct world world = {.options = options, .seed = options->seed}, *w = &world;
    w->pace = (struct pace){options->costs, &w->seed};
    uint32_t segment = options->segment_bytes ? options->segment_bytes : 64;
    uint32_t segments = options->segments ? options->segments : 40;
    w->config = (struct bcast_config)BCAST_CONFIG_DEFAULT;
    w->config.count = options->nodes;
    w->config.shape = options->shape;
    w->config.segment_bytes = segment;
    w->config.plan_bytes = 64;
    w->config.inbox_bytes = 0;
    if (options->costs == NULL) {
        w->config.slots = 4;
        w->config.grace_ms = 2000;
        w->config.stall_ms = 500;
        w->config.silent_ms = 3000;
        w->config.redial_ms = 50;
        w->config.rejoin_ms = 5000;
    }
    if (options->late > 0) w->config.grace_ms = 60000;
    if (options->slots > 0) w->config.slots = options->slots;
    w->config.deadline_ms = options->deadline_ms;
    w->config.tolerate_lost = (uint32_t)options->tolerate_lost;
    w->sizes[0] = (uint64_t)segment * (segments / 2);
    w->sizes[1] = options->seed % 3 == 0 ? 0 : 1;
    w->sizes[2] = (uint64_t)segment * (segments - segments / 2) - segment / 2;
    for (int k = 0; k < PACKAGES; k++) w->total += w->sizes[k];
    w->nodes = calloc(options->nodes, sizeof *w->nodes);
    for (uint32_t id = 0; id < options->nodes; id++) {
        if (options->late > 0 && id != 0 && random_chance(&w->seed, options->late)) post(w, soon(w, 1500), START, id);
        else create(w, id);
    }
    while (w->events.count > 0) {
        struct event e = events_pop(&w->events);
        CHECK(e.time < END_OF_TIME, "no end in sight (seed %llu)", (unsigned long long)options->seed);
        w->now = e.time;
        happen(w, &e);
        free(e.bytes);
    }
    struct sim_result result = conclude(w);
    for (uint32_t id = 0; id < options->nodes; id++) {
        free(w->nodes[id].engine);
        free(w->nodes[id].wire_of);
    }
    for (uint32_t k = 0; k < w->wire_count; k++) {
        for (int side = 0; side < 2; side++) free(w->wires[k].end[side].waiting);
    }
    free(w->nodes);
    free(w->wires);
    free(w->events.heap);
    return result;
}
