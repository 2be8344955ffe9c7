#include "model.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct model *model_map(const char *file) {
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    void *at = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof(struct model)) == 0)
        at = mmap(NULL, sizeof(struct model), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        perror(file);
        exit(74);
    }
    close(fd);
    return at;
}

struct model_client *model_client(struct model *m, const char *name) {
    uint32_t known = atomic_load(&m->clients);
    for (uint32_t i = 0; i < known && i < MODEL_CLIENTS; i++) {
        if (strncmp(m->client[i].name, name, sizeof m->client[i].name - 1) == 0) return &m->client[i];
    }
    uint32_t id = atomic_fetch_add(&m->clients, 1);
    if (id >= MODEL_CLIENTS) return NULL;
    snprintf(m->client[id].name, sizeof m->client[id].name, "%s", name);
    return &m->client[id];
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Takes the next free stretch of this length. Returns its end. */
static uint64_t take_turn(_Atomic uint64_t *free_at, uint64_t length) {
    uint64_t from = atomic_load(free_at), end;
    do {
        uint64_t now = now_ns();
        end = (from > now ? from : now) + length;
    } while (!atomic_compare_exchange_weak(free_at, &from, end));
    return end;
}

static void wait_until(uint64_t ns) {
    struct timespec at = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) {}
}

void model_metadata(struct model *m, struct model_client *client, enum model_kind kind) {
    atomic_fetch_add(&client->requests[kind], 1);
    wait_until(take_turn(&m->metadata_free_at, atomic_load(&m->metadata_ns)) + atomic_load(&m->round_trip_ns));
}

void model_read(struct model *m, struct model_client *client, uint64_t bytes, int sequential) {
    atomic_fetch_add(&client->requests[MODEL_READ], 1);
    atomic_fetch_add(&client->bytes, bytes);
    if (sequential) atomic_fetch_add(&client->sequential, 1);
    uint64_t rate = atomic_load(&m->bytes_per_s);
    uint64_t length = rate == 0 ? 0 : (uint64_t)((double)bytes * 1e9 / (double)rate);
    wait_until(take_turn(&m->data_free_at, length) + atomic_load(&m->round_trip_ns));
}
