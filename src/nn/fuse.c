#include "nn/fuse.h"

#include "base/memory.h"
#include "nn/layers.h"

enum { MOST_IN_A_ROW = 3 };

typedef struct pattern {
    const cen__layer_kind *kinds[MOST_IN_A_ROW]; /* each is the only reader of the one before it */
    const cen__layer_kind *becomes;
    bool has_relu; /* the step has the relu of the row */
    bool folds;    /* in inference: the second's numbers go into the first's parameters */
} pattern;

/* What becomes one step. The first that fits is taken, and then others may fit what it has become; so the
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

/* Layers on their way to steps. */
typedef struct draft {
    const cen__layer *layers;
    size_t n_layers;
    size_t *n_readers; /* [n_layers] of each layer's output; later of each step's */
    size_t *step_of;   /* [n_layers] the step that has a layer's output; later the same of steps */
    bool is_training;
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

/* The inputs, which are layers before, become the steps that these are. */
static void move_inputs(cen__layer *step, const size_t *step_of)
{
    for (size_t k = 0; k < step->n_inputs; k++) {
        if (step->inputs[k] != CEN__NET_INPUT) step->inputs[k] = step_of[step->inputs[k]];
    }
}

/* A batchnorm is the only reader of a layer, whose bias it takes away. */
static void lose_bias(const draft *d, cen__steps *run, const cen__layer *norm)
{
    const size_t input = norm->inputs[0];
    if (input == CEN__NET_INPUT || d->n_readers[input] > 1) return;
    run->steps[d->step_of[input]].bias_is_lost = true;
}

/* One step each, but two of a batchnorm in training, and none of a dropout in inference. */
static void expand(const draft *d, cen__steps *run)
{
    count_readers(d->layers, d->n_layers, d->n_readers);
    for (size_t i = 0; i < d->n_layers; i++) {
        cen__layer step = d->layers[i];
        bool is_norm = d->is_training && step.kind == &cen__batchnorm_layer;
        if (is_norm) lose_bias(d, run, &step);
        move_inputs(&step, d->step_of);
        if (!d->is_training && step.kind == &cen__dropout_layer) {
            d->step_of[i] = step.inputs[0];
            continue;
        }
        run->steps[run->n++] = step;
        if (is_norm) {
            step.kind = &cen__batchnorm_apply;
            step.inputs[0] = run->n - 1;
            run->steps[run->n++] = step;
        }
        d->step_of[i] = run->n - 1;
    }
}

/* How many of the steps from i on the pattern takes, the first being `first` by now; 0: it does not fit. */
static size_t length_of(const pattern *p, const cen__steps *run, size_t i, const cen__layer *first,
                        const size_t *n_readers)
{
    size_t length = 1;
    if (p->becomes == &cen__conv_pool_layer && first->groups != 1) return 0;
    if (first->kind != p->kinds[0] || (p->folds && first->norm != NULL)) return 0;
    for (; length < MOST_IN_A_ROW && p->kinds[length] != NULL; length++) {
        const size_t at = i + length;
        if (at >= run->n || run->steps[at].kind != p->kinds[length]) return 0;
        if (run->steps[at].inputs[0] != at - 1 || n_readers[at - 1] != 1) return 0;
        if (p->kinds[length] == &cen__maxpool_layer && !cen__layer_halves(&run->steps[at]))
            return 0;
    }
    return length;
}

/* *step, which is the last of the steps up to i, becomes one with those after it that a pattern takes.
 * Returns how many these are. */
static size_t apply_pattern(const draft *d, const cen__steps *run, size_t i, cen__layer *step)
{
    for (size_t k = 0; k < N_PATTERNS; k++) {
        const pattern *p = &patterns[k];
        if (p->folds && d->is_training) continue;
        size_t length = length_of(p, run, i, step, d->n_readers);
        if (length == 0) continue;
        const cen__layer *last = &run->steps[i + length - 1];
        step->kind = p->becomes;
        step->out = last->out;
        step->has_relu = step->has_relu || p->has_relu;
        if (p->folds) step->norm = &d->layers[last->index];
        return length - 1;
    }
    return 0;
}

static void group(const draft *d, cen__steps *run)
{
    size_t n = 0;
    count_readers(run->steps, run->n, d->n_readers);
    for (size_t i = 0; i < run->n; i++) {
        cen__layer step = run->steps[i];
        const size_t first = i;
        for (size_t taken = 1; taken > 0; i += taken) taken = apply_pattern(d, run, i, &step);
        move_inputs(&step, d->step_of);
        for (size_t j = first; j <= i; j++) d->step_of[j] = n;
        run->steps[n++] = step;
    }
    run->n = n;
}

/* A batchnorm's first step, of its second: the parameters are the latter's. */
static cen__layer measuring(const cen__layer *apply, size_t input)
{
    cen__layer step = *apply;
    bool pools = apply->kind == &cen__batchnorm_pool;
    step.kind = pools ? &cen__batchnorm_measure_pool : &cen__batchnorm_measure;
    step.inputs[0] = input;
    step.n_parameters = step.count = 0;
    return step;
}

static void fuse(const draft *d, cen__steps *run)
{
    expand(d, run);
    group(d, run);
    for (size_t i = 0; i + 1 < run->n && d->is_training; i++) {
        cen__layer *step = &run->steps[i];
        if (step->kind == &cen__batchnorm_layer) *step = measuring(step + 1, step->inputs[0]);
    }
}

cen_status cen__fuse(cen_context *context, const cen__layer *layers, size_t n_layers,
                     cen__steps *training, cen__steps *inference, cen_error *error)
{
    draft d = {.layers = layers,
               .n_layers = n_layers,
               .n_readers = cen__alloc(context, 2 * n_layers, sizeof *d.n_readers),
               .step_of = cen__alloc(context, 2 * n_layers, sizeof *d.step_of)};
    training->steps = cen__alloc(context, 2 * n_layers, sizeof *training->steps);
    inference->steps = cen__alloc(context, n_layers, sizeof *inference->steps);
    bool good = d.n_readers != NULL && d.step_of != NULL && training->steps != NULL &&
                inference->steps != NULL;
    if (good) fuse(&d, inference);
    d.is_training = true;
    if (good) fuse(&d, training);
    cen__free(d.n_readers);
    cen__free(d.step_of);
    return good ? CEN_OK : cen__fail_memory(error, "the net");
}
