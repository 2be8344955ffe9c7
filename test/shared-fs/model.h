/*
 * The server of a shared file system, as a queue: what every client's request costs in time.
 *
 * One server serves all mounts. It lives in a file that all of them map: its two clocks say until when it is busy with
 * metadata and with data. A request takes the next free moment, however many clients ask at once, and its client waits for
 * that moment and a round trip. The same file counts requests by client and kind. Knows no FUSE.
 */
#ifndef SHARED_FS_MODEL_H
#define SHARED_FS_MODEL_H

#include <stdatomic.h>
#include <stdint.h>

#define MODEL_CLIENTS 64

/* Kinds of requests that reach the server. What a client answers from its cache is not counted. */
#define MODEL_KINDS(X) \
    X(LOOKUP, lookup)  \
    X(ABSENT, absent)  \
    X(GETATTR, getattr) \
    X(OPEN, open)      \
    X(OPENDIR, opendir) \
    X(READDIR, readdir) \
    X(READLINK, readlink) \
    X(READ, read)

#define X(name, word) MODEL_##name,
enum model_kind { MODEL_KINDS(X) MODEL_KIND_COUNT };
#undef X

struct model_client {
    char name[32];
    _Atomic uint64_t requests[MODEL_KIND_COUNT];
    _Atomic uint64_t bytes;      /* read */
    _Atomic uint64_t sequential; /* reads that begin where the one before of the same open file ended, or at 0 */
};

struct model {
    _Atomic uint64_t metadata_ns;     /* per metadata request; 0 is no limit */
    _Atomic uint64_t bytes_per_s;     /* of all clients together; 0 is no limit */
    _Atomic uint64_t round_trip_ns;
    _Atomic uint64_t metadata_free_at, data_free_at; /* CLOCK_MONOTONIC, in ns */
    _Atomic uint32_t clients;
    struct model_client client[MODEL_CLIENTS];
};

/* Maps the server's file, made with mode 0600 when it is not there. Ends the process with a line when it cannot. */
struct model *model_map(const char *file);
/* The client of this name; a new one when there is none yet. NULL when there are too many. */
struct model_client *model_client(struct model *m, const char *name);
/* A metadata request: returns when its answer would have come. */
void model_metadata(struct model *m, struct model_client *client, enum model_kind kind);
/* A read of so many bytes: returns when they would have come. */
void model_read(struct model *m, struct model_client *client, uint64_t bytes, int sequential);

#endif
