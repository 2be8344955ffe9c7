/*
 * The signals of a starter whose Python is its child: each that is meant for Python reaches it, once.
 *
 * A launcher may signal one process, its process group, or every process of the step. The kernel does not say who else got
 * a signal, so a sentinel stands beside Python: a child in the same group that does nothing but say which signals it got.
 * What it got too, Python has had; anything else was meant for us alone, and is passed on.
 *
 * All signals are blocked and read one by one. Dispositions stay as they were inherited: Python inherits them.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/types.h>

/* Blocks what can be passed on. Returns a descriptor from which they can be read; fails with a line. */
int signals_take(void);

/* In a child: everything as it was inherited. */
void signals_give_back(void);

/* In the child that becomes Node: nothing but the end of its own children reaches it. */
void signals_keep_away(void);

/* Posts a sentinel in this process group. Without one, every signal is passed on. */
void sentinel_post(void);
void sentinel_dismiss(void);

/* The descriptor that it speaks on, which must stay open; -1 when there is none. */
int sentinel_says(void);

/* Passes a signal on to a child that has not had it: waits a moment to be told. */
void signal_pass_on(const struct signalfd_siginfo *signal, pid_t child);

/* Ends this process as a child has ended, by wait's word for it. */
_Noreturn void end_as(int status);

#endif
