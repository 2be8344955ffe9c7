/* splitmix64 (Steele, Lea, Flood 2014): seeded, the same on every machine. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 .. below - 1 */
static inline uint32_t random_below(uint64_t *state, uint32_t below) {
    return (uint32_t)(random_next(state) % below);
}

/* Whether something of this probability happens. */
static inline int random_chance(uint64_t *state, double probability) {
    return (double)(random_next(state) >> 11) / (double)(UINT64_C(1) << 53) < probability;
}

#endif
