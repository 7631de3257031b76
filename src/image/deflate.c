/* A DEFLATE packer (RFC 1951) in zlib's wrapping: hash chains, one step of lazy matching, and for
 * each block whichever is smallest, dynamic or fixed Huffman codes or the bytes as they are. */
#include "image/inflate.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    N_LITLEN = 288, /* the last two have codes in the fixed code, but no meaning */
    N_DISTANCE = 30,
    N_PRECODE = 19,
    BLOCK_END = 256,
    MOST_CODE_BITS = 15,
    MOST_PRECODE_BITS = 7,
    MOST_STORED = 65535,
    N_TOKENS = 16384, /* in a block */
    LEAST_MATCH = 3,
    MOST_MATCH = 258,
    HASH_BITS = 15,
    MOST_CHAIN = 48, /* candidates that are looked at for a match */
    GOOD_MATCH = 32  /* so long that the next position is not tried */
};

/* A Huffman code with how often each symbol comes; codes have their first bit lowest. */
typedef struct huffman {
    unsigned n_symbols, most_bits;
    uint32_t counts[N_LITLEN];
    uint16_t codes[N_LITLEN];
    uint8_t lengths[N_LITLEN];
} huffman;

typedef struct deflater {
    const uint8_t *bytes;
    size_t size;
    uint8_t *out;
    size_t out_at;
    uint64_t bits;
    unsigned n_bits;
    /* Positions, cut to 32 bits: the last one of each hash, and for each the one before it with the
     * same hash. They are only candidates, whose bytes are compared. */
    uint32_t newest[1 << HASH_BITS], earlier[CEN__DEFLATE_WINDOW];
    /* A literal, or length << 16 | distance. */
    uint32_t tokens[N_TOKENS];
    size_t n_tokens, block_begin;
    huffman litlen, distance, precode;
} deflater;

/* ---- bits ------------------------------------------------------------------------------------ */

static void put(deflater *packer, uint32_t value, unsigned n_bits)
{
    packer->bits |= (uint64_t)value << packer->n_bits;
    for (packer->n_bits += n_bits; packer->n_bits >= 8; packer->n_bits -= 8, packer->bits >>= 8)
        packer->out[packer->out_at++] = (uint8_t)packer->bits;
}

static void put_to_byte(deflater *packer)
{
    if (packer->n_bits > 0) put(packer, 0, 8 - packer->n_bits);
}

static void put_symbol(deflater *packer, const huffman *code, unsigned symbol)
{
    put(packer, code->codes[symbol], code->lengths[symbol]);
}

/* ---- Huffman codes --------------------------------------------------------------------------- */

typedef struct leaf {
    uint32_t count;
    uint16_t symbol;
} leaf;

static int compare_leaves(const void *left, const void *right)
{
    const leaf *a = left, *b = right;
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    return a->symbol < b->symbol ? -1 : a->symbol > b->symbol;
}

/* n_of_length[l]: how many of the n >= 2 leaves, rarest first, get a code of l bits. The two rarest
 * nodes are joined until one is left; joined nodes come in the order of their counts, so both kinds
 * are queues. */
static void measure_tree(const leaf *leaves, unsigned n, unsigned most_bits,
                         uint32_t n_of_length[MOST_CODE_BITS + 1])
{
    uint32_t counts[2 * N_LITLEN];
    uint16_t parents[2 * N_LITLEN], depths[2 * N_LITLEN];
    for (unsigned i = 0; i < n; i++) counts[i] = leaves[i].count;
    unsigned next_leaf = 0, next_joined = n;
    for (unsigned joined = n; joined < 2 * n - 1; joined++) {
        counts[joined] = 0;
        for (int child = 0; child < 2; child++) {
            bool is_leaf = next_joined == joined ||
                           (next_leaf < n && counts[next_leaf] <= counts[next_joined]);
            unsigned node = is_leaf ? next_leaf++ : next_joined++;
            parents[node] = (uint16_t)joined;
            counts[joined] += counts[node];
        }
    }
    memset(n_of_length, 0, (MOST_CODE_BITS + 1) * sizeof *n_of_length);
    depths[2 * n - 2] = 0;
    for (unsigned node = 2 * n - 2; node-- > 0;) {
        depths[node] = (uint16_t)(depths[parents[node]] + 1);
        if (node < n) n_of_length[depths[node] < most_bits ? depths[node] : most_bits]++;
    }
    /* Codes cut to most_bits take more room than there is. Until they do not, one of them moves up
     * beside a shorter one, which becomes a bit longer. */
    uint32_t used = 0, room = (uint32_t)1 << most_bits;
    for (unsigned i = 1; i <= most_bits; i++) used += n_of_length[i] << (most_bits - i);
    for (; used > room; used--) {
        unsigned length = most_bits - 1;
        while (n_of_length[length] == 0) length--;
        n_of_length[most_bits]--;
        n_of_length[length]--;
        n_of_length[length + 1] += 2;
    }
}

/* Canonical codes (RFC 1951, 3.2.2) from the lengths. */
static void number_codes(huffman *code)
{
    uint32_t n_of_length[MOST_CODE_BITS + 1] = {0}, next[MOST_CODE_BITS + 2] = {0};
    for (unsigned i = 0; i < code->n_symbols; i++) n_of_length[code->lengths[i]]++;
    n_of_length[0] = 0;
    for (unsigned i = 0; i <= MOST_CODE_BITS; i++) next[i + 1] = (next[i] + n_of_length[i]) << 1;
    /* 16 bits, as the codes: with another step gcc 12 for 64-bit ARM loses what is stored here. */
    for (uint16_t i = 0; i < code->n_symbols; i++) {
        uint32_t number = next[code->lengths[i]]++, reversed = 0;
        for (unsigned bit = 0; bit < code->lengths[i]; bit++)
            reversed = reversed << 1 | (number >> bit & 1);
        code->codes[i] = (uint16_t)reversed;
    }
}

static void build_code(huffman *code)
{
    leaf leaves[N_LITLEN];
    unsigned n = 0;
    /* Some unpackers want two codes at least. */
    for (unsigned i = 0; i < code->n_symbols; i++) n += code->counts[i] > 0;
    for (unsigned i = 0; n < 2; i++)
        if (code->counts[i] == 0) {
            code->counts[i] = 1;
            n++;
        }
    n = 0;
    for (unsigned i = 0; i < code->n_symbols; i++)
        if (code->counts[i] > 0) leaves[n++] = (leaf){code->counts[i], (uint16_t)i};
    qsort(leaves, n, sizeof *leaves, compare_leaves);
    uint32_t n_of_length[MOST_CODE_BITS + 1];
    measure_tree(leaves, n, code->most_bits, n_of_length);
    memset(code->lengths, 0, sizeof code->lengths);
    unsigned at = 0;
    for (unsigned length = code->most_bits; length > 0; length--)
        for (uint32_t left = n_of_length[length]; left > 0; left--)
            code->lengths[leaves[at++].symbol] = (uint8_t)length;
    number_codes(code);
}

/* ---- symbols --------------------------------------------------------------------------------- */

/* Lengths and distances fall into groups: a symbol, and extra bits for the place in the group. */
typedef struct group {
    unsigned symbol, n_extra;
    uint32_t extra;
} group;

/* 2^n_steps symbols for each power of two, counted from 0 (RFC 1951, 3.2.5). */
static group group_of(uint32_t value, unsigned n_steps)
{
    unsigned n_extra = 0;
    while (value >> n_extra >= (uint32_t)2 << n_steps) n_extra++;
    return (group){(n_extra << n_steps) + (value >> n_extra), n_extra,
                   value & (((uint32_t)1 << n_extra) - 1)};
}

static group length_group(uint32_t length)
{
    if (length == MOST_MATCH) return (group){285, 0, 0};
    group found = group_of(length - LEAST_MATCH, 2);
    found.symbol += BLOCK_END + 1;
    return found;
}

static group distance_group(uint32_t distance)
{
    return group_of(distance - 1, 1);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* The lengths of both codes as symbols of the precode: 0 to 15, or a run (16, 17, 18) with the
 * extra bits of its length above bit 8. */
static unsigned list_lengths(const deflater *packer, unsigned n_litlen, unsigned n_distance,
                             uint16_t *symbols)
{
    uint8_t lengths[N_LITLEN + N_DISTANCE];
    memcpy(lengths, packer->litlen.lengths, n_litlen);
    memcpy(lengths + n_litlen, packer->distance.lengths, n_distance);
    unsigned n = n_litlen + n_distance, n_symbols = 0;
    for (unsigned i = 0; i < n;) {
        unsigned run = 1;
        while (i + run < n && lengths[i + run] == lengths[i]) run++;
        if (lengths[i] == 0 && run >= 3) {
            if (run > 138) run = 138;
            symbols[n_symbols++] =
                (uint16_t)(run < 11 ? 17 | (run - 3) << 8 : 18 | (run - 11) << 8);
        } else if (run >= 4) {
            if (run > 7) run = 7;
            symbols[n_symbols++] = lengths[i];
            symbols[n_symbols++] = (uint16_t)(16 | (run - 4) << 8);
        } else {
            run = 1;
            symbols[n_symbols++] = lengths[i];
        }
        i += run;
    }
    return n_symbols;
}

static unsigned used_symbols(const huffman *code, unsigned least)
{
    unsigned n = code->n_symbols;
    while (n > least && code->lengths[n - 1] == 0) n--;
    return n;
}

static const uint8_t PRECODE_ORDER[N_PRECODE] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                 11, 4,  12, 3, 13, 2, 14, 1, 15};
static const uint8_t PRECODE_EXTRAS[N_PRECODE] = {[16] = 2, [17] = 3, [18] = 7};

/* What stands before the symbols of a dynamic block. */
typedef struct dynamic_header {
    unsigned n_litlen, n_distance, n_precode, n_symbols;
    uint16_t symbols[N_LITLEN + N_DISTANCE];
} dynamic_header;

static void plan_header(deflater *packer, dynamic_header *header)
{
    huffman *precode = &packer->precode;
    header->n_litlen = used_symbols(&packer->litlen, BLOCK_END + 1);
    header->n_distance = used_symbols(&packer->distance, 1);
    header->n_symbols = list_lengths(packer, header->n_litlen, header->n_distance, header->symbols);
    memset(precode->counts, 0, sizeof precode->counts);
    for (unsigned i = 0; i < header->n_symbols; i++) precode->counts[header->symbols[i] & 255]++;
    build_code(precode);
    /* More than 4 stay, the least there may be: BLOCK_END has a length, and 1 to 15 stand behind the fourth. */
    header->n_precode = N_PRECODE;
    while (precode->lengths[PRECODE_ORDER[header->n_precode - 1]] == 0) header->n_precode--;
}

static size_t header_bits(const deflater *packer, const dynamic_header *header)
{
    size_t total = 5 + 5 + 4 + 3 * header->n_precode;
    for (unsigned i = 0; i < header->n_symbols; i++) {
        unsigned symbol = header->symbols[i] & 255;
        total += packer->precode.lengths[symbol] + (size_t)PRECODE_EXTRAS[symbol];
    }
    return total;
}

static void put_header(deflater *packer, const dynamic_header *header)
{
    put(packer, header->n_litlen - 257, 5);
    put(packer, header->n_distance - 1, 5);
    put(packer, header->n_precode - 4, 4);
    for (unsigned i = 0; i < header->n_precode; i++)
        put(packer, packer->precode.lengths[PRECODE_ORDER[i]], 3);
    for (unsigned i = 0; i < header->n_symbols; i++) {
        unsigned symbol = header->symbols[i] & 255;
        put_symbol(packer, &packer->precode, symbol);
        put(packer, header->symbols[i] >> 8, PRECODE_EXTRAS[symbol]);
    }
}

static void set_fixed_codes(deflater *packer)
{
    uint8_t *lengths = packer->litlen.lengths;
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, N_LITLEN - 280);
    memset(packer->distance.lengths, 5, N_DISTANCE);
    number_codes(&packer->litlen);
    number_codes(&packer->distance);
}

static size_t symbol_bits(const deflater *packer)
{
    size_t total = 0;
    for (unsigned i = 0; i < N_LITLEN; i++)
        total += packer->litlen.counts[i] * (size_t)packer->litlen.lengths[i];
    for (unsigned i = 0; i < N_DISTANCE; i++)
        total += packer->distance.counts[i] * (size_t)packer->distance.lengths[i];
    return total;
}

static void put_tokens(deflater *packer)
{
    for (size_t i = 0; i < packer->n_tokens; i++) {
        uint32_t token = packer->tokens[i];
        if (token < 256) {
            put_symbol(packer, &packer->litlen, token);
            continue;
        }
        group length = length_group(token >> 16), distance = distance_group(token & 0xffff);
        put_symbol(packer, &packer->litlen, length.symbol);
        put(packer, length.extra, length.n_extra);
        put_symbol(packer, &packer->distance, distance.symbol);
        put(packer, distance.extra, distance.n_extra);
    }
    put_symbol(packer, &packer->litlen, BLOCK_END);
}

static void put_stored(deflater *packer, size_t end, bool is_last)
{
    size_t at = packer->block_begin;
    do {
        size_t size = end - at < MOST_STORED ? end - at : MOST_STORED;
        put(packer, is_last && at + size == end, 1);
        put(packer, 0, 2);
        put_to_byte(packer);
        put(packer, (uint32_t)size, 16);
        put(packer, (uint32_t)size ^ 0xffff, 16);
        memcpy(packer->out + packer->out_at, packer->bytes + at, size);
        packer->out_at += size;
        at += size;
    } while (at < end);
}

static void count_symbols(deflater *packer, size_t *extra_bits)
{
    memset(packer->litlen.counts, 0, sizeof packer->litlen.counts);
    memset(packer->distance.counts, 0, sizeof packer->distance.counts);
    packer->litlen.counts[BLOCK_END] = 1;
    *extra_bits = 0;
    for (size_t i = 0; i < packer->n_tokens; i++) {
        uint32_t token = packer->tokens[i];
        if (token < 256) {
            packer->litlen.counts[token]++;
            continue;
        }
        group length = length_group(token >> 16), distance = distance_group(token & 0xffff);
        packer->litlen.counts[length.symbol]++;
        packer->distance.counts[distance.symbol]++;
        *extra_bits += length.n_extra + distance.n_extra;
    }
}

/* Writes the tokens at hand, which stand for the bytes up to `end`, as a block. */
static void end_block(deflater *packer, size_t end, bool is_last)
{
    size_t extra_bits;
    dynamic_header header;
    count_symbols(packer, &extra_bits);
    build_code(&packer->litlen);
    build_code(&packer->distance);
    plan_header(packer, &header);
    size_t dynamic_bits = header_bits(packer, &header) + symbol_bits(packer) + extra_bits;
    uint8_t litlen[N_LITLEN], distance[N_DISTANCE];
    memcpy(litlen, packer->litlen.lengths, sizeof litlen);
    memcpy(distance, packer->distance.lengths, sizeof distance);
    set_fixed_codes(packer);
    size_t fixed_bits = symbol_bits(packer) + extra_bits;
    size_t stored = end - packer->block_begin, n_stored = stored / MOST_STORED + 1;

    size_t least = dynamic_bits < fixed_bits ? dynamic_bits : fixed_bits;
    if (8 * stored + 40 * n_stored < least) {
        put_stored(packer, end, is_last);
    } else {
        put(packer, is_last, 1);
        put(packer, dynamic_bits < fixed_bits ? 2 : 1, 2);
        if (dynamic_bits < fixed_bits) {
            memcpy(packer->litlen.lengths, litlen, sizeof litlen);
            memcpy(packer->distance.lengths, distance, sizeof distance);
            number_codes(&packer->litlen);
            number_codes(&packer->distance);
            put_header(packer, &header);
        }
        put_tokens(packer);
    }
    packer->n_tokens = 0;
    packer->block_begin = end;
}

/* ---- matches --------------------------------------------------------------------------------- */

/* Makes the position known; returns the newest one before it with the same hash. */
static uint32_t insert(deflater *packer, size_t at)
{
    const uint8_t *bytes = packer->bytes + at;
    uint32_t three = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
    uint32_t hash = three * 0x9e3779b1u >> (32 - HASH_BITS); /* Fibonacci hashing */
    uint32_t before = packer->newest[hash];
    packer->earlier[at % CEN__DEFLATE_WINDOW] = before;
    packer->newest[hash] = (uint32_t)at;
    return before;
}

/* The longest match at a position, as a token; 0 where there is none. Inserts the position. */
static uint32_t find_match(deflater *packer, size_t at)
{
    size_t most = packer->size - at < MOST_MATCH ? packer->size - at : MOST_MATCH;
    if (most < LEAST_MATCH) return 0;
    uint32_t candidate = insert(packer, at), last_distance = 0, found = 0;
    size_t best = LEAST_MATCH - 1;
    for (int i = 0; i < MOST_CHAIN && best < most; i++) {
        uint32_t distance = (uint32_t)at - candidate;
        if (distance <= last_distance || distance > CEN__DEFLATE_WINDOW || distance > at) break;
        const uint8_t *here = packer->bytes + at, *there = here - distance;
        if (here[best] == there[best]) {
            size_t length = 0;
            while (length < most && here[length] == there[length]) length++;
            /* Three bytes from far away cost more than three literals. */
            if (length > best && (length > LEAST_MATCH || distance <= 4096)) {
                best = length;
                found = (uint32_t)length << 16 | distance;
            }
        }
        last_distance = distance;
        candidate = packer->earlier[candidate % CEN__DEFLATE_WINDOW];
    }
    return found;
}

static void add_token(deflater *packer, uint32_t token, size_t end)
{
    packer->tokens[packer->n_tokens++] = token;
    if (packer->n_tokens == N_TOKENS && end < packer->size) end_block(packer, end, false);
}

static void pack_blocks(deflater *packer)
{
    uint32_t match = find_match(packer, 0);
    for (size_t at = 0; at < packer->size;) {
        uint32_t next = 0;
        bool has_next = false;
        if (match != 0 && match >> 16 < GOOD_MATCH) {
            next = find_match(packer, at + 1);
            has_next = true;
        }
        if (match == 0 || next >> 16 > match >> 16) {
            add_token(packer, packer->bytes[at], at + 1);
            at++;
        } else {
            size_t end = at + (match >> 16);
            add_token(packer, match, end);
            for (at += has_next ? 2 : 1; at < end; at++)
                if (packer->size - at >= LEAST_MATCH) (void)insert(packer, at);
            has_next = false;
        }
        match = has_next ? next : at < packer->size ? find_match(packer, at) : 0;
    }
    end_block(packer, packer->size, true);
}

cen_status cen__zlib_pack(cen_context *context, const uint8_t *bytes, size_t size, uint8_t **out,
                          size_t *out_size, cen_error *error)
{
    /* No block is larger than stored, which costs 6 bytes at the most for each 16384. */
    size_t overhead = 6 * (size / N_TOKENS + 2) + 16;
    deflater *packer = cen__alloc_zeroed(context, 1, sizeof *packer);
    *out = size > SIZE_MAX - overhead ? NULL : cen__alloc(context, 1, size + overhead);
    *out_size = 0;
    if (packer == NULL || *out == NULL) {
        cen__free(packer);
        cen__free(*out);
        *out = NULL;
        return cen__fail_memory(error, "the packed data");
    }
    packer->bytes = bytes;
    packer->size = size;
    packer->out = *out;
    packer->litlen.n_symbols = N_LITLEN;
    packer->distance.n_symbols = N_DISTANCE;
    packer->precode.n_symbols = N_PRECODE;
    packer->litlen.most_bits = packer->distance.most_bits = MOST_CODE_BITS;
    packer->precode.most_bits = MOST_PRECODE_BITS;
    put(packer, 0x78, 8); /* RFC 1950: DEFLATE, a window of 32 KiB, the default level */
    put(packer, 0x9c, 8);
    pack_blocks(packer);
    put_to_byte(packer);
    uint32_t adler = cen__adler32(1, bytes, size);
    for (int shift = 24; shift >= 0; shift -= 8) put(packer, adler >> shift & 255, 8);
    *out_size = packer->out_at;
    cen__free(packer);
    return CEN_OK;
}
