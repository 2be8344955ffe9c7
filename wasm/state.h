/*
 * The state of one engine. Structures only: what happens to them is said by the header of the module named beside each.
 *
 * The engine queues nothing: it keeps what is, and what each link has been told. bcast_next() compares the two and
 * says the difference, so memory is bounded and a new link after a loss starts from "told nothing" by itself.
 *
 * Modules, each of which calls only those above it:
 *
 *     links.c      the table of links: opened, marked for closing
 *     members.c    every position of the subtree: here, ready, lost
 *     flow.c       which links need the stream, how far it may go
 *     verdict.c    the first failure, and the verdict
 *     straggler.c  root: children that need what the window no longer has
 *     parent.c     finding a parent, and another one
 *     stall.c      children that hold up others
 *     reap.c       what follows when a link is gone
 *     protocol.c   what peers say
 *     arena.c      where all of this lies; bcast_init()
 *     records.c    bcast_next(): what is to be done
 *     clock.c      bcast_tick() and bcast_deadline()
 *     engine.c     all other calls of bcast.h
 *
 * A STRAGGLER is a child of the root that is served apart from the window, by segments read again for it: until it has
 * caught up, when it needs what the window no longer has; for good, when it has held up others.
 */
#ifndef STATE_H
#define STATE_H

#include "bcast.h"
#include "link.h"
#include "stream.h"
#include "tree.h"
#include "window.h"

#define NO_LINK UINT32_MAX

/* A frame with payload that the engine keeps whole, so that it can be sent as it is. */
#define TEXT_FRAME (FRAME_BYTES + BCAST_TEXT_MAX)

/* ---- links.c, protocol.c: a link, and what each module keeps about it ---- */

/* What the two ends of a link have told each other. */
struct talk {
    uint8_t plan_told, verdict_told, moved_told, straggler_told; /* by the parent */
    uint8_t fail_told, bye_told;                                 /* by the child */
    uint8_t asked;      /* the child has said whether it needs the stream ... */
    uint8_t wanted;     /* ... and that it does */
    uint8_t moved_due;  /* MOVED is to be said */
    uint8_t ping_due;   /* PING is to be said */
    uint64_t credit;    /* said by the child: segments below this number may be sent */
};

/* flow.c, straggler.c: a child's place in the stream, in segments. */
struct reader {
    uint64_t next;      /* to be handed out next */
    uint64_t acked;     /* those below this number are written */
    uint64_t fetch;     /* straggler: to be read next */
    uint8_t straggler;  /* root: reads apart from the window for now */
};

/* stall.c: a child that holds up others. */
struct hold {
    uint8_t holding;
    uint64_t since;     /* when it began to, or last took enough */
    uint64_t from;      /* reader.acked at that time */
};

struct peer {
    struct link link;
    struct talk talk;
    struct reader reader;
    struct hold hold;
    /* members.c: the child has been told of all positions before this one that have another parent; TREE_NONE: of all. */
    uint32_t elsewhere_at;
};

/* ---- members.c ---- */

/* What is known of a position, in the order in which it comes to pass. */
enum member_state { MEMBER_WAITED, MEMBER_READY, MEMBER_REUSED, MEMBER_GONE };

struct member {
    uint16_t claims;    /* links through which it can be reached; 0 is lost */
    uint8_t state;      /* enum member_state; never goes back */
    uint8_t straggler;  /* has held up others: a straggler for good */
    uint8_t elsewhere;  /* found another parent than its static one */
    uint8_t told_state, told_lost, told_straggler; /* what the parent knows */
    uint8_t sweeps;     /* root: how many in a row have seen it lost */
};

struct members {
    struct member *list; /* of the subtree, by position - own position */
    uint8_t *claims;     /* bits by member: a set per link, and one for "its static child has yet to connect" */
    uint32_t size, set_bytes;
    uint32_t waited_here; /* neither ready nor lost */
    uint32_t ready_here, reused_here;
    uint32_t lost;       /* not reachable, and not gone */
    uint32_t given_up;   /* root: of the lost, those lost through a whole sweep */
    uint32_t stragglers; /* for good */
    uint32_t dirty_from, dirty_to; /* members the parent may not know about */
    uint8_t quiet;       /* nothing has changed since there was nothing to tell */
    uint64_t sweep_at;   /* root */
};

/* ---- parent.c ---- */

enum search_state { SEARCH_OVER, SEARCH_DIAL, SEARCH_DIALLING, SEARCH_PAUSE, SEARCH_LINKED };

struct search {
    uint8_t state;       /* enum search_state */
    uint8_t unanswered;  /* a DIAL is open, wanted or not */
    uint8_t retried;     /* the candidate was dialled again after a corrupt frame */
    uint8_t vain;        /* candidates since the last link that were lost or could not be reached */
    uint32_t candidate;
    uint32_t dialled;    /* position of the open DIAL */
    uint32_t link;       /* NO_LINK unless linked */
    uint32_t last;       /* the last parent: the one to blame when there is none any more */
    uint64_t redial_at, orphan_until;
};

/* ---- verdict.c ---- */

enum verdict_state { VERDICT_NONE, VERDICT_GO, VERDICT_FAIL };

struct verdict {
    uint8_t state;       /* enum verdict_state */
    uint8_t announced;
    uint8_t failure_known;
    uint8_t failure[TEXT_FRAME]; /* the FAIL frame of the first failure heard of */
    uint8_t frame[TEXT_FRAME];   /* the VERDICT frame */
};

/* ---- straggler.c ---- */

enum reread_state { REREAD_FREE, REREAD_ASKED, REREAD_FULL };

/* A slot apart from the window, with a segment for one straggler. */
struct reread {
    uint8_t state;       /* enum reread_state */
    uint32_t link;       /* NO_LINK when its link is gone before its READ is answered */
    uint64_t segment;
};

/* ---- the whole ---- */

struct bcast {
    struct bcast_config config;
    struct bcast_statistics statistics;
    uint8_t *arena;
    struct tree tree;
    uint64_t now, started_at;
    uint32_t error;           /* enum bcast_error; sticky */
    uint8_t is_root;

    uint8_t plan_known, plan_announced;
    uint8_t answered, wanted; /* bcast_want() */
    uint8_t settled;          /* all that matter have said whether they need the stream */
    uint8_t staged, done;
    uint8_t straggler;        /* this position holds up those below it, and serves no child any more */
    uint8_t grace_over;

    uint8_t *plan;            /* the PLAN frame */
    uint32_t plan_length;     /* of its payload */
    uint8_t *inbox;

    struct peer *peers;       /* by link id */
    uint32_t links_end;       /* no link at or above this id was ever opened */
    uint32_t links_marked;    /* links whose end reap() has yet to see to */
    uint32_t turn;            /* the link to be served next */

    struct stream stream;
    struct window window;
    struct reread *rereads;
    uint8_t *reread_frames;
    struct members members;
    struct search search;
    struct verdict verdict;
};

#endif
