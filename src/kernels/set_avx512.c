/* AVX-512 F, BW, DQ and VL: x86-64 servers since 2017. */
#include <math.h>
#include <string.h>

#include "kernels/conv_set.h"

#if CEN__X86_SETS

#if defined(__clang__)
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif

#define CEN__LANES 16
#define CEN__MR 8
#define CEN__MC 192
#define CEN__KC 384
#define CEN__NC 3072
#define CEN__CONTRACT 1

#include "kernels/micro_template.h"
#include "kernels/vector_template.h"

#include "kernels/norm_template.h"

const cen__kernels cen__kernels_avx512 = {
    "avx512", {CEN__MICRO}, {CEN__VECTORS}, {CEN__NORMS}, &cen__conv_set_avx512};

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else
typedef int cen__no_avx512;
#endif
