/* The k nearest against the C library's sort, in orders that are hard on either way of keeping them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "search/nearest.h"

enum { N = 10000, K_MOST = 5000 };

static cen__neighbour offered[N], sorted[N], items[2 * K_MOST];

static int compare(const void *left, const void *right)
{
    const cen__neighbour *a = left, *b = right;
    if (a->distance != b->distance) return a->distance < b->distance ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

/* Indices in an order of their own, so that ties do not come by index. */
static void number(size_t n)
{
    for (size_t i = 0; i < n; i++) offered[i].index = (i * 1009) % n;
}

/* Each k of offered[n] is what sorting gives, and the bound lets none of them out. */
static void assert_nearest(size_t n)
{
    static const size_t ks[] = {1, 5, 128, 129, 400, 4999, K_MOST};
    memcpy(sorted, offered, n * sizeof *offered);
    qsort(sorted, n, sizeof *sorted, compare);
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++) {
        size_t k = ks[i], count = k < n ? k : n;
        assert_true(cen__nearest_capacity(k) <= sizeof items / sizeof *items);
        cen__nearest nearest = cen__nearest_start(items, k);
        assert_true(nearest.bound == HUGE_VAL);
        for (size_t j = 0; j < n; j++) {
            cen__nearest_offer(&nearest, offered[j]);
            assert_true(n < k || nearest.bound >= sorted[k - 1].distance);
        }
        cen__nearest_sort(&nearest);
        assert_int_equal(nearest.count, count);
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(nearest.items[j].index, sorted[j].index);
            assert_true(nearest.items[j].distance == sorted[j].distance);
        }
    }
}

static void ordered_and_tied_and_drawn_distances_give_what_a_sort_gives(void **state)
{
    (void)state;
    static const size_t sizes[] = {N, 700, 3, 0};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        number(n);
        for (int order = 0; order < 8; order++) {
            for (size_t i = 0; i < n; i++) {
                uint64_t drawn = cen__random_below(1, 77, i, 1 << 20);
                const double distances[] = {(double)i,
                                            (double)(n - i),
                                            (double)(i < n / 2 ? i : n - i),
                                            7,
                                            (double)(drawn % 9),
                                            (double)drawn / 1024,
                                            ldexp(1, (int)(drawn % 2000) - 1000),
                                            1e-310 * (double)(drawn % 50)};
                offered[i].distance = distances[order];
            }
            assert_nearest(n);
        }
    }
}

/* Where the pivot is the median of the first, the middle and the last, giving first and middle the two
 * smallest numbers each time leaves all others uncut: quadratic time, unless something ends it. */
static void an_order_made_against_the_median_of_three_gives_what_a_sort_gives(void **state)
{
    (void)state;
    static size_t ids[N];
    for (size_t n = N; n >= K_MOST; n -= K_MOST) { /* cut at N, sorted as they came at K_MOST */
        number(n);
        for (size_t i = 0; i < n; i++) ids[i] = i;
        size_t *rest = ids, left = n;
        double smallest = 0;
        for (; left > 2;
             rest++, left -= 2) { /* the pivot ends beside the first, the last in its place */
            offered[rest[0]].distance = smallest++;
            offered[rest[left / 2]].distance = smallest++;
            rest[left / 2] = rest[left - 1];
        }
        for (size_t i = 0; i < left; i++) offered[rest[i]].distance = smallest++;
        assert_nearest(n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordered_and_tied_and_drawn_distances_give_what_a_sort_gives),
        cmocka_unit_test(an_order_made_against_the_median_of_three_gives_what_a_sort_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
