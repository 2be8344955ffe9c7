/* The first failure and the verdict. The root decides; failures pass up to it, the verdict passes down from it. */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdint.h>

struct bcast;

/* A position has failed; the first counts. The text is cut at BCAST_TEXT_MAX bytes. */
void verdict_failure(struct bcast *e, uint32_t code, uint32_t position, const void *text, uint32_t length);

/* The parent's VERDICT frame lies in verdict.frame. */
void verdict_heard(struct bcast *e);

/* There is no way to the root any more: what is known here is the verdict here and below. */
void verdict_alone(struct bcast *e);

/* Root: decides when it can. */
void verdict_review(struct bcast *e);

/* Whether all positions below have the verdict or are gone. */
int verdict_below_done(const struct bcast *e);

#endif
