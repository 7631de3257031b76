#include "nn/fuse.h"

#include "base/memory.h"
#include "nn/layers.h"

enum { MOST_IN_A_ROW = 3 };

typedef struct pattern {
    const cen__layer_kind *kinds[MOST_IN_A_ROW]; /* each is the only reader of the one before it */
    const cen__layer_kind *becomes;
    bool has_relu; /* the op has the relu of the row */
    bool folds;    /* if frozen: the second's numbers go into the first's parameters */
} pattern;

/* What becomes one op. The first that fits is taken, and then others may fit what it has become; so the
 * longer ones come first. A maxpool is one of 2x2 here. */
static const pattern patterns[] = {
    {{&cen__conv_layer, &cen__batchnorm_layer}, &cen__conv_layer, false, true},
    {{&cen__conv_layer, &cen__relu_layer, &cen__maxpool_layer}, &cen__conv_pool_layer, true, false},
    {{&cen__conv_layer, &cen__maxpool_layer, &cen__relu_layer}, &cen__conv_pool_layer, true, false},
    {{&cen__conv_layer, &cen__maxpool_layer}, &cen__conv_pool_layer, false, false},
    {{&cen__batchnorm_apply, &cen__relu_layer, &cen__maxpool_layer},
     &cen__batchnorm_pool,
     true,
     false},
    {{&cen__batchnorm_apply, &cen__maxpool_layer, &cen__relu_layer},
     &cen__batchnorm_pool,
     true,
     false},
    {{&cen__batchnorm_apply, &cen__maxpool_layer}, &cen__batchnorm_pool, false, false},
    {{&cen__batchnorm_apply, &cen__relu_layer}, &cen__batchnorm_apply, true, false},
    {{&cen__residual_layer, &cen__relu_layer}, &cen__residual_relu_layer, true, false},
};

enum { N_PATTERNS = sizeof patterns / sizeof *patterns };

/* Layers on their way to ops. */
typedef struct draft {
    const cen__layer *layers;
    size_t n_layers;
    size_t *n_readers; /* [n_layers] of each layer's output; later of each op's */
    size_t *op_of;     /* [n_layers] the op that has a layer's output; later the same of ops */
    size_t n_frozen;   /* layers, the first ones */
} draft;

static void count_readers(const cen__layer *layers, size_t n, size_t *n_readers)
{
    for (size_t i = 0; i < n; i++) {
        n_readers[i] = 0;
        for (size_t k = 0; k < layers[i].n_inputs; k++) {
            if (layers[i].inputs[k] != CEN__NET_INPUT) n_readers[layers[i].inputs[k]]++;
        }
    }
}

/* The inputs, which are layers before, become the ops that these are. */
static void move_inputs(cen__layer *op, const size_t *op_of)
{
    for (size_t k = 0; k < op->n_inputs; k++) {
        if (op->inputs[k] != CEN__NET_INPUT) op->inputs[k] = op_of[op->inputs[k]];
    }
}

/* A batchnorm is the only reader of a layer, whose bias it takes away. */
static void lose_bias(const draft *d, cen__ops *made, const cen__layer *norm)
{
    const size_t input = norm->inputs[0];
    if (input == CEN__NET_INPUT || d->n_readers[input] > 1) return;
    made->ops[d->op_of[input]].bias_is_lost = true;
}

/* One op each, but two of a batchnorm in training, and none of a frozen dropout. */
static void expand(const draft *d, cen__ops *made)
{
    count_readers(d->layers, d->n_layers, d->n_readers);
    for (size_t i = 0; i < d->n_layers; i++) {
        cen__layer op = d->layers[i];
        op.is_frozen = i < d->n_frozen;
        bool is_norm = !op.is_frozen && op.kind == &cen__batchnorm_layer;
        if (is_norm) lose_bias(d, made, &op);
        move_inputs(&op, d->op_of);
        if (op.is_frozen && op.kind == &cen__dropout_layer) {
            d->op_of[i] = op.inputs[0];
            continue;
        }
        made->ops[made->n++] = op;
        if (is_norm) {
            op.kind = &cen__batchnorm_apply;
            op.inputs[0] = made->n - 1;
            made->ops[made->n++] = op;
        }
        d->op_of[i] = made->n - 1;
    }
}

/* How many of the ops from i on the pattern takes, the first being `first` by now; 0: it does not fit. */
static size_t length_of(const pattern *p, const cen__ops *made, size_t i, const cen__layer *first,
                        const size_t *n_readers)
{
    size_t length = 1;
    if (p->becomes == &cen__conv_pool_layer && first->groups != 1) return 0;
    if (first->kind != p->kinds[0] || (p->folds && first->norm != NULL)) return 0;
    for (; length < MOST_IN_A_ROW && p->kinds[length] != NULL; length++) {
        const size_t at = i + length;
        if (at >= made->n || made->ops[at].kind != p->kinds[length]) return 0;
        if (made->ops[at].inputs[0] != at - 1 || n_readers[at - 1] != 1) return 0;
        if (p->kinds[length] == &cen__maxpool_layer && !cen__layer_halves(&made->ops[at])) return 0;
    }
    return length;
}

/* *op, which is the last of the ops up to i, becomes one with those after it that a pattern takes.
 * Returns how many these are. */
static size_t apply_pattern(const draft *d, const cen__ops *made, size_t i, cen__layer *op)
{
    for (size_t k = 0; k < N_PATTERNS; k++) {
        const pattern *p = &patterns[k];
        if (p->folds && !op->is_frozen) continue;
        size_t length = length_of(p, made, i, op, d->n_readers);
        if (length == 0) continue;
        const cen__layer *last = &made->ops[i + length - 1];
        op->kind = p->becomes;
        op->out = last->out;
        op->has_relu = op->has_relu || p->has_relu;
        if (p->folds) op->norm = &d->layers[last->index];
        return length - 1;
    }
    return 0;
}

static void group(const draft *d, cen__ops *made)
{
    size_t n = 0;
    count_readers(made->ops, made->n, d->n_readers);
    for (size_t i = 0; i < made->n; i++) {
        cen__layer op = made->ops[i];
        const size_t first = i;
        for (size_t taken = 1; taken > 0; i += taken) taken = apply_pattern(d, made, i, &op);
        move_inputs(&op, d->op_of);
        for (size_t j = first; j <= i; j++) d->op_of[j] = n;
        made->ops[n++] = op;
    }
    made->n = n;
}

/* A batchnorm's first op, of its second: the parameters are the latter's. */
static cen__layer measuring(const cen__layer *apply, size_t input)
{
    cen__layer op = *apply;
    bool pools = apply->kind == &cen__batchnorm_pool;
    op.kind = pools ? &cen__batchnorm_measure_pool : &cen__batchnorm_measure;
    op.inputs[0] = input;
    op.n_parameters = op.count = 0;
    return op;
}

static void fuse(const draft *d, cen__ops *made)
{
    expand(d, made);
    group(d, made);
    for (size_t i = 0; i + 1 < made->n; i++) {
        cen__layer *op = &made->ops[i];
        bool is_norm = !op->is_frozen && op->kind == &cen__batchnorm_layer;
        if (is_norm) *op = measuring(op + 1, op->inputs[0]);
    }
}

cen_status cen__fuse(cen_context *context, const cen__layer *layers, size_t n_layers,
                     size_t n_frozen, cen__ops *ops, cen_error *error)
{
    const draft d = {.layers = layers,
                     .n_layers = n_layers,
                     .n_readers = cen__alloc(context, 2 * n_layers, sizeof *d.n_readers),
                     .op_of = cen__alloc(context, 2 * n_layers, sizeof *d.op_of),
                     .n_frozen = n_frozen};
    /* A frozen layer is one op at most. */
    *ops = (cen__ops){cen__alloc(context, 2 * n_layers - n_frozen, sizeof *ops->ops), 0};
    bool good = d.n_readers != NULL && d.op_of != NULL && ops->ops != NULL;
    if (good) fuse(&d, ops);
    cen__free(d.n_readers);
    cen__free(d.op_of);
    return good ? CEN_OK : cen__fail_memory(error, "the net");
}
