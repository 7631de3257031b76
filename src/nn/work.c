#include "nn/work.h"

#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"

enum { MOST_CHUNKS = 8, SUM_BLOCK = 4096, ALIGNED = 16 };

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

struct cen__work {
    const cen__net *net;
    size_t max_n, n_stages;
    int n_threads;
    stage *stages;
    place *y, *dx;        /* [n_steps]: output, gradient to the input */
    bool *needs_dx;       /* [n_steps]: some layer before has parameters */
    size_t *saved_offset; /* [n_steps], bytes an image before it, times max_n */
    float *batch;         /* batch-wide activations and gradients */
    uint8_t *saved;       /* NULL without training */
    float *area;          /* [n_threads, area_count], or the scratch of a BATCH layer */
    size_t area_count, scratch_offset;
    float *partial; /* [chunks, partial_count] */
    size_t partial_count;
};

static size_t round_up(size_t count)
{
    return (count + ALIGNED - 1) / ALIGNED * ALIGNED;
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

static bool shares_memory(const cen__layer *layer)
{
    return layer->kind->in_place || layer->kind->keeps_memory;
}

static void plan_stages(cen__work *work)
{
    const cen__net *net = work->net;
    for (size_t i = 0; i < net->n_steps; i++) {
        const cen__layer *layer = &net->steps[i];
        stage *last = work->n_stages > 0 ? &work->stages[work->n_stages - 1] : NULL;
        if (last == NULL || last->scope == CEN__SCOPE_BATCH ||
            layer->kind->scope == CEN__SCOPE_BATCH) {
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
            const cen__layer *layer = &work->net->steps[i];
            place in = i > 0 ? work->y[i - 1] : (place){AT_INPUT, 0, cen__shape_count(layer->in)};
            bool shares =
                layer->kind->keeps_memory || (layer->kind->in_place && in.kind != AT_INPUT);
            if (shares) {
                work->y[i] = in;
                continue;
            }
            size_t count = cen__shape_count(layer->out);
            bool crosses = i + 1 == work->stages[s].end; /* the next stage reads it */
            for (size_t j = i + 1; j < work->stages[s].end && !crosses; j++) {
                if (!shares_memory(&work->net->steps[j])) break;
                crosses = j + 1 == work->stages[s].end;
            }
            if (training || crosses) {
                work->y[i] = (place){AT_BATCH, total, count};
                total += count;
            } else {
                work->y[i] = (place){AT_CHUNK, n_slots++ % 2, count};
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
            const cen__layer *layer = &work->net->steps[i];
            if (!shares_memory(layer)) {
                size_t count = cen__shape_count(layer->in), first = work->stages[s].first;
                bool crosses = true;
                for (size_t j = first; j < i; j++) {
                    crosses = crosses && shares_memory(&work->net->steps[j]);
                }
                if (crosses) {
                    dy = (place){AT_BATCH, n_borders++ % 2, count};
                    if (work->needs_dx[i]) border = larger(border, count);
                } else {
                    dy = (place){AT_CHUNK, n_slots++ % 2, count};
                    *slot = larger(*slot, count);
                }
            }
            work->dx[i] = dy;
        }
    }
    return border;
}

static void plan_needs(cen__work *work)
{
    bool needed = false;
    for (size_t i = 0; i < work->net->n_steps; i++) {
        work->needs_dx[i] = needed;
        needed = needed || work->net->steps[i].n_parameters > 0;
    }
}

static size_t layer_scratch(const cen__work *work, cen__scope scope, size_t n)
{
    size_t most = 0;
    for (size_t i = 0; i < work->net->n_steps; i++) {
        const cen__layer *layer = &work->net->steps[i];
        if (layer->kind->scope != scope || layer->kind->scratch_count == NULL) continue;
        most = larger(most, layer->kind->scratch_count(layer, n, work->n_threads));
    }
    return round_up(most);
}

/* Slots become offsets once the size of a slot is known. */
static void resolve(place *places, size_t n, size_t chunk_slot, size_t batch_start,
                    size_t batch_slot)
{
    for (size_t i = 0; i < n; i++) {
        if (places[i].kind == AT_CHUNK) places[i].offset *= chunk_slot;
        if (places[i].kind == AT_BATCH)
            places[i].offset = batch_start + places[i].offset * batch_slot;
    }
}

static cen_status plan(cen__work *work, bool training, cen_error *error)
{
    const cen__net *net = work->net;
    size_t slot = 0, gradient_slot = 0, border = 0, saved = 0, n = work->max_n;
    plan_stages(work);
    plan_needs(work);
    size_t outputs = plan_outputs(work, training, &slot);
    if (training) border = plan_gradients(work, &gradient_slot);
    slot = round_up(larger(slot, gradient_slot) * chunk_size(n));
    resolve(work->y, net->n_steps, slot, 0, n);
    resolve(work->dx, net->n_steps, slot, outputs * n, border * n);
    for (size_t i = 0; i < net->n_steps && training; i++) {
        const cen__layer *layer = &net->steps[i];
        work->saved_offset[i] = saved * n;
        if (layer->kind->saved_size != NULL) saved += layer->kind->saved_size(layer);
    }
    for (size_t s = 0; s < work->n_stages && training; s++) {
        if (work->stages[s].scope == CEN__SCOPE_BATCH) continue;
        work->partial_count = larger(work->partial_count, round_up(work->stages[s].count));
    }
    work->scratch_offset = 2 * slot;
    work->area_count = 2 * slot + layer_scratch(work, CEN__SCOPE_IMAGE, chunk_size(n));
    size_t area = larger(work->area_count * (size_t)work->n_threads,
                         layer_scratch(work, CEN__SCOPE_BATCH, n));
    size_t batch;
    if (!cen__multiply(outputs + 2 * border, n, &batch)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "a batch of %zu does not fit into memory; use smaller batches", n);
    }
    work->batch = cen__alloc(batch, sizeof(float));
    work->area = cen__alloc(area, sizeof(float));
    work->partial = cen__alloc(work->partial_count * n_chunks(n), sizeof(float));
    work->saved = training ? cen__alloc(saved, n) : NULL;
    bool failed = work->batch == NULL || work->area == NULL || work->partial == NULL ||
                  (training && work->saved == NULL);
    return failed ? cen__fail_memory(error, "the net's activations") : CEN_OK;
}

cen_status cen__work_create(cen__work **work, const cen__net *net, size_t max_n, int n_threads,
                            bool training, cen_error *error)
{
    cen__work *w = *work = cen__alloc_zeroed(1, sizeof **work);
    if (w == NULL) return cen__fail_memory(error, "the net's activations");
    w->net = net;
    w->max_n = max_n;
    w->n_threads = cen__thread_count(n_threads);
    w->stages = cen__alloc_zeroed(net->n_steps, sizeof *w->stages);
    w->y = cen__alloc_zeroed(net->n_steps, sizeof *w->y);
    w->dx = cen__alloc_zeroed(net->n_steps, sizeof *w->dx);
    w->needs_dx = cen__alloc_zeroed(net->n_steps, sizeof *w->needs_dx);
    w->saved_offset = cen__alloc_zeroed(net->n_steps, sizeof *w->saved_offset);
    bool complete = w->stages != NULL && w->y != NULL && w->dx != NULL && w->needs_dx != NULL &&
                    w->saved_offset != NULL;
    cen_status status =
        complete ? plan(w, training, error) : cen__fail_memory(error, "the net's activations");
    if (status != CEN_OK) {
        cen__work_free(w);
        *work = NULL;
    }
    return status;
}

void cen__work_free(cen__work *work)
{
    if (work == NULL) return;
    cen__free(work->stages);
    cen__free(work->y);
    cen__free(work->dx);
    cen__free(work->needs_dx);
    cen__free(work->saved_offset);
    cen__free(work->batch);
    cen__free(work->saved);
    cen__free(work->area);
    cen__free(work->partial);
    cen__free(work);
}

/* What one call of forward or backward works on. */
typedef struct run {
    cen__work *work;
    const stage *stage;
    const float *w, *x;
    float *df, *dw;
    size_t n;
} run;

/* The images of one task. */
typedef struct chunk {
    size_t start, n;
    float *area;    /* the worker's */
    float *partial; /* the chunk's parameter gradients, NULL in a BATCH stage */
} chunk;

static chunk chunk_of(const run *r, size_t task, int worker)
{
    size_t chunks = n_chunks(r->n), start = task * r->n / chunks;
    return (chunk){.start = start,
                   .n = (task + 1) * r->n / chunks - start,
                   .area = r->work->area + (size_t)worker * r->work->area_count,
                   .partial = r->work->partial + task * r->work->partial_count};
}

static float *locate(const run *r, const chunk *c, place at)
{
    if (at.kind == AT_CHUNK) return c->area + at.offset;
    return r->work->batch + at.offset + c->start * at.count;
}

static const float *layer_input(const run *r, const chunk *c, size_t i)
{
    size_t count = cen__shape_count(r->work->net->in);
    if (i == 0 || r->work->y[i - 1].kind == AT_INPUT) return r->x + c->start * count;
    return locate(r, c, r->work->y[i - 1]);
}

static cen__pass layer_pass(const run *r, const chunk *c, size_t i)
{
    cen__work *work = r->work;
    const cen__layer *layer = &work->net->steps[i];
    bool is_batch = layer->kind->scope == CEN__SCOPE_BATCH;
    uint8_t *saved = NULL;
    if (work->saved != NULL && layer->kind->saved_size != NULL) {
        saved = work->saved + work->saved_offset[i] + c->start * layer->kind->saved_size(layer);
    }
    return (cen__pass){.n = c->n,
                       .n_threads = work->n_threads,
                       .w = r->w + layer->offset,
                       .x = layer_input(r, c, i),
                       .y = locate(r, c, work->y[i]),
                       .saved = saved,
                       .scratch = is_batch ? work->area : c->area + work->scratch_offset};
}

static void forward_layers(const run *r, const chunk *c)
{
    for (size_t i = r->stage->first; i < r->stage->end; i++) {
        const cen__layer *layer = &r->work->net->steps[i];
        if (layer->kind->keeps_memory) continue;
        cen__pass pass = layer_pass(r, c, i);
        layer->kind->forward(layer, &pass);
    }
}

static float *gradient(const run *r, const chunk *c, place at)
{
    if (at.kind == AT_INPUT) return r->df + c->start * at.count;
    return locate(r, c, at);
}

static void backward_layers(const run *r, const chunk *c)
{
    const cen__work *work = r->work;
    for (size_t i = r->stage->end; i-- > r->stage->first;) {
        const cen__layer *layer = &work->net->steps[i];
        if (layer->kind->keeps_memory) continue;
        place dy = i + 1 < work->net->n_steps
                       ? work->dx[i + 1]
                       : (place){AT_INPUT, 0, cen__shape_count(work->net->out)};
        cen__pass pass = layer_pass(r, c, i);
        pass.dy = gradient(r, c, dy);
        pass.dx = work->needs_dx[i] ? gradient(r, c, work->dx[i]) : NULL;
        pass.dw = c->partial != NULL ? c->partial + (layer->offset - r->stage->offset)
                                     : r->dw + layer->offset;
        layer->kind->backward(layer, &pass);
    }
}

static void forward_chunk(void *context, size_t task, int worker)
{
    chunk c = chunk_of(context, task, worker);
    forward_layers(context, &c);
}

static void backward_chunk(void *context, size_t task, int worker)
{
    const run *r = context;
    chunk c = chunk_of(r, task, worker);
    memset(c.partial, 0, r->stage->count * sizeof *c.partial);
    backward_layers(r, &c);
}

/* One block of dw = the sum of the chunks' partials, in their order. */
static void sum_block(void *context, size_t task, int worker)
{
    (void)worker;
    const run *r = context;
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

const float *cen__work_forward(cen__work *work, const float *w, const float *x, size_t n)
{
    run r = {.work = work, .w = w, .x = x, .n = n};
    chunk whole = {.start = 0, .n = n, .area = work->area};
    for (size_t s = 0; s < work->n_stages; s++) {
        r.stage = &work->stages[s];
        if (r.stage->scope == CEN__SCOPE_BATCH) {
            forward_layers(&r, &whole);
        } else {
            cen__parallel(work->n_threads, n_chunks(n), forward_chunk, &r);
        }
    }
    return layer_input(&r, &whole, work->net->n_steps);
}

void cen__work_backward(cen__work *work, const float *w, const float *x, size_t n, float *df,
                        float *dw)
{
    run r = {.work = work, .w = w, .x = x, .df = df, .dw = dw, .n = n};
    chunk whole = {.start = 0, .n = n, .area = work->area};
    for (size_t s = work->n_stages; s-- > 0;) {
        r.stage = &work->stages[s];
        if (r.stage->scope == CEN__SCOPE_BATCH) {
            backward_layers(&r, &whole);
        } else {
            cen__parallel(work->n_threads, n_chunks(n), backward_chunk, &r);
            cen__parallel(work->n_threads, (r.stage->count + SUM_BLOCK - 1) / SUM_BLOCK, sum_block,
                          &r);
        }
    }
}
