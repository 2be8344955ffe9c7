#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"

void *take_memory(size_t bytes) {
  void *memory = malloc(bytes ? bytes : 1);
  if (!memory) fail(STATUS_NO_RUNTIME, "there is no memory left");
  return memory;
}

char *concatenate(const char *const parts[]) {
  size_t length = 0;
  for (size_t i = 0; parts[i]; i++) length += strlen(parts[i]);
  char *text = take_memory(length + 1);
  char *end = text;
  for (size_t i = 0; parts[i]; i++) {
    size_t part = strlen(parts[i]);
    memcpy(end, parts[i], part);
    end += part;
  }
  *end = '\0';
  return text;
}

char *print_text(const char *format, ...) {
  va_list values;
  va_start(values, format);
  int length = vsnprintf(NULL, 0, format, values);
  va_end(values);
  char *text = take_memory((size_t)length + 1);
  va_start(values, format);
  vsnprintf(text, (size_t)length + 1, format, values);
  va_end(values);
  return text;
}
