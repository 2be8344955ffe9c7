/*
 * The same input gives the same output, however it is cut: what a position in the middle of the tree is told in a whole
 * session is recorded, and told again with every input cut at every place.
 */
#include <string.h>

#include "bcast.h"
#include "check.h"
#include "checksum.h"

enum { NODES = 4, LINKS = 4, ARENA = 1 << 16, CALLS = 400, TEXT = 1 << 16 };

/* The middle position's calls. */
enum call_kind { OPENED, FED, SENT, WANT, DELIVERED, STAGED, TICK };

struct call {
    enum call_kind kind;
    uint32_t link, number, role;
    uint8_t bytes[512];
};

static struct call script[CALLS];
static uint32_t calls;

static struct bcast *create(void *arena, uint32_t position, uint32_t count) {
    struct bcast_config config = BCAST_CONFIG_DEFAULT;
    struct bcast *e;
    config.position = position;
    config.count = count;
    config.segment_bytes = 64;
    config.slots = 3;
    config.max_links = LINKS;
    config.plan_bytes = 256;
    config.inbox_bytes = 0;
    CHECK(bcast_arena_bytes(&config) <= ARENA, "a larger arena");
    CHECK(bcast_init(&e, arena, ARENA, &config, 0) == BCAST_OK, "init");
    return e;
}

/* ---- the session: root 0, its child 2, whose child is 3; position 1 holds everything ---- */

static uint64_t arenas[NODES][ARENA / 8];
static struct bcast *engines[NODES];
static uint32_t received[NODES];

enum { MIDDLE = 2, STREAM = 333 };

/* Link ids: to the parent 0; of 0's children 1 and 2; of 2's child 1. */
static uint32_t peer_of(uint32_t position, uint32_t link, uint32_t *peer_link) {
    if (link == 0) {
        *peer_link = position == 3 ? 1 : position;
        return position & (position - 1);
    }
    *peer_link = 0;
    return position + link;
}

static struct call *note(uint32_t position, enum call_kind kind, uint32_t link, uint32_t number) {
    static struct call elsewhere;
    struct call *c = position == MIDDLE ? &script[calls++] : &elsewhere;
    CHECK(calls < CALLS, "a longer script");
    *c = (struct call){.kind = kind, .link = link, .number = number};
    return c;
}

static void play(struct bcast *e, const struct call *c) {
    int result = BCAST_OK;
    switch (c->kind) {
    case OPENED: result = bcast_opened(e, c->link, c->number, (int)c->role); break;
    case FED: result = bcast_feed(e, c->link, c->bytes, c->number); break;
    case SENT: result = bcast_sent(e, c->link, c->number); break;
    case WANT: result = bcast_want(e, (int)c->number); break;
    case DELIVERED: result = bcast_delivered(e, c->number); break;
    case STAGED: result = bcast_staged(e, (int)c->number); break;
    case TICK: result = bcast_tick(e, c->number); break;
    }
    CHECK(result == BCAST_OK, "call %d: error %d", (int)c->kind, result);
}

static void tell(uint32_t position, const struct call *c) { play(engines[position], c); }

static int perform(uint32_t position) {
    struct bcast *e = engines[position];
    struct bcast_record r;
    if (!bcast_next(e, &r)) return 0;
    uint32_t peer, peer_link;
    struct call *c;
    switch (r.kind) {
    case BCAST_DIAL:
        peer = peer_of(position, 0, &peer_link);
        c = note(peer, OPENED, peer_link, position);
        c->role = BCAST_ROLE_CHILD;
        tell(peer, c);
        c = note(position, OPENED, 0, peer);
        c->role = BCAST_ROLE_PARENT;
        tell(position, c);
        break;
    case BCAST_PLAN:
        tell(position, note(position, WANT, 0, position != 1));
        if (position == 1) tell(position, note(position, STAGED, 0, 1));
        break;
    case BCAST_READ:
        memset((uint8_t *)e + r.word[4], (int)r.word[2], r.word[5]);
        CHECK(bcast_read_done(e, r.word[0]) == BCAST_OK, "read");
        break;
    case BCAST_SEND:
        peer = peer_of(position, r.word[0], &peer_link);
        c = note(peer, FED, peer_link, r.word[2]);
        CHECK(r.word[2] <= sizeof c->bytes, "a larger call");
        memcpy(c->bytes, (uint8_t *)e + r.word[1], r.word[2]);
        tell(peer, c);
        tell(position, note(position, SENT, r.word[0], r.word[2]));
        break;
    case BCAST_DELIVER:
        received[position] += r.word[4];
        tell(position, note(position, DELIVERED, 0, 1));
        if (received[position] == STREAM) tell(position, note(position, STAGED, 0, 0));
        break;
    }
    return 1;
}

static void record_session(void) {
    uint64_t sizes[] = {133, 200};
    for (uint32_t p = 0; p < NODES; p++) engines[p] = create(arenas[p], p, NODES);
    CHECK(bcast_plan(engines[0], sizes, 2, "about", 5) == BCAST_OK, "plan");
    CHECK(bcast_want(engines[0], 1) == BCAST_OK, "want");
    for (int busy = 1; busy;) {
        busy = 0;
        for (uint32_t p = 0; p < NODES; p++) busy |= perform(p);
    }
    CHECK(received[MIDDLE] == STREAM, "%u bytes", received[MIDDLE]);
}

/* ---- telling it again ---- */

/* Writes down everything there is to do, with the bytes of spans. Without SEND when `results_only`: how many control
 * frames share a span depends on when the caller looks. */
static void write_down(struct bcast *e, char *text, int results_only) {
    struct bcast_record r;
    while (bcast_next(e, &r)) {
        if (results_only && r.kind == BCAST_SEND) continue;
        size_t n = strlen(text);
        n += (size_t)snprintf(text + n, TEXT - n, "%u", r.kind);
        for (int i = 0; i < 7; i++) n += (size_t)snprintf(text + n, TEXT - n, " %x", r.word[i]);
        int span = r.kind == BCAST_SEND ? 1 : r.kind == BCAST_DELIVER ? 3 : -1;
        if (span >= 0) snprintf(text + n, TEXT - n, " %08x", checksum((uint8_t *)e + r.word[span], r.word[span + 1]));
        CHECK(n < TEXT - 100, "a longer text");
        strcat(text, "\n");
    }
}

/* Plays the script; input number `cut` is fed in two pieces, the first `at` bytes long. */
static void replay(char *text, uint32_t cut, uint32_t at, int look_between) {
    static uint64_t arena[ARENA / 8];
    struct bcast *e = create(arena, MIDDLE, NODES);
    text[0] = '\0';
    write_down(e, text, look_between);
    for (uint32_t k = 0; k < calls; k++) {
        struct call *c = &script[k];
        if (k == cut) {
            CHECK(bcast_feed(e, c->link, c->bytes, at) == BCAST_OK, "feed");
            if (look_between) write_down(e, text, 1);
            CHECK(bcast_feed(e, c->link, c->bytes + at, c->number - at) == BCAST_OK, "feed");
        } else {
            play(e, c);
        }
        write_down(e, text, look_between);
    }
}

int main(void) {
    static char whole[TEXT], results[TEXT], text[TEXT];
    uint32_t cuts = 0;
    record_session();
    replay(whole, CALLS, 0, 0);
    replay(results, CALLS, 0, 1);
    CHECK(strstr(whole, "\n7 3 1 0 ") == NULL && strstr(whole, "\n7 4 1 0 ") != NULL, "%s", whole);
    for (uint32_t k = 0; k < calls; k++) {
        for (uint32_t at = 0; script[k].kind == FED && at <= script[k].number; at++, cuts++) {
            replay(text, k, at, 0);
            CHECK(strcmp(text, whole) == 0, "call %u cut at %u", k, at);
            replay(text, k, at, 1);
            CHECK(strcmp(text, results) == 0, "call %u cut at %u, looking between", k, at);
        }
    }
    printf("cuts: %u calls, their input cut at %u places\n", calls, cuts);
}
