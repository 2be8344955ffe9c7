/* A binary heap. */
#include "events.h"

#include <stdlib.h>

static int before(const struct event *a, const struct event *b) {
    return a->time != b->time ? a->time < b->time : a->order < b->order;
}

struct event *events_post(struct events *q, uint64_t time, enum event_kind kind, uint32_t node) {
    if (q->count == q->room) {
        q->room = q->room * 2 + 64;
        q->heap = realloc(q->heap, q->room * sizeof *q->heap);
    }
    struct event e = {.time = time, .order = q->order++, .kind = (uint8_t)kind, .node = node};
    uint32_t i = q->count++;
    for (; i > 0 && before(&e, &q->heap[(i - 1) / 2]); i = (i - 1) / 2) q->heap[i] = q->heap[(i - 1) / 2];
    q->heap[i] = e;
    return &q->heap[i];
}

struct event events_pop(struct events *q) {
    struct event top = q->heap[0], last = q->heap[--q->count];
    uint32_t i = 0, child;
    while ((child = 2 * i + 1) < q->count) {
        if (child + 1 < q->count && before(&q->heap[child + 1], &q->heap[child])) child++;
        if (before(&last, &q->heap[child])) break;
        q->heap[i] = q->heap[child];
        i = child;
    }
    q->heap[i] = last;
    return top;
}
