#include "command_line.h"

#include <stdlib.h>
#include <string.h>

static bool is_pythons(const char *word) {
  size_t length = strcspn(word, "=");
  for (const char *const *name = PYTHON_LONG; *name; name++)
    if (strlen(*name) == length && memcmp(*name, word, length) == 0) return true;
  return false;
}

/* "-n4", as a word of its own. */
static bool is_count(const char *word) {
  const char *digits = word + 2;
  return strncmp(word, "-n", 2) == 0 && *digits && strspn(digits, "0123456789") == strlen(digits);
}

/* Takes a long option, and its value, which may be the next word. Returns the words behind. */
static char **take(char **words, struct command_line *line) {
  const char *name = *words++ + 2;
  size_t length = strcspn(name, "=");
  const char *value = name[length] ? name + length + 1 : NULL;
  for (int i = 0; i < OPTION_COUNT; i++) {
    const struct option_entry *entry = &OPTIONS[i];
    if (strlen(entry->name) != length || memcmp(entry->name, name, length) != 0) continue;
    if (!entry->has_value) {
      line->given[i] = value ? value : "true";
    } else if (value) {
      line->given[i] = value;
    } else if (*words) {
      line->given[i] = *words++;
    } else {
      line->unclear = true;
    }
    return words;
  }
  line->unclear = true;
  return words;
}

void command_line_read(char **words, struct command_line *line) {
  memset(line, 0, sizeof *line);
  while (*words) {
    char *word = *words;
    if (strcmp(word, "-n") == 0) {
      words++;
      if (*words)
        line->ranks = *words++;
      else
        line->unclear = true;
    } else if (is_count(word)) {
      line->ranks = word + 2;
      words++;
    } else if (strcmp(word, "--check") == 0) {
      line->check = true;
      words++;
    } else if (strncmp(word, "--", 2) != 0 || word[2] == '\0' || is_pythons(word)) {
      break;
    } else {
      words = take(words, line);
    }
  }
  line->python = words;
}

const char *setting(const struct command_line *line, enum option option) {
  const char *value = line->given[option];
  if (!value) value = getenv(OPTIONS[option].variable);
  return value && *value ? value : NULL;
}
