/*
 * Stall detection: children that hold up others. A child that takes nothing, or very little, for too long loses its link,
 * and ends as a straggler of the root. The positions below it are sent to the root as well, and catch up there with
 * the rest.
 */
#ifndef STALL_H
#define STALL_H

#include <stdint.h>

struct bcast;

/* Looks which children hold up others, and closes the links of those that do so for too long. */
void stall_check(struct bcast *e);

/* When stall_check() has to look again at the latest; UINT64_MAX for never. */
uint64_t stall_deadline(const struct bcast *e);

/* The time that a child has starts anew: it took enough, or was held up itself by a straggler below it that is gone. */
void stall_acquit(struct bcast *e, uint32_t link);

/* The parent says that this position holds up those below it: they have to read elsewhere. */
void stall_dismiss_children(struct bcast *e);

#endif
