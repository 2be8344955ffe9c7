#include "window.h"

#include <stddef.h>

#include "checksum.h"
#include "frame.h"

uint32_t window_slot_bytes(uint32_t segment_bytes, uint32_t gap) {
    return (gap + FRAME_BYTES + segment_bytes + 7) & ~7u;
}

void window_start(struct window *window, uint64_t segment) {
    window->started = 1;
    window->base = window->head = window->asked = segment;
    window->delivered = window->consumed = segment;
}

uint8_t *window_frame(const struct window *window, uint64_t segment) {
    return window->frames + segment % window->slots * window->slot_bytes + window->gap;
}

void window_claim(struct window *window, uint64_t segment) {
    if (segment >= window->base + window->slots) window->base = segment + 1 - window->slots;
}

void window_overwritten(struct window *window, const uint8_t *bytes, uint32_t length) {
    uint32_t last = (uint32_t)((size_t)(bytes + length - 1 - window->frames) / window->slot_bytes);
    window_claim(window, window->head + (last + window->slots - window->head % window->slots) % window->slots);
}

uint32_t window_run(const struct window *window, const struct stream *stream, uint64_t end, uint32_t most) {
    uint32_t run = 0;
    for (uint64_t segment = window->head; segment < end && most > 0; segment++, most--) {
        if (run > 0 && segment % window->slots == 0) break;
        uint32_t bytes = window->gap + FRAME_BYTES + stream_place(stream, segment).length;
        run += bytes;
        if (bytes != window->slot_bytes) break;
    }
    return run;
}

uint32_t window_ask(struct window *window) {
    uint32_t slot = (uint32_t)(window->asked % window->slots);
    window_claim(window, window->asked++);
    window->asked_for[slot] = 1;
    window->reads++;
    return slot;
}

int window_read(struct window *window, const struct stream *stream, uint32_t slot, uint64_t *gained) {
    if (!window->asked_for[slot]) return 0;
    window->asked_for[slot] = 0;
    window->reads--;
    /* The slot holds the one segment of [head, asked) with this remainder. */
    uint64_t segment = window->head + (slot + window->slots - window->head % window->slots) % window->slots;
    window_seal(window, window_frame(window, segment), stream, segment);
    uint64_t before = window->head;
    while (window->head < window->asked && !window->asked_for[window->head % window->slots]) window->head++;
    *gained = window->head - before;
    return 1;
}

void window_seal(const struct window *window, uint8_t *frame, const struct stream *stream, uint64_t segment) {
    struct place place = stream_place(stream, segment);
    struct frame header = {
        .type = FRAME_DATA,
        .length = place.length,
        .value = place.position,
        .sum = window->verified ? 0 : checksum(frame + FRAME_BYTES, place.length),
    };
    frame_encode(frame, &header);
}
