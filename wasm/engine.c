/* The calls of bcast.h that tell what happened, and the layout of the arena. */
#include "engine.h"

#include <stddef.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"

#define LINKS_MAX 65534
#define SEND_AHEAD_MAX 8
#define BYTES_MAX (UINT32_C(1) << 30)

static int config_is_possible(const struct bcast_config *c) {
    if (c->count == 0 || c->position >= c->count || c->shape > BCAST_SHAPE_BEST) return 0;
    if (c->segment_bytes == 0 || c->segment_bytes > BYTES_MAX) return 0;
    if (c->plan_bytes < STREAM_HEAD || c->plan_bytes > BYTES_MAX || c->inbox_bytes > BYTES_MAX) return 0;
    if (c->slots < 2 || c->straggler_slots == 0 || c->read_ahead == 0) return 0;
    if (c->slots > BYTES_MAX || c->straggler_slots > BYTES_MAX || c->inbox_segments == 0) return 0;
    if ((c->segment_bytes + UINT64_C(64)) * c->inbox_segments > BYTES_MAX) return 0;
    if (c->max_links == 0 || c->max_links > LINKS_MAX) return 0;
    if (c->send_ahead == 0 || c->send_ahead > SEND_AHEAD_MAX) return 0;
    return c->grace_ms > 0 && c->stall_ms > 0 && c->silent_ms > 0 && c->redial_ms > 0 && c->rejoin_ms > 0;
}

/* Takes `bytes` off the arena, 8-aligned; with base NULL it only counts. */
static uint8_t *take(uint8_t *base, uint64_t *used, uint64_t bytes) {
    uint8_t *at = base == NULL ? NULL : base + *used;
    *used += (bytes + 7) & ~UINT64_C(7);
    return at;
}

/* Lays everything out behind the engine itself; returns the bytes it takes. */
static uint64_t lay_out(struct bcast *e, uint8_t *base, const struct bcast_config *c) {
    static const struct tree_load load = TREE_USUAL_LOAD;
    uint32_t shape = c->shape == BCAST_SHAPE_BEST ? tree_best(c->count, &load) : c->shape;
    struct tree tree = {.shape = shape, .count = c->count};
    uint32_t size = tree_size(tree, c->position), slot_bytes = window_slot_bytes(c->segment_bytes);
    uint32_t stragglers = c->position == 0 ? c->straggler_slots : 0;
    uint64_t used = 0, sets = (uint64_t)members_set_bytes(size) * (c->max_links + 1);
    take(base, &used, sizeof *e);
    e->tree = tree;
    e->links = (struct link *)take(base, &used, (uint64_t)sizeof *e->links * c->max_links);
    e->rereads = (struct reread *)take(base, &used, (uint64_t)sizeof *e->rereads * stragglers);
    e->members.size = size;
    e->members.set_bytes = members_set_bytes(size);
    e->members.list = (struct member *)take(base, &used, (uint64_t)sizeof *e->members.list * size);
    e->members.claims = take(base, &used, sets);
    e->window.asked_for = take(base, &used, c->slots);
    uint64_t zeroed = used;
    e->plan = take(base, &used, FRAME_BYTES + c->plan_bytes);
    e->inbox = take(base, &used, c->inbox_bytes);
    e->window.slots = c->slots;
    e->window.slot_bytes = slot_bytes;
    e->window.frames = take(base, &used, (uint64_t)slot_bytes * c->slots);
    e->reread_frames = take(base, &used, (uint64_t)slot_bytes * stragglers);
    if (base != NULL) memset(base + sizeof *e, 0, (size_t)(zeroed - sizeof *e));
    return used;
}

uint64_t bcast_arena_bytes(const struct bcast_config *config) {
    if (!config_is_possible(config)) return 0;
    struct bcast scratch;
    uint64_t bytes = lay_out(&scratch, NULL, config);
    return bytes > UINT32_MAX ? 0 : bytes;
}

int bcast_init(struct bcast **out, void *arena, uint64_t bytes, const struct bcast_config *config, uint64_t now) {
    uint64_t needed = bcast_arena_bytes(config);
    if (needed == 0) return BCAST_E_CONFIG;
    if (bytes < needed || (uintptr_t)arena % 8 != 0) return BCAST_E_ARENA;
    struct bcast *e = arena;
    memset(e, 0, sizeof *e);
    lay_out(e, arena, config);
    e->arena = arena;
    e->config = *config;
    if (!is_root(e)) e->config.straggler_slots = 0;
    e->now = e->started_at = now;
    members_init(e);
    parent_init(e);
    *out = e;
    return BCAST_OK;
}

int bcast_error(const struct bcast *e) { return (int)e->error; }
const struct bcast_statistics *bcast_statistics(const struct bcast *e) { return &e->statistics; }

/* Makes a call that does not fit the last one. */
static int wrong(struct bcast *e, enum bcast_error error) {
    if (e->error == BCAST_OK) e->error = error;
    return (int)e->error;
}

/* Whether calls about this link may come: it is open, or its CLOSE has not been seen yet. */
static int in_use(const struct bcast *e, uint32_t link) {
    return link < e->links_end && e->links[link].state != LINK_FREE;
}

int bcast_plan(struct bcast *e, const uint64_t *sizes, uint32_t packages, const void *opaque, uint32_t length) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (!is_root(e) || e->plan_known) return wrong(e, BCAST_E_STATE);
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
                                    : is_root(e) && straggler_read(e, slot);
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

/* The newest link of a position is the one that counts. */
static void replace_child(struct bcast *e, uint32_t position) {
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (is_child(&e->links[k]) && e->links[k].position == position) protocol_drop(e, k, BCAST_REASON_REPLACED);
    }
}

static void child_opened(struct bcast *e, uint32_t link, uint32_t position) {
    if (position >= e->config.count || position == e->config.position ||
        !tree_below(e->tree, position, e->config.position)) {
        /* Nobody of this position has any business here. */
        e->links[link].state = LINK_CLOSING;
        e->links[link].reason = BCAST_REASON_PROTOCOL;
        return;
    }
    replace_child(e, position);
    link_open(&e->links[link], position, BCAST_ROLE_CHILD, e->now);
    if (tree_parent(e->tree, position) != e->config.position) e->statistics.adopted++;
    members_joined(e, link);
}

int bcast_opened(struct bcast *e, uint32_t link, uint32_t position, int role) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (link >= e->config.max_links || e->links[link].state != LINK_FREE) return wrong(e, BCAST_E_LINK);
    if (link >= e->links_end) e->links_end = link + 1;
    if (role == BCAST_ROLE_CHILD) {
        child_opened(e, link, position);
        return BCAST_OK;
    }
    link_open(&e->links[link], position, BCAST_ROLE_PARENT, e->now);
    return parent_answered(e, position, link) ? BCAST_OK : wrong(e, BCAST_E_STATE);
}

int bcast_dial_failed(struct bcast *e, uint32_t position) {
    if (e->error != BCAST_OK) return (int)e->error;
    return parent_answered(e, position, NO_LINK) ? BCAST_OK : wrong(e, BCAST_E_STATE);
}

uint32_t bcast_inbox(const struct bcast *e, uint32_t link, uint32_t *room) {
    *room = 0;
    if (e->error != BCAST_OK || !in_use(e, link)) return span_of(e, e->inbox);
    return span_of(e, protocol_inbox(e, link, room));
}

int bcast_feed(struct bcast *e, uint32_t link, const void *bytes, uint32_t length) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (!in_use(e, link)) return wrong(e, BCAST_E_LINK);
    protocol_feed(e, link, bytes, length);
    return BCAST_OK;
}

int bcast_sent(struct bcast *e, uint32_t id, uint32_t length) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (!in_use(e, id)) return wrong(e, BCAST_E_LINK);
    struct link *link = &e->links[id];
    if (link->state != LINK_OPEN) return BCAST_OK;
    uint32_t segments = 0;
    if (!link_written(link, length, &segments, e->now)) return wrong(e, BCAST_E_RANGE);
    for (; segments > 0; segments--) straggler_written(e, id, link->acked++);
    return BCAST_OK;
}

int bcast_lost(struct bcast *e, uint32_t id) {
    if (e->error != BCAST_OK) return (int)e->error;
    if (!in_use(e, id)) return wrong(e, BCAST_E_LINK);
    int was_open = e->links[id].state == LINK_OPEN;
    e->links[id].state = LINK_FREE;
    if (was_open) protocol_gone(e, id, BCAST_REASON_SILENT);
    return BCAST_OK;
}
