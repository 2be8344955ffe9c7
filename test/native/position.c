/*
 * A simulated driver: performs what an engine asks for, tells it what happened, and checks what must hold in any session.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

static uint8_t byte_at(uint32_t package, uint64_t offset) {
    return (uint8_t)((offset * 131 + package * 17 + (offset >> 7)) ^ 0x5a);
}

static void tick(struct world *w, struct bcast *engine) { call(bcast_tick(engine, w->now / 1000)); }

static void drain(struct world *w, uint32_t id);

/* A DIAL is answered: the peer is there and has a link to spare, or not. */
static void dialled(struct world *w, uint32_t id, uint32_t position) {
    struct node *n = &w->nodes[id], *peer = &w->nodes[position];
    uint32_t mine = wires_free_link(n), theirs = peer->engine != NULL ? wires_free_link(peer) : NONE;
    if (mine == NONE || theirs == NONE || !peer->alive || peer->done || peer->hung) {
        call(bcast_dial_failed(n->engine, position));
        return;
    }
    uint32_t wire_side = wires_connect(w, id, mine, position, theirs);
    if (random_chance(&w->seed, w->options->cuts)) post(w, soon(w, 400), CUT, id)->wire = wire_side;
    call(bcast_opened(n->engine, mine, position, BCAST_ROLE_PARENT));
    tick(w, peer->engine);
    call(bcast_opened(peer->engine, theirs, id, BCAST_ROLE_CHILD));
    drain(w, position);
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
    struct end *end = wires_end(w, e->wire);
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
        end = wires_end(w, e->wire); /* draining may have made wires, and moved them */
    }
    free(bytes);
}

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
        wires_send(w, id, r);
        break;
    case BCAST_DELIVER:
        deliver(w, id, r);
        break;
    case BCAST_CLOSE:
        /* The peer may have closed it, too, and our LOST be under way. */
        if (n->wire_of[r->word[0]] != NONE) wires_close(w, n->wire_of[r->word[0]], random_below(&w->seed, 2) == 0);
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
        wires_close_all(w, id, 1);
        return;
    }
    uint64_t at = bcast_deadline(n->engine);
    if (at == UINT64_MAX) return;
    at *= 1000;
    if (n->timer_at > w->now && n->timer_at <= at) return;
    n->timer_at = at > w->now ? at : w->now + 1000;
    post(w, n->timer_at, TIMER, id);
}

/* A connection breaks; each end learns of it in its own time. */
static void cut_wire(struct world *w, uint32_t dialler) {
    if (!wires_end(w, dialler)->open || !wires_end(w, dialler ^ 1)->open) return;
    post(w, soon(w, 30), LOST, wires_end(w, dialler)->node)->wire = dialler;
    post(w, soon(w, 30), LOST, wires_end(w, dialler ^ 1)->node)->wire = dialler ^ 1;
}

void position_happens(struct world *w, struct event *e) {
    struct node *n = &w->nodes[e->node];
    if (e->kind == CUT) {
        cut_wire(w, e->wire);
        return;
    }
    if (!n->alive || n->done || n->hung) return;
    int wired = e->kind == ARRIVE || e->kind == TAKEN || e->kind == WRITTEN || e->kind == LOST;
    if (wired && !wires_end(w, e->wire)->open) return;
    if (e->kind == ARRIVE) {
        uint64_t at = pace_take(&w->pace, &n->busy, w->now, wires_load(w, e->bytes, e->number));
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
    case WRITTEN: call(bcast_sent(n->engine, wires_end(w, e->wire)->link, e->number)); break;
    case LOST: {
        uint32_t link = wires_end(w, e->wire)->link;
        wires_end(w, e->wire)->open = 0;
        n->wire_of[link] = NONE;
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
        wires_close_all(w, e->node, 0);
        n->alive = 0;
        return;
    }
    drain(w, e->node);
}
