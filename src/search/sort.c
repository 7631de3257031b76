#include "search/sort.h"

#include <stdint.h>
#include <string.h>

enum { BITS = 8, BUCKETS = 1 << BITS, PASSES = 32 / BITS };

/* Floats that are at least +0 have the order of their bits. */
static size_t bucket(const float *x, int pass)
{
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    return (bits >> (pass * BITS)) % BUCKETS;
}

/* Radix sort from the lowest digit up. The number of passes is even, so the result is in x. */
void cen__sort_distances(float *x, size_t n, float *scratch)
{
    size_t places[PASSES][BUCKETS] = {{0}};
    for (size_t i = 0; i < n; i++) {
        for (int pass = 0; pass < PASSES; pass++) places[pass][bucket(&x[i], pass)]++;
    }
    for (int pass = 0; pass < PASSES; pass++) {
        size_t place = 0;
        for (size_t b = 0; b < BUCKETS; b++) {
            size_t count = places[pass][b];
            places[pass][b] = place;
            place += count;
        }
        for (size_t i = 0; i < n; i++) scratch[places[pass][bucket(&x[i], pass)]++] = x[i];
        float *sorted = scratch;
        scratch = x;
        x = sorted;
    }
}
