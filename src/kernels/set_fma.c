/* Fused multiply-add as every processor has it, in 32 registers of four floats: 64-bit ARM, s390x. */
#include <math.h>
#include <string.h>

#include "kernels/conv_set.h"

#if CEN__FMA_SET

#define CEN__LANES 4
#define CEN__MR 8
#define CEN__MC 256
#define CEN__KC 256
#define CEN__NC 3072
#define CEN__CONTRACT 1

#include "kernels/micro_template.h"
#include "kernels/vector_template.h"

#include "kernels/norm_template.h"

const cen__kernels cen__kernels_fma = {
    "fma", {CEN__MICRO}, {CEN__VECTORS}, {CEN__NORMS}, &cen__conv_set_fma};

#else
typedef int cen__no_fma;
#endif
