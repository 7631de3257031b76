/* What the files of the VP8L decoder share. Names are those of the WebP lossless bitstream specification. */
#ifndef CEN_IMAGE_WEBP_LOSSLESS_H
#define CEN_IMAGE_WEBP_LOSSLESS_H

#include "base/bytes.h"
#include "image/webp.h"

/* ---- bits, the lowest first ------------------------------------------------------------------ */

typedef struct cen__vp8l_bits {
    uint64_t value;
    unsigned n_bits; /* in value */
    const uint8_t *next, *end;
    int64_t missing; /* bits of zero after the end that have gone into value */
} cen__vp8l_bits;

void cen__vp8l_bits_start(cen__vp8l_bits *bits, const uint8_t *data, size_t size);

/* The rest of fill near the end of the data. */
void cen__vp8l_bits_fill_slowly(cen__vp8l_bits *bits);

/* At least 56 bits; after the end zeros. */
static inline void cen__vp8l_bits_fill(cen__vp8l_bits *bits)
{
    const uint8_t *p = bits->next;
    if (bits->end - p < 8) {
        cen__vp8l_bits_fill_slowly(bits);
        return;
    }
    const uint64_t more = cen__le64(p);
    bits->value |= more << bits->n_bits;
    bits->next += (63 - bits->n_bits) >> 3;
    bits->n_bits |= 56;
}

static inline void cen__vp8l_skip(cen__vp8l_bits *bits, unsigned n)
{
    bits->value >>= n;
    bits->n_bits -= n;
}

/* n <= 24 bits. */
static inline uint32_t cen__vp8l_number(cen__vp8l_bits *bits, unsigned n)
{
    if (bits->n_bits < n) cen__vp8l_bits_fill(bits);
    uint32_t value = (uint32_t)bits->value & (((uint32_t)1 << n) - 1);
    cen__vp8l_skip(bits, n);
    return value;
}

/* Whether more has been taken than there is. */
static inline bool cen__vp8l_ended(const cen__vp8l_bits *bits)
{
    return bits->missing > (int64_t)bits->n_bits;
}

/* ---- prefix codes ---------------------------------------------------------------------------- */

enum {
    CEN__VP8L_ROOT_BITS = 8, /* of a code that one look-up finds */
    CEN__VP8L_N_LITERALS = 256,
    CEN__VP8L_N_LENGTHS = 24,
    CEN__VP8L_N_DISTANCES = 40,
    CEN__VP8L_MOST_CACHE_BITS = 11,
    CEN__VP8L_MOST_SYMBOLS = 256 + 24 + (1 << 11)
};

enum { CEN__VP8L_GREEN, CEN__VP8L_RED, CEN__VP8L_BLUE, CEN__VP8L_ALPHA, CEN__VP8L_DISTANCE };

/* The five codes of a region. An entry of a table: 4 bits of length, 12 of the symbol. A length above ROOT_BITS leads
 * to a second table, `symbol` entries after the first, of that many bits less ROOT_BITS. */
typedef struct cen__vp8l_group {
    uint32_t tables[5]; /* where they begin */
    uint8_t masks[5];   /* of the bits that a look-up takes */
    bool is_literal;    /* red, blue and alpha are always those of `literal` */
    uint32_t literal;
} cen__vp8l_group;

typedef struct cen__vp8l_codes {
    cen__vp8l_group *groups;
    size_t n_groups, groups_capacity;
    uint16_t *entries;
    size_t n_entries, entries_capacity;
    size_t most_size; /* bytes that groups and entries may take */
} cen__vp8l_codes;

/* What a stream holds while it is decoded. */
typedef struct cen__vp8l {
    cen_context *context;
    const cen__webp_chunk *chunk;
    cen_error *error;
    cen__vp8l_bits bits;
} cen__vp8l;

/* "WebP chunk VP8L at byte 12 is damaged before byte 99: ..." */
cen_status cen__vp8l_damaged(const cen__vp8l *vp8l, const char *what);

/* Reads the codes of one more group, which is kept if wanted. Errors: FORMAT, LIMIT, MEMORY. */
cen_status cen__vp8l_read_group(cen__vp8l *vp8l, cen__vp8l_codes *codes, unsigned cache_bits,
                                bool is_wanted);

void cen__vp8l_free_codes(cen__vp8l_codes *codes);

/* The next symbol of a table; up to 15 bits of those in value. */
static inline unsigned cen__vp8l_symbol(cen__vp8l_bits *bits, const uint16_t *table, unsigned mask)
{
    unsigned entry = table[bits->value & mask], length = entry & 15;
    if (length > CEN__VP8L_ROOT_BITS) {
        unsigned more = (1u << (length - CEN__VP8L_ROOT_BITS)) - 1;
        cen__vp8l_skip(bits, CEN__VP8L_ROOT_BITS);
        entry = table[(entry >> 4) + (bits->value & more)];
        length = entry & 15;
    }
    cen__vp8l_skip(bits, length);
    return entry >> 4;
}

/* ---- transforms ------------------------------------------------------------------------------ */

enum { CEN__VP8L_PREDICTOR, CEN__VP8L_COLOR, CEN__VP8L_SUBTRACT_GREEN, CEN__VP8L_INDEXING };

typedef struct cen__vp8l_transform {
    int kind;
    unsigned bits;  /* of a block's side; INDEXING: how many pixels are in one, as a power of 2 */
    size_t width;   /* of the picture after it */
    uint32_t *data; /* of each block; INDEXING: the colours, 256 or as many as an index can name */
} cen__vp8l_transform;

static inline size_t cen__vp8l_blocks(size_t side, unsigned bits)
{
    return (side + ((size_t)1 << bits) - 1) >> bits;
}

/* In place; pixels has room for the picture after the transform. */
void cen__vp8l_invert(const cen__vp8l_transform *transform, size_t height, uint32_t *pixels);

#endif
