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
    uint32_t shape; /* enum bcast_shape */
    uint32_t count; /* positions, at least 1 */
};

/* The position's parent; TREE_NONE for the root. */
uint32_t tree_parent(struct tree tree, uint32_t position);

/* The position's child number `index`, the one with the deepest full subtree first; TREE_NONE past the last. */
uint32_t tree_child(struct tree tree, uint32_t position, uint32_t index);

/* How many positions the subtree has, the position itself included. */
uint32_t tree_size(struct tree tree, uint32_t position);

/* How many links lie between the position and the root. */
uint32_t tree_level(struct tree tree, uint32_t position);

/* Whether `position` lies in the subtree of `ancestor`; a position lies in its own. */
int tree_below(struct tree tree, uint32_t position, uint32_t ancestor);

#endif
