/* See arena.h. Everything lies behind the engine itself, in an order that needs no padding but the last. */
#include "arena.h"

#include <stddef.h>
#include <string.h>

#include "members.h"
#include "parent.h"
#include "state.h"

#define LINKS_MAX 65534
#define SEND_AHEAD_MAX 8
#define BYTES_MAX (UINT32_C(1) << 30)
#define GAP_MAX 4096

static int config_is_possible(const struct bcast_config *c) {
    if (c->count == 0 || c->position >= c->count || c->shape > BCAST_SHAPE_BEST) return 0;
    if (c->segment_bytes == 0 || c->segment_bytes > BYTES_MAX) return 0;
    if (c->plan_bytes < STREAM_HEAD || c->plan_bytes > BYTES_MAX || c->inbox_bytes > BYTES_MAX) return 0;
    if (c->slots < 2 || c->straggler_slots == 0 || c->read_ahead == 0) return 0;
    if (c->slots > BYTES_MAX || c->straggler_slots > BYTES_MAX || c->inbox_segments == 0) return 0;
    if (c->gap_bytes > GAP_MAX) return 0;
    if ((c->segment_bytes + UINT64_C(64) + c->gap_bytes) * c->inbox_segments > BYTES_MAX) return 0;
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
    uint32_t size = tree_size(tree, c->position), slot_bytes = window_slot_bytes(c->segment_bytes, c->gap_bytes);
    uint32_t rereads = c->position == 0 ? c->straggler_slots : 0;
    uint64_t used = 0, sets = (uint64_t)members_set_bytes(size) * (c->max_links + 1);
    take(base, &used, sizeof *e);
    e->tree = tree;
    e->peers = (struct peer *)take(base, &used, (uint64_t)sizeof *e->peers * c->max_links);
    e->rereads = (struct reread *)take(base, &used, (uint64_t)sizeof *e->rereads * rereads);
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
    e->window.gap = c->gap_bytes;
    e->window.verified = c->verified != 0;
    e->window.frames = take(base, &used, (uint64_t)slot_bytes * c->slots);
    e->reread_frames = take(base, &used, (uint64_t)slot_bytes * rereads);
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
    e->is_root = config->position == 0;
    if (!e->is_root) e->config.straggler_slots = 0;
    e->now = e->started_at = now;
    members_init(e);
    parent_init(e);
    *out = e;
    return BCAST_OK;
}

uint32_t arena_span(const struct bcast *e, const uint8_t *place) { return (uint32_t)(place - e->arena); }
