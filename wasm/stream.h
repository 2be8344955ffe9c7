/*
 * The geometry of the stream: packages one after the other, each cut into segments. A segment never crosses from one
 * package into the next, so the last of a package may be short. Segments are numbered through all packages.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdint.h>

/* A plan's fixed part: u32 segment bytes, u32 packages; then u64 sizes; then what is opaque. */
#define STREAM_HEAD 8

/* Positions stay exact in a double. */
#define STREAM_MAX (UINT64_C(1) << 53)

struct stream {
    const uint8_t *sizes; /* little-endian u64 each, inside the plan */
    uint32_t packages;
    uint32_t segment_bytes;
    uint64_t bytes;
    uint64_t segments;
};

/* Where a segment lies. */
struct place {
    uint32_t package;
    uint32_t length;
    uint64_t offset;   /* in the package */
    uint64_t position; /* in the stream */
};

/* Reads the geometry off a plan, which must outlive it. 0 when the plan makes no sense, or its segments are larger
 * than `most`. */
int stream_parse(struct stream *stream, const uint8_t *plan, uint32_t length, uint32_t most);

/* Bytes of the plan before what is opaque. */
uint32_t stream_plan_head(uint32_t packages);

/* Where segment number `segment` lies. For the number past the last: length 0 at the end of the stream. */
struct place stream_place(const struct stream *stream, uint64_t segment);

/* The number of the segment that starts at a stream position (the number past the last for the end of the stream);
 * 0 when the position is no boundary. */
int stream_segment_at(const struct stream *stream, uint64_t position, uint64_t *segment);

#endif
