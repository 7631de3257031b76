#include "image/jpeg.h"

#include <string.h>

/* libjpeg-turbo's successor of section K.8: where a progressive file has sent DC but not all bits
 * of the nine lowest AC coefficients, those that are still zero are estimated from the DC of the 5
 * x 5 blocks around. Row k - 1 of a table below is the estimate of coefficient k (zigzag), times
 * 256 and times the quotient of the quantisation steps. */

enum { N_GUESSED = 9, N_GUESSED_WITH_AC = 5 };

/* For a component of which AC has come: K.8's shapes, widened. */
static const int8_t with_ac[N_GUESSED_WITH_AC][25] = {
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -7, 50, 0, -50, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {0, 0, -7, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, -50, 0, 0, 0, 0, 7, 0, 0},
    {0, 0, -1, 0, 0, 0, 0, 13, 0, 0, 0, 0, -24, 0, 0, 0, 0, 13, 0, 0, 0, 0, -1, 0, 0},
    {0, -1, 0, 1, 0, -1, 10, 0, -10, 1, 0, 0, 0, 0, 0, 1, -10, 0, 10, -1, 0, 1, 0, -1, 0},
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 13, -24, 13, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
};

/* For one of which DC alone is there: close to a Gaussian. */
static const int8_t without_ac[N_GUESSED][25] = {
    {-1, -1, 0, 1, 1, -3, 13, 0, -13, 3, -3, 38, 0, -38, 3, -3, 13, 0, -13, 3, -1, -1, 0, 1, 1},
    {-1, -3, -3, -3, -1, -1, 13, 38, 13, -1, 0, 0, 0, 0, 0, 1, -13, -38, -13, 1, 1, 3, 3, 3, 1},
    {0, 0, 1, 0, 0, 0, 2, 7, 2, 0, 0, -5, -14, -5, 0, 0, 2, 7, 2, 0, 0, 0, 1, 0, 0},
    {-1, 0, 0, 0, 1, 0, 9, 0, -9, 0, 0, 0, 0, 0, 0, 0, -9, 0, 9, 0, 1, 0, 0, 0, -1},
    {0, 0, 0, 0, 0, 0, 2, -5, 2, 0, 1, 7, -14, 7, 1, 0, 2, -5, 2, 0, 0, 0, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, 2, 0, -2, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 1, -3, 1, 0, 0, 0, 0, 0, 0, 0, -1, 3, -1, 0, 0, 0, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, -3, 0, 3, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, -1, -2, -1, 0, 0, 0, 0, 0, 0},
};
static const int16_t dc_without_ac[25] = {-2, -6, -8, -6, -2, -6, 6,  42, 6,  -6, -8, 42, 152,
                                          42, -8, -6, 6,  42, 6,  -6, -2, -6, -8, -6, -2};

bool cen__jpeg_wants_smoothing(const cen__jpeg *jpeg)
{
    bool useful = false;
    if (!jpeg->progressive) return false;
    for (size_t c = 0; c < jpeg->n_components; c++) {
        const cen__jpeg_component *component = &jpeg->components[c];
        if (!component->has_quant || component->precision[0] < 0) return false;
        for (int k = 0; k <= N_GUESSED; k++) {
            if (component->quant[cen__jpeg_natural_order[k]] == 0) return false;
            if (k > 0 && component->precision[k] != 0) useful = true;
        }
    }
    return useful;
}

/* The block rows two above to two below. As in libjpeg-turbo 2.1, the furthest are looked at only
 * where a whole MCU row lies between the edge of the picture and this one, or within its own. */
static void find_rows(const cen__jpeg *jpeg, const cen__jpeg_component *component, size_t row,
                      size_t rows[5])
{
    size_t mcu_row = row / component->v, inside = row % component->v;
    size_t last = jpeg->mcus_per_column - 1;
    size_t n_rows =
        mcu_row < last ? component->v : component->height_in_blocks - last * component->v;
    rows[2] = row;
    rows[1] = row > 0 ? row - 1 : row;
    rows[0] = inside > 1 || mcu_row > 1 ? row - 2 : rows[1];
    rows[3] = inside + 1 < n_rows || mcu_row < last ? row + 1 : row;
    rows[4] = inside + 2 < n_rows || mcu_row + 1 < last ? row + 2 : rows[3];
}

static void collect_dc(const cen__jpeg *jpeg, const cen__jpeg_component *component, size_t row,
                       size_t column, int32_t dc[25])
{
    size_t rows[5], last = component->width_in_blocks - 1;
    find_rows(jpeg, component, row, rows);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++) {
            size_t x = column + j < 2 ? 0 : column + j - 2;
            if (x > last) x = last == 1 ? 0 : last; /* libjpeg-turbo 2.1 where two blocks are all */
            dc[5 * i + j] = component->coefficients[(rows[i] * component->blocks_per_row + x) * 64];
        }
}

/* sum / (256 step), rounded, and where `bits` of it are still to come, below what the bits that
 * came would have shown. */
static int16_t estimate(int64_t sum, int64_t step, int bits)
{
    int64_t size = (128 * step + (sum < 0 ? -sum : sum)) / (256 * step);
    if (bits > 0 && size >= 1 << bits) size = (1 << bits) - 1;
    return (int16_t)(sum < 0 ? -size : size);
}

uint64_t cen__jpeg_smooth_block(const cen__jpeg *jpeg, const cen__jpeg_component *component,
                                size_t row, size_t column, int16_t *smoothed)
{
    int32_t dc[25];
    int64_t dc_step = component->quant[0], sum;
    size_t block = row * component->blocks_per_row + column;
    uint64_t used = component->used[block];
    /* Rows that the last scan did not reach are as precise as they were before it. */
    bool reached = row / component->v <= jpeg->last_good_row;
    bool has_ac = false;
    int bits[N_GUESSED + 1];
    for (int k = 1; k <= N_GUESSED; k++) {
        bits[k] = reached             ? component->precision[k]
                  : jpeg->n_scans > 1 ? component->previous_precision[k]
                                      : -1;
        if (bits[k] != -1) has_ac = true;
    }
    memcpy(smoothed, component->coefficients + block * 64, 64 * sizeof *smoothed);
    collect_dc(jpeg, component, row, column, dc);
    for (int k = 1; k <= (has_ac ? N_GUESSED_WITH_AC : N_GUESSED); k++) {
        unsigned place = cen__jpeg_natural_order[k];
        const int8_t *weights = has_ac ? with_ac[k - 1] : without_ac[k - 1];
        if (bits[k] == 0 || smoothed[place] != 0) continue;
        sum = 0;
        for (int i = 0; i < 25; i++) sum += weights[i] * dc[i];
        smoothed[place] = estimate(sum * dc_step, component->quant[place], bits[k]);
        used |= (uint64_t)1 << k;
    }
    if (!has_ac) {
        sum = 0;
        for (int i = 0; i < 25; i++) sum += dc_without_ac[i] * dc[i];
        smoothed[0] = estimate(sum * dc_step, dc_step, 0);
    }
    return used;
}
