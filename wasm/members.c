/*
 * Members: what is known of every position of the subtree.
 *
 * A position is reachable while at least one link claims it. A child's link claims the child's whole subtree until the
 * child says otherwise. Since claims are kept per link, it does not matter in which order news of a position that
 * moved from one parent to another arrive on different links. That a position is ready is a fact for good.
 *
 * A REPORT tells the parent ranges: LOST, HERE and SLOW at once, READY and REUSED when all that is reachable is ready, so
 * that in the usual session one frame per link is enough.
 */
#include <stddef.h>
#include <string.h>

#include "engine.h"

/* member.told_lost at the root, which has nobody to tell: how many sweeps have seen the position lost. */
enum { SWEPT_ONCE = 1, SWEPT_TWICE };

enum report { REPORT_HERE = 1, REPORT_LOST, REPORT_READY, REPORT_REUSED, REPORT_STRAGGLER };

uint32_t members_set_bytes(uint32_t size) { return (size + 7) / 8; }

/* The set of members a link claims; the one after the last link is for those whose static child has yet to connect. */
static uint8_t *claims_of(const struct bcast *e, uint32_t link) {
    return e->members.claims + (size_t)link * e->members.set_bytes;
}

static int has(const uint8_t *set, uint32_t i) { return set[i / 8] >> i % 8 & 1; }

static uint32_t index_of(const struct bcast *e, uint32_t position) { return position - e->config.position; }

/* Counts a member in (+1) or out (-1), before and after any change to it. */
static void tally(struct members *all, const struct member *m, int by) {
    all->counts[m->state] += (uint32_t)by;
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
    if (!is_root(e)) return;
    if (m->claims > 0 || m->state == MEMBER_GONE) {
        if (m->told_lost == SWEPT_TWICE) all->given_up--;
        m->told_lost = 0;
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
    all->counts[MEMBER_WAITED] = all->size;
    all->lost = all->size;
    all->sweep_at = UINT64_MAX;
    for (uint32_t i = 0; i < all->size; i++) claim(e, e->config.max_links, i, 1);
    all->dirty_from = all->size;
    all->dirty_to = 0;
}

void members_joined(struct bcast *e, uint32_t link) {
    uint32_t position = e->links[link].position, first = index_of(e, position);
    uint32_t end = first + tree_size(e->tree, position);
    for (uint32_t i = first; i < end; i++) claim(e, link, i, 1);
    members_arrived(e, position);
    e->links[link].elsewhere_at = position + 1;
}

void members_arrived(struct bcast *e, uint32_t position) {
    uint32_t first = index_of(e, position), end = first + tree_size(e->tree, position);
    if (tree_parent(e->tree, position) == e->config.position) {
        for (uint32_t i = first; i < end; i++) claim(e, e->config.max_links, i, 0);
        flow_settle(e);
        return;
    }
    /* Whoever is on the way to the static parent passes it on; who that is changes, so all hear of it, and again. */
    e->members.list[first].elsewhere = 1;
    for (uint32_t k = 0; k < e->links_end; k++) {
        struct link *link = &e->links[k];
        int on_the_way = is_child(link) && link->position != position && tree_below(e->tree, position, link->position);
        if (on_the_way && position < link->elsewhere_at) link->elsewhere_at = position;
    }
}

uint32_t members_take_elsewhere(const struct bcast *e, struct link *link) {
    /* Almost always there is nothing to tell, and this is asked for every record. */
    if (link->elsewhere_at == TREE_NONE) return TREE_NONE;
    uint32_t end = link->position + tree_size(e->tree, link->position);
    while (link->elsewhere_at < end) {
        uint32_t position = link->elsewhere_at++;
        if (e->members.list[index_of(e, position)].elsewhere) return position;
    }
    link->elsewhere_at = TREE_NONE;
    return TREE_NONE;
}

void members_dropped(struct bcast *e, uint32_t link) {
    uint32_t position = e->links[link].position, first = index_of(e, position);
    uint32_t end = first + tree_size(e->tree, position);
    for (uint32_t i = first; i < end; i++) claim(e, link, i, 0);
}

int members_heard(struct bcast *e, uint32_t link, uint32_t first, uint32_t count, uint8_t what) {
    uint32_t position = e->links[link].position;
    if (count == 0 || first < position || count > tree_size(e->tree, position) - (first - position)) return 0;
    if (first - position >= tree_size(e->tree, position)) return 0;
    uint32_t from = index_of(e, first);
    for (uint32_t i = from; i < from + count; i++) {
        switch (what) {
        case REPORT_HERE: claim(e, link, i, 1); break;
        case REPORT_LOST: claim(e, link, i, 0); break;
        case REPORT_READY: change(e, i, 0, MEMBER_READY); break;
        case REPORT_REUSED: change(e, i, 0, MEMBER_REUSED); break;
        case REPORT_STRAGGLER:
            members_mark_straggler(e, e->config.position + i);
            stall_acquit(e, link);
            break;
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

void members_staged(struct bcast *e, int reused) { change(e, 0, 0, reused ? MEMBER_REUSED : MEMBER_READY); }

void members_bye(struct bcast *e, uint32_t link) {
    uint32_t position = e->links[link].position, first = index_of(e, position);
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

/* What the parent should be told about a member now; 0 for nothing. */
static uint8_t untold(const struct members *all, const struct member *m) {
    int lost = m->claims == 0 && m->state != MEMBER_GONE;
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
    for (uint32_t i = 0; i < all->size; i++) all->list[i].told_lost = all->list[i].told_state = all->list[i].told_straggler = 0;
    all->dirty_from = 0;
    all->dirty_to = all->size;
    all->quiet = 0;
}

void members_sweep(struct bcast *e) {
    struct members *all = &e->members;
    for (uint32_t i = 0; i < all->size; i++) {
        struct member *m = &all->list[i];
        if (m->claims > 0 || m->state == MEMBER_GONE || m->told_lost == SWEPT_TWICE) continue;
        if (++m->told_lost == SWEPT_TWICE) all->given_up++;
    }
    /* Once there is a verdict, whoever still wants it asks at once. */
    uint64_t wait = e->verdict.state == VERDICT_NONE ? e->config.rejoin_ms : e->config.stall_ms;
    all->sweep_at = all->lost > all->given_up ? e->now + wait : UINT64_MAX;
}

uint32_t members_find(const struct bcast *e, int given_up) {
    const struct members *all = &e->members;
    uint32_t child, waited = TREE_NONE;
    for (uint32_t i = 0; i < all->size; i++) {
        const struct member *m = &all->list[i];
        int lost = m->claims == 0 && m->state != MEMBER_GONE;
        if (given_up ? m->told_lost == SWEPT_TWICE : lost) return e->config.position + i;
        if (m->state == MEMBER_WAITED && waited == TREE_NONE) waited = e->config.position + i;
    }
    if (given_up) return TREE_NONE;
    /* Of those who are merely waited for, a child that never came holds up others. */
    for (uint32_t k = 0; (child = tree_child(e->tree, e->config.position, k)) != TREE_NONE; k++) {
        if (members_expected(e, child)) return child;
    }
    return waited;
}
