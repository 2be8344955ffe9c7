/*
 * Sets of signals as the kernel has them: a bit for each, the lowest for signal 1. The library's own functions leave out the
 * real-time signals that it keeps for itself, which another library may hand on.
 */
#ifndef MASK_H
#define MASK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* One behind the last signal. */
enum { SIGNALS = 65 };

static inline uint64_t mask_of(int number) { return (uint64_t)1 << (number - 1); }

/* The signals that are blocked; and from now on. */
uint64_t mask_blocked(void);
void mask_block(uint64_t blocked);

/* The signals whose disposition is to be ignored. */
uint64_t mask_ignored(void);

/* Sets a disposition: SIG_IGN or SIG_DFL. */
void mask_dispose(int number, void (*disposition)(int));

/* Waits for a signal of a blocked set. Returns its number, or less than 1. */
int mask_wait(uint64_t set);

/* A descriptor from which the signals of a set can be read, without waiting; not inherited. -1 when there is none. */
int mask_descriptor(uint64_t set);

#endif
