/* Time: everything that happens because nothing happened. */
#include "engine.h"

#define PINGS 4 /* per silent_ms, on a link with nothing else to say */

static uint64_t ping_after(const struct bcast *e) { return (e->config.silent_ms + PINGS - 1) / PINGS; }

static uint64_t session_deadline(const struct bcast *e) {
    if (e->config.deadline_ms == 0 || e->verdict.state != VERDICT_NONE) return UINT64_MAX;
    return e->started_at + e->config.deadline_ms;
}

/* When a position below the root stops waiting for the root's word on the deadline. */
static uint64_t alone_deadline(const struct bcast *e) {
    uint64_t at = session_deadline(e);
    return at == UINT64_MAX || is_root(e) ? UINT64_MAX : at + e->config.stall_ms;
}

static void tick_link(struct bcast *e, uint32_t id) {
    struct link *link = &e->links[id];
    if (link->state != LINK_OPEN) return;
    if (e->now >= link->heard + e->config.silent_ms) {
        protocol_drop(e, id, BCAST_REASON_SILENT);
    } else if (e->now >= link->said + ping_after(e)) {
        /* What is still being written will be heard; a ping behind it would be no news. */
        if (link->outgoing_count == 0) link->ping_due = 1;
        link->said = e->now;
    }
}

int bcast_tick(struct bcast *e, uint64_t now) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (now > e->now) e->now = now;
    if (!e->grace_over && e->now >= e->started_at + e->config.grace_ms) {
        e->grace_over = 1;
        members_grace_over(e);
        flow_settle(e);
    }
    for (uint32_t k = 0; k < e->links_end; k++) tick_link(e, k);
    if (e->now >= e->members.sweep_at) members_sweep(e);
    if (e->now >= session_deadline(e)) {
        int orphan = !is_root(e) && e->search.state != SEARCH_LINKED;
        if (orphan) verdict_failure(e, BCAST_FAILURE_PEER_LOST, e->search.last, "", 0);
        else verdict_failure(e, BCAST_FAILURE_TIMEOUT, members_find(e, 0), "", 0);
    }
    if (e->now >= alone_deadline(e)) verdict_alone(e);
    parent_tick(e);
    stall_check(e);
    verdict_review(e);
    return BCAST_OK;
}

uint64_t bcast_deadline(const struct bcast *e) {
    if (e->error != BCAST_OK || e->done) return UINT64_MAX;
    uint64_t at = earlier(session_deadline(e), alone_deadline(e));
    /* Having failed for lack of time, only the root's word or being alone is waited for. */
    if (e->verdict.failure_known && at <= e->now) at = alone_deadline(e);
    if (!e->grace_over) at = earlier(at, e->started_at + e->config.grace_ms);
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct link *link = &e->links[k];
        if (link->state != LINK_OPEN) continue;
        at = earlier(at, link->heard + e->config.silent_ms);
        at = earlier(at, link->said + ping_after(e));
    }
    at = earlier(at, e->members.sweep_at);
    at = earlier(at, parent_deadline(e));
    return earlier(at, stall_deadline(e));
}
