#include "image/inflate.h"

#include <string.h>

#include "base/bytes.h"

/* ---- tables ---------------------------------------------------------------------------------- */

/* A table is indexed by the next bits of the stream. An entry:
 *
 *     bits  0..5   bits to take from the stream: the code, with the extra bits behind it
 *           6      LITERAL: the value is one byte of output, or two where COUNT says so
 *           7      SPECIAL: a subtable, the end of the block, or (neither) no code at all
 *           8..11  bits of the code alone; of a subtable, the bits of its index
 *          12..13  COUNT of literals
 *          14      SUBTABLE (with SPECIAL)
 *          15      BLOCK_END (with SPECIAL)
 *          16..31  value: literals, base of a length or distance, start of a subtable
 *
 * The two-level scheme is the usual one (zlib, libdeflate). */
enum {
    TAKE = 63,
    LITERAL = 1 << 6,
    SPECIAL = 1 << 7,
    CODE_SHIFT = 8,
    CODE_MASK = 15,
    COUNT_SHIFT = 12,
    COUNT_MASK = 3,
    SUBTABLE = 1 << 14,
    BLOCK_END = 1 << 15,
    VALUE_SHIFT = 16
};

enum { MOST_CODE_BITS = 15, N_LITLEN = 288, N_DISTANCE = 32, N_PRECODE = 19, PRECODE_BITS = 7 };

typedef enum alphabet { ALPHABET_LITLEN, ALPHABET_DISTANCE, ALPHABET_PRECODE } alphabet;

/* RFC 1951, 3.2.5. */
static const uint16_t LENGTH_BASES[29] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                          15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                          67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t LENGTH_EXTRAS[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                          2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t DISTANCE_BASES[30] = {
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
static const uint8_t DISTANCE_EXTRAS[30] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                            6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

static uint32_t entry(alphabet kind, unsigned symbol, unsigned code_bits)
{
    uint32_t value = symbol, flags = 0, extra = 0;
    if (kind == ALPHABET_DISTANCE) {
        if (symbol >= 30) return SPECIAL;
        value = DISTANCE_BASES[symbol];
        extra = DISTANCE_EXTRAS[symbol];
    } else if (kind == ALPHABET_LITLEN && symbol < 256) {
        flags = LITERAL | 1u << COUNT_SHIFT;
    } else if (kind == ALPHABET_LITLEN && symbol == 256) {
        flags = SPECIAL | BLOCK_END;
    } else if (kind == ALPHABET_LITLEN) {
        if (symbol >= 257 + 29) return SPECIAL;
        value = LENGTH_BASES[symbol - 257];
        extra = LENGTH_EXTRAS[symbol - 257];
    }
    return value << VALUE_SHIFT | flags | code_bits << CODE_SHIFT | (code_bits + extra);
}

/* The next code of the same length, in canonical order; codes are kept with their first bit lowest,
 * as they come from the stream. 0 behind the last. */
static uint32_t next_code(uint32_t code, unsigned n_bits)
{
    uint32_t bit = (uint32_t)1 << (n_bits - 1);
    while ((code & bit) != 0) bit >>= 1;
    return bit == 0 ? 0 : (code & (bit - 1)) | bit;
}

/* Symbols in canonical order: by code length, then by number. */
static void sort_symbols(const uint8_t *lengths, unsigned n_symbols, const uint16_t *counts,
                         uint16_t *sorted)
{
    uint16_t places[MOST_CODE_BITS + 1] = {0};
    for (unsigned i = 1; i < MOST_CODE_BITS; i++) places[i + 1] = (uint16_t)(places[i] + counts[i]);
    for (unsigned i = 0; i < n_symbols; i++)
        if (lengths[i] != 0) sorted[places[lengths[i]]++] = (uint16_t)i;
}

/* The codes longer than the main table's index: each of its entries that is their common beginning
 * leads to a subtable just large enough. */
static void build_subtables(uint32_t *table, unsigned table_bits, uint32_t code, alphabet kind,
                            const uint16_t *sorted, const uint16_t *counts)
{
    uint32_t mask = ((uint32_t)1 << table_bits) - 1, beginning = UINT32_MAX;
    uint32_t start = 0, size = mask + 1;
    for (unsigned n_bits = table_bits + 1; n_bits <= MOST_CODE_BITS; n_bits++) {
        for (unsigned left = counts[n_bits]; left > 0; left--) {
            if ((code & mask) != beginning) {
                beginning = code & mask;
                start += size;
                unsigned index_bits = n_bits - table_bits;
                uint32_t used = left;
                while (used < (uint32_t)1 << index_bits &&
                       table_bits + index_bits < MOST_CODE_BITS) {
                    index_bits++;
                    used = 2 * used + counts[table_bits + index_bits];
                }
                size = (uint32_t)1 << index_bits;
                table[beginning] = start << VALUE_SHIFT | SPECIAL | SUBTABLE |
                                   index_bits << CODE_SHIFT | table_bits;
            }
            uint32_t filled = entry(kind, *sorted++, n_bits - table_bits);
            for (uint32_t i = code >> table_bits; i < size;
                 i += (uint32_t)1 << (n_bits - table_bits))
                table[start + i] = filled;
            code = next_code(code, n_bits);
        }
    }
}

/* Builds the table of the canonical code with these lengths, with an index of at most *table_bits
 * bits, fewer where no code is that long. As zlib, takes an incomplete code only if it has no code
 * or a single one of one bit. NULL, or what is wrong. */
static const char *build_table(uint32_t *table, unsigned *table_bits, alphabet kind,
                               const uint8_t *lengths, unsigned n_symbols)
{
    uint16_t counts[MOST_CODE_BITS + 1] = {0}, sorted[N_LITLEN];
    for (unsigned i = 0; i < n_symbols; i++) counts[lengths[i]]++;
    unsigned longest = MOST_CODE_BITS;
    while (longest > 1 && counts[longest] == 0) longest--;
    int free_codes = 1;
    for (unsigned i = 1; i <= MOST_CODE_BITS; i++) {
        free_codes = 2 * free_codes - counts[i];
        if (free_codes < 0) return "a Huffman code has more codes than its lengths allow";
    }
    if (free_codes > 0 && longest > 1) return "a Huffman code is incomplete";
    if (*table_bits > longest) *table_bits = longest;
    if (free_codes > 0) table[0] = table[1] = SPECIAL;
    sort_symbols(lengths, n_symbols, counts, sorted);

    /* The table of one bit more is the table twice, but for the codes of just that length. */
    const uint16_t *symbol = sorted;
    uint32_t code = 0;
    for (unsigned n_bits = 1; n_bits <= *table_bits; n_bits++) {
        for (unsigned left = counts[n_bits]; left > 0; left--) {
            table[code] = entry(kind, *symbol++, n_bits);
            code = next_code(code, n_bits);
        }
        if (n_bits < *table_bits)
            memcpy(table + ((size_t)1 << n_bits), table, sizeof *table << n_bits);
    }
    if (longest > *table_bits) build_subtables(table, *table_bits, code, kind, symbol, counts);
    return NULL;
}

/* Where an index holds a literal and behind it, whole, the code of another one, its entry gives
 * both at once. From the highest index down, so that the entries looked up are still single. */
static void pair_literals(uint32_t *table, unsigned table_bits)
{
    for (size_t i = ((size_t)1 << table_bits) - 1; i > 0; i--) {
        uint32_t first = table[i], second = table[i >> (first & TAKE)];
        if ((first & second & LITERAL) == 0 || (first & TAKE) + (second & TAKE) > table_bits)
            continue;
        table[i] = first + (1u << COUNT_SHIFT) + (second & TAKE) +
                   ((second >> VALUE_SHIFT) << (VALUE_SHIFT + 8));
    }
}

/* ---- the beginning of a block ---------------------------------------------------------------- */

static bool stop(cen__inflate *inflate, cen__inflate_event event)
{
    inflate->event = event;
    return false;
}

static bool broken(cen__inflate *inflate, const char *reason)
{
    inflate->reason = reason;
    return stop(inflate, CEN__INFLATE_BROKEN);
}

/* Bytes into the bit buffer while they fit and are there. */
static void fill_bits(cen__inflate *inflate)
{
    while (inflate->n_bits < 56 && inflate->in < inflate->in_end) {
        inflate->bits |= (uint64_t)*inflate->in++ << inflate->n_bits;
        inflate->n_bits += 8;
    }
}

/* The next n bits (at most 32); zeros where the input is at its end, then *cut_short is set. */
static uint32_t take_bits(cen__inflate *inflate, unsigned n, bool *cut_short)
{
    if (inflate->n_bits < n) fill_bits(inflate);
    if (inflate->n_bits < n) {
        *cut_short = true;
        return 0;
    }
    uint32_t value = (uint32_t)(inflate->bits & (((uint64_t)1 << n) - 1));
    inflate->bits >>= n;
    inflate->n_bits -= n;
    return value;
}

/* Whole bytes that were read ahead go back. */
static void return_bytes(cen__inflate *inflate)
{
    inflate->in -= inflate->n_bits >> 3;
    inflate->n_bits &= 7;
    inflate->bits &= ((uint64_t)1 << inflate->n_bits) - 1;
}

enum { PHASE_HEADER, PHASE_STORED, PHASE_SYMBOLS, PHASE_END };

static bool begin_stored(cen__inflate *inflate)
{
    bool cut_short = false;
    (void)take_bits(inflate, inflate->n_bits & 7, &cut_short);
    uint32_t size = take_bits(inflate, 16, &cut_short);
    uint32_t complement = take_bits(inflate, 16, &cut_short);
    if (cut_short) return stop(inflate, CEN__INFLATE_CUT_SHORT);
    if ((size ^ complement) != 0xffff) return broken(inflate, "a stored block has a false length");
    return_bytes(inflate);
    inflate->stored_left = size;
    inflate->phase = PHASE_STORED;
    return true;
}

static bool begin_fixed(cen__inflate *inflate)
{
    uint8_t lengths[N_LITLEN];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    inflate->litlen_bits = CEN__LITLEN_TABLE_BITS;
    (void)build_table(inflate->litlen, &inflate->litlen_bits, ALPHABET_LITLEN, lengths, N_LITLEN);
    memset(lengths, 5, N_DISTANCE);
    inflate->distance_bits = CEN__DISTANCE_TABLE_BITS;
    (void)build_table(inflate->distance, &inflate->distance_bits, ALPHABET_DISTANCE, lengths,
                      N_DISTANCE);
    inflate->phase = PHASE_SYMBOLS;
    return true;
}

/* The lengths of both codes, run-length and Huffman coded by the precode, whose table stands where
 * that of the distances comes later. */
static bool read_lengths(cen__inflate *inflate, uint8_t *lengths, unsigned n_lengths,
                         unsigned precode_bits, bool *cut_short)
{
    for (unsigned i = 0; i < n_lengths && !*cut_short;) {
        if (inflate->n_bits < PRECODE_BITS) fill_bits(inflate);
        uint32_t found = inflate->distance[inflate->bits & (((uint64_t)1 << precode_bits) - 1)];
        if ((found & SPECIAL) != 0)
            return broken(inflate, "the lengths of a Huffman code hold a code without meaning");
        (void)take_bits(inflate, found & TAKE, cut_short);
        unsigned symbol = found >> VALUE_SHIFT, times = 1;
        uint8_t length = (uint8_t)symbol;
        if (symbol == 16) {
            if (i == 0) return broken(inflate, "the first Huffman code length repeats another");
            length = lengths[i - 1];
            times = 3 + take_bits(inflate, 2, cut_short);
        } else if (symbol == 17) {
            length = 0;
            times = 3 + take_bits(inflate, 3, cut_short);
        } else if (symbol == 18) {
            length = 0;
            times = 11 + take_bits(inflate, 7, cut_short);
        }
        if (times > n_lengths - i)
            return broken(inflate, "there are too many Huffman code lengths");
        memset(lengths + i, length, times);
        i += times;
    }
    return true;
}

/* RFC 1951, 3.2.7. */
static bool begin_dynamic(cen__inflate *inflate)
{
    static const uint8_t ORDER[N_PRECODE] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                             11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[N_LITLEN + N_DISTANCE], precode[N_PRECODE] = {0};
    bool cut_short = false;
    unsigned n_litlen = 257 + take_bits(inflate, 5, &cut_short);
    unsigned n_distance = 1 + take_bits(inflate, 5, &cut_short);
    unsigned n_precode = 4 + take_bits(inflate, 4, &cut_short);
    if (n_litlen > 286 || n_distance > 30)
        return broken(inflate, "a block has too many length or distance codes");
    for (unsigned i = 0; i < n_precode; i++)
        precode[ORDER[i]] = (uint8_t)take_bits(inflate, 3, &cut_short);
    if (cut_short) return stop(inflate, CEN__INFLATE_CUT_SHORT);

    unsigned precode_bits = PRECODE_BITS;
    const char *wrong =
        build_table(inflate->distance, &precode_bits, ALPHABET_PRECODE, precode, N_PRECODE);
    if (wrong != NULL) return broken(inflate, wrong);
    if (!read_lengths(inflate, lengths, n_litlen + n_distance, precode_bits, &cut_short))
        return false;
    if (cut_short) return stop(inflate, CEN__INFLATE_CUT_SHORT);
    if (lengths[256] == 0) return broken(inflate, "a block has no code for its end");

    inflate->litlen_bits = CEN__LITLEN_TABLE_BITS;
    wrong = build_table(inflate->litlen, &inflate->litlen_bits, ALPHABET_LITLEN, lengths, n_litlen);
    if (wrong != NULL) return broken(inflate, wrong);
    pair_literals(inflate->litlen, inflate->litlen_bits);
    inflate->distance_bits = CEN__DISTANCE_TABLE_BITS;
    wrong = build_table(inflate->distance, &inflate->distance_bits, ALPHABET_DISTANCE,
                        lengths + n_litlen, n_distance);
    if (wrong != NULL) return broken(inflate, wrong);
    inflate->phase = PHASE_SYMBOLS;
    return true;
}

static bool begin_block(cen__inflate *inflate)
{
    return_bytes(inflate); /* so that what is left unread is counted whole */
    if (!inflate->in_is_last && inflate->in_end - inflate->in < CEN__INFLATE_RESERVE)
        return stop(inflate, CEN__INFLATE_WANTS_INPUT);
    bool cut_short = false;
    inflate->is_last_block = take_bits(inflate, 1, &cut_short) != 0;
    uint32_t kind = take_bits(inflate, 2, &cut_short);
    if (cut_short) return stop(inflate, CEN__INFLATE_CUT_SHORT);
    switch (kind) {
    case 0: return begin_stored(inflate);
    case 1: return begin_fixed(inflate);
    case 2: return begin_dynamic(inflate);
    default: return broken(inflate, "a block is of a kind that does not exist");
    }
}

/* ---- the bytes of a block -------------------------------------------------------------------- */

static void end_block(cen__inflate *inflate)
{
    inflate->phase = inflate->is_last_block ? PHASE_END : PHASE_HEADER;
}

static bool copy_stored(cen__inflate *inflate)
{
    size_t size = inflate->stored_left;
    size_t input_left = (size_t)(inflate->in_end - inflate->in);
    size_t output_left = inflate->out_size - inflate->out_at;
    if (size > input_left) size = input_left;
    if (size > output_left) size = output_left;
    if (size > 0) memcpy(inflate->out + inflate->out_at, inflate->in, size);
    inflate->in += size;
    inflate->out_at += size;
    inflate->stored_left -= size;
    if (inflate->stored_left == 0) {
        end_block(inflate);
        return true;
    }
    if (size == output_left) return stop(inflate, CEN__INFLATE_WANTS_OUTPUT);
    return stop(inflate, inflate->in_is_last ? CEN__INFLATE_CUT_SHORT : CEN__INFLATE_WANTS_INPUT);
}

/* What fits of the match at hand, byte by byte. False where output is wanted. */
static bool copy_match(cen__inflate *inflate)
{
    uint8_t *out = inflate->out + inflate->out_at;
    size_t size = inflate->match_left, room = inflate->out_size - inflate->out_at;
    if (size > room) size = room;
    for (size_t i = 0; i < size; i++) out[i] = *(out + i - inflate->match_distance);
    inflate->out_at += size;
    inflate->match_left -= size;
    return inflate->match_left == 0 || stop(inflate, CEN__INFLATE_WANTS_OUTPUT);
}

static uint32_t look_up(const uint32_t *table, unsigned table_bits, uint64_t bits)
{
    uint32_t found = table[bits & (((uint64_t)1 << table_bits) - 1)];
    if ((found & SUBTABLE) == 0) return found;
    uint64_t index = bits >> table_bits & (((uint64_t)1 << (found >> CODE_SHIFT & CODE_MASK)) - 1);
    found = table[(found >> VALUE_SHIFT) + index];
    /* As though it had come from one large table. */
    return found + (table_bits << CODE_SHIFT) + table_bits;
}

/* The base in an entry and the extra bits behind its code. */
static size_t with_extra(uint32_t found, uint64_t bits)
{
    uint64_t taken = bits & (((uint64_t)1 << (found & TAKE)) - 1);
    return (found >> VALUE_SHIFT) + (size_t)(taken >> (found >> CODE_SHIFT & CODE_MASK));
}

static bool bad_symbol(cen__inflate *inflate)
{
    if (inflate->n_bits < 2 * MOST_CODE_BITS) return stop(inflate, CEN__INFLATE_CUT_SHORT);
    return broken(inflate, "there is a code without meaning");
}

static const char *const TOO_FAR_BACK = "a match reaches back before the beginning of the data";

/* One symbol with every care: near the end of input or output. */
static bool one_symbol(cen__inflate *inflate)
{
    fill_bits(inflate);
    uint32_t found = look_up(inflate->litlen, inflate->litlen_bits, inflate->bits);
    unsigned n_bits = found & TAKE;
    if ((found & SPECIAL) != 0 && (found & BLOCK_END) == 0) return bad_symbol(inflate);
    if ((found & LITERAL) != 0) n_bits = found >> CODE_SHIFT & CODE_MASK; /* the first of a pair */
    if (n_bits > inflate->n_bits) return stop(inflate, CEN__INFLATE_CUT_SHORT);
    if ((found & LITERAL) != 0) {
        if (inflate->out_at == inflate->out_size) return stop(inflate, CEN__INFLATE_WANTS_OUTPUT);
        inflate->out[inflate->out_at++] = (uint8_t)(found >> VALUE_SHIFT);
    } else if ((found & BLOCK_END) != 0) {
        end_block(inflate);
    } else {
        uint64_t bits = inflate->bits >> n_bits;
        size_t length = with_extra(found, inflate->bits), distance;
        found = look_up(inflate->distance, inflate->distance_bits, bits);
        if ((found & SPECIAL) != 0) return bad_symbol(inflate);
        n_bits += found & TAKE;
        if (n_bits > inflate->n_bits) return stop(inflate, CEN__INFLATE_CUT_SHORT);
        distance = with_extra(found, bits);
        if (distance > inflate->out_at) return broken(inflate, TOO_FAR_BACK);
        inflate->match_left = length;
        inflate->match_distance = distance;
    }
    inflate->bits >>= n_bits;
    inflate->n_bits -= n_bits;
    return true;
}

/* ---- the fast loop --------------------------------------------------------------------------- */

enum {
    /* Of input, what one turn of the loop may load: two words, the second up to 7 bytes on. */
    FAST_TURN = 16,
    /* The same, behind the word that is loaded before the first turn. */
    FAST_INPUT = FAST_TURN + 8,
    /* Of output, what one turn may write: literals, the longest match, the overhang of its words.
     */
    FAST_OUTPUT = 8 + 258 + 32
};

/* In words of 8 bytes, up to 23 bytes too many. */
static inline void copy_words(uint8_t *out, size_t distance, size_t size)
{
    const uint8_t *from = out - distance, *end = out + size;
    if (distance >= 8) {
        memcpy(out, from, 8);
        memcpy(out + 8, from + 8, 8);
        for (out += 16, from += 16; out < end; out += 8, from += 8) memcpy(out, from, 8);
    } else if (distance == 1) {
        memset(out, *from, 8);
        for (uint8_t *to = out + 8; to < end; to += 8) memcpy(to, out, 8);
    } else {
        /* Only the first `distance` bytes of each word are right; the next word mends the others.
         */
        for (; out < end; out += distance, from += distance) {
            uint64_t word;
            memcpy(&word, from, 8);
            memcpy(out, &word, 8);
        }
    }
}

/* Every bit above n_bits in `bits` is either zero or what the next load brings there again. */
#define REFILL()                                                                                   \
    do {                                                                                           \
        bits |= cen__le64(in) << n_bits;                                                           \
        in += (63 - n_bits) >> 3;                                                                  \
        n_bits |= 56;                                                                              \
    } while (0)
#define TAKE_BITS(found)                                                                           \
    do {                                                                                           \
        bits >>= TAKE & (found);                                                                   \
        n_bits -= TAKE & (found);                                                                  \
    } while (0)
/* Writes one literal or a pair, and looks up the next symbol. */
#define PUT_LITERALS(found)                                                                        \
    do {                                                                                           \
        TAKE_BITS(found);                                                                          \
        out[0] = (uint8_t)((found) >> VALUE_SHIFT);                                                \
        out[1] = (uint8_t)((found) >> (VALUE_SHIFT + 8));                                          \
        out += (found) >> COUNT_SHIFT & COUNT_MASK;                                                \
        (found) = litlen[bits & litlen_mask];                                                      \
    } while (0)
#define SUBTABLE_ENTRY(table, found)                                                               \
    (table)[((found) >> VALUE_SHIFT) +                                                             \
            (bits & (((uint64_t)1 << ((found) >> CODE_SHIFT & CODE_MASK)) - 1))]

/* Symbols as long as input and output are far from their ends: FAST_INPUT and FAST_OUTPUT bytes are
 * there at least. A refill gives 56 bits or more: two literals (11 each) and a length (20), or a
 * distance (28), after which 11 are left to look up the next symbol before the refill is done. */
static void fast_symbols(cen__inflate *inflate)
{
    const uint8_t *in = inflate->in, *in_stop = inflate->in_end - FAST_TURN;
    uint8_t *out = inflate->out + inflate->out_at;
    uint8_t *out_stop = inflate->out + inflate->out_size - FAST_OUTPUT;
    const uint32_t *litlen = inflate->litlen, *distances = inflate->distance;
    uint64_t litlen_mask = ((uint64_t)1 << inflate->litlen_bits) - 1;
    uint64_t distance_mask = ((uint64_t)1 << inflate->distance_bits) - 1;
    uint64_t bits = inflate->bits;
    unsigned n_bits = inflate->n_bits;
    const char *reason = NULL;

    REFILL();
    uint32_t found = litlen[bits & litlen_mask];
    while (in <= in_stop && out <= out_stop) {
        REFILL();
        if ((found & LITERAL) != 0) {
            PUT_LITERALS(found);
            if ((found & LITERAL) != 0) {
                PUT_LITERALS(found);
                if ((found & LITERAL) != 0) {
                    PUT_LITERALS(found);
                    continue;
                }
            }
        }
        if ((found & SPECIAL) != 0) {
            if ((found & SUBTABLE) != 0) {
                TAKE_BITS(found);
                found = SUBTABLE_ENTRY(litlen, found);
            }
            if ((found & LITERAL) != 0) {
                PUT_LITERALS(found);
                continue;
            }
            if ((found & BLOCK_END) != 0) {
                TAKE_BITS(found);
                end_block(inflate);
                break;
            }
            if ((found & SPECIAL) != 0) {
                reason = "there is a code without meaning";
                break;
            }
        }
        size_t length = with_extra(found, bits);
        TAKE_BITS(found);
        REFILL();
        found = distances[bits & distance_mask];
        if ((found & SUBTABLE) != 0) {
            TAKE_BITS(found);
            found = SUBTABLE_ENTRY(distances, found);
        }
        size_t distance = with_extra(found, bits);
        TAKE_BITS(found);
        if ((found & SPECIAL) != 0 || distance > (size_t)(out - inflate->out)) {
            reason = (found & SPECIAL) != 0 ? "there is a code without meaning" : TOO_FAR_BACK;
            break;
        }
        found = litlen[bits & litlen_mask];
        copy_words(out, distance, length);
        out += length;
    }
    inflate->in = in;
    inflate->out_at = (size_t)(out - inflate->out);
    inflate->bits = bits;
    inflate->n_bits = n_bits;
    return_bytes(inflate);
    if (reason != NULL) (void)broken(inflate, reason);
}

static bool decode_symbols(cen__inflate *inflate)
{
    if (inflate->match_left > 0 && !copy_match(inflate)) return false;
    while (inflate->phase == PHASE_SYMBOLS) {
        ptrdiff_t input_left = inflate->in_end - inflate->in;
        if (input_left < FAST_INPUT && !inflate->in_is_last)
            return stop(inflate, CEN__INFLATE_WANTS_INPUT);
        if (input_left >= FAST_INPUT && inflate->out_size - inflate->out_at >= FAST_OUTPUT) {
            fast_symbols(inflate);
            if (inflate->reason != NULL) return false;
            continue;
        }
        if (!one_symbol(inflate)) return false;
        if (inflate->match_left > 0 && !copy_match(inflate)) return false;
    }
    return true;
}

void cen__inflate_start(cen__inflate *inflate)
{
    inflate->phase = PHASE_HEADER;
    inflate->event = CEN__INFLATE_WANTS_INPUT;
    inflate->reason = NULL;
    inflate->bits = 0;
    inflate->n_bits = 0;
    inflate->match_left = 0;
}

cen__inflate_event cen__inflate_run(cen__inflate *inflate)
{
    bool go_on = inflate->reason == NULL && inflate->event != CEN__INFLATE_CUT_SHORT;
    while (go_on) {
        switch (inflate->phase) {
        case PHASE_HEADER: go_on = begin_block(inflate); break;
        case PHASE_STORED: go_on = copy_stored(inflate); break;
        case PHASE_SYMBOLS: go_on = decode_symbols(inflate); break;
        default: go_on = stop(inflate, CEN__INFLATE_END); break;
        }
    }
    return_bytes(inflate);
    return inflate->event;
}
