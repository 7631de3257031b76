/* The last step of a training. A center loss makes the features of trained classes nearly points, in some directions more
 * than in others. In those in which they still vary, classes that were not trained vary most, and that hides what
 * tells them apart. So with S the covariance within the trained classes, the last dense layer is multiplied by
 *
 *     A = s ((1 - a) S + a tr(S) / D)^(-1/4)
 *
 * which is half of the whitening of Hatch et al. 2006 (WCCN has the power -1/2). s keeps tr(S). Centers are multiplied,
 * too, and the weights of the head by the inverse, so that the logits stay. */
#include <centerloss_eval.h>

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/sizes.h"
#include "loss/center.h"
#include "nn/layers.h"
#include "search/eigen.h"
#include "train/extract.h"
#include "train/fit.h"
#include "train/model.h"

static const double SHRINKAGE = 0.1;

typedef struct whitening {
    cen_context *context;
    size_t n, d;
    float *features;    /* [n, D]: of rows; then less the mean of their class */
    double *covariance; /* [D, D]; then A, or its inverse */
    double *vectors;    /* [D, D], of S */
    double *values;     /* [D] */
    double *powers;     /* [D], the eigenvalues of A */
    double *scratch;    /* [threads + 1, 2 D] */
    cen__labelled_row *rows;
} whitening;

static cen_status reserve(whitening *w, cen_error *error)
{
    const size_t d = w->d, square = cen__times(d, d);
    const size_t n_scratch = cen__times(2 * d, (size_t)cen_context_threads(w->context) + 1);
    w->covariance = cen__alloc(w->context, square, sizeof(double));
    w->vectors = cen__alloc(w->context, square, sizeof(double));
    w->values = cen__alloc(w->context, d, sizeof(double));
    w->powers = cen__alloc(w->context, d, sizeof(double));
    w->scratch = cen__alloc(w->context, n_scratch, sizeof(double));
    w->rows = cen__alloc(w->context, w->n, sizeof *w->rows);
    if (w->covariance != NULL && w->vectors != NULL && w->values != NULL && w->powers != NULL &&
        w->scratch != NULL && w->rows != NULL) {
        return CEN_OK;
    }
    return cen__fail_memory(error, "the whitening of the features");
}

static void release(whitening *w)
{
    void *const all[] = {w->covariance, w->vectors, w->values, w->powers, w->scratch, w->rows};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) cen__free(all[i]);
}

/* ---- the covariance ---- */

/* Subtracts the mean of its class from each row; returns rows less classes. */
static size_t subtract_means(whitening *w, const int32_t *labels)
{
    const size_t n = w->n, d = w->d;
    double *mean = w->scratch;
    size_t n_classes = 0;
    cen__group_rows(labels, n, w->rows);
    for (size_t first = 0, end; first < n; first = end, n_classes++) {
        end = cen__group_end(w->rows, n, first);
        memset(mean, 0, d * sizeof *mean);
        for (size_t i = first; i < end; i++) {
            const float *f = w->features + w->rows[i].row * d;
            for (size_t c = 0; c < d; c++) mean[c] += (double)f[c];
        }
        for (size_t c = 0; c < d; c++) mean[c] /= (double)(end - first);
        for (size_t i = first; i < end; i++) {
            float *f = w->features + w->rows[i].row * d;
            for (size_t c = 0; c < d; c++) f[c] = (float)((double)f[c] - mean[c]);
        }
    }
    return n - n_classes;
}

static void add_products(void *data, size_t row, int worker)
{
    (void)worker;
    const whitening *w = data;
    const size_t d = w->d;
    double *sums = w->covariance + row * d;
    memset(sums, 0, d * sizeof *sums);
    for (size_t i = 0; i < w->n; i++) {
        const float *f = w->features + i * d;
        const double own = (double)f[row];
        for (size_t c = 0; c < d; c++) sums[c] += own * (double)f[c];
    }
}

/* The eigenvalues of A, from those of S; false if no row differs from the mean of its class. */
static bool choose_powers(whitening *w, size_t n_free)
{
    const size_t d = w->d;
    double trace = 0, whitened = 0;
    for (size_t c = 0; c < d; c++) {
        w->values[c] = fmax(w->values[c], 0) / (double)n_free;
        trace += w->values[c];
    }
    if (!(trace > 0)) return false;
    for (size_t c = 0; c < d; c++) {
        const double value = w->values[c] / trace;
        w->powers[c] = pow((1 - SHRINKAGE) * value + SHRINKAGE / (double)d, -0.25);
        whitened += value * w->powers[c] * w->powers[c];
    }
    for (size_t c = 0; c < d; c++) w->powers[c] /= sqrt(whitened);
    return true;
}

/* ---- the model ---- */

/* Vectors of D numbers that are multiplied by `covariance`: number c of vector i is numbers[i * step + c * stride]. */
typedef struct product {
    const whitening *w;
    float *numbers;
    size_t n, step, stride;
} product;

enum { VECTORS = 64 };

static void multiply_vectors(void *data, size_t block, int worker)
{
    const product *p = data;
    const whitening *w = p->w;
    const size_t d = w->d, first = block * VECTORS;
    const size_t end = p->n - first < VECTORS ? p->n : first + VECTORS;
    double *vector = w->scratch + (size_t)worker * 2 * d;
    for (size_t i = first; i < end; i++) {
        float *numbers = p->numbers + i * p->step;
        for (size_t c = 0; c < d; c++) vector[c] = (double)numbers[c * p->stride];
        for (size_t c = 0; c < d; c++) {
            numbers[c * p->stride] = (float)cen__dot(d, w->covariance + c * d, vector);
        }
    }
}

static void multiply(const whitening *w, float *numbers, size_t n, size_t step, size_t stride)
{
    product p = {w, numbers, n, step, stride};
    cen__parallel(w->context, (n + VECTORS - 1) / VECTORS, (double)n * (double)w->d * (double)w->d,
                  multiply_vectors, &p);
}

/* covariance = sum_c value_c v_c v_c^T, with the powers as values, or one over them. */
static void set_matrix(whitening *w, bool is_inverse)
{
    const size_t d = w->d;
    memset(w->covariance, 0, d * d * sizeof(double));
    for (size_t e = 0; e < d; e++) {
        const double *v = w->vectors + e * d;
        const double value = is_inverse ? 1 / w->powers[e] : w->powers[e];
        for (size_t r = 0; r < d; r++) {
            double *row = w->covariance + r * d;
            for (size_t c = 0; c < d; c++) row[c] += value * v[r] * v[c];
        }
    }
}

static void change_model(whitening *w, cen_model *model)
{
    const size_t d = w->d, k = model->info.n_classes;
    const cen__layer *dense = &model->net.layers[model->net.n_layers - 1];
    const size_t n_in = dense->in.c;
    float *numbers = model->parameters, *weight = numbers + dense->offset;
    set_matrix(w, false);
    multiply(w, weight, n_in, 1, n_in);
    multiply(w, weight + dense->parameters[1].offset, 1, d, 1);
    multiply(w, numbers + model->centers, k, d, 1);
    set_matrix(w, true);
    multiply(w, numbers + model->head_weight, k, d, 1);
}

static bool is_possible(const cen_model *model, size_t n_frozen)
{
    const cen__net *net = &model->net;
    return cen__net_first(net, n_frozen, NULL) < net->n_layers &&
           net->layers[net->n_layers - 1].kind == &cen__dense_layer &&
           model->head.kind == &cen__affine_head;
}

cen_status cen__fit_whiten(cen__fit *f, cen_error *error)
{
    cen_model *model = f->model;
    if (!is_possible(model, cen__trainer_options(f->trainer)->n_frozen)) return CEN_OK;
    cen_status status = CEN_OK;
    if (f->gallery_epoch == 0 || f->gallery_epoch != f->at.best_epoch) {
        status = cen__extract(cen__trainer_predictor(f->trainer), &f->reader, f->gallery,
                              &f->n_gallery, f->x, f->gallery_features, NULL, NULL, error);
    }
    if (status != CEN_OK) return status;
    for (size_t i = 0; i < f->n_gallery; i++) {
        f->gallery_labels[i] = f->label_of[f->dataset->labels[f->gallery[i]]];
    }
    whitening w = {.context = model->context,
                   .n = f->n_gallery,
                   .d = model->info.feature_size,
                   .features = f->gallery_features};
    status = reserve(&w, error);
    if (status == CEN_OK) {
        const size_t n_free = subtract_means(&w, f->gallery_labels);
        cen__parallel(w.context, w.d, (double)w.n * (double)w.d * (double)w.d, add_products, &w);
        cen__eigen(w.d, w.covariance, w.values, w.vectors, w.scratch);
        if (n_free > 0 && choose_powers(&w, n_free)) change_model(&w, model);
    }
    release(&w);
    return status;
}
