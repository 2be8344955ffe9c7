/* The contract with the caller: what is refused, that errors stick, and that a peer's nonsense is no error of ours. */
#include "bcast.h"

#include <string.h>

#include "check.h"
#include "checksum.h"
#include "frame.h"

enum { ARENA = 1 << 16 };

static uint64_t arena[ARENA / 8];

static struct bcast_config config_of(uint32_t position, uint32_t count) {
    struct bcast_config c = BCAST_CONFIG_DEFAULT;
    c.position = position;
    c.count = count;
    c.segment_bytes = 64;
    c.slots = 2;
    c.max_links = 4;
    c.plan_bytes = 128;
    c.inbox_bytes = 64;
    return c;
}

static struct bcast *create(uint32_t position, uint32_t count) {
    struct bcast_config c = config_of(position, count);
    struct bcast *e;
    CHECK(bcast_init(&e, arena, ARENA, &c, 0) == BCAST_OK, "init");
    return e;
}

static struct bcast_record next(struct bcast *e) {
    struct bcast_record r = {0};
    bcast_next(e, &r);
    return r;
}

static void feed_frame(struct bcast *e, uint32_t link, struct frame f) {
    uint8_t bytes[FRAME_BYTES];
    frame_encode(bytes, &f);
    CHECK(bcast_feed(e, link, bytes, sizeof bytes) == BCAST_OK, "feed");
}

static void refuses_impossible_configurations(void) {
    struct bcast *e;
    struct bcast_config c = config_of(3, 3);
    CHECK(bcast_arena_bytes(&c) == 0 && bcast_init(&e, arena, ARENA, &c, 0) == BCAST_E_CONFIG, "position");
    c = config_of(0, 3);
    c.slots = 1;
    CHECK(bcast_arena_bytes(&c) == 0, "slots");
    c = config_of(0, 3);
    c.slots = 1 << 20;
    c.segment_bytes = 1 << 20;
    CHECK(bcast_arena_bytes(&c) == 0, "an arena of more than 32 bits");
    c = config_of(0, 3);
    CHECK(bcast_init(&e, arena, bcast_arena_bytes(&c) - 1, &c, 0) == BCAST_E_ARENA, "one byte short");
    CHECK(bcast_init(&e, (char *)arena + 4, ARENA - 4, &c, 0) == BCAST_E_ARENA, "misaligned");
    CHECK(bcast_init(&e, arena, bcast_arena_bytes(&c), &c, 0) == BCAST_OK, "exactly enough");
}

static void errors_stick(void) {
    struct bcast *e = create(0, 2);
    CHECK(bcast_want(e, 1) == BCAST_E_STATE, "before the plan");
    CHECK(bcast_tick(e, 5) == BCAST_E_STATE && bcast_staged(e, 0) == BCAST_E_STATE, "for good");
    CHECK(bcast_error(e) == BCAST_E_STATE && bcast_deadline(e) == UINT64_MAX, "for good");
    CHECK(next(e).kind == 0, "and nothing is to be done");
    CHECK(bcast_feed(create(0, 2), 0, "x", 1) == BCAST_E_LINK, "a link that is not open");
    CHECK(bcast_opened(create(0, 2), 4, 1, BCAST_ROLE_CHILD) == BCAST_E_LINK, "a link out of range");
    CHECK(bcast_dial_failed(create(1, 2), 0) == BCAST_E_STATE, "no DIAL is open");
    CHECK(bcast_delivered(create(0, 2), 1) == BCAST_E_RANGE, "nothing was delivered");
    CHECK(bcast_read_done(create(0, 2), 0) == BCAST_E_RANGE, "no READ is open");
    CHECK(bcast_read_done(create(1, 2), 7) == BCAST_E_RANGE, "not the root");
    e = create(0, 2);
    bcast_opened(e, 0, 1, BCAST_ROLE_CHILD);
    CHECK(bcast_sent(e, 0, 1) == BCAST_E_RANGE, "nothing was handed out");
    e = create(0, 2);
    bcast_staged(e, 0);
    CHECK(bcast_staged(e, 0) == BCAST_E_STATE, "twice");
}

/* A peer that says this to position 2 of 8, in this role, loses the link, and nothing else happens. */
static void closes(int role, struct frame f, enum bcast_reason reason) {
    struct bcast *e = create(2, 8);
    CHECK(next(e).kind == BCAST_DIAL, "DIAL");
    CHECK(bcast_opened(e, 1, role == BCAST_ROLE_PARENT ? 0 : 3, role) == BCAST_OK, "opened");
    feed_frame(e, 1, f);
    struct bcast_record r = next(e);
    CHECK(r.kind == BCAST_CLOSE && r.word[0] == 1 && r.word[1] == reason, "type %u: record %u", f.type, r.kind);
    CHECK(bcast_error(e) == BCAST_OK, "type %u", f.type);
}

static void nonsense_costs_the_link(void) {
    const int parent = BCAST_ROLE_PARENT, child = BCAST_ROLE_CHILD;
    closes(child, (struct frame){.type = 0}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = 99}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = FRAME_PING, .flags = 1}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = FRAME_PING, .length = 1}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = FRAME_PING, .sum = 1}, BCAST_REASON_CORRUPT);
    closes(child, (struct frame){.type = FRAME_WANT}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = FRAME_CREDIT}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = FRAME_BYE}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = FRAME_PLAN, .length = 24}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = FRAME_FAIL, .length = BCAST_TEXT_MAX + 1}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = FRAME_FAIL, .value = frame_pair(70, 8)}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = FRAME_REPORT, .flags = 3, .value = frame_pair(2, 1)}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = FRAME_REPORT, .flags = 3, .value = frame_pair(3, 2)}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = FRAME_REPORT, .flags = 3, .value = frame_pair(3, 0)}, BCAST_REASON_PROTOCOL);
    closes(child, (struct frame){.type = FRAME_REPORT, .flags = 9, .value = frame_pair(3, 1)}, BCAST_REASON_PROTOCOL);
    closes(parent, (struct frame){.type = FRAME_PLAN, .length = 7}, BCAST_REASON_PROTOCOL);
    closes(parent, (struct frame){.type = FRAME_PLAN, .length = 129}, BCAST_REASON_PROTOCOL);
    closes(parent, (struct frame){.type = FRAME_DATA, .length = 64}, BCAST_REASON_PROTOCOL);
    closes(parent, (struct frame){.type = FRAME_REPORT, .flags = 3, .value = frame_pair(3, 1)}, BCAST_REASON_PROTOCOL);
    closes(parent, (struct frame){.type = FRAME_VERDICT, .flags = 1}, BCAST_REASON_PROTOCOL);
    closes(parent, (struct frame){.type = FRAME_VERDICT, .flags = 2, .length = 4}, BCAST_REASON_PROTOCOL);
}

static void strangers_are_sent_away(void) {
    const uint32_t strangers[] = {0, 2, 4, 7, 8, UINT32_MAX};
    for (uint32_t k = 0; k < sizeof strangers / sizeof strangers[0]; k++) {
        struct bcast *e = create(2, 8);
        next(e);
        CHECK(bcast_opened(e, 0, strangers[k], BCAST_ROLE_CHILD) == BCAST_OK, "%u", strangers[k]);
        CHECK(next(e).kind == BCAST_CLOSE, "%u", strangers[k]);
    }
}

static void the_newest_link_of_a_position_counts(void) {
    struct bcast *e = create(0, 2);
    bcast_opened(e, 0, 1, BCAST_ROLE_CHILD);
    bcast_opened(e, 1, 1, BCAST_ROLE_CHILD);
    struct bcast_record r = next(e);
    CHECK(r.kind == BCAST_CLOSE && r.word[0] == 0 && r.word[1] == BCAST_REASON_REPLACED, "record %u", r.kind);
    CHECK(bcast_opened(e, 0, 1, BCAST_ROLE_CHILD) == BCAST_OK, "the id is free again");
}

static void candidates_lead_to_the_root(void) {
    struct bcast *e = create(7, 8);
    const uint32_t way[] = {6, 4, 0};
    for (int k = 0; k < 3; k++) {
        struct bcast_record r = next(e);
        CHECK(r.kind == BCAST_DIAL && r.word[0] == way[k], "candidate %d: %u", k, r.word[0]);
        CHECK(next(e).kind == 0, "one DIAL at a time");
        bcast_dial_failed(e, way[k]);
    }
    CHECK(next(e).kind == 0 && bcast_deadline(e) == 200, "then a pause");
    bcast_tick(e, 200);
    CHECK(next(e).word[0] == 6, "and the way again");
    bcast_dial_failed(e, 6);
    bcast_tick(e, 30000);
    struct bcast_record r = next(e);
    CHECK(r.kind == BCAST_FAILED && r.word[0] == BCAST_FAILURE_PEER_LOST && r.word[1] == 6, "record %u", r.kind);
    CHECK(next(e).kind == BCAST_DONE && bcast_deadline(e) == UINT64_MAX, "alone");
}

int main(void) {
    refuses_impossible_configurations();
    errors_stick();
    nonsense_costs_the_link();
    strangers_are_sent_away();
    the_newest_link_of_a_position_counts();
    candidates_lead_to_the_root();
    puts("engine: the contract with the caller");
}
