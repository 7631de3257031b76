#include "search/nearest.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    HEAP_MOST = 128, /* neighbours above which gathering is faster */
    SHORT_MOST = 16, /* items that are sorted by insertion */
    N_BUCKETS = 2048
};

/* ---- a heap ---------------------------------------------------------------------------------- */

/* Inserts neighbour at place, or below it, in a heap of count items. */
static void sift_down(cen__neighbour *items, size_t place, size_t count, cen__neighbour neighbour)
{
    for (size_t child = 2 * place + 1; child < count; child = 2 * place + 1) {
        if (child + 1 < count && cen__comes_before(items[child], items[child + 1])) child++;
        if (!cen__comes_before(neighbour, items[child])) break;
        items[place] = items[child];
        place = child;
    }
    items[place] = neighbour;
}

static void sift_up(cen__neighbour *items, size_t place, cen__neighbour neighbour)
{
    while (place > 0 && cen__comes_before(items[(place - 1) / 2], neighbour)) {
        items[place] = items[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    items[place] = neighbour;
}

static void sort_heap(cen__neighbour *items, size_t count)
{
    for (size_t left = count; left > 1; left--) {
        cen__neighbour farthest = items[0], last = items[left - 1];
        sift_down(items, 0, left - 1, last);
        items[left - 1] = farthest;
    }
}

/* ---- many ------------------------------------------------------------------------------------ */

static void swap(cen__neighbour *a, cen__neighbour *b)
{
    cen__neighbour kept = *a;
    *a = *b;
    *b = kept;
}

static void sort_short(cen__neighbour *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        cen__neighbour item = items[i];
        size_t place = i;
        for (; place > 0 && cen__comes_before(item, items[place - 1]); place--) {
            items[place] = items[place - 1];
        }
        items[place] = item;
    }
}

static void sort_by_heap(cen__neighbour *items, size_t count)
{
    for (size_t place = count / 2; place-- > 0;) sift_down(items, place, count, items[place]);
    sort_heap(items, count);
}

/* Partitions about the median of three and returns its place. No branch depends on a comparison, since half of
 * them would be mispredicted. */
static size_t partition(cen__neighbour *items, size_t count)
{
    cen__neighbour *first = items, *middle = items + count / 2, *last = items + count - 1;
    if (cen__comes_before(*middle, *first)) swap(middle, first);
    if (cen__comes_before(*last, *first)) swap(last, first);
    if (cen__comes_before(*middle, *last)) swap(middle, last);
    cen__neighbour pivot = *last;
    size_t place = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        cen__neighbour item = items[i];
        items[i] = items[place];
        items[place] = item;
        place += cen__comes_before(item, pivot);
    }
    swap(&items[place], last);
    return place;
}

/* After so many partitions a heap takes over: twice as many as halving needs. */
static int patience(size_t count)
{
    int cuts = 2;
    for (; count > 1; count /= 2) cuts += 2;
    return cuts;
}

/* Brings the k nearest to the front, k below count. */
static void select_nearest(cen__neighbour *items, size_t count, size_t k)
{
    for (int cuts = patience(count); count > SHORT_MOST; cuts--) {
        if (cuts == 0) {
            sort_by_heap(items, count);
            return;
        }
        size_t place = partition(items, count);
        if (place == k) return;
        if (place > k) {
            count = place;
        } else {
            items += place + 1;
            count -= place + 1;
            k -= place + 1;
        }
    }
    sort_short(items, count);
}

static void sort(cen__neighbour *items, size_t count, int cuts)
{
    while (count > SHORT_MOST) {
        if (cuts-- == 0) {
            sort_by_heap(items, count);
            return;
        }
        size_t place = partition(items, count), rest = count - place - 1;
        if (place < rest) {
            sort(items, place, cuts);
            items += place + 1;
            count = rest;
        } else {
            sort(items + place + 1, rest, cuts);
            count = place;
        }
    }
    sort_short(items, count);
}

static size_t bucket_of(double distance, double least, double scale)
{
    return (size_t)((distance - least) * scale); /* grows with the distance, or stays */
}

/* Distributes many items into buckets by their distance, and sorts each bucket. This takes linear time unless
 * most distances are alike. scratch[count]. */
static void sort_many(cen__neighbour *items, size_t count, cen__neighbour *scratch)
{
    uint32_t ends[N_BUCKETS] = {0};
    double least = HUGE_VAL, most = 0;
    for (size_t i = 0; i < count; i++) {
        least = items[i].distance < least ? items[i].distance : least;
        most = items[i].distance > most ? items[i].distance : most;
    }
    double scale = (N_BUCKETS - 1) / (most - least);
    if (count < 2 * N_BUCKETS || count > UINT32_MAX || !(scale > 0 && scale <= DBL_MAX)) {
        sort(items, count, patience(count));
        return;
    }
    for (size_t i = 0; i < count; i++) ends[bucket_of(items[i].distance, least, scale)]++;
    uint32_t end = 0;
    for (size_t b = 0; b < N_BUCKETS; b++) {
        uint32_t n = ends[b];
        ends[b] = end; /* the begin of the bucket; after the next loop, its end */
        end += n;
    }
    for (size_t i = 0; i < count; i++) {
        scratch[ends[bucket_of(items[i].distance, least, scale)]++] = items[i];
    }
    memcpy(items, scratch, count * sizeof *items);
    for (size_t b = 0, begin = 0; b < N_BUCKETS; begin = ends[b++]) {
        sort(items + begin, ends[b] - begin, patience(ends[b] - begin));
    }
}

static void cut(cen__nearest *nearest)
{
    select_nearest(nearest->items, nearest->count, nearest->k);
    nearest->count = nearest->k;
    double farthest = 0;
    for (size_t i = 0; i < nearest->k; i++) farthest = fmax(farthest, nearest->items[i].distance);
    nearest->bound = farthest;
}

/* ---- the functions of this file -------------------------------------------------------------------- */

size_t cen__nearest_capacity(size_t k)
{
    return k <= HEAP_MOST ? k : 2 * k;
}

cen__nearest cen__nearest_start(cen__neighbour *items, size_t k)
{
    return (cen__nearest){
        .items = items, .k = k, .capacity = cen__nearest_capacity(k), .bound = HUGE_VAL};
}

void cen__nearest_offer(cen__nearest *nearest, cen__neighbour neighbour)
{
    cen__neighbour *items = nearest->items;
    if (nearest->capacity > nearest->k) {
        if (neighbour.distance > nearest->bound) return;
        items[nearest->count++] = neighbour;
        if (nearest->count == nearest->capacity) cut(nearest);
        return;
    }
    if (nearest->count < nearest->k) {
        sift_up(items, nearest->count++, neighbour);
    } else if (cen__comes_before(neighbour, items[0])) {
        sift_down(items, 0, nearest->count, neighbour);
    }
    if (nearest->count == nearest->k) nearest->bound = items[0].distance;
}

void cen__nearest_sort(cen__nearest *nearest)
{
    if (nearest->capacity == nearest->k) {
        sort_heap(nearest->items, nearest->count);
        return;
    }
    if (nearest->count > nearest->k) cut(nearest);
    sort_many(nearest->items, nearest->count, nearest->items + nearest->count);
}
