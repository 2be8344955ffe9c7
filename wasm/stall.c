/*
 * Who holds up others, and what becomes of them. Whoever takes nothing, or very little, for too long loses its link and ends
 * as a straggler of the root, apart from all others. Those below it are sent to the root, too, and catch up there with
 * the rest.
 */
#include "engine.h"

/* A slow reader frees a slot now and then, so when so many are not free the window is full, and so many segments ahead of
 * the last reader one is as far behind. */
static uint64_t nearly_all(const struct bcast *e) { return e->window.slots / 4; }

/* How long a child may hold up others. A child with more levels below it gets more, so that the link that is really
 * stuck is closed before those above it: as soon as it is, these move again. */
static uint64_t patience(const struct bcast *e, const struct link *link) {
    return e->config.stall_ms + (uint64_t)e->config.stall_ms * tree_height(e->tree, link->position) / 20;
}

/* Whether a child is half a window ahead of a segment: where that is the floor, it waits only for the window to move. */
static int is_ahead(const struct bcast *e, const struct link *link, uint64_t segment) {
    return link->acked >= segment + e->window.slots / 2;
}

static int starves_others(const struct bcast *e, const struct link *link, uint64_t floor) {
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct link *other = &e->links[k];
        if (other != link && flow_reads(other) && is_ahead(e, other, floor)) return 1;
    }
    return 0;
}

/* Whether somebody waits for this child to take what has been handed to it. */
static int holds_up(const struct bcast *e, const struct link *link, uint64_t floor) {
    const struct window *w = &e->window;
    uint64_t nearly = nearly_all(e), end = is_root(e) ? w->asked : w->head;
    if (link->straggler) return link->acked < link->next;
    if (!w->started) return 0;
    if (e->stream.segments > w->slots) {
        int full = end < e->stream.segments && end + nearly >= floor + w->slots;
        return full && link->acked <= floor + nearly;
    }
    /* It all fits in, so nobody waits but those below. */
    int worth = tree_height(e->tree, link->position) > 0 && e->stream.segments - link->acked > nearly;
    return worth && end == e->stream.segments && link->acked < link->next;
}

/* Whether a child that holds up others has done well enough since it began to. */
static int is_excused(const struct bcast *e, const struct link *link, uint64_t floor) {
    uint64_t taken = link->acked - link->held_from;
    if (taken == 0) return 0;
    if (link->straggler && is_straggler(e, link)) return 1;
    if (!link->straggler && starves_others(e, link, floor)) return 0;
    /* One that takes a quarter of the window in stall_ms is merely as slow as its network, and so are many. */
    uint64_t enough = nearly_all(e) * patience(e, link) / e->config.stall_ms;
    if (taken >= enough || (is_root(e) && e->members.stragglers >= e->config.straggler_slots)) return 1;
    /* Where others are, and all of them are slow, it is this position's own network. */
    int others = 0;
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct link *other = &e->links[k];
        if (other == link || !is_child(other) || !other->wanted) continue;
        others = 1;
        int finished = other->acked == e->stream.segments;
        if (!is_straggler(e, other) && (finished || is_ahead(e, other, link->acked))) return 0;
    }
    return others;
}

void stall_check(struct bcast *e) {
    if (e->verdict.state != VERDICT_NONE) return;
    uint64_t floor = flow_floor(e);
    for (uint32_t k = 0; k < e->links_end; k++) {
        struct link *link = &e->links[k];
        int held = link->holding;
        link->holding = is_child(link) && link->wanted && holds_up(e, link, floor);
        if (!link->holding) continue;
        if (!held || is_excused(e, link, floor)) stall_acquit(e, k);
        if (e->now - link->held_since < patience(e, link)) continue;
        members_mark_straggler(e, link->position);
        /* Who is served apart holds up nobody but those below, and has to be told only that; unless it takes nothing. */
        if (link->straggler && link->acked > link->held_from) continue;
        e->statistics.stalled++;
        protocol_drop(e, k, BCAST_REASON_STALLED);
    }
}

void stall_acquit(struct bcast *e, uint32_t id) {
    e->links[id].held_since = e->now;
    e->links[id].held_from = e->links[id].acked;
}

void stall_dismiss_children(struct bcast *e) {
    e->straggler = 1;
    for (uint32_t k = 0; k < e->links_end; k++) {
        struct link *link = &e->links[k];
        if (is_child(link) && link->wanted) protocol_drop(e, k, BCAST_REASON_MOVED);
    }
}

uint64_t stall_deadline(const struct bcast *e) {
    uint64_t at = UINT64_MAX;
    if (e->verdict.state != VERDICT_NONE) return at;
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct link *link = &e->links[k];
        if (is_child(link) && link->holding) at = earlier(at, link->held_since + patience(e, link));
    }
    return at;
}
