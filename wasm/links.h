/*
 * The table of links. A link that is to be closed is only marked here: what follows for the rest of the engine is
 * reap()'s business, which comes after the act that marked it. So every module may close a link, and none has to call
 * what lies below it.
 */
#ifndef LINKS_H
#define LINKS_H

#include "bcast.h"

struct bcast;
struct peer;

/* Whether calls of bcast.h about this link may come: it is open, or its CLOSE has not been seen yet. */
int links_in_use(const struct bcast *e, uint32_t id);

/* Opens a link whose id is free; all that is kept about it starts from nothing. */
void links_open(struct bcast *e, uint32_t id, uint32_t position, enum bcast_role role);

/* A connection that has no business here: CLOSE is said, and nothing follows, as it never was a link. */
void links_refuse(struct bcast *e, uint32_t id, enum bcast_reason reason);

/* Marks an open link to be closed, with CLOSE said. A link that is not open stays as it is. */
void links_drop(struct bcast *e, uint32_t id, enum bcast_reason reason);

/* Takes note that a link has ended without our doing. */
void links_lost(struct bcast *e, uint32_t id);

/* The open child link of a position; NULL when there is none. */
const struct peer *links_child(const struct bcast *e, uint32_t position);

#endif
