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
    size_t n, size;  /* of one: bytes */
    uint8_t *bytes;  /* [n, size] */
    int32_t *labels; /* [n]; -1: none */
    float *before, *after;
} pictures;

/* bytes[h, w, c] of raw values x[c, h, w], which are byte / 255. */
static void take_bytes(const cen_dataset *dataset, const float *x, uint8_t *bytes)
{
    const size_t c = dataset->channels, area = dataset->height * dataset->width;
    for (size_t i = 0; i < c * area; i++) {
        const float level = x[i % c * area + i / c] * 255 + 0.5f;
        bytes[i] = level >= 255 ? 255 : level > 0 ? (uint8_t)level : 0;
    }
}

/* So many rows of all, evenly. */
static cen_status read_pictures(const cen__c_net *net, const cen_dataset *dataset, pictures *p,
                                cen_error *error)
{
    const size_t d = net->info->feature_size;
    p->n = dataset->n < PICTURES_MOST ? dataset->n : PICTURES_MOST;
    p->size = dataset->channels * dataset->height * dataset->width;
    p->bytes = cen__alloc(net->context, p->n * p->size, 1);
    p->labels = cen__alloc(net->context, p->n, sizeof *p->labels);
    p->before = cen__alloc(net->context, p->n * d, sizeof *p->before);
    p->after = cen__alloc(net->context, p->n * d, sizeof *p->after);
    float *x = cen__alloc(net->context, p->size, sizeof *x);
    cen_input raw = net->info->input;
    cen_status status = CEN_OK;
    for (size_t i = 0; i < raw.channels; i++) raw.mean[i] = 0, raw.std[i] = 1;
    if (p->bytes == NULL || p->labels == NULL || p->before == NULL || p->after == NULL ||
        x == NULL) {
        status = cen__fail_memory(error, "the pictures of an export");
    }
    for (size_t i = 0; i < p->n && status == CEN_OK; i++) {
        const size_t row = (size_t)((double)i * (double)dataset->n / (double)p->n);
        status = cen_dataset_read(net->context, dataset, &raw, NULL, 1, 0, &row, 1, x, NULL, error);
        if (status == CEN_OK) take_bytes(dataset, x, p->bytes + i * p->size);
        p->labels[i] = dataset->labels != NULL ? dataset->labels[row] : -1;
    }
    cen__free(x);
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

static void free_pictures(pictures *p)
{
    cen__free(p->bytes);
    cen__free(p->labels);
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
                         "fit 32 bits",
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

static void compute(const cen__c_net *net, const pictures *p, float *work, float *features,
                    cen__c_value *ranges)
{
    const size_t d = net->info->feature_size;
    for (size_t i = 0; i < p->n; i++) {
        cen__c_net_run(net, p->bytes + i * p->size, features + i * d, work, ranges);
    }
}

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
        n_labelled += p->labels[i] >= 0;
        n_hits += p->labels[i] >= 0 && p->labels[nearest[i]] == p->labels[i];
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
    cen_status status = check_pictures(net, dataset, error);
    if (status == CEN_OK) status = read_pictures(net, dataset, &p, error);
    float *work = cen__alloc(net->context, net->n_work, sizeof *work);
    if (status == CEN_OK && work == NULL) {
        status = cen__fail_memory(error, "the work memory of an export");
    }
    if (status == CEN_OK) {
        compute(net, &p, work, p.before, net->values);
        status = quantise_ops(net, error);
    }
    if (status == CEN_OK) {
        compute(net, &p, work, p.after, NULL);
        status = judge(net, &p, quality, error);
    }
    cen__free(work);
    free_pictures(&p);
    return status;
}
