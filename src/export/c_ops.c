/* A layer of a C file from a layer of the model, with its numbers. */
#include "export/c_ops.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "export/words.h"
#include "kernels/gemm.h"

/* ---- numbers of the model ---- */

static cen_status copy_tensor(cen__c_net *net, const char *place, const char *ending, float *to,
                              size_t n, cen_error *error)
{
    char name[CEN__NAME_MOST];
    cen_tensor view;
    size_t count = 1;
    bool found = cen__words_tensor(net->model, cen__words_join(name, place, ending), &view);
    for (size_t i = 0; found && i < view.n_dims; i++) count *= view.shape[i];
    if (!found || count != n) {
        return cen__fail(error, CEN_ERROR_UNSUPPORTED, "the model has no tensor %s of %zu numbers",
                         name, n);
    }
    memcpy(to, view.data, n * sizeof *to);
    return CEN_OK;
}

/* Weights, and numbers from tensors of n numbers with these endings, up to NULL. */
static cen_status take_numbers(cen__c_net *net, cen__c_op *op, size_t n_weights, size_t n,
                               const char *const *endings, cen_error *error)
{
    size_t n_endings = 0;
    while (endings[n_endings] != NULL) n_endings++;
    op->n_weights = n_weights;
    op->n_numbers = n * n_endings;
    op->weights = cen__alloc(net->context, op->n_weights, sizeof *op->weights);
    op->numbers = cen__alloc(net->context, op->n_numbers, sizeof *op->numbers);
    if (op->weights == NULL || op->numbers == NULL) return cen__fail_memory(error, "a C file");
    cen_status status =
        n_weights > 0 ? copy_tensor(net, op->info->place, "weight", op->weights, n_weights, error)
                      : CEN_OK;
    for (size_t i = 0; i < n_endings && status == CEN_OK; i++) {
        status = copy_tensor(net, op->info->place, endings[i], op->numbers + i * n, n, error);
    }
    return status;
}

/* Scales and shifts of a batchnorm, [2 c], as src/nn/batchnorm.c has them in inference. */
static cen_status take_norm(cen__c_net *net, cen__c_op *op, size_t c, cen_error *error)
{
    static const char *const endings[] = {"weight", "bias", "running_mean", "running_var", NULL};
    cen_status status = take_numbers(net, op, 0, c, endings, error);
    for (size_t k = 0; k < c && status == CEN_OK; k++) {
        float *at = op->numbers + k;
        const double slope = (double)at[0] / sqrt((double)at[3 * c] + 1e-5);
        at[c] = (float)((double)at[c] - (double)at[2 * c] * slope);
        at[0] = (float)slope;
    }
    op->n_numbers = 2 * c;
    return status;
}

/* The batchnorm after a convolution goes into its numbers. */
static cen_status fold(cen__c_net *net, cen__c_op *conv, const cen_layer_info *info,
                       cen_error *error)
{
    const size_t c = conv->n_numbers, row = conv->n_weights / c;
    cen__c_op norm = {.info = info};
    cen_status status = take_norm(net, &norm, c, error);
    for (size_t k = 0; k < c && status == CEN_OK; k++) {
        for (size_t i = k * row; i < (k + 1) * row; i++) conv->weights[i] *= norm.numbers[k];
        conv->numbers[k] = conv->numbers[k] * norm.numbers[k] + norm.numbers[c + k];
    }
    conv->folded = true;
    cen__free(norm.weights);
    cen__free(norm.numbers);
    return status;
}

/* ---- layers ---- */

cen__c_op *cen__c_add_op(cen__c_net *net, cen__c_kind kind, size_t x)
{
    const cen_layer_info *info = &net->info->layers[net->at];
    const size_t y = net->n_values++;
    cen__c_op *op = &net->ops[net->n_ops++];
    *op = (cen__c_op){.kind = kind, .info = info, .x = x, .x2 = x, .y = y};
    op->layer = (cen__c_layer){.groups = 1,
                               .c = net->c,
                               .h = net->h,
                               .w = net->w,
                               .k = (int)info->channels,
                               .out_h = (int)info->height,
                               .out_w = (int)info->width};
    net->values[y].count = info->channels * info->height * info->width;
    return op;
}

static void read_window(cen__c_layer *v, const char *text, const int64_t window[2],
                        const int64_t default_stride[2])
{
    int64_t stride[2] = {default_stride[0], default_stride[1]}, pad[2] = {0, 0};
    (void)cen__words_size(text, " stride ", stride);
    (void)cen__words_size(text, " pad ", pad);
    v->kernel_h = (int)window[0];
    v->kernel_w = (int)window[1];
    v->stride_h = (int)stride[0];
    v->stride_w = (int)stride[1];
    v->pad_h = (int)pad[0];
    v->pad_w = (int)pad[1];
}

static cen_status add_conv(cen__c_net *net, cen__c_op *op, cen_error *error)
{
    cen__c_layer *v = &op->layer;
    const size_t outputs = op->info->channels;
    int64_t groups[2] = {1, 1}, window[2] = {1, 1};
    const char *kernel = op->info->text + strlen("conv ");
    while (*kernel >= '0' && *kernel <= '9') kernel++;
    (void)cen__words_size(kernel, " ", window);
    (void)cen__words_size(op->info->text, " groups ", groups);
    read_window(v, op->info->text, window, (const int64_t[2]){1, 1});
    v->groups = (int)groups[0];
    v->c /= v->groups;
    v->k /= v->groups;
    return take_numbers(net, op, outputs * (size_t)(v->c * v->kernel_h * v->kernel_w), outputs,
                        (const char *const[]){"bias", NULL}, error);
}

static cen_status add_pool(cen__c_net *net, cen__c_op *op, cen_error *error)
{
    int64_t window[2] = {1, 1};
    (void)net, (void)error;
    (void)cen__words_size(op->info->text, "pool ", window);
    read_window(&op->layer, op->info->text, window, window);
    /* The library computes an average as a convolution of each plane by itself. */
    op->layer.columns_first = op->layer.stride_h <= 2 && op->layer.stride_w <= 2;
    return CEN_OK;
}

static cen_status add_dense(cen__c_net *net, cen__c_op *op, cen_error *error)
{
    const size_t in = (size_t)(net->c * net->h * net->w), out = op->info->channels;
    op->layer.c = (int)in;
    op->layer.parts = (int)cen__gemm_parts(out, in);
    return take_numbers(net, op, in * out, out, (const char *const[]){"bias", NULL}, error);
}

static cen_status add_affine(cen__c_net *net, cen__c_op *op, cen_error *error)
{
    return take_norm(net, op, (size_t)net->c, error);
}

static cen_status add_prelu(cen__c_net *net, cen__c_op *op, cen_error *error)
{
    return take_numbers(net, op, 0, (size_t)net->c, (const char *const[]){"weight", NULL}, error);
}

static cen_status add_l2norm(cen__c_net *net, cen__c_op *op, cen_error *error)
{
    float scale;
    if (!cen__words_scale(op->info->text, &scale)) {
        return take_numbers(net, op, 0, 1, (const char *const[]){"weight", NULL}, error);
    }
    op->numbers = cen__alloc(net->context, 1, sizeof *op->numbers);
    if (op->numbers == NULL) return cen__fail_memory(error, "a C file");
    op->numbers[0] = scale;
    op->n_numbers = 1;
    return CEN_OK;
}

/* The convolution of this chain after which a maxpool of 2x2 comes next, maybe with a relu between. */
static bool is_pooled(const cen__c_net *net, int conv, const char *text)
{
    int64_t size[2];
    const bool is_last = conv != CEN__C_NO_OP && net->n_ops == (size_t)conv + 1;
    const bool is_relu = conv != CEN__C_NO_OP && net->n_ops == (size_t)conv + 2 &&
                         net->ops[conv + 1].kind == CEN__C_RELU;
    if (!(is_last || is_relu) || net->ops[conv].layer.pooled) return false;
    if (!cen__words_size(text, "maxpool ", size) || size[0] != 2 || size[1] != 2) return false;
    if (cen__words_size(text, " stride ", size) && (size[0] != 2 || size[1] != 2)) return false;
    return !cen__words_size(text, " pad ", size) || (size[0] == 0 && size[1] == 0);
}

static void pool(cen__c_net *net, int conv)
{
    const cen_layer_info *info = &net->info->layers[net->at];
    net->ops[conv].layer.pooled = 1;
    for (size_t i = (size_t)conv; i < net->n_ops; i++) {
        net->values[net->ops[i].y].count = info->channels * info->height * info->width;
        if (i == (size_t)conv) continue;
        net->ops[i].layer.h = (int)info->height;
        net->ops[i].layer.w = (int)info->width;
    }
}

static const struct {
    const char *word;
    cen__c_kind kind;
    cen_status (*add)(cen__c_net *, cen__c_op *, cen_error *);
} kinds[] = {{"conv", CEN__C_CONV, add_conv},
             {"maxpool", CEN__C_MAXPOOL, add_pool},
             {"avgpool", CEN__C_AVGPOOL, add_pool},
             {"dense", CEN__C_DENSE, add_dense},
             {"batchnorm", CEN__C_AFFINE, add_affine},
             {"prelu", CEN__C_PRELU, add_prelu},
             {"l2norm", CEN__C_L2NORM, add_l2norm},
             {"relu", CEN__C_RELU, NULL},
             {"relu6", CEN__C_RELU6, NULL},
             {"gelu", CEN__C_GELU, NULL},
             {"gap", CEN__C_GAP, NULL}};

cen_status cen__c_add_layer(cen__c_net *net, size_t *value, int *conv, cen_error *error)
{
    const size_t n_kinds = sizeof kinds / sizeof *kinds;
    const cen_layer_info *info = &net->info->layers[net->at];
    size_t i = 0;
    if (cen__words_is_kind(info->text, "dropout")) return CEN_OK;
    if (cen__words_is_kind(info->text, "flatten")) {
        *conv = CEN__C_NO_OP;
        return CEN_OK;
    }
    if (is_pooled(net, *conv, info->text)) {
        pool(net, *conv);
        return CEN_OK;
    }
    if (*conv != CEN__C_NO_OP && net->n_ops == (size_t)*conv + 1 && !net->ops[*conv].folded &&
        !net->ops[*conv].layer.pooled && cen__words_is_kind(info->text, "batchnorm")) {
        return fold(net, &net->ops[*conv], info, error);
    }
    while (i < n_kinds && !cen__words_is_kind(info->text, kinds[i].word)) i++;
    if (i == n_kinds) {
        return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                         "layer %zu of the net, '%s', has no form in a C file", net->at + 1,
                         info->text);
    }
    cen__c_op *op = cen__c_add_op(net, kinds[i].kind, *value);
    *value = op->y;
    if (op->kind == CEN__C_CONV) *conv = (int)net->n_ops - 1;
    return kinds[i].add != NULL ? kinds[i].add(net, op, error) : CEN_OK;
}
