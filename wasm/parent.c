/* See parent.h. */
#include "parent.h"

#include "least.h"
#include "links.h"
#include "members.h"
#include "state.h"
#include "verdict.h"

static uint32_t static_parent(const struct bcast *e) { return tree_parent(e->tree, e->config.position); }

static void dial(struct bcast *e, uint32_t position) {
    struct search *s = &e->search;
    if (position != s->candidate) s->retried = 0;
    s->candidate = position;
    s->state = SEARCH_DIAL;
}

void parent_init(struct bcast *e) {
    struct search *s = &e->search;
    s->link = NO_LINK;
    s->state = SEARCH_OVER;
    if (e->is_root) return;
    s->last = static_parent(e);
    s->orphan_until = e->now + e->config.grace_ms;
    dial(e, s->last);
}

/* The next candidate, after one that was tried in vain. */
static void dial_next(struct bcast *e) {
    struct search *s = &e->search;
    if (s->candidate != 0) {
        dial(e, s->vain++ == 0 ? tree_parent(e->tree, s->candidate) : 0);
        return;
    }
    s->vain = 0;
    s->state = SEARCH_PAUSE;
    s->redial_at = e->now + e->config.redial_ms;
    /* With the verdict known there is only BYE to bring, and no parent to take it. */
    if (e->verdict.state != VERDICT_NONE) s->state = SEARCH_OVER;
}

int parent_answered(struct bcast *e, uint32_t position, uint32_t link) {
    struct search *s = &e->search;
    if (!s->unanswered || position != s->dialled) return 0;
    s->unanswered = 0;
    if (s->state != SEARCH_DIALLING) {
        if (link != NO_LINK) links_drop(e, link, BCAST_REASON_UNWANTED);
    } else if (link == NO_LINK) {
        dial_next(e);
    } else {
        s->state = SEARCH_LINKED;
        s->link = link;
        s->vain = 0;
        if (position != static_parent(e)) e->statistics.reparented++;
        members_untold(e);
    }
    return 1;
}

void parent_lost(struct bcast *e, enum bcast_reason reason) {
    struct search *s = &e->search;
    const struct peer *parent = &e->peers[s->link];
    if (parent->talk.wanted && e->window.head < e->stream.segments) e->statistics.resumes++;
    s->link = NO_LINK;
    s->last = parent->link.position;
    s->orphan_until = e->now + e->config.rejoin_ms;
    if (parent->talk.bye_told || e->done) {
        s->state = SEARCH_OVER;
    } else if ((reason == BCAST_REASON_CORRUPT || s->candidate == 0) && !s->retried) {
        dial(e, s->candidate);
        s->retried = 1;
    } else if (reason == BCAST_REASON_MOVED && s->candidate != 0) {
        dial(e, 0);
    } else {
        dial_next(e);
    }
}

void parent_tick(struct bcast *e) {
    struct search *s = &e->search;
    if (s->state == SEARCH_OVER || s->state == SEARCH_LINKED) return;
    if (e->now >= s->orphan_until) {
        s->state = SEARCH_OVER;
        verdict_failure(e, BCAST_FAILURE_PEER_LOST, s->last, "", 0);
        verdict_alone(e);
    } else if (s->state == SEARCH_PAUSE && e->now >= s->redial_at) {
        dial(e, static_parent(e));
    }
}

uint64_t parent_deadline(const struct bcast *e) {
    const struct search *s = &e->search;
    if (s->state == SEARCH_OVER || s->state == SEARCH_LINKED) return UINT64_MAX;
    return s->state == SEARCH_PAUSE ? least(s->redial_at, s->orphan_until) : s->orphan_until;
}
