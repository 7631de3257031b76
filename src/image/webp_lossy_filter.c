/* The loop filter (RFC 6386, section 15). */
#include "image/webp_lossy.h"

#include <string.h>

/* 16 places along an edge, without branches, so that compilers use vectors. The rows are the pixels across it:
 * p3 p2 p1 p0 | q0 q1 q2 q3. */
enum { LENGTH = 16, P3 = 0, P2, P1, P0, Q0, Q1, Q2, Q3, ACROSS };

typedef uint8_t strip[ACROSS][LENGTH];

static inline int16_t within(int value, int least, int most)
{
    value = value < least ? least : value;
    return (int16_t)(value > most ? most : value);
}

static inline int16_t signed_byte(int value)
{
    return within(value, -128, 127);
}

static inline uint8_t pixel(int value)
{
    return (uint8_t)within(value, 0, 255);
}

static inline int16_t distance(uint8_t a, uint8_t b)
{
    return (int16_t)(a > b ? a - b : b - a);
}

static inline int16_t larger(int16_t a, int16_t b)
{
    return a > b ? a : b;
}

/* All bits set where the difference over the edge is small enough to come from coding. */
static inline int16_t is_small(strip s, size_t i, int limit)
{
    int16_t over = (int16_t)(4 * distance(s[P0][i], s[Q0][i]) + distance(s[P1][i], s[Q1][i]));
    return (int16_t) - (over <= 2 * limit + 1);
}

/* Moves P0 and Q0 towards each other by about a / 8. Returns what Q0 moved. */
static inline int16_t move(strip s, size_t i, int16_t a)
{
    int16_t down = (int16_t)(signed_byte(a + 4) >> 3), up = (int16_t)(signed_byte(a + 3) >> 3);
    s[P0][i] = pixel(s[P0][i] + up);
    s[Q0][i] = pixel(s[Q0][i] - down);
    return down;
}

static void filter_simple(strip s, int limit)
{
    for (size_t i = 0; i < LENGTH; i++) {
        int outer = signed_byte(s[P1][i] - s[Q1][i]);
        int16_t a = signed_byte(3 * (s[Q0][i] - s[P0][i]) + outer);
        (void)move(s, i, a & is_small(s, i, limit));
    }
}

/* What the normal filter looks at: where it works, and where the edge is one of the picture. */
typedef struct {
    int16_t inside[LENGTH], high[LENGTH];
} masks;

static void find_masks(strip s, const cen__vp8_filter *filter, int limit, masks *m)
{
    for (size_t i = 0; i < LENGTH; i++) {
        int16_t beside = larger(distance(s[P1][i], s[P0][i]), distance(s[Q1][i], s[Q0][i]));
        int16_t further = larger(distance(s[P3][i], s[P2][i]), distance(s[Q3][i], s[Q2][i]));
        further =
            larger(further, larger(distance(s[P2][i], s[P1][i]), distance(s[Q2][i], s[Q1][i])));
        m->high[i] = (int16_t) - (beside > filter->high);
        m->inside[i] =
            (int16_t) - (larger(beside, further) <= filter->inner) & is_small(s, i, limit);
    }
}

/* The edge between macroblocks: three pixels on each side. */
static void filter_outer(strip s, const cen__vp8_filter *filter)
{
    masks m;
    find_masks(s, filter, filter->limit + 4, &m);
    for (size_t i = 0; i < LENGTH; i++) {
        int outer = signed_byte(s[P1][i] - s[Q1][i]);
        int16_t a = signed_byte(3 * (s[Q0][i] - s[P0][i]) + outer) & m.inside[i];
        int16_t wide = (int16_t)(a & ~m.high[i]);
        int16_t a1 = (int16_t)((27 * wide + 63) >> 7), a2 = (int16_t)((18 * wide + 63) >> 7);
        int16_t a3 = (int16_t)((9 * wide + 63) >> 7);
        (void)move(s, i, a & m.high[i]);
        s[P2][i] = pixel(s[P2][i] + a3);
        s[P1][i] = pixel(s[P1][i] + a2);
        s[P0][i] = pixel(s[P0][i] + a1);
        s[Q0][i] = pixel(s[Q0][i] - a1);
        s[Q1][i] = pixel(s[Q1][i] - a2);
        s[Q2][i] = pixel(s[Q2][i] - a3);
    }
}

/* An edge within a macroblock: two pixels on each side. */
static void filter_inner(strip s, const cen__vp8_filter *filter)
{
    masks m;
    find_masks(s, filter, filter->limit, &m);
    for (size_t i = 0; i < LENGTH; i++) {
        int outer = signed_byte(s[P1][i] - s[Q1][i]) & m.high[i];
        int16_t a = signed_byte(3 * (s[Q0][i] - s[P0][i]) + outer) & m.inside[i];
        int16_t half = (int16_t)((move(s, i, a) + 1) >> 1 & ~m.high[i]);
        s[P1][i] = pixel(s[P1][i] + half);
        s[Q1][i] = pixel(s[Q1][i] - half);
    }
}

/* ---- strips ---------------------------------------------------------------------------------- */

/* n of the 16 places of an edge that begins at q0; along: from a place to the next. */
typedef struct {
    uint8_t *q0;
    ptrdiff_t across, along;
    size_t n;
} edge;

static void load(edge e, size_t at, strip s)
{
    const uint8_t *p = e.q0 - 4 * e.across;
    if (e.along == 1) {
        for (size_t k = 0; k < ACROSS; k++) memcpy(s[k] + at, p + (ptrdiff_t)k * e.across, e.n);
        return;
    }
    for (size_t i = 0; i < e.n; i++, p += e.along)
        for (size_t k = 0; k < ACROSS; k++) s[k][at + i] = p[k];
}

static void store(edge e, size_t at, strip s)
{
    uint8_t *p = e.q0 - 4 * e.across;
    if (e.along == 1) {
        for (size_t k = P2; k < Q3; k++) memcpy(p + (ptrdiff_t)k * e.across, s[k] + at, e.n);
        return;
    }
    for (size_t i = 0; i < e.n; i++, p += e.along)
        for (size_t k = P2; k < Q3; k++) p[k] = s[k][at + i];
}

static void run(strip s, const cen__vp8_filter *filter, bool is_simple, bool is_outer)
{
    if (is_simple)
        filter_simple(s, filter->limit + (is_outer ? 4 : 0));
    else if (is_outer)
        filter_outer(s, filter);
    else
        filter_inner(s, filter);
}

/* The edge `offset` pixels into a macroblock, which runs down or across it. */
static edge edge_of(uint8_t *first, size_t stride, size_t n, size_t offset, bool down)
{
    edge e = {first + (down ? offset : offset * stride), down ? 1 : (ptrdiff_t)stride,
              down ? (ptrdiff_t)stride : 1, n};
    return e;
}

static void filter_edges(const cen__vp8 *vp8, const cen__vp8_filter *filter, uint8_t *const *first,
                         size_t offset, bool down)
{
    strip s;
    bool is_outer = offset == 0;
    edge y = edge_of(first[0], vp8->planes[0].stride, 16, offset, down);
    load(y, 0, s);
    run(s, filter, vp8->is_simple, is_outer);
    store(y, 0, s);
    if (vp8->is_simple || offset > 4) return;
    edge u = edge_of(first[1], vp8->planes[1].stride, 8, offset, down);
    edge v = edge_of(first[2], vp8->planes[2].stride, 8, offset, down);
    load(u, 0, s);
    load(v, 8, s);
    run(s, filter, false, is_outer);
    store(u, 0, s);
    store(v, 8, s);
}

void cen__vp8_filter_frame(cen__vp8 *vp8)
{
    if (vp8->level == 0) return;
    const cen__vp8_filter *filter = vp8->filters;
    for (size_t row = 0; row < vp8->n_rows; row++) {
        for (size_t column = 0; column < vp8->n_columns; column++, filter++) {
            uint8_t *first[3];
            if (filter->limit == 0) continue;
            for (size_t p = 0; p < 3; p++) {
                size_t side = p == 0 ? 16 : 8;
                first[p] = vp8->planes[p].first + side * (row * vp8->planes[p].stride + column);
            }
            size_t most = filter->has_blocks ? 16 : 4;
            for (size_t x = column > 0 ? 0 : 4; x < most; x += 4)
                filter_edges(vp8, filter, first, x, true);
            for (size_t y = row > 0 ? 0 : 4; y < most; y += 4)
                filter_edges(vp8, filter, first, y, false);
        }
    }
}
