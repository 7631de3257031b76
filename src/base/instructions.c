#include "base/instructions.h"

#include <stdlib.h>
#include <string.h>

#if CEN__X86_SETS
static const char *const names[] = {"baseline", "avx2", "avx512"};
#else
static const char *const names[] = {"baseline", "fma"};
#endif

cen__instruction_set cen__processor_instructions(void)
{
#if CEN__X86_SETS
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
                   ? CEN__AVX512
                   : CEN__AVX2;
    }
    return CEN__BASELINE;
#else
    return CEN__FMA_SET ? CEN__FMA : CEN__BASELINE;
#endif
}

cen__instruction_set cen__instructions_used(void)
{
    cen__instruction_set best = cen__processor_instructions();
    const char *wanted = getenv("CEN_INSTRUCTIONS");
    if (wanted == NULL) return best;
    for (int set = CEN__BASELINE; set < (int)best; set++) {
        if (strcmp(wanted, names[set]) == 0) return (cen__instruction_set)set;
    }
    return best;
}

const char *cen__instructions_name(cen__instruction_set set)
{
    return names[set];
}
