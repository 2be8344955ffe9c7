/*
 * The flow of the stream: who needs it, how far it may go, and who holds up others.
 *
 * A position asks for the stream when it needs it or a child does. Its window moves with the slowest of those who read
 * through it: its own unpacker and its children.
 */
#include <stddef.h>

#include "engine.h"

/* Whether a child reads through the window. */
static int reads(const struct link *link) { return is_child(link) && link->wanted && !link->private; }

/* The open child link of a position; NULL. */
static const struct link *child_at(const struct bcast *e, uint32_t position) {
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (is_child(&e->links[k]) && e->links[k].position == position) return &e->links[k];
    }
    return NULL;
}

void flow_settle(struct bcast *e) {
    if (e->settled || !e->answered) return;
    if (!e->grace_over) {
        uint32_t child;
        for (uint32_t k = 0; (child = tree_child(e->tree, e->config.position, k)) != TREE_NONE; k++) {
            const struct link *link = child_at(e, child);
            if (link != NULL ? !link->asked : census_expected(e, child)) return;
        }
    }
    e->settled = 1;
}

int flow_needed(const struct bcast *e) {
    if (e->wanted) return 1;
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (reads(&e->links[k])) return 1;
    }
    return 0;
}

void flow_begin(struct bcast *e) {
    if (!e->settled || e->window.started || !flow_needed(e)) return;
    uint64_t first = e->wanted ? 0 : e->stream.segments;
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (reads(&e->links[k])) first = earlier(first, e->links[k].next);
    }
    window_start(&e->window, first);
}

/* Whether segments are on their way into the window. */
static int flowing(const struct bcast *e) {
    if (is_root(e)) return e->window.head < e->window.asked;
    return e->search.link != NO_LINK && e->links[e->search.link].wanted;
}

void flow_want(struct bcast *e, uint32_t id, uint64_t segment) {
    struct window *w = &e->window;
    struct link *link = &e->links[id];
    int held = segment >= w->base && segment <= w->head;
    /* With nobody reading, the window may as well begin where this child does. */
    if (w->started && !held && !flow_needed(e) && !flowing(e)) w->started = 0;
    if (w->started && segment < w->base && !is_root(e)) {
        link->moved_due = 1;
        return;
    }
    link->wanted = 1;
    link->next = link->acked = link->fetch = segment;
    link->progressed = e->now;
    if (is_root(e)) {
        int slow = e->census.members[link->position].slow;
        link->private = slow || (w->started && segment < w->base);
    }
}

/* The first segment that somebody still needs in its slot. */
static uint64_t floor_of(const struct bcast *e) {
    const struct window *w = &e->window;
    uint64_t floor = e->wanted ? w->consumed : w->head;
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (reads(&e->links[k])) floor = earlier(floor, e->links[k].acked);
    }
    return floor;
}

uint64_t flow_limit(const struct bcast *e) {
    return earlier(floor_of(e) + e->window.slots, e->stream.segments);
}

/* How long a child may hold up others. A child with more levels below it gets more, so that the link that is really
 * stuck is closed before those above it. */
static uint64_t patience(const struct bcast *e, const struct link *link) {
    uint64_t quarters = 4;
    for (uint32_t size = tree_size(e->tree, link->position); size > 1; size /= 2) quarters++;
    return e->config.stall_ms * quarters / 4;
}

/* Whether another child is at least half a window ahead of the floor, and so waits only for the window to move. */
static int starves_others(const struct bcast *e, const struct link *link, uint64_t floor) {
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct link *other = &e->links[k];
        if (other != link && reads(other) && other->acked >= floor + e->window.slots / 2) return 1;
    }
    return 0;
}

void flow_watch(struct bcast *e) {
    const struct window *w = &e->window;
    if (e->verdict.state != VERDICT_NONE) return;
    /* A slow reader frees a slot now and then, so what is nearly full, or nearly last, counts. A private child holds up
     * nobody but those who need its straggler slots, and only while it takes nothing at all. */
    uint64_t nearly = w->slots / 4, floor = floor_of(e), end = is_root(e) ? w->asked : w->head;
    int full = w->started && end < e->stream.segments && end + nearly >= floor + w->slots;
    for (uint32_t k = 0; k < e->links_end; k++) {
        struct link *link = &e->links[k];
        if (!is_child(link) || !link->wanted) continue;
        int holds = link->private ? link->acked < link->next : full && link->acked <= floor + nearly;
        if (holds && !link->holding) link->held_since = e->now;
        link->holding = (uint8_t)holds;
        if (!holds) continue;
        /* One that keeps moving and starves nobody is merely as slow as its network. */
        int harmless = link->private || !starves_others(e, link, floor);
        if (harmless && link->progressed > link->held_since) link->held_since = link->progressed;
        if (e->now - link->held_since < patience(e, link)) continue;
        if (is_root(e)) e->census.members[link->position].slow = 1;
        e->statistics.stalled++;
        protocol_drop(e, k, BCAST_REASON_STALLED);
    }
}

uint64_t flow_deadline(const struct bcast *e) {
    uint64_t at = UINT64_MAX;
    if (e->verdict.state != VERDICT_NONE) return at;
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct link *link = &e->links[k];
        if (is_child(link) && link->holding) at = earlier(at, link->held_since + patience(e, link));
    }
    return at;
}
