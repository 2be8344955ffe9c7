/*
 * Binomial: a position's parent is the position with its lowest set bit cleared. Chain: one after the other. Binary: behind
 * each position the larger half of what is left to it, then the smaller.
 *
 * In a binomial tree the root sends log2(count) copies, which is nothing for a word and everything for packages. In
 * a chain everybody sends one, and the last position is count hops behind. In a binary tree everybody sends two, and
 * no position is further behind than log2(count) hops. (Two trees at once, each with half of the stream, would need but
 * one: but then every position has two parents to lose. See Sanders, Speck, Traeff 2009.)
 */
#include "tree.h"

#include "bcast.h"

/* How far the binomial subtree would reach if count did not cut it: the lowest set bit; for the root, count rounded
 * up to a power of two. 64 bits, as that may be 2^32. */
static uint64_t binomial_reach(struct tree tree, uint32_t position) {
    if (position != 0) return position & (0u - position);
    uint64_t reach = 1;
    while (reach < tree.count) reach *= 2;
    return reach;
}

/* Where a position of the binary tree lies. */
struct spot {
    uint32_t parent, size;
};

/* Found from the root downwards: the halves are [at + 1, at + size / 2] and what is behind. */
static struct spot binary_spot(uint32_t count, uint32_t position) {
    struct spot spot = {.parent = TREE_NONE, .size = count};
    for (uint32_t at = 0; at != position;) {
        uint32_t half = spot.size / 2;
        int behind = position - at > half;
        spot.parent = at;
        spot.size = behind ? spot.size - 1 - half : half;
        at += behind ? 1 + half : 1;
    }
    return spot;
}

uint32_t tree_parent(struct tree tree, uint32_t position) {
    if (position == 0) return TREE_NONE;
    switch (tree.shape) {
    case BCAST_SHAPE_CHAIN: return position - 1;
    case BCAST_SHAPE_BINARY: return binary_spot(tree.count, position).parent;
    default: return position & (position - 1);
    }
}

static uint32_t binomial_child(struct tree tree, uint32_t position, uint32_t index) {
    for (uint64_t step = binomial_reach(tree, position) / 2; step > 0; step /= 2) {
        if (position + step < tree.count && index-- == 0) return (uint32_t)(position + step);
    }
    return TREE_NONE;
}

uint32_t tree_child(struct tree tree, uint32_t position, uint32_t index) {
    uint32_t size = tree_size(tree, position);
    switch (tree.shape) {
    case BCAST_SHAPE_CHAIN: return index == 0 && size > 1 ? position + 1 : TREE_NONE;
    case BCAST_SHAPE_BINARY:
        if (index == 0 && size > 1) return position + 1;
        return index == 1 && size > 2 ? position + 1 + size / 2 : TREE_NONE;
    default: return binomial_child(tree, position, index);
    }
}

uint32_t tree_size(struct tree tree, uint32_t position) {
    uint64_t left = tree.count - position, reach = left;
    if (tree.shape == BCAST_SHAPE_BINARY) return binary_spot(tree.count, position).size;
    if (tree.shape == BCAST_SHAPE_BINOMIAL) reach = binomial_reach(tree, position);
    return (uint32_t)(reach < left ? reach : left);
}

uint32_t tree_level(struct tree tree, uint32_t position) {
    uint32_t level = 0;
    for (; position != 0; position = tree_parent(tree, position)) level++;
    return level;
}

uint32_t tree_height(struct tree tree, uint32_t position) {
    uint32_t size = tree_size(tree, position), height = 0;
    if (tree.shape == BCAST_SHAPE_CHAIN) return size - 1;
    while (size >>= 1) height++;
    return height;
}

int tree_below(struct tree tree, uint32_t position, uint32_t ancestor) {
    return position >= ancestor && position - ancestor < tree_size(tree, ancestor);
}

static uint32_t log2_up(uint32_t n) {
    uint32_t log = 0;
    while (UINT64_C(1) << log < n) log++;
    return log;
}

uint64_t tree_cost_us(struct tree tree, const struct tree_load *load) {
    if (tree.count == 1) return 0;
    uint64_t width, depth;
    switch (tree.shape) {
    case BCAST_SHAPE_CHAIN: width = 1, depth = tree.count - 1; break;
    case BCAST_SHAPE_BINARY: width = tree.count > 2 ? 2 : 1, depth = log2_up(tree.count / 2 + 1); break;
    default: width = depth = log2_up(tree.count);
    }
    uint64_t segment_us = load->segment_bytes * UINT64_C(1000000) / load->bytes_per_second;
    uint64_t stream_us = load->stream_bytes * UINT64_C(1000000) / load->bytes_per_second;
    return width * stream_us + (depth - 1) * (width * segment_us + load->hop_us);
}

uint32_t tree_best(uint32_t count, const struct tree_load *load) {
    struct tree best = {BCAST_SHAPE_BINOMIAL, count};
    for (uint32_t shape = best.shape + 1; shape < BCAST_SHAPE_BEST; shape++) {
        struct tree other = {shape, count};
        if (tree_cost_us(other, load) < tree_cost_us(best, load)) best = other;
    }
    return best.shape;
}
