/*
 * Every number that C and TypeScript must agree on, once, as X-macros.
 *
 * src/engine/constants.ts is generated from this file by tools/generate-constants.c; bcast.h turns the same
 * lists into enums and structs. Numbers are part of the ABI: append, never renumber.
 */
#ifndef BCAST_DEFS_H
#define BCAST_DEFS_H

/* What can be wrong with a call. Returned by every call once it has happened: errors are sticky. */
#define BCAST_ERRORS(X)                                                                 \
    X(CONFIG, 1, "the configuration describes no possible session")                     \
    X(ARENA, 2, "the arena is too small or not aligned to 8 bytes")                     \
    X(LINK, 3, "no such link, or it is not in a state for this call")                   \
    X(STATE, 4, "the call does not fit the state of the session")                       \
    X(RANGE, 5, "more was reported than was asked for")

/* What the engine asks of its caller: kind, number, and the words that follow the kind. */
#define BCAST_RECORDS(X)                                                                \
    X(DIAL, 1, "position")                                                              \
    X(PLAN, 2, "opaque span, opaque length, packages, sizes span")                      \
    X(READ, 3, "slot, package, offset low, offset high, span, length")                  \
    X(SEND, 4, "link, span, length")                                                    \
    X(DELIVER, 5, "package, offset low, offset high, span, length")                     \
    X(CLOSE, 6, "link, reason")                                                         \
    X(READY, 7, "ready positions, of which reused, lost positions")                     \
    X(FAILED, 8, "code, position, text span, text length")                              \
    X(DONE, 9, "nothing")

/* Why a link is to be closed. For logs and statistics: the caller treats all alike. */
#define BCAST_REASONS(X)                                                                \
    X(CORRUPT, 1, "a checksum did not match")                                           \
    X(PROTOCOL, 2, "the peer broke the protocol")                                       \
    X(SILENT, 3, "nothing was heard from the peer for too long")                        \
    X(STALLED, 4, "the peer held up everybody else")                                    \
    X(MOVED, 5, "the parent cannot serve the child: the root has to")                   \
    X(REPLACED, 6, "the position has a newer link")                                     \
    X(UNWANTED, 7, "the link has no use any more")

/* Which end of the tree the peer is. */
#define BCAST_ROLES(X)                                                                  \
    X(PARENT, 1)                                                                        \
    X(CHILD, 2)

/* Tree shapes, and a wish: the one that tree_best() says is the quickest for so many positions. */
#define BCAST_SHAPES(X)                                                                 \
    X(BINOMIAL, 0)                                                                      \
    X(CHAIN, 1)                                                                         \
    X(BINARY, 2)                                                                        \
    X(BEST, 3)

/* Configuration: field and default. All are 32-bit words, in this order. Times in milliseconds. */
#define BCAST_CONFIG(X)                                                                 \
    X(position, 0)          /* of this engine in the tree; 0 is the root */             \
    X(count, 1)             /* of positions */                                          \
    X(shape, 0)             /* of the tree; the same everywhere */                      \
    X(segment_bytes, 262144) /* the unit of pipelining; the root's value rules */       \
    X(slots, 32)            /* segments in the window */                                \
    X(straggler_slots, 4)   /* segments the root re-reads for those who fell behind */  \
    X(max_links, 64)        /* link ids are 0 .. max_links - 1 */                       \
    X(plan_bytes, 65536)    /* most a plan may take: 8 + 8 per package + opaque */      \
    X(inbox_bytes, 65536)   /* where what is not of the stream may be put; may be 0 */  \
    X(inbox_segments, 4)    /* most segments that may be put where they stay at once */ \
    X(send_ahead, 4)        /* segments handed out by SEND at a time, per link */       \
    X(read_ahead, 4)        /* segments asked for by READ at a time */                  \
    X(grace_ms, 30000)      /* for all children to connect and say what they hold */    \
    X(stall_ms, 5000)       /* how long one child may hold up the others */             \
    X(silent_ms, 10000)     /* a link that says nothing for so long is lost: those  \
                             * behind a dead position must notice before they are  \
                             * given up, so less than stall_ms + rejoin_ms */       \
    X(redial_ms, 200)       /* pause after every candidate parent was tried in vain */  \
    X(rejoin_ms, 10000)     /* for a lost position to come back by another way */       \
    X(deadline_ms, 0)       /* for the whole session, from init; 0 is none */           \
    X(tolerate_lost, 0)     /* 1: go on without positions that do not come back */      \
    X(gap_bytes, 0)         /* the caller's own in front of each frame of the stream */ \
    X(verified, 0)          /* 1: the caller verifies what it feeds, and so do all others: \
                             * the stream has no checksums */

/* Statistics: 64-bit counters, in this order. */
#define BCAST_STATISTICS(X)                                                             \
    X(bytes_in)             /* fed */                                                   \
    X(bytes_out)            /* handed out by SEND */                                    \
    X(segments_in)          /* received whole and right, or read by the root */         \
    X(segments_out)         /* handed out by SEND */                                    \
    X(resumes)              /* times a parent was replaced with payload outstanding */  \
    X(reparented)           /* times this engine got a parent that is not its static one */ \
    X(adopted)              /* children taken over from a lost parent */                \
    X(corrupt)              /* checksums that did not match */                          \
    X(moved)                /* children sent to the root */                             \
    X(stalled)              /* children closed because they held up the others */       \
    X(reread)               /* segments the root read again for a straggler */

/* Codes the engine itself fails a session with: exit statuses of src/errors.ts. */
#define BCAST_FAILURES(X)                                                               \
    X(PEER_LOST, 69)                                                                    \
    X(TIMEOUT, 75)                                                                      \
    X(PROTOCOL, 76)

/* Most bytes of text a failure may carry. */
#define BCAST_TEXT_MAX 512

#endif
