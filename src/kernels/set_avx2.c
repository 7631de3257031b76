/* AVX2 and FMA: x86-64 processors since 2013. */
#include <math.h>
#include <string.h>

#include "kernels/conv_set.h"

#if CEN__X86_SETS

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define CEN__LANES 8
#define CEN__MR 4
#define CEN__MC 192
#define CEN__KC 256
#define CEN__NC 3072
#define CEN__CONTRACT 1

#include "kernels/micro_template.h"
#include "kernels/vector_template.h"

#include "kernels/norm_template.h"

const cen__kernels cen__kernels_avx2 = {
    "avx2", {CEN__MICRO}, {CEN__VECTORS}, {CEN__NORMS}, &cen__conv_set_avx2};

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else
typedef int cen__no_avx2;
#endif
