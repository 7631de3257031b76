#include "image/jpeg.h"

#include <string.h>

#include "image/jpeg_bits.h"

const uint8_t cen__jpeg_natural_order[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

/* ---- tables -------------------------------------------------------------------------------- */

static uint32_t *fill(uint32_t *entries, size_t n, uint32_t entry)
{
    for (size_t i = 0; i < n; i++) entries[i] = entry;
    return entries + n;
}

/* Writes the entries of a code of `length` bits, which n_rest bits of any value follow. Returns
 * their end. */
static uint32_t *add_code(uint32_t *entries, cen__jpeg_table_use use, unsigned symbol,
                          unsigned length, unsigned n_rest)
{
    unsigned run = use == CEN__JPEG_DC ? 0 : symbol >> 4;
    unsigned size = use == CEN__JPEG_DC ? symbol : symbol & 15;
    bool has_value = size > 0 || use == CEN__JPEG_DC || use == CEN__JPEG_AC || run == 15;
    if (use == CEN__JPEG_SYMBOLS || size > n_rest || !has_value)
        return fill(entries, (size_t)1 << n_rest, (uint32_t)symbol << 16 | (uint32_t)length << 8);
    if (use == CEN__JPEG_AC && size == 0 && run != 15) run = CEN__JPEG_END_RUN;
    uint32_t low = (uint32_t)run << 8 | (length + size);
    size_t n_copies = (size_t)1 << (n_rest - size);
    int32_t n_values = 1 << size;
    for (int32_t i = 0; i < n_values; i++) { /* the lower half stands for negative values */
        int32_t value = size > 0 && i < n_values / 2 ? i + 1 - n_values : i;
        entries = fill(entries, n_copies, (uint32_t)value << 16 | low);
    }
    return entries;
}

cen_status cen__jpeg_table_build(const cen__jpeg_code *code, cen__jpeg_table_use use,
                                 cen__jpeg_table *table, cen_error *error)
{
    uint32_t next = 0;
    int32_t index = 0;
    uint32_t *entries = table->lookup, *end = entries + (1 << CEN__JPEG_LOOKUP_BITS);
    for (unsigned length = 1; length <= 16; length++, next <<= 1) {
        unsigned n_rest = length < CEN__JPEG_LOOKUP_BITS ? CEN__JPEG_LOOKUP_BITS - length : 0;
        uint32_t n = code->counts[length];
        if (next + n > (uint32_t)1 << length)
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "a Huffman table has more codes of %u bits than there can be; the "
                             "file is damaged, save it again",
                             length);
        table->offsets[length] = index - (int32_t)next;
        for (uint32_t i = 0; i < n; i++, index++, next++) {
            unsigned symbol = code->symbols[index];
            if (use == CEN__JPEG_DC && symbol > 15)
                return cen__fail(error, CEN_ERROR_FORMAT,
                                 "a Huffman table for DC holds the symbol %u, above 15; the file "
                                 "is damaged, save it again",
                                 symbol);
            if (length <= CEN__JPEG_LOOKUP_BITS)
                entries = add_code(entries, use, symbol, length, n_rest);
        }
        table->limits[length] = n > 0 ? next << (16 - length) : 0;
    }
    memset(entries, 0, (size_t)(end - entries) * sizeof *entries);
    table->symbols = code->symbols;
    return CEN_OK;
}

static cen_status missing(cen__jpeg *jpeg, const char *kind, unsigned index)
{
    return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                     "scan %zu uses the %s Huffman table %u, which the file does not define; the "
                     "file is damaged, save it again",
                     jpeg->n_scans, kind, index);
}

cen_status cen__jpeg_use_dc_table(cen__jpeg *jpeg, size_t i)
{
    cen__jpeg_component *component = jpeg->scan.components[i];
    unsigned index = component->dc_index;
    if (index > 3 || !jpeg->dc_codes[index].defined) return missing(jpeg, "DC", index);
    component->dc_table = &jpeg->tables[index];
    for (size_t j = 0; j < i; j++)
        if (jpeg->scan.components[j]->dc_index == index) return CEN_OK;
    return cen__jpeg_table_build(&jpeg->dc_codes[index], CEN__JPEG_DC, &jpeg->tables[index],
                                 jpeg->error);
}

cen_status cen__jpeg_use_ac_table(cen__jpeg *jpeg, size_t i, cen__jpeg_table_use use)
{
    cen__jpeg_component *component = jpeg->scan.components[i];
    unsigned index = component->ac_index;
    if (index > 3 || !jpeg->ac_codes[index].defined) return missing(jpeg, "AC", index);
    component->ac_table = &jpeg->tables[4 + index];
    for (size_t j = 0; j < i; j++)
        if (jpeg->scan.components[j]->ac_index == index) return CEN_OK;
    return cen__jpeg_table_build(&jpeg->ac_codes[index], use, &jpeg->tables[4 + index],
                                 jpeg->error);
}

cen_status cen__jpeg_sequential_start(cen__jpeg *jpeg)
{
    for (size_t i = 0; i < jpeg->scan.n_components; i++) {
        cen_status status = cen__jpeg_use_dc_table(jpeg, i);
        if (status == CEN_OK) status = cen__jpeg_use_ac_table(jpeg, i, CEN__JPEG_AC);
        if (status != CEN_OK) return status;
    }
    return CEN_OK;
}

uint32_t cen__jpeg_long_entry(const cen__jpeg_table *table, uint64_t bits)
{
    uint32_t prefix = (uint32_t)(bits >> 48);
    for (unsigned length = CEN__JPEG_LOOKUP_BITS + 1; length <= 16; length++)
        if (prefix < table->limits[length]) {
            int32_t index = (int32_t)(prefix >> (16 - length)) + table->offsets[length];
            return (uint32_t)table->symbols[index & 0xff] << 16 | (uint32_t)length << 8;
        }
    return 17 << 8;
}

/* Tables K.3 and K.4: differences of luminance and of chrominance. */
static const uint8_t dc_counts[2][16] = {{0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0},
                                         {0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0}};

/* Tables K.5 and K.6: AC of luminance and of chrominance. */
static const uint8_t ac_counts[2][16] = {{0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125},
                                         {0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119}};
static const uint8_t ac_symbols[2][162] = {
    {0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61,
     0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52,
     0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25,
     0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45,
     0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64,
     0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83,
     0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
     0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6,
     0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3,
     0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8,
     0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa},
    {0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61,
     0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33,
     0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18,
     0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44,
     0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63,
     0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
     0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97,
     0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4,
     0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca,
     0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7,
     0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa}};

void cen__jpeg_default_codes(cen__jpeg *jpeg)
{
    for (size_t i = 0; i < 2; i++) {
        if (!jpeg->dc_codes[i].defined) {
            jpeg->dc_codes[i].defined = true;
            memcpy(jpeg->dc_codes[i].counts + 1, dc_counts[i], 16);
            for (size_t symbol = 0; symbol < 12; symbol++)
                jpeg->dc_codes[i].symbols[symbol] = (uint8_t)symbol;
        }
        if (!jpeg->ac_codes[i].defined) {
            jpeg->ac_codes[i].defined = true;
            memcpy(jpeg->ac_codes[i].counts + 1, ac_counts[i], 16);
            memcpy(jpeg->ac_codes[i].symbols, ac_symbols[i], sizeof ac_symbols[i]);
        }
    }
}

/* ---- bytes --------------------------------------------------------------------------------- */

void cen__jpeg_bits_start(cen__jpeg_bits *bits)
{
    bits->end = bits->buffer;
    bits->cursor.next = bits->buffer;
    bits->cursor.bits = 0;
    bits->cursor.n_bits = 0;
    bits->ended = false;
    cen__jpeg_bits_fill(bits);
}

void cen__jpeg_bits_end(cen__jpeg_bits *bits)
{
    ptrdiff_t n_taken = 8 * (bits->cursor.next - bits->buffer) - bits->cursor.n_bits;
    if (bits->ended && n_taken > 8 * (bits->end - bits->buffer))
        bits->exhausted = bits->lost = true;
}

/* What stands at an FF: a stuffed zero (the byte FF belongs to the data: true), or a marker. */
static bool at_data_byte(cen__jpeg_bits *bits)
{
    size_t at = bits->at;
    while (at < bits->size && bits->bytes[at] == 0xff) at++;
    if (at < bits->size && bits->bytes[at] == 0) {
        bits->at = at + 1;
        return true;
    }
    bits->cut = at == bits->size;
    bits->marker = bits->cut ? 0xd9 : bits->bytes[at];
    bits->at = bits->cut ? at : at + 1;
    return false;
}

/* Copies bytes to `to`, up to `limit`, without their stuffing, and stops behind a marker. */
static uint8_t *unstuff(cen__jpeg_bits *bits, uint8_t *to, const uint8_t *limit)
{
    while (to < limit && bits->marker == 0) {
        size_t n = bits->size - bits->at, room = (size_t)(limit - to);
        const uint8_t *from = bits->bytes + bits->at;
        if (n > room) n = room;
        const uint8_t *found = n > 0 ? memchr(from, 0xff, n) : NULL;
        if (found != NULL) n = (size_t)(found - from);
        memcpy(to, from, n);
        to += n;
        bits->at += n;
        if ((found != NULL || bits->at == bits->size) && at_data_byte(bits)) *to++ = 0xff;
    }
    return to;
}

void cen__jpeg_bits_fill(cen__jpeg_bits *bits)
{
    if (bits->ended) {
        cen__jpeg_bits_end(bits);
        return;
    }
    size_t n_left = (size_t)(bits->end - bits->cursor.next);
    memmove(bits->buffer, bits->cursor.next, n_left);
    uint8_t *end = unstuff(bits, bits->buffer + n_left, bits->buffer + CEN__JPEG_BUFFER_SIZE);
    bits->ended = bits->marker != 0;
    bits->cursor.next = bits->buffer;
    bits->end = end;
    if (bits->ended) {
        memset(end, 0, CEN__JPEG_BUFFER_PAD);
        bits->watch = end;
    } else {
        bits->watch = end - CEN__JPEG_BUFFER_PAD;
    }
}

/* Section F.2.2.5 leaves resynchronisation open; this is libjpeg's rule: a marker that comes up to
 * two too early is left for its own turn, one that comes up to two too late is passed over, and
 * anything further off is taken for the one that is expected. */
void cen__jpeg_bits_restart(cen__jpeg_bits *bits, int expected)
{
    cen__jpeg_bits_end(bits);
    for (;;) {
        if (bits->marker == 0) {
            bits->marker = cen__jpeg_next_marker(bits->bytes, bits->size, &bits->at);
            bits->cut = bits->marker == 0;
            if (bits->cut) bits->marker = 0xd9;
        }
        if (bits->marker >= 0xc0 && (bits->marker < 0xd0 || bits->marker > 0xd7)) break;
        int ahead = (bits->marker - 0xd0 - expected) & 7;
        bool restart = bits->marker >= 0xc0;
        if (restart && ahead == 0) {
            bits->marker = 0;
            break;
        }
        bits->lost = true;
        if (restart && ahead <= 2) break;
        bool late = ahead >= 6;
        bits->marker = 0;
        if (restart && !late) break;
    }
    if (bits->marker == 0) bits->exhausted = false;
    if (!bits->exhausted) cen__jpeg_bits_start(bits);
}
