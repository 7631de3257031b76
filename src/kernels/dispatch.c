#include "kernels/dispatch.h"

#include <stdlib.h>
#include <string.h>

const cen__kernels *cen__kernels_select(void)
{
#if CEN__X86_SETS
    const char *wanted = getenv("CEN_INSTRUCTIONS");
    bool baseline = wanted != NULL && strcmp(wanted, "baseline") == 0;
    bool avx2 = wanted != NULL && strcmp(wanted, "avx2") == 0;
    if (!baseline && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
        return avx512 && !avx2 ? &cen__kernels_avx512 : &cen__kernels_avx2;
    }
#endif
    return &cen__kernels_baseline;
}

const cen__micro *cen__micro_select(void)
{
    return &cen__kernels_select()->micro;
}

const char *cen__instructions(void)
{
    return cen__kernels_select()->name;
}
