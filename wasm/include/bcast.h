/*
 * bcast: one tree position's part in one broadcast session. This header is the contract and the manual.
 *
 * WHAT IT DOES
 *
 * A session moves a stream (several packages, one after the other) from the root, position 0, to all
 * positions of a tree, and brings back one verdict for all of them: go, or the first failure. Data
 * goes only where a peer needs it; a lost link is replaced and the stream resumed where it stopped.
 *
 * HOW IT IS DRIVEN
 *
 * The engine does no I/O, keeps no clock, allocates nothing and calls nothing. The caller tells it what
 * happened (the calls below) and then pulls records with bcast_next() until there are none: they
 * say what to do. Same calls in the same order, same records; how input is cut does not matter.
 *
 *     bcast_init(&e, arena, bytes, &config, now);
 *     if (root) bcast_plan(e, sizes, packages, opaque, length), bcast_want(e, needed);
 *     for (;;) {
 *         struct bcast_record r;
 *         while (bcast_next(e, &r)) do what r says;          // see RECORDS
 *         wait for I/O until bcast_deadline(e);
 *         bcast_tick(e, now);                                // first, after each wait
 *         bcast_feed(...), bcast_sent(...), bcast_lost(...), bcast_opened(...), bcast_delivered(...)
 *     }
 *
 * MEMORY
 *
 * All state, buffers and the window of segments live in the one arena given to bcast_init(). A span
 * is an offset from the arena's start and a length.
 *
 * TIME
 *
 * Milliseconds on any monotonic clock of the caller's. The engine's "now" is that of the last
 * bcast_tick(), so tick after each wait, before telling what happened.
 *
 * ERRORS
 *
 * A call that does not fit is a bug of the caller: it returns an error, and so does every later
 * call; bcast_next() then returns 0. What peers send is never a bug of the caller: a peer that breaks
 * the protocol loses its link, and the session goes on.
 *
 * RECORDS (kind, then words; see BCAST_RECORDS)
 *
 * DIAL     Connect to a position and authenticate; answer bcast_opened(link, position, PARENT) or
 *          bcast_dial_failed(position). At most one DIAL is open.
 * PLAN     What is going to come (not at the root). Answer bcast_want() once.
 * READ     (root) Put `length` bytes of a package at `offset` into the span; answer bcast_read_done(slot),
 *          or bcast_failed() when it cannot be read.
 * SEND     Write the span to the link, after everything sent there before. It stays valid and unchanged until
 *          bcast_sent() has covered it, or the link is closed.
 * DELIVER  The next segment for the unpacker; answer bcast_delivered() when its bytes are used up. In stream
 *          order, no gaps, nothing twice. Only after bcast_want(1).
 * CLOSE    Close the link at once and drop what is unsent. Its id is free and must not be used in calls before
 *          it is opened anew.
 * READY    The verdict is go. Once, and never together with FAILED.
 * FAILED   The verdict is the failure of `position` with `code`; text as given to bcast_failed(), or empty.
 * DONE     Nothing is left to do: all below have the verdict or are gone. The caller closes everything. May come well
 *          after the verdict, when a position below is on its way from one parent to another.
 */
#ifndef BCAST_H
#define BCAST_H

#include <stdint.h>

#include "bcast_defs.h"

#define BCAST_OK 0
#define X(name, number, sentence) BCAST_E_##name = number,
enum bcast_error { BCAST_ERRORS(X) };
#undef X
#define X(name, number, words) BCAST_##name = number,
enum bcast_record_kind { BCAST_RECORDS(X) };
#undef X
#define X(name, number, sentence) BCAST_REASON_##name = number,
enum bcast_reason { BCAST_REASONS(X) };
#undef X
#define X(name, number) BCAST_ROLE_##name = number,
enum bcast_role { BCAST_ROLES(X) };
#undef X
#define X(name, number) BCAST_SHAPE_##name = number,
enum bcast_shape { BCAST_SHAPES(X) };
#undef X
#define X(name, number) BCAST_FAILURE_##name = number,
enum bcast_failure { BCAST_FAILURES(X) };
#undef X

#define X(name, value) uint32_t name;
struct bcast_config { BCAST_CONFIG(X) };
#undef X
#define X(name) uint64_t name;
struct bcast_statistics { BCAST_STATISTICS(X) };
#undef X

/* The configuration with every field at its default: `struct bcast_config c = BCAST_CONFIG_DEFAULT;` */
#define BCAST_DEFAULT_FIELD(name, value) .name = value,
#define BCAST_CONFIG_DEFAULT { BCAST_CONFIG(BCAST_DEFAULT_FIELD) }

struct bcast_record {
    uint32_t kind;     /* enum bcast_record_kind */
    uint32_t word[7];
};

struct bcast;

/* Bytes of arena a session with this configuration needs; 0 when the configuration is impossible. */
uint64_t bcast_arena_bytes(const struct bcast_config *config);

/* Lays an engine out at the start of the arena. On BCAST_OK, *e is the engine. `now` starts all timers. */
int bcast_init(struct bcast **e, void *arena, uint64_t bytes, const struct bcast_config *config, uint64_t now);

/* The error of the first call that did not fit, or BCAST_OK. */
int bcast_error(const struct bcast *e);

/* Root, once: the packages' sizes in bytes and what the caller wants to tell all positions about them. */
int bcast_plan(struct bcast *e, const uint64_t *sizes, uint32_t packages, const void *opaque, uint32_t length);

/* Once, after PLAN (root: after bcast_plan()): 1 to get the stream delivered here, 0 to do without. */
int bcast_want(struct bcast *e, int needed);

/* Root: the READ of this slot is complete. */
int bcast_read_done(struct bcast *e, uint32_t slot);

/* The oldest `segments` DELIVERed segments are used up. */
int bcast_delivered(struct bcast *e, uint32_t segments);

/* This position is ready; `reused` when it needed nothing. May be said before the stream has ended here, and once. */
int bcast_staged(struct bcast *e, int reused);

/* This position has failed, and with it the session, unless another failure or the verdict came first. `code` is
 * opaque; the text is cut at BCAST_TEXT_MAX bytes. */
int bcast_failed(struct bcast *e, uint32_t code, const char *text, uint32_t length);

/* A connection to an authenticated peer exists under an id that is free, best the lowest: the answer to DIAL (PARENT), or
 * one that was accepted (CHILD). The engine may answer with CLOSE when it has no use for it. */
int bcast_opened(struct bcast *e, uint32_t link, uint32_t position, int role);

/* The answer to DIAL when there is no connection. */
int bcast_dial_failed(struct bcast *e, uint32_t position);

/* Bytes arrived. All are taken, whatever they are, cut anywhere. They may lie where bcast_inbox() said, or anywhere
 * outside the arena. */
int bcast_feed(struct bcast *e, uint32_t link, const void *bytes, uint32_t length);

/* The oldest `length` bytes handed out by SEND for this link are written. */
int bcast_sent(struct bcast *e, uint32_t link, uint32_t length);

/* The link is gone, by end of input or by an error. Its id is free again. */
int bcast_lost(struct bcast *e, uint32_t link);

/* Time has come to be `now`. Cheap; never earlier than before. */
int bcast_tick(struct bcast *e, uint64_t now);

/* When bcast_tick() wants to be called next at the latest; UINT64_MAX for never. May be in the past. */
uint64_t bcast_deadline(const struct bcast *e);

/* Writes the next thing to do and returns 1, or returns 0. */
int bcast_next(struct bcast *e, struct bcast_record *record);

/* Where the next bytes of a link are best put before bcast_feed(): an offset of the arena, and how many have room there. The
 * stream comes to lie where it stays, so that nothing has to be copied. Good until this link is fed or closed. */
uint32_t bcast_inbox(const struct bcast *e, uint32_t link, uint32_t *room);

/* For a caller that verifies whole frames before it feeds them, and has `gap_bytes` of its own in front of each on the wire:
 * where the next bytes of a link, gaps and all, are best put. They lie there as they do on the wire, so each frame is where
 * it stays. No room where the next bytes are not the stream's, or a frame has been fed in part. */
uint32_t bcast_place(const struct bcast *e, uint32_t link, uint32_t *room);

/* Bytes were put where bcast_place() said, and may be fed later: what lay there before is gone. */
int bcast_put(struct bcast *e, const void *bytes, uint32_t length);

const struct bcast_statistics *bcast_statistics(const struct bcast *e);

/* The shape of the tree (enum bcast_shape): which one, where BEST left that to the engine. */
uint32_t bcast_shape(const struct bcast *e);

#endif
