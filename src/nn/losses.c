#include "nn/losses.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"

typedef struct softmax_rows {
    const cen__softmax *softmax;
    float *logits;
    const int32_t *labels;
} softmax_rows;

static void softmax_row(void *data, size_t i, int worker)
{
    (void)worker;
    const softmax_rows *rows = data;
    const cen__softmax *softmax = rows->softmax;
    const cen__vectors *vectors = &softmax->kernels->vectors;
    size_t k = softmax->k, best, label = (size_t)rows->labels[i];
    float *logits = rows->logits + i * k;
    float largest = vectors->max(k, logits, &best);
    double target = (double)logits[label] - (double)largest, smoothing = softmax->smoothing;
    if (smoothing > 0) {
        double mean = vectors->sum(k, logits) / (double)k;
        target += smoothing * (mean - (double)logits[label]);
    }
    double sum = vectors->exp_sum(k, logits, largest);
    softmax->row_losses[i] = log(sum) - target;
    if (softmax->row_hits != NULL) softmax->row_hits[i] = best == label;
    if (!softmax->has_gradient) return;
    float scale = (float)(1 / (sum * (double)softmax->n));
    float all = (float)(smoothing / ((double)k * (double)softmax->n));
    for (size_t j = 0; j < k; j++) logits[j] = logits[j] * scale - all;
    logits[label] -= (float)(1 - smoothing) / (float)softmax->n;
}

void cen__softmax_cross_entropy(const cen__softmax *softmax, float *logits, const int32_t *labels)
{
    softmax_rows rows = {softmax, logits, labels};
    double work = 16 * (double)softmax->n * (double)softmax->k;
    cen__parallel(softmax->context, softmax->n, work, softmax_row, &rows);
}

static int compare_rows(const void *a, const void *b)
{
    const cen__labelled_row *left = a, *right = b;
    if (left->label != right->label) return left->label < right->label ? -1 : 1;
    return left->row < right->row ? -1 : left->row > right->row;
}

void cen__group_rows(const int32_t *labels, size_t n, cen__labelled_row *rows)
{
    for (size_t i = 0; i < n; i++) rows[i] = (cen__labelled_row){labels[i], i};
    qsort(rows, n, sizeof *rows, compare_rows);
}

size_t cen__group_end(const cen__labelled_row *rows, size_t n, size_t first)
{
    size_t end = first + 1;
    while (end < n && rows[end].label == rows[first].label) end++;
    return end;
}

double cen__center_loss(const cen__vectors *vectors, size_t n, size_t d, const float *f,
                        const float *centers, const int32_t *labels)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += vectors->squared_distance(d, f + i * d, centers + (size_t)labels[i] * d);
    }
    return sum / (double)n;
}

void cen__center_loss_gradient(size_t n, size_t d, float scale, const float *f,
                               const float *centers, const cen__labelled_row *rows, float *df,
                               float *dcenters)
{
    for (size_t i = 0; i < n; i++) {
        size_t row = rows[i].row, offset = (size_t)rows[i].label * d;
        const float *feature = f + row * d, *center = centers + offset;
        float *dfeature = df + row * d, *dcenter = dcenters + offset;
        bool is_first = i == 0 || rows[i].label != rows[i - 1].label;
        for (size_t j = 0; j < d; j++) {
            float pull = scale * (feature[j] - center[j]);
            dfeature[j] += pull;
            dcenter[j] = is_first ? -pull : dcenter[j] - pull;
        }
    }
}

void cen__center_delta(size_t n, size_t d, const float *f, const float *centers,
                       const cen__labelled_row *rows, float *delta)
{
    for (size_t first = 0, end; first < n; first = end, delta += d) {
        end = cen__group_end(rows, n, first);
        const float *center = centers + (size_t)rows[first].label * d;
        float share = 1 / (1 + (float)(end - first));
        memset(delta, 0, d * sizeof *delta);
        for (size_t i = first; i < end; i++) {
            const float *feature = f + rows[i].row * d;
            for (size_t j = 0; j < d; j++) delta[j] += (center[j] - feature[j]) * share;
        }
    }
}
