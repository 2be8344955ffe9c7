/* CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as in RFC 3720 and iSCSI. */
#ifndef CRC32C_H
#define CRC32C_H

#include <stdint.h>

/* The checksum of what `crc` already covers followed by these bytes. Start with 0. */
uint32_t crc32c(uint32_t crc, const void *bytes, uint32_t length);

#endif
