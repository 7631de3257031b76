/* Taking bits and Huffman codes: the inner part of the entropy decoders. */
#ifndef CEN_IMAGE_JPEG_BITS_H
#define CEN_IMAGE_JPEG_BITS_H

#include "image/jpeg.h"

#if defined(__GNUC__)
#define CEN__JPEG_INLINE static inline __attribute__((always_inline))
#define CEN__JPEG_RARE(condition) __builtin_expect(!!(condition), 0)
#else
#define CEN__JPEG_INLINE static inline
#define CEN__JPEG_RARE(condition) (condition)
#endif

/* Eight bytes, the first on top; compilers make one load of it. */
CEN__JPEG_INLINE uint64_t cen__jpeg_load64(const uint8_t *p)
{
    return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
           (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
           (uint64_t)p[6] << 8 | (uint64_t)p[7];
}

/* The index of the lowest bit that is set; there is one. */
CEN__JPEG_INLINE unsigned cen__jpeg_lowest_bit(uint64_t bits)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(bits);
#else
    unsigned index = 0;
    for (; (bits & 1) == 0; bits >>= 1) index++;
    return index;
#endif
}

/* At least 32 bits from here on. Whole bytes are counted; what was read beyond them is read again,
 * with the same value. */
CEN__JPEG_INLINE void cen__jpeg_refill(cen__jpeg_cursor *b)
{
    if (b->n_bits < 32) {
        b->bits |= cen__jpeg_load64(b->next) >> b->n_bits;
        b->next += (63 - b->n_bits) >> 3;
        b->n_bits |= 56;
    }
}

CEN__JPEG_INLINE void cen__jpeg_skip(cen__jpeg_cursor *b, unsigned n)
{
    b->bits <<= n;
    b->n_bits -= (int)n;
}

/* n bits, 0 to 16, of the at least n that are there. */
CEN__JPEG_INLINE uint32_t cen__jpeg_take(cen__jpeg_cursor *b, unsigned n)
{
    uint32_t value = (uint32_t)(b->bits >> 1 >> (63 - n));
    cen__jpeg_skip(b, n);
    return value;
}

/* The number that n magnitude bits stand for (section F.1.2.1): those that begin with 0 are
 * negative. */
CEN__JPEG_INLINE int32_t cen__jpeg_value(cen__jpeg_cursor *b, unsigned n)
{
    int32_t positive = (int32_t)(b->bits >> 63);
    int32_t value = (int32_t)cen__jpeg_take(b, n);
    return value + ((positive - 1) & (1 - (1 << n)));
}

CEN__JPEG_INLINE uint32_t cen__jpeg_entry(const cen__jpeg_cursor *b, const cen__jpeg_table *table)
{
    return table->lookup[b->bits >> (64 - CEN__JPEG_LOOKUP_BITS)];
}

/* The symbol of an entry without a value, its code taken. */
CEN__JPEG_INLINE unsigned cen__jpeg_symbol(cen__jpeg_cursor *b, const cen__jpeg_table *table,
                                           uint32_t entry)
{
    if (CEN__JPEG_RARE(entry == 0)) {
        entry = cen__jpeg_long_entry(table, b->bits);
        if ((entry >> 8 & 0xff) == 17) b->damaged = true;
    }
    cen__jpeg_skip(b, entry >> 8 & 0xff);
    return entry >> 16;
}

/* A difference of DC coefficients added to the prediction; it wraps in a damaged file. */
CEN__JPEG_INLINE int32_t cen__jpeg_next_dc(cen__jpeg_cursor *b, cen__jpeg_component *component)
{
    int32_t difference;
    cen__jpeg_refill(b);
    uint32_t entry = cen__jpeg_entry(b, component->dc_table);
    if (entry & 0xff) {
        cen__jpeg_skip(b, entry & 0xff);
        difference = (int16_t)(entry >> 16);
    } else {
        unsigned n = cen__jpeg_symbol(b, component->dc_table, entry);
        difference = cen__jpeg_value(b, n);
    }
    component->dc = (int32_t)((uint32_t)component->dc + (uint32_t)difference);
    return component->dc;
}

#endif
