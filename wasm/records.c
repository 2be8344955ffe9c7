/*
 * What is to be done: compares what is with what has been told, and says one difference at a time. Links are served in
 * turn, so that none starves.
 */
#include <stddef.h>

#include "arena.h"
#include "bytes.h"
#include "flow.h"
#include "members.h"
#include "reap.h"
#include "stall.h"
#include "state.h"
#include "straggler.h"
#include "verdict.h"

static int say(struct bcast_record *r, enum bcast_record_kind kind, uint32_t a, uint32_t b, uint32_t c) {
    *r = (struct bcast_record){.kind = kind, .word = {a, b, c}};
    return 1;
}

static int close_links(struct bcast *e, struct bcast_record *r) {
    for (uint32_t k = 0; k < e->links_end; k++) {
        struct link *link = &e->peers[k].link;
        if (link->state != LINK_CLOSING) continue;
        link->state = LINK_FREE;
        return say(r, BCAST_CLOSE, k, link->reason, 0);
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
    say(r, BCAST_PLAN, arena_span(e, plan + head), e->plan_length - head, e->stream.packages);
    r->word[3] = arena_span(e, e->stream.sizes);
    return 1;
}

static int announce_verdict(struct bcast *e, struct bcast_record *r) {
    struct verdict *v = &e->verdict;
    if (v->state == VERDICT_NONE || v->announced) return 0;
    v->announced = 1;
    uint32_t low = load_u32(v->frame + 8), high = load_u32(v->frame + 12);
    if (v->state == VERDICT_GO) return say(r, BCAST_READY, low, high, load_u32(v->frame + FRAME_BYTES));
    say(r, BCAST_FAILED, low, high, arena_span(e, v->frame + FRAME_BYTES));
    r->word[3] = load_u32(v->frame + 4);
    return 1;
}

static void say_demand(struct bcast *e, struct peer *parent) {
    const struct window *w = &e->window;
    struct link *link = &parent->link;
    struct talk *talk = &parent->talk;
    if (!e->settled || !talk->plan_told) return;
    int needed = w->started && w->head < e->stream.segments && flow_needed(e);
    if (needed && !talk->wanted) {
        link_say(link, FRAME_WANT, 0, stream_place(&e->stream, w->head).position);
        talk->wanted = talk->asked = 1;
    } else if (!talk->asked) {
        link_say(link, FRAME_HAVE, 0, 0);
        talk->asked = 1;
    }
    if (!talk->wanted || link_room(link) == 0) return;
    /* Not for every segment: an eighth of the window is worth a frame. */
    uint64_t limit = flow_limit(e), step = (w->slots + 7) / 8;
    if (limit <= talk->credit || (limit - talk->credit < step && limit < e->stream.segments)) return;
    link_say(link, FRAME_CREDIT, 0, stream_place(&e->stream, limit).position);
    talk->credit = limit;
}

static void say_to_parent(struct bcast *e, struct peer *parent) {
    struct link *link = &parent->link;
    uint32_t first, count;
    uint8_t what;
    if (link_room(link) < 2) return;
    if (e->verdict.state == VERDICT_NONE) say_demand(e, parent);
    while (link_room(link) > 0) {
        if (members_report(e, &first, &count, &what)) {
            link_say(link, FRAME_REPORT, what, frame_pair(first, count));
            continue;
        }
        if (parent->talk.bye_told || !verdict_below_done(e)) return;
        link_say(link, FRAME_BYE, 0, 0);
        parent->talk.bye_told = 1;
    }
}

static void say_to_child(struct bcast *e, uint32_t id) {
    struct peer *child = &e->peers[id];
    struct link *link = &child->link;
    struct talk *talk = &child->talk;
    uint32_t position;
    while (link_room(link) > 0 && (position = members_take_elsewhere(e, id)) != TREE_NONE) {
        link_say(link, FRAME_ELSEWHERE, 0, position);
    }
    if (talk->moved_due && !talk->moved_told && link_room(link) > 0) {
        link_say(link, FRAME_MOVED, 0, 0);
        talk->moved_told = 1;
        e->statistics.moved++;
    }
    int for_good = child->reader.straggler && members_is_straggler(e, link->position);
    if (for_good && !talk->straggler_told && link_room(link) > 0) {
        link_say(link, FRAME_STRAGGLER, 0, 0);
        talk->straggler_told = 1;
    }
}

/* The next segment for a child; NULL when there is none for now. */
static const uint8_t *next_segment(struct bcast *e, uint32_t id) {
    struct peer *child = &e->peers[id];
    struct reader *reader = &child->reader;
    if (reader->straggler) straggler_join(e, child);
    if (!child->talk.wanted || e->verdict.state != VERDICT_NONE) return NULL;
    if (reader->next >= child->talk.credit || reader->next - reader->acked >= e->config.send_ahead) return NULL;
    if (reader->straggler) return straggler_frame(e, id);
    return e->window.started && reader->next < e->window.head ? window_frame(&e->window, reader->next) : NULL;
}

static int send(struct bcast *e, uint32_t id, struct bcast_record *r, enum outgoing_kind kind, const uint8_t *from,
                uint32_t length) {
    link_hand(&e->peers[id].link, kind, length, e->now);
    e->statistics.bytes_out += length;
    return say(r, BCAST_SEND, id, arena_span(e, from), length);
}

/* Sends a frame that lies whole in memory. */
static int send_frame(struct bcast *e, uint32_t id, struct bcast_record *r, enum outgoing_kind kind,
                      const uint8_t *frame) {
    return send(e, id, r, kind, frame, FRAME_BYTES + load_u32(frame + 4));
}

/* A frame with payload that the parent has yet to get. */
static int send_to_parent(struct bcast *e, uint32_t id, struct bcast_record *r) {
    struct talk *talk = &e->peers[id].talk;
    struct verdict *v = &e->verdict;
    if (!v->failure_known || talk->fail_told || v->state != VERDICT_NONE) return 0;
    talk->fail_told = 1;
    return send_frame(e, id, r, OUTGOING_FIXED, v->failure);
}

/* A frame with payload that a child has yet to get. */
static int send_to_child(struct bcast *e, uint32_t id, struct bcast_record *r) {
    struct talk *talk = &e->peers[id].talk;
    if (e->plan_known && !talk->plan_told) {
        talk->plan_told = 1;
        return send_frame(e, id, r, OUTGOING_FIXED, e->plan);
    }
    if (e->verdict.state != VERDICT_NONE && !talk->verdict_told) {
        talk->verdict_told = 1;
        return send_frame(e, id, r, OUTGOING_FIXED, e->verdict.frame);
    }
    const uint8_t *segment = next_segment(e, id);
    if (segment == NULL) return 0;
    e->peers[id].reader.next++;
    e->statistics.segments_out++;
    return send_frame(e, id, r, OUTGOING_SEGMENT, segment);
}

static int serve(struct bcast *e, uint32_t id, struct bcast_record *r) {
    struct peer *peer = &e->peers[id];
    struct link *link = &peer->link;
    const uint8_t *from;
    if (link->state != LINK_OPEN || !link_may_hand(link)) return 0;
    int child = link_is_child(link);
    if (child) say_to_child(e, id);
    else say_to_parent(e, peer);
    if (peer->talk.ping_due && link_room(link) > 0) {
        link_say(link, FRAME_PING, 0, 0);
        peer->talk.ping_due = 0;
    }
    uint32_t length = link_controls(link, &from);
    if (length > 0) return send(e, id, r, OUTGOING_CONTROLS, from, length);
    return child ? send_to_child(e, id, r) : send_to_parent(e, id, r);
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
    if (!e->is_root || e->verdict.state != VERDICT_NONE) return 0;
    if (w->started && w->reads < e->config.read_ahead && w->asked < flow_limit(e) && flow_needed(e)) {
        segment = w->asked;
        slot = window_ask(w);
        frame = window_frame(w, segment);
    } else if (straggler_ask(e, &slot)) {
        frame = straggler_slot(e, slot, &segment);
    } else {
        return 0;
    }
    struct place place = stream_place(&e->stream, segment);
    say(r, BCAST_READ, slot, place.package, (uint32_t)place.offset);
    r->word[3] = (uint32_t)(place.offset >> 32);
    r->word[4] = arena_span(e, frame + FRAME_BYTES);
    r->word[5] = place.length;
    return 1;
}

static int deliver(struct bcast *e, struct bcast_record *r) {
    struct window *w = &e->window;
    if (!e->wanted || e->verdict.state != VERDICT_NONE || w->delivered >= w->head) return 0;
    struct place place = stream_place(&e->stream, w->delivered);
    say(r, BCAST_DELIVER, place.package, (uint32_t)place.offset, (uint32_t)(place.offset >> 32));
    r->word[3] = arena_span(e, window_frame(w, w->delivered) + FRAME_BYTES);
    r->word[4] = place.length;
    w->delivered++;
    return 1;
}

static int finish(struct bcast *e, struct bcast_record *r) {
    const struct search *s = &e->search;
    if (e->done || !verdict_below_done(e)) return 0;
    if (s->link != NO_LINK) {
        const struct peer *parent = &e->peers[s->link];
        if (!parent->talk.bye_told || parent->link.controls_written != parent->link.controls_said) return 0;
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
    reap(e);
    return close_links(e, r);
}
