/*
 * Which descriptors a process of ours keeps: one that stays open where it is not needed keeps a pipe's reader waiting.
 */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <stddef.h>

/* Closes every descriptor from 3 on but these. */
void close_others(const int *kept, size_t count);

/* Puts /dev/null in a descriptor's place. */
void open_nothing(int descriptor);

#endif
