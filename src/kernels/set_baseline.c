/* What every processor of the architecture has: SSE2 on x86-64. */
#include <math.h>
#include <string.h>

#include "kernels/conv_set.h"

#if defined(__GNUC__)
#define CEN__LANES 4
#else
#define CEN__LANES 1
#endif
#if defined(CEN_SMALL) /* no result depends on it, the code's size does */
#define CEN__MR 1
#else
#define CEN__MR 4
#endif
#define CEN__MC 256
#define CEN__KC 256
#define CEN__NC 3072
#define CEN__CONTRACT 0

#include "kernels/micro_template.h"
#include "kernels/vector_template.h"

#include "kernels/norm_template.h"

const cen__kernels cen__kernels_baseline = {
    "baseline", {CEN__MICRO}, {CEN__VECTORS}, {CEN__NORMS}, &cen__conv_set_baseline};
