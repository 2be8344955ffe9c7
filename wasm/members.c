/*
 * A position is reachable while at least one link claims it. A child's link claims the child's whole subtree until the
 * child says otherwise. Since claims are kept per link, it does not matter in which order news of a position that
 * moved from one parent to another arrive on different links. That a position is ready is a fact for good.
 *
 * A REPORT tells the parent ranges: LOST, HERE and STRAGGLER at once, READY and REUSED when all that is reachable is
 * ready, so that in the usual session one frame per link is enough.
 */
#include "members.h"

#include <stddef.h>

#include "state.h"

/* A position is given up when so many sweeps in a row have seen it lost. */
#define SWEEPS 2

uint32_t members_set_bytes(uint32_t size) { return (size + 7) / 8; }

/* The set of members a link claims; the one after the last link has those whose static child has yet to connect. */
static uint8_t *claims_of(const struct bcast *e, uint32_t link) {
    return e->members.claims + (size_t)link * e->members.set_bytes;
}

static int has(const uint8_t *set, uint32_t i) { return set[i / 8] >> i % 8 & 1; }

static uint32_t index_of(const struct bcast *e, uint32_t position) { return position - e->config.position; }

/* Counts a member in (+1) or out (-1), before and after any change to it. */
static void tally(struct members *all, const struct member *m, int by) {
    if (m->claims == 0) {
        if (m->state != MEMBER_GONE) all->lost += (uint32_t)by;
        return;
    }
    if (m->state == MEMBER_WAITED) all->waited_here += (uint32_t)by;
    if (m->state == MEMBER_READY || m->state == MEMBER_REUSED) all->ready_here += (uint32_t)by;
    if (m->state == MEMBER_REUSED) all->reused_here += (uint32_t)by;
}

/* Makes a change to a member known to all sums and to the parent. */
static void change(struct bcast *e, uint32_t i, int claims, uint8_t state) {
    struct members *all = &e->members;
    struct member *m = &all->list[i];
    uint32_t lost = all->lost;
    tally(all, m, -1);
    m->claims = (uint16_t)(m->claims + claims);
    if (state > m->state) m->state = state;
    tally(all, m, +1);
    if (i < all->dirty_from) all->dirty_from = i;
    if (i >= all->dirty_to) all->dirty_to = i + 1;
    all->quiet = 0;
    if (!e->is_root) return;
    if (m->claims > 0 || m->state == MEMBER_GONE) {
        if (m->sweeps == SWEEPS) all->given_up--;
        m->sweeps = 0;
    }
    if (all->lost > lost && all->sweep_at == UINT64_MAX) all->sweep_at = e->now;
}

static void claim(struct bcast *e, uint32_t set, uint32_t i, int yes) {
    uint8_t *claims = claims_of(e, set), bit = (uint8_t)(1u << i % 8);
    if (has(claims, i) == yes) return;
    claims[i / 8] ^= bit;
    change(e, i, yes ? 1 : -1, MEMBER_WAITED);
}

void members_init(struct bcast *e) {
    struct members *all = &e->members;
    all->lost = all->size;
    all->sweep_at = UINT64_MAX;
    for (uint32_t i = 0; i < all->size; i++) claim(e, e->config.max_links, i, 1);
    all->dirty_from = all->size;
    all->dirty_to = 0;
}

/* Claims the subtree of a link's child through it, or no longer. */
static void claim_subtree(struct bcast *e, uint32_t set, uint32_t position, int yes) {
    uint32_t first = index_of(e, position), end = first + tree_size(e->tree, position);
    for (uint32_t i = first; i < end; i++) claim(e, set, i, yes);
}

void members_joined(struct bcast *e, uint32_t link) {
    struct peer *peer = &e->peers[link];
    claim_subtree(e, link, peer->link.position, 1);
    members_arrived(e, peer->link.position);
    peer->elsewhere_at = peer->link.position + 1;
}

void members_dropped(struct bcast *e, uint32_t link) { claim_subtree(e, link, e->peers[link].link.position, 0); }

void members_arrived(struct bcast *e, uint32_t position) {
    if (tree_parent(e->tree, position) == e->config.position) {
        claim_subtree(e, e->config.max_links, position, 0);
        return;
    }
    /* The children on the way to the static parent pass it on. Which they are changes, so all hear of it, and again. */
    e->members.list[index_of(e, position)].elsewhere = 1;
    for (uint32_t k = 0; k < e->links_end; k++) {
        struct peer *peer = &e->peers[k];
        uint32_t child = peer->link.position;
        int on_the_way = link_is_child(&peer->link) && child != position && tree_below(e->tree, position, child);
        if (on_the_way && position < peer->elsewhere_at) peer->elsewhere_at = position;
    }
}

uint32_t members_take_elsewhere(struct bcast *e, uint32_t link) {
    struct peer *peer = &e->peers[link];
    /* Almost always there is nothing to tell, and this is asked for every record. */
    if (peer->elsewhere_at == TREE_NONE) return TREE_NONE;
    uint32_t end = peer->link.position + tree_size(e->tree, peer->link.position);
    while (peer->elsewhere_at < end) {
        uint32_t position = peer->elsewhere_at++;
        if (e->members.list[index_of(e, position)].elsewhere) return position;
    }
    peer->elsewhere_at = TREE_NONE;
    return TREE_NONE;
}

int members_heard(struct bcast *e, uint32_t link, uint32_t first, uint32_t count, uint8_t what) {
    uint32_t position = e->peers[link].link.position;
    if (count == 0 || first < position || count > tree_size(e->tree, position) - (first - position)) return 0;
    if (first - position >= tree_size(e->tree, position)) return 0;
    uint32_t from = index_of(e, first);
    for (uint32_t i = from; i < from + count; i++) {
        switch (what) {
        case REPORT_HERE: claim(e, link, i, 1); break;
        case REPORT_LOST: claim(e, link, i, 0); break;
        case REPORT_READY: change(e, i, 0, MEMBER_READY); break;
        case REPORT_REUSED: change(e, i, 0, MEMBER_REUSED); break;
        case REPORT_STRAGGLER: members_mark_straggler(e, e->config.position + i); break;
        default: return 0;
        }
    }
    return 1;
}

void members_mark_straggler(struct bcast *e, uint32_t position) {
    uint32_t i = index_of(e, position);
    struct member *m = &e->members.list[i];
    if (m->straggler) return;
    m->straggler = 1;
    e->members.stragglers++;
    change(e, i, 0, MEMBER_WAITED);
}

int members_is_straggler(const struct bcast *e, uint32_t position) {
    return e->members.list[index_of(e, position)].straggler;
}

void members_staged(struct bcast *e, int reused) { change(e, 0, 0, reused ? MEMBER_REUSED : MEMBER_READY); }

void members_bye(struct bcast *e, uint32_t link) {
    uint32_t position = e->peers[link].link.position, first = index_of(e, position);
    uint32_t end = first + tree_size(e->tree, position);
    const uint8_t *claims = claims_of(e, link);
    for (uint32_t i = first; i < end; i++) {
        if (has(claims, i)) change(e, i, 0, MEMBER_GONE);
    }
}

void members_grace_over(struct bcast *e) {
    for (uint32_t i = 1; i < e->members.size; i++) claim(e, e->config.max_links, i, 0);
}

int members_expected(const struct bcast *e, uint32_t position) {
    return has(claims_of(e, e->config.max_links), index_of(e, position));
}

int members_expects(const struct bcast *e) {
    uint32_t child;
    for (uint32_t k = 0; (child = tree_child(e->tree, e->config.position, k)) != TREE_NONE; k++) {
        if (members_expected(e, child)) return 1;
    }
    return 0;
}

static int is_lost(const struct member *m) { return m->claims == 0 && m->state != MEMBER_GONE; }

/* What the parent should be told about a member now; 0 for nothing. */
static uint8_t untold(const struct members *all, const struct member *m) {
    int lost = is_lost(m);
    if (lost != m->told_lost) return lost ? REPORT_LOST : REPORT_HERE;
    if (m->straggler && !m->told_straggler) return REPORT_STRAGGLER;
    if (m->state == m->told_state || m->state == MEMBER_GONE || all->waited_here > 0) return 0;
    return m->state == MEMBER_REUSED ? REPORT_REUSED : REPORT_READY;
}

int members_report(struct bcast *e, uint32_t *first, uint32_t *count, uint8_t *what) {
    struct members *all = &e->members;
    if (all->quiet) return 0;
    uint32_t i = all->dirty_from;
    while (i < all->dirty_to && (*what = untold(all, &all->list[i])) == 0) i++;
    if (i >= all->dirty_to) {
        /* What is held back until all are ready stays dirty. */
        if (all->waited_here == 0) all->dirty_from = all->size, all->dirty_to = 0;
        all->quiet = 1;
        return 0;
    }
    *first = e->config.position + i;
    for (*count = 0; i < all->dirty_to && untold(all, &all->list[i]) == *what; i++, (*count)++) {
        struct member *m = &all->list[i];
        if (*what == REPORT_LOST || *what == REPORT_HERE) {
            m->told_lost = *what == REPORT_LOST;
        } else if (*what == REPORT_STRAGGLER) {
            m->told_straggler = 1;
        } else {
            m->told_state = m->state;
        }
    }
    return 1;
}

void members_untold(struct bcast *e) {
    struct members *all = &e->members;
    for (uint32_t i = 0; i < all->size; i++) {
        struct member *m = &all->list[i];
        m->told_lost = m->told_state = m->told_straggler = 0;
    }
    all->dirty_from = 0;
    all->dirty_to = all->size;
    all->quiet = 0;
}

void members_sweep(struct bcast *e) {
    struct members *all = &e->members;
    for (uint32_t i = 0; i < all->size; i++) {
        struct member *m = &all->list[i];
        if (!is_lost(m) || m->sweeps == SWEEPS) continue;
        if (++m->sweeps == SWEEPS) all->given_up++;
    }
    /* Once there is a verdict, a position that still wants it asks at once. */
    uint64_t wait = e->verdict.state == VERDICT_NONE ? e->config.rejoin_ms : e->config.stall_ms;
    all->sweep_at = all->lost > all->given_up ? e->now + wait : UINT64_MAX;
}

uint32_t members_given_up(const struct bcast *e) {
    for (uint32_t i = 0; i < e->members.size; i++) {
        if (e->members.list[i].sweeps == SWEEPS) return e->config.position + i;
    }
    return TREE_NONE;
}

uint32_t members_missing(const struct bcast *e) {
    uint32_t child, waited = TREE_NONE;
    for (uint32_t i = 0; i < e->members.size; i++) {
        const struct member *m = &e->members.list[i];
        if (is_lost(m)) return e->config.position + i;
        if (m->state == MEMBER_WAITED && waited == TREE_NONE) waited = e->config.position + i;
    }
    /* Of those that are merely waited for, a child that never came holds up others. */
    for (uint32_t k = 0; (child = tree_child(e->tree, e->config.position, k)) != TREE_NONE; k++) {
        if (members_expected(e, child)) return child;
    }
    return waited;
}
