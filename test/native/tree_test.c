/* The tree for every size up to 4,096, every position of it. */
#include <string.h>

#include "bcast.h"
#include "check.h"
#include "tree.h"

enum { MOST = 4096 };

static void check_tree(struct tree t) {
    static uint8_t parents[MOST];
    memset(parents, 0, sizeof parents);
    CHECK(tree_parent(t, 0) == TREE_NONE, "count %u", t.count);
    CHECK(tree_size(t, 0) == t.count, "count %u", t.count);
    for (uint32_t p = 0; p < t.count; p++) {
        uint32_t child, below = 1;
        for (uint32_t k = 0; (child = tree_child(t, p, k)) != TREE_NONE; k++) {
            CHECK(child > p && child < t.count, "%u of %u", p, t.count);
            CHECK(tree_parent(t, child) == p, "%u of %u", child, t.count);
            CHECK(tree_level(t, child) == tree_level(t, p) + 1, "%u of %u", child, t.count);
            CHECK(tree_below(t, child, p) && !tree_below(t, p, child), "%u of %u", child, t.count);
            CHECK(tree_below(t, child + tree_size(t, child) - 1, p), "%u of %u", child, t.count);
            parents[child]++;
            below += tree_size(t, child);
        }
        CHECK(below == tree_size(t, p), "%u of %u", p, t.count);
    }
    for (uint32_t p = 1; p < t.count; p++) CHECK(parents[p] == 1, "%u of %u", p, t.count);
}

int main(void) {
    for (uint32_t count = 1; count <= MOST; count++) check_tree((struct tree){BCAST_SHAPE_BINOMIAL, count});
    for (uint32_t count = 1; count <= 64; count++) check_tree((struct tree){BCAST_SHAPE_CHAIN, count});

    struct tree binomial = {BCAST_SHAPE_BINOMIAL, MOST}, widest = {BCAST_SHAPE_BINOMIAL, UINT32_MAX};
    for (uint32_t p = 0; p < MOST; p++) {
        CHECK(tree_level(binomial, p) == (uint32_t)__builtin_popcount(p), "level of %u", p);
    }
    CHECK(tree_child(binomial, 0, 0) == MOST / 2 && tree_child(binomial, 0, 11) == 1, "the deepest comes first");
    CHECK(tree_child(widest, 0, 0) == UINT32_C(1) << 31, "32 bits are enough");
    CHECK(tree_size(widest, UINT32_C(1) << 31) == UINT32_MAX - (UINT32_C(1) << 31), "and are cut");
    puts("tree: every position of every size up to 4096");
}
