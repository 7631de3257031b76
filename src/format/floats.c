#include "format/floats.h"

#include <string.h>

#include "base/bytes.h"

static void put_u32(uint8_t *bytes, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> 8 * i);
}

void cen__put_u64(uint8_t bytes[8], uint64_t value)
{
    put_u32(bytes, (uint32_t)(value & 0xFFFFFFFF));
    put_u32(bytes + 4, (uint32_t)(value >> 32));
}

void cen__put_floats(uint8_t *bytes, const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        put_u32(bytes + 4 * i, bits);
    }
}

void cen__writer_u32(cen__writer *writer, uint32_t value)
{
    uint8_t bytes[4];
    put_u32(bytes, value);
    cen__writer_write(writer, bytes, sizeof bytes);
}

void cen__writer_u64(cen__writer *writer, uint64_t value)
{
    uint8_t bytes[8];
    cen__put_u64(bytes, value);
    cen__writer_write(writer, bytes, sizeof bytes);
}

void cen__writer_floats(cen__writer *writer, const float *values, size_t n)
{
    /* One large write makes large pages in the cache of the system, which are mapped in half the time. */
    const uint32_t one = 1;
    uint8_t bytes[4096];
    memcpy(bytes, &one, sizeof one);
    if (bytes[0] == 1) { /* little-endian: these are the bytes */
        cen__writer_write(writer, values, n * sizeof *values);
        return;
    }
    while (n > 0) {
        size_t count = n < sizeof bytes / 4 ? n : sizeof bytes / 4;
        cen__put_floats(bytes, values, count);
        cen__writer_write(writer, bytes, 4 * count);
        values += count;
        n -= count;
    }
}

size_t cen__dtype_size(cen__dtype dtype)
{
    switch (dtype) {
    case CEN__F64: return 8;
    case CEN__F32: return 4;
    case CEN__F16:
    case CEN__BF16: return 2;
    }
    return 0;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction. Exact; a NaN keeps its payload. */
static float from_half(uint32_t half)
{
    uint32_t sign = (half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3FF;
    if (exponent == 31) return from_bits(sign | 0x7F800000 | fraction << 13);
    if (exponent > 0) return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float small = (float)fraction * 0x1p-24f;
    return sign ? -small : small;
}

static float from_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return (float)value;
}

void cen__read_floats(const uint8_t *bytes, cen__dtype dtype, size_t n, float *values)
{
    for (size_t i = 0; i < n; i++) {
        switch (dtype) {
        case CEN__F32: values[i] = from_bits(cen__le32(bytes + 4 * i)); break;
        case CEN__F64: values[i] = from_double(cen__le64(bytes + 8 * i)); break;
        case CEN__F16:
            values[i] = from_half((uint32_t)bytes[2 * i] | (uint32_t)bytes[2 * i + 1] << 8);
            break;
        case CEN__BF16:
            values[i] = from_bits((uint32_t)bytes[2 * i] << 16 | (uint32_t)bytes[2 * i + 1] << 24);
            break;
        }
    }
}
