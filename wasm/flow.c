/*
 * A position asks for the stream when it needs it or a child does. Its window moves with the slowest of those that read
 * through it: its own unpacker and its children.
 */
#include "flow.h"

#include <stddef.h>

#include "least.h"
#include "links.h"
#include "members.h"
#include "state.h"

int flow_reads(const struct peer *peer) {
    return link_is_child(&peer->link) && peer->talk.wanted && !peer->reader.straggler;
}

void flow_settle(struct bcast *e) {
    if (e->settled || !e->answered) return;
    if (!e->grace_over) {
        uint32_t child;
        for (uint32_t k = 0; (child = tree_child(e->tree, e->config.position, k)) != TREE_NONE; k++) {
            const struct peer *peer = links_child(e, child);
            if (peer != NULL ? !peer->talk.asked : members_expected(e, child)) return;
        }
    }
    e->settled = 1;
}

int flow_needed(const struct bcast *e) {
    if (e->wanted) return 1;
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (flow_reads(&e->peers[k])) return 1;
    }
    return 0;
}

void flow_begin(struct bcast *e) {
    if (!e->settled || e->window.started || !flow_needed(e)) return;
    uint64_t first = e->wanted ? 0 : e->stream.segments;
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (flow_reads(&e->peers[k])) first = least(first, e->peers[k].reader.next);
    }
    window_start(&e->window, first);
}

/* Whether segments are on their way into the window. */
static int flowing(const struct bcast *e) {
    if (e->is_root) return e->window.head < e->window.asked;
    return e->search.link != NO_LINK && e->peers[e->search.link].talk.wanted;
}

void flow_want(struct bcast *e, uint32_t id, uint64_t segment) {
    struct window *w = &e->window;
    struct peer *peer = &e->peers[id];
    int held = segment >= w->base && segment <= w->head;
    /* While nothing reads, the window may as well begin where this child does. */
    if (w->started && !held && !flow_needed(e) && !flowing(e)) w->started = 0;
    int behind = w->started && segment < w->base;
    if (!e->is_root && (e->straggler || behind)) {
        peer->talk.moved_due = 1;
        return;
    }
    peer->talk.wanted = 1;
    peer->reader.next = peer->reader.acked = peer->reader.fetch = segment;
    if (e->is_root) peer->reader.straggler = behind || members_is_straggler(e, peer->link.position);
}

uint64_t flow_floor(const struct bcast *e) {
    const struct window *w = &e->window;
    uint64_t floor = e->wanted ? w->consumed : w->head;
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (flow_reads(&e->peers[k])) floor = least(floor, e->peers[k].reader.acked);
    }
    return floor;
}

uint64_t flow_limit(const struct bcast *e) {
    return least(flow_floor(e) + e->window.slots, e->stream.segments);
}
