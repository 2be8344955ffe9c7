/*
 * Whole sessions under every kind of trouble, many seeds each. sim.c checks what holds in any session; here is what
 * the verdict must be.
 */
#include "sim.h"

#include "check.h"

enum expectation { GO, GO_OR_LOST, GO_OR_FAILED, FAILED_WITH, ENDS };

static const struct scenario {
    const char *name;
    struct sim_options options;
    uint32_t seeds;
    enum expectation expected;
    uint32_t code;
} scenarios[] = {
    {"one position", {.nodes = 1}, 3, GO, 0},
    {"quiet", {.nodes = 100}, 5, GO, 0},
    {"quiet, 2,000 positions", {.nodes = 2000, .segments = 6}, 1, GO, 0},
    {"no segments to speak of", {.nodes = 9, .segments = 1}, 10, GO, 0},
    {"some hold everything", {.nodes = 60, .holders = 0.6}, 20, GO, 0},
    {"all hold everything", {.nodes = 60, .holders = 1}, 5, GO, 0},
    {"links are cut", {.nodes = 40, .cuts = 0.3}, 60, GO, 0},
    {"links are cut, in a chain", {.nodes = 12, .shape = BCAST_SHAPE_CHAIN, .cuts = 0.3}, 40, GO, 0},
    {"links are cut, in a binary tree", {.nodes = 40, .shape = BCAST_SHAPE_BINARY, .cuts = 0.3}, 40, GO, 0},
    {"bits flip", {.nodes = 40, .corruption = 0.002}, 40, GO, 0},
    {"some are slow", {.nodes = 24, .segments = 150, .slow = 0.15}, 10, GO, 0},
    {"some are slow, links are cut, some hold everything",
     {.nodes = 30, .slow = 0.1, .cuts = 0.2, .holders = 0.3, .corruption = 0.001}, 30, GO, 0},
    {"some start late, others have found each other by then", {.nodes = 30, .late = 0.3}, 30, GO, 0},
    {"the same in a chain", {.nodes = 16, .shape = BCAST_SHAPE_CHAIN, .late = 0.3}, 30, GO, 0},
    {"some die", {.nodes = 40, .deaths = 0.05}, 40, GO_OR_LOST, 0},
    {"some hang", {.nodes = 40, .hangs = 0.05}, 30, GO_OR_LOST, 0},
    {"some never come", {.nodes = 40, .absent = 0.05}, 30, GO_OR_LOST, 0},
    {"all at once", {.nodes = 40, .deaths = 0.03, .hangs = 0.02, .absent = 0.02, .cuts = 0.2, .corruption = 0.001,
                     .holders = 0.3}, 40, GO_OR_LOST, 0},
    {"all at once, tolerated", {.nodes = 40, .deaths = 0.05, .hangs = 0.02, .absent = 0.05, .cuts = 0.2,
                                .corruption = 0.001, .holders = 0.3, .tolerate_lost = 1}, 40, GO, 0},
    {"the same in a binary tree", {.nodes = 40, .shape = BCAST_SHAPE_BINARY, .deaths = 0.05, .hangs = 0.02,
                                   .absent = 0.05, .cuts = 0.2, .corruption = 0.001, .holders = 0.3,
                                   .tolerate_lost = 1}, 40, GO, 0},
    {"some fail", {.nodes = 40, .failures = 0.05, .cuts = 0.1, .holders = 0.3}, 60, GO_OR_FAILED, 0},
    {"all but the root never get ready", {.nodes = 20, .stuck = 1, .deadline_ms = 4000}, 5, FAILED_WITH,
     BCAST_FAILURE_TIMEOUT},
    {"the root dies", {.nodes = 30, .root_dies = 1}, 40, ENDS, 0},
};

static void check_verdict(const struct scenario *s, uint64_t seed, const struct sim_result *r) {
    const char *name = s->name;
    unsigned long long n = seed;
    if (s->expected == ENDS) return;
    CHECK(r->agreed, "%s, seed %llu", name, n);
    CHECK(r->blamed == 0, "%s, seed %llu: position %u lives", name, n, r->failed_position);
    if (s->options.holders == 1) CHECK(r->sum.segments_out == 0, "%s, seed %llu: payload moved", name, n);
    if (s->expected == FAILED_WITH) CHECK(r->failed == r->survivors && r->failed_code == s->code, "%s, seed %llu", name, n);
    CHECK(s->options.late == 0 || r->milliseconds < 20000, "%s, seed %llu: %u ms", name, n, (unsigned)r->milliseconds);
    if (s->expected == GO) CHECK(r->go == r->survivors, "%s, seed %llu: code %u", name, n, r->failed_code);
    if (s->expected == GO_OR_LOST && r->failed > 0) {
        CHECK(r->lost > 0 && r->failed_code == BCAST_FAILURE_PEER_LOST, "%s, seed %llu", name, n);
    }
    if (s->expected == GO_OR_FAILED && r->failed > 0) {
        CHECK(r->failed_code == 1000 + r->failed_position, "%s, seed %llu: code %u", name, n, r->failed_code);
    }
}

/* Cables that carry 1,000 MB/s, and nothing else that takes time. */
static const struct sim_costs cables = {.latency = 5, .link = 1000, .read = 1e6, .unpack = 1e6, .ring = 1e6, .scale = 4096};

static double forecast(uint32_t shape, uint32_t nodes, const struct sim_costs *costs) {
    struct sim_options options = {.seed = 1, .nodes = nodes, .shape = shape, .segments = 400, .costs = costs};
    struct sim_result r = sim_run(&options);
    CHECK(r.go == nodes && r.received_us <= r.staged_us && r.staged_us <= r.known_us, "%u nodes", nodes);
    return (double)r.staged_us / ((double)r.stream_bytes * costs->scale / costs->link);
}

/* Forecasts are what the arithmetic of the shapes says, in units of the time in which a cable carries the stream once. */
static void check_forecasts(void) {
    double one = forecast(BCAST_SHAPE_CHAIN, 2, &cables), chain = forecast(BCAST_SHAPE_CHAIN, 16, &cables);
    double binomial = forecast(BCAST_SHAPE_BINOMIAL, 16, &cables);
    CHECK(one > 1 && one < 1.05, "one copy: %.2f", one);
    CHECK(chain > 1.02 && chain < 1.1, "a segment for each hop more: %.2f", chain);
    CHECK(binomial > 4 && binomial < 4.2, "four copies from the root: %.2f", binomial);
    struct sim_costs slow = cables;
    slow.unpack = 100;
    double unpacked = forecast(BCAST_SHAPE_CHAIN, 16, &slow);
    CHECK(unpacked > 10 && unpacked < 10.3, "as long as unpacking, however long the chain: %.2f", unpacked);
    slow = cables;
    slow.receive = slow.send = 0.002;
    double relayed = forecast(BCAST_SHAPE_CHAIN, 16, &slow);
    CHECK(relayed > 4 && relayed < 4.4, "a leader that takes 4 us per KB: %.2f", relayed);
    printf("sim: forecasts: one link %.2f, chain %.2f, binomial %.2f, slow unpackers %.2f, slow leaders %.2f\n", one, chain,
           binomial, unpacked, relayed);
}

static const char *const shapes[] = {"binomial", "chain", "binary"};

/* A session with this share of positions that are slow all the time, but always moving. */
static struct sim_result run_slow(uint32_t shape, uint64_t seed, double slow) {
    struct sim_options options = {.seed = seed, .nodes = 20, .shape = shape, .slots = 16, .segments = 200,
                                  .segment_bytes = 200, .slow = slow, .swift_root = 1};
    struct sim_result r = sim_run(&options);
    CHECK(r.go == options.nodes, "%s, seed %llu", shapes[shape], (unsigned long long)seed);
    return r;
}

/* Where some are slow the others wait for them for a while only; where all are, few are blamed. */
static void check_slow(void) {
    for (uint32_t shape = BCAST_SHAPE_BINOMIAL; shape < BCAST_SHAPE_BEST; shape++) {
        double worst = 0;
        for (uint64_t seed = 1; seed <= 20; seed++) {
            struct sim_result r = run_slow(shape, seed, 0.1);
            if (r.swift_us == r.staged_us) continue;
            double share = (double)r.swift_us / (double)r.staged_us;
            CHECK(share < 0.2, "%s, seed %llu: the others wait for those who are slow, %.2f of the time", shapes[shape],
                  (unsigned long long)seed, share);
            if (share > worst) worst = share;
        }
        uint64_t blamed = 0;
        for (uint64_t seed = 1; seed <= 10; seed++) blamed += run_slow(shape, seed, 1).sum.stalled;
        CHECK(blamed <= 20, "%s: %llu of 200 were blamed where all are slow", shapes[shape], (unsigned long long)blamed);
        printf("sim: some move slowly, %s: the others are ready after %.2f of the time or less\n", shapes[shape], worst);
    }
}

int main(void) {
    check_forecasts();
    check_slow();
    for (uint32_t k = 0; k < sizeof scenarios / sizeof scenarios[0]; k++) {
        const struct scenario *s = &scenarios[k];
        uint32_t go = 0, failed = 0;
        uint64_t resumes = 0, corrupt = 0, reread = 0, stalled = 0;
        for (uint64_t seed = 1; seed <= s->seeds; seed++) {
            struct sim_options options = s->options;
            options.seed = seed;
            struct sim_result r = sim_run(&options);
            check_verdict(s, seed, &r);
            go += r.go > 0;
            failed += r.failed > 0;
            resumes += r.sum.resumes;
            corrupt += r.sum.corrupt;
            reread += r.sum.reread;
            stalled += r.sum.stalled;
        }
        printf("sim: %-52s %3u go %3u failed; %llu resumes, %llu corrupt, %llu stalled, %llu reread\n", s->name, go, failed,
               (unsigned long long)resumes, (unsigned long long)corrupt, (unsigned long long)stalled,
               (unsigned long long)reread);
    }
}
