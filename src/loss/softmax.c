#include "loss/softmax.h"

#include <math.h>

#include "kernels/affine.h"
#include "loss/kinds.h"

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

/* ---- the first loss of several kinds ---- */

cen__softmax cen__loss_softmax(const cen__loss *loss, const cen__loss_pass *pass)
{
    bool has_gradient = pass->df != NULL;
    return (cen__softmax){.kernels = loss->kernels,
                          .n = pass->n,
                          .k = loss->k,
                          .context = loss->context,
                          .row_losses = loss->row_losses,
                          .row_hits = loss->row_hits,
                          .has_gradient = has_gradient,
                          .smoothing = has_gradient ? loss->options.label_smoothing : 0};
}

double cen__loss_rows(const cen__loss *loss, size_t n, double *accuracy)
{
    double sum = 0, hits = 0;
    for (size_t i = 0; i < n; i++) {
        sum += loss->row_losses[i];
        hits += loss->row_hits[i];
    }
    *accuracy = hits / (double)n;
    return sum / (double)n;
}

double cen__softmax_first(const cen__loss *loss, const cen__loss_pass *pass, double *accuracy)
{
    const float *weight = pass->w + loss->at.head_weight, *bias = pass->w + loss->at.head_bias;
    cen__affine head = {loss->kernels, pass->n, loss->d, loss->k, loss->context, loss->scratch};
    cen__softmax softmax = cen__loss_softmax(loss, pass);
    cen__affine_forward(&head, pass->f, weight, bias, loss->logits);
    cen__softmax_cross_entropy(&softmax, loss->logits, pass->labels);
    if (pass->df != NULL) {
        cen__affine_backward(&head, pass->f, weight, loss->logits, pass->dw + loss->at.head_weight,
                             pass->dw + loss->at.head_bias, pass->df);
    }
    return cen__loss_rows(loss, pass->n, accuracy);
}
