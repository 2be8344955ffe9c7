/*
 * Tree arithmetic: who is whose parent, from nothing but position and count.
 *
 * Every shape numbers its positions so that a subtree is a contiguous range, [position, position + size): what
 * the engine keeps about its subtree is then an array, and "is it below me" a comparison.
 */
#ifndef TREE_H
#define TREE_H

#include <stdint.h>

#define TREE_NONE UINT32_MAX

struct tree {
    uint32_t shape; /* enum bcast_shape, but not BEST */
    uint32_t count; /* positions, at least 1 */
};

/* What a tree has to carry, and over what. */
struct tree_load {
    uint64_t stream_bytes;
    uint64_t bytes_per_second; /* of a node's link, in each direction */
    uint32_t segment_bytes;
    uint32_t hop_us;           /* from a segment's arrival to its departure */
};

/* Packages of a usual size over 10 Gbit/s. A hop takes half a millisecond or less on an idle node; a busy one may take
 * this long. Whatever is moved twice as fast or in half as many pieces moves the choice a little, and all must choose
 * alike before they know what will come: so this is what is reckoned with. */
#define TREE_USUAL_LOAD \
    {.stream_bytes = UINT64_C(64) << 20, .bytes_per_second = 1250000000, .segment_bytes = 1 << 18, .hop_us = 1000}

/* How long it takes, in microseconds, until all positions have the stream when nothing goes wrong: the widest position
 * sends it once per child, and the last segment has the rest of the way still before it. */
uint64_t tree_cost_us(struct tree tree, const struct tree_load *load);

/* The shape that costs least for so many positions; of two alike the earlier in the list. */
uint32_t tree_best(uint32_t count, const struct tree_load *load);

/* The position's parent; TREE_NONE for the root. */
uint32_t tree_parent(struct tree tree, uint32_t position);

/* The position's child number `index`, the one with the deepest full subtree first; TREE_NONE past the last. */
uint32_t tree_child(struct tree tree, uint32_t position, uint32_t index);

/* How many positions the subtree has, the position itself included. */
uint32_t tree_size(struct tree tree, uint32_t position);

/* How many links lie between the position and the root. */
uint32_t tree_level(struct tree tree, uint32_t position);

/* How many links lie between the position and the deepest one below it. */
uint32_t tree_height(struct tree tree, uint32_t position);

/* Whether `position` lies in the subtree of `ancestor`; a position lies in its own. */
int tree_below(struct tree tree, uint32_t position, uint32_t ancestor);

#endif
