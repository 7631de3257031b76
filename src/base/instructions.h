/* The instruction set for kernels that are compiled for several. A context asks once, when it is made. */
#ifndef CEN_BASE_INSTRUCTIONS_H
#define CEN_BASE_INSTRUCTIONS_H

/* Compilers that can compile one function for another processor than the rest. */
#if defined(__GNUC__) && defined(__x86_64__)
#define CEN__X86_SETS 1
#else
#define CEN__X86_SETS 0
#endif

/* Other machines have one more set if every processor has fused multiply-add in vectors (64-bit ARM, s390x). The
 * baseline does not use it, and so gives the same bits on all machines. */
#if defined(__GNUC__) && !CEN__X86_SETS && defined(__FP_FAST_FMAF) && __SIZEOF_POINTER__ == 8
#define CEN__FMA_SET 1
#else
#define CEN__FMA_SET 0
#endif

/* AVX2: with FMA, BMI and BMI2. AVX512: F, BW, DQ, VL. */
#if CEN__X86_SETS
typedef enum { CEN__BASELINE, CEN__AVX2, CEN__AVX512 } cen__instruction_set;
#else
typedef enum { CEN__BASELINE, CEN__FMA } cen__instruction_set;
#endif

/* The highest set that the processor has. */
cen__instruction_set cen__processor_instructions(void);

/* The same, or the lower one that the environment variable CEN_INSTRUCTIONS names ("baseline", "fma",
 * "avx2", "avx512"; another word is ignored), so that tests reach every path. */
cen__instruction_set cen__instructions_used(void);

/* Its name. */
const char *cen__instructions_name(cen__instruction_set set);

#endif
