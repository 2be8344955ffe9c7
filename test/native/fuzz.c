/*
 * Any bytes into any state. The input is a program: each step is a call of bcast.h, or a frame, right or wrong, fed to a
 * link. Whatever it does, there is success or a declared error, memory stays sound, and work runs out.
 */
#include <string.h>

#include "bcast.h"
#include "check.h"
#include "checksum.h"
#include "frame.h"

enum { LINKS = 3, ARENA = 1 << 15, WORK = 100000 };

struct input {
    const uint8_t *bytes;
    size_t left;
};

/* What the caller owes the engine. */
struct debts {
    uint32_t unsent[LINKS], undelivered, slot, slots, dialled;
    int plan, dial, open[LINKS];
};

static uint32_t take(struct input *in) {
    if (in->left == 0) return 0;
    in->left--;
    return *in->bytes++;
}

static void pull(struct bcast *e, struct debts *d) {
    struct bcast_record r;
    uint32_t count = 0;
    for (; bcast_next(e, &r); count++) {
        CHECK(count < WORK, "work never runs out");
        switch (r.kind) {
        case BCAST_DIAL: d->dial = 1, d->dialled = r.word[0]; break;
        case BCAST_PLAN: d->plan = 1; break;
        case BCAST_READ: d->slot = r.word[0], d->slots++; memset((uint8_t *)e + r.word[4], 7, r.word[5]); break;
        case BCAST_SEND:
            d->unsent[r.word[0]] += r.word[2];
            /* Reads the span, for the sanitizer. */
            checksum((uint8_t *)e + r.word[1], r.word[2]);
            break;
        case BCAST_DELIVER: d->undelivered++; break;
        case BCAST_CLOSE: d->open[r.word[0]] = 0, d->unsent[r.word[0]] = 0; break;
        default: break;
        }
    }
}

/* A frame whose checksums are right, about anything. */
static uint32_t compose(struct input *in, uint8_t *out) {
    struct frame f = {.type = (uint8_t)(take(in) % 13), .flags = (uint8_t)(take(in) % 6)};
    uint32_t kind = take(in);
    f.value = kind & 1 ? take(in) : kind & 2 ? 16 * take(in) : frame_pair(take(in), take(in) % 8);
    f.length = kind & 4 ? take(in) % 80 : kind & 8 ? 16 : 0;
    for (uint32_t i = 0; i < f.length; i++) out[FRAME_BYTES + i] = kind & 16 ? 0 : (uint8_t)take(in);
    if (f.type == FRAME_PLAN && kind & 32) {
        /* A plan that makes sense: segments of 16, two packages. */
        static const uint8_t plan[] = {16, 0, 0, 0, 2, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0};
        f.length = sizeof plan;
        memcpy(out + FRAME_BYTES, plan, sizeof plan);
    }
    f.sum = checksum(out + FRAME_BYTES, f.length);
    frame_encode(out, &f);
    return FRAME_BYTES + f.length;
}

/* Puts the bytes where the engine wants them. */
static void feed_in_place(struct bcast *e, uint32_t link, const uint8_t *bytes, uint32_t length) {
    while (length > 0) {
        uint32_t room, at = bcast_inbox(e, link, &room), n = length < room ? length : room;
        if (n == 0) return;
        memcpy((uint8_t *)e + at, bytes, n);
        bcast_feed(e, link, (uint8_t *)e + at, n);
        bytes += n;
        length -= n;
    }
}

static void feed(struct bcast *e, struct input *in, uint32_t link) {
    uint8_t bytes[FRAME_BYTES + 80], *piece;
    uint32_t length = compose(in, bytes), shape = take(in), cut = take(in) % (length + 1);
    if (shape % 32 == 0) bytes[take(in) % length] ^= (uint8_t)take(in);
    if (shape % 32 == 1) length = cut;
    if (cut > length) cut = length;
    if (shape & 64) {
        feed_in_place(e, link, bytes, length);
        return;
    }
    piece = malloc(length + 1);
    memcpy(piece, bytes, length);
    bcast_feed(e, link, piece, cut);
    bcast_feed(e, link, piece + cut, length - cut);
    free(piece);
}

static void step(struct bcast *e, struct input *in, struct debts *d, uint64_t *now) {
    uint32_t what = take(in), link = what / 16 % LINKS, n = take(in);
    switch (what % 16) {
    case 0:
        if (!d->open[link]) bcast_opened(e, link, n % 9, BCAST_ROLE_CHILD), d->open[link] = 1;
        break;
    case 1:
        if (!d->dial || d->open[link]) break;
        d->dial = 0, d->open[link] = 1;
        bcast_opened(e, link, d->dialled, BCAST_ROLE_PARENT);
        break;
    case 2:
        if (d->dial) d->dial = 0, bcast_dial_failed(e, d->dialled);
        break;
    case 3: case 4: case 5: case 6: case 7: case 8:
        if (d->open[link]) feed(e, in, link);
        break;
    case 9:
        if (n > d->unsent[link]) n = d->unsent[link];
        d->unsent[link] -= n;
        if (d->open[link]) bcast_sent(e, link, n);
        break;
    case 10:
        if (d->open[link]) bcast_lost(e, link), d->open[link] = 0, d->unsent[link] = 0;
        break;
    case 11: bcast_tick(e, *now += n * n); break;
    case 12:
        if (d->plan) d->plan = 0, bcast_want(e, n & 1);
        break;
    case 13:
        if (d->undelivered > 0) d->undelivered--, bcast_delivered(e, 1);
        break;
    case 14:
        if (d->slots > 0) d->slots--, bcast_read_done(e, d->slot);
        break;
    default:
        if (n == 0) bcast_failed(e, 70, "fuzz", 4);
        if (n == 1) bcast_staged(e, 0);
        if (n >= 250) bcast_delivered(e, n), bcast_sent(e, n % 5, n), bcast_read_done(e, n), bcast_feed(e, n % 5, "x", 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint64_t arena[ARENA / 8];
    struct input in = {data, size};
    struct debts debts = {0};
    struct bcast_config config = BCAST_CONFIG_DEFAULT;
    struct bcast *e;
    uint64_t now = 0;
    uint32_t first = take(&in);
    config.position = first % 8;
    config.count = 8;
    config.shape = first >> 7;
    config.tolerate_lost = first >> 6 & 1;
    config.segment_bytes = 16;
    config.slots = 2 + (first >> 4 & 1);
    config.max_links = LINKS;
    config.plan_bytes = 64;
    config.inbox_bytes = 32;
    config.deadline_ms = 1000000;
    CHECK(bcast_arena_bytes(&config) <= ARENA, "a larger arena");
    CHECK(bcast_init(&e, arena, ARENA, &config, 0) == BCAST_OK, "init");
    if (config.position == 0) {
        const uint64_t sizes[] = {40, 100};
        bcast_plan(e, sizes, 2, "", 0);
        debts.plan = 1;
    }
    while (in.left > 0) {
        step(e, &in, &debts, &now);
        pull(e, &debts);
        bcast_deadline(e);
        if (bcast_error(e) != BCAST_OK) break;
    }
    CHECK(bcast_error(e) >= BCAST_OK && bcast_error(e) <= BCAST_E_RANGE, "an undeclared error");
    return 0;
}
