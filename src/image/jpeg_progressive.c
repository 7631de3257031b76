#include "image/jpeg.h"

#include "image/jpeg_bits.h"

/* Section G.1.2. A scan brings either the upper bits of a band of coefficients ("first") or one
 * more bit of each ("refine"); blocks whose rest of the band is zero are counted in runs. */

static void dc_first(cen__jpeg_bits *bits, cen__jpeg_component *component,
                     const cen__jpeg_scan *scan, uint32_t *end_run, int16_t *coefficients,
                     uint64_t *used)
{
    (void)used;
    (void)end_run;
    cen__jpeg_cursor cursor = bits->cursor;
    int32_t dc = cen__jpeg_next_dc(&cursor, component);
    coefficients[0] = (int16_t)((uint32_t)dc << scan->low);
    bits->cursor = cursor;
}

static void dc_refine(cen__jpeg_bits *bits, cen__jpeg_component *component,
                      const cen__jpeg_scan *scan, uint32_t *end_run, int16_t *coefficients,
                      uint64_t *used)
{
    (void)component;
    (void)end_run;
    (void)used;
    cen__jpeg_refill(&bits->cursor);
    uint32_t bit = cen__jpeg_take(&bits->cursor, 1);
    coefficients[0] = (int16_t)(coefficients[0] | (int32_t)(bit << scan->low));
}

/* Blocks in a run that a symbol without a value announces, this one included. */
static uint32_t take_end_run(cen__jpeg_cursor *cursor, unsigned symbol)
{
    unsigned n = symbol >> 4;
    return ((uint32_t)1 << n) + cen__jpeg_take(cursor, n);
}

static void ac_first(cen__jpeg_bits *bits, cen__jpeg_component *component,
                     const cen__jpeg_scan *scan, uint32_t *end_run, int16_t *coefficients,
                     uint64_t *used)
{
    if (*end_run > 0) {
        --*end_run;
        return;
    }
    cen__jpeg_cursor cursor = bits->cursor;
    unsigned last = (unsigned)scan->last;
    int low = scan->low;
    for (unsigned k = (unsigned)scan->first; k <= last; k++) {
        int32_t value;
        cen__jpeg_refill(&cursor);
        uint32_t entry = cen__jpeg_entry(&cursor, component->ac_table);
        if (entry & 0xff) {
            cen__jpeg_skip(&cursor, entry & 0xff);
            value = (int16_t)(entry >> 16);
            k += entry >> 8 & 0xff;
        } else {
            unsigned symbol = cen__jpeg_symbol(&cursor, component->ac_table, entry);
            if ((symbol & 15) == 0 && symbol != 0xf0) {
                *end_run = take_end_run(&cursor, symbol) - 1;
                break;
            }
            k += symbol >> 4;
            value = cen__jpeg_value(&cursor, symbol & 15);
        }
        if (value == 0) continue;
        unsigned place = k > 63 ? 63 : k; /* damaged files go beyond the end; libjpeg takes 63 */
        coefficients[cen__jpeg_natural_order[place]] = (int16_t)((uint32_t)value << low);
        *used |= (uint64_t)1 << place;
    }
    bits->cursor = cursor;
}

/* Adds the next bit to a coefficient that is not zero, away from zero. */
static void refine(cen__jpeg_cursor *cursor, int16_t *coefficient, int32_t bit)
{
    cen__jpeg_refill(cursor);
    int32_t value = *coefficient, taken = -(int32_t)cen__jpeg_take(cursor, 1);
    int32_t step = value < 0 ? -bit : bit;
    *coefficient = (int16_t)(value + (step & taken & -(int32_t)((value & bit) == 0)));
}

/* Refines the coefficients `todo` (a set of places of the zigzag) that lie before the zero that
 * follows on n_zeros others, counted from place k on. Returns that place, or last + 1. */
static unsigned refine_run(cen__jpeg_cursor *cursor, int16_t *coefficients, uint64_t todo,
                           unsigned k, unsigned last, unsigned n_zeros, int32_t bit)
{
    while (todo != 0) {
        unsigned place = cen__jpeg_lowest_bit(todo);
        if (place - k > n_zeros) break;
        n_zeros -= place - k;
        refine(cursor, &coefficients[cen__jpeg_natural_order[place]], bit);
        k = place + 1;
        todo &= todo - 1;
    }
    return k + n_zeros <= last ? k + n_zeros : last + 1;
}

/* The places first to last, 0 < first <= last <= 63. */
static uint64_t band(unsigned first, unsigned last)
{
    return ~(uint64_t)0 >> (63 - last) & ~(uint64_t)0 << first;
}

static void ac_refine(cen__jpeg_bits *bits, cen__jpeg_component *component,
                      const cen__jpeg_scan *scan, uint32_t *end_run, int16_t *coefficients,
                      uint64_t *used)
{
    cen__jpeg_cursor cursor = bits->cursor;
    unsigned k = (unsigned)scan->first, last = (unsigned)scan->last;
    int32_t bit = 1 << scan->low;
    uint64_t old = *used; /* what this scan adds is complete and comes before k */
    for (; *end_run == 0 && k <= last; k++) {
        cen__jpeg_refill(&cursor);
        unsigned symbol = cen__jpeg_symbol(&cursor, component->ac_table,
                                           cen__jpeg_entry(&cursor, component->ac_table));
        int32_t value = 0;
        if ((symbol & 15) != 0) {
            if ((symbol & 15) != 1) cursor.damaged = true;
            value = cen__jpeg_take(&cursor, 1) ? bit : -bit;
        } else if (symbol != 0xf0) {
            *end_run = take_end_run(&cursor, symbol);
            break;
        }
        k = refine_run(&cursor, coefficients, old & band(k, last), k, last, symbol >> 4, bit);
        if (value == 0) continue;
        unsigned place = k > 63 ? 63 : k;
        coefficients[cen__jpeg_natural_order[place]] = (int16_t)value;
        *used |= (uint64_t)1 << place;
    }
    if (*end_run > 0) {
        if (k <= last)
            (void)refine_run(&cursor, coefficients, old & band(k, last), k, last, 64, bit);
        --*end_run;
    }
    bits->cursor = cursor;
}

/* Notes which bits this scan brings; a scan that does not follow on the last one is only damage. */
static void note_precision(cen__jpeg *jpeg, cen__jpeg_component *component)
{
    const cen__jpeg_scan *scan = &jpeg->scan;
    int first = scan->first < 1 ? scan->first : 1, last = scan->last > 9 ? scan->last : 9;
    for (int k = first; k <= last && k < 10; k++)
        component->previous_precision[k] = jpeg->n_scans > 1 ? component->precision[k] : 0;
    for (int k = scan->first; k <= scan->last; k++) {
        int expected = component->precision[k] < 0 ? 0 : component->precision[k];
        if (scan->high != expected) jpeg->bits.cursor.damaged = true;
        component->precision[k] = (int8_t)scan->low;
    }
    if (scan->first > 0 && component->precision[0] < 0) jpeg->bits.cursor.damaged = true;
}

cen_status cen__jpeg_progressive_start(cen__jpeg *jpeg, cen__jpeg_block_decode **decode)
{
    const cen__jpeg_scan *scan = &jpeg->scan;
    bool dc = scan->first == 0;
    if ((dc ? scan->last != 0 : scan->last < scan->first || scan->last > 63) ||
        (!dc && scan->n_components != 1) || (scan->high != 0 && scan->low != scan->high - 1) ||
        scan->low > 13)
        return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                         "scan %zu has the progression %d to %d, %d to %d, which there cannot be; "
                         "the file is damaged, save it again",
                         jpeg->n_scans, scan->first, scan->last, scan->high, scan->low);
    bool first = scan->high == 0;
    for (size_t i = 0; i < scan->n_components; i++) {
        cen_status status = CEN_OK;
        note_precision(jpeg, scan->components[i]);
        if (dc && first) status = cen__jpeg_use_dc_table(jpeg, i);
        if (!dc)
            status =
                cen__jpeg_use_ac_table(jpeg, i, first ? CEN__JPEG_AC_SYMBOLS : CEN__JPEG_SYMBOLS);
        if (status != CEN_OK) return status;
    }
    *decode = dc ? first ? dc_first : dc_refine : first ? ac_first : ac_refine;
    return CEN_OK;
}
