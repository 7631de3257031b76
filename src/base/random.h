/* Random numbers as a function of (seed, stream, counter). There is no hidden state, so neither threads nor resuming
 * change them. */
#ifndef CEN_BASE_RANDOM_H
#define CEN_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Each use has a stream of its own, so no two uses share numbers. */
enum cen__stream {
    CEN__STREAM_WEIGHTS = 1,
    CEN__STREAM_CENTERS,
    CEN__STREAM_SPLIT,
    CEN__STREAM_SHUFFLE,
    CEN__STREAM_AUGMENT,
    CEN__STREAM_DROPOUT,
    CEN__STREAM_EPISODES,
    CEN__STREAM_PAIRS,
    CEN__STREAM_HOLDOUT,
    CEN__STREAM_BOOTSTRAP,
    CEN__STREAM_REPORT,
    CEN__STREAM_NAMES,
    CEN__STREAM_THRESHOLD,
    CEN__STREAM_CLUSTER,
    CEN__STREAM_CLASSES,
    CEN__STREAM_MIRROR
};

/* A stream within a stream: for the i-th parameter, class or epoch of a use. */
uint64_t cen__substream(uint64_t stream, uint64_t index);

/* FNV-1a. With it, a draw for a class depends on its name and not on its index. */
uint64_t cen__hash_name(const char *name);

/* 64 uniform bits (SplitMix64's finaliser, Steele et al. 2014, over a mixed key). */
uint64_t cen__random_bits(uint64_t seed, uint64_t stream, uint64_t counter);

/* Uniform in [0, 1): 24 bits, exact in float. */
float cen__random_float(uint64_t seed, uint64_t stream, uint64_t counter);

/* Uniform in 0 .. n - 1, n > 0, with a negligible bias (64-bit multiply-shift of 32 bits if n fits, else modulo of
 * 64 bits). */
uint64_t cen__random_below(uint64_t seed, uint64_t stream, uint64_t counter, uint64_t n);

/* Fisher-Yates over items[n]. */
void cen__shuffle(size_t *items, size_t n, uint64_t seed, uint64_t stream);

#endif
