/* A net in bytes (Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only
 * inference"): weights with a scale for each output, and what is between two layers with a scale and a zero for
 * each value, from the smallest and the largest number that pictures give. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "export/c_net.h"

enum { PICTURES_MOST = 2000 };
static const double least_cosine = 0.99;

/* ---- pictures ---- */

typedef struct pictures {
    const cen_dataset *dataset;
    size_t n; /* rows of it, evenly from all */
    float *x; /* raw values of one */
    uint8_t *bytes;
    float *work, *before, *after; /* features, [n, D] */
} pictures;

static size_t row_of(const pictures *p, size_t i)
{
    return (size_t)((double)i * (double)p->dataset->n / (double)p->n);
}

static int32_t label_of(const pictures *p, size_t i)
{
    return p->dataset->labels != NULL ? p->dataset->labels[row_of(p, i)] : -1;
}

/* bytes[h, w, c] of picture i; raw values are byte / 255. */
static cen_status read_picture(const cen__c_net *net, pictures *p, size_t i, cen_error *error)
{
    const size_t c = p->dataset->channels, area = p->dataset->height * p->dataset->width;
    const size_t row = row_of(p, i);
    cen_input raw = net->info->input;
    for (size_t k = 0; k < c; k++) raw.mean[k] = 0, raw.std[k] = 1;
    cen_status status =
        cen_dataset_read(net->context, p->dataset, &raw, NULL, 1, 0, &row, 1, p->x, NULL, error);
    for (size_t k = 0; k < c * area && status == CEN_OK; k++) {
        const float level = p->x[k % c * area + k / c] * 255 + 0.5f;
        p->bytes[k] = level >= 255 ? 255 : level > 0 ? (uint8_t)level : 0;
    }
    return status;
}

/* features[n, D]; ranges as in cen__c_net_run. */
static cen_status compute(const cen__c_net *net, pictures *p, float *features, cen__c_value *ranges,
                          cen_error *error)
{
    const size_t d = net->info->feature_size;
    cen_status status = CEN_OK;
    for (size_t i = 0; i < p->n && status == CEN_OK; i++) {
        status = read_picture(net, p, i, error);
        if (status == CEN_OK) cen__c_net_run(net, p->bytes, features + i * d, p->work, ranges);
    }
    return status;
}

static cen_status check_pictures(const cen__c_net *net, const cen_dataset *dataset,
                                 cen_error *error)
{
    const cen_input *input = &net->info->input;
    if (dataset == NULL || dataset->n == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "weights of 8 bits are calibrated on pictures; give some");
    }
    if (dataset->channels != input->channels || dataset->height != input->height ||
        dataset->width != input->width) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the pictures are %zux%zux%zu, and the net's input is %zux%zux%zu",
                         dataset->channels, dataset->height, dataset->width, input->channels,
                         input->height, input->width);
    }
    return CEN_OK;
}

static cen_status take_pictures(const cen__c_net *net, const cen_dataset *dataset, pictures *p,
                                cen_error *error)
{
    cen_context *context = net->context;
    const size_t size = net->values[0].count, d = net->info->feature_size;
    cen_status status = check_pictures(net, dataset, error);
    if (status != CEN_OK) return status;
    p->dataset = dataset;
    p->n = dataset->n < PICTURES_MOST ? dataset->n : PICTURES_MOST;
    p->x = cen__alloc(context, size, sizeof *p->x);
    p->bytes = cen__alloc(context, size, 1);
    p->work = cen__alloc(context, net->n_work, sizeof *p->work);
    p->before = cen__alloc(context, p->n, d * sizeof *p->before);
    p->after = cen__alloc(context, p->n, d * sizeof *p->after);
    if (p->x != NULL && p->bytes != NULL && p->work != NULL && p->before != NULL &&
        p->after != NULL) {
        return CEN_OK;
    }
    return cen__fail_memory(error, "the pictures of an export");
}

static void free_pictures(pictures *p)
{
    cen__free(p->x);
    cen__free(p->bytes);
    cen__free(p->work);
    cen__free(p->before);
    cen__free(p->after);
}

/* ---- ranges ---- */

static float scale_of(const cen__c_value *value)
{
    const float scale = (value->high - value->low) / 255;
    return scale > 0 ? scale : 1;
}

/* 0 is a byte, too: it is what is beside a picture. */
static int zero_of(const cen__c_value *value)
{
    return (int)floorf(-128 - value->low / scale_of(value) + 0.5f);
}

/* ---- weights ---- */

/* Weights become whole numbers up to 127, and a number more for each output is their scale. */
static cen_status quantise_weights(const cen__c_net *net, cen__c_op *op, cen_error *error)
{
    const size_t n = op->n_numbers, row = op->n_weights / n;
    if (row > INT32_MAX / (127 * 255)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "body.%s, '%s': its sums are of %zu products, and with 8 bits at most %d "
                         "fit 32 bits; use 16 bits",
                         op->info->place, op->info->text, row, INT32_MAX / (127 * 255));
    }
    float *numbers = cen__alloc(net->context, 2 * n, sizeof *numbers);
    if (numbers == NULL) return cen__fail_memory(error, "a C file");
    memcpy(numbers, op->numbers, n * sizeof *numbers);
    for (size_t k = 0; k < n; k++) {
        float *w = op->weights + k * row, largest = 0;
        for (size_t i = 0; i < row; i++) largest = fabsf(w[i]) > largest ? fabsf(w[i]) : largest;
        const float scale = largest > 0 ? largest / 127 : 1;
        for (size_t i = 0; i < row; i++) w[i] = floorf(w[i] / scale + 0.5f);
        numbers[n + k] = scale * op->layer.x_scale;
    }
    cen__free(op->numbers);
    op->layer.numbers = op->numbers = numbers;
    op->n_numbers = 2 * n;
    op->kind = op->kind == CEN__C_CONV ? CEN__C_CONV_BYTES : CEN__C_DENSE_BYTES;
    return CEN_OK;
}

/* A relu in place goes away: the op before it cuts off what bytes of the relu's range cannot hold. */
static void remove_relus(cen__c_net *net)
{
    size_t n = 0;
    for (size_t i = 0; i < net->n_ops; i++) {
        const cen__c_op *op = &net->ops[i];
        const bool is_relu = op->kind == CEN__C_RELU || op->kind == CEN__C_RELU6;
        const cen__c_value *y = &net->values[op->y];
        cen__c_value *x = &net->values[op->x];
        if (is_relu && n > 0 && net->ops[n - 1].y == op->x && x->area == y->area) {
            x->low = y->low;
            x->high = y->high;
        } else {
            net->ops[n++] = *op;
        }
    }
    net->n_ops = n;
}

static cen_status quantise_ops(cen__c_net *net, cen_error *error)
{
    cen_status status = CEN_OK;
    remove_relus(net);
    for (size_t i = 0; i < net->n_ops && status == CEN_OK; i++) {
        cen__c_op *op = &net->ops[i];
        op->layer.x_scale = scale_of(&net->values[op->x]);
        op->layer.x2_scale = scale_of(&net->values[op->x2]);
        op->layer.y_steps = 1 / scale_of(&net->values[op->y]);
        op->layer.x_zero = zero_of(&net->values[op->x]);
        op->layer.x2_zero = zero_of(&net->values[op->x2]);
        op->layer.y_zero = zero_of(&net->values[op->y]);
        if (op->n_weights > 0) status = quantise_weights(net, op, error);
    }
    net->ends.x_scale = scale_of(&net->values[net->output]);
    net->ends.x_zero = zero_of(&net->values[net->output]);
    net->ends.y_steps = 1 / scale_of(&net->values[0]);
    net->ends.y_zero = zero_of(&net->values[0]);
    return status;
}

/* ---- what it costs ---- */

static double cosine(const float *a, const float *b, size_t d)
{
    double product = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < d; i++) {
        product += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? product / sqrt(aa * bb) : aa == bb;
}

static double median_cosine(const pictures *p, size_t d, double *sorted)
{
    for (size_t i = 0; i < p->n; i++) {
        const double found = cosine(p->before + i * d, p->after + i * d, d);
        size_t at = i;
        for (; at > 0 && sorted[at - 1] > found; at--) sorted[at] = sorted[at - 1];
        sorted[at] = found;
    }
    return (sorted[(p->n - 1) / 2] + sorted[p->n / 2]) / 2;
}

/* The share of rows whose nearest other one has their label. */
static cen_status measure(const cen__c_net *net, const pictures *p, const float *features,
                          size_t *nearest, double *share, cen_error *error)
{
    const size_t d = net->info->feature_size;
    size_t n_hits = 0, n_labelled = 0;
    *share = NAN;
    if (p->n < 2) return CEN_OK;
    cen_status status = cen_knn_search(net->context, features, p->n, features, p->n, d, 1,
                                       CEN_METRIC_COSINE, true, nearest, NULL, error);
    for (size_t i = 0; i < p->n && status == CEN_OK; i++) {
        const int32_t label = label_of(p, i);
        n_labelled += label >= 0;
        n_hits += label >= 0 && label_of(p, nearest[i]) == label;
    }
    if (n_labelled > 0) *share = (double)n_hits / (double)n_labelled;
    return status;
}

static cen_status judge(const cen__c_net *net, const pictures *p, cen_c_quality *quality,
                        cen_error *error)
{
    double *sorted = cen__alloc(net->context, p->n, sizeof *sorted);
    size_t *nearest = cen__alloc(net->context, p->n, sizeof *nearest);
    cen_status status = cen__fail_memory(error, "the features of an export");
    cen_c_quality q = {.n = p->n};
    if (sorted != NULL && nearest != NULL) {
        q.cosine = median_cosine(p, net->info->feature_size, sorted);
        status = measure(net, p, p->before, nearest, &q.before, error);
    }
    if (status == CEN_OK) status = measure(net, p, p->after, nearest, &q.after, error);
    cen__free(sorted);
    cen__free(nearest);
    if (status == CEN_OK && quality != NULL) *quality = q;
    if (status == CEN_OK && !(q.cosine >= least_cosine)) {
        status = cen__fail(error, CEN_ERROR_ARGUMENT,
                           "with 8 bits the median cosine of a feature before and after is %.4f, "
                           "under 0.99; use 16 bits",
                           q.cosine);
    }
    return status;
}

cen_status cen__c_net_quantise(cen__c_net *net, const cen_dataset *dataset, cen_c_quality *quality,
                               cen_error *error)
{
    pictures p = {0};
    cen_status status = take_pictures(net, dataset, &p, error);
    if (status == CEN_OK) status = compute(net, &p, p.before, net->values, error);
    if (status == CEN_OK) status = quantise_ops(net, error);
    if (status == CEN_OK) status = compute(net, &p, p.after, NULL, error);
    if (status == CEN_OK) status = judge(net, &p, quality, error);
    free_pictures(&p);
    return status;
}
