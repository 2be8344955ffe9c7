/* Connections of the simulated world: what is on its way, and when it arrives. */
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "world.h"

struct end *wires_end(struct world *w, uint32_t wire_side) { return &w->wires[wire_side / 2].end[wire_side % 2]; }

void wires_close(struct world *w, uint32_t wire_side, int after_data) {
    struct end *here = wires_end(w, wire_side), *there = wires_end(w, wire_side ^ 1);
    if (!here->open) return;
    here->open = 0;
    w->nodes[here->node].wire_of[here->link] = NONE;
    uint64_t at = soon(w, 5);
    if (after_data && at < here->arrives) at = here->arrives;
    if (there->open) post(w, at, LOST, there->node)->wire = wire_side ^ 1;
}

void wires_close_all(struct world *w, uint32_t id, int after_data) {
    for (uint32_t k = 0; k < w->nodes[id].links; k++) {
        if (w->nodes[id].wire_of[k] != NONE) wires_close(w, w->nodes[id].wire_of[k], after_data);
    }
}

uint32_t wires_free_link(const struct node *n) {
    uint32_t k = 0;
    while (k < n->links && n->wire_of[k] != NONE) k++;
    return k < n->links ? k : NONE;
}

uint32_t wires_connect(struct world *w, uint32_t from, uint32_t from_link, uint32_t to, uint32_t to_link) {
    if (w->wire_count == w->wire_room) {
        w->wire_room = w->wire_room * 2 + 64;
        w->wires = realloc(w->wires, w->wire_room * sizeof *w->wires);
    }
    uint32_t wire = w->wire_count++;
    struct end here = {.node = from, .link = from_link, .open = 1}, there = {.node = to, .link = to_link, .open = 1};
    w->wires[wire] = (struct wire){.end = {here, there}};
    w->nodes[from].wire_of[from_link] = wire * 2;
    w->nodes[to].wire_of[to_link] = wire * 2 + 1;
    return wire * 2;
}

uint64_t wires_load(const struct world *w, const uint8_t *bytes, uint32_t length) {
    return bytes[0] == FRAME_DATA ? FRAME_BYTES + real_bytes(w, length - FRAME_BYTES) : length;
}

void wires_send(struct world *w, uint32_t id, const struct bcast_record *r) {
    struct node *n = &w->nodes[id];
    uint32_t length = r->word[2], side = n->wire_of[r->word[0]];
    CHECK(side != NONE, "position %u sends on link %u, which is closed", id, r->word[0]);
    struct end *here = wires_end(w, side), *there = wires_end(w, side ^ 1);
    struct node *peer = &w->nodes[there->node];
    const uint8_t *bytes = (const uint8_t *)n->engine + r->word[1];
    struct crossing crossing =
        pace_send(&w->pace, &n->busy, &peer->busy, w->now, here->arrives, wires_load(w, bytes, length), peer->slow);
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
