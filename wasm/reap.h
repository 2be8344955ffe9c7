/* What follows when a link is gone: its claims, its place in the stream, and its having been our parent end. */
#ifndef REAP_H
#define REAP_H

struct bcast;

/* Sees to every link that links.h has marked. Comes after each act that may mark one (a frame, a look at the clock,
 * a record pulled), not merely at the end of a call: else it would show how input was cut. */
void reap(struct bcast *e);

#endif
