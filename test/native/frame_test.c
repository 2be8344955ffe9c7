/* Frames: there and back, every flipped bit of a header, and a link's cutting of input at every place. */
#include "frame.h"

#include <string.h>

#include "bcast.h"
#include "check.h"
#include "checksum.h"
#include "link.h"

static void check_header(struct frame f) {
    uint8_t bytes[FRAME_BYTES];
    struct frame back;
    frame_encode(bytes, &f);
    CHECK(frame_decode(&back, bytes), "type %u", f.type);
    CHECK(back.type == f.type && back.flags == f.flags && back.length == f.length && back.value == f.value &&
              back.sum == f.sum, "type %u", f.type);
    for (int bit = 0; bit < FRAME_BYTES * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(!frame_decode(&back, bytes), "type %u, bit %d", f.type, bit);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* Three frames, the middle one with payload, as one input. */
static uint32_t write_frames(uint8_t *out, const char *payload) {
    uint32_t length = (uint32_t)strlen(payload), at = 0;
    struct frame frames[] = {
        {.type = FRAME_PING},
        {.type = FRAME_FAIL, .length = length, .value = 3, .sum = checksum(payload, length)},
        {.type = FRAME_BYE, .value = 9},
    };
    for (int k = 0; k < 3; k++, at += FRAME_BYTES) {
        frame_encode(out + at, &frames[k]);
        if (frames[k].length == 0) continue;
        memcpy(out + at + FRAME_BYTES, payload, length);
        at += length;
    }
    return at;
}

/* Feeds one piece; appends what happened to `story`. */
static void take(struct link *link, const uint8_t *bytes, uint32_t length, char *story) {
    for (;;) {
        enum link_event event = link_take(link, &bytes, &length);
        if (event == LINK_MORE) return;
        if (event == LINK_HEADER) link->into = link->text;
        size_t n = strlen(story);
        snprintf(story + n, 200 - n, "%d:%u:%u:%.*s;", (int)event, link->frame.type, (unsigned)link->frame.value,
                 event == LINK_FRAME ? (int)link->frame.length : 0, (const char *)link->text);
        if (event == LINK_CORRUPT) return;
    }
}

int main(void) {
    check_header((struct frame){.type = FRAME_DATA, .length = 262144, .value = UINT64_MAX - 5, .sum = 0xdeadbeef});
    check_header((struct frame){.type = FRAME_REPORT, .flags = 255, .value = 1});

    uint8_t input[256];
    static struct link link;
    char whole[200] = "", story[200];
    uint32_t n = write_frames(input, "no space left");
    link_open(&link, 1, BCAST_ROLE_PARENT, 0);
    take(&link, input, n, whole);
    CHECK(strstr(whole, "2:7:3:no space left;1:9:9:;2:9:9:;") != NULL, "%s", whole);
    for (uint32_t a = 0; a <= n; a++) {
        for (uint32_t b = a; b <= n; b++) {
            link_open(&link, 1, BCAST_ROLE_PARENT, 0);
            story[0] = '\0';
            take(&link, input, a, story);
            take(&link, input + a, b - a, story);
            take(&link, input + b, n - b, story);
            CHECK(strcmp(story, whole) == 0, "cut at %u and %u: %s", a, b, story);
        }
    }
    for (uint32_t bit = 0; bit < n * 8; bit++) {
        input[bit / 8] ^= (uint8_t)(1u << bit % 8);
        link_open(&link, 1, BCAST_ROLE_PARENT, 0);
        story[0] = '\0';
        take(&link, input, n, story);
        CHECK(strstr(story, "3:") != NULL, "bit %u went unnoticed: %s", bit, story);
        input[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    puts("frame: every bit of a header, every two cuts of three frames");
}
