#include "kernels/dispatch.h"

const cen__kernels *cen__kernels_select(void)
{
#if CEN__X86_SETS
    switch (cen__instructions_used()) {
    case CEN__AVX512: return &cen__kernels_avx512;
    case CEN__AVX2: return &cen__kernels_avx2;
    case CEN__BASELINE: break;
    }
#elif CEN__FMA_SET
    if (cen__instructions_used() == CEN__FMA) return &cen__kernels_fma;
#endif
    return &cen__kernels_baseline;
}

const cen__micro *cen__micro_select(void)
{
    return &cen__kernels_select()->micro;
}
