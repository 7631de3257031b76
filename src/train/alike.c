/* Whether pictures of different classes are alike. Faces, letters, clothes, digits and signs are all at the same place of their
 * pictures, so even those of two classes have much in common: they correlate by 0.06 to 0.54. Photos of objects do by 0.01. */
#include "train/alike.h"

#include <math.h>

static const double enough = 0.05;

void cen__alike_normalise(float *picture, size_t size)
{
    double mean = 0, square = 0;
    for (size_t i = 0; i < size; i++) mean += (double)picture[i];
    mean /= (double)size;
    for (size_t i = 0; i < size; i++) {
        double x = (double)picture[i] - mean;
        square += x * x;
    }
    double scale = square > 1e-12 * (double)size * (1 + mean * mean) ? 1 / sqrt(square) : 0;
    for (size_t i = 0; i < size; i++) picture[i] = (float)(((double)picture[i] - mean) * scale);
}

/* Of the class of the row `first`: the number of rows, the product of their sum with that of all, and with itself. */
typedef struct {
    double n, with_all, with_itself;
} class_sums;

static bool is_first(const int32_t *labels, size_t row)
{
    for (size_t i = 0; i < row; i++) {
        if (labels[i] == labels[row]) return false;
    }
    return true;
}

static class_sums sum_class(const float *pictures, const int32_t *labels, size_t n, size_t size,
                            size_t first, const double *all)
{
    double own[CEN__ALIKE_SIZE] = {0};
    class_sums sums = {0, 0, 0};
    for (size_t row = first; row < n; row++) {
        if (labels[row] != labels[first]) continue;
        sums.n++;
        for (size_t i = 0; i < size; i++) own[i] += (double)pictures[row * size + i];
    }
    for (size_t i = 0; i < size; i++) {
        sums.with_all += own[i] * all[i];
        sums.with_itself += own[i] * own[i];
    }
    return sums;
}

/* The mean product of pictures of two classes: that of all pairs without those of one class. Pictures of one class resemble each
 * other, so the error is that of leaving out one class after the other (jackknife). */
cen__alike cen__alike_measure(const float *pictures, const int32_t *labels, size_t n, size_t size)
{
    double all[CEN__ALIKE_SIZE] = {0}, square = 0, within = 0, pairs = 0, sum = 0, squares = 0;
    double n_rows = (double)n, n_classes = 0, n_shown = 0;
    for (size_t row = 0; row < n; row++) {
        for (size_t i = 0; i < size; i++) {
            const double x = (double)pictures[row * size + i];
            all[i] += x;
            n_shown += x * x; /* of a picture of one grey 0, of any other 1 */
        }
    }
    for (size_t i = 0; i < size; i++) square += all[i] * all[i];
    for (size_t row = 0; row < n; row++) {
        if (!is_first(labels, row)) continue;
        class_sums own = sum_class(pictures, labels, n, size, row, all);
        within += own.with_itself;
        pairs += own.n * own.n;
        n_classes++;
    }
    if (n_classes < 3 || n_shown < n_rows / 2) return (cen__alike){(double)NAN, false};
    double share = (square - within) / (n_rows * n_rows - pairs);
    for (size_t row = 0; row < n; row++) {
        if (!is_first(labels, row)) continue;
        class_sums own = sum_class(pictures, labels, n, size, row, all);
        double rest_square = square - 2 * own.with_all + own.with_itself;
        double rest_pairs = (n_rows - own.n) * (n_rows - own.n) - (pairs - own.n * own.n);
        double rest = (rest_square - (within - own.with_itself)) / rest_pairs;
        sum += rest;
        squares += rest * rest;
    }
    double variance = (squares - sum * sum / n_classes) * (n_classes - 1) / n_classes;
    return (cen__alike){share, fabs(share) + sqrt(variance > 0 ? variance : 0) < enough};
}
