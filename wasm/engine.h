/*
 * The state of one engine, and which file owns which part of it.
 *
 * The engine queues nothing: it keeps what is, and what each link has been told. bcast_next() compares the two and
 * says the difference, so memory is bounded and a new link after a loss starts from "told nothing" by itself.
 *
 *     engine.c     the calls of bcast.h; the arena's layout
 *     protocol.c   what peers say; links come and go
 *     members.c    every position of the subtree: here, ready, lost
 *     flow.c       who needs the stream, how far it may go
 *     stall.c      who holds up others
 *     straggler.c  root: children who need what the window no longer has
 *     parent.c     finding a parent, and another one
 *     verdict.c    the first failure, and the verdict
 *     records.c    bcast_next(): what is to be done
 *     clock.c      bcast_tick() and bcast_deadline()
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "bcast.h"
#include "link.h"
#include "stream.h"
#include "tree.h"
#include "window.h"

#define NO_LINK UINT32_MAX

/* A frame with payload that the engine keeps whole, so that it can be sent as it is. */
#define TEXT_FRAME (FRAME_BYTES + BCAST_TEXT_MAX)

/* What is known of a position, in the order in which it comes to pass. */
enum member_state { MEMBER_WAITED, MEMBER_READY, MEMBER_REUSED, MEMBER_GONE, MEMBER_STATES };

struct member {
    uint16_t claims;    /* links through which it can be reached; 0 is lost */
    uint8_t state;      /* enum member_state; never goes back */
    uint8_t told_state; /* what the parent knows */
    uint8_t told_lost;  /* what the parent knows; at the root: how often a sweep saw it lost */
    uint8_t straggler;  /* once held up others; told_straggler: the parent knows */
    uint8_t told_straggler;
    uint8_t elsewhere;  /* found another parent than its static one */
};

struct members {
    struct member *list;     /* of the subtree, by position - own position */
    uint8_t *claims;         /* per link, and one set for "its static child has yet to connect": bits by member */
    uint32_t size, set_bytes;
    uint32_t counts[MEMBER_STATES];
    uint32_t waited_here;    /* neither ready nor lost */
    uint32_t ready_here, reused_here;
    uint32_t lost;           /* not reachable, and not gone */
    uint32_t given_up;       /* root: of the lost, those lost through a whole sweep */
    uint32_t stragglers;     /* members who once held up others */
    uint32_t dirty_from, dirty_to; /* members the parent may not know about */
    uint8_t quiet;           /* nothing has changed since there was nothing to tell */
    uint64_t sweep_at;       /* root */
};

enum search_state { SEARCH_OVER, SEARCH_DIAL, SEARCH_DIALLING, SEARCH_PAUSE, SEARCH_LINKED };

struct search {
    uint8_t state;           /* enum search_state */
    uint8_t unanswered;      /* a DIAL is open, wanted or not */
    uint8_t retried;         /* the candidate was dialled again after a corrupt frame */
    uint8_t vain;            /* candidates since the last link who were lost or could not be reached */
    uint32_t candidate;
    uint32_t dialled;        /* position of the open DIAL */
    uint32_t link;           /* NO_LINK unless linked */
    uint32_t last;           /* the last parent: whom to name when there is none any more */
    uint64_t redial_at, orphan_until;
};

enum verdict_state { VERDICT_NONE, VERDICT_GO, VERDICT_FAIL };

struct verdict {
    uint8_t state;           /* enum verdict_state */
    uint8_t announced;
    uint8_t failure_known;
    uint8_t failure[TEXT_FRAME]; /* the FAIL frame of the first failure heard of */
    uint8_t frame[TEXT_FRAME];   /* the VERDICT frame */
};

enum reread_state { REREAD_FREE, REREAD_ASKED, REREAD_FULL };

struct reread {
    uint8_t state;           /* enum reread_state */
    uint32_t link;           /* NO_LINK when its link is gone before its READ is answered */
    uint64_t segment;
};

struct bcast {
    struct bcast_config config;
    struct bcast_statistics statistics;
    uint8_t *arena;
    struct tree tree;
    uint64_t now, started_at;
    uint32_t error;          /* enum bcast_error; sticky */

    uint8_t plan_known, plan_announced;
    uint8_t answered, wanted; /* bcast_want() */
    uint8_t settled;         /* everybody who matters has said what they need */
    uint8_t staged, done;
    uint8_t straggler;       /* this position holds up those below, and serves nobody any more */
    uint8_t grace_over;

    uint8_t *plan;           /* the PLAN frame */
    uint32_t plan_length;    /* of its payload */
    uint8_t *inbox;
    uint32_t turn;           /* the link to be served next */

    struct link *links;
    uint32_t links_end;      /* no link at or above this id was ever opened */
    struct stream stream;
    struct window window;
    struct reread *rereads;
    uint8_t *reread_frames;
    struct members members;
    struct search search;
    struct verdict verdict;
};

static inline int is_root(const struct bcast *e) { return e->config.position == 0; }
static inline uint32_t span_of(const struct bcast *e, const uint8_t *p) { return (uint32_t)(p - e->arena); }
static inline int is_child(const struct link *link) {
    return link->state == LINK_OPEN && link->role == BCAST_ROLE_CHILD;
}
/* Whether a child once held up others. */
static inline int is_straggler(const struct bcast *e, const struct link *link) {
    return e->members.list[link->position - e->config.position].straggler;
}
static inline uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* ---- protocol.c ---- */

/* Takes bytes of a link through the frames they make. */
void protocol_feed(struct bcast *e, uint32_t link, const uint8_t *bytes, uint32_t length);
/* Where the next bytes of a link are best put, and how many have room there. */
uint8_t *protocol_inbox(const struct bcast *e, uint32_t link, uint32_t *room);
/* Closes a link by our own will: everything follows as if it were lost, and CLOSE is said. */
void protocol_drop(struct bcast *e, uint32_t link, enum bcast_reason reason);
/* A link is gone: its claims, its place in the flow, and its being our parent end. */
void protocol_gone(struct bcast *e, uint32_t link, enum bcast_reason reason);

/* ---- members.c ---- */

uint32_t members_set_bytes(uint32_t size);
void members_init(struct bcast *e);
/* A child connected: until it says otherwise its whole subtree is reachable through it. */
void members_joined(struct bcast *e, uint32_t link);
void members_dropped(struct bcast *e, uint32_t link);
/* What a child said about positions of its subtree; 0 when it may not. */
int members_heard(struct bcast *e, uint32_t link, uint32_t first, uint32_t count, uint8_t what);
void members_staged(struct bcast *e, int reused);
/* A position holds up others. */
void members_mark_straggler(struct bcast *e, uint32_t position);
/* All positions reached through the link have the verdict. */
void members_bye(struct bcast *e, uint32_t link);
/* A position of the subtree has found a parent, here or elsewhere: its static one is to expect it no longer. */
void members_arrived(struct bcast *e, uint32_t position);
/* The next position that the child has to be told of so; TREE_NONE when there is none. Counts as told. */
uint32_t members_take_elsewhere(const struct bcast *e, struct link *link);
/* Children who never came are lost from now on. */
void members_grace_over(struct bcast *e);
/* Whether a static child may still come; whether any may. */
int members_expected(const struct bcast *e, uint32_t position);
int members_expects(const struct bcast *e);
/* The next thing the parent does not know: 1 and a range, or 0. What is said counts as told. */
int members_report(struct bcast *e, uint32_t *first, uint32_t *count, uint8_t *what);
/* The parent is a new one and knows nothing. */
void members_untold(struct bcast *e);
/* Root, when sweep_at has come: whoever was lost before the last sweep is given up. */
void members_sweep(struct bcast *e);
/* The position to blame: the lowest one given up, or else the lowest that is lost, never came or is waited for; TREE_NONE. */
uint32_t members_find(const struct bcast *e, int given_up);

/* ---- flow.c ---- */

/* Looks whether everybody who matters has said what they need. */
void flow_settle(struct bcast *e);
/* Starts the window where the first reader does, once that is known. */
void flow_begin(struct bcast *e);
/* Whether the stream is needed here or below, through the window. */
int flow_needed(const struct bcast *e);
/* A child wants the stream from a segment on. */
void flow_want(struct bcast *e, uint32_t link, uint64_t segment);
/* Segments below this number have a slot. */
uint64_t flow_limit(const struct bcast *e);
/* Whether a child reads through the window. */
int flow_reads(const struct link *link);
/* The first segment that somebody still needs in its slot. */
uint64_t flow_floor(const struct bcast *e);

/* ---- stall.c ---- */

/* Looks who holds up others, and closes who does for too long. */
void stall_check(struct bcast *e);
/* When stall_check() has to look again at the latest. */
uint64_t stall_deadline(const struct bcast *e);
/* A child was held up itself, by somebody below it who is gone. */
void stall_acquit(struct bcast *e, uint32_t link);
/* Those above say that this position holds up those below: they have to go elsewhere. */
void stall_dismiss_children(struct bcast *e);

/* ---- straggler.c ---- */

/* The slot whose frame is whole for the link's next segment; NULL. */
const uint8_t *straggler_frame(const struct bcast *e, uint32_t link);
/* Finds the next READ for a straggler: 1 and its slot, or 0. */
int straggler_ask(struct bcast *e, uint32_t *slot);
/* A READ for a straggler is complete; 0 when it was not asked for. */
int straggler_read(struct bcast *e, uint32_t slot);
/* The link's segment is written. */
void straggler_written(struct bcast *e, uint32_t link, uint64_t segment);
/* Lets a child that has caught up read through the window. */
void straggler_join(struct bcast *e, uint32_t link);
void straggler_dropped(struct bcast *e, uint32_t link);

/* ---- parent.c ---- */

void parent_init(struct bcast *e);
/* A DIAL is answered; 0 when none is open for the position. `link` is NO_LINK when it failed. */
int parent_answered(struct bcast *e, uint32_t position, uint32_t link);
/* The parent is gone: look for the next. */
void parent_lost(struct bcast *e, enum bcast_reason reason);
void parent_tick(struct bcast *e);
uint64_t parent_deadline(const struct bcast *e);

/* ---- verdict.c ---- */

/* A position has failed; the first counts. */
void verdict_failure(struct bcast *e, uint32_t code, uint32_t position, const void *text, uint32_t length);
/* The parent's VERDICT frame lies in verdict.frame. */
void verdict_heard(struct bcast *e);
/* There is no way to the root any more: what is known here is the verdict here and below. */
void verdict_alone(struct bcast *e);
/* Root: decides when it can. */
void verdict_review(struct bcast *e);
/* Whether everybody below has the verdict or is gone. */
int verdict_below_done(const struct bcast *e);

#endif
