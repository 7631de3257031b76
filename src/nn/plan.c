#include "nn/plan.h"

#include "base/memory.h"
#include "base/sizes.h"
#include "nn/places.h"

enum { MOST_CHUNKS = 8, ALIGNED = 16 };

static size_t round_up(size_t count)
{
    return cen__round_up(count, ALIGNED);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t cen__plan_chunks(size_t n)
{
    return n < MOST_CHUNKS ? n : MOST_CHUNKS;
}

size_t cen__plan_largest_chunk(size_t n)
{
    return n == 0 ? 0 : (n + cen__plan_chunks(n) - 1) / cen__plan_chunks(n);
}

/* The second step of a layer that is two: what is saved and shared belongs to both. */
static bool is_second(const cen__layer *step)
{
    return step->kind->finish_backward != NULL;
}

static void plan_stages(cen__plan *plan)
{
    for (size_t i = 0; i < plan->n_steps; i++) {
        const cen__layer *step = &plan->steps[i];
        const cen__scope scope = step->kind->scope;
        cen__stage *last = plan->n_stages > 0 ? &plan->stages[plan->n_stages - 1] : NULL;
        if (last == NULL || last->scope == CEN__SCOPE_BATCH || scope == CEN__SCOPE_BATCH ||
            is_second(step)) {
            plan->stages[plan->n_stages++] =
                (cen__stage){i, i + 1, scope, step->offset, step->count};
        } else {
            last->end = i + 1;
            last->count += step->count;
        }
    }
}

static size_t step_scratch(const cen__plan *plan, cen__scope scope, size_t n, int n_threads)
{
    size_t most = 0;
    for (size_t i = 0; i < plan->n_steps; i++) {
        const cen__layer *step = &plan->steps[i];
        if (step->kind->scope != scope || step->kind->scratch_count == NULL) continue;
        most = larger(most, step->kind->scratch_count(step, n, n_threads));
    }
    return round_up(most);
}

static void plan_areas(cen__plan *plan, int n_threads)
{
    const size_t n = plan->max_n, chunk = cen__plan_largest_chunk(n);
    plan->area_count =
        cen__plus(plan->scratch_offset, step_scratch(plan, CEN__SCOPE_IMAGE, chunk, n_threads));
    plan->areas_count = larger(cen__times(plan->area_count, (size_t)n_threads),
                               step_scratch(plan, CEN__SCOPE_BATCH, n, n_threads));
}

/* What steps keep beside their outputs. */
static void plan_kept(cen__plan *plan)
{
    size_t sums = 0, partial = 0;
    for (size_t i = 0; i < plan->n_steps; i++) {
        const cen__layer *step = &plan->steps[i];
        cen__spot *at = &plan->spots[i];
        if (is_second(step)) {
            at->saved_offset = at[-1].saved_offset;
            at->shared_offset = at[-1].shared_offset;
        } else {
            at->saved_offset = plan->saved_size;
            at->shared_offset = plan->shared_count;
            if (plan->is_training) {
                const size_t size = cen__times(cen__plan_saved(step), plan->max_n);
                plan->saved_size = cen__plus(plan->saved_size, size);
            }
            if (step->kind->shared_count != NULL) {
                plan->shared_count = cen__plus(plan->shared_count, step->kind->shared_count(step));
            }
        }
        at->folded_offset = plan->folded_count;
        if (step->norm != NULL) {
            plan->folded_count = cen__plus(plan->folded_count, round_up(step->count));
        }
        if (step->kind->sums_count != NULL) {
            sums = larger(sums, round_up(step->kind->sums_count(step)));
        }
    }
    for (size_t s = 0; s < plan->n_stages && plan->is_training; s++) {
        if (plan->stages[s].scope == CEN__SCOPE_BATCH) continue;
        partial = larger(partial, round_up(plan->stages[s].count));
    }
    plan->sums_count = sums;
    plan->partial_count = partial;
}

/* Inference prepares all stages once, training each when it runs. */
static void plan_prepared(cen__plan *plan)
{
    size_t count = 0;
    for (size_t s = 0; s < plan->n_stages; s++) {
        if (plan->is_training) count = 0;
        for (size_t i = plan->stages[s].first; i < plan->stages[s].end; i++) {
            const cen__layer *step = &plan->steps[i];
            plan->spots[i].prepared_offset = count;
            if (step->kind->prepare == NULL) continue;
            count = cen__plus(count, round_up(step->kind->prepared_count(step)));
        }
        plan->prepared_count = larger(plan->prepared_count, count);
    }
}

bool cen__plan_make(cen__plan *plan, const cen__net *net, size_t max_n, int n_threads,
                    bool is_training)
{
    const cen__steps *steps = is_training ? &net->training : &net->inference;
    *plan = (cen__plan){.net = net,
                        .steps = steps->steps,
                        .n_steps = steps->n,
                        .max_n = max_n,
                        .is_training = is_training,
                        .stages = cen__alloc_zeroed(steps->n, sizeof *plan->stages),
                        .spots = cen__alloc_zeroed(steps->n, sizeof *plan->spots)};
    bool good = plan->stages != NULL && plan->spots != NULL;
    if (good) {
        plan_stages(plan);
        good = cen__plan_places(plan);
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
