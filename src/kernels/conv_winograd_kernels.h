/* Winograd's transforms (Lavin and Gray 2016) for four outputs a side. Part of conv_kernels.h.
 *
 * A kernel of 3 has tiles of 6, at the points 0, a, -a, 2a, -2a and infinity. a = 5/8 and not the usual 1 balances
 * the powers of the points: the error halves, to 2 times the direct method's. A kernel of 5 has tiles of 8, at the
 * points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity, with 4.5 times the direct method's error. */
#define A1 0.625f
#define A2 (A1 * A1)
#define A3 (A1 * A2)
#define A4 (A2 * A2)

/* One line of numbers to another, each a vector of channels. Where a product and a sum become one fused
 * instruction is the compilers' choice: of two products in a sum they take the first, clang within an
 * expression, gcc also beyond it if all that is made of a product are sums. So that both take the same,
 * such a product stands in its sums and in no variable. */
typedef void line(const vec *x, vec *y);

/* f on every column, then on every row. */
INLINE void sandwich(line *f, size_t n_from, size_t n_to, const float *from,
                     cen__tile_place from_place, float *to, cen__tile_place to_place)
{
    vec half[8][8], in[8], out[8];
    for (size_t j = 0; j < n_from; j++) {
        for (size_t i = 0; i < n_from; i++)
            in[i] = *(const vec *)(from + (ptrdiff_t)i * from_place.row +
                                   (ptrdiff_t)j * from_place.column);
        f(in, out);
        for (size_t i = 0; i < n_to; i++) half[i][j] = out[i];
    }
    for (size_t i = 0; i < n_to; i++) {
        f(half[i], out);
        for (size_t j = 0; j < n_to; j++)
            *(vec *)(to + (ptrdiff_t)i * to_place.row + (ptrdiff_t)j * to_place.column) = out[j];
    }
}

#define TRANSFORM(name, f, n_from, n_to)                                                           \
    static void name(const float *from, cen__tile_place from_place, float *to,                     \
                     cen__tile_place to_place)                                                     \
    {                                                                                              \
        sandwich(f, n_from, n_to, from, from_place, to, to_place);                                 \
    }

/* B^T x: row p holds the product of (z - q) over the points q other than p. */
INLINE void input3_line(const vec *x, vec *y)
{
    const vec a = x[4] - 4 * A2 * x[2], b = A1 * x[3] - 4 * A3 * x[1];
    const vec c = x[4] - A2 * x[2], d = 2 * A1 * x[3] - 2 * A3 * x[1];
    y[0] = x[4] - 5 * A2 * x[2] + 4 * A4 * x[0];
    y[1] = a + b;
    y[2] = a - b;
    y[3] = c + d;
    y[4] = c - d;
    y[5] = x[5] - 5 * A2 * x[3] + 4 * A4 * x[1];
}
TRANSFORM(input3, input3_line, 6, 6)

INLINE void input5_line(const vec *x, vec *y)
{
    const vec a = x[6] - 4.25F * x[4] + x[2], b = x[5] - 4.25F * x[3] + x[1];
    const vec c = x[6] - 1.25F * x[4] + 0.25F * x[2], d = 2 * x[5] - 2.5F * x[3] + 0.5F * x[1];
    const vec e = x[6] - 5 * x[4] + 4 * x[2], f = 0.5F * x[5] - 2.5F * x[3] + 2 * x[1];
    y[0] = x[6] - 5.25F * x[4] + 5.25F * x[2] - x[0];
    y[1] = a + b;
    y[2] = a - b;
    y[3] = c + d;
    y[4] = c - d;
    y[5] = e + f;
    y[6] = e - f;
    y[7] = x[7] - 5.25F * x[5] + 5.25F * x[3] - x[1];
}
TRANSFORM(input5, input5_line, 8, 8)

/* A^T x: row i holds the points to the power of i. */
INLINE void output3_line(const vec *x, vec *y)
{
    const vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
    y[0] = x[0] + a + c;
    y[1] = A1 * b + 2 * A1 * d;
    y[2] = A2 * a + 4 * A2 * c;
    y[3] = A3 * b + 8 * A3 * d + x[5];
}
TRANSFORM(output3, output3_line, 6, 4)

INLINE void output5_line(const vec *x, vec *y)
{
    const vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
    const vec e = x[5] + x[6], f = x[5] - x[6];
    y[0] = x[0] + a + (c + e);
    y[1] = b + 2 * d + 0.5F * f;
    y[2] = a + 4 * c + 0.25F * e;
    y[3] = b + 8 * d + 0.125F * f + x[7];
}
TRANSFORM(output5, output5_line, 8, 4)

/* A x */
INLINE void gradient3_line(const vec *x, vec *y)
{
    const vec a = x[0] + A2 * x[2], b = A1 * x[1] + A3 * x[3];
    const vec c = x[0] + 4 * A2 * x[2], d = 2 * A1 * x[1] + 8 * A3 * x[3];
    y[0] = x[0];
    y[1] = a + b;
    y[2] = a - b;
    y[3] = c + d;
    y[4] = c - d;
    y[5] = x[3];
}
TRANSFORM(gradient3, gradient3_line, 4, 6)

INLINE void gradient5_line(const vec *x, vec *y)
{
    const vec a = x[0] + x[2], b = x[1] + x[3], c = x[0] + 4 * x[2], d = 2 * x[1] + 8 * x[3];
    const vec e = x[0] + 0.25F * x[2], f = 0.5F * x[1] + 0.125F * x[3];
    y[0] = x[0];
    y[1] = a + b;
    y[2] = a - b;
    y[3] = c + d;
    y[4] = c - d;
    y[5] = e + f;
    y[6] = e - f;
    y[7] = x[3];
}
TRANSFORM(gradient5, gradient5_line, 4, 8)

/* G x: the kernel's polynomial at each point p, over the product of (p - q) over the others. */
#define OVER0 (1 / (4 * A4))
#define OVER1 (-1 / (6 * A4))
#define OVER2 (1 / (24 * A4))

INLINE void kernel3_line(const vec *x, vec *y)
{
    const vec a = x[0] + A2 * x[2], b = x[0] + 4 * A2 * x[2];
    y[0] = OVER0 * x[0];
    y[1] = OVER1 * a + OVER1 * A1 * x[1];
    y[2] = OVER1 * a - OVER1 * A1 * x[1];
    y[3] = OVER2 * b + OVER2 * 2 * A1 * x[1];
    y[4] = OVER2 * b - OVER2 * 2 * A1 * x[1];
    y[5] = x[2];
}
TRANSFORM(kernel3, kernel3_line, 3, 6)

#define AT1 (-2.0F / 9)
#define AT2 (1.0F / 90)
#define AT_HALF (32.0F / 45)

INLINE void kernel5_line(const vec *x, vec *y)
{
    const vec a = x[0] + x[2] + x[4], b = x[1] + x[3];
    const vec c = x[0] + 4 * x[2] + 16 * x[4], d = x[1] + 4 * x[3];
    const vec e = x[0] + 0.25F * x[2] + 0.0625F * x[4], f = x[1] + 0.25F * x[3];
    y[0] = -x[0];
    y[1] = AT1 * a + AT1 * b;
    y[2] = AT1 * a - AT1 * b;
    y[3] = AT2 * c + 2 * AT2 * d;
    y[4] = AT2 * c - 2 * AT2 * d;
    y[5] = AT_HALF * e + 0.5F * AT_HALF * f;
    y[6] = AT_HALF * e - 0.5F * AT_HALF * f;
    y[7] = x[4];
}
TRANSFORM(kernel5, kernel5_line, 5, 8)

/* G^T x */
INLINE void kernel_gradient3_line(const vec *x, vec *y)
{
    const vec a = OVER1 * (x[1] + x[2]), c = OVER2 * (x[3] + x[4]);
    y[0] = OVER0 * x[0] + a + c;
    y[1] = OVER1 * A1 * (x[1] - x[2]) + OVER2 * 2 * A1 * (x[3] - x[4]);
    y[2] = A2 * a + 4 * A2 * c + x[5];
}
TRANSFORM(kernel_gradient3, kernel_gradient3_line, 6, 3)

INLINE void kernel_gradient5_line(const vec *x, vec *y)
{
    const vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
    const vec e = x[5] + x[6], f = x[5] - x[6];
    y[0] = AT1 * a - x[0] + AT2 * c + AT_HALF * e;
    y[1] = AT1 * b + 2 * AT2 * d + 0.5F * AT_HALF * f;
    y[2] = AT1 * a + 4 * AT2 * c + 0.25F * AT_HALF * e;
    y[3] = AT1 * b + 8 * AT2 * d + 0.125F * AT_HALF * f;
    y[4] = AT1 * a + 16 * AT2 * c + 0.0625F * AT_HALF * e + x[7];
}
TRANSFORM(kernel_gradient5, kernel_gradient5_line, 8, 5)

/* ---- between planes and vectors of channels ------------------------------------------------
 *
 * A transpose in two steps that compilers turn into vectors: four planes to fours, and fours to
 * vectors; and back. */
enum { FOUR = LANES < 4 ? LANES : 4, FOURS = LANES / FOUR, CHUNK = 64 };

static void zip(size_t n, const float *const planes[FOUR], float *restrict fours)
{
    const float *restrict const a = planes[0];
#if LANES > 1
    const float *restrict const b = planes[1], *restrict const c = planes[2];
    const float *restrict const d = planes[3];
    for (size_t i = 0; i < n; i++) {
        fours[4 * i] = a[i];
        fours[4 * i + 1] = b[i];
        fours[4 * i + 2] = c[i];
        fours[4 * i + 3] = d[i];
    }
#else
    memcpy(fours, a, n * sizeof *a);
#endif
}

static void gather(size_t valid, size_t rows, size_t columns, const float *from, size_t plane,
                   float *to, size_t to_row)
{
    static const float zeros[CHUNK] = {0};
    float fours[FOURS][FOUR * CHUNK];
    size_t column = 0;
    for (size_t first = 0; first < rows * columns; first += CHUNK) {
        const size_t n = rows * columns - first < CHUNK ? rows * columns - first : CHUNK;
        for (size_t g = 0; g < FOURS; g++) {
            const float *planes[FOUR];
            for (size_t l = 0; l < FOUR; l++)
                planes[l] = g * FOUR + l < valid ? from + (g * FOUR + l) * plane + first : zeros;
            zip(n, planes, fours[g]);
        }
        for (size_t i = 0; i < n; i++) {
            for (size_t g = 0; g < FOURS; g++)
                memcpy(to + column * LANES + g * FOUR, fours[g] + i * FOUR, FOUR * sizeof *to);
            if (++column < columns) continue;
            column = 0;
            to += to_row;
        }
    }
}

/* to[l][i] = fours[i][l] + bias[l], or += where add; l < n_planes. */
INLINE void unzip(size_t n_planes, size_t n, const float *restrict fours, const float *bias,
                  bool add, float *to, size_t plane)
{
    for (size_t l = 0; l < n_planes; l++) {
        float *restrict const out = to + l * plane;
        const float b = bias != NULL ? bias[l] : 0;
        for (size_t i = 0; i < n; i++) out[i] = fours[i * FOUR + l] + (add ? out[i] : b);
    }
}

INLINE void scatter_body(size_t valid, size_t rows, size_t columns, const float *from,
                         size_t from_row, const float *bias, bool add, float *to, size_t plane)
{
    float fours[FOURS][FOUR * CHUNK];
    size_t column = 0;
    for (size_t first = 0; first < rows * columns; first += CHUNK) {
        const size_t n = rows * columns - first < CHUNK ? rows * columns - first : CHUNK;
        for (size_t i = 0; i < n; i++) {
            for (size_t g = 0; g < FOURS; g++)
                memcpy(fours[g] + i * FOUR, from + column * LANES + g * FOUR, FOUR * sizeof *to);
            if (++column < columns) continue;
            column = 0;
            from += from_row;
        }
        for (size_t l = 0; l < valid; l += FOUR)
            unzip(valid - l < FOUR ? valid - l : FOUR, n, fours[l / FOUR],
                  bias != NULL ? bias + l : NULL, add, to + l * plane + first, plane);
    }
}

static void scatter(size_t valid, size_t rows, size_t columns, const float *from, size_t from_row,
                    const float *bias, float *to, size_t plane)
{
    scatter_body(valid, rows, columns, from, from_row, bias, false, to, plane);
}

static void scatter_add(size_t valid, size_t count, const float *from, float *to, size_t plane)
{
    scatter_body(valid, 1, count, from, 0, NULL, true, to, plane);
}
