#include "base/random.h"

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static const uint64_t golden_gamma = UINT64_C(0x9e3779b97f4a7c15);

uint64_t cen__substream(uint64_t stream, uint64_t index)
{
    return mix(stream * golden_gamma + mix(index + golden_gamma));
}

uint64_t cen__random_bits(uint64_t seed, uint64_t stream, uint64_t counter)
{
    uint64_t key = mix(mix(seed + golden_gamma) ^ (stream * golden_gamma));
    return mix(key + (counter + 1) * golden_gamma);
}

float cen__random_float(uint64_t seed, uint64_t stream, uint64_t counter)
{
    return (float)(cen__random_bits(seed, stream, counter) >> 40) * (1.0f / 16777216.0f);
}

uint64_t cen__random_below(uint64_t seed, uint64_t stream, uint64_t counter, uint64_t n)
{
    uint64_t bits = cen__random_bits(seed, stream, counter);
    return n <= UINT32_MAX ? ((bits >> 32) * n) >> 32 : bits % n;
}

void cen__shuffle(size_t *items, size_t n, uint64_t seed, uint64_t stream)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)cen__random_below(seed, stream, i, i);
        size_t item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
}

uint64_t cen__hash_name(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    }
    return hash;
}
