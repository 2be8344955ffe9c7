/* See frame_text.h. */
#define _DEFAULT_SOURCE /* strsep */

#include "frame_text.h"

#include <string.h>

#include "bytes.h"
#include "check.h"
#include "checksum.h"
#include "frame.h"

static const char *const types[] = {
    [FRAME_PLAN] = "PLAN",     [FRAME_WANT] = "WANT",     [FRAME_HAVE] = "HAVE",       [FRAME_DATA] = "DATA",
    [FRAME_CREDIT] = "CREDIT", [FRAME_REPORT] = "REPORT", [FRAME_FAIL] = "FAIL",       [FRAME_VERDICT] = "VERDICT",
    [FRAME_BYE] = "BYE",       [FRAME_MOVED] = "MOVED",   [FRAME_STRAGGLER] = "STRAGGLER", [FRAME_PING] = "PING",
    [FRAME_ELSEWHERE] = "ELSEWHERE",
};
enum { TYPES = sizeof types / sizeof types[0] };

static const char *const reports[] = {"", "here", "lost", "ready", "reused", "straggler"};
enum { REPORTS = sizeof reports / sizeof reports[0] };

/* The number of a word in a list; 0 when it is not there. */
static uint8_t find(const char *const *list, uint8_t count, const char *word) {
    for (uint8_t k = 1; k < count; k++) {
        if (list[k] != NULL && strcmp(list[k], word) == 0) return k;
    }
    return 0;
}

/* Takes the next word off. */
static const char *next(char **words) {
    char *word = strsep(words, " ");
    return word == NULL ? "" : word;
}

static uint32_t number(char **words) { return (uint32_t)strtoul(next(words), NULL, 10); }

static uint64_t pair(char **words) {
    uint32_t low = number(words);
    return frame_pair(low, number(words));
}

static uint32_t text_payload(uint8_t *to, char **words) {
    uint32_t length = *words == NULL ? 0 : (uint32_t)strlen(*words);
    memcpy(to, *words == NULL ? "" : *words, length);
    return length;
}

uint32_t frame_of_text(uint8_t *out, const char *text) {
    char copy[512], *words = copy;
    uint8_t *payload = out + FRAME_BYTES;
    snprintf(copy, sizeof copy, "%s", text);
    struct frame f = {.type = find(types, TYPES, next(&words))};
    switch (f.type) {
    case FRAME_PLAN:
        store_u32(payload, number(&words));
        for (f.length = 8; words != NULL; f.length += 8) store_u64(payload + f.length, number(&words));
        store_u32(payload + 4, (f.length - 8) / 8);
        break;
    case FRAME_DATA:
        f.value = number(&words);
        f.length = number(&words);
        memset(payload, (int)f.value, f.length);
        break;
    case FRAME_REPORT:
        f.flags = find(reports, REPORTS, next(&words));
        f.value = pair(&words);
        break;
    case FRAME_FAIL:
        f.value = pair(&words);
        f.length = text_payload(payload, &words);
        break;
    case FRAME_VERDICT:
        f.flags = strcmp(next(&words), "go") == 0;
        f.value = pair(&words);
        if (f.flags == FRAME_FLAG_GO) {
            store_u32(payload, number(&words));
            f.length = 4;
        } else {
            f.length = text_payload(payload, &words);
        }
        break;
    case 0: CHECK(0, "no frame: %s", text); break;
    default: f.value = number(&words);
    }
    f.sum = checksum(payload, f.length);
    frame_encode(out, &f);
    return FRAME_BYTES + f.length;
}

uint32_t text_of_frame(char *out, uint32_t room, const uint8_t *bytes) {
    struct frame f;
    CHECK(frame_decode(&f, bytes) && f.type < TYPES && types[f.type] != NULL, "a frame that is none");
    const char *type = types[f.type], *payload = (const char *)bytes + FRAME_BYTES;
    uint32_t low = (uint32_t)f.value, high = (uint32_t)(f.value >> 32);
    int length = (int)f.length;
    CHECK(checksum(payload, f.length) == f.sum, "%s: the checksum", type);
    switch (f.type) {
    case FRAME_PLAN: {
        int n = snprintf(out, room, "%s %u", type, load_u32(bytes + FRAME_BYTES));
        for (uint32_t k = 8; k < f.length; k += 8) {
            unsigned long long size = load_u64(bytes + FRAME_BYTES + k);
            n += snprintf(out + n, room - (uint32_t)n, " %llu", size);
        }
        break;
    }
    case FRAME_DATA: snprintf(out, room, "%s %u %u", type, low, f.length); break;
    case FRAME_REPORT:
        CHECK(f.flags < REPORTS, "a report that is none: %u", f.flags);
        snprintf(out, room, "%s %s %u %u", type, reports[f.flags], low, high);
        break;
    case FRAME_FAIL: snprintf(out, room, "%s %u %u %.*s", type, low, high, length, payload); break;
    case FRAME_VERDICT:
        if (f.flags == FRAME_FLAG_GO) {
            snprintf(out, room, "%s go %u %u %u", type, low, high, load_u32(bytes + FRAME_BYTES));
        } else {
            snprintf(out, room, "%s fail %u %u %.*s", type, low, high, length, payload);
        }
        break;
    case FRAME_WANT:
    case FRAME_CREDIT:
    case FRAME_ELSEWHERE: snprintf(out, room, "%s %u", type, low); break;
    default: snprintf(out, room, "%s", type);
    }
    return FRAME_BYTES + f.length;
}
