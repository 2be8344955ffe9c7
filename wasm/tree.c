/* Binomial tree: a position's parent is the position with its lowest set bit cleared. Chain: one after the other. */
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

uint32_t tree_parent(struct tree tree, uint32_t position) {
    if (position == 0) return TREE_NONE;
    return tree.shape == BCAST_SHAPE_CHAIN ? position - 1 : position & (position - 1);
}

uint32_t tree_child(struct tree tree, uint32_t position, uint32_t index) {
    if (tree.shape == BCAST_SHAPE_CHAIN) {
        return index == 0 && position + 1 < tree.count ? position + 1 : TREE_NONE;
    }
    for (uint64_t step = binomial_reach(tree, position) / 2; step > 0; step /= 2) {
        if (position + step < tree.count && index-- == 0) return (uint32_t)(position + step);
    }
    return TREE_NONE;
}

uint32_t tree_size(struct tree tree, uint32_t position) {
    uint64_t left = tree.count - position;
    if (tree.shape == BCAST_SHAPE_CHAIN) return (uint32_t)left;
    uint64_t reach = binomial_reach(tree, position);
    return (uint32_t)(reach < left ? reach : left);
}

uint32_t tree_level(struct tree tree, uint32_t position) {
    uint32_t level = 0;
    for (; position != 0; position = tree_parent(tree, position)) level++;
    return level;
}

int tree_below(struct tree tree, uint32_t position, uint32_t ancestor) {
    return position >= ancestor && position - ancestor < tree_size(tree, ancestor);
}
