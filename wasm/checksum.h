/*
 * The checksum of headers and payloads: the lower half of XXH64 with seed 0, as in the XXHash specification
 * (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
 *
 * It guards against accidents between sockets; what a package must be is said by its SHA-256. Without instructions of
 * the processor for it, which WebAssembly does not offer, a CRC costs four times as much as this and was the
 * largest part of what a hop costs.
 */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stdint.h>

/* XXH64 of these bytes with seed 0. */
uint64_t xxh64(const void *bytes, uint32_t length);

/* Its lower half; 0 for no bytes. */
static inline uint32_t checksum(const void *bytes, uint32_t length) {
    return length == 0 ? 0 : (uint32_t)xxh64(bytes, length);
}

#endif
