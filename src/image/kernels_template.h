/* The inner loops, written so that compilers make vectors of them: lanes in arrays of constant
 * shape, loads before stores. kernels.c includes this once an instruction set, with
 * KERNEL(name) = name_set and KERNEL_TARGET = the attribute that allows the set. The results are
 * the same bits on all.
 *
 * Inverse DCT. Within a pass libjpeg's fixed-point arithmetic is exact, so a pass is a product with
 * an integer matrix and may be computed in any order; only the roundings between and after the
 * passes count. The first pass (down the columns) is done coefficient by coefficient while they are
 * decoded, for most are zero: columns[u][y] += basis[v][y] * value, u horizontal and v vertical
 * frequency. The second has the rows y as its lanes. Sums are unsigned, for they wrap in a damaged
 * file. */

/* columns[64] all at the rounding of the first pass. */
KERNEL_TARGET static inline void KERNEL(clear)(uint32_t *columns, int shift)
{
    for (int i = 0; i < 64; i++) columns[i] = (uint32_t)1 << (shift - 1);
}

KERNEL_TARGET static inline void KERNEL(add)(uint32_t *columns, const int32_t *basis,
                                             unsigned place, int32_t value)
{
    uint32_t *column = columns + 8 * (place & 7), sum[8];
    const int32_t *row = basis + (place & 56);
    for (int y = 0; y < 8; y++) sum[y] = column[y] + (uint32_t)(row[y] * value);
    for (int y = 0; y < 8; y++) column[y] = sum[y];
}

/* The second pass of the 8 x 8 transform after Loeffler, Ligtenberg and Moschytz (ICASSP 1989),
 * constants times 2^13; the first n_in columns are not all zero. left and right hold four pixels of
 * a row each. */
KERNEL_TARGET CEN__JPEG_INLINE void KERNEL(rows8)(const uint32_t *restrict columns, int n_in,
                                                  uint32_t *restrict left, uint32_t *restrict right)
{
    for (int y = 0; y < 8; y++) {
        uint32_t x0 = descale(columns[y], 11), x1 = descale(columns[8 + y], 11);
        uint32_t x2 = descale(columns[16 + y], 11), x3 = descale(columns[24 + y], 11);
        uint32_t x4 = n_in > 4 ? descale(columns[32 + y], 11) : 0;
        uint32_t x5 = n_in > 4 ? descale(columns[40 + y], 11) : 0;
        uint32_t x6 = n_in > 4 ? descale(columns[48 + y], 11) : 0;
        uint32_t x7 = n_in > 4 ? descale(columns[56 + y], 11) : 0;

        uint32_t middle = (128 << 18) + (1 << 17);
        uint32_t sum = ((x0 + x4) << 13) + middle, difference = ((x0 - x4) << 13) + middle;
        uint32_t z = (x2 + x6) * 4433;
        uint32_t s2 = z - x6 * 15137, s3 = z + x2 * 6270;
        uint32_t e0 = sum + s3, e3 = sum - s3, e1 = difference + s2, e2 = difference - s2;

        uint32_t z5 = (x1 + x3 + x5 + x7) * 9633;
        uint32_t z1 = (x1 + x7) * 7373, z2 = (x3 + x5) * 20995;
        uint32_t z3 = z5 - (x3 + x7) * 16069, z4 = z5 - (x1 + x5) * 3196;
        uint32_t o0 = x1 * 12299 - z1 + z4, o1 = x3 * 25172 - z2 + z3;
        uint32_t o2 = x5 * 16819 - z2 + z4, o3 = x7 * 2446 - z1 + z3;

        left[y] = pixel(e0 + o0, 18) | pixel(e1 + o1, 18) << 8 | pixel(e2 + o2, 18) << 16 |
                  pixel(e3 + o3, 18) << 24;
        right[y] = pixel(e3 - o3, 18) | pixel(e2 - o2, 18) << 8 | pixel(e1 - o1, 18) << 16 |
                   pixel(e0 - o0, 18) << 24;
    }
}

/* The same of the reduced transforms, whose products are few: rows[y] holds the pixels of a row, 4
 * (y < 4) or 2 (y < 2). The other lanes are computed in vain. */
KERNEL_TARGET CEN__JPEG_INLINE void KERNEL(rows4)(const uint32_t *restrict columns,
                                                  uint32_t *restrict rows)
{
    for (int y = 0; y < 8; y++) {
        uint32_t x0 = descale(columns[y], 12), x1 = descale(columns[8 + y], 12);
        uint32_t x2 = descale(columns[16 + y], 12), x3 = descale(columns[24 + y], 12);
        uint32_t x5 = descale(columns[40 + y], 12), x6 = descale(columns[48 + y], 12);
        uint32_t x7 = descale(columns[56 + y], 12);
        uint32_t middle = (x0 << 14) + (128 << 19) + (1 << 18), s = x2 * 15137 - x6 * 6270;
        uint32_t e0 = middle + s, e1 = middle - s;
        uint32_t o0 = x1 * 20995 + x3 * 7373 - x5 * 4926 - x7 * 4176;
        uint32_t o1 = x1 * 8697 - x3 * 17799 + x5 * 11893 - x7 * 1730;
        rows[y] = pixel(e0 + o0, 19) | pixel(e1 + o1, 19) << 8 | pixel(e1 - o1, 19) << 16 |
                  pixel(e0 - o0, 19) << 24;
    }
}

KERNEL_TARGET CEN__JPEG_INLINE void KERNEL(rows2)(const uint32_t *restrict columns,
                                                  uint32_t *restrict rows)
{
    for (int y = 0; y < 8; y++) {
        uint32_t x0 = descale(columns[y], 13), x1 = descale(columns[8 + y], 13);
        uint32_t x3 = descale(columns[24 + y], 13), x5 = descale(columns[40 + y], 13);
        uint32_t x7 = descale(columns[56 + y], 13);
        uint32_t e = (x0 << 15) + (128 << 20) + (1 << 19);
        uint32_t o = x1 * 29692 - x3 * 10426 + x5 * 6967 - x7 * 5906;
        rows[y] = pixel(e + o, 20) | pixel(e - o, 20) << 8;
    }
}

/* wide: a column above 3 is not all zero. */
KERNEL_TARGET static inline void KERNEL(finish)(const uint32_t *columns, size_t dct_size, bool wide,
                                                uint8_t *out, size_t stride)
{
    uint32_t left[8], right[8];
    if (dct_size == 8) {
        if (wide)
            KERNEL(rows8)(columns, 8, left, right);
        else
            KERNEL(rows8)(columns, 4, left, right);
        for (size_t y = 0; y < 8; y++)
            store_pixels(out + y * stride, left[y] | (uint64_t)right[y] << 32);
        return;
    }
    if (dct_size == 4)
        KERNEL(rows4)(columns, left);
    else
        KERNEL(rows2)(columns, left);
    for (size_t y = 0; y < dct_size; y++)
        for (size_t x = 0; x < dct_size; x++) out[y * stride + x] = (uint8_t)(left[y] >> 8 * x);
}

/* ---- blocks -------------------------------------------------------------------------------- */

/* The AC part of a sequential block (section F.2.2.2). Values go as they are into coefficients, or
 * dequantised into columns, where these are not NULL. Returns the places used: bit k for place k of
 * the zigzag. */
KERNEL_TARGET CEN__JPEG_INLINE uint64_t KERNEL(decode_ac)(cen__jpeg_cursor *b,
                                                          const cen__jpeg_component *component,
                                                          int16_t *coefficients, uint32_t *columns,
                                                          const int32_t *basis)
{
    const cen__jpeg_table *table = component->ac_table;
    uint64_t used = 0;
    for (unsigned k = 1; k < 64; k++) {
        int32_t value;
        cen__jpeg_refill(b);
        uint32_t entry = cen__jpeg_entry(b, table);
        if (entry & 0xff) {
            cen__jpeg_skip(b, entry & 0xff);
            value = (int16_t)(entry >> 16);
            k += entry >> 8 & 0xff;
        } else {
            unsigned symbol = cen__jpeg_symbol(b, table, entry);
            if ((symbol & 15) == 0 && symbol != 0xf0) break;
            k += symbol >> 4;
            value = cen__jpeg_value(b, symbol & 15);
        }
        if (k > 63) {
            if (k >= CEN__JPEG_END_RUN) break;
            k = 63; /* where libjpeg puts what a damaged file has beyond the end */
        }
        unsigned place = cen__jpeg_natural_order[k];
        used |= (uint64_t)1 << k;
        if (coefficients != NULL) coefficients[place] = (int16_t)value;
        if (columns != NULL)
            KERNEL(add)(columns, basis, place, (int16_t)(value * component->quant[place]));
    }
    return used;
}

KERNEL_TARGET static void KERNEL(decode_to_coefficients)(cen__jpeg_bits *bits,
                                                         cen__jpeg_component *component,
                                                         int16_t *coefficients, uint64_t *used)
{
    cen__jpeg_cursor cursor = bits->cursor;
    coefficients[0] = (int16_t)cen__jpeg_next_dc(&cursor, component);
    *used |= KERNEL(decode_ac)(&cursor, component, coefficients, NULL, NULL);
    bits->cursor = cursor;
}

KERNEL_TARGET static void KERNEL(decode_to_pixels)(cen__jpeg_bits *bits,
                                                   cen__jpeg_component *component, uint8_t *out,
                                                   size_t stride)
{
    uint32_t columns[64];
    uint64_t used = 0;
    size_t dct_size = component->dct_size;
    const int32_t *basis = basis_of(dct_size);
    cen__jpeg_cursor cursor = bits->cursor;
    int32_t dc = (int16_t)cen__jpeg_next_dc(&cursor, component);
    dc = (int16_t)(dc * component->quant[0]);
    if (dct_size == 1) {
        (void)KERNEL(decode_ac)(&cursor, component, NULL, NULL, NULL);
    } else {
        KERNEL(clear)(columns, first_shift_of(dct_size));
        used = KERNEL(decode_ac)(&cursor, component, NULL, columns, basis);
    }
    bits->cursor = cursor;
    if (used == 0) {
        fill_block(out, stride, dct_size, dc);
        return;
    }
    KERNEL(add)(columns, basis, 0, dc);
    KERNEL(finish)(columns, dct_size, used >> CORNER != 0, out, stride);
}

KERNEL_TARGET static void KERNEL(coefficients_to_pixels)(const int16_t *coefficients, uint64_t used,
                                                         const cen__jpeg_component *component,
                                                         uint8_t *out, size_t stride)
{
    uint32_t columns[64];
    size_t dct_size = component->dct_size;
    const int32_t *basis = basis_of(dct_size);
    bool wide = used >> CORNER != 0;
    int32_t dc = (int16_t)(coefficients[0] * component->quant[0]);
    if (used == 0 || dct_size == 1) {
        fill_block(out, stride, dct_size, dc);
        return;
    }
    KERNEL(clear)(columns, first_shift_of(dct_size));
    KERNEL(add)(columns, basis, 0, dc);
    for (; used != 0; used &= used - 1) {
        unsigned place = cen__jpeg_natural_order[cen__jpeg_lowest_bit(used)];
        KERNEL(add)
        (columns, basis, place, (int16_t)(coefficients[place] * component->quant[place]));
    }
    KERNEL(finish)(columns, dct_size, wide, out, stride);
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* Triangle filter: an output sample is 3/4 of the nearer input and 1/4 of the further. The
 * roundings alternate so that there is no drift. A strip of n begins at the sample before its
 * first. */
KERNEL_TARGET static inline void KERNEL(h2_strip)(const uint8_t *restrict near, size_t n,
                                                  uint8_t *restrict out)
{
    uint8_t even[STRIP], odd[STRIP];
    for (size_t i = 0; i < n; i++) even[i] = (uint8_t)((near[i + 1] * 3 + near[i] + 1) >> 2);
    for (size_t i = 0; i < n; i++) odd[i] = (uint8_t)((near[i + 1] * 3 + near[i + 2] + 2) >> 2);
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = even[i];
        out[2 * i + 1] = odd[i];
    }
}

KERNEL_TARGET static void KERNEL(upsample_h2)(const uint8_t *restrict near, size_t n,
                                              uint8_t *restrict out)
{
    size_t i = 1;
    out[0] = near[0];
    out[1] = (uint8_t)((near[0] * 3 + near[1] + 2) >> 2);
    for (; i + STRIP < n; i += STRIP) KERNEL(h2_strip)(near + i - 1, STRIP, out + 2 * i);
    KERNEL(h2_strip)(near + i - 1, n - 1 - i, out + 2 * i);
    out[2 * n - 2] = (uint8_t)((near[n - 1] * 3 + near[n - 2] + 1) >> 2);
    out[2 * n - 1] = near[n - 1];
}

KERNEL_TARGET static void KERNEL(upsample_v2)(const uint8_t *restrict near,
                                              const uint8_t *restrict far, bool below, size_t n,
                                              uint8_t *restrict out)
{
    int rounding = below ? 2 : 1;
    for (size_t i = 0; i < n; i++) out[i] = (uint8_t)((near[i] * 3 + far[i] + rounding) >> 2);
}

KERNEL_TARGET static inline void KERNEL(h2v2_strip)(const uint16_t *restrict sums, size_t n,
                                                    uint8_t *restrict out)
{
    uint8_t even[STRIP], odd[STRIP];
    for (size_t i = 0; i < n; i++)
        even[i] = (uint8_t)((uint16_t)(sums[i + 1] * 3 + sums[i] + 8) >> 4);
    for (size_t i = 0; i < n; i++)
        odd[i] = (uint8_t)((uint16_t)(sums[i + 1] * 3 + sums[i + 2] + 7) >> 4);
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = even[i];
        out[2 * i + 1] = odd[i];
    }
}

KERNEL_TARGET static void KERNEL(upsample_h2v2)(const uint8_t *restrict near,
                                                const uint8_t *restrict far, size_t n,
                                                uint16_t *restrict sums, uint8_t *restrict out)
{
    size_t i = 1;
    for (size_t x = 0; x < n; x++) sums[x] = (uint16_t)(near[x] * 3 + far[x]);
    out[0] = (uint8_t)((sums[0] * 4 + 8) >> 4);
    out[1] = (uint8_t)((sums[0] * 3 + sums[1] + 7) >> 4);
    for (; i + STRIP < n; i += STRIP) KERNEL(h2v2_strip)(sums + i - 1, STRIP, out + 2 * i);
    KERNEL(h2v2_strip)(sums + i - 1, n - 1 - i, out + 2 * i);
    out[2 * n - 2] = (uint8_t)((sums[n - 1] * 3 + sums[n - 2] + 8) >> 4);
    out[2 * n - 1] = (uint8_t)((sums[n - 1] * 4 + 7) >> 4);
}

KERNEL_TARGET static void KERNEL(interleave)(const uint8_t *restrict r, const uint8_t *restrict g,
                                             const uint8_t *restrict b, size_t n,
                                             uint8_t *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        out[3 * i] = r[i];
        out[3 * i + 1] = g[i];
        out[3 * i + 2] = b[i];
    }
}

/* n <= STRIP pixels of three planes. The constants are 1.402, 1.772, 0.34414 and 0.71414 times
 * 2^16, less the part that is a multiple of 2^16, so that 16-bit lanes hold the products' upper
 * halves: (c x + 2^15) >> 16 = ((2 c x >> 16) + 1) >> 1. */
KERNEL_TARGET static inline void
KERNEL(ycc_strip)(const uint8_t *restrict y, const uint8_t *restrict cb, const uint8_t *restrict cr,
                  size_t n, uint8_t *restrict r, uint8_t *restrict g, uint8_t *restrict b)
{
    int16_t green[STRIP];
    for (size_t i = 0; i < n; i++)
        green[i] = (int16_t)(((cr[i] - 128) * 18734 - (cb[i] - 128) * 22554 + 32768) >> 16);
    for (size_t i = 0; i < n; i++) {
        int16_t u = (int16_t)(cb[i] - 128), v = (int16_t)(cr[i] - 128), light = y[i];
        int16_t blue = (int16_t)((int16_t)(2 * u) * -14942 >> 16);
        int16_t red = (int16_t)((int16_t)(2 * v) * 26345 >> 16);
        blue = (int16_t)((int16_t)(blue + 1) >> 1);
        red = (int16_t)((int16_t)(red + 1) >> 1);
        r[i] = clamp16((int16_t)(light + v + red));
        g[i] = clamp16((int16_t)(light - v + green[i]));
        b[i] = clamp16((int16_t)(light + 2 * u + blue));
    }
}

KERNEL_TARGET static void KERNEL(ycc_to_rgb)(const uint8_t *y, const uint8_t *cb, const uint8_t *cr,
                                             size_t n, uint8_t *out)
{
    uint8_t r[STRIP], g[STRIP], b[STRIP];
    size_t i = 0;
    for (; i + STRIP <= n; i += STRIP) {
        KERNEL(ycc_strip)(y + i, cb + i, cr + i, STRIP, r, g, b);
        KERNEL(interleave)(r, g, b, STRIP, out + 3 * i);
    }
    if (i < n) {
        KERNEL(ycc_strip)(y + i, cb + i, cr + i, n - i, r, g, b);
        KERNEL(interleave)(r, g, b, n - i, out + 3 * i);
    }
}

/* Rounding of the weights at most doubles their sum, so 32 bits hold it. */
KERNEL_TARGET static void KERNEL(lane_sums)(const uint8_t *in, size_t stride,
                                            const uint32_t *weights, size_t n, uint8_t *out)
{
    uint32_t sums[CEN__RESIZE_LANES];
    for (int l = 0; l < CEN__RESIZE_LANES; l++) sums[l] = 1u << (CEN__RESIZE_BITS - 1);
    for (size_t t = 0; t < n; t++, in += stride) {
        uint32_t weight = weights[t];
        for (int l = 0; l < CEN__RESIZE_LANES; l++) sums[l] += weight * in[l];
    }
    for (int l = 0; l < CEN__RESIZE_LANES; l++) {
        uint32_t byte = sums[l] >> CEN__RESIZE_BITS;
        out[l] = (uint8_t)(byte > 255 ? 255 : byte);
    }
}

static const cen__image_kernels KERNEL(kernels) = {
    KERNEL_NAME,
    KERNEL(decode_to_pixels),
    KERNEL(decode_to_coefficients),
    KERNEL(coefficients_to_pixels),
    KERNEL(upsample_h2),
    KERNEL(upsample_v2),
    KERNEL(upsample_h2v2),
    KERNEL(ycc_to_rgb),
    KERNEL(interleave),
    KERNEL(lane_sums),
};
