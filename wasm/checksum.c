/* Four lanes of eight bytes each, so that the processor can multiply for all of them at once. */
#include "checksum.h"

#include "bytes.h"

#define PRIME_1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME_3 UINT64_C(0x165667B19E3779F9)
#define PRIME_4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME_5 UINT64_C(0x27D4EB2F165667C5)

static inline uint64_t rotate(uint64_t x, int bits) { return x << bits | x >> (64 - bits); }

static inline uint64_t step(uint64_t lane, uint64_t input) { return rotate(lane + input * PRIME_2, 31) * PRIME_1; }

static inline uint64_t merge(uint64_t hash, uint64_t lane) { return (hash ^ step(0, lane)) * PRIME_1 + PRIME_4; }

uint64_t xxh64(const void *bytes, uint32_t length) {
    const uint8_t *p = bytes;
    uint32_t left = length;
    uint64_t hash = PRIME_5;
    if (left >= 32) {
        uint64_t a = PRIME_1 + PRIME_2, b = PRIME_2, c = 0, d = 0 - PRIME_1;
        for (; left >= 32; left -= 32, p += 32) {
            a = step(a, load_u64(p));
            b = step(b, load_u64(p + 8));
            c = step(c, load_u64(p + 16));
            d = step(d, load_u64(p + 24));
        }
        hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
        hash = merge(merge(merge(merge(hash, a), b), c), d);
    }
    hash += length;
    for (; left >= 8; left -= 8, p += 8) hash = rotate(hash ^ step(0, load_u64(p)), 27) * PRIME_1 + PRIME_4;
    if (left >= 4) {
        hash = rotate(hash ^ load_u32(p) * PRIME_1, 23) * PRIME_2 + PRIME_3;
        left -= 4;
        p += 4;
    }
    for (; left > 0; left--, p++) hash = rotate(hash ^ *p * PRIME_5, 11) * PRIME_1;
    hash = (hash ^ hash >> 33) * PRIME_2;
    hash = (hash ^ hash >> 29) * PRIME_3;
    return hash ^ hash >> 32;
}
