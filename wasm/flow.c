/*
 * The flow of the stream: who needs it, and how far it may go.
 *
 * A position asks for the stream when it needs it or a child does. Its window moves with the slowest of those who read
 * through it: its own unpacker and its children.
 */
#include <stddef.h>

#include "engine.h"

int flow_reads(const struct link *link) { return is_child(link) && link->wanted && !link->straggler; }

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
            if (link != NULL ? !link->asked : members_expected(e, child)) return;
        }
    }
    e->settled = 1;
}

int flow_needed(const struct bcast *e) {
    if (e->wanted) return 1;
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (flow_reads(&e->links[k])) return 1;
    }
    return 0;
}

void flow_begin(struct bcast *e) {
    if (!e->settled || e->window.started || !flow_needed(e)) return;
    uint64_t first = e->wanted ? 0 : e->stream.segments;
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (flow_reads(&e->links[k])) first = earlier(first, e->links[k].next);
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
    if (!is_root(e) && (e->straggler || (w->started && segment < w->base))) {
        link->moved_due = 1;
        return;
    }
    link->wanted = 1;
    link->next = link->acked = link->fetch = segment;
    if (is_root(e)) link->straggler = is_straggler(e, link) || (w->started && segment < w->base);
}

uint64_t flow_floor(const struct bcast *e) {
    const struct window *w = &e->window;
    uint64_t floor = e->wanted ? w->consumed : w->head;
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (flow_reads(&e->links[k])) floor = earlier(floor, e->links[k].acked);
    }
    return floor;
}

uint64_t flow_limit(const struct bcast *e) {
    return earlier(flow_floor(e) + e->window.slots, e->stream.segments);
}
