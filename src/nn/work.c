#include "nn/work.h"

#include <string.h>

#include "base/memory.h"
#include "base/context.h"
#include "base/sizes.h"
#include "nn/layers.h"

enum { MOST_CHUNKS = 8, SUM_BLOCK = 4096, ALIGNED = 16, CACHED_COUNT = 1 << 17 };

/* Where n images' numbers lie: in the batch-wide memory, or in the chunk's own. */
typedef enum { AT_INPUT, AT_BATCH, AT_CHUNK } place_kind;

typedef struct place {
    place_kind kind;
    size_t offset, count; /* numbers: from the area's start; an image */
} place;

typedef struct stage {
    size_t first, end; /* layers */
    cen__scope scope;
    size_t offset, count; /* of its parameters */
} stage;

/* Of a step. */
typedef struct spot {
    place y, dx;            /* output, gradient to the input */
    bool needs_dx;          /* some layer before has parameters */
    size_t saved_offset;    /* bytes an image before it, times max_n */
    size_t shared_offset;   /* numbers */
    size_t folded_offset;   /* numbers; of a step that batchnorm is folded into */
    size_t prepared_offset; /* numbers; in training from the first of its stage */
} spot;

struct cen__work {
    const cen__net *net;
    const cen__layer *steps;
    size_t n_steps, max_n, n_stages;
    cen_context *context;
    stage *stages;
    spot *spots;    /* [n_steps] */
    float *batch;   /* batch-wide activations and gradients */
    uint8_t *saved; /* NULL without training */
    float *area;    /* [n_threads, area_count], or the scratch of a BATCH layer */
    size_t area_count, scratch_offset;
    float *partial; /* [chunks, partial_count] */
    size_t partial_count;
    float *shared;
    double *sums; /* [chunks, sums_count] */
    size_t sums_count;
    float *folded;
    float *prepared; /* in training of the stage that runs, else of all */
    size_t prepared_count;
    const float *w;
    float *state;
    uint64_t seed, step;
    size_t first; /* the place of the first image in the whole batch */
};

static size_t round_up(size_t count)
{
    return cen__round_up(count, ALIGNED);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t n_chunks(size_t n)
{
    return n < MOST_CHUNKS ? n : MOST_CHUNKS;
}

/* Images that the largest chunk of n has. */
static size_t chunk_size(size_t n)
{
    return n == 0 ? 0 : (n + n_chunks(n) - 1) / n_chunks(n);
}

/* y is x, or may be. */
static bool shares_output(const cen__layer *layer)
{
    return layer->kind->in_place || layer->kind->keeps_memory || layer->kind->keeps_x;
}

/* dx is dy. */
static bool shares_gradient(const cen__layer *layer)
{
    return layer->kind->in_place || layer->kind->keeps_memory || layer->kind->keeps_dy;
}

/* The second step of a layer that is two: what is saved and shared belongs to both. */
static bool is_second(const cen__layer *layer)
{
    return layer->kind->finish_backward != NULL;
}

static void plan_stages(cen__work *work)
{
    for (size_t i = 0; i < work->n_steps; i++) {
        const cen__layer *layer = &work->steps[i];
        stage *last = work->n_stages > 0 ? &work->stages[work->n_stages - 1] : NULL;
        if (last == NULL || last->scope == CEN__SCOPE_BATCH ||
            layer->kind->scope == CEN__SCOPE_BATCH || is_second(layer)) {
            work->stages[work->n_stages++] = (stage){.first = i,
                                                     .end = i + 1,
                                                     .scope = layer->kind->scope,
                                                     .offset = layer->offset,
                                                     .count = layer->count};
        } else {
            last->end = i + 1;
            last->count += layer->count;
        }
    }
}

/* The place of every output. Returns the numbers that the batch-wide memory must hold an image;
 * *slot is the largest output within a chunk. */
static size_t plan_outputs(cen__work *work, bool training, size_t *slot)
{
    size_t total = 0, n_slots = 0;
    *slot = 0;
    for (size_t s = 0; s < work->n_stages; s++) {
        for (size_t i = work->stages[s].first; i < work->stages[s].end; i++) {
            const cen__layer *layer = &work->steps[i];
            place in =
                i > 0 ? work->spots[i - 1].y : (place){AT_INPUT, 0, cen__shape_count(layer->in)};
            if (shares_output(layer) && (!layer->kind->in_place || in.kind != AT_INPUT)) {
                work->spots[i].y = in;
                continue;
            }
            size_t count = cen__shape_count(layer->out);
            bool crosses = i + 1 == work->stages[s].end; /* the next stage reads it */
            for (size_t j = i + 1; j < work->stages[s].end && !crosses; j++) {
                if (!shares_output(&work->steps[j])) break;
                crosses = j + 1 == work->stages[s].end;
            }
            if (training || crosses) {
                work->spots[i].y = (place){AT_BATCH, total, count};
                total = cen__plus(total, count);
            } else {
                work->spots[i].y = (place){AT_CHUNK, n_slots++ % 2, count};
                *slot = larger(*slot, count);
            }
        }
    }
    return total;
}

/* The place of every gradient to an input: two batch-wide buffers in turn at the borders of stages,
 * two of a chunk in turn within. Returns the size of the former, an image. */
static size_t plan_gradients(cen__work *work, size_t *slot)
{
    size_t border = cen__shape_count(work->net->out), n_borders = 0, n_slots = 0;
    place dy = {AT_INPUT, 0, border}; /* the caller's df */
    *slot = 0;
    for (size_t s = work->n_stages; s-- > 0;) {
        for (size_t i = work->stages[s].end; i-- > work->stages[s].first;) {
            const cen__layer *layer = &work->steps[i];
            if (!shares_gradient(layer)) {
                size_t count = cen__shape_count(layer->in), first = work->stages[s].first;
                bool crosses = true;
                for (size_t j = first; j < i; j++) {
                    crosses = crosses && shares_gradient(&work->steps[j]);
                }
                if (crosses) {
                    dy = (place){AT_BATCH, n_borders++ % 2, count};
                    if (work->spots[i].needs_dx) border = larger(border, count);
                } else {
                    dy = (place){AT_CHUNK, n_slots++ % 2, count};
                    *slot = larger(*slot, count);
                }
            }
            work->spots[i].dx = dy;
        }
    }
    return border;
}

static void plan_needs(cen__work *work)
{
    bool needed = false;
    for (size_t i = 0; i < work->n_steps; i++) {
        work->spots[i].needs_dx = needed;
        needed = needed || work->steps[i].n_parameters > 0;
    }
}

static size_t layer_scratch(const cen__work *work, cen__scope scope, size_t n)
{
    size_t most = 0;
    for (size_t i = 0; i < work->n_steps; i++) {
        const cen__layer *layer = &work->steps[i];
        if (layer->kind->scope != scope || layer->kind->scratch_count == NULL) continue;
        most =
            larger(most, layer->kind->scratch_count(layer, n, cen_context_threads(work->context)));
    }
    return round_up(most);
}

/* A slot becomes an offset once the size of a slot is known. */
static void resolve(place *at, size_t chunk_slot, size_t batch_start, size_t batch_slot)
{
    if (at->kind == AT_CHUNK) at->offset *= chunk_slot;
    if (at->kind == AT_BATCH) at->offset = batch_start + at->offset * batch_slot;
}

/* Bytes that an image of a chunk has: one behind the other, without a gap. */
static size_t saved_size(const cen__layer *layer)
{
    return layer->kind->saved_size != NULL ? layer->kind->saved_size(layer) : 0;
}

/* Bytes an image that the batch reserves: whole numbers, so that each chunk's are aligned. */
static size_t reserved_size(const cen__layer *layer)
{
    return cen__round_up(saved_size(layer), sizeof(float));
}

/* What steps keep beside their outputs. */
typedef struct kept {
    size_t saved, shared, folded; /* bytes an image; numbers */
} kept;

static kept plan_kept(cen__work *work, bool training)
{
    kept k = {0, 0, 0};
    for (size_t i = 0; i < work->n_steps; i++) {
        const cen__layer *layer = &work->steps[i];
        spot *at = &work->spots[i];
        if (is_second(layer)) {
            at->saved_offset = at[-1].saved_offset;
            at->shared_offset = at[-1].shared_offset;
        } else {
            at->saved_offset = k.saved * work->max_n;
            at->shared_offset = k.shared;
            if (training) k.saved = cen__plus(k.saved, reserved_size(layer));
            if (layer->kind->shared_count != NULL) {
                k.shared = cen__plus(k.shared, layer->kind->shared_count(layer));
            }
        }
        at->folded_offset = k.folded;
        if (layer->norm != NULL) k.folded = cen__plus(k.folded, round_up(layer->count));
        if (layer->kind->sums_count == NULL) continue;
        work->sums_count = larger(work->sums_count, round_up(layer->kind->sums_count(layer)));
    }
    return k;
}

/* Inference prepares all stages once, training each when it runs. */
static void plan_prepared(cen__work *work, bool training)
{
    size_t count = 0;
    for (size_t s = 0; s < work->n_stages; s++) {
        if (training) count = 0;
        for (size_t i = work->stages[s].first; i < work->stages[s].end; i++) {
            const cen__layer *layer = &work->steps[i];
            work->spots[i].prepared_offset = count;
            if (layer->kind->prepare == NULL) continue;
            count = cen__plus(count, round_up(layer->kind->prepared_count(layer)));
        }
        work->prepared_count = larger(work->prepared_count, count);
    }
}

/* Numbers that are to be allocated: of the whole batch, of the threads' areas, and what is kept. */
typedef struct need {
    kept kept;
    size_t batch, area;
} need;

static need plan(cen__work *work, bool training)
{
    size_t slot = 0, gradient_slot = 0, border = 0, n = work->max_n;
    plan_stages(work);
    plan_needs(work);
    size_t outputs = plan_outputs(work, training, &slot);
    if (training) border = plan_gradients(work, &gradient_slot);
    slot = round_up(cen__times(larger(slot, gradient_slot), chunk_size(n)));
    for (size_t i = 0; i < work->n_steps; i++) {
        resolve(&work->spots[i].y, slot, 0, n);
        resolve(&work->spots[i].dx, slot, outputs * n, border * n);
    }
    for (size_t s = 0; s < work->n_stages && training; s++) {
        if (work->stages[s].scope == CEN__SCOPE_BATCH) continue;
        work->partial_count = larger(work->partial_count, round_up(work->stages[s].count));
    }
    plan_prepared(work, training);
    work->scratch_offset = cen__times(2, slot);
    work->area_count =
        cen__plus(work->scratch_offset, layer_scratch(work, CEN__SCOPE_IMAGE, chunk_size(n)));
    size_t areas = cen__times(work->area_count, (size_t)cen_context_threads(work->context));
    return (need){.kept = plan_kept(work, training),
                  .batch = cen__times(cen__plus(outputs, cen__times(2, border)), n),
                  .area = larger(areas, layer_scratch(work, CEN__SCOPE_BATCH, n))};
}

static cen_status allocate(cen__work *work, const need *needed, bool training, cen_error *error)
{
    size_t n = work->max_n;
    if (needed->batch == SIZE_MAX || needed->area == SIZE_MAX) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "a batch of %zu does not fit into memory; use smaller batches", n);
    }
    work->batch = cen__alloc(work->context, needed->batch, sizeof(float));
    work->area = cen__alloc(work->context, needed->area, sizeof(float));
    work->partial =
        cen__alloc(work->context, cen__times(work->partial_count, n_chunks(n)), sizeof(float));
    work->saved = training ? cen__alloc(work->context, needed->kept.saved, n) : NULL;
    work->shared = cen__alloc(work->context, needed->kept.shared, sizeof(float));
    work->sums =
        cen__alloc(work->context, cen__times(work->sums_count, n_chunks(n)), sizeof(double));
    work->folded = cen__alloc(work->context, needed->kept.folded, sizeof(float));
    work->prepared = cen__alloc(work->context, work->prepared_count, sizeof(float));
    bool failed = work->batch == NULL || work->area == NULL || work->partial == NULL ||
                  (training && work->saved == NULL) || work->shared == NULL || work->sums == NULL ||
                  work->folded == NULL || work->prepared == NULL;
    return failed ? cen__fail_memory(error, "the net's activations") : CEN_OK;
}

/* A plan for this net, without the memory of what it plans; NULL without any. */
static cen__work *begin(const cen__net *net, size_t max_n, cen_context *context, bool training,
                        need *needed)
{
    cen__work *work = cen__alloc_zeroed(context, 1, sizeof *work);
    if (work == NULL) return NULL;
    const cen__steps *run = training ? &net->training : &net->inference;
    work->net = net;
    work->steps = run->steps;
    work->n_steps = run->n;
    work->max_n = max_n;
    work->context = context;
    work->stages = cen__alloc_zeroed(context, run->n, sizeof *work->stages);
    work->spots = cen__alloc_zeroed(context, run->n, sizeof *work->spots);
    if (work->stages == NULL || work->spots == NULL) {
        cen__work_free(work);
        return NULL;
    }
    *needed = plan(work, training);
    return work;
}

cen_status cen__work_create(cen__work **work, const cen__net *net, size_t max_n,
                            cen_context *context, bool training, cen_error *error)
{
    need needed;
    *work = begin(net, max_n, context, training, &needed);
    if (*work == NULL) return cen__fail_memory(error, "the net's activations");
    cen_status status = allocate(*work, &needed, training, error);
    if (status != CEN_OK) {
        cen__work_free(*work);
        *work = NULL;
    }
    return status;
}

cen_status cen__work_measure(const cen__net *net, size_t *count, cen_error *error)
{
    need needed;
    cen__work *work = begin(net, 1, NULL, false, &needed);
    if (work == NULL) return cen__fail_memory(error, "the net's activations");
    *count = cen__plus(needed.batch, needed.area);
    cen__work_free(work);
    return CEN_OK;
}

void cen__work_free(cen__work *work)
{
    if (work == NULL) return;
    cen__free(work->stages);
    cen__free(work->spots);
    cen__free(work->batch);
    cen__free(work->saved);
    cen__free(work->area);
    cen__free(work->partial);
    cen__free(work->shared);
    cen__free(work->sums);
    cen__free(work->folded);
    cen__free(work->prepared);
    cen__free(work);
}

void cen__work_draw(cen__work *work, uint64_t seed, uint64_t step, size_t first)
{
    work->first = first;
    work->seed = seed;
    work->step = step;
}

/* What one call of forward or backward works on. */
typedef struct run {
    cen__work *work;
    const stage *stage;
    const float *x;
    float *df, *dw;
    size_t n;
    bool is_backward;
} run;

/* The images of one task, or all of them. */
typedef struct chunk {
    size_t start, n;
    size_t n_before, n_chunk; /* part of a task: as in a pass */
    float *area;              /* the worker's */
    float *partial;           /* the chunk's parameter gradients, NULL for the whole batch */
    double *sums;             /* the chunk's; the batch's in those of the first */
} chunk;

static chunk chunk_of(const run *r, size_t task, int worker)
{
    cen__work *work = r->work;
    size_t chunks = n_chunks(r->n), start = task * r->n / chunks;
    size_t n = (task + 1) * r->n / chunks - start;
    return (chunk){.start = start,
                   .n = n,
                   .n_chunk = n,
                   .area = work->area + (size_t)worker * work->area_count,
                   .partial = work->partial + task * work->partial_count,
                   .sums = work->sums + task * work->sums_count};
}

static chunk whole_of(const run *r)
{
    return (chunk){.n = r->n, .n_chunk = r->n, .area = r->work->area, .sums = r->work->sums};
}

static float *locate(const run *r, const chunk *c, place at)
{
    if (at.kind == AT_INPUT) return NULL;
    if (at.kind == AT_CHUNK) return c->area + at.offset;
    return r->work->batch + at.offset + c->start * at.count;
}

static const float *step_input(const run *r, const chunk *c, size_t i)
{
    size_t count = cen__shape_count(r->work->net->in);
    if (i == 0 || r->work->spots[i - 1].y.kind == AT_INPUT) return r->x + c->start * count;
    return locate(r, c, r->work->spots[i - 1].y);
}

static float *gradient(const run *r, const chunk *c, place at)
{
    if (at.kind == AT_INPUT) return r->df + c->start * at.count;
    return locate(r, c, at);
}

static const float *weights(const cen__work *work, size_t i)
{
    const cen__layer *layer = &work->steps[i];
    return layer->norm != NULL ? work->folded + work->spots[i].folded_offset
                               : work->w + layer->offset;
}

static cen__pass step_pass(const run *r, const chunk *c, size_t i)
{
    cen__work *work = r->work;
    const cen__layer *layer = &work->steps[i];
    const spot *at = &work->spots[i];
    bool is_batch = layer->kind->scope == CEN__SCOPE_BATCH;
    uint8_t *saved = work->saved;
    if (saved != NULL) {
        saved += at->saved_offset + (c->start - c->n_before) * reserved_size(layer) +
                 c->n_before * saved_size(layer);
    }
    return (cen__pass){.n = c->n,
                       .first = work->first + c->start,
                       .context = work->context,
                       .w = weights(work, i),
                       .prepared = work->prepared + at->prepared_offset,
                       .x = step_input(r, c, i),
                       .y = locate(r, c, at->y),
                       .saved = saved,
                       .n_before = c->n_before,
                       .n_chunk = c->n_chunk,
                       .scratch = is_batch ? work->area : c->area + work->scratch_offset,
                       .state = work->state + layer->state_offset,
                       .shared = work->shared + at->shared_offset,
                       .sums = c->sums,
                       .seed = work->seed,
                       .step = work->step};
}

/* The same with its gradients; those of the parameters are the chunk's, or those of the batch. */
static cen__pass gradient_pass(const run *r, const chunk *c, size_t i)
{
    const cen__work *work = r->work;
    const cen__layer *layer = &work->steps[i];
    place dy = i + 1 < work->n_steps ? work->spots[i + 1].dx
                                     : (place){AT_INPUT, 0, cen__shape_count(work->net->out)};
    cen__pass pass = step_pass(r, c, i);
    pass.dy = gradient(r, c, dy);
    pass.dx = work->spots[i].needs_dx ? gradient(r, c, work->spots[i].dx) : NULL;
    pass.dw = c->partial != NULL ? c->partial + (layer->offset - r->stage->offset)
                                 : r->dw + layer->offset;
    return pass;
}

/* Parts of what step i makes of its weights: none backward where no step before it has parameters. */
static size_t n_parts(const run *r, size_t i)
{
    const cen__layer *layer = &r->work->steps[i];
    if (layer->kind->prepare == NULL || (r->is_backward && !r->work->spots[i].needs_dx)) return 0;
    return layer->kind->n_parts(layer, r->is_backward);
}

static void prepare_part(void *data, size_t task, int worker)
{
    (void)worker;
    const run *r = data;
    const cen__work *work = r->work;
    size_t i = r->stage->first, n = n_parts(r, i);
    for (; task >= n; n = n_parts(r, ++i)) task -= n;
    const cen__layer *layer = &work->steps[i];
    layer->kind->prepare(layer, weights(work, i), r->is_backward, task,
                         work->prepared + work->spots[i].prepared_offset);
}

/* Before the stage's first image. */
static void prepare(run *r)
{
    size_t n = 0;
    for (size_t i = r->stage->first; i < r->stage->end; i++) n += n_parts(r, i);
    if (n > 0) cen__parallel(r->work->context, n, CEN__MUCH_WORK, prepare_part, r);
}

void cen__work_use(cen__work *work, const float *w, float *state)
{
    work->w = w;
    work->state = state;
    for (size_t i = 0; i < work->n_steps; i++) {
        if (work->steps[i].norm == NULL) continue;
        cen__batchnorm_fold(&work->steps[i], w, state, work->folded + work->spots[i].folded_offset);
    }
    for (size_t s = 0; s < work->n_stages && work->saved == NULL; s++) {
        run r = {.work = work, .stage = &work->stages[s]};
        prepare(&r);
    }
}

static void forward_steps(const run *r, const chunk *c)
{
    for (size_t i = r->stage->first; i < r->stage->end; i++) {
        const cen__layer *layer = &r->work->steps[i];
        if (layer->kind->keeps_memory) continue;
        cen__pass pass = step_pass(r, c, i);
        layer->kind->forward(layer, &pass);
    }
}

static void backward_steps(const run *r, const chunk *c)
{
    for (size_t i = r->stage->end; i-- > r->stage->first;) {
        const cen__layer *layer = &r->work->steps[i];
        if (layer->kind->keeps_memory) continue;
        if (!r->work->spots[i].needs_dx && layer->n_parameters == 0) continue;
        cen__pass pass = gradient_pass(r, c, i);
        layer->kind->backward(layer, &pass);
    }
}

static void forward_chunk(void *data, size_t task, int worker)
{
    chunk c = chunk_of(data, task, worker);
    forward_steps(data, &c);
}

/* Images of a chunk that go backward at once: so many that the gradients of one layer are still in the cache
 * for the next. But all where a convolution hands one on, because each call transforms the gradient of its
 * kernels; and all where a layer makes sums. */
static size_t backward_block(const run *r)
{
    const cen__work *work = r->work;
    const cen__layer *first = &work->steps[r->stage->first];
    size_t most = 1;
    if (first->kind->finish_backward != NULL) return r->n;
    for (size_t i = r->stage->first; i < r->stage->end; i++) {
        if (work->spots[i].needs_dx && work->steps[i].kind->scratch_count != NULL) return r->n;
        most = larger(most, cen__shape_count(work->steps[i].out));
    }
    return most > CACHED_COUNT ? 1 : CACHED_COUNT / most;
}

static void backward_chunk(void *data, size_t task, int worker)
{
    const run *r = data;
    chunk c = chunk_of(r, task, worker);
    memset(c.partial, 0, r->stage->count * sizeof *c.partial);
    size_t end = c.start + c.n, block = backward_block(r);
    for (; c.start < end; c.start += block, c.n_before += block) {
        c.n = end - c.start < block ? end - c.start : block;
        backward_steps(r, &c);
    }
}

/* One block of dw = the sum of the chunks' partials, in their order. */
static void sum_block(void *data, size_t task, int worker)
{
    (void)worker;
    const run *r = data;
    size_t start = task * SUM_BLOCK, end = start + SUM_BLOCK;
    if (end > r->stage->count) end = r->stage->count;
    float *dw = r->dw + r->stage->offset;
    const float *partial = r->work->partial;
    memcpy(dw + start, partial + start, (end - start) * sizeof *dw);
    for (size_t i = 1; i < n_chunks(r->n); i++) {
        partial += r->work->partial_count;
        for (size_t j = start; j < end; j++) dw[j] += partial[j];
    }
}

/* The sums that the chunks' layer has made, added in their order to those of the first. */
static void add_sums(const run *r, const cen__layer *layer)
{
    const cen__work *work = r->work;
    for (size_t task = 1; task < n_chunks(r->n); task++) {
        const double *sums = work->sums + task * work->sums_count;
        for (size_t i = 0; i < layer->kind->sums_count(layer); i++) work->sums[i] += sums[i];
    }
}

/* Multiply-adds of the images through the whole net; a stage has less. */
static double work_of(const run *r)
{
    return (double)r->n * r->work->net->work;
}

static void forward_stage(run *r)
{
    const cen__layer *last = &r->work->steps[r->stage->end - 1];
    chunk whole = whole_of(r);
    if (r->stage->scope == CEN__SCOPE_BATCH) {
        forward_steps(r, &whole);
        return;
    }
    if (r->work->saved != NULL) prepare(r);
    cen__parallel(r->work->context, n_chunks(r->n), work_of(r), forward_chunk, r);
    if (last->kind->finish_forward == NULL) return;
    add_sums(r, last);
    cen__pass pass = step_pass(r, &whole, r->stage->end - 1);
    last->kind->finish_forward(last, &pass);
}

static void backward_stage(run *r)
{
    const cen__layer *first = &r->work->steps[r->stage->first];
    chunk whole = whole_of(r);
    if (r->stage->scope == CEN__SCOPE_BATCH) {
        backward_steps(r, &whole);
        return;
    }
    prepare(r);
    cen__parallel(r->work->context, n_chunks(r->n), 2 * work_of(r), backward_chunk, r);
    size_t n_blocks = (r->stage->count + SUM_BLOCK - 1) / SUM_BLOCK;
    cen__parallel(r->work->context, n_blocks, (double)r->stage->count * (double)n_chunks(r->n),
                  sum_block, r);
    if (first->kind->finish_backward == NULL) return;
    add_sums(r, first);
    cen__pass pass = gradient_pass(r, &whole, r->stage->first);
    first->kind->finish_backward(first, &pass);
}

const float *cen__work_forward(cen__work *work, const float *x, size_t n)
{
    run r = {.work = work, .x = x, .n = n};
    chunk whole = whole_of(&r);
    for (size_t s = 0; s < work->n_stages; s++) {
        r.stage = &work->stages[s];
        forward_stage(&r);
    }
    return step_input(&r, &whole, work->n_steps);
}

void cen__work_backward(cen__work *work, const float *x, size_t n, float *df, float *dw)
{
    run r = {.work = work, .x = x, .df = df, .dw = dw, .n = n, .is_backward = true};
    for (size_t s = work->n_stages; s-- > 0;) {
        r.stage = &work->stages[s];
        backward_stage(&r);
    }
}
