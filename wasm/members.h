/* What is known of every position of the subtree: whether it can be reached, whether it is ready, whether it is lost. */
#ifndef MEMBERS_H
#define MEMBERS_H

#include <stdint.h>

struct bcast;

/* What a REPORT frame says, in its flags. */
enum report { REPORT_HERE = 1, REPORT_LOST, REPORT_READY, REPORT_REUSED, REPORT_STRAGGLER };

/* Bytes of a set of so many members. */
uint32_t members_set_bytes(uint32_t size);

/* All positions are waited for, each by way of its static child. */
void members_init(struct bcast *e);

/* A child connected: until it says otherwise its whole subtree is reachable through it. flow_settle() is to follow. */
void members_joined(struct bcast *e, uint32_t link);

/* A child's link is gone, and with it what it claimed. */
void members_dropped(struct bcast *e, uint32_t link);

/* What a child said about positions of its subtree; 0 when it may not. */
int members_heard(struct bcast *e, uint32_t link, uint32_t first, uint32_t count, uint8_t what);

/* This position is ready. */
void members_staged(struct bcast *e, int reused);

/* A position has held up others: it is a straggler for good. */
void members_mark_straggler(struct bcast *e, uint32_t position);

/* Whether a position of the subtree is a straggler for good. */
int members_is_straggler(const struct bcast *e, uint32_t position);

/* All positions reached through the link have the verdict. */
void members_bye(struct bcast *e, uint32_t link);

/* A position of the subtree has found a parent, here or elsewhere: its static one is to expect it no longer.
 * flow_settle() is to follow. */
void members_arrived(struct bcast *e, uint32_t position);

/* The next position that the child has to be told of so; TREE_NONE when there is none. Counts as told. */
uint32_t members_take_elsewhere(struct bcast *e, uint32_t link);

/* Children that never came are lost from now on. */
void members_grace_over(struct bcast *e);

/* Whether a static child may still come; whether any may. */
int members_expected(const struct bcast *e, uint32_t position);
int members_expects(const struct bcast *e);

/* The next thing the parent does not know: 1 and a range, or 0. What is said counts as told. */
int members_report(struct bcast *e, uint32_t *first, uint32_t *count, uint8_t *what);

/* The parent is a new one and knows nothing. */
void members_untold(struct bcast *e);

/* Root, when sweep_at has come: positions that were lost at the last sweep, too, are given up. */
void members_sweep(struct bcast *e);

/* Root: the lowest position that is given up; TREE_NONE. */
uint32_t members_given_up(const struct bcast *e);

/* The position to blame for lack of time: the lowest that is lost, or else a child that never came, or else the lowest
 * that is waited for; TREE_NONE. */
uint32_t members_missing(const struct bcast *e);

#endif
