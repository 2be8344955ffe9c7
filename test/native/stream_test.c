/* The geometry of the stream: every position of many small streams against counting byte by byte. */
#include "stream.h"

#include <string.h>

#include "bytes.h"
#include "check.h"
#include "random.h"

static void check_stream(const uint64_t *sizes, uint32_t packages, uint32_t segment_bytes) {
    uint8_t plan[256];
    struct stream s;
    store_u32(plan, segment_bytes);
    store_u32(plan + 4, packages);
    for (uint32_t k = 0; k < packages; k++) store_u64(plan + stream_plan_head(k), sizes[k]);
    CHECK(stream_parse(&s, plan, stream_plan_head(packages), segment_bytes), "parse");

    uint64_t segment = 0, position = 0, at;
    for (uint32_t k = 0; k < packages; k++) {
        for (uint64_t offset = 0; offset < sizes[k]; offset++, position++) {
            int boundary = offset % segment_bytes == 0;
            CHECK(stream_segment_at(&s, position, &at) == boundary, "position %u", (unsigned)position);
            if (!boundary) continue;
            CHECK(at == segment, "position %u", (unsigned)position);
            struct place p = stream_place(&s, segment++);
            uint64_t left = sizes[k] - offset;
            CHECK(p.package == k && p.offset == offset && p.position == position, "segment %u", (unsigned)at);
            CHECK(p.length == (left < segment_bytes ? left : segment_bytes), "segment %u", (unsigned)at);
        }
    }
    CHECK(s.bytes == position && s.segments == segment, "the end");
    CHECK(stream_segment_at(&s, position, &at) && at == segment, "the end is a boundary");
    CHECK(!stream_segment_at(&s, position + 1, &at), "behind the end");
    CHECK(stream_place(&s, segment).length == 0 && stream_place(&s, segment).position == position, "behind the last");
}

static void check_refused(uint32_t segment_bytes, uint32_t packages, uint64_t size, uint32_t length) {
    uint8_t plan[64] = {0};
    struct stream s;
    store_u32(plan, segment_bytes);
    store_u32(plan + 4, packages);
    for (uint32_t k = 0; k < 4; k++) store_u64(plan + stream_plan_head(k), size);
    CHECK(!stream_parse(&s, plan, length, 64), "%u packages of %llu", packages, (unsigned long long)size);
}

int main(void) {
    uint64_t seed = 3, sizes[6];
    for (int round = 0; round < 2000; round++) {
        uint32_t packages = random_below(&seed, 6);
        for (uint32_t k = 0; k < packages; k++) sizes[k] = random_below(&seed, 3) == 0 ? 0 : random_below(&seed, 40);
        check_stream(sizes, packages, 1 + random_below(&seed, 12));
    }
    check_refused(0, 1, 1, 16);
    check_refused(65, 1, 1, 16);
    check_refused(64, 2, 1, 16);
    check_refused(64, UINT32_MAX, 1, 40);
    check_refused(64, 1, 1, 7);
    check_refused(64, 1, STREAM_MAX + 1, 16);
    check_refused(64, 4, STREAM_MAX / 2, 40);
    check_refused(64, 4, UINT64_MAX, 40);
    puts("stream: 2000 streams, every position");
}
