/* float32 numbers in files: little-endian on every machine. */
#ifndef CEN_FORMAT_FLOATS_H
#define CEN_FORMAT_FLOATS_H

#include <stddef.h>
#include <stdint.h>

#include "base/file.h"

/* bytes[4 n] = the n numbers. */
void cen__put_floats(uint8_t *bytes, const float *values, size_t n);
void cen__put_u64(uint8_t bytes[8], uint64_t value);

void cen__writer_u32(cen__writer *writer, uint32_t value);
void cen__writer_u64(cen__writer *writer, uint64_t value);
void cen__writer_floats(cen__writer *writer, const float *values, size_t n);

/* The dtypes of safetensors that become float32, and their bytes per number. */
typedef enum { CEN__F32, CEN__F64, CEN__F16, CEN__BF16 } cen__dtype;
size_t cen__dtype_size(cen__dtype dtype);

/* values[n] = the n numbers at bytes (any alignment), F64 rounded to nearest. */
void cen__read_floats(const uint8_t *bytes, cen__dtype dtype, size_t n, float *values);

#endif
