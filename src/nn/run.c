#include <centerloss_eval.h>

#include "nn/run.h"

#include <string.h>

#include "base/memory.h"
#include "base/sizes.h"
#include "nn/layers.h"
#include "nn/plan.h"

enum { SUM_BLOCK = 4096, CACHED_COUNT = 1 << 17 };

/* The kinds of memory are those of plan.h. */
struct cen__run {
    cen__plan plan;
    cen_context *context;
    float *batch, *area, *partial, *shared, *folded, *prepared;
    uint8_t *saved;
    double *sums;
    const float *w;
    float *state;
    uint64_t seed, step;
    size_t first; /* the place of the first image in the whole batch */
};

static cen_status allocate(cen__run *run, cen_error *error)
{
    const cen__plan *plan = &run->plan;
    const size_t most = SIZE_MAX / sizeof(float);
    if (plan->batch_count > most || plan->areas_count > most || plan->saved_size == SIZE_MAX) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "a batch of %zu does not fit into memory; use smaller batches",
                         plan->max_n);
    }
    run->batch = cen__alloc(run->context, plan->batch_count, sizeof(float));
    run->area = cen__alloc(run->context, plan->areas_count, sizeof(float));
    run->partial = cen__alloc(run->context, plan->partial_count, sizeof(float));
    run->saved = cen__alloc(run->context, plan->saved_size, 1);
    run->shared = cen__alloc(run->context, plan->shared_count, sizeof(float));
    run->sums = cen__alloc(run->context, plan->all_sums_count, sizeof(double));
    run->folded = cen__alloc(run->context, plan->folded_count, sizeof(float));
    run->prepared = cen__alloc(run->context, plan->prepared_count, sizeof(float));
    bool failed = run->batch == NULL || run->area == NULL || run->partial == NULL ||
                  run->saved == NULL || run->shared == NULL || run->sums == NULL ||
                  run->folded == NULL || run->prepared == NULL;
    return failed ? cen__fail_memory(error, "the net's activations") : CEN_OK;
}

cen_status cen__run_create(cen__run **run, const cen__net *net, size_t max_n, cen_context *context,
                           bool training, cen_error *error)
{
    const int n_threads = cen_context_threads(context);
    cen__run *made = cen__alloc_zeroed(context, 1, sizeof *made);
    *run = NULL;
    if (made == NULL || !cen__plan_make(context, &made->plan, net, max_n, n_threads, training)) {
        cen__free(made);
        return cen__fail_memory(error, "the net's activations");
    }
    made->context = context;
    cen_status status = allocate(made, error);
    if (status == CEN_OK) *run = made;
    if (status != CEN_OK) cen__run_free(made);
    return status;
}

cen_status cen__run_measure(cen_context *context, const cen__net *net, size_t *count,
                            cen_error *error)
{
    cen__plan plan;
    if (!cen__plan_make(context, &plan, net, 1, 1, false)) {
        return cen__fail_memory(error, "the net's activations");
    }
    *count = cen__plus(plan.batch_count, plan.areas_count);
    cen__plan_free(&plan);
    return CEN_OK;
}

void cen__run_free(cen__run *run)
{
    if (run == NULL) return;
    cen__plan_free(&run->plan);
    cen__free(run->batch);
    cen__free(run->saved);
    cen__free(run->area);
    cen__free(run->partial);
    cen__free(run->shared);
    cen__free(run->sums);
    cen__free(run->folded);
    cen__free(run->prepared);
    cen__free(run);
}

void cen__run_draw(cen__run *run, uint64_t seed, uint64_t step, size_t first)
{
    run->first = first;
    run->seed = seed;
    run->step = step;
}

/* What one call of forward or backward works on. */
typedef struct call {
    cen__run *run;
    const cen__plan *plan;
    const cen__stage *stage;
    const float *x;
    float *df, *dw;
    size_t n;
    bool is_backward;
} call;

/* The images of one task, or all of them. */
typedef struct chunk {
    size_t start, n;
    float *area;    /* the worker's */
    float *partial; /* the chunk's parameter gradients, NULL for the whole batch */
    double *sums;   /* the chunk's; the batch's in those of the first */
} chunk;

static chunk chunk_of(const call *c, size_t task, int worker)
{
    const cen__run *run = c->run;
    const size_t chunks = cen__plan_chunks(c->stage, c->n), start = task * c->n / chunks;
    float *partial = run->partial + task * cen__plan_partial(c->stage);
    return (chunk){.start = start,
                   .n = (task + 1) * c->n / chunks - start,
                   .area = run->area + (size_t)worker * c->plan->area_count,
                   .partial = chunks > 1 ? partial : c->dw + c->stage->offset,
                   .sums = run->sums + task * c->plan->sums_count};
}

static chunk whole_of(const call *c)
{
    return (chunk){.n = c->n, .area = c->run->area, .sums = c->run->sums};
}

static float *locate(const call *c, const chunk *of, cen__place at)
{
    if (at.kind == CEN__AT_AREA) return of->area + at.offset;
    return c->run->batch + at.offset + of->start * at.count;
}

static const float *output(const call *c, const chunk *of, cen__place at)
{
    return at.kind == CEN__AT_INPUT ? c->x + of->start * at.count : locate(c, of, at);
}

static float *gradient(const call *c, const chunk *of, cen__place at)
{
    return at.kind == CEN__AT_INPUT ? c->df + of->start * at.count : locate(c, of, at);
}

static const float *weights(const cen__run *run, size_t i)
{
    const cen__layer *op = &run->plan.ops[i];
    return op->norm != NULL ? run->folded + run->plan.spots[i].folded_offset : run->w + op->offset;
}

static cen__pass op_pass(const call *c, const chunk *of, size_t i)
{
    const cen__run *run = c->run;
    const cen__layer *op = &c->plan->ops[i];
    const cen__spot *at = &c->plan->spots[i];
    bool is_batch = op->kind->scope == CEN__SCOPE_BATCH, has_saved = c->plan->is_training;
    size_t saved_size = op->kind->saved_size != NULL ? op->kind->saved_size(op) : 0;
    uint8_t *saved = run->saved + at->saved_offset;
    return (cen__pass){
        .n = of->n,
        .start = of->start,
        .first = run->first + of->start,
        .context = run->context,
        .w = weights(run, i),
        .prepared = cen__plan_prepares(c->plan, op) ? run->prepared + at->prepared_offset : NULL,
        .x = output(c, of, cen__plan_input(c->plan, i, 0)),
        .x2 = op->n_inputs > 1 ? output(c, of, cen__plan_input(c->plan, i, 1)) : NULL,
        .y = at->y.kind != CEN__AT_INPUT ? locate(c, of, at->y) : NULL,
        .saved = has_saved ? saved + of->start * saved_size : NULL,
        .saved_of_batch = has_saved ? saved : NULL,
        .max_n = c->plan->max_n,
        .scratch = is_batch ? run->area : of->area + c->plan->scratch_offset,
        .state = run->state + op->state_offset,
        .shared = run->shared + at->shared_offset,
        .sums = of->sums,
        .seed = run->seed,
        .step = run->step};
}

/* The same with its gradients; those of the parameters are the chunk's, or those of the batch. */
static cen__pass gradient_pass(const call *c, const chunk *of, size_t i)
{
    const cen__layer *op = &c->plan->ops[i];
    const cen__spot *at = &c->plan->spots[i];
    cen__pass pass = op_pass(c, of, i);
    pass.dy = gradient(c, of, at->dy);
    pass.dx = at->needs_dx ? gradient(c, of, at->dx) : NULL;
    pass.dw =
        of->partial != NULL ? of->partial + (op->offset - c->stage->offset) : c->dw + op->offset;
    return pass;
}

/* Parts of what op i makes of its weights: none backward where no op before it has parameters. */
static size_t n_parts(const call *c, size_t i)
{
    const cen__layer *op = &c->plan->ops[i];
    if (!cen__plan_prepares(c->plan, op) || (c->is_backward && !c->plan->spots[i].needs_dx))
        return 0;
    return op->kind->n_parts(op, c->is_backward);
}

static void prepare_part(void *data, size_t task, int worker)
{
    (void)worker;
    const call *c = data;
    size_t i = c->stage->first, n = n_parts(c, i);
    for (; task >= n; n = n_parts(c, ++i)) task -= n;
    const cen__layer *op = &c->plan->ops[i];
    op->kind->prepare(op, weights(c->run, i), c->is_backward, task,
                      c->run->prepared + c->plan->spots[i].prepared_offset);
}

/* Before the stage's first image. */
static void prepare(call *c)
{
    size_t n = 0;
    for (size_t i = c->stage->first; i < c->stage->end; i++) n += n_parts(c, i);
    if (n > 0) cen__parallel(c->run->context, n, CEN__MUCH_WORK, prepare_part, c);
}

void cen__run_use(cen__run *run, const float *w, float *state)
{
    const cen__plan *plan = &run->plan;
    run->w = w;
    run->state = state;
    for (size_t i = 0; i < plan->n_ops; i++) {
        if (plan->ops[i].norm == NULL) continue;
        cen__batchnorm_fold(&plan->ops[i], w, state, run->folded + plan->spots[i].folded_offset);
    }
    for (size_t s = 0; s < plan->n_stages && !plan->is_training; s++) {
        call c = {.run = run, .plan = plan, .stage = &plan->stages[s]};
        prepare(&c);
    }
}

static void forward_ops(const call *c, const chunk *of)
{
    for (size_t i = c->stage->first; i < c->stage->end; i++) {
        const cen__layer *op = &c->plan->ops[i];
        if (op->kind->keeps_memory) continue;
        cen__pass pass = op_pass(c, of, i);
        op->kind->forward(op, &pass);
    }
}

/* The gradients that two readers of one output have made. */
static void add_gradients(const call *c, const chunk *of, const cen__addition *addition)
{
    const size_t count = of->n * addition->to.count;
    const float *a = gradient(c, of, addition->a), *b = gradient(c, of, addition->b);
    float *to = gradient(c, of, addition->to);
    for (size_t i = 0; i < count; i++) to[i] = a[i] + b[i];
}

static void backward_ops(const call *c, const chunk *of)
{
    for (size_t i = c->stage->end; i-- > c->stage->first;) {
        const cen__layer *op = &c->plan->ops[i];
        const cen__spot *at = &c->plan->spots[i];
        if (!at->needs_dx && !cen__layer_learns(op)) continue;
        if (op->kind->backward != NULL) {
            cen__pass pass = gradient_pass(c, of, i);
            op->kind->backward(op, &pass);
        }
        for (size_t k = 0; k < op->n_inputs; k++) {
            if (at->additions[k].is_due) add_gradients(c, of, &at->additions[k]);
        }
    }
}

static void forward_chunk(void *data, size_t task, int worker)
{
    chunk of = chunk_of(data, task, worker);
    forward_ops(data, &of);
}

/* Images of a chunk that go backward at once: so many that the gradients of one layer are still in the cache
 * for the next. But all where a convolution hands one on, because each call transforms the gradient of its
 * kernels; and all where a layer makes sums. */
static size_t backward_block(const call *c)
{
    const cen__plan *plan = c->plan;
    size_t most = 1;
    if (plan->ops[c->stage->first].kind->finish_backward != NULL) return c->n;
    for (size_t i = c->stage->first; i < c->stage->end; i++) {
        const cen__layer *op = &plan->ops[i];
        if (plan->spots[i].needs_dx && op->kind->scratch_count != NULL) return c->n;
        const size_t count = cen__shape_count(op->out);
        if (count > most) most = count;
    }
    return most > CACHED_COUNT ? 1 : CACHED_COUNT / most;
}

static void backward_chunk(void *data, size_t task, int worker)
{
    const call *c = data;
    chunk of = chunk_of(c, task, worker);
    memset(of.partial, 0, c->stage->count * sizeof *of.partial);
    size_t end = of.start + of.n, block = backward_block(c);
    for (; of.start < end; of.start += block) {
        of.n = end - of.start < block ? end - of.start : block;
        backward_ops(c, &of);
    }
}

/* One block of dw = the sum of the chunks' partials: of neighbours, then of these sums, and so on. */
static void sum_block(void *data, size_t task, int worker)
{
    (void)worker;
    const call *c = data;
    size_t start = task * SUM_BLOCK, end = start + SUM_BLOCK;
    if (end > c->stage->count) end = c->stage->count;
    const size_t n = cen__plan_chunks(c->stage, c->n), apart = cen__plan_partial(c->stage);
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t i = 0; i + width < n; i += 2 * width) {
            float *restrict to = c->run->partial + i * apart;
            const float *restrict from = to + width * apart;
            for (size_t j = start; j < end; j++) to[j] += from[j];
        }
    }
    float *dw = c->dw + c->stage->offset;
    memcpy(dw + start, c->run->partial + start, (end - start) * sizeof *dw);
}

/* The sums that the chunks' layer has made, added in their order to those of the first. */
static void add_sums(const call *c, const cen__layer *op)
{
    const cen__run *run = c->run;
    for (size_t task = 1; task < cen__plan_chunks(c->stage, c->n); task++) {
        const double *sums = run->sums + task * c->plan->sums_count;
        for (size_t i = 0; i < op->kind->sums_count(op); i++) run->sums[i] += sums[i];
    }
}

/* Multiply-adds of the images through the whole net; a stage has less. */
static double work_of(const call *c)
{
    return (double)c->n * c->plan->net->work;
}

static void forward_stage(call *c)
{
    const size_t last = c->stage->end - 1;
    const cen__layer *op = &c->plan->ops[last];
    chunk whole = whole_of(c);
    if (c->stage->scope == CEN__SCOPE_BATCH) {
        forward_ops(c, &whole);
        return;
    }
    if (c->plan->is_training) prepare(c);
    cen__parallel(c->run->context, cen__plan_chunks(c->stage, c->n), work_of(c), forward_chunk, c);
    if (op->kind->finish_forward == NULL) return;
    add_sums(c, op);
    cen__pass pass = op_pass(c, &whole, last);
    op->kind->finish_forward(op, &pass);
}

/* Neither it nor what comes before it learns. */
static bool is_idle(const call *c)
{
    for (size_t i = c->stage->first; i < c->stage->end; i++) {
        if (c->plan->spots[i].needs_dx || cen__layer_learns(&c->plan->ops[i])) return false;
    }
    return true;
}

static void backward_stage(call *c)
{
    if (is_idle(c)) return;
    const cen__layer *first = &c->plan->ops[c->stage->first];
    const size_t count = c->stage->count, n_chunks = cen__plan_chunks(c->stage, c->n);
    chunk whole = whole_of(c);
    if (c->stage->scope == CEN__SCOPE_BATCH) {
        backward_ops(c, &whole);
        return;
    }
    prepare(c);
    cen__parallel(c->run->context, n_chunks, 2 * work_of(c), backward_chunk, c);
    if (n_chunks > 1) {
        cen__parallel(c->run->context, (count + SUM_BLOCK - 1) / SUM_BLOCK,
                      (double)count * (double)n_chunks, sum_block, c);
    }
    if (first->kind->finish_backward == NULL) return;
    add_sums(c, first);
    cen__pass pass = gradient_pass(c, &whole, c->stage->first);
    first->kind->finish_backward(first, &pass);
}

const float *cen__run_forward(cen__run *run, const float *x, size_t n)
{
    const cen__plan *plan = &run->plan;
    call c = {.run = run, .plan = plan, .x = x, .n = n};
    chunk whole = whole_of(&c);
    for (size_t s = 0; s < plan->n_stages; s++) {
        c.stage = &plan->stages[s];
        forward_stage(&c);
    }
    return plan->n_ops > 0 ? output(&c, &whole, plan->spots[plan->n_ops - 1].y) : x;
}

void cen__run_backward(cen__run *run, const float *x, size_t n, float *df, float *dw)
{
    const cen__plan *plan = &run->plan;
    call c = {.run = run, .plan = plan, .x = x, .df = df, .dw = dw, .n = n, .is_backward = true};
    for (size_t s = plan->n_stages; s-- > 0;) {
        c.stage = &plan->stages[s];
        backward_stage(&c);
    }
}
