/*
 * Memory and strings for a process that becomes another program within moments, and so frees little. Where there is
 * no memory, that program could not start either: the process ends, with a line.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>

/* Never NULL. */
void *take_memory(size_t bytes);

/* A new string of the parts before the first NULL, one after the other. */
char *concatenate(const char *const parts[]);

/* A new string, as by printf. */
char *print_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
