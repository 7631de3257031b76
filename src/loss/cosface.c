#include <centerloss_eval.h>

#include "loss/cosface.h"

#include <math.h>

#include "base/context.h"
#include "base/sizes.h"
#include "kernels/gemm.h"
#include "loss/kinds.h"

static const double LEAST_LENGTH = 1e-12;

/* The parts of scratch. That of the product is the first, for its alignment. */
typedef struct parts {
    float *product;
    float *f, *w;                 /* [n, d]: s f / |f|; [k, d]: w / |w| */
    float *f_inverse, *w_inverse; /* [n], [k]: 1 / |f|, 1 / |w| */
} parts;

static size_t product_count(const cen__micro *micro, size_t n, size_t d, size_t k, int n_threads)
{
    size_t forward = cen__gemm_scratch_count(micro, n, k, d, n_threads);
    size_t weights = cen__gemm_scratch_count(micro, k, d, n, n_threads);
    size_t data = cen__gemm_scratch_count(micro, n, d, k, n_threads);
    size_t most = forward > weights ? forward : weights;
    return most > data ? most : data;
}

size_t cen__margin_scratch_count(const cen__kernels *kernels, size_t n, size_t d, size_t k,
                                 int n_threads)
{
    size_t sides = cen__times(cen__plus(n, k), cen__plus(d, 1));
    return cen__plus(product_count(&kernels->micro, n, d, k, n_threads), sides);
}

static parts parts_of(const cen__margin *head)
{
    size_t n = head->n, d = head->d, k = head->k;
    size_t product =
        product_count(&head->kernels->micro, n, d, k, cen_context_threads(head->context));
    float *f = head->scratch + product, *w = f + n * d;
    return (parts){head->scratch, f, w, w + k * d, w + k * d + n};
}

/* All vectors of one side, f or w. */
typedef struct side {
    const cen__vectors *vectors;
    size_t n_rows, d;
    double scale;
    const float *x;        /* [n_rows, d], only in the forward pass */
    float *unit, *inverse; /* scale x / |x| and 1 / |x| */
    float *gradient;       /* [n_rows, d]: of unit, which becomes that of x */
} side;

enum { ROWS = 32 };

static void normalize_row(const side *s, size_t row)
{
    size_t d = s->d;
    const float *x = s->x + row * d;
    float *unit = s->unit + row * d;
    double length = sqrt(s->vectors->dot(d, x, x));
    double inverse = 1 / (length < LEAST_LENGTH ? LEAST_LENGTH : length), a = s->scale * inverse;
    for (size_t c = 0; c < d; c++) unit[c] = (float)(a * (double)x[c]);
    s->inverse[row] = (float)inverse;
}

/* Of y = s x / |x|: dx = s / |x| (dy - y (y . dy) / s^2), and without the second term if the length is
 * the constant. */
static void project_row(const side *s, size_t row)
{
    size_t d = s->d;
    const float *unit = s->unit + row * d;
    float *gradient = s->gradient + row * d;
    double inverse = (double)s->inverse[row], a = s->scale * inverse, along = 0;
    if (s->inverse[row] < (float)(1 / LEAST_LENGTH)) {
        along = s->vectors->dot(d, unit, gradient) / (s->scale * s->scale);
    }
    for (size_t c = 0; c < d; c++) {
        gradient[c] = (float)(a * ((double)gradient[c] - along * (double)unit[c]));
    }
}

static void run_block(void *data, size_t block, int worker)
{
    (void)worker;
    const side *s = data;
    size_t end = s->n_rows - block * ROWS < ROWS ? s->n_rows : (block + 1) * ROWS;
    for (size_t row = block * ROWS; row < end; row++) {
        if (s->gradient == NULL) {
            normalize_row(s, row);
        } else {
            project_row(s, row);
        }
    }
}

static void run_side(const cen__margin *head, side s)
{
    cen__parallel(head->context, (s.n_rows + ROWS - 1) / ROWS, 4 * (double)s.n_rows * (double)s.d,
                  run_block, &s);
}

typedef struct label_rows {
    const cen__margin *head;
    const int32_t *labels;
    float *logits;
    bool *row_hits;
} label_rows;

static void label_row(void *data, size_t i, int worker)
{
    (void)worker;
    const label_rows *rows = data;
    const cen__margin *head = rows->head;
    size_t label = (size_t)rows->labels[i], best;
    float *logits = rows->logits + i * head->k;
    (void)head->kernels->vectors.max(head->k, logits, &best);
    rows->row_hits[i] = best == label;
    logits[label] -= (float)(head->scale * head->margin);
}

void cen__margin_logits(const cen__margin *head, const float *f, const float *w, float *logits)
{
    size_t n = head->n, d = head->d, k = head->k;
    parts p = parts_of(head);
    run_side(head, (side){&head->kernels->vectors, n, d, head->scale, f, p.f, p.f_inverse, NULL});
    run_side(head, (side){&head->kernels->vectors, k, d, 1, w, p.w, p.w_inverse, NULL});
    cen__gemm(&head->kernels->micro, n, k, d, (cen__matrix){p.f, d, 1}, (cen__matrix){p.w, 1, d},
              NULL, logits, k, p.product, head->context);
}

void cen__margin_forward(const cen__margin *head, const float *f, const float *w,
                         const int32_t *labels, float *logits, bool *row_hits)
{
    cen__margin_logits(head, f, w, logits);
    label_rows rows = {head, labels, logits, row_hits};
    cen__parallel(head->context, head->n, (double)head->n * (double)head->k, label_row, &rows);
}

void cen__margin_backward(const cen__margin *head, const float *dlogits, float *df, float *dw)
{
    size_t n = head->n, d = head->d, k = head->k;
    parts p = parts_of(head);
    cen__gemm(&head->kernels->micro, k, d, n, (cen__matrix){dlogits, 1, k},
              (cen__matrix){p.f, d, 1}, NULL, dw, d, p.product, head->context);
    cen__gemm(&head->kernels->micro, n, d, k, (cen__matrix){dlogits, k, 1},
              (cen__matrix){p.w, d, 1}, NULL, df, d, p.product, head->context);
    run_side(head, (side){&head->kernels->vectors, k, d, 1, NULL, p.w, p.w_inverse, dw});
    run_side(head, (side){&head->kernels->vectors, n, d, head->scale, NULL, p.f, p.f_inverse, df});
}

/* ---- the loss ---- */

static cen__margin head_of(const cen__loss *loss, size_t n)
{
    return (cen__margin){.n = n,
                         .d = loss->d,
                         .k = loss->k,
                         .scale = loss->options.margin_scale,
                         .margin = loss->options.margin,
                         .context = loss->context,
                         .scratch = loss->scratch,
                         .kernels = loss->kernels};
}

static double first(const cen__loss *loss, const cen__loss_pass *pass, double *accuracy)
{
    cen__margin head = head_of(loss, pass->n);
    cen__softmax softmax = cen__loss_softmax(loss, pass);
    softmax.row_hits = NULL; /* with the margin, hardly any row would count as right */
    cen__margin_forward(&head, pass->f, pass->w + loss->at.head_weight, pass->labels, loss->logits,
                        loss->row_hits);
    cen__softmax_cross_entropy(&softmax, loss->logits, pass->labels);
    if (pass->df != NULL) {
        cen__margin_backward(&head, loss->logits, pass->df, pass->dw + loss->at.head_weight);
    }
    return cen__loss_rows(loss, pass->n, accuracy);
}

static cen_status check(const cen_train_options *options, cen_error *error)
{
    if (options->margin_scale > 0) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "a scale of 0 makes all logits of CosFace the same; use 30");
}

const cen__loss_kind cen__cosface_kind = {
    .name = "cosface",
    .first_name = "softmax",
    .head = &cen__cosine_head,
    .margin = 0.35,
    .centers = CEN_CENTERS_MEAN,
    .follows_ratio = true,
    .check = check,
    .first = first,
    .second = cen__pull,
    .second_norm = cen__pull_norm,
    .add_second_gradient = cen__pull_gradient,
};
