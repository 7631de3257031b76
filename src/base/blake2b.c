#include "base/blake2b.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

enum { BLOCK = 128, ROUNDS = 12 };

static const uint64_t start_state[8] = {
    0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
    0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u};

/* The words of a block in the order of each round; rounds 10 and 11 are 0 and 1 again. */
static const uint8_t order[10][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                      {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
                                      {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
                                      {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
                                      {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
                                      {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
                                      {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
                                      {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
                                      {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
                                      {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

static inline uint64_t turn(uint64_t x, unsigned n)
{
    return x >> n | x << (64 - n);
}

static inline void mix(uint64_t *v, size_t a, size_t b, size_t c, size_t d, uint64_t x, uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = turn(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = turn(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = turn(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = turn(v[b] ^ v[c], 63);
}

static void compress(cen__blake2b *hash, const uint8_t *block, bool is_last)
{
    uint64_t v[16], m[16];
    for (size_t i = 0; i < 16; i++) m[i] = cen__le64(block + 8 * i);
    memcpy(v, hash->state, sizeof hash->state);
    memcpy(v + 8, start_state, sizeof start_state);
    v[12] ^= hash->n_bytes; /* of a count of 128 bits, whose upper half stays 0 */
    if (is_last) v[14] = ~v[14];
    for (size_t i = 0; i < ROUNDS; i++) {
        const uint8_t *s = order[i % 10];
        mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
        mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
        mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
        mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
        mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
        mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
        mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
        mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (size_t i = 0; i < 8; i++) hash->state[i] ^= v[i] ^ v[i + 8];
}

void cen__blake2b_start(cen__blake2b *hash, size_t digest_size)
{
    memset(hash, 0, sizeof *hash);
    memcpy(hash->state, start_state, sizeof start_state);
    hash->state[0] ^= 0x01010000u ^ digest_size;
    hash->digest_size = digest_size;
}

/* The last block is compressed in another way, so a full block waits until more follows. */
void cen__blake2b_add(cen__blake2b *hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        if (hash->filled == BLOCK) {
            hash->n_bytes += BLOCK;
            compress(hash, hash->block, false);
            hash->filled = 0;
        }
        if (hash->filled == 0 && size > BLOCK) {
            hash->n_bytes += BLOCK;
            compress(hash, at, false);
            at += BLOCK;
            size -= BLOCK;
            continue;
        }
        const size_t room = BLOCK - hash->filled, taken = size < room ? size : room;
        memcpy(hash->block + hash->filled, at, taken);
        hash->filled += taken;
        at += taken;
        size -= taken;
    }
}

void cen__blake2b_end(cen__blake2b *hash, uint8_t *digest)
{
    hash->n_bytes += hash->filled;
    memset(hash->block + hash->filled, 0, BLOCK - hash->filled);
    compress(hash, hash->block, true);
    for (size_t i = 0; i < hash->digest_size; i++) {
        digest[i] = (uint8_t)(hash->state[i / 8] >> 8 * (i % 8));
    }
}

void cen__hex(const uint8_t *bytes, size_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
}
