#include "kernels/dispatch.h"

const cen__kernels *cen__kernels_of(cen__instruction_set set)
{
    static const cen__kernels *const kernels[] = {
        [CEN__BASELINE] = &cen__kernels_baseline,
#if CEN__X86_SETS
        [CEN__AVX2] = &cen__kernels_avx2,
        [CEN__AVX512] = &cen__kernels_avx512,
#elif CEN__FMA_SET
        [CEN__FMA] = &cen__kernels_fma,
#endif
    };
    return kernels[set];
}
