/*
 * The only file that knows WebAssembly: the calls of bcast.h whose arguments JavaScript has no plain number for. Times and
 * sizes are doubles here. All other calls are exported as they are: a pointer is an address.
 */
#include "bcast.h"

double bcast_abi_arena_bytes(const struct bcast_config *config) { return (double)bcast_arena_bytes(config); }

/* The engine's address is the arena's. */
int bcast_abi_init(void *arena, double bytes, const struct bcast_config *config, double now) {
    struct bcast *e;
    return bcast_init(&e, arena, (uint64_t)bytes, config, (uint64_t)now);
}

int bcast_abi_tick(struct bcast *e, double now) { return bcast_tick(e, (uint64_t)now); }

double bcast_abi_deadline(const struct bcast *e) {
    uint64_t at = bcast_deadline(e);
    return at == UINT64_MAX ? __builtin_inf() : (double)at;
}
