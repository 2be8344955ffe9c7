/* See verdict.h. Both are kept as the frames they are sent in, so that they need no room when they are passed on. */
#include "verdict.h"

#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "members.h"
#include "state.h"

/* Makes a frame with payload, as it will be sent. `payload` may already lie in place. */
static void compose(uint8_t *out, uint8_t type, uint8_t flags, uint64_t value, const void *payload, uint32_t length) {
    memmove(out + FRAME_BYTES, payload, length);
    struct frame frame = {
        .type = type, .flags = flags, .value = value, .length = length, .sum = checksum(payload, length)};
    frame_encode(out, &frame);
}

static void decide(struct bcast *e, enum verdict_state state) {
    struct verdict *v = &e->verdict;
    const struct members *all = &e->members;
    v->state = (uint8_t)state;
    if (e->is_root && all->lost > all->given_up) e->members.sweep_at = e->now + e->config.stall_ms;
    if (state == VERDICT_GO) {
        uint8_t lost[4];
        store_u32(lost, all->lost);
        compose(v->frame, FRAME_VERDICT, FRAME_FLAG_GO, frame_pair(all->ready_here, all->reused_here), lost, sizeof lost);
    } else {
        compose(v->frame, FRAME_VERDICT, 0, load_u64(v->failure + 8), v->failure + FRAME_BYTES,
                load_u32(v->failure + 4));
    }
}

void verdict_failure(struct bcast *e, uint32_t code, uint32_t position, const void *text, uint32_t length) {
    struct verdict *v = &e->verdict;
    if (v->failure_known || v->state != VERDICT_NONE) return;
    v->failure_known = 1;
    if (length > BCAST_TEXT_MAX) length = BCAST_TEXT_MAX;
    compose(v->failure, FRAME_FAIL, 0, frame_pair(code, position), text, length);
    verdict_review(e);
}

void verdict_heard(struct bcast *e) {
    struct verdict *v = &e->verdict;
    v->state = v->frame[1] & FRAME_FLAG_GO ? VERDICT_GO : VERDICT_FAIL;
}

void verdict_alone(struct bcast *e) {
    if (e->verdict.state == VERDICT_NONE) decide(e, VERDICT_FAIL);
}

void verdict_review(struct bcast *e) {
    const struct members *all = &e->members;
    if (!e->is_root || e->verdict.state != VERDICT_NONE) return;
    if (!e->verdict.failure_known && !e->config.tolerate_lost && all->given_up > 0) {
        verdict_failure(e, BCAST_FAILURE_PEER_LOST, members_given_up(e), "", 0);
        return;
    }
    if (e->verdict.failure_known) {
        decide(e, VERDICT_FAIL);
    } else if (all->waited_here == 0 && all->lost == all->given_up) {
        decide(e, VERDICT_GO);
    }
}

int verdict_below_done(const struct bcast *e) {
    const struct members *all = &e->members;
    if (e->verdict.state == VERDICT_NONE || members_expects(e)) return 0;
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (link_is_child(&e->peers[k].link) && !e->peers[k].talk.bye_told) return 0;
    }
    /* Only the root waits for positions on their way from one parent to another: they will come to it in the end. */
    return !e->is_root || all->lost == all->given_up;
}
