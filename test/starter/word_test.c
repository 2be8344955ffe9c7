/* The word by which Python is started, and what it is made of: frames at every split, environments as bytes. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "environment.h"
#include "frame.h"
#include "word.h"

static char *names[] = {"A=1", "B=\xe9", "BASH_FUNC_module%%=() { :; }", "A=2", "EMPTY=", NULL};

static void environments(void) {
  struct environment list = environment_copy(names);
  CHECK(list.count == 5, "all are there");
  environment_set(&list, "A", "3");
  CHECK(list.count == 4 && strcmp(list.entries[0], "A=3") == 0, "one of each name, in the first one's place");
  environment_prepend(&list, "B", "front", ':');
  CHECK(strcmp(environment_get(&list, "B"), "front:\xe9") == 0, "bytes behind");
  environment_prepend(&list, "EMPTY", "front", ':');
  CHECK(strcmp(environment_get(&list, "EMPTY"), "front") == 0, "no joint before nothing");
  environment_prepend(&list, "NEW", "front", ':');
  CHECK(strcmp(environment_get(&list, "NEW"), "front") == 0, "a new one");
  environment_unset(&list, "BASH_FUNC_module%%");
  CHECK(environment_get(&list, "BASH_FUNC_module%%") == NULL && list.entries[list.count] == NULL, "unset");
}

static const char WORD[] = "word\0file\0/bin/sh\0set\0S\0a=b\0before\0P\0/x\0:\0rank\0R\0" "7\0 of 9\0self\0M\0self ";

/* Whole at every split into two, and not before. */
static void splits(void) {
  char bytes[FRAME_HEAD + sizeof WORD];
  bytes[0] = (char)sizeof WORD;
  bytes[1] = bytes[2] = bytes[3] = 0;
  memcpy(bytes + FRAME_HEAD, WORD, sizeof WORD);
  for (size_t split = 0; split <= sizeof bytes; split++) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "sockets");
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    struct frame frame = {0};
    CHECK(write(ends[0], bytes, split) == (ssize_t)split, "first part");
    enum frame_state state = frame_read(&frame, ends[1]);
    CHECK(state == (split == sizeof bytes ? FRAME_WHOLE : FRAME_PARTIAL), "not before its end");
    CHECK(write(ends[0], bytes + split, sizeof bytes - split) >= 0, "second part");
    CHECK(frame_read(&frame, ends[1]) == FRAME_WHOLE, "whole");
    CHECK(frame.size == sizeof WORD && memcmp(frame.content, WORD, sizeof WORD) == 0, "as it was");
    frame_clear(&frame);
    close(ends[0]);
    CHECK(frame_read(&frame, ends[1]) == FRAME_END, "the end");
    close(ends[1]);
  }
}

static struct frame frame_of(const char *content, size_t size) {
  struct frame frame = {.size = size, .got = size + FRAME_HEAD, .content = malloc(size + 1)};
  memcpy(frame.content, content, size);
  frame.content[size] = '\0';
  return frame;
}

/* The status of a shell that became what the word says. */
static int run(const char *script, const char *rank) {
  pid_t child = fork();
  if (child == 0) {
    struct frame frame = frame_of(WORD, sizeof WORD);
    char *arguments[] = {"-c", (char *)script, "a\xe9", NULL};
    become_python(&frame, arguments, (char *[]){"P=/y", "B=\xe9", NULL}, rank);
    _exit(99);
  }
  int status;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

static void becomes(void) {
  CHECK(run("test \"$S\" = a=b && test \"$P\" = /x:/y && test \"$R\" = '3 of 9'", "3") == 0, "as it says");
  CHECK(run("test \"$R\" = '7 of 9'", NULL) == 0, "without a rank of its own");
  CHECK(run("test \"$M\" = \"self $$\"", NULL) == 0, "the process itself");
  CHECK(run("test \"$B$0\" = \"$(printf '\\351a\\351')\"", NULL) == 0, "bytes");
}

/* Cut anywhere, it is no word or another one, and nothing is read behind it. */
static void cuts(void) {
  for (size_t size = 1; size < sizeof WORD; size++) {
    struct frame frame = frame_of(WORD, size);
    /* Behind "word" and "file": such a file is nowhere. */
    if (size > 10) frame.content[10] = '!';
    CHECK(become_python(&frame, (char *[]){NULL}, names, "0") != 0, "returns");
    frame_clear(&frame);
  }
}

int main(void) {
  environments();
  splits();
  becomes();
  cuts();
  puts("starter word: at every split and cut, bytes as they are");
}
