/*
 * Finding a parent. Candidates lie on the way to the root: the static parent first, then the parent of the one that was
 * lost or could not be reached, then the root itself: where two neighbours are gone, more may be, and each costs its
 * time. A corrupt frame is worth a second try with the same candidate, and so is the root, behind which there is no
 * other. Then comes a pause, and the way again.
 */
#ifndef PARENT_H
#define PARENT_H

#include <stdint.h>

#include "bcast.h"

struct bcast;

/* The search begins with the static parent; the root has none. */
void parent_init(struct bcast *e);

/* A DIAL is answered; 0 when none is open for the position. `link` is NO_LINK when there is no connection. */
int parent_answered(struct bcast *e, uint32_t position, uint32_t link);

/* The parent's link is gone: look for the next parent. */
void parent_lost(struct bcast *e, enum bcast_reason reason);

/* Looks at the clock: gives up, or ends the pause. */
void parent_tick(struct bcast *e);

/* When parent_tick() has to look again at the latest; UINT64_MAX for never. */
uint64_t parent_deadline(const struct bcast *e);

#endif
