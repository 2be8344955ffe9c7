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

/* The tree's own width and depth, counted. */
static void check_cost(uint32_t shape, uint32_t count) {
    struct tree t = {shape, count};
    /* A stream whose copies take 1 s and hops of 1 us: the cost spells out width and depth. */
    struct tree_load load = {.stream_bytes = 1000, .bytes_per_second = 1000, .segment_bytes = 0, .hop_us = 1};
    uint64_t width = 0, depth = 0;
    for (uint32_t p = 0; p < count; p++) {
        uint32_t children = 0;
        while (tree_child(t, p, children) != TREE_NONE) children++;
        if (children > width) width = children;
        if (tree_level(t, p) > depth) depth = tree_level(t, p);
    }
    uint64_t cost = count > 1 ? width * 1000000 + depth - 1 : 0, said = tree_cost_us(t, &load);
    /* Cut by count, a binomial tree may be one level less deep than its full size. */
    CHECK(said == cost || (shape == BCAST_SHAPE_BINOMIAL && said == cost + 1), "shape %u, %u positions", shape, count);
}

static void check_costs(void) {
    for (uint32_t count = 1; count <= 300; count++) {
        check_cost(BCAST_SHAPE_BINOMIAL, count);
        check_cost(BCAST_SHAPE_BINARY, count);
        check_cost(BCAST_SHAPE_CHAIN, count);
    }
    struct tree_load usual = TREE_USUAL_LOAD, word = usual, slow = usual;
    CHECK(tree_best(2, &usual) == BCAST_SHAPE_BINOMIAL, "two positions have but one tree");
    CHECK(tree_best(16, &usual) == BCAST_SHAPE_CHAIN, "few make a chain");
    CHECK(tree_best(1000, &usual) == BCAST_SHAPE_BINARY, "many do not");
    word.stream_bytes = word.segment_bytes = 8;
    CHECK(tree_best(15, &word) == BCAST_SHAPE_BINARY, "a word takes the way with the fewest hops");
    slow.bytes_per_second /= 10;
    CHECK(tree_best(64, &slow) == BCAST_SHAPE_CHAIN, "the slower the links the longer the chain");
}

int main(void) {
    for (uint32_t count = 1; count <= MOST; count++) check_tree((struct tree){BCAST_SHAPE_BINOMIAL, count});
    for (uint32_t count = 1; count <= 512; count++) check_tree((struct tree){BCAST_SHAPE_BINARY, count});
    check_tree((struct tree){BCAST_SHAPE_BINARY, MOST});
    for (uint32_t count = 1; count <= 64; count++) check_tree((struct tree){BCAST_SHAPE_CHAIN, count});

    struct tree binomial = {BCAST_SHAPE_BINOMIAL, MOST}, widest = {BCAST_SHAPE_BINOMIAL, UINT32_MAX};
    for (uint32_t p = 0; p < MOST; p++) {
        CHECK(tree_level(binomial, p) == (uint32_t)__builtin_popcount(p), "level of %u", p);
    }
    CHECK(tree_child(binomial, 0, 0) == MOST / 2 && tree_child(binomial, 0, 11) == 1, "the deepest comes first");
    CHECK(tree_child(widest, 0, 0) == UINT32_C(1) << 31, "32 bits are enough");
    CHECK(tree_size(widest, UINT32_C(1) << 31) == UINT32_MAX - (UINT32_C(1) << 31), "and are cut");
    check_costs();
    puts("tree: every position of every size up to 4096");
}
