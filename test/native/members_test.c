/* Members: what is known of positions that connect, move, get ready and are lost; and links that end, by reap(). */
#include "members.h"

#include "check.h"
#include "links.h"
#include "reap.h"
#include "state.h"

static uint64_t arena[1 << 13];

/* The root of a binomial tree of 8: its children are 4, 2 and 1. */
static struct bcast *create(void) {
    struct bcast_config c = BCAST_CONFIG_DEFAULT;
    struct bcast *e;
    c.count = 8;
    c.segment_bytes = 64;
    c.slots = 2;
    c.max_links = 4;
    c.plan_bytes = 128;
    c.inbox_bytes = 0;
    c.tolerate_lost = 1;
    CHECK(bcast_init(&e, arena, sizeof arena, &c, 0) == BCAST_OK, "init");
    return e;
}

static void join(struct bcast *e, uint32_t link, uint32_t position) {
    links_open(e, link, position, BCAST_ROLE_CHILD);
    members_joined(e, link);
}

static void the_order_of_news_does_not_matter(void) {
    struct bcast *e = create();
    join(e, 0, 4);
    join(e, 1, 6);
    CHECK(e->members.lost == 0, "6 is reached by two ways");
    CHECK(members_heard(e, 0, 6, 2, REPORT_LOST) && e->members.lost == 0, "and by one is enough");
    CHECK(members_heard(e, 1, 7, 1, REPORT_LOST) && e->members.lost == 1, "7 by none");
    CHECK(members_heard(e, 0, 7, 1, REPORT_HERE) && e->members.lost == 0, "and again by the other");
    CHECK(!members_heard(e, 1, 4, 1, REPORT_HERE), "4 is not below 6");
    CHECK(!members_heard(e, 0, 6, 3, REPORT_HERE), "8 is not there");
}

static void a_dropped_link_is_reaped_once(void) {
    struct bcast *e = create();
    join(e, 0, 4);
    links_drop(e, 0, BCAST_REASON_STALLED);
    links_drop(e, 0, BCAST_REASON_SILENT);
    CHECK(e->links_marked == 1 && e->members.lost == 0, "marked, and nothing follows yet");
    CHECK(links_child(e, 4) == NULL && links_in_use(e, 0), "no child any more, but its CLOSE is to be said");
    reap(e);
    CHECK(e->links_marked == 0 && e->members.lost == 4, "4 to 7 are lost: %u", e->members.lost);
    CHECK(e->peers[0].link.state == LINK_CLOSING && e->peers[0].link.reason == BCAST_REASON_STALLED, "the first reason");
    join(e, 1, 4);
    links_lost(e, 1);
    reap(e);
    CHECK(!links_in_use(e, 1), "a lost link is free at once");
}

static void positions_are_given_up_after_two_sweeps(void) {
    struct bcast *e = create();
    members_grace_over(e);
    join(e, 0, 2);
    CHECK(members_missing(e) == 1 && e->members.lost == 5, "all but 0, 2 and 3");
    members_sweep(e);
    CHECK(members_given_up(e) == TREE_NONE, "not after the first");
    join(e, 1, 1);
    members_sweep(e);
    CHECK(members_given_up(e) == 4 && e->members.given_up == 4, "1 has come back");
    join(e, 2, 4);
    CHECK(e->members.given_up == 0 && e->members.lost == 0, "so do the others, late");
}

static void stragglers_are_so_for_good(void) {
    struct bcast *e = create();
    join(e, 0, 4);
    CHECK(members_heard(e, 0, 5, 1, REPORT_STRAGGLER) && members_heard(e, 0, 5, 1, REPORT_STRAGGLER), "heard twice");
    CHECK(members_is_straggler(e, 5) && !members_is_straggler(e, 4) && e->members.stragglers == 1, "counted once");
    links_lost(e, 0);
    reap(e);
    CHECK(members_is_straggler(e, 5), "whatever becomes of its link");
}

int main(void) {
    the_order_of_news_does_not_matter();
    a_dropped_link_is_reaped_once();
    positions_are_given_up_after_two_sweeps();
    stragglers_are_so_for_good();
    puts("members: claims, sweeps, stragglers, and links that end");
}
