/* LZW as GIF and TIFF have it: the codes of one begin with the lowest bit of a byte, those of the other with the
 * highest, and TIFF's grow by a bit one code earlier. All else is the same. */
#ifndef CEN_IMAGE_LZW_H
#define CEN_IMAGE_LZW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CEN__LZW_BITS = 12, CEN__LZW_CODES = 1 << CEN__LZW_BITS };

/* What changes with each code. */
typedef struct {
    size_t at;          /* bytes written */
    unsigned width;     /* bits of the next code */
    uint32_t next;      /* code that the table gets next */
    size_t last_at;     /* the string of the last code */
    size_t last_length; /* 0 if the table has just been cleared */
    uint64_t bits;      /* read and not yet used, n_bits of them */
    unsigned n_bits;
} cen__lzw_state;

/* The string of a code has been written before: the table keeps its place in the output. */
typedef struct cen__lzw {
    uint8_t *out;
    size_t size;
    bool has_ended;        /* the end code has come */
    unsigned literal_bits; /* codes below 1 << literal_bits are bytes */
    cen__lzw_state state;
    uint32_t starts[CEN__LZW_CODES];
    uint16_t lengths[CEN__LZW_CODES];
} cen__lzw;

/* literal_bits: 1 to 8. size: at most UINT32_MAX. */
void cen__lzw_start(cen__lzw *lzw, unsigned literal_bits, uint8_t *out, size_t size);

/* Unpacks n bytes more, until the output is full, the input used up, or the end code comes. False after a code that
 * cannot be. */
bool cen__lzw_run_gif(cen__lzw *lzw, const uint8_t *in, size_t n);
bool cen__lzw_run_tiff(cen__lzw *lzw, const uint8_t *in, size_t n);

#endif
