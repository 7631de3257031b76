/* Winograd's transforms (Lavin and Gray 2016), by the points of a tile's side.
 *
 * Six are 0, a, -a, 2a, -2a and infinity. a = 5/8 and not the usual 1 balances the powers of the points: for four
 * outputs of a kernel of 3 the error halves, to 2 times the direct method's. Eight are 0, 1, -1, 2, -2, 1/2, -1/2 and
 * infinity, with 4.5 times its error for four outputs of a kernel of 5. Seven are 0, 1, -1, 5/8, -5/8, 4 and -4, with
 * as much for five outputs of a kernel of 3, found by trial: with 1/2 and 2 it is 6 times, and up to 8 in the worst
 * output. Five are the six without infinity, with 1.5 times for three outputs: numbers that are not there are 0. */
#define A1 0.625f
#define A2 (A1 * A1)
#define A3 (A1 * A2)
#define A4 (A2 * A2)

/* One line of numbers to another, each a vector of channels. Where a product and a sum become one fused
 * instruction is the compilers' choice: of two products in a sum they take the first, clang within an
 * expression, gcc also beyond it if all that is made of a product are sums. So that both take the same,
 * such a product stands in its sums and in no variable. */
typedef void line(const vec *x, vec *y);

/* f on every column, then on every row; of shorter lines than f takes the rest is 0. */
INLINE void sandwich(line *f, size_t n_from, size_t n_to, const float *from,
                     cen__tile_place from_place, float *to, cen__tile_place to_place)
{
    vec half[8][8], in[8], out[8];
    for (size_t i = n_from; i < 8; i++) in[i] = (vec){0};
    for (size_t j = 0; j < n_from; j++) {
        for (size_t i = 0; i < n_from; i++)
            in[i] = *(const vec *)(from + (ptrdiff_t)i * from_place.row +
                                   (ptrdiff_t)j * from_place.column);
        f(in, out);
        for (size_t i = 0; i < n_to; i++) half[i][j] = out[i];
    }
    for (size_t i = 0; i < n_to; i++) {
        for (size_t j = 0; j < n_from; j++) in[j] = half[i][j];
        f(in, out);
        for (size_t j = 0; j < n_to; j++)
            *(vec *)(to + (ptrdiff_t)i * to_place.row + (ptrdiff_t)j * to_place.column) = out[j];
    }
}

/* At a point and at its negative, from the even and the odd powers. */
INLINE void put_pair(vec even, vec odd, vec *y)
{
    y[0] = even + odd;
    y[1] = even - odd;
}

/* B^T x: row p holds the product of (z - q) over the points q other than p. */
INLINE void input6_line(const vec *x, vec *y)
{
    const vec a = x[4] - 4 * A2 * x[2], b = A1 * x[3] - 4 * A3 * x[1];
    const vec c = x[4] - A2 * x[2], d = 2 * A1 * x[3] - 2 * A3 * x[1];
    y[0] = x[4] - 5 * A2 * x[2] + 4 * A4 * x[0];
    put_pair(a, b, y + 1);
    put_pair(c, d, y + 3);
    y[5] = x[5] - 5 * A2 * x[3] + 4 * A4 * x[1];
}

INLINE void input8_line(const vec *x, vec *y)
{
    const vec a = x[6] - 4.25F * x[4] + x[2], b = x[5] - 4.25F * x[3] + x[1];
    const vec c = x[6] - 1.25F * x[4] + 0.25F * x[2], d = 2 * x[5] - 2.5F * x[3] + 0.5F * x[1];
    const vec e = x[6] - 5 * x[4] + 4 * x[2], f = 0.5F * x[5] - 2.5F * x[3] + 2 * x[1];
    y[0] = x[6] - 5.25F * x[4] + 5.25F * x[2] - x[0];
    put_pair(a, b, y + 1);
    put_pair(c, d, y + 3);
    put_pair(e, f, y + 5);
    y[7] = x[7] - 5.25F * x[5] + 5.25F * x[3] - x[1];
}

/* A^T x: row i holds the points to the power of i. */
INLINE void output6_line(const vec *x, vec *y)
{
    const vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
    y[0] = x[0] + a + c;
    y[1] = A1 * b + 2 * A1 * d;
    y[2] = A2 * a + 4 * A2 * c;
    y[3] = A3 * b + 8 * A3 * d + x[5];
}

INLINE void output8_line(const vec *x, vec *y)
{
    const vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
    const vec e = x[5] + x[6], f = x[5] - x[6];
    y[0] = x[0] + a + (c + e);
    y[1] = b + 2 * d + 0.5F * f;
    y[2] = a + 4 * c + 0.25F * e;
    y[3] = b + 8 * d + 0.125F * f + x[7];
}

/* A x */
INLINE void gradient6_line(const vec *x, vec *y)
{
    const vec a = x[0] + A2 * x[2], b = A1 * x[1] + A3 * x[3];
    const vec c = x[0] + 4 * A2 * x[2], d = 2 * A1 * x[1] + 8 * A3 * x[3];
    y[0] = x[0];
    put_pair(a, b, y + 1);
    put_pair(c, d, y + 3);
    y[5] = x[3];
}

INLINE void gradient8_line(const vec *x, vec *y)
{
    const vec a = x[0] + x[2], b = x[1] + x[3], c = x[0] + 4 * x[2], d = 2 * x[1] + 8 * x[3];
    const vec e = x[0] + 0.25F * x[2], f = 0.5F * x[1] + 0.125F * x[3];
    y[0] = x[0];
    put_pair(a, b, y + 1);
    put_pair(c, d, y + 3);
    put_pair(e, f, y + 5);
    y[7] = x[3];
}

/* G x: the kernel's polynomial at each point p, over the product of (p - q) over the others. */
#define OVER0 (1 / (4 * A4))
#define OVER1 (-1 / (6 * A4))
#define OVER2 (1 / (24 * A4))

INLINE void kernel6_line(const vec *x, vec *y)
{
    const vec a = x[0] + A2 * x[2], b = x[0] + 4 * A2 * x[2];
    y[0] = OVER0 * x[0];
    y[1] = OVER1 * a + OVER1 * A1 * x[1];
    y[2] = OVER1 * a - OVER1 * A1 * x[1];
    y[3] = OVER2 * b + OVER2 * 2 * A1 * x[1];
    y[4] = OVER2 * b - OVER2 * 2 * A1 * x[1];
    y[5] = x[2];
}

#define AT1 (-2.0F / 9)
#define AT2 (1.0F / 90)
#define AT_HALF (32.0F / 45)

INLINE void kernel8_line(const vec *x, vec *y)
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

/* G^T x */
INLINE void kernel_gradient6_line(const vec *x, vec *y)
{
    const vec a = OVER1 * (x[1] + x[2]), c = OVER2 * (x[3] + x[4]);
    y[0] = OVER0 * x[0] + a + c;
    y[1] = OVER1 * A1 * (x[1] - x[2]) + OVER2 * 2 * A1 * (x[3] - x[4]);
    y[2] = A2 * a + 4 * A2 * c + x[5];
}

INLINE void kernel_gradient8_line(const vec *x, vec *y)
{
    const vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
    const vec e = x[5] + x[6], f = x[5] - x[6];
    y[0] = AT1 * a - x[0] + AT2 * c + AT_HALF * e;
    y[1] = AT1 * b + 2 * AT2 * d + 0.5F * AT_HALF * f;
    y[2] = AT1 * a + 4 * AT2 * c + 0.25F * AT_HALF * e;
    y[3] = AT1 * b + 8 * AT2 * d + 0.125F * AT_HALF * f;
    y[4] = AT1 * a + 16 * AT2 * c + 0.0625F * AT_HALF * e + x[7];
}

/* The same for the seven points. */
#if WINOGRAD_FITS
#define P1 0.625f
#define P2 (P1 * P1)
#define P3 (P1 * P2)
#define P4 (P2 * P2)

INLINE void input7_line(const vec *x, vec *y)
{
    const vec a = x[6] - (16 + P2) * x[4] + 16 * P2 * x[2];
    const vec b = x[5] - (16 + P2) * x[3] + 16 * P2 * x[1];
    const vec c = x[6] - 17 * x[4] + 16 * x[2];
    const vec d = P1 * x[5] - 17 * P1 * x[3] + 16 * P1 * x[1];
    const vec e = x[6] - (1 + P2) * x[4] + P2 * x[2];
    const vec f = 4 * x[5] - 4 * (1 + P2) * x[3] + 4 * P2 * x[1];
    y[0] = x[6] - (17 + P2) * x[4] + (16 + 17 * P2) * x[2] - 16 * P2 * x[0];
    put_pair(a, b, y + 1);
    put_pair(c, d, y + 3);
    put_pair(e, f, y + 5);
}

INLINE void output7_line(const vec *x, vec *y)
{
    const vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
    const vec e = x[5] + x[6], f = x[5] - x[6];
    y[0] = x[0] + a + (c + e);
    y[1] = b + P1 * d + 4 * f;
    y[2] = a + P2 * c + 16 * e;
    y[3] = b + P3 * d + 64 * f;
    y[4] = a + P4 * c + 256 * e;
}

INLINE void gradient7_line(const vec *x, vec *y)
{
    const vec a = x[0] + x[2] + x[4], b = x[1] + x[3];
    const vec c = x[0] + P2 * x[2] + P4 * x[4], d = P1 * x[1] + P3 * x[3];
    const vec e = x[0] + 16 * x[2] + 256 * x[4], f = 4 * x[1] + 64 * x[3];
    y[0] = x[0];
    put_pair(a, b, y + 1);
    put_pair(c, d, y + 3);
    put_pair(e, f, y + 5);
}

#define OVER_ZERO (-1 / (16 * P2))
#define OVER_ONE (-1 / (30 * (1 - P2)))
#define OVER_P (1 / (2 * P2 * (P2 - 1) * (P2 - 16)))
#define OVER_FOUR (1 / (480 * (16 - P2)))

INLINE void kernel7_line(const vec *x, vec *y)
{
    const vec a = x[0] + x[2], b = x[0] + P2 * x[2], c = x[0] + 16 * x[2];
    y[0] = OVER_ZERO * x[0];
    y[1] = OVER_ONE * a + OVER_ONE * x[1];
    y[2] = OVER_ONE * a - OVER_ONE * x[1];
    y[3] = OVER_P * b + OVER_P * P1 * x[1];
    y[4] = OVER_P * b - OVER_P * P1 * x[1];
    y[5] = OVER_FOUR * c + OVER_FOUR * 4 * x[1];
    y[6] = OVER_FOUR * c - OVER_FOUR * 4 * x[1];
}

INLINE void kernel_gradient7_line(const vec *x, vec *y)
{
    const vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
    const vec e = x[5] + x[6], f = x[5] - x[6];
    y[0] = OVER_ONE * a + OVER_ZERO * x[0] + OVER_P * c + OVER_FOUR * e;
    y[1] = OVER_ONE * b + OVER_P * P1 * d + OVER_FOUR * 4 * f;
    y[2] = OVER_ONE * a + OVER_P * P2 * c + OVER_FOUR * 16 * e;
}
#endif

#define TRANSFORM(name, f, n_from, n_to)                                                           \
    static void name(const float *from, cen__tile_place from_place, float *to,                     \
                     cen__tile_place to_place)                                                     \
    {                                                                                              \
        sandwich(f, n_from, n_to, from, from_place, to, to_place);                                 \
    }
#define TRANSFORMS(m, r, points, lines)                                                            \
    TRANSFORM(input_##m##_##r, input##lines##_line, points, points)                                \
    TRANSFORM(output_##m##_##r, output##lines##_line, points, m)                                   \
    TRANSFORM(gradient_##m##_##r, gradient##lines##_line, m, points)                               \
    TRANSFORM(kernel_##m##_##r, kernel##lines##_line, r, points)                                   \
    TRANSFORM(kernel_gradient_##m##_##r, kernel_gradient##lines##_line, points, r)
#define METHOD(m, r)                                                                               \
    {                                                                                              \
        m, r, input_##m##_##r, output_##m##_##r, gradient_##m##_##r, kernel_##m##_##r,             \
            kernel_gradient_##m##_##r                                                              \
    }

TRANSFORMS(4, 3, 6, 6)
TRANSFORMS(4, 5, 8, 8)
#if WINOGRAD_FITS
TRANSFORMS(3, 3, 5, 6)
TRANSFORMS(5, 3, 7, 7)
#endif

static const cen__conv_winograd winograds[] = {METHOD(4, 3),
                                               METHOD(4, 5),
#if WINOGRAD_FITS
                                               METHOD(3, 3),
                                               METHOD(5, 3),
#endif
                                               {0}};

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
