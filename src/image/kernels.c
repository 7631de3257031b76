#include "image/kernels.h"

#include <string.h>

#include "base/instructions.h"
#include "image/jpeg_bits.h"

/* What a coefficient adds to each pixel of a column: basis[v][y]. For 8 points times 2^13, as
 * libjpeg's "islow" transform sums up constants that are rounded one by one (hence 11362 beside
 * 11363); for 4 points (times 2^14) and 2 points (times 2^15) as its reduced transforms do. */
static const int32_t basis8[64] = {
    8192,  8192,   8192,   8192,   8192,   8192,  8192,   8192,   /* 0 */
    11363, 9633,   6437,   2260,   -2260,  -6437, -9633,  -11363, /* 1 */
    10703, 4433,   -4433,  -10703, -10703, -4433, 4433,   10703,  /* 2 */
    9633,  -2259,  -11362, -6436,  6436,   11362, 2259,   -9633,  /* 3 */
    8192,  -8192,  -8192,  8192,   8192,   -8192, -8192,  8192,   /* 4 */
    6437,  -11362, 2261,   9633,   -9633,  -2261, 11362,  -6437,  /* 5 */
    4433,  -10704, 10704,  -4433,  -4433,  10704, -10704, 4433,   /* 6 */
    2260,  -6436,  9633,   -11363, 11363,  -9633, 6436,   -2260,  /* 7 */
};
static const int32_t basis4[64] = {
    16384, 16384,  16384,  16384,  0, 0, 0, 0, /* 0 */
    20995, 8697,   -8697,  -20995, 0, 0, 0, 0, /* 1 */
    15137, -15137, -15137, 15137,  0, 0, 0, 0, /* 2 */
    7373,  -17799, 17799,  -7373,  0, 0, 0, 0, /* 3 */
    0,     0,      0,      0,      0, 0, 0, 0, /* 4 */
    -4926, 11893,  -11893, 4926,   0, 0, 0, 0, /* 5 */
    -6270, 6270,   6270,   -6270,  0, 0, 0, 0, /* 6 */
    -4176, -1730,  1730,   4176,   0, 0, 0, 0, /* 7 */
};
static const int32_t basis2[64] = {
    32768,  32768,  0, 0, 0, 0, 0, 0, /* 0 */
    29692,  -29692, 0, 0, 0, 0, 0, 0, /* 1 */
    0,      0,      0, 0, 0, 0, 0, 0, /* 2 */
    -10426, 10426,  0, 0, 0, 0, 0, 0, /* 3 */
    0,      0,      0, 0, 0, 0, 0, 0, /* 4 */
    6967,   -6967,  0, 0, 0, 0, 0, 0, /* 5 */
    0,      0,      0, 0, 0, 0, 0, 0, /* 6 */
    -5906,  5906,   0, 0, 0, 0, 0, 0, /* 7 */
};

static const int32_t *basis_of(size_t dct_size)
{
    return dct_size == 8 ? basis8 : dct_size == 4 ? basis4 : basis2;
}

static int first_shift_of(size_t dct_size)
{
    return dct_size == 8 ? 11 : dct_size == 4 ? 12 : 13;
}

CEN__JPEG_INLINE uint32_t descale(uint32_t sum, int shift)
{
    return (uint32_t)((int32_t)sum >> shift);
}

CEN__JPEG_INLINE uint32_t pixel(uint32_t sum, int shift)
{
    int32_t value = (int32_t)sum >> shift;
    value = value < 0 ? 0 : value;
    return (uint32_t)(value > 255 ? 255 : value);
}

CEN__JPEG_INLINE uint8_t clamp16(int16_t value)
{
    value = value < 0 ? 0 : value;
    return (uint8_t)(value > 255 ? 255 : value);
}

/* Eight pixels, the first in the low bits; compilers make one store of it. */
CEN__JPEG_INLINE void store_pixels(uint8_t *out, uint64_t pixels)
{
    out[0] = (uint8_t)pixels;
    out[1] = (uint8_t)(pixels >> 8);
    out[2] = (uint8_t)(pixels >> 16);
    out[3] = (uint8_t)(pixels >> 24);
    out[4] = (uint8_t)(pixels >> 32);
    out[5] = (uint8_t)(pixels >> 40);
    out[6] = (uint8_t)(pixels >> 48);
    out[7] = (uint8_t)(pixels >> 56);
}

/* A block of which only DC is not zero; all transforms agree on it. */
static void fill_block(uint8_t *out, size_t stride, size_t dct_size, int32_t dc)
{
    int32_t value = ((dc + 4) >> 3) + 128;
    value = value < 0 ? 0 : value > 255 ? 255 : value;
    if (dct_size == 8)
        for (size_t y = 0; y < 8; y++) memset(out + y * stride, value, 8);
    else
        for (size_t y = 0; y < dct_size; y++) memset(out + y * stride, value, dct_size);
}

enum {
    STRIP = 64, /* pixels of a row that are worked on at a time */
    CORNER = 14 /* places of the zigzag before it are in the columns 0 to 3 */
};

#define KERNEL(name) name##_baseline
#define KERNEL_NAME "baseline"
#define KERNEL_TARGET
#include "image/kernels_template.h"
#undef KERNEL
#undef KERNEL_NAME
#undef KERNEL_TARGET

#if CEN__X86_SETS
#define KERNEL(name) name##_avx2
#define KERNEL_NAME "avx2"
#define KERNEL_TARGET __attribute__((target("avx2,bmi,bmi2")))
#include "image/kernels_template.h"
#undef KERNEL
#undef KERNEL_NAME
#undef KERNEL_TARGET

#define KERNEL(name) name##_avx512
#define KERNEL_NAME "avx512"
#define KERNEL_TARGET                                                                              \
    __attribute__((target("avx2,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")))
#include "image/kernels_template.h"
#undef KERNEL
#undef KERNEL_NAME
#undef KERNEL_TARGET

#endif

#if CEN__X86_SETS
/* VBMI came later than the rest of AVX-512 that base/instructions.h asks for. */
static cen__instruction_set processor_set(void)
{
    cen__instruction_set set = cen__processor_instructions();
    return set == CEN__AVX512 && !__builtin_cpu_supports("avx512vbmi") ? CEN__AVX2 : set;
}
#endif

size_t cen__image_kernels_list(const cen__image_kernels *list[3])
{
    size_t n = 0;
    list[n++] = &kernels_baseline;
#if CEN__X86_SETS
    if (processor_set() >= CEN__AVX2) list[n++] = &kernels_avx2;
    if (processor_set() >= CEN__AVX512) list[n++] = &kernels_avx512;
#endif
    return n;
}

const cen__image_kernels *cen__image_kernels_of(cen__instruction_set set)
{
    const cen__image_kernels *list[3];
    size_t n = cen__image_kernels_list(list), used = (size_t)set;
    return list[used < n ? used : n - 1];
}
