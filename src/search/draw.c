#include "search/draw.h"

#include "base/random.h"

/* More rounds than the 4 of Luby and Rackoff, whose proof needs large halves. */
enum { ROUNDS = 6, HALF_LEAST = 3 };

/* A Feistel network permutes 0 .. 4^half - 1. A result outside of 0 .. n - 1 is permuted again until it is inside
 * (Black and Rogaway 2002, "Ciphers with arbitrary finite domains"). */
uint64_t cen__draw(uint64_t seed, uint64_t stream, uint64_t n, uint64_t i)
{
    int half = HALF_LEAST;
    while (half < 31 && n >> (2 * half) > 0) half++;
    uint64_t mask = ((uint64_t)1 << half) - 1;
    do {
        uint64_t left = i >> half, right = i & mask;
        for (uint64_t round = 0; round < ROUNDS; round++) {
            uint64_t next = left ^ (cen__random_bits(seed, stream + (round << 32), right) & mask);
            left = right;
            right = next;
        }
        i = left << half | right;
    } while (i >= n);
    return i;
}
