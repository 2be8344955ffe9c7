/* The smaller of two numbers: of two moments the earlier, of two segments the one further back. */
#ifndef LEAST_H
#define LEAST_H

#include <stdint.h>

static inline uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

#endif
