/*
 * What peers say. A frame is judged twice: by its header, before a byte of payload is taken, and when it is whole. Whoever
 * says what does not fit loses the link; nothing a peer sends is an error of the engine.
 */
#include <stddef.h>
#include <string.h>

#include "bytes.h"
#include "engine.h"

#define FRAME_NONE UINT32_MAX

/* Who may say a frame, and whether it may have flags and payload. */
static const struct rule {
    uint8_t known, from_parent, from_child, flags, payload;
} rules[] = {
    [FRAME_PLAN] = {1, 1, 0, 0, 1},
    [FRAME_WANT] = {1, 0, 1, 0, 0},
    [FRAME_HAVE] = {1, 0, 1, 0, 0},
    [FRAME_DATA] = {1, 1, 0, 0, 1},
    [FRAME_CREDIT] = {1, 0, 1, 0, 0},
    [FRAME_REPORT] = {1, 0, 1, 1, 0},
    [FRAME_FAIL] = {1, 0, 1, 0, 1},
    [FRAME_VERDICT] = {1, 1, 0, 1, 1},
    [FRAME_BYE] = {1, 0, 1, 0, 0},
    [FRAME_MOVED] = {1, 1, 0, 0, 0},
    [FRAME_PING] = {1, 1, 1, 0, 0},
    [FRAME_STRAGGLER] = {1, 1, 0, 0, 0},
    [FRAME_ELSEWHERE] = {1, 1, 0, 0, 0},
};

/* A failure's or a verdict's failing position lies in the upper half of its value. */
static int names_position(const struct bcast *e, const struct frame *f) {
    return (uint32_t)(f->value >> 32) < e->config.count;
}

static int plan_header(struct bcast *e, struct link *link) {
    const struct frame *f = &link->frame;
    if (link->plan_told || f->length < STREAM_HEAD || f->length > e->config.plan_bytes) return 0;
    /* A new parent says again what the old one said. */
    if (e->plan_known) return f->length == e->plan_length && f->sum == load_u32(e->plan + 16);
    link->into = e->plan + FRAME_BYTES;
    return 1;
}

static int data_header(struct bcast *e, struct link *link) {
    const struct frame *f = &link->frame;
    uint64_t head = e->window.head;
    if (!link->wanted || head >= link->credit) return 0;
    struct place place = stream_place(&e->stream, head);
    if (f->value != place.position || f->length != place.length) return 0;
    window_claim(&e->window, head);
    link->into = window_frame(&e->window, head) + FRAME_BYTES;
    return 1;
}

static int verdict_header(struct bcast *e, struct link *link) {
    const struct frame *f = &link->frame;
    if (f->flags == FRAME_FLAG_GO ? f->length != 4 : f->flags != 0 || !names_position(e, f)) return 0;
    if (f->length > BCAST_TEXT_MAX) return 0;
    if (e->verdict.state == VERDICT_NONE) link->into = e->verdict.frame + FRAME_BYTES;
    return 1;
}

/* Whether a frame with this header may come now; says where its payload goes. */
static int header_fits(struct bcast *e, struct link *link) {
    const struct frame *f = &link->frame;
    link->into = NULL;
    if (f->type >= sizeof rules / sizeof rules[0] || !rules[f->type].known) return 0;
    const struct rule *rule = &rules[f->type];
    if (!(link->role == BCAST_ROLE_PARENT ? rule->from_parent : rule->from_child)) return 0;
    if ((f->flags != 0 && !rule->flags) || (f->length != 0 && !rule->payload)) return 0;
    switch (f->type) {
    case FRAME_PLAN: return plan_header(e, link);
    case FRAME_DATA: return data_header(e, link);
    case FRAME_VERDICT: return verdict_header(e, link);
    case FRAME_FAIL:
        link->into = link->text;
        return f->length <= BCAST_TEXT_MAX && names_position(e, f);
    default: return 1;
    }
}

static int plan(struct bcast *e, struct link *link) {
    link->plan_told = 1;
    if (e->plan_known) return 1;
    if (!stream_parse(&e->stream, e->plan + FRAME_BYTES, link->frame.length, e->config.segment_bytes)) return 0;
    memcpy(e->plan, link->header, FRAME_BYTES);
    e->plan_length = link->frame.length;
    e->plan_known = 1;
    return 1;
}

static int data(struct bcast *e, struct link *link) {
    memcpy(window_frame(&e->window, e->window.head), link->header, FRAME_BYTES);
    e->window.head++;
    e->statistics.segments_in++;
    return 1;
}

static int want(struct bcast *e, uint32_t id) {
    struct link *link = &e->links[id];
    uint64_t segment;
    if (!link->plan_told || link->wanted || link->moved_due) return 0;
    if (!stream_segment_at(&e->stream, link->frame.value, &segment)) return 0;
    link->asked = 1;
    flow_want(e, id, segment);
    flow_settle(e);
    return 1;
}

static int have(struct bcast *e, struct link *link) {
    if (!link->plan_told || link->asked) return 0;
    link->asked = 1;
    flow_settle(e);
    return 1;
}

static int credit(struct bcast *e, struct link *link) {
    uint64_t segment;
    if (!link->asked || !stream_segment_at(&e->stream, link->frame.value, &segment)) return 0;
    if (segment < link->credit) return 0;
    link->credit = segment;
    return 1;
}

static int bye(struct bcast *e, uint32_t id) {
    struct link *link = &e->links[id];
    if (!link->verdict_told || link->bye_told) return 0;
    link->bye_told = 1;
    members_bye(e, id);
    return 1;
}

static int verdict(struct bcast *e, struct link *link) {
    if (e->verdict.state != VERDICT_NONE) return 1;
    memcpy(e->verdict.frame, link->header, FRAME_BYTES);
    verdict_heard(e);
    return 1;
}

static int elsewhere(struct bcast *e, uint64_t position) {
    if (position >= e->config.count || position == e->config.position) return 0;
    if (!tree_below(e->tree, (uint32_t)position, e->config.position)) return 0;
    members_arrived(e, (uint32_t)position);
    return 1;
}

/* What a whole frame does; 0 when it does not fit. */
static int act(struct bcast *e, uint32_t id) {
    struct link *link = &e->links[id];
    const struct frame *f = &link->frame;
    uint32_t low = (uint32_t)f->value, high = (uint32_t)(f->value >> 32);
    switch (f->type) {
    case FRAME_PLAN: return plan(e, link);
    case FRAME_WANT: return want(e, id);
    case FRAME_HAVE: return have(e, link);
    case FRAME_DATA: return data(e, link);
    case FRAME_CREDIT: return credit(e, link);
    case FRAME_REPORT: return members_heard(e, id, low, high, f->flags);
    case FRAME_FAIL: verdict_failure(e, low, high, link->text, f->length); return 1;
    case FRAME_VERDICT: return verdict(e, link);
    case FRAME_BYE: return bye(e, id);
    case FRAME_MOVED: protocol_drop(e, id, BCAST_REASON_MOVED); return 1;
    case FRAME_STRAGGLER: stall_dismiss_children(e); return 1;
    case FRAME_ELSEWHERE: return elsewhere(e, f->value);
    default: return 1;
    }
}

/* Bytes of the stream's next frame that have come; FRAME_NONE while another frame is under way. */
static uint32_t data_got(const struct link *link) {
    if (link->header_got < FRAME_BYTES) return link->header_got;
    return link->frame.type == FRAME_DATA ? FRAME_BYTES + link->payload_got : FRAME_NONE;
}

/* Every byte that comes from the parent is at, or behind, the place where it stays: at first it is right there, and each
 * control frame between segments puts what follows behind by its own length. So what is moved forward never covers
 * what has not been read, and a run ends where places would get ahead: behind a short segment. */
uint8_t *protocol_inbox(const struct bcast *e, uint32_t id, uint32_t *room) {
    const struct link *link = &e->links[id];
    uint32_t got = data_got(link);
    if (id == e->search.link && link->wanted && e->window.head < link->credit && got != FRAME_NONE) {
        *room = window_run(&e->window, &e->stream, link->credit, e->config.inbox_segments) - got;
        return window_frame(&e->window, e->window.head) + got;
    }
    *room = e->config.inbox_bytes;
    return e->inbox;
}

static int in_window(const struct bcast *e, const uint8_t *bytes) {
    const struct window *w = &e->window;
    return bytes >= w->frames && bytes < w->frames + (size_t)w->slots * w->slot_bytes;
}

void protocol_feed(struct bcast *e, uint32_t id, const uint8_t *bytes, uint32_t length) {
    struct link *link = &e->links[id];
    e->statistics.bytes_in += length;
    link->heard = e->now;
    if (length > 0 && in_window(e, bytes)) window_overwritten(&e->window, bytes, length);
    while (link->state == LINK_OPEN) {
        switch (link_take(link, &bytes, &length)) {
        case LINK_MORE: return;
        case LINK_CORRUPT:
            e->statistics.corrupt++;
            protocol_drop(e, id, BCAST_REASON_CORRUPT);
            break;
        case LINK_HEADER:
            if (!header_fits(e, link)) protocol_drop(e, id, BCAST_REASON_PROTOCOL);
            break;
        case LINK_FRAME:
            if (!act(e, id)) protocol_drop(e, id, BCAST_REASON_PROTOCOL);
            verdict_review(e);
            break;
        }
    }
}

void protocol_drop(struct bcast *e, uint32_t id, enum bcast_reason reason) {
    struct link *link = &e->links[id];
    if (link->state != LINK_OPEN) return;
    link->state = LINK_CLOSING;
    link->reason = (uint8_t)reason;
    protocol_gone(e, id, reason);
}

void protocol_gone(struct bcast *e, uint32_t id, enum bcast_reason reason) {
    if (e->links[id].role == BCAST_ROLE_CHILD) {
        members_dropped(e, id);
        straggler_dropped(e, id);
        flow_settle(e);
    } else if (id == e->search.link) {
        parent_lost(e, reason);
    }
    verdict_review(e);
}
