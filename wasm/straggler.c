/*
 * Stragglers: children of the root who need what the window no longer has, or who once held up everybody. The root can
 * always read the packages again, so each of them is served from a few slots apart from the window.
 *
 * READ slots are numbered behind those of the window.
 */
#include <stddef.h>

#include "engine.h"

#define PER_LINK 2 /* slots: one on its way to the network, one on its way from the file */

/* Whoever is slow keeps a slot for long: one has to do, and half of them are for those who are not. */
static int may_take(const struct bcast *e, const struct link *link, uint32_t used) {
    uint64_t ahead = link->fetch - link->acked;
    if (!is_straggler(e, link)) return ahead < PER_LINK;
    return ahead == 0 && (used == 0 || used < e->config.straggler_slots / 2);
}

static uint8_t *frame_of(const struct bcast *e, uint32_t k) {
    return e->reread_frames + (size_t)k * e->window.slot_bytes;
}

/* The slot that holds, or will hold, a segment for a link; NULL. */
static struct reread *find(const struct bcast *e, uint32_t link, uint64_t segment) {
    for (uint32_t k = 0; k < e->config.straggler_slots; k++) {
        struct reread *s = &e->rereads[k];
        if (s->state != REREAD_FREE && s->link == link && s->segment == segment) return s;
    }
    return NULL;
}

const uint8_t *straggler_frame(const struct bcast *e, uint32_t link) {
    const struct reread *s = find(e, link, e->links[link].next);
    return s != NULL && s->state == REREAD_FULL ? frame_of(e, (uint32_t)(s - e->rereads)) : NULL;
}

int straggler_ask(struct bcast *e, uint32_t *slot) {
    uint32_t used = 0, unused = NO_LINK;
    for (uint32_t k = 0; k < e->config.straggler_slots; k++) {
        if (e->rereads[k].state != REREAD_FREE) used++;
        else unused = k;
    }
    if (unused == NO_LINK) return 0;
    /* Whoever has the fewest segments ahead is next, so that slots go round. */
    uint32_t best = NO_LINK;
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct link *link = &e->links[k];
        if (!is_child(link) || !link->straggler || link->fetch >= link->credit) continue;
        if (!may_take(e, link, used)) continue;
        if (best == NO_LINK || link->fetch < e->links[best].fetch) best = k;
    }
    if (best == NO_LINK) return 0;
    e->rereads[unused] = (struct reread){
        .state = REREAD_ASKED,
        .link = best,
        .segment = e->links[best].fetch++,
    };
    e->statistics.reread++;
    *slot = e->window.slots + unused;
    return 1;
}

int straggler_read(struct bcast *e, uint32_t slot) {
    uint32_t k = slot - e->window.slots;
    if (k >= e->config.straggler_slots || e->rereads[k].state != REREAD_ASKED) return 0;
    struct reread *s = &e->rereads[k];
    if (s->link == NO_LINK) {
        s->state = REREAD_FREE;
        return 1;
    }
    window_seal(frame_of(e, k), &e->stream, s->segment);
    s->state = REREAD_FULL;
    return 1;
}

void straggler_written(struct bcast *e, uint32_t link, uint64_t segment) {
    struct reread *s = find(e, link, segment);
    if (s != NULL) s->state = REREAD_FREE;
}

void straggler_join(struct bcast *e, uint32_t id) {
    struct link *link = &e->links[id];
    if (is_straggler(e, link) || link->acked != link->fetch) return;
    if (e->window.started && link->next >= e->window.base) link->straggler = 0;
}

void straggler_dropped(struct bcast *e, uint32_t link) {
    for (uint32_t k = 0; k < e->config.straggler_slots; k++) {
        struct reread *s = &e->rereads[k];
        if (s->state == REREAD_FREE || s->link != link) continue;
        s->link = NO_LINK;
        if (s->state == REREAD_FULL) s->state = REREAD_FREE;
    }
}
