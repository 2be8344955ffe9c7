/* Packages are few, so they are searched one by one. */
#include "stream.h"

#include "bytes.h"

static uint64_t size_of(const struct stream *stream, uint32_t package) {
    return load_u64(stream->sizes + UINT64_C(8) * package);
}

static uint64_t segments_in(const struct stream *stream, uint64_t bytes) {
    return (bytes + stream->segment_bytes - 1) / stream->segment_bytes;
}

uint32_t stream_plan_head(uint32_t packages) { return STREAM_HEAD + 8 * packages; }

int stream_parse(struct stream *stream, const uint8_t *plan, uint32_t length, uint32_t most) {
    if (length < STREAM_HEAD) return 0;
    struct stream s = {
        .sizes = plan + STREAM_HEAD,
        .segment_bytes = load_u32(plan),
        .packages = load_u32(plan + 4),
    };
    if (s.segment_bytes == 0 || s.segment_bytes > most) return 0;
    if (s.packages > (length - STREAM_HEAD) / 8) return 0;
    for (uint32_t k = 0; k < s.packages; k++) {
        uint64_t size = size_of(&s, k);
        if (size > STREAM_MAX - s.bytes) return 0;
        s.bytes += size;
        s.segments += segments_in(&s, size);
    }
    *stream = s;
    return 1;
}

struct place stream_place(const struct stream *stream, uint64_t segment) {
    struct place place = {0};
    for (; place.package < stream->packages; place.package++) {
        uint64_t size = size_of(stream, place.package);
        uint64_t here = segments_in(stream, size);
        if (segment < here) {
            place.offset = segment * stream->segment_bytes;
            place.position += place.offset;
            uint64_t left = size - place.offset;
            place.length = left < stream->segment_bytes ? (uint32_t)left : stream->segment_bytes;
            break;
        }
        segment -= here;
        place.position += size;
    }
    return place;
}

int stream_segment_at(const struct stream *stream, uint64_t position, uint64_t *segment) {
    uint64_t before = 0;
    for (uint32_t k = 0; k < stream->packages; k++) {
        uint64_t size = size_of(stream, k);
        if (position < size) {
            *segment = before + position / stream->segment_bytes;
            return position % stream->segment_bytes == 0;
        }
        before += segments_in(stream, size);
        position -= size;
    }
    *segment = before;
    return position == 0;
}
