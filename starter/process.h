/*
 * What /proc tells of processes.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether the environment that a process was started with can be read, and has this entry, NAME=VALUE. */
bool process_has(pid_t pid, const char *entry);

/* 0 when there is no such process. */
pid_t process_parent(pid_t pid);

/* In ticks since the machine's start, as digits, empty when there is no such process: with its number, its identity. */
const char *process_start_time(pid_t pid);

#endif
