/* See pace.h. Rates are MB/s, which is bytes per microsecond. */
#include "pace.h"

#include <stddef.h>

#include "random.h"

static double later(double a, double b) { return a > b ? a : b; }

uint64_t pace_soon(const struct pace *pace, uint64_t now, uint32_t most_ms) {
    return now + 1000 * (uint64_t)(1 + random_below(pace->seed, most_ms));
}

uint64_t pace_answer(const struct pace *pace, uint64_t now) {
    return pace->costs == NULL ? pace_soon(pace, now, 20) : now + 1;
}

uint64_t pace_dial(const struct pace *pace, uint64_t now) {
    if (pace->costs == NULL) return pace_soon(pace, now, 10);
    return now + (uint64_t)(pace->costs->dial + 4 * pace->costs->latency);
}

uint64_t pace_read(const struct pace *pace, uint64_t now, uint32_t bytes) {
    if (pace->costs == NULL) return pace_soon(pace, now, 3);
    return now + 1 + (uint64_t)(bytes / pace->costs->read);
}

struct crossing pace_send(const struct pace *pace, struct busy *from, struct busy *to, uint64_t now, uint64_t last,
                          uint64_t bytes, int slow) {
    const struct sim_costs *c = pace->costs;
    if (c == NULL) {
        uint64_t at = pace_soon(pace, now, 3);
        if (at < last) at = last;
        at += bytes / (slow ? 1 : 2000) * 1000;
        return (struct crossing){at, at};
    }
    /* What has arrived is sent on before more is taken in, so it does not stand behind what waits to be taken in. */
    double work = c->message + c->send * (double)bytes;
    from->sender = later((double)now, from->sender) + work;
    from->processor = later((double)now, from->processor) + work;
    double start = later(from->sender, from->out), on_cable = (double)bytes / c->link;
    from->out = start + on_cable;
    to->in = later(to->in, start + c->latency) + on_cable;
    double arrives = later(later(from->out + c->latency, to->in), (double)last);
    return (struct crossing){(uint64_t)from->out + 1, (uint64_t)arrives + 1};
}

uint64_t pace_take(const struct pace *pace, struct busy *node, uint64_t now, uint64_t bytes) {
    const struct sim_costs *c = pace->costs;
    if (c == NULL) return now;
    node->processor = later((double)now, node->processor) + c->message + c->receive * (double)bytes;
    return (uint64_t)node->processor + 1;
}

uint64_t pace_consume(const struct pace *pace, struct busy *node, uint64_t now, uint64_t bytes) {
    const struct sim_costs *c = pace->costs;
    if (c == NULL) return pace_soon(pace, now, 4);
    node->unpacker = later((double)now, node->unpacker) + (double)bytes / c->unpack;
    return (uint64_t)later((double)now + 1, node->unpacker - c->ring / c->unpack);
}

uint64_t pace_stage(const struct pace *pace, const struct busy *node, uint64_t now) {
    if (pace->costs == NULL) return pace_soon(pace, now, 50);
    return (uint64_t)(later((double)now, node->unpacker) + pace->costs->publish) + 1;
}
