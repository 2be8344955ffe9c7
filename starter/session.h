/*
 * Where the ranks of one run meet on a node: a directory that only this user can look into, with a socket in it on
 * which the leader's starter listens.
 *
 *     <node-local directory>/python-mpi-<uid>/     0700, ours, as for prefixes
 *       session-<key>-<node>/
 *         lock                                     held by the leader's starter for its life
 *         leader                                   its socket
 *
 * A leader that is killed leaves the directory behind; the next one's sweep finds the lock free and removes it.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>

/*
 * Opens the user's private directory below the first of the places that can have one: `chroot`, /dev/shm, /tmp. All ranks
 * of a node find the same. Makes it if need be. Returns -1 when there is none.
 */
int open_private_directory(const char *chroot);

/* A leader's session. */
struct session {
  int directory; /* the private one */
  char *name;
  int lock;
  int listener;
};

/* Makes the session and listens, without waiting: false when that cannot be, or another leader has it. */
bool session_open(struct session *session, int directory, const char *key, const char *node);

/* A follower that waits, as a non-blocking socket that is not inherited; -1 when there is none now. */
int session_accept(const struct session *session, int *pid);

/* Removes the session. */
void session_close(struct session *session);

/* A follower's way to its leader: a socket; -1 when the leader is not there (yet). */
int session_connect(int directory, const char *key, const char *node);

#endif
