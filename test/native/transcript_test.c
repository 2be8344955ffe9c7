/*
 * Transcripts: whole conversations with one engine, as text that one can read and compares line by line.
 *
 *     # a remark
 *     engine position=1 count=2 slots=2     makes an engine; what is not named has its default, but small segments
 *     -> opened 0 0 parent                  what the caller tells it: a call of bcast.h and its arguments
 *     -> feed 0 REPORT ready 1 1            frames as frame_text.h writes them; `feed 0 corrupt` is a broken one
 *     -> sent 0                             all that was handed out for the link is written
 *     <- SEND 0 WANT 0, CREDIT 128          what it wants done then
 *
 * Each is also told with every input cut into single bytes, and has to answer the same. With `--write` the answers are
 * written into the files instead: read the difference before you keep it.
 */
#define _DEFAULT_SOURCE /* strsep */

#include <dirent.h>
#include <string.h>

#include "bcast.h"
#include "check.h"
#include "frame.h"
#include "frame_text.h"

enum { ARENA = 1 << 16, LINKS = 8, LINE = 512, STORY = 1 << 16 };

static uint64_t arena[ARENA / 8];
static struct bcast *engine;
static uint32_t unsent[LINKS];

static void create(char *words) {
    struct bcast_config c = BCAST_CONFIG_DEFAULT;
    c.segment_bytes = 64;
    c.slots = 4;
    c.max_links = LINKS;
    c.plan_bytes = 128;
    c.inbox_bytes = 0;
    for (char *word; (word = strsep(&words, " ")) != NULL;) {
        char *value = strchr(word, '=');
        CHECK(value != NULL, "no value: %s", word);
        *value++ = '\0';
        uint32_t *field = NULL;
#define X(name, initial) \
    if (strcmp(word, #name) == 0) field = &c.name;
        BCAST_CONFIG(X)
#undef X
        CHECK(field != NULL, "no such field: %s", word);
        *field = (uint32_t)strtoul(value, NULL, 10);
    }
    memset(unsent, 0, sizeof unsent);
    CHECK(bcast_init(&engine, arena, sizeof arena, &c, 0) == BCAST_OK, "init");
}

static int feed(uint32_t link, const char *words, int cut) {
    static uint8_t bytes[1024];
    int corrupt = strcmp(words, "corrupt") == 0, result = BCAST_OK;
    uint32_t length = frame_of_text(bytes, corrupt ? "PING" : words), piece = cut ? 1 : length;
    if (corrupt) bytes[8] ^= 1;
    for (uint32_t at = 0; at < length && result == BCAST_OK; at += piece) {
        result = bcast_feed(engine, link, bytes + at, piece);
    }
    return result;
}

static int plan(char *words) {
    uint64_t sizes[8];
    uint32_t count = 0;
    for (char *word; (word = strsep(&words, " ")) != NULL;) sizes[count++] = strtoull(word, NULL, 10);
    return bcast_plan(engine, sizes, count, "", 0);
}

/* Makes the call that a line names. */
static void tell(char *line, int cut) {
    char *words = line, *name = strsep(&words, " ");
    char all[LINE], *rest = words;
    snprintf(all, sizeof all, "%s", words == NULL ? "" : words);
    uint32_t first = (uint32_t)strtoul(all, &rest, 10), second = (uint32_t)strtoul(rest, NULL, 10);
    const char *text = *rest == ' ' ? rest + 1 : rest;
    int result = BCAST_E_STATE;
    if (strcmp(name, "tick") == 0) result = bcast_tick(engine, first);
    if (strcmp(name, "plan") == 0) result = plan(all);
    if (strcmp(name, "want") == 0) result = bcast_want(engine, (int)first);
    if (strcmp(name, "read_done") == 0) result = bcast_read_done(engine, first);
    if (strcmp(name, "delivered") == 0) result = bcast_delivered(engine, first);
    if (strcmp(name, "staged") == 0) result = bcast_staged(engine, (int)first);
    if (strcmp(name, "failed") == 0) result = bcast_failed(engine, first, text, (uint32_t)strlen(text));
    if (strcmp(name, "dial_failed") == 0) result = bcast_dial_failed(engine, first);
    if (strcmp(name, "lost") == 0) result = bcast_lost(engine, first);
    if (strcmp(name, "feed") == 0) result = feed(first, text, cut);
    if (strcmp(name, "opened") == 0) {
        int role = strstr(text, "parent") != NULL ? BCAST_ROLE_PARENT : BCAST_ROLE_CHILD;
        unsent[first] = 0;
        result = bcast_opened(engine, first, second, role);
    }
    if (strcmp(name, "sent") == 0) {
        result = bcast_sent(engine, first, unsent[first]);
        unsent[first] = 0;
    }
    CHECK(result == BCAST_OK, "%s: error %d", name, result);
}

static const char *reason_of(uint32_t number) {
#define X(name, value, sentence) \
    if (number == (value)) return sentence;
    BCAST_REASONS(X)
#undef X
    return "?";
}

/* Writes what is to be done as a line. */
static void describe(char *out, size_t room, const struct bcast_record *r) {
    const uint32_t *w = r->word;
    uint8_t *base = (uint8_t *)engine;
    switch (r->kind) {
    case BCAST_DIAL: snprintf(out, room, "DIAL %u", w[0]); break;
    case BCAST_PLAN: snprintf(out, room, "PLAN, packages %u", w[2]); break;
    case BCAST_READ:
        memset(base + w[4], (int)w[2], w[5]);
        snprintf(out, room, "READ into slot %u: package %u from %u, %u bytes", w[0], w[1], w[2], w[5]);
        break;
    case BCAST_SEND: {
        int n = snprintf(out, room, "SEND %u", w[0]);
        unsent[w[0]] += w[2];
        for (uint32_t at = 0; at < w[2];) {
            n += snprintf(out + n, room - (size_t)n, at == 0 ? " " : ", ");
            at += text_of_frame(out + n, (uint32_t)room - (uint32_t)n, base + w[1] + at);
            n = (int)strlen(out);
        }
        break;
    }
    case BCAST_DELIVER: snprintf(out, room, "DELIVER package %u from %u, %u bytes", w[0], w[1], w[4]); break;
    case BCAST_CLOSE: snprintf(out, room, "CLOSE %u: %s", w[0], reason_of(w[1])); break;
    case BCAST_READY: snprintf(out, room, "READY %u, of which reused %u; lost %u", w[0], w[1], w[2]); break;
    case BCAST_FAILED:
        snprintf(out, room, "FAILED %u at %u: %.*s", w[0], w[1], (int)w[3], (const char *)base + w[2]);
        break;
    default: snprintf(out, room, "DONE");
    }
}

/* Plays a transcript's own lines; writes them and the answers into `story`. */
static void play(const char *script, char *story, int cut) {
    size_t n = 0;
    for (const char *at = script; *at != '\0';) {
        char line[LINE], *end = strchr(at, '\n');
        snprintf(line, sizeof line, "%.*s", (int)(end - at), at);
        at = end + 1;
        if (strncmp(line, "<-", 2) == 0) continue;
        n += (size_t)snprintf(story + n, STORY - n, "%s\n", line);
        if (strncmp(line, "engine ", 7) == 0) create(line + 7);
        else if (strncmp(line, "-> ", 3) == 0) tell(line + 3, cut);
        else continue;
        for (struct bcast_record r; bcast_next(engine, &r);) {
            describe(line, sizeof line, &r);
            n += (size_t)snprintf(story + n, STORY - n, "<- %s\n", line);
        }
    }
}

/* Names the first line in which the two differ. */
static void compare(const char *path, const char *expected, const char *story) {
    for (uint32_t line = 1; *expected != '\0' || *story != '\0'; line++) {
        int a = (int)strcspn(expected, "\n"), b = (int)strcspn(story, "\n");
        int same = a == b && strncmp(expected, story, (size_t)a) == 0;
        CHECK(same, "%s, line %u:\n  expected %.*s\n  got      %.*s", path, line, a, expected, b, story);
        expected += a + (expected[a] == '\n');
        story += b + (story[b] == '\n');
    }
}

static void check(const char *path, int write) {
    static char script[STORY], story[STORY];
    FILE *file = fopen(path, "r");
    CHECK(file != NULL, "cannot read %s", path);
    script[fread(script, 1, STORY - 1, file)] = '\0';
    fclose(file);
    play(script, story, 0);
    if (write) {
        file = fopen(path, "w");
        CHECK(file != NULL && fputs(story, file) >= 0, "cannot write %s", path);
        fclose(file);
        return;
    }
    compare(path, script, story);
    play(script, story, 1);
    compare(path, script, story);
}

int main(int argc, char **argv) {
    int write = argc > 1 && strcmp(argv[1], "--write") == 0, files = 0;
    char path[LINE];
    DIR *d = opendir(TRANSCRIPTS);
    CHECK(d != NULL, "no transcripts in %s", TRANSCRIPTS);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (strstr(entry->d_name, ".txt") == NULL) continue;
        snprintf(path, sizeof path, "%s/%s", TRANSCRIPTS, entry->d_name);
        check(path, write);
        files++;
    }
    closedir(d);
    CHECK(files > 0, "%s is empty", TRANSCRIPTS);
    printf("transcript: %d conversations, whole and cut into bytes\n", files);
}
