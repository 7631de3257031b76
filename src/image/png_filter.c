#include "image/png_filter.h"

#include <string.h>

/* x plus whichever of a (left), b (above) and c (above left) is nearest to a + b - c, the first where
 * two are as near. Sorted by the smaller and the larger of a and b no distance has to be computed:
 * with p = 3c - a - b, p >= larger means that c is so high that the smaller is nearest, p <= smaller
 * that c is so low that the larger is; else it is c itself. Which it is changes at random from byte
 * to byte, so there must be no branch: gcc makes one of a second ?:, hence the mask. */
static inline int add_paeth(int x, int a, int b, int c)
{
    int smaller = a < b ? a : b, larger = a < b ? b : a;
    int p = 3 * c - (a + b);
    unsigned not_larger = (unsigned)(p >= larger ? smaller + x : c + x);
    unsigned is_above = 0u - ((unsigned)(smaller - p) >> 31);
    return (int)(((not_larger & is_above) | ((unsigned)(larger + x) & ~is_above)) & 255);
}

/* Each of these takes a constant step, so that the inner loops are unrolled and the pixel to the
 * left stays in registers. A pixel is stored when it is whole: the compiler cannot know that row is
 * apart from the rest, and loads nothing before a store. */
static inline void unfilter_sub(size_t step, size_t size, const uint8_t *filtered, uint8_t *row)
{
    uint8_t left[8] = {0};
    for (size_t i = 0; i + step <= size; i += step) {
        for (size_t k = 0; k < step; k++) left[k] = (uint8_t)(filtered[i + k] + left[k]);
        for (size_t k = 0; k < step; k++) row[i + k] = left[k];
    }
}

static inline void unfilter_average(size_t step, size_t size, const uint8_t *filtered,
                                    const uint8_t *above, uint8_t *row)
{
    int left[8] = {0};
    for (size_t i = 0; i + step <= size; i += step) {
        for (size_t k = 0; k < step; k++)
            left[k] = (filtered[i + k] + ((left[k] + above[i + k]) >> 1)) & 255;
        for (size_t k = 0; k < step; k++) row[i + k] = (uint8_t)left[k];
    }
}

static inline void unfilter_paeth(size_t step, size_t size, const uint8_t *filtered,
                                  const uint8_t *above, uint8_t *row)
{
    int left[8] = {0}, above_left[8] = {0};
    for (size_t i = 0; i + step <= size; i += step) {
        for (size_t k = 0; k < step; k++) {
            int b = above[i + k];
            left[k] = add_paeth(filtered[i + k], left[k], b, above_left[k]);
            above_left[k] = b;
        }
        for (size_t k = 0; k < step; k++) row[i + k] = (uint8_t)left[k];
    }
}

#if defined(__GNUC__)
/* The same for 3 and 4 bytes as four lanes of 16 bits: gcc finds no vectors across the turns of the
 * loop, and its scalar code needs half as long again. With 3 bytes the fourth lane is the first byte
 * of the next pixel, which mends what was written there. */
typedef int16_t lanes __attribute__((vector_size(8)));
typedef uint8_t byte_lanes __attribute__((vector_size(4)));

static inline lanes load_lanes(const uint8_t *bytes)
{
    byte_lanes loaded;
    memcpy(&loaded, bytes, sizeof loaded);
    return __builtin_convertvector(loaded, lanes);
}

static inline void unfilter_paeth_lanes(size_t step, size_t size, const uint8_t *filtered,
                                        const uint8_t *above, uint8_t *row)
{
    lanes a = {0}, c = {0};
    size_t i = 0;
    for (; i + 4 <= size; i += step) {
        lanes b = load_lanes(above + i), x = load_lanes(filtered + i);
        lanes is_less = a < b;
        lanes smaller = (a & is_less) | (b & ~is_less), larger = (b & is_less) | (a & ~is_less);
        lanes p = 3 * c - (a + b);
        lanes is_high = p >= larger, is_low = p <= smaller;
        lanes nearest = (smaller & is_high) | (c & ~is_high);
        a = (x + ((larger & is_low) | (nearest & ~is_low))) & 255;
        c = b;
        byte_lanes out = __builtin_convertvector(a, byte_lanes);
        memcpy(row + i, &out, sizeof out);
    }
    for (size_t k = 0; i + k < size; k++) /* the last pixel of 3 bytes */
        row[i + k] = (uint8_t)add_paeth(filtered[i + k], a[k], above[i + k], c[k]);
}
#else
#define unfilter_paeth_lanes unfilter_paeth
#endif

typedef void unfilter_function(int filter, size_t size, const uint8_t *filtered,
                               const uint8_t *above, uint8_t *row);

#define DEFINE_UNFILTER(step, paeth)                                                               \
    static void unfilter_##step(int filter, size_t size, const uint8_t *filtered,                  \
                                const uint8_t *above, uint8_t *row)                                \
    {                                                                                              \
        if (filter == 1) unfilter_sub(step, size, filtered, row);                                  \
        if (filter == 3) unfilter_average(step, size, filtered, above, row);                       \
        if (filter == 4) paeth(step, size, filtered, above, row);                                  \
    }
DEFINE_UNFILTER(1, unfilter_paeth)
DEFINE_UNFILTER(2, unfilter_paeth)
DEFINE_UNFILTER(3, unfilter_paeth_lanes)
DEFINE_UNFILTER(4, unfilter_paeth_lanes)
DEFINE_UNFILTER(6, unfilter_paeth)
DEFINE_UNFILTER(8, unfilter_paeth)

void cen__png_unfilter(int filter, size_t step, size_t size, const uint8_t *filtered,
                       const uint8_t *above, uint8_t *row)
{
    static unfilter_function *const STEPS[9] = {
        NULL, unfilter_1, unfilter_2, unfilter_3, unfilter_4, NULL, unfilter_6, NULL, unfilter_8};
    if (filter == 0)
        memcpy(row, filtered, size);
    else if (filter == 2)
        for (size_t i = 0; i < size; i++) row[i] = (uint8_t)(filtered[i] + above[i]);
    else
        STEPS[step](filter, size, filtered, above, row);
}

void cen__png_filter(int filter, size_t step, size_t size, const uint8_t *row, const uint8_t *above,
                     uint8_t *filtered)
{
    for (size_t i = 0; i < size; i++) {
        int a = i < step ? 0 : row[i - step], b = above[i], c = i < step ? 0 : above[i - step];
        int predicted = 0;
        switch (filter) {
        case 1: predicted = a; break;
        case 2: predicted = b; break;
        case 3: predicted = (a + b) >> 1; break;
        case 4: predicted = add_paeth(0, a, b, c); break;
        default: break;
        }
        filtered[i] = (uint8_t)(row[i] - predicted);
    }
}
