/*
 * The wire format: what two engines say to each other. A frame is a 24-byte header, then `length` bytes of payload.
 *
 *     0  u8   type
 *     1  u8   flags
 *     2  u16  0
 *     4  u32  length of the payload
 *     8  u64  value
 *    16  u32  checksum of the payload (checksum.h)
 *    20  u32  checksum of the 20 bytes before
 *
 * All numbers are little-endian.
 *
 *     type     goes  value                      flags   payload
 *     PLAN     down  0                          0       u32 segment bytes, u32 packages, u64 sizes..., opaque
 *     WANT     up    stream position            0       -      send me the stream from there
 *     HAVE     up    0                          0       -      nothing is needed here or below
 *     DATA     down  stream position            0       one segment
 *     CREDIT   up    stream position            0       -      may be sent up to there
 *     REPORT   up    first | count << 32        status  -      what became of these positions
 *     FAIL     up    code | position << 32      0       text
 *     VERDICT  down  code | position << 32      0       text
 *              down  ready | reused << 32       1 = go  u32 lost
 *     BYE      up    0                          0       -      I and all below have the verdict
 *     MOVED    down  0                          0       -      not from me: ask the root
 *     ELSEWHERE down position                   0       -      do not expect it any more: it has another parent
 *     SLOW     down  0                          0       -      you hold up those below you: send them to the root
 *     PING     both  0                          0       -
 *
 * A stream position is always a segment boundary.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdint.h>

#define FRAME_BYTES 24

enum frame_type {
    FRAME_PLAN = 1,
    FRAME_WANT,
    FRAME_HAVE,
    FRAME_DATA,
    FRAME_CREDIT,
    FRAME_REPORT,
    FRAME_FAIL,
    FRAME_VERDICT,
    FRAME_BYE,
    FRAME_MOVED,
    FRAME_PING,
    FRAME_STRAGGLER,
    FRAME_ELSEWHERE,
};

#define FRAME_FLAG_GO 1

struct frame {
    uint8_t type, flags;
    uint32_t length;
    uint64_t value;
    uint32_t sum; /* of the payload */
};

/* Writes the header, its checksum included. */
void frame_encode(uint8_t out[FRAME_BYTES], const struct frame *frame);

/* Reads a header; 0 when its checksum or its zeros are wrong. Says nothing about type, flags and value. */
int frame_decode(struct frame *frame, const uint8_t in[FRAME_BYTES]);

static inline uint64_t frame_pair(uint32_t low, uint32_t high) { return low | (uint64_t)high << 32; }

#endif
