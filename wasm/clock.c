/* Time: what follows when something has not happened for so long. One function says what, the other when. */
#include "flow.h"
#include "least.h"
#include "links.h"
#include "members.h"
#include "parent.h"
#include "reap.h"
#include "stall.h"
#include "state.h"
#include "verdict.h"

#define PINGS 4 /* per silent_ms, on a link with nothing else to say */

static uint64_t ping_after(const struct bcast *e) { return (e->config.silent_ms + PINGS - 1) / PINGS; }

static uint64_t session_deadline(const struct bcast *e) {
    if (e->config.deadline_ms == 0 || e->verdict.state != VERDICT_NONE) return UINT64_MAX;
    return e->started_at + e->config.deadline_ms;
}

/* When a position below the root stops waiting for the root's verdict on the deadline. */
static uint64_t alone_deadline(const struct bcast *e) {
    uint64_t at = session_deadline(e);
    return at == UINT64_MAX || e->is_root ? UINT64_MAX : at + e->config.stall_ms;
}

static void tick_link(struct bcast *e, uint32_t id) {
    struct peer *peer = &e->peers[id];
    struct link *link = &peer->link;
    if (link->state != LINK_OPEN) return;
    if (e->now >= link->heard + e->config.silent_ms) {
        links_drop(e, id, BCAST_REASON_SILENT);
    } else if (e->now >= link->said + ping_after(e)) {
        /* What is still being written will be heard; a ping behind it would be no news. */
        if (link->outgoing_count == 0) peer->talk.ping_due = 1;
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
    reap(e);
    if (e->now >= e->members.sweep_at) members_sweep(e);
    if (e->now >= session_deadline(e)) {
        int orphan = !e->is_root && e->search.state != SEARCH_LINKED;
        if (orphan) verdict_failure(e, BCAST_FAILURE_PEER_LOST, e->search.last, "", 0);
        else verdict_failure(e, BCAST_FAILURE_TIMEOUT, members_missing(e), "", 0);
    }
    if (e->now >= alone_deadline(e)) verdict_alone(e);
    parent_tick(e);
    stall_check(e);
    reap(e);
    verdict_review(e);
    return BCAST_OK;
}

uint64_t bcast_deadline(const struct bcast *e) {
    if (e->error != BCAST_OK || e->done) return UINT64_MAX;
    uint64_t at = least(session_deadline(e), alone_deadline(e));
    /* Once this position has failed for lack of time, it waits for the root's verdict, or for being alone. */
    if (e->verdict.failure_known && at <= e->now) at = alone_deadline(e);
    if (!e->grace_over) at = least(at, e->started_at + e->config.grace_ms);
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct link *link = &e->peers[k].link;
        if (link->state != LINK_OPEN) continue;
        at = least(at, link->heard + e->config.silent_ms);
        at = least(at, link->said + ping_after(e));
    }
    at = least(at, e->members.sweep_at);
    at = least(at, parent_deadline(e));
    return least(at, stall_deadline(e));
}
