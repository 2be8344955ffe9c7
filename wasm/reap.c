/* See reap.h. */
#include "reap.h"

#include "flow.h"
#include "members.h"
#include "parent.h"
#include "state.h"
#include "straggler.h"
#include "verdict.h"

static void reap_link(struct bcast *e, uint32_t id) {
    struct link *link = &e->peers[id].link;
    if (link->role == BCAST_ROLE_CHILD) {
        members_dropped(e, id);
        straggler_dropped(e, id);
        flow_settle(e);
    } else if (id == e->search.link) {
        parent_lost(e, link->reason);
    }
    link->state = link->state == LINK_LOST ? LINK_FREE : LINK_CLOSING;
    verdict_review(e);
}

void reap(struct bcast *e) {
    for (uint32_t k = 0; e->links_marked > 0; k++) {
        uint8_t state = e->peers[k].link.state;
        if (state != LINK_DROPPED && state != LINK_LOST) continue;
        e->links_marked--;
        reap_link(e, k);
    }
}
