/* See straggler.h. Slots are few and stragglers rare, so they are searched one by one. */
#include "straggler.h"

#include <stddef.h>

#include "members.h"
#include "state.h"

#define PER_LINK 2 /* slots: one on its way to the network, one on its way from the file */

/* A straggler for good keeps a slot for long: one has to do for it, and half of them are kept for those that catch up. */
static int may_take(const struct bcast *e, const struct peer *peer, uint32_t used) {
    uint64_t ahead = peer->reader.fetch - peer->reader.acked;
    if (!members_is_straggler(e, peer->link.position)) return ahead < PER_LINK;
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
    const struct reread *s = find(e, link, e->peers[link].reader.next);
    return s != NULL && s->state == REREAD_FULL ? frame_of(e, (uint32_t)(s - e->rereads)) : NULL;
}

uint8_t *straggler_slot(const struct bcast *e, uint32_t slot, uint64_t *segment) {
    uint32_t k = slot - e->window.slots;
    *segment = e->rereads[k].segment;
    return frame_of(e, k);
}

int straggler_ask(struct bcast *e, uint32_t *slot) {
    uint32_t used = 0, unused = NO_LINK;
    for (uint32_t k = 0; k < e->config.straggler_slots; k++) {
        if (e->rereads[k].state != REREAD_FREE) used++;
        else unused = k;
    }
    if (unused == NO_LINK) return 0;
    /* The straggler that is furthest behind is next, so that slots go round. */
    uint32_t best = NO_LINK;
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct peer *peer = &e->peers[k];
        if (!link_is_child(&peer->link) || !peer->reader.straggler) continue;
        if (peer->reader.fetch >= peer->talk.credit || !may_take(e, peer, used)) continue;
        if (best == NO_LINK || peer->reader.fetch < e->peers[best].reader.fetch) best = k;
    }
    if (best == NO_LINK) return 0;
    e->rereads[unused] = (struct reread){
        .state = REREAD_ASKED,
        .link = best,
        .segment = e->peers[best].reader.fetch++,
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
    window_seal(&e->window, frame_of(e, k), &e->stream, s->segment);
    s->state = REREAD_FULL;
    return 1;
}

void straggler_written(struct bcast *e, uint32_t link, uint64_t segment) {
    struct reread *s = find(e, link, segment);
    if (s != NULL) s->state = REREAD_FREE;
}

void straggler_join(struct bcast *e, struct peer *peer) {
    struct reader *reader = &peer->reader;
    if (members_is_straggler(e, peer->link.position) || reader->acked != reader->fetch) return;
    if (e->window.started && reader->next >= e->window.base) reader->straggler = 0;
}

void straggler_dropped(struct bcast *e, uint32_t link) {
    for (uint32_t k = 0; k < e->config.straggler_slots; k++) {
        struct reread *s = &e->rereads[k];
        if (s->state == REREAD_FREE || s->link != link) continue;
        s->link = NO_LINK;
        if (s->state == REREAD_FULL) s->state = REREAD_FREE;
    }
}
