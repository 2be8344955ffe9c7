/*
 * sim: one simulated session from the command line, `name=value` each; prints what it cost. With link=MB/s everything
 * takes the time it would take on such cables, instead of random times: see sim_costs.
 *
 *     sim nodes=100000 cuts=0.001 deaths=0.001 tolerate=1 seed=7
 *     sim nodes=1000 link=1250 segments=1000 scale=4096 unpack=140
 */
#include <string.h>

#include "check.h"
#include "sim.h"

int main(int argc, char **argv) {
    struct sim_options o = {.seed = 1, .nodes = 1000};
    struct sim_costs c = {.latency = 20, .unpack = 1000, .read = 1000, .ring = 1 << 25, .scale = 1};
    const struct {
        const char *name;
        uint32_t *number;
        double *share;
        int *flag;
    } options[] = {
        {"nodes", &o.nodes, NULL, NULL},           {"shape", &o.shape, NULL, NULL},
        {"segment", &o.segment_bytes, NULL, NULL}, {"slots", &o.slots, NULL, NULL},
        {"segments", &o.segments, NULL, NULL},     {"holders", NULL, &o.holders, NULL},
        {"cuts", NULL, &o.cuts, NULL},             {"deaths", NULL, &o.deaths, NULL},
        {"hangs", NULL, &o.hangs, NULL},           {"failures", NULL, &o.failures, NULL},
        {"absent", NULL, &o.absent, NULL},         {"corruption", NULL, &o.corruption, NULL},
        {"slow", NULL, &o.slow, NULL},             {"tolerate", NULL, NULL, &o.tolerate_lost},
        {"rootdies", NULL, NULL, &o.root_dies},    {"stuck", NULL, &o.stuck, NULL},
        {"deadline", &o.deadline_ms, NULL, NULL},  {"latency", NULL, &c.latency, NULL},
        {"dial", NULL, &c.dial, NULL},             {"message", NULL, &c.message, NULL},
        {"receive", NULL, &c.receive, NULL},       {"send", NULL, &c.send, NULL},
        {"link", NULL, &c.link, NULL},             {"read", NULL, &c.read, NULL},
        {"unpack", NULL, &c.unpack, NULL},         {"ring", NULL, &c.ring, NULL},
        {"publish", NULL, &c.publish, NULL},       {"scale", NULL, &c.scale, NULL},
    };
    for (int i = 1; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        size_t known = 0, count = sizeof options / sizeof options[0];
        size_t n = value == NULL ? 0 : (size_t)(value - argv[i]);
        if (n == 4 && strncmp(argv[i], "seed", n) == 0) {
            o.seed = strtoull(value + 1, NULL, 10);
            continue;
        }
        while (known < count && (strlen(options[known].name) != n || strncmp(options[known].name, argv[i], n) != 0)) known++;
        if (known == count) {
            fprintf(stderr, "usage: sim [name=value]...\nnames: seed");
            for (size_t k = 0; k < count; k++) fprintf(stderr, " %s", options[k].name);
            fputc('\n', stderr);
            return 2;
        }
        if (options[known].number != NULL) *options[known].number = (uint32_t)strtoul(value + 1, NULL, 10);
        if (options[known].share != NULL) *options[known].share = strtod(value + 1, NULL);
        if (options[known].flag != NULL) *options[known].flag = atoi(value + 1);
    }
    /* A cable with a rate makes it a forecast. */
    if (c.link > 0) o.costs = &c;
    struct sim_result r = sim_run(&o);
    printf("positions %u, survivors %u: go %u, failed %u (code %u, position %u)%s; %llu ms simulated\n", o.nodes,
           r.survivors, r.go, r.failed, r.failed_code, r.failed_position, r.agreed ? "" : ", NOT AGREED",
           (unsigned long long)r.milliseconds);
    printf("seconds: received %.6f, staged %.6f, known %.6f\n", (double)r.received_us / 1e6, (double)r.staged_us / 1e6,
           (double)r.known_us / 1e6);
    printf("stream %llu bytes; sent per position %.2f times the stream\n", (unsigned long long)r.stream_bytes,
           (double)r.sum.bytes_out / (double)r.stream_bytes / o.nodes);
    printf("re-parentings %llu, %llu of them in mid-stream", (unsigned long long)r.sum.reparented,
           (unsigned long long)r.sum.resumes);
    if (o.holders == 0) {
        /* Every survivor but the root needs the stream once; whatever was sent besides is what losses cost. */
        uint64_t needed = r.stream_segments * (r.survivors - 1);
        printf("; segments sent %llu, needed %llu: %.4f %% extra", (unsigned long long)r.sum.segments_out,
               (unsigned long long)needed, 100.0 * ((double)r.sum.segments_out - (double)needed) / (double)needed);
    }
    putchar('\n');
#define X(name) printf("  %-14s %llu\n", #name, (unsigned long long)r.sum.name);
    BCAST_STATISTICS(X)
#undef X
    return r.agreed ? 0 : 1;
}
