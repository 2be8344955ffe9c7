/*
 * A simulated session: any number of engines, and between them wires with latency, bandwidth, random cutting of what they
 * carry, corruption and loss. Time is simulated; the same seed gives the same run.
 */
#ifndef SIM_H
#define SIM_H

#include <stdint.h>

#include "bcast.h"

/* What things cost a node: microseconds, bytes, and MB/s, which is bytes per microsecond. */
struct sim_costs {
    double latency;       /* from one node to another, one way */
    double dial;          /* processor time to connect and prove oneself */
    double message;       /* processor time of the leader for each thing it sends or takes in */
    double receive, send; /* and for each byte */
    double link;          /* MB/s of a node's cable, each way */
    double read;          /* MB/s at which the root reads packages */
    double unpack;        /* MB/s at which a node unpacks, in packed bytes */
    double ring;          /* bytes that the unpacker takes before it has got to them */
    double publish;       /* microseconds from unpacked to ready */
    double scale;         /* bytes of a real stream that one simulated byte stands for */
};

/* What a session is like. Zero is the quiet case. */
struct sim_options {
    uint64_t seed;
    uint32_t nodes, shape;
    uint32_t segment_bytes, slots, segments; /* of the whole stream, in three packages; 0: 64, 4, 40 */
    double holders;       /* share of positions that need nothing */
    double cuts;          /* probability that a connection is cut at some time */
    double deaths;        /* probability that a position other than the root dies */
    double hangs;         /* ... or stops without closing anything */
    double failures;      /* ... or fails by itself */
    double absent;        /* ... or never starts */
    double late;          /* ... or starts up to 1.5 s after the others, for whom there is a minute to come */
    double corruption;    /* probability that a piece of input has a flipped bit */
    double slow;          /* probability that a position reads one byte per millisecond */
    int swift_root;       /* ... but not the root */
    double stuck;         /* probability that a position never gets ready */
    uint32_t deadline_ms;
    int tolerate_lost;
    int root_dies;
    const struct sim_costs *costs; /* NULL: everything takes random times, for trouble; else the product's own timers */
};

/* How it ended, over all positions that live to see it. */
struct sim_result {
    uint32_t go, failed;     /* verdicts seen */
    uint32_t survivors;
    uint32_t lost;           /* positions that died, hung or never started */
    uint32_t failed_code, failed_position; /* of the last failed verdict */
    uint32_t blamed;         /* positions that were told of the loss of one that lives */
    int agreed;              /* all saw the same verdict */
    uint64_t milliseconds;   /* simulated */
    uint64_t received_us, staged_us, known_us; /* when the last position had everything, was ready, knew the verdict */
    uint64_t swift_us;       /* when the last of those who are not slow was ready */
    uint64_t stream_bytes, stream_segments;
    struct bcast_statistics sum;
};

/* Runs to the end and checks on the way what must hold in any session: bytes in order and right, only declared errors,
 * an end. Ends the program with a message when something does not. */
struct sim_result sim_run(const struct sim_options *options);

#endif
