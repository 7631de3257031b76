#include "search/nearest.h"

#include <stdbool.h>

static bool comes_before(cen__neighbour a, cen__neighbour b)
{
    return a.distance < b.distance || (a.distance == b.distance && a.index < b.index);
}

/* Puts neighbour where the root was, in a heap of count items. */
static void sift_down(cen__neighbour *items, size_t count, cen__neighbour neighbour)
{
    size_t place = 0;
    for (size_t child = 1; child < count; child = 2 * place + 1) {
        if (child + 1 < count && comes_before(items[child], items[child + 1])) child++;
        if (!comes_before(neighbour, items[child])) break;
        items[place] = items[child];
        place = child;
    }
    items[place] = neighbour;
}

static void sift_up(cen__neighbour *items, size_t place, cen__neighbour neighbour)
{
    while (place > 0 && comes_before(items[(place - 1) / 2], neighbour)) {
        items[place] = items[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    items[place] = neighbour;
}

void cen__nearest_offer(cen__nearest *nearest, cen__neighbour neighbour)
{
    if (nearest->count < nearest->k) {
        sift_up(nearest->items, nearest->count++, neighbour);
    } else if (comes_before(neighbour, nearest->items[0])) {
        sift_down(nearest->items, nearest->count, neighbour);
    }
}

void cen__nearest_sort(cen__nearest *nearest)
{
    for (size_t left = nearest->count; left > 1; left--) {
        cen__neighbour farthest = nearest->items[0], last = nearest->items[left - 1];
        sift_down(nearest->items, left - 1, last);
        nearest->items[left - 1] = farthest;
    }
}
