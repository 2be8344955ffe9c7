/* See protocol.h. */
#include "protocol.h"

#include <stddef.h>
#include <string.h>

#include "bytes.h"
#include "flow.h"
#include "links.h"
#include "members.h"
#include "reap.h"
#include "stall.h"
#include "state.h"
#include "verdict.h"

#define FRAME_NONE UINT32_MAX

/* Which peer may say a frame, and whether it may have flags and payload. */
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

static int plan_header(struct bcast *e, struct peer *peer) {
    struct link *link = &peer->link;
    const struct frame *f = &link->frame;
    if (peer->talk.plan_told || f->length < STREAM_HEAD || f->length > e->config.plan_bytes) return 0;
    /* A new parent says again what the old one said. */
    if (e->plan_known) return f->length == e->plan_length && f->sum == load_u32(e->plan + 16);
    link->into = e->plan + FRAME_BYTES;
    return 1;
}

static int data_header(struct bcast *e, struct peer *peer) {
    struct link *link = &peer->link;
    const struct frame *f = &link->frame;
    uint64_t head = e->window.head;
    if (!peer->talk.wanted || head >= peer->talk.credit) return 0;
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
static int header_fits(struct bcast *e, struct peer *peer) {
    struct link *link = &peer->link;
    const struct frame *f = &link->frame;
    link->into = NULL;
    if (f->type >= sizeof rules / sizeof rules[0] || !rules[f->type].known) return 0;
    const struct rule *rule = &rules[f->type];
    if (!(link->role == BCAST_ROLE_PARENT ? rule->from_parent : rule->from_child)) return 0;
    if ((f->flags != 0 && !rule->flags) || (f->length != 0 && !rule->payload)) return 0;
    switch (f->type) {
    case FRAME_PLAN: return plan_header(e, peer);
    case FRAME_DATA: return data_header(e, peer);
    case FRAME_VERDICT: return verdict_header(e, link);
    case FRAME_FAIL:
        link->into = link->text;
        return f->length <= BCAST_TEXT_MAX && names_position(e, f);
    default: return 1;
    }
}

static int plan(struct bcast *e, struct peer *peer) {
    uint32_t length = peer->link.frame.length;
    peer->talk.plan_told = 1;
    if (e->plan_known) return 1;
    if (!stream_parse(&e->stream, e->plan + FRAME_BYTES, length, e->config.segment_bytes)) return 0;
    memcpy(e->plan, peer->link.header, FRAME_BYTES);
    e->plan_length = length;
    e->plan_known = 1;
    return 1;
}

static int data(struct bcast *e, const struct link *link) {
    memcpy(window_frame(&e->window, e->window.head), link->header, FRAME_BYTES);
    e->window.head++;
    e->statistics.segments_in++;
    return 1;
}

static int want(struct bcast *e, uint32_t id) {
    struct peer *peer = &e->peers[id];
    uint64_t segment;
    if (!peer->talk.plan_told || peer->talk.wanted || peer->talk.moved_due) return 0;
    if (!stream_segment_at(&e->stream, peer->link.frame.value, &segment)) return 0;
    peer->talk.asked = 1;
    flow_want(e, id, segment);
    flow_settle(e);
    return 1;
}

static int have(struct bcast *e, struct peer *peer) {
    if (!peer->talk.plan_told || peer->talk.asked) return 0;
    peer->talk.asked = 1;
    flow_settle(e);
    return 1;
}

static int credit(const struct bcast *e, struct peer *peer) {
    uint64_t segment;
    if (!peer->talk.asked || !stream_segment_at(&e->stream, peer->link.frame.value, &segment)) return 0;
    if (segment < peer->talk.credit) return 0;
    peer->talk.credit = segment;
    return 1;
}

static int report(struct bcast *e, uint32_t id) {
    const struct frame *f = &e->peers[id].link.frame;
    if (!members_heard(e, id, (uint32_t)f->value, (uint32_t)(f->value >> 32), f->flags)) return 0;
    /* While a straggler below it was on its way out, the child could not take more. */
    if (f->flags == REPORT_STRAGGLER) stall_acquit(e, id);
    return 1;
}

static int bye(struct bcast *e, uint32_t id) {
    struct talk *talk = &e->peers[id].talk;
    if (!talk->verdict_told || talk->bye_told) return 0;
    talk->bye_told = 1;
    members_bye(e, id);
    return 1;
}

static int verdict(struct bcast *e, const struct link *link) {
    if (e->verdict.state != VERDICT_NONE) return 1;
    memcpy(e->verdict.frame, link->header, FRAME_BYTES);
    verdict_heard(e);
    return 1;
}

static int elsewhere(struct bcast *e, uint64_t position) {
    if (position >= e->config.count || position == e->config.position) return 0;
    if (!tree_below(e->tree, (uint32_t)position, e->config.position)) return 0;
    members_arrived(e, (uint32_t)position);
    flow_settle(e);
    return 1;
}

/* What a whole frame does; 0 when it does not fit. */
static int act(struct bcast *e, uint32_t id) {
    struct peer *peer = &e->peers[id];
    struct link *link = &peer->link;
    const struct frame *f = &link->frame;
    uint32_t low = (uint32_t)f->value, high = (uint32_t)(f->value >> 32);
    switch (f->type) {
    case FRAME_PLAN: return plan(e, peer);
    case FRAME_WANT: return want(e, id);
    case FRAME_HAVE: return have(e, peer);
    case FRAME_DATA: return data(e, link);
    case FRAME_CREDIT: return credit(e, peer);
    case FRAME_REPORT: return report(e, id);
    case FRAME_FAIL: verdict_failure(e, low, high, link->text, f->length); return 1;
    case FRAME_VERDICT: return verdict(e, link);
    case FRAME_BYE: return bye(e, id);
    case FRAME_MOVED: links_drop(e, id, BCAST_REASON_MOVED); return 1;
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
    const struct peer *peer = &e->peers[id];
    uint32_t got = data_got(&peer->link);
    uint64_t end = peer->talk.credit;
    if (id == e->search.link && peer->talk.wanted && e->window.head < end && got != FRAME_NONE) {
        /* With gaps, what follows the first frame would get ahead of its place. */
        uint32_t most = e->window.gap == 0 ? e->config.inbox_segments : 1;
        *room = window_run(&e->window, &e->stream, end, most) - e->window.gap - got;
        return window_frame(&e->window, e->window.head) + got;
    }
    *room = e->config.inbox_bytes;
    return e->inbox;
}

uint8_t *protocol_place(const struct bcast *e, uint32_t id, uint32_t *room) {
    const struct peer *peer = &e->peers[id];
    const struct window *w = &e->window;
    uint64_t end = peer->talk.credit;
    *room = 0;
    if (id != e->search.link || !peer->talk.wanted || w->head >= end || data_got(&peer->link) != 0) return e->inbox;
    *room = window_run(w, &e->stream, end, e->config.inbox_segments);
    return window_frame(w, w->head) - w->gap;
}

static int in_window(const struct bcast *e, const uint8_t *bytes) {
    const struct window *w = &e->window;
    return bytes >= w->frames && bytes < w->frames + (size_t)w->slots * w->slot_bytes;
}

void protocol_put(struct bcast *e, const uint8_t *bytes, uint32_t length) {
    if (length > 0 && in_window(e, bytes)) window_overwritten(&e->window, bytes, length);
}

void protocol_feed(struct bcast *e, uint32_t id, const uint8_t *bytes, uint32_t length) {
    struct link *link = &e->peers[id].link;
    e->statistics.bytes_in += length;
    link->heard = e->now;
    protocol_put(e, bytes, length);
    while (link->state == LINK_OPEN) {
        enum link_event event = link_take(link, &bytes, &length);
        if (event == LINK_MORE) return;
        if (event == LINK_CORRUPT) {
            e->statistics.corrupt++;
            links_drop(e, id, BCAST_REASON_CORRUPT);
        } else if (event == LINK_HEADER ? !header_fits(e, &e->peers[id]) : !act(e, id)) {
            links_drop(e, id, BCAST_REASON_PROTOCOL);
        }
        reap(e);
        if (event == LINK_FRAME) verdict_review(e);
    }
}
