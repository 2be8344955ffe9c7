#include "environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static bool has_name(const char *entry, const char *name) {
  size_t length = strlen(name);
  return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

struct environment environment_copy(char **entries) {
  struct environment copy = {NULL, 0};
  while (entries[copy.count]) copy.count++;
  copy.entries = take_memory((copy.count + 1) * sizeof *entries);
  memcpy(copy.entries, entries, (copy.count + 1) * sizeof *entries);
  return copy;
}

const char *environment_get(const struct environment *environment, const char *name) {
  for (size_t i = 0; i < environment->count; i++)
    if (has_name(environment->entries[i], name)) return environment->entries[i] + strlen(name) + 1;
  return NULL;
}

void environment_unset(struct environment *environment, const char *name) {
  size_t kept = 0;
  for (size_t i = 0; i < environment->count; i++)
    if (!has_name(environment->entries[i], name))
      environment->entries[kept++] = environment->entries[i];
  environment->count = kept;
  environment->entries[kept] = NULL;
}

void environment_set(struct environment *environment, const char *name, const char *value) {
  char *entry = concatenate((const char *[]){name, "=", value, NULL});
  for (size_t i = 0; i < environment->count; i++) {
    if (!has_name(environment->entries[i], name)) continue;
    environment->entries[i] = entry;
    size_t kept = i + 1;
    for (size_t j = kept; j < environment->count; j++)
      if (!has_name(environment->entries[j], name))
        environment->entries[kept++] = environment->entries[j];
    environment->count = kept;
    environment->entries[kept] = NULL;
    return;
  }
  size_t count = environment->count;
  char **longer = take_memory((count + 2) * sizeof *longer);
  memcpy(longer, environment->entries, count * sizeof *longer);
  free(environment->entries);
  longer[count] = entry;
  longer[count + 1] = NULL;
  environment->entries = longer;
  environment->count = count + 1;
}

void environment_prepend(struct environment *environment, const char *name, const char *bytes,
                         char joint) {
  const char *value = environment_get(environment, name);
  bool alone = !value || !*value;
  const char between[] = {alone ? '\0' : joint, '\0'};
  const char *const parts[] = {bytes, between, alone ? "" : value, NULL};
  environment_set(environment, name, concatenate(parts));
}
