/* XXH64 against the reference implementation's values for every way in which a length can be made up. */
#include "checksum.h"

#include <string.h>

#include "check.h"

/* What the reference implementation (xxhsum 0.8) says of the first bytes of `sample`. */
static const struct {
    uint32_t length;
    uint64_t hash;
} vectors[] = {
    {0, UINT64_C(0xef46db3751d8e999)},  {1, UINT64_C(0xd2da77930f69647c)},   {3, UINT64_C(0xf7c331cf2042b940)},
    {4, UINT64_C(0x1b042f821fc4a793)},  {7, UINT64_C(0x41d39023940006c8)},   {8, UINT64_C(0xef7823fce4ad9afb)},
    {15, UINT64_C(0x6f0095b1c00e82fb)}, {31, UINT64_C(0x68c3dbb752f3fa97)},  {32, UINT64_C(0xad7dc5a569bb047c)},
    {33, UINT64_C(0x475b642ac692e380)}, {63, UINT64_C(0xc18c4743de1b99a8)},  {64, UINT64_C(0x06872c5d6370de25)},
    {101, UINT64_C(0x390262411153fade)}, {222, UINT64_C(0xf60b350ac77c0080)},
};

int main(void) {
    uint8_t sample[222], moved[sizeof sample + 8];
    uint32_t state = 1;
    for (uint32_t i = 0; i < sizeof sample; i++) {
        state = (state * 1103515245u + 12345u) & 0x7fffffffu;
        sample[i] = (uint8_t)(state >> 16);
    }
    CHECK(xxh64("abc", 3) == UINT64_C(0x44bc2cf5ad770999), "the check value");
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        for (uint32_t at = 0; at < 8; at++) {
            memcpy(moved + at, sample, sizeof sample);
            CHECK(xxh64(moved + at, vectors[i].length) == vectors[i].hash, "%u bytes from %u", vectors[i].length, at);
        }
    }
    uint32_t whole = checksum(sample, sizeof sample), flips = 0;
    for (uint32_t bit = 0; bit < 8 * sizeof sample; bit++, flips++) {
        sample[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(checksum(sample, sizeof sample) != whole, "bit %u", bit);
        sample[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    printf("checksum: the reference's values at every alignment, %u flipped bits\n", flips);
}
