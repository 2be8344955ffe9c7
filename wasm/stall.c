/* See stall.h. */
#include "stall.h"

#include "flow.h"
#include "least.h"
#include "links.h"
#include "members.h"
#include "state.h"

/* How many segments are too few to count. A slow child still frees a slot now and then: so the window counts as full
 * when this many slots or fewer are free, and a child as the last when it is no further than this beyond the floor. */
static uint64_t nearly_all(const struct bcast *e) { return e->window.slots / 4; }

/* How long a child may hold up others. A child with more levels below it gets more, so that the link that is really
 * stuck is closed before those above it: as soon as it is, these move again. */
static uint64_t allowed_ms(const struct bcast *e, const struct peer *peer) {
    return e->config.stall_ms + (uint64_t)e->config.stall_ms * tree_height(e->tree, peer->link.position) / 20;
}

static int is_straggler(const struct bcast *e, const struct peer *peer) {
    return members_is_straggler(e, peer->link.position);
}

/* Whether a child is half a window ahead of a segment: where that is the floor, it waits only for the window to move. */
static int is_ahead(const struct bcast *e, const struct peer *peer, uint64_t segment) {
    return peer->reader.acked >= segment + e->window.slots / 2;
}

static int starves_others(const struct bcast *e, const struct peer *peer, uint64_t floor) {
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct peer *other = &e->peers[k];
        if (other != peer && flow_reads(other) && is_ahead(e, other, floor)) return 1;
    }
    return 0;
}

/* Whether others wait for this child to take what has been handed to it. */
static int holds_up(const struct bcast *e, const struct peer *peer, uint64_t floor) {
    const struct window *w = &e->window;
    const struct reader *reader = &peer->reader;
    uint64_t nearly = nearly_all(e), end = e->is_root ? w->asked : w->head;
    if (reader->straggler) return reader->acked < reader->next;
    if (!w->started) return 0;
    if (e->stream.segments > w->slots) {
        int full = end < e->stream.segments && end + nearly >= floor + w->slots;
        return full && reader->acked <= floor + nearly;
    }
    /* The whole stream fits in, so only the positions below the child can be waiting for it. */
    int worth = tree_height(e->tree, peer->link.position) > 0 && e->stream.segments - reader->acked > nearly;
    return worth && end == e->stream.segments && reader->acked < reader->next;
}

/* Whether a child that holds up others has done well enough since it began to. */
static int is_excused(const struct bcast *e, const struct peer *peer, uint64_t floor) {
    uint64_t taken = peer->reader.acked - peer->hold.from;
    if (taken == 0) return 0;
    if (peer->reader.straggler && is_straggler(e, peer)) return 1;
    if (!peer->reader.straggler && starves_others(e, peer, floor)) return 0;
    /* A child that takes a quarter of the window in stall_ms is merely as slow as its network, and so are many. */
    uint64_t enough = nearly_all(e) * allowed_ms(e, peer) / e->config.stall_ms;
    if (taken >= enough || (e->is_root && e->members.stragglers >= e->config.straggler_slots)) return 1;
    /* Where there are other children, and all of them are slow, it is this position's own network. */
    int others = 0;
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct peer *other = &e->peers[k];
        if (other == peer || !link_is_child(&other->link) || !other->talk.wanted) continue;
        others = 1;
        int finished = other->reader.acked == e->stream.segments;
        if (!is_straggler(e, other) && (finished || is_ahead(e, other, peer->reader.acked))) return 0;
    }
    return others;
}

void stall_check(struct bcast *e) {
    if (e->verdict.state != VERDICT_NONE) return;
    uint64_t floor = flow_floor(e);
    for (uint32_t k = 0; k < e->links_end; k++) {
        struct peer *peer = &e->peers[k];
        struct hold *hold = &peer->hold;
        int held = hold->holding;
        hold->holding = link_is_child(&peer->link) && peer->talk.wanted && holds_up(e, peer, floor);
        if (!hold->holding) continue;
        if (!held || is_excused(e, peer, floor)) stall_acquit(e, k);
        if (e->now - hold->since < allowed_ms(e, peer)) continue;
        members_mark_straggler(e, peer->link.position);
        /* A straggler that still moves holds up only those below it: it is told so, and keeps its link. */
        if (peer->reader.straggler && peer->reader.acked > hold->from) continue;
        e->statistics.stalled++;
        links_drop(e, k, BCAST_REASON_STALLED);
    }
}

void stall_acquit(struct bcast *e, uint32_t link) {
    struct peer *peer = &e->peers[link];
    peer->hold.since = e->now;
    peer->hold.from = peer->reader.acked;
}

void stall_dismiss_children(struct bcast *e) {
    e->straggler = 1;
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct peer *peer = &e->peers[k];
        if (link_is_child(&peer->link) && peer->talk.wanted) links_drop(e, k, BCAST_REASON_MOVED);
    }
}

uint64_t stall_deadline(const struct bcast *e) {
    uint64_t at = UINT64_MAX;
    if (e->verdict.state != VERDICT_NONE) return at;
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct peer *peer = &e->peers[k];
        if (link_is_child(&peer->link) && peer->hold.holding) at = least(at, peer->hold.since + allowed_ms(e, peer));
    }
    return at;
}
