/* See links.h. */
#include "links.h"

#include <string.h>

#include "state.h"

int links_in_use(const struct bcast *e, uint32_t id) {
    return id < e->links_end && e->peers[id].link.state != LINK_FREE;
}

/* Ids below links_end are those that loops over links look at. */
static struct peer *peer_at(struct bcast *e, uint32_t id) {
    if (id >= e->links_end) e->links_end = id + 1;
    return &e->peers[id];
}

void links_open(struct bcast *e, uint32_t id, uint32_t position, enum bcast_role role) {
    struct peer *peer = peer_at(e, id);
    memset(peer, 0, sizeof *peer);
    link_open(&peer->link, position, role, e->now);
    peer->link.verified = e->window.verified;
}

void links_refuse(struct bcast *e, uint32_t id, enum bcast_reason reason) {
    struct link *link = &peer_at(e, id)->link;
    link->state = LINK_CLOSING;
    link->reason = (uint8_t)reason;
}

void links_drop(struct bcast *e, uint32_t id, enum bcast_reason reason) {
    struct link *link = &e->peers[id].link;
    if (link->state != LINK_OPEN) return;
    link->state = LINK_DROPPED;
    link->reason = (uint8_t)reason;
    e->links_marked++;
}

void links_lost(struct bcast *e, uint32_t id) {
    struct link *link = &e->peers[id].link;
    if (link->state != LINK_OPEN) {
        link->state = LINK_FREE;
        return;
    }
    link->state = LINK_LOST;
    link->reason = BCAST_REASON_SILENT;
    e->links_marked++;
}

const struct peer *links_child(const struct bcast *e, uint32_t position) {
    for (uint32_t k = 0; k < e->links_end; k++) {
        const struct link *link = &e->peers[k].link;
        if (link_is_child(link) && link->position == position) return &e->peers[k];
    }
    return NULL;
}
