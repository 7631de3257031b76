#include "nn/plan.h"

#include <math.h>

#include "base/memory.h"
#include "base/sizes.h"
#include "nn/places.h"

enum { MOST_CHUNKS = 64, ALIGNED = 16 };

static size_t round_up(size_t count)
{
    return cen__round_up(count, ALIGNED);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* ---- chunks ----
 *
 * A chunk costs as much as some ten multiply-adds for each of its stage's parameters: backward sets their
 * gradient to zero, transforms it and adds it to the others, and forward reads them once more. More chunks
 * serve more threads. If all chunks together may cost one of SHARE parts of the work, the time that many
 * threads need is the least where the chunks of a stage are as sqrt(work / parameters). */

enum { TRAINING_COST = 64, INFERENCE_COST = 29, SHARE = 16 };

/* The least that is worth waking a thread. */
static const double LEAST_WORK = 2e6;

/* Numbers of all partial gradients of a stage, unless they are at most LEAST_PARTIALS. */
enum { MOST_NUMBERS = 1 << 25, LEAST_PARTIALS = 8, MOST_IMAGES = 1 << 20 };

static double work_of(const cen__plan *plan, const cen__stage *stage)
{
    double work = 1;
    for (size_t i = stage->first; i < stage->end; i++) {
        work += cen__layer_work(&plan->net->layers[plan->ops[i].index]); /* an op may pool, too */
    }
    return work;
}

static void plan_chunks(cen__plan *plan)
{
    const double cost = plan->is_training ? TRAINING_COST : INFERENCE_COST;
    double work = 0, roots = 0;
    for (size_t s = 0; s < plan->n_stages; s++) {
        const cen__stage *stage = &plan->stages[s];
        if (stage->scope == CEN__SCOPE_BATCH) continue;
        work += work_of(plan, stage);
        roots += sqrt(work_of(plan, stage) * (double)stage->count);
    }
    for (size_t s = 0; s < plan->n_stages; s++) {
        cen__stage *stage = &plan->stages[s];
        const double of_stage = work_of(plan, stage);
        double images = SHARE * cost * roots / (work + 1) * sqrt((double)stage->count / of_stage);
        if (images < LEAST_WORK / of_stage) images = LEAST_WORK / of_stage;
        stage->n_images = images < MOST_IMAGES ? (size_t)images + 1 : MOST_IMAGES;
        const size_t most = stage->count > 0 ? MOST_NUMBERS / stage->count : MOST_CHUNKS;
        stage->most_chunks = larger(LEAST_PARTIALS, most < MOST_CHUNKS ? most : MOST_CHUNKS);
    }
}

/* A number that most numbers of threads divide. */
static size_t cut_down(size_t chunks)
{
    if (chunks >= 8) return chunks - chunks % 8;
    return chunks >= 4 ? 4 : 2;
}

size_t cen__plan_chunks(const cen__stage *stage, size_t n)
{
    const size_t chunks = cut_down(n / stage->n_images);
    if (n < chunks) return n;
    return chunks < stage->most_chunks ? chunks : stage->most_chunks;
}

size_t cen__plan_largest_chunk(const cen__stage *stage, size_t max_n)
{
    size_t most = 0;
    /* The largest comes just before there is one chunk more, or at the end. */
    for (size_t chunks = 1; chunks <= stage->most_chunks; chunks++) {
        const size_t next = cen__times(chunks + 1, stage->n_images);
        const size_t n = chunks < stage->most_chunks && next <= max_n ? next - 1 : max_n;
        const size_t count = cen__plan_chunks(stage, n);
        if (count > 0) most = larger(most, n / count + (n % count > 0));
        if (n == max_n) break;
    }
    return most;
}

static size_t most_chunks(const cen__plan *plan)
{
    size_t most = 0;
    for (size_t s = 0; s < plan->n_stages; s++) {
        if (plan->stages[s].scope == CEN__SCOPE_BATCH) continue;
        most = larger(most, cen__plan_chunks(&plan->stages[s], plan->max_n));
    }
    return most;
}

/* The second op of a layer that is two: what is saved and shared belongs to both. */
static bool is_second(const cen__layer *op)
{
    return op->kind->finish_backward != NULL;
}

/* Frozen ops are the first, so that the parameters of a stage that learn lie together. */
static void plan_stages(cen__plan *plan)
{
    for (size_t i = 0; i < plan->n_ops; i++) {
        const cen__layer *op = &plan->ops[i];
        const size_t count = !plan->is_training || !op->is_frozen ? op->count : 0;
        const cen__scope scope = op->kind->scope;
        cen__stage *last = plan->n_stages > 0 ? &plan->stages[plan->n_stages - 1] : NULL;
        if (last == NULL || last->scope == CEN__SCOPE_BATCH || scope == CEN__SCOPE_BATCH ||
            is_second(op)) {
            plan->stages[plan->n_stages++] = (cen__stage){
                .first = i, .end = i + 1, .scope = scope, .offset = op->offset, .count = count};
        } else {
            last->end = i + 1;
            if (last->count == 0) last->offset = op->offset;
            last->count += count;
        }
    }
    plan_chunks(plan);
}

static size_t op_scratch(const cen__plan *plan, cen__scope scope, size_t n, int n_threads)
{
    size_t most = 0;
    for (size_t i = 0; i < plan->n_ops; i++) {
        const cen__layer *op = &plan->ops[i];
        if (op->kind->scope != scope || op->kind->scratch_count == NULL) continue;
        most = larger(most, op->kind->scratch_count(op, n, n_threads));
    }
    return round_up(most);
}

static void plan_areas(cen__plan *plan, int n_threads)
{
    const size_t n = plan->max_n;
    size_t chunk = 0;
    for (size_t s = 0; s < plan->n_stages; s++) {
        chunk = larger(chunk, cen__plan_largest_chunk(&plan->stages[s], n));
    }
    plan->area_count =
        cen__plus(plan->scratch_offset, op_scratch(plan, CEN__SCOPE_IMAGE, chunk, n_threads));
    plan->areas_count = larger(cen__times(plan->area_count, (size_t)n_threads),
                               op_scratch(plan, CEN__SCOPE_BATCH, n, n_threads));
}

/* What ops keep beside their outputs. */
static void plan_kept(cen__plan *plan)
{
    size_t sums = 0, partial = 0;
    for (size_t i = 0; i < plan->n_ops; i++) {
        const cen__layer *op = &plan->ops[i];
        cen__spot *at = &plan->spots[i];
        if (is_second(op)) {
            at->saved_offset = at[-1].saved_offset;
            at->shared_offset = at[-1].shared_offset;
        } else {
            at->saved_offset = plan->saved_size;
            at->shared_offset = plan->shared_count;
            if (plan->is_training) {
                const size_t size = cen__times(cen__plan_saved(op), plan->max_n);
                plan->saved_size = cen__plus(plan->saved_size, size);
            }
            if (op->kind->shared_count != NULL) {
                plan->shared_count = cen__plus(plan->shared_count, op->kind->shared_count(op));
            }
        }
        at->folded_offset = plan->folded_count;
        if (op->norm != NULL) {
            plan->folded_count = cen__plus(plan->folded_count, round_up(op->count));
        }
        if (op->kind->sums_count != NULL) {
            sums = larger(sums, round_up(op->kind->sums_count(op)));
        }
    }
    for (size_t s = 0; s < plan->n_stages && plan->is_training; s++) {
        const cen__stage *stage = &plan->stages[s];
        const size_t chunks = cen__plan_chunks(stage, plan->max_n);
        if (stage->scope == CEN__SCOPE_BATCH || chunks < 2) continue;
        partial = larger(partial, cen__times(round_up(stage->count), chunks));
    }
    plan->sums_count = sums;
    plan->all_sums_count = cen__times(sums, most_chunks(plan));
    plan->partial_count = partial;
}

/* Inference prepares all stages once, training each when it runs. */
static void plan_prepared(cen__plan *plan)
{
    size_t count = 0;
    for (size_t s = 0; s < plan->n_stages; s++) {
        if (plan->is_training) count = 0;
        for (size_t i = plan->stages[s].first; i < plan->stages[s].end; i++) {
            const cen__layer *op = &plan->ops[i];
            plan->spots[i].prepared_offset = count;
            if (!cen__plan_prepares(plan, op)) continue;
            count = cen__plus(count, round_up(op->kind->prepared_count(op)));
        }
        plan->prepared_count = larger(plan->prepared_count, count);
    }
}

bool cen__plan_make(cen_context *context, cen__plan *plan, const cen__net *net, size_t max_n,
                    int n_threads, bool is_training)
{
    const cen__ops *ops = is_training ? &net->training : &net->inference;
    *plan = (cen__plan){.net = net,
                        .ops = ops->ops,
                        .n_ops = ops->n,
                        .max_n = max_n,
                        .is_training = is_training,
                        .stages = cen__alloc_zeroed(context, ops->n, sizeof *plan->stages),
                        .spots = cen__alloc_zeroed(context, ops->n, sizeof *plan->spots)};
    bool good = plan->stages != NULL && plan->spots != NULL;
    if (good) {
        plan_stages(plan);
        good = cen__plan_places(context, plan);
    }
    if (!good) {
        cen__plan_free(plan);
        return false;
    }
    plan_areas(plan, n_threads);
    plan_kept(plan);
    plan_prepared(plan);
    return true;
}

void cen__plan_free(cen__plan *plan)
{
    cen__free(plan->stages);
    cen__free(plan->spots);
    plan->stages = NULL;
    plan->spots = NULL;
}
