/* See link.h. Nothing here depends on the session's state: the same bytes give the same frames, however they are cut. */
#include "link.h"

#include <stddef.h>
#include <string.h>

#include "checksum.h"

void link_open(struct link *link, uint32_t position, enum bcast_role role, uint64_t now) {
    memset(link, 0, sizeof *link);
    link->state = LINK_OPEN;
    link->role = (uint8_t)role;
    link->position = position;
    link->heard = link->said = now;
}

/* A payload without a place is dropped unread, so there is nothing to hold its checksum against: it counts as right. */
static int payload_is_right(const struct link *link) {
    const struct frame *f = &link->frame;
    if (link->verified && f->type == FRAME_DATA) return f->sum == 0;
    return (link->into == NULL && f->length > 0) || checksum(link->into, f->length) == f->sum;
}

enum link_event link_take(struct link *link, const uint8_t **bytes, uint32_t *length) {
    if (link->header_got < FRAME_BYTES) {
        uint32_t n = FRAME_BYTES - link->header_got;
        if (n > *length) n = *length;
        memcpy(link->header + link->header_got, *bytes, n);
        link->header_got += n;
        *bytes += n;
        *length -= n;
        if (link->header_got < FRAME_BYTES) return LINK_MORE;
        if (!frame_decode(&link->frame, link->header)) return LINK_CORRUPT;
        link->payload_got = 0;
        return LINK_HEADER;
    }
    uint32_t n = link->frame.length - link->payload_got;
    if (n > *length) n = *length;
    if (n > 0) {
        uint8_t *to = link->into == NULL ? NULL : link->into + link->payload_got;
        /* It may be there already, or a little behind (see bcast_inbox). */
        if (to != NULL && to != *bytes) memmove(to, *bytes, n);
        link->payload_got += n;
        *bytes += n;
        *length -= n;
    }
    if (link->payload_got < link->frame.length) return LINK_MORE;
    link->header_got = 0;
    return payload_is_right(link) ? LINK_FRAME : LINK_CORRUPT;
}

uint32_t link_room(const struct link *link) {
    return LINK_CONTROLS - (link->controls_said - link->controls_written);
}

void link_say(struct link *link, uint8_t type, uint8_t flags, uint64_t value) {
    struct frame frame = {.type = type, .flags = flags, .value = value};
    frame_encode(link->controls[link->controls_said++ % LINK_CONTROLS], &frame);
}

int link_may_hand(const struct link *link) { return link->outgoing_count < LINK_OUTGOING; }

uint32_t link_controls(const struct link *link, const uint8_t **from) {
    uint32_t at = link->controls_handed % LINK_CONTROLS;
    uint32_t frames = link->controls_said - link->controls_handed;
    if (frames > LINK_CONTROLS - at) frames = LINK_CONTROLS - at;
    *from = link->controls[at];
    return frames * FRAME_BYTES;
}

void link_hand(struct link *link, enum outgoing_kind kind, uint32_t length, uint64_t now) {
    struct outgoing *out =
        &link->outgoing[(link->outgoing_first + link->outgoing_count++) % LINK_OUTGOING];
    *out = (struct outgoing){.left = length, .kind = (uint8_t)kind};
    if (kind == OUTGOING_CONTROLS) {
        out->frames = (uint8_t)(length / FRAME_BYTES);
        link->controls_handed += out->frames;
    }
    link->said = now;
}

int link_written(struct link *link, uint32_t length, uint32_t *segments, uint64_t now) {
    link->said = now;
    while (length > 0) {
        if (link->outgoing_count == 0) return 0;
        struct outgoing *out = &link->outgoing[link->outgoing_first];
        uint32_t n = length < out->left ? length : out->left;
        out->left -= n;
        length -= n;
        if (out->left > 0) break;
        if (out->kind == OUTGOING_CONTROLS) link->controls_written += out->frames;
        if (out->kind == OUTGOING_SEGMENT) (*segments)++;
        link->outgoing_first = (link->outgoing_first + 1) % LINK_OUTGOING;
        link->outgoing_count--;
    }
    return 1;
}
