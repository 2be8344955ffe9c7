/* See sim.h. Makes a world, lets its time pass, and says how it ended. */
#include "sim.h"

#include <stdlib.h>

#include "tree.h"
#include "world.h"

static const uint64_t END_OF_TIME = UINT64_C(3600) * 1000 * 1000;

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
    for (uint32_t k = 0; k < n->links; k++) n->wire_of[k] = NONE;
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
        if (e.kind == START) create(w, e.node);
        else position_happens(w, &e);
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
