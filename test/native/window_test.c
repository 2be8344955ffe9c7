/* The window: which segments are held while it moves, and reads that are complete in any order. */
#include "window.h"

#include <string.h>

#include "bytes.h"
#include "check.h"
#include "checksum.h"
#include "frame.h"

enum { SLOTS = 4, SEGMENT = 16, SEGMENTS = 10 };

static uint8_t plan[16], frames[SLOTS * (FRAME_BYTES + SEGMENT)], asked_for[SLOTS];
static struct stream stream;

static struct window create(void) {
    store_u32(plan, SEGMENT);
    store_u32(plan + 4, 1);
    store_u64(plan + 8, SEGMENT * SEGMENTS - 5);
    CHECK(stream_parse(&stream, plan, sizeof plan, SEGMENT), "parse");
    memset(asked_for, 0, sizeof asked_for);
    struct window w = {.frames = frames, .asked_for = asked_for, .slots = SLOTS, .slot_bytes = window_slot_bytes(SEGMENT, 0)};
    window_start(&w, 0);
    return w;
}

static void reads_complete_in_any_order(void) {
    struct window w = create();
    uint64_t gained;
    for (uint32_t k = 0; k < SLOTS; k++) CHECK(window_ask(&w) == k, "slot %u", k);
    CHECK(window_read(&w, &stream, 2, &gained) && gained == 0 && w.head == 0, "the third comes first");
    CHECK(!window_read(&w, &stream, 2, &gained), "and only once");
    CHECK(window_read(&w, &stream, 0, &gained) && gained == 1 && w.head == 1, "the first");
    CHECK(window_read(&w, &stream, 1, &gained) && gained == 2 && w.head == 3, "the second brings the third with it");
    CHECK(window_ask(&w) == 0 && w.base == 1, "what lay in the slot is forgotten");
}

static void a_sealed_frame_is_one_for_the_wire(void) {
    struct window w = create();
    struct frame f;
    uint8_t *frame = window_frame(&w, SEGMENTS - 1);
    memset(frame + FRAME_BYTES, 7, SEGMENT);
    window_seal(&w, frame, &stream, SEGMENTS - 1);
    CHECK(frame_decode(&f, frame) && f.type == FRAME_DATA, "DATA");
    CHECK(f.length == SEGMENT - 5 && f.value == SEGMENT * (SEGMENTS - 1), "the last is short");
    CHECK(f.sum == checksum(frame + FRAME_BYTES, f.length), "its checksum");
}

static void a_run_ends_with_the_window_or_a_short_segment(void) {
    struct window w = create();
    const uint32_t slot = w.slot_bytes;
    CHECK(window_run(&w, &stream, SEGMENTS, 3) == 3 * slot, "as many as may come");
    CHECK(window_run(&w, &stream, SEGMENTS, 9) == SLOTS * slot, "up to the end of the window");
    CHECK(window_run(&w, &stream, 2, 9) == 2 * slot, "up to the last segment there is credit for");
    w.head = 8;
    CHECK(window_run(&w, &stream, SEGMENTS, 9) == slot + FRAME_BYTES + SEGMENT - 5, "up to the short one");
}

static void what_is_overwritten_is_forgotten(void) {
    struct window w = create();
    w.head = 5;
    w.base = 1;
    window_overwritten(&w, window_frame(&w, 5), 1);
    CHECK(w.base == 2, "head's slot");
    window_overwritten(&w, window_frame(&w, 5), w.slot_bytes + 1);
    CHECK(w.base == 3, "and the next");
}

int main(void) {
    reads_complete_in_any_order();
    a_sealed_frame_is_one_for_the_wire();
    a_run_ends_with_the_window_or_a_short_segment();
    what_is_overwritten_is_forgotten();
    puts("window: reads, runs, and what is forgotten");
}
