/* The calls of bcast.h that tell what happened. Each is checked here, so that no module behind has to. */
#include <string.h>

#include "arena.h"
#include "bytes.h"
#include "checksum.h"
#include "flow.h"
#include "links.h"
#include "members.h"
#include "parent.h"
#include "protocol.h"
#include "reap.h"
#include "state.h"
#include "straggler.h"
#include "verdict.h"

int bcast_error(const struct bcast *e) { return (int)e->error; }
uint32_t bcast_shape(const struct bcast *e) { return e->tree.shape; }

const struct bcast_statistics *bcast_statistics(const struct bcast *e) { return &e->statistics; }

/* Makes a call that does not fit the last one. */
static int wrong(struct bcast *e, enum bcast_error error) {
    if (e->error == BCAST_OK) e->error = error;
    return (int)e->error;
}

int bcast_plan(struct bcast *e, const uint64_t *sizes, uint32_t packages, const void *opaque, uint32_t length) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (!e->is_root || e->plan_known) return wrong(e, BCAST_E_STATE);
    uint64_t bytes = STREAM_HEAD + UINT64_C(8) * packages + length;
    if (bytes > e->config.plan_bytes) return wrong(e, BCAST_E_RANGE);
    uint8_t *plan = e->plan + FRAME_BYTES;
    store_u32(plan, e->config.segment_bytes);
    store_u32(plan + 4, packages);
    for (uint32_t k = 0; k < packages; k++) store_u64(plan + STREAM_HEAD + UINT64_C(8) * k, sizes[k]);
    memcpy(plan + stream_plan_head(packages), opaque, length);
    if (!stream_parse(&e->stream, plan, (uint32_t)bytes, e->config.segment_bytes)) return wrong(e, BCAST_E_RANGE);
    struct frame frame = {.type = FRAME_PLAN, .length = (uint32_t)bytes, .sum = checksum(plan, (uint32_t)bytes)};
    frame_encode(e->plan, &frame);
    e->plan_length = (uint32_t)bytes;
    e->plan_known = e->plan_announced = 1;
    return BCAST_OK;
}

int bcast_want(struct bcast *e, int needed) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (!e->plan_announced || e->answered) return wrong(e, BCAST_E_STATE);
    e->answered = 1;
    e->wanted = needed != 0;
    flow_settle(e);
    return BCAST_OK;
}

int bcast_read_done(struct bcast *e, uint32_t slot) {
    if (e->error != BCAST_OK) return (int)e->error;
    uint64_t gained = 0;
    int ok = slot < e->config.slots ? window_read(&e->window, &e->stream, slot, &gained)
                                    : e->is_root && straggler_read(e, slot);
    if (!ok) return wrong(e, BCAST_E_RANGE);
    e->statistics.segments_in += gained;
    return BCAST_OK;
}

int bcast_delivered(struct bcast *e, uint32_t segments) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (segments > e->window.delivered - e->window.consumed) return wrong(e, BCAST_E_RANGE);
    e->window.consumed += segments;
    return BCAST_OK;
}

int bcast_staged(struct bcast *e, int reused) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (e->staged) return wrong(e, BCAST_E_STATE);
    e->staged = 1;
    members_staged(e, reused);
    verdict_review(e);
    return BCAST_OK;
}

int bcast_failed(struct bcast *e, uint32_t code, const char *text, uint32_t length) {
    if (e->error != BCAST_OK) return (int)e->error;
    verdict_failure(e, code, e->config.position, text, length);
    return BCAST_OK;
}

static void child_opened(struct bcast *e, uint32_t link, uint32_t position) {
    int below = position < e->config.count && position != e->config.position &&
                tree_below(e->tree, position, e->config.position);
    if (!below) {
        links_refuse(e, link, BCAST_REASON_PROTOCOL);
        return;
    }
    /* The newest link of a position is the one that counts. */
    const struct peer *older = links_child(e, position);
    if (older != NULL) links_drop(e, (uint32_t)(older - e->peers), BCAST_REASON_REPLACED);
    reap(e);
    links_open(e, link, position, BCAST_ROLE_CHILD);
    if (tree_parent(e->tree, position) != e->config.position) e->statistics.adopted++;
    members_joined(e, link);
    flow_settle(e);
}

int bcast_opened(struct bcast *e, uint32_t link, uint32_t position, int role) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (link >= e->config.max_links || links_in_use(e, link)) return wrong(e, BCAST_E_LINK);
    if (role == BCAST_ROLE_CHILD) {
        child_opened(e, link, position);
        return BCAST_OK;
    }
    links_open(e, link, position, BCAST_ROLE_PARENT);
    int answered = parent_answered(e, position, link);
    reap(e);
    return answered ? BCAST_OK : wrong(e, BCAST_E_STATE);
}

int bcast_dial_failed(struct bcast *e, uint32_t position) {
    if (e->error != BCAST_OK) return (int)e->error;
    return parent_answered(e, position, NO_LINK) ? BCAST_OK : wrong(e, BCAST_E_STATE);
}

uint32_t bcast_inbox(const struct bcast *e, uint32_t link, uint32_t *room) {
    *room = 0;
    if (e->error != BCAST_OK || !links_in_use(e, link)) return arena_span(e, e->inbox);
    return arena_span(e, protocol_inbox(e, link, room));
}

uint32_t bcast_place(const struct bcast *e, uint32_t link, uint32_t *room) {
    *room = 0;
    if (e->error != BCAST_OK || !links_in_use(e, link)) return arena_span(e, e->inbox);
    return arena_span(e, protocol_place(e, link, room));
}

int bcast_put(struct bcast *e, const void *bytes, uint32_t length) {
    if (e->error != BCAST_OK) return (int)e->error;
    protocol_put(e, bytes, length);
    return BCAST_OK;
}

int bcast_feed(struct bcast *e, uint32_t link, const void *bytes, uint32_t length) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (!links_in_use(e, link)) return wrong(e, BCAST_E_LINK);
    protocol_feed(e, link, bytes, length);
    return BCAST_OK;
}

int bcast_sent(struct bcast *e, uint32_t id, uint32_t length) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (!links_in_use(e, id)) return wrong(e, BCAST_E_LINK);
    struct peer *peer = &e->peers[id];
    if (peer->link.state != LINK_OPEN) return BCAST_OK;
    uint32_t segments = 0;
    if (!link_written(&peer->link, length, &segments, e->now)) return wrong(e, BCAST_E_RANGE);
    for (; segments > 0; segments--) straggler_written(e, id, peer->reader.acked++);
    return BCAST_OK;
}

int bcast_lost(struct bcast *e, uint32_t id) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (!links_in_use(e, id)) return wrong(e, BCAST_E_LINK);
    links_lost(e, id);
    reap(e);
    return BCAST_OK;
}
