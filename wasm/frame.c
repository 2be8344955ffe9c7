/* Header codec. Knows the layout, not the meaning. */
#include "frame.h"

#include "bytes.h"
#include "checksum.h"

#define CHECKED_BYTES 20 /* of the header, by its own checksum */

void frame_encode(uint8_t out[FRAME_BYTES], const struct frame *frame) {
    out[0] = frame->type;
    out[1] = frame->flags;
    out[2] = out[3] = 0;
    store_u32(out + 4, frame->length);
    store_u64(out + 8, frame->value);
    store_u32(out + 16, frame->sum);
    store_u32(out + CHECKED_BYTES, checksum(out, CHECKED_BYTES));
}

int frame_decode(struct frame *frame, const uint8_t in[FRAME_BYTES]) {
    if (load_u32(in + CHECKED_BYTES) != checksum(in, CHECKED_BYTES) || in[2] != 0 || in[3] != 0) return 0;
    *frame = (struct frame){
        .type = in[0],
        .flags = in[1],
        .length = load_u32(in + 4),
        .value = load_u64(in + 8),
        .sum = load_u32(in + 16),
    };
    return 1;
}
