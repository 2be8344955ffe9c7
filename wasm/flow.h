/* The flow of the stream: which links need it, and how far it may go. */
#ifndef FLOW_H
#define FLOW_H

#include <stdint.h>

struct bcast;
struct peer;

/* Looks whether all that matter have said whether they need the stream: this position and its static children. */
void flow_settle(struct bcast *e);

/* Starts the window where the first reader does, once that is known. */
void flow_begin(struct bcast *e);

/* Whether the stream is needed here or below, through the window. */
int flow_needed(const struct bcast *e);

/* A child wants the stream from a segment on. */
void flow_want(struct bcast *e, uint32_t link, uint64_t segment);

/* Segments below this number have a slot. */
uint64_t flow_limit(const struct bcast *e);

/* Whether the peer is a child that reads through the window. */
int flow_reads(const struct peer *peer);

/* The first segment that is still needed in its slot, by this position or a child. */
uint64_t flow_floor(const struct bcast *e);

#endif
