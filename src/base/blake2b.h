/* BLAKE2b (RFC 7693) without a key. */
#ifndef CEN_BASE_BLAKE2B_H
#define CEN_BASE_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

typedef struct cen__blake2b {
    uint64_t state[8], n_bytes; /* bytes that are in the state */
    uint8_t block[128];
    size_t filled, digest_size;
} cen__blake2b;

/* digest_size: 1 to 64 bytes. */
void cen__blake2b_start(cen__blake2b *hash, size_t digest_size);
void cen__blake2b_add(cen__blake2b *hash, const void *bytes, size_t size);
void cen__blake2b_end(cen__blake2b *hash, uint8_t *digest);

/* Lower case hexadecimal digits of bytes[size] and a NUL: text[2 size + 1]. */
void cen__hex(const uint8_t *bytes, size_t size, char *text);

#endif
