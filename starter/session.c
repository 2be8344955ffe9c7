#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "memory.h"

/* More ranks than a node has may want to connect at once; the kernel lowers it to what it allows. */
enum { BACKLOG = 4096 };

static int try_private_directory(const char *place) {
  char *path = print_text("%s/python-mpi-%u", place, (unsigned)getuid());
  int made = mkdir(path, 0700);
  int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat found;
  /* The mask of the user may have taken what we need ourselves. */
  if (directory >= 0 && made == 0) fchmod(directory, 0700);
  if (directory >= 0 && (fstat(directory, &found) != 0 || found.st_uid != getuid() ||
                         (found.st_mode & 0077) != 0)) {
    close(directory);
    directory = -1;
  }
  free(path);
  return directory;
}

int open_private_directory(const char *chroot) {
  const char *places[] = {chroot, "/dev/shm", "/tmp"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    int directory = places[i][0] == '/' ? try_private_directory(places[i]) : -1;
    if (directory >= 0) return directory;
  }
  return -1;
}

/* Addresses have room for 107 bytes, and paths are longer: so it leads through the descriptor. */
static struct sockaddr_un address_of(int directory, const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s/leader", directory, name);
  return address;
}

static char *name_of(const char *key, const char *node) { return print_text("session-%s-%s", key, node); }

static bool take_lock(int lock) {
  /* All of the file: the sweep of prefixes sees its own kind of lock on it. */
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return fcntl(lock, F_SETLK, &whole) == 0;
}

/* A directory that nobody else has, under a lock; false when there is another leader. */
static bool take(struct session *session) {
  char *path = concatenate((const char *[]){session->name, "/lock", NULL});
  bool taken = false;
  /* A sweep may remove it between two steps. */
  for (int attempt = 0; !taken && attempt < 100; attempt++) {
    if (mkdirat(session->directory, session->name, 0700) == 0)
      fchmodat(session->directory, session->name, 0700, 0);
    session->lock = openat(session->directory, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (session->lock < 0 && errno == ENOENT) continue;
    if (session->lock < 0 || !take_lock(session->lock)) break;
    struct stat ours, named;
    taken = fstat(session->lock, &ours) == 0 &&
            fstatat(session->directory, path, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
            ours.st_ino == named.st_ino;
    if (!taken) {
      close(session->lock);
      session->lock = -1;
    }
  }
  if (!taken && session->lock >= 0) {
    close(session->lock);
    session->lock = -1;
  }
  free(path);
  return taken;
}

static void remove_socket(const struct session *session) {
  char *path = concatenate((const char *[]){session->name, "/leader", NULL});
  unlinkat(session->directory, path, 0);
  free(path);
}

bool session_open(struct session *session, int directory, const char *key, const char *node) {
  *session = (struct session){.directory = directory, .lock = -1, .listener = -1};
  session->name = name_of(key, node);
  if (!take(session)) return false;
  remove_socket(session);
  struct sockaddr_un address = address_of(directory, session->name);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
      chmod(address.sun_path, 0600) == 0 && listen(listener, BACKLOG) == 0) {
    session->listener = listener;
    return true;
  }
  if (listener >= 0) close(listener);
  session_close(session);
  return false;
}

/* Whether the other side is a process of this user. */
static bool is_ours(int connection, int *pid) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  *pid = peer.pid;
  return peer.uid == geteuid();
}

int session_accept(const struct session *session, int *pid) {
  int connection = accept4(session->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (connection < 0) return -1;
  if (is_ours(connection, pid)) return connection;
  close(connection);
  return -1;
}

void session_close(struct session *session) {
  if (session->listener >= 0) close(session->listener);
  session->listener = -1;
  if (session->lock < 0) return;
  remove_socket(session);
  char *path = concatenate((const char *[]){session->name, "/lock", NULL});
  unlinkat(session->directory, path, 0);
  unlinkat(session->directory, session->name, AT_REMOVEDIR);
  free(path);
  close(session->lock);
  session->lock = -1;
}

int session_connect(int directory, const char *key, const char *node) {
  char *name = name_of(key, node);
  struct sockaddr_un address = address_of(directory, name);
  free(name);
  int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection < 0) return -1;
  int pid;
  if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0 && is_ours(connection, &pid))
    return connection;
  close(connection);
  return -1;
}
