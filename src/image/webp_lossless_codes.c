/* The bits and the prefix codes of VP8L. */
#include "image/webp_lossless.h"

#include <string.h>

#include "base/memory.h"

enum { MOST_LENGTH = 15, N_CODE_LENGTHS = 19, LENGTH_ROOT_BITS = 7 };

/* ---- bits ------------------------------------------------------------------------------------ */

/* As in libwebp, the first 8 bytes may be taken of a stream that is shorter. */
void cen__vp8l_bits_start(cen__vp8l_bits *bits, const uint8_t *data, size_t size)
{
    *bits = (cen__vp8l_bits){.next = data, .end = data + size};
    if (size < 8) bits->missing = -8 * (int64_t)(8 - size);
}

void cen__vp8l_bits_fill_slowly(cen__vp8l_bits *bits)
{
    while (bits->n_bits <= 56) {
        if (bits->next < bits->end)
            bits->value |= (uint64_t)*bits->next++ << bits->n_bits;
        else
            bits->missing += 8;
        bits->n_bits += 8;
    }
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* The next code of a length, in reversed bits. */
static uint32_t next_code(uint32_t code, unsigned length)
{
    uint32_t step = (uint32_t)1 << (length - 1);
    while ((code & step) != 0) step >>= 1;
    return step == 0 ? 0 : (code & (step - 1)) + step;
}

/* The bits of the second table for codes that begin as one of `length` bits does; counts: codes that are left. */
static unsigned second_bits(const uint16_t *counts, unsigned length, unsigned root)
{
    int left = 1 << (length - root);
    while (length < MOST_LENGTH) {
        left -= counts[length];
        if (left <= 0) break;
        length++;
        left <<= 1;
    }
    return length - root;
}

typedef struct {
    uint16_t counts[MOST_LENGTH + 1]; /* of the codes of a length */
    uint16_t sorted[CEN__VP8L_MOST_SYMBOLS];
    size_t n_used;
    unsigned longest;
} code_order;

/* False if the lengths make no complete code. One symbol only has a code of no bits. */
static bool sort_code(const uint8_t *lengths, size_t n, code_order *order)
{
    size_t at[MOST_LENGTH + 2] = {0};
    int left = 1;
    memset(order->counts, 0, sizeof order->counts);
    for (size_t i = 0; i < n; i++) order->counts[lengths[i]]++;
    order->n_used = n - order->counts[0];
    order->longest = 0;
    for (unsigned length = 1; length <= MOST_LENGTH; length++) {
        left = 2 * left - order->counts[length];
        if (left < 0) return false;
        at[length + 1] = at[length] + order->counts[length];
        if (order->counts[length] > 0) order->longest = length;
    }
    for (size_t i = 0; i < n; i++)
        if (lengths[i] != 0) order->sorted[at[lengths[i]]++] = (uint16_t)i;
    return order->n_used == 1 || (order->n_used > 1 && left == 0);
}

static unsigned root_of(const code_order *order, unsigned most)
{
    if (order->n_used == 1) return 0;
    return order->longest < most ? order->longest : most;
}

/* Entries of all tables of a code. */
static size_t table_size(const code_order *order, unsigned root)
{
    uint16_t counts[MOST_LENGTH + 1];
    size_t size = (size_t)1 << root;
    uint32_t code = 0, low = UINT32_MAX, mask = ((uint32_t)1 << root) - 1;
    if (order->n_used == 1) return 1;
    memcpy(counts, order->counts, sizeof counts);
    for (unsigned length = 1; length <= order->longest; length++) {
        for (; counts[length] > 0; counts[length]--, code = next_code(code, length)) {
            if (length <= root || (code & mask) == low) continue;
            low = code & mask;
            size += (size_t)1 << second_bits(counts, length, root);
        }
    }
    return size;
}

static void fill(uint16_t *table, size_t first, size_t step, size_t size, unsigned entry)
{
    for (size_t i = first; i < size; i += step) table[i] = (uint16_t)entry;
}

static void build_table(const code_order *order, unsigned root, uint16_t *table)
{
    uint16_t counts[MOST_LENGTH + 1];
    const uint16_t *symbol = order->sorted;
    uint32_t code = 0, low = UINT32_MAX, mask = ((uint32_t)1 << root) - 1;
    size_t at = 0, end = (size_t)1 << root, size = 0; /* of the second table */
    if (order->n_used == 1) {
        table[0] = (uint16_t)(order->sorted[0] << 4);
        return;
    }
    memcpy(counts, order->counts, sizeof counts);
    for (unsigned length = 1; length <= order->longest; length++) {
        for (; counts[length] > 0; counts[length]--, code = next_code(code, length), symbol++) {
            if (length <= root) {
                fill(table, code, (size_t)1 << length, (size_t)1 << root, *symbol * 16u + length);
                continue;
            }
            if ((code & mask) != low) {
                unsigned bits = second_bits(counts, length, root);
                low = code & mask;
                at = end;
                size = (size_t)1 << bits;
                end += size;
                table[low] = (uint16_t)(at * 16 + root + bits);
            }
            fill(table + at, code >> root, (size_t)1 << (length - root), size,
                 *symbol * 16u + length - root);
        }
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static cen_status read_simple_lengths(cen__vp8l *vp8l, uint8_t *lengths)
{
    cen__vp8l_bits *bits = &vp8l->bits;
    bool has_two = cen__vp8l_number(bits, 1) != 0;
    bool is_wide = cen__vp8l_number(bits, 1) != 0;
    lengths[cen__vp8l_number(bits, is_wide ? 8 : 1)] = 1;
    if (has_two) lengths[cen__vp8l_number(bits, 8)] = 1;
    return CEN_OK;
}

/* The code of the lengths: at most 7 bits, so that it has one table. */
static cen_status read_length_code(cen__vp8l *vp8l, uint16_t *table, unsigned *root)
{
    static const uint8_t places[N_CODE_LENGTHS] = {17, 18, 0, 1,  2,  3,  4,  5,  16, 6,
                                                   7,  8,  9, 10, 11, 12, 13, 14, 15};
    uint8_t lengths[N_CODE_LENGTHS] = {0};
    code_order order;
    size_t n = 4 + cen__vp8l_number(&vp8l->bits, 4);
    for (size_t i = 0; i < n; i++) lengths[places[i]] = (uint8_t)cen__vp8l_number(&vp8l->bits, 3);
    if (!sort_code(lengths, N_CODE_LENGTHS, &order))
        return cen__vp8l_damaged(vp8l, "the code of its code lengths is none");
    *root = root_of(&order, LENGTH_ROOT_BITS);
    build_table(&order, *root, table);
    return CEN_OK;
}

static cen_status read_lengths(cen__vp8l *vp8l, size_t n, uint8_t *lengths)
{
    cen__vp8l_bits *bits = &vp8l->bits;
    uint16_t table[1 << LENGTH_ROOT_BITS];
    unsigned root = 0;
    cen_status status = read_length_code(vp8l, table, &root);
    if (status != CEN_OK) return status;
    size_t most = n;
    if (cen__vp8l_number(bits, 1)) {
        unsigned n_bits = 2 + 2 * cen__vp8l_number(bits, 3);
        most = 2 + cen__vp8l_number(bits, n_bits);
        if (most > n) return cen__vp8l_damaged(vp8l, "a code has too many symbols");
    }
    uint8_t previous = 8;
    for (size_t i = 0; i < n && most > 0; most--) {
        static const uint8_t extra[3] = {2, 3, 7}, first[3] = {3, 3, 11};
        cen__vp8l_bits_fill(bits);
        unsigned symbol = cen__vp8l_symbol(bits, table, (1u << root) - 1);
        if (symbol < 16) {
            lengths[i++] = (uint8_t)symbol;
            if (symbol != 0) previous = (uint8_t)symbol;
            continue;
        }
        size_t repeat = first[symbol - 16] + cen__vp8l_number(bits, extra[symbol - 16]);
        if (repeat > n - i) return cen__vp8l_damaged(vp8l, "a code has too many symbols");
        memset(lengths + i, symbol == 16 ? previous : 0, repeat);
        i += repeat;
    }
    return CEN_OK;
}

/* Room for n more entries. */
static cen_status grow(cen__vp8l *vp8l, cen__vp8l_codes *codes, size_t n)
{
    if (codes->n_groups * sizeof *codes->groups + (codes->n_entries + n) * sizeof *codes->entries >
        codes->most_size)
        return cen__fail(
            vp8l->error, CEN_ERROR_LIMIT,
            "WebP chunk %s at byte %zu has more prefix codes than its pixels can need; "
            "save it again",
            vp8l->chunk->name, vp8l->chunk->at);
    if (cen__grow(vp8l->context, &codes->entries, &codes->entries_capacity, codes->n_entries + n,
                  sizeof *codes->entries))
        return CEN_OK;
    return cen__fail_memory(vp8l->error, "the prefix codes of a WebP picture");
}

/* One code; group NULL: it is only passed over. */
static cen_status read_code(cen__vp8l *vp8l, cen__vp8l_codes *codes, size_t n_symbols, int kind,
                            cen__vp8l_group *group)
{
    uint8_t lengths[CEN__VP8L_MOST_SYMBOLS];
    code_order order;
    memset(lengths, 0, n_symbols < 256 ? 256 : n_symbols);
    cen_status status = cen__vp8l_number(&vp8l->bits, 1) ? read_simple_lengths(vp8l, lengths)
                                                         : read_lengths(vp8l, n_symbols, lengths);
    if (status != CEN_OK) return status;
    if (cen__vp8l_ended(&vp8l->bits)) return cen__vp8l_damaged(vp8l, "it ends within its codes");
    if (!sort_code(lengths, n_symbols, &order))
        return cen__vp8l_damaged(vp8l, "its code lengths make no code");
    if (group == NULL) return CEN_OK;
    unsigned root = root_of(&order, CEN__VP8L_ROOT_BITS);
    size_t size = table_size(&order, root);
    status = grow(vp8l, codes, size);
    if (status != CEN_OK) return status;
    build_table(&order, root, codes->entries + codes->n_entries);
    group->tables[kind] = (uint32_t)codes->n_entries;
    group->masks[kind] = (uint8_t)((1u << root) - 1);
    codes->n_entries += size;
    return CEN_OK;
}

static uint32_t first_symbol(const cen__vp8l_codes *codes, const cen__vp8l_group *group, int kind)
{
    return codes->entries[group->tables[kind]] >> 4;
}

cen_status cen__vp8l_read_group(cen__vp8l *vp8l, cen__vp8l_codes *codes, unsigned cache_bits,
                                bool is_wanted)
{
    size_t n_cached = cache_bits > 0 ? (size_t)1 << cache_bits : 0;
    const size_t n_symbols[5] = {CEN__VP8L_N_LITERALS + CEN__VP8L_N_LENGTHS + n_cached,
                                 CEN__VP8L_N_LITERALS, CEN__VP8L_N_LITERALS, CEN__VP8L_N_LITERALS,
                                 CEN__VP8L_N_DISTANCES};
    cen__vp8l_group group = {.is_literal = false};
    for (int kind = 0; kind < 5; kind++) {
        cen_status status =
            read_code(vp8l, codes, n_symbols[kind], kind, is_wanted ? &group : NULL);
        if (status != CEN_OK) return status;
    }
    if (!is_wanted) return CEN_OK;
    group.is_literal = (group.masks[CEN__VP8L_RED] | group.masks[CEN__VP8L_BLUE] |
                        group.masks[CEN__VP8L_ALPHA]) == 0;
    group.literal = first_symbol(codes, &group, CEN__VP8L_ALPHA) << 24 |
                    first_symbol(codes, &group, CEN__VP8L_RED) << 16 |
                    first_symbol(codes, &group, CEN__VP8L_BLUE);
    if (!cen__grow(vp8l->context, &codes->groups, &codes->groups_capacity, codes->n_groups + 1,
                   sizeof *codes->groups))
        return cen__fail_memory(vp8l->error, "the prefix codes of a WebP picture");
    codes->groups[codes->n_groups++] = group;
    return CEN_OK;
}

void cen__vp8l_free_codes(cen__vp8l_codes *codes)
{
    cen__free(codes->groups);
    cen__free(codes->entries);
}
