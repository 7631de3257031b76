/* The distance of two rows. It orders neighbours everywhere in this folder. */
#ifndef CEN_SEARCH_DISTANCE_H
#define CEN_SEARCH_DISTANCE_H

#include <math.h>
#include <stdbool.h>

#include "kernels/dispatch.h"

/* L2: |a - b|^2. Cosine: 1 - a.b / (|a| |b|), given the squares |a|^2 and |b|^2. */
static inline double cen__order_distance(const cen__vectors *vectors, bool cosine, size_t d,
                                         const float *a, const float *b, double a_square,
                                         double b_square)
{
    if (!cosine) return vectors->squared_distance(d, a, b);
    if (a_square == 0 || b_square == 0) return 1;
    double distance = 1 - vectors->dot(d, a, b) / sqrt(a_square * b_square);
    return distance < 0 ? 0 : distance > 2 ? 2 : distance;
}

/* The distance itself. */
static inline double cen__distance(bool cosine, double order_distance)
{
    return cosine ? order_distance : sqrt(order_distance);
}

#endif
