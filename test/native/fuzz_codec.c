/*
 * The codecs below the engine, each with any bytes: what is read can be written again, and how bytes are cut makes no
 * difference.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "bcast.h"
#include "checksum.h"
#include "frame.h"
#include "link.h"
#include "stream.h"

enum { EVENTS = 4096 };

/* What a link makes of bytes. */
struct story {
    uint32_t count;
    uint8_t event[EVENTS];
    uint32_t length[EVENTS];
    uint32_t sum;      /* of the checksums of all payloads */
    uint32_t payload;  /* bytes of them */
};

static void check_frame(const uint8_t *data, size_t size) {
    uint8_t bytes[FRAME_BYTES] = {0}, again[FRAME_BYTES];
    struct frame frame;
    memcpy(bytes, data, size < FRAME_BYTES - 4 ? size : FRAME_BYTES - 4);
    uint32_t sum = checksum(bytes, FRAME_BYTES - 4);
    for (int i = 0; i < 4; i++) bytes[FRAME_BYTES - 4 + i] = (uint8_t)(sum >> 8 * i);
    if (!frame_decode(&frame, bytes)) return;
    frame_encode(again, &frame);
    CHECK(memcmp(bytes, again, FRAME_BYTES) == 0, "a frame that reads otherwise than it is written");
}

static void check_stream(const uint8_t *data, size_t size) {
    struct stream stream;
    uint8_t *plan = malloc(size + 1);
    memcpy(plan, data, size);
    if (stream_parse(&stream, plan, (uint32_t)size, 1 << 20)) {
        uint64_t probes[] = {0, 1, stream.segments / 2, stream.segments, stream.segments + 1, UINT64_MAX};
        for (size_t k = 0; k < sizeof probes / sizeof probes[0]; k++) {
            struct place place = stream_place(&stream, probes[k]);
            uint64_t segment;
            CHECK(place.length <= stream.segment_bytes, "a segment that is too long");
            if (probes[k] >= stream.segments) continue;
            CHECK(place.length > 0 && place.package < stream.packages, "a segment that is nowhere");
            CHECK(place.position + place.length <= stream.bytes, "a segment past the end");
            CHECK(stream_segment_at(&stream, place.position, &segment) && segment == probes[k], "a segment that is lost");
        }
        uint64_t segment;
        stream_segment_at(&stream, stream.bytes, &segment);
        stream_segment_at(&stream, UINT64_MAX, &segment);
    }
    free(plan);
}

static void tell(struct story *story, struct link *link, const uint8_t *bytes, uint32_t length, uint8_t *into, uint32_t room) {
    while (story->count < EVENTS) {
        enum link_event event = link_take(link, &bytes, &length);
        if (event == LINK_MORE) return;
        story->event[story->count] = (uint8_t)event;
        story->length[story->count++] = link->frame.length;
        if (event == LINK_CORRUPT) return;
        if (event == LINK_HEADER) {
            /* As the engine does: what does not fit is dropped. */
            link->into = link->frame.length <= room ? into : NULL;
        } else if (link->into != NULL) {
            story->sum = story->sum * 31 + checksum(into, link->frame.length);
            story->payload += link->frame.length;
        }
    }
}

/* The same bytes, but with right checksums in front of each frame, as far as there are whole ones. */
static void repair(uint8_t *bytes, size_t size) {
    for (size_t at = 0; at + FRAME_BYTES <= size;) {
        struct frame frame = {.type = bytes[at], .flags = bytes[at + 1], .length = bytes[at + 4] % 64};
        memcpy(&frame.value, bytes + at + 8, sizeof frame.value);
        if (at + FRAME_BYTES + frame.length > size) return;
        frame.sum = checksum(bytes + at + FRAME_BYTES, frame.length);
        frame_encode(bytes + at, &frame);
        at += FRAME_BYTES + frame.length;
    }
}

static void check_link(const uint8_t *data, size_t size) {
    static struct story whole, cut;
    enum { ROOM = 128 };
    uint8_t *bytes = malloc(size + 1), *into = malloc(ROOM);
    struct link link;
    uint32_t at = size > 1 ? data[1] : 0;
    memcpy(bytes, data, size);
    if (size > 0 && data[0] & 1) repair(bytes + 2 * (size > 2), size - 2 * (size > 2));
    memset(&whole, 0, sizeof whole);
    memset(&cut, 0, sizeof cut);
    link_open(&link, 1, BCAST_ROLE_CHILD, 0);
    tell(&whole, &link, bytes, (uint32_t)size, into, ROOM);
    link_open(&link, 1, BCAST_ROLE_CHILD, 0);
    if (at > size) at = (uint32_t)size;
    tell(&cut, &link, bytes, at, into, ROOM);
    if (cut.count == 0 || cut.event[cut.count - 1] != LINK_CORRUPT) {
        tell(&cut, &link, bytes + at, (uint32_t)size - at, into, ROOM);
    }
    CHECK(memcmp(&whole, &cut, sizeof whole) == 0, "the cut makes a difference");
    free(bytes);
    free(into);
}

static void check_checksum(const uint8_t *data, size_t size) {
    uint8_t *moved = malloc(size + 1);
    memcpy(moved + 1, data, size);
    CHECK(xxh64(moved + 1, (uint32_t)size) == xxh64(data, (uint32_t)size), "a checksum that depends on where bytes lie");
    free(moved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_checksum(data, size);
    check_frame(data, size);
    check_stream(data, size);
    check_link(data, size);
    return 0;
}
