/* CRC-32C against the vectors of RFC 3720 B.4 and against the definition, bit by bit. */
#include "crc32c.h"

#include <string.h>

#include "check.h"
#include "random.h"

static uint32_t by_definition(uint32_t crc, const uint8_t *p, uint32_t n) {
    crc = ~crc;
    while (n-- > 0) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    }
    return ~crc;
}

int main(void) {
    uint8_t bytes[512];
    CHECK(crc32c(0, "123456789", 9) == 0xE3069283u, "the check value");
    memset(bytes, 0, 32);
    CHECK(crc32c(0, bytes, 32) == 0x8A9136AAu, "32 zeros");
    memset(bytes, 0xff, 32);
    CHECK(crc32c(0, bytes, 32) == 0x62A8AB43u, "32 ones");
    for (uint8_t i = 0; i < 32; i++) bytes[i] = i;
    CHECK(crc32c(0, bytes, 32) == 0x46DD794Eu, "ascending");
    for (uint8_t i = 0; i < 32; i++) bytes[i] = (uint8_t)(31 - i);
    CHECK(crc32c(0, bytes, 32) == 0x113FDB5Cu, "descending");

    uint64_t seed = 1;
    for (uint32_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)random_next(&seed);
    for (uint32_t from = 0; from < 9; from++) {
        for (uint32_t n = 0; from + n <= sizeof bytes; n++) {
            uint32_t whole = by_definition(7, bytes + from, n), half = n / 2;
            CHECK(crc32c(7, bytes + from, n) == whole, "%u bytes from %u", n, from);
            CHECK(crc32c(crc32c(7, bytes + from, half), bytes + from + half, n - half) == whole, "%u cut", n);
        }
    }
    puts("crc32c: RFC 3720 vectors, and 0..512 bytes against the definition");
}
