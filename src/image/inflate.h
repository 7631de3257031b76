/* DEFLATE (RFC 1951), alone and inside zlib (RFC 1950) and gzip (RFC 1952). */
#ifndef CEN_IMAGE_INFLATE_H
#define CEN_IMAGE_INFLATE_H

#include "base/status.h"

enum {
    CEN__DEFLATE_WINDOW = 32768, /* a match reaches back this far at most */
    CEN__LITLEN_TABLE_BITS = 11,
    CEN__DISTANCE_TABLE_BITS = 8,
    /* Entries of a table of those bits with all its subtables, at most, over every complete code of
     * 288 and 32 symbols of up to 15 bits: the figures of the program "enough" that comes with
     * zlib. */
    CEN__LITLEN_TABLE_SIZE = 2342,
    CEN__DISTANCE_TABLE_SIZE = 402
};

typedef enum cen__inflate_event {
    CEN__INFLATE_WANTS_INPUT,  /* keep what is left from in to in_end and put more behind it */
    CEN__INFLATE_WANTS_OUTPUT, /* out is full and the next symbol does not fit */
    CEN__INFLATE_END,          /* the last block is through; in points behind it */
    CEN__INFLATE_CUT_SHORT,    /* the last input ended before the last block; final, as is: */
    CEN__INFLATE_BROKEN        /* reason says why */
} cen__inflate_event;

/* Unpacks raw DEFLATE in pieces. The caller sets the first group before a run, and between two runs
 * may replace input and output by others that go on where the old ones stopped, as long as the last
 * CEN__DEFLATE_WINDOW bytes written still stand before out + out_at. */
typedef struct cen__inflate {
    const uint8_t *in, *in_end; /* unread; a run moves in */
    bool in_is_last;            /* nothing follows in_end */
    uint8_t *out;               /* out[out_at .. out_size) is filled; a run moves out_at */
    size_t out_at, out_size;

    const char *reason; /* after BROKEN */

    cen__inflate_event event;
    int phase;
    bool is_last_block;
    uint64_t bits; /* read and not yet used, n_bits of them, the next one lowest */
    unsigned n_bits;
    size_t stored_left;                  /* of a stored block */
    size_t match_left, match_distance;   /* of a match that did not fit into out */
    unsigned litlen_bits, distance_bits; /* of the two tables */
    uint32_t litlen[CEN__LITLEN_TABLE_SIZE], distance[CEN__DISTANCE_TABLE_SIZE];
} cen__inflate;

void cen__inflate_start(cen__inflate *inflate);

/* Runs until something is wanted. Unless in_is_last, WANTS_INPUT may leave up to
 * CEN__INFLATE_RESERVE bytes unread, so more than that must be offered. */
cen__inflate_event cen__inflate_run(cen__inflate *inflate);

enum { CEN__INFLATE_RESERVE = 640 };

/* Unpacks a gzip file of one or more members, CRC-32 and length checked, into memory of its own
 * (cen__free), at most most_size bytes. Errors: FORMAT, LIMIT, MEMORY. */
cen_status cen__gzip_unpack(cen_context *context, const uint8_t *bytes, size_t size,
                            size_t most_size, uint8_t **out, size_t *out_size, cen_error *error);

/* Packs into a zlib stream in memory of its own (cen__free). Errors: MEMORY. */
cen_status cen__zlib_pack(cen_context *context, const uint8_t *bytes, size_t size, uint8_t **out,
                          size_t *out_size, cen_error *error);

/* CRC-32 as PNG and gzip use it, continued from crc (0 at first). */
uint32_t cen__crc32(uint32_t crc, const uint8_t *bytes, size_t size);

/* Adler-32 as zlib uses it, continued from adler (1 at first). */
uint32_t cen__adler32(uint32_t adler, const uint8_t *bytes, size_t size);

#endif
