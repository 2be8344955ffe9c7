/*
 * What is to be done: compares what is with what has been told, and says one difference at a time. Links are served in
 * turn, so that none starves.
 */
#include <stddef.h>

#include "bytes.h"
#include "engine.h"

static int say(struct bcast_record *r, enum bcast_record_kind kind, uint32_t a, uint32_t b, uint32_t c) {
    *r = (struct bcast_record){.kind = kind, .word = {a, b, c}};
    return 1;
}

static int close_links(struct bcast *e, struct bcast_record *r) {
    for (uint32_t k = 0; k < e->links_end; k++) {
        if (e->links[k].state != LINK_CLOSING) continue;
        e->links[k].state = LINK_FREE;
        return say(r, BCAST_CLOSE, k, e->links[k].reason, 0);
    }
    return 0;
}

static int dial(struct bcast *e, struct bcast_record *r) {
    struct search *s = &e->search;
    if (s->state != SEARCH_DIAL) return 0;
    s->state = SEARCH_DIALLING;
    s->unanswered = 1;
    s->dialled = s->candidate;
    return say(r, BCAST_DIAL, s->candidate, 0, 0);
}

static int announce_plan(struct bcast *e, struct bcast_record *r) {
    if (!e->plan_known || e->plan_announced) return 0;
    e->plan_announced = 1;
    uint32_t head = stream_plan_head(e->stream.packages);
    const uint8_t *plan = e->plan + FRAME_BYTES;
    say(r, BCAST_PLAN, span_of(e, plan + head), e->plan_length - head, e->stream.packages);
    r->word[3] = span_of(e, e->stream.sizes);
    return 1;
}

static int announce_verdict(struct bcast *e, struct bcast_record *r) {
    struct verdict *v = &e->verdict;
    if (v->state == VERDICT_NONE || v->announced) return 0;
    v->announced = 1;
    uint32_t low = load_u32(v->frame + 8), high = load_u32(v->frame + 12);
    if (v->state == VERDICT_GO) return say(r, BCAST_READY, low, high, load_u32(v->frame + FRAME_BYTES));
    say(r, BCAST_FAILED, low, high, span_of(e, v->frame + FRAME_BYTES));
    r->word[3] = load_u32(v->frame + 4);
    return 1;
}

static void say_demand(struct bcast *e, struct link *link) {
    const struct window *w = &e->window;
    if (!e->settled || !link->plan_told) return;
    int needed = w->started && w->head < e->stream.segments && flow_needed(e);
    if (needed && !link->wanted) {
        link_say(link, FRAME_WANT, 0, stream_place(&e->stream, w->head).position);
        link->wanted = link->asked = 1;
    } else if (!link->asked) {
        link_say(link, FRAME_HAVE, 0, 0);
        link->asked = 1;
    }
    if (!link->wanted || link_room(link) == 0) return;
    /* Not for every segment: an eighth of the window is worth a frame. */
    uint64_t limit = flow_limit(e), step = (w->slots + 7) / 8;
    if (limit <= link->credit || (limit - link->credit < step && limit < e->stream.segments)) return;
    link_say(link, FRAME_CREDIT, 0, stream_place(&e->stream, limit).position);
    link->credit = limit;
}

static void say_to_parent(struct bcast *e, struct link *link) {
    uint32_t first, count;
    uint8_t what;
    if (link_room(link) < 2) return;
    if (e->verdict.state == VERDICT_NONE) say_demand(e, link);
    while (link_room(link) > 0) {
        if (members_report(e, &first, &count, &what)) {
            link_say(link, FRAME_REPORT, what, frame_pair(first, count));
            continue;
        }
        if (link->bye_told || !verdict_below_done(e)) return;
        link_say(link, FRAME_BYE, 0, 0);
        link->bye_told = 1;
    }
}

static void say_to_child(struct bcast *e, struct link *link) {
    uint32_t position;
    while (link_room(link) > 0 && (position = members_take_elsewhere(e, link)) != TREE_NONE) {
        link_say(link, FRAME_ELSEWHERE, 0, position);
    }
    if (link->moved_due && !link->moved_told && link_room(link) > 0) {
        link_say(link, FRAME_MOVED, 0, 0);
        link->moved_told = 1;
        e->statistics.moved++;
    }
    int apart = link->straggler && is_straggler(e, link);
    if (apart && !link->straggler_told && link_room(link) > 0) {
        link_say(link, FRAME_STRAGGLER, 0, 0);
        link->straggler_told = 1;
    }
}

/* The next segment for a child; NULL when there is none for now. */
static const uint8_t *next_segment(struct bcast *e, uint32_t id) {
    struct link *link = &e->links[id];
    if (link->straggler) straggler_join(e, id);
    if (!link->wanted || e->verdict.state != VERDICT_NONE) return NULL;
    if (link->next >= link->credit || link->next - link->acked >= e->config.send_ahead) return NULL;
    if (link->straggler) return straggler_frame(e, id);
    return e->window.started && link->next < e->window.head ? window_frame(&e->window, link->next) : NULL;
}

static int send(struct bcast *e, uint32_t id, struct bcast_record *r, enum outgoing_kind kind, const uint8_t *from,
                uint32_t length) {
    link_hand(&e->links[id], kind, length, e->now);
    e->statistics.bytes_out += length;
    return say(r, BCAST_SEND, id, span_of(e, from), length);
}

/* Sends a frame that lies whole in memory. */
static int send_frame(struct bcast *e, uint32_t id, struct bcast_record *r, enum outgoing_kind kind,
                      const uint8_t *frame) {
    return send(e, id, r, kind, frame, FRAME_BYTES + load_u32(frame + 4));
}

static int serve(struct bcast *e, uint32_t id, struct bcast_record *r) {
    struct link *link = &e->links[id];
    struct verdict *v = &e->verdict;
    const uint8_t *from;
    if (link->state != LINK_OPEN || !link_may_hand(link)) return 0;
    if (is_child(link)) {
        say_to_child(e, link);
    } else {
        say_to_parent(e, link);
    }
    if (link->ping_due && link_room(link) > 0) {
        link_say(link, FRAME_PING, 0, 0);
        link->ping_due = 0;
    }
    uint32_t length = link_controls(link, &from);
    if (length > 0) return send(e, id, r, OUTGOING_CONTROLS, from, length);
    if (!is_child(link)) {
        if (!v->failure_known || link->fail_told || v->state != VERDICT_NONE) return 0;
        link->fail_told = 1;
        return send_frame(e, id, r, OUTGOING_FIXED, v->failure);
    }
    if (e->plan_known && !link->plan_told) {
        link->plan_told = 1;
        return send_frame(e, id, r, OUTGOING_FIXED, e->plan);
    }
    if (v->state != VERDICT_NONE && !link->verdict_told) {
        link->verdict_told = 1;
        return send_frame(e, id, r, OUTGOING_FIXED, v->frame);
    }
    if ((from = next_segment(e, id)) == NULL) return 0;
    link->next++;
    e->statistics.segments_out++;
    return send_frame(e, id, r, OUTGOING_SEGMENT, from);
}

static int serve_links(struct bcast *e, struct bcast_record *r) {
    for (uint32_t tried = 0; tried < e->links_end; tried++) {
        uint32_t id = e->turn;
        e->turn = id + 1 < e->links_end ? id + 1 : 0;
        if (serve(e, id, r)) return 1;
    }
    return 0;
}

static int read_ahead(struct bcast *e, struct bcast_record *r) {
    struct window *w = &e->window;
    uint64_t segment;
    uint32_t slot;
    const uint8_t *frame;
    if (!is_root(e) || e->verdict.state != VERDICT_NONE) return 0;
    if (w->started && w->reads < e->config.read_ahead && w->asked < flow_limit(e) && flow_needed(e)) {
        segment = w->asked;
        slot = window_ask(w);
        frame = window_frame(w, segment);
    } else if (straggler_ask(e, &slot)) {
        segment = e->rereads[slot - w->slots].segment;
        frame = e->reread_frames + (size_t)(slot - w->slots) * w->slot_bytes;
    } else {
        return 0;
    }
    struct place place = stream_place(&e->stream, segment);
    say(r, BCAST_READ, slot, place.package, (uint32_t)place.offset);
    r->word[3] = (uint32_t)(place.offset >> 32);
    r->word[4] = span_of(e, frame + FRAME_BYTES);
    r->word[5] = place.length;
    return 1;
}

static int deliver(struct bcast *e, struct bcast_record *r) {
    struct window *w = &e->window;
    if (!e->wanted || e->verdict.state != VERDICT_NONE || w->delivered >= w->head) return 0;
    struct place place = stream_place(&e->stream, w->delivered);
    say(r, BCAST_DELIVER, place.package, (uint32_t)place.offset, (uint32_t)(place.offset >> 32));
    r->word[3] = span_of(e, window_frame(w, w->delivered) + FRAME_BYTES);
    r->word[4] = place.length;
    w->delivered++;
    return 1;
}

static int finish(struct bcast *e, struct bcast_record *r) {
    const struct search *s = &e->search;
    if (e->done || !verdict_below_done(e)) return 0;
    if (s->link != NO_LINK) {
        const struct link *parent = &e->links[s->link];
        if (!parent->bye_told || parent->controls_written != parent->controls_said) return 0;
    } else if (s->state != SEARCH_OVER) {
        return 0;
    }
    e->done = 1;
    return say(r, BCAST_DONE, 0, 0, 0);
}

int bcast_next(struct bcast *e, struct bcast_record *r) {
    if (e->error != BCAST_OK) return 0;
    if (close_links(e, r) || dial(e, r) || announce_plan(e, r) || announce_verdict(e, r)) return 1;
    flow_begin(e);
    if (serve_links(e, r) || read_ahead(e, r) || deliver(e, r) || finish(e, r)) return 1;
    stall_check(e);
    return close_links(e, r);
}
