#include "loss/adam.h"

#include <errno.h>
#include <math.h>

#include "base/memory.h"
#include "base/context.h"

/* A task has so many numbers, counted from the start of the buffers, so that all tasks but the first begin at a whole
 * vector. */
enum { BLOCK = 1 << 15 };

cen_status cen__adam_create(cen_context *context, cen__adam *adam, size_t count, cen_error *error)
{
    *adam = (cen__adam){.count = count};
    adam->m = cen__alloc_zeroed(context, count, sizeof(float));
    adam->v = cen__alloc_zeroed(context, count, sizeof(float));
    if (adam->m != NULL && adam->v != NULL) return CEN_OK;
    cen__adam_free(adam);
    return cen__fail_memory(error, "Adam's moments");
}

void cen__adam_free(cen__adam *adam)
{
    cen__free(adam->m);
    cen__free(adam->v);
    *adam = (cen__adam){.count = 0};
}

void cen__adam_begin(cen__adam *adam)
{
    adam->n_steps++;
}

/* Keeps errno: after many steps beta^t is 0, for which pow sets ERANGE. */
static double power(double base, double exponent)
{
    const int kept = errno;
    const double value = pow(base, exponent);
    errno = kept;
    return value;
}

/* Keras multiplies the learning rate by the root of the second bias correction, in place of dividing the root of v by it.
 * That is the step of torch with a larger eps. */
static cen__adam_step step_of(const cen__adam *adam, cen_adam_form form)
{
    double t = (double)adam->n_steps;
    double root_correction = sqrt(1 - power(adam->beta2, t));
    double eps = form == CEN_ADAM_KERAS ? adam->eps / root_correction : adam->eps;
    return (cen__adam_step){.beta1 = (float)adam->beta1,
                            .beta2 = (float)adam->beta2,
                            .rest1 = (float)(1 - adam->beta1),
                            .rest2 = (float)(1 - adam->beta2),
                            .step_size = (float)(adam->lr / (1 - power(adam->beta1, t))),
                            .root_correction = (float)root_correction,
                            .eps = (float)eps,
                            .keep = 1};
}

typedef struct adam_blocks {
    cen__adam *adam;
    cen__adam_step step;
    size_t start, count;
    float *p;
    const float *g;
} adam_blocks;

static void apply_block(void *data, size_t task, int worker)
{
    (void)worker;
    const adam_blocks *blocks = data;
    size_t block = blocks->start / BLOCK + task, end = blocks->start + blocks->count;
    size_t first = task == 0 ? blocks->start : block * BLOCK;
    size_t count = (end < (block + 1) * BLOCK ? end : (block + 1) * BLOCK) - first;
    const cen__adam *adam = blocks->adam;
    adam->vectors->adam(count, blocks->p + first, adam->m + first, adam->v + first,
                        blocks->g != NULL ? blocks->g + first : NULL, &blocks->step);
}

void cen__adam_apply(cen__adam *adam, size_t start, size_t count, double weight_decay, float *p,
                     const float *g)
{
    adam_blocks blocks = {adam, step_of(adam, adam->form), start, count, p, g};
    blocks.step.keep = (float)(1 - adam->lr * weight_decay);
    if (count == 0) return;
    size_t n_blocks = (start + count - 1) / BLOCK - start / BLOCK + 1;
    cen__parallel(adam->context, n_blocks, 8 * (double)count, apply_block, &blocks);
}

cen__adam_step cen__adam_sparse_step(const cen__adam *adam, double weight_decay)
{
    cen__adam_step step = step_of(adam, CEN_ADAM_KERAS);
    step.keep = (float)(1 - adam->lr * weight_decay);
    return step;
}

void cen__adam_apply_sparse(cen__adam *adam, const cen__adam_step *step, size_t start, size_t count,
                            float *p, const float *g)
{
    adam->vectors->adam(count, p + start, adam->m + start, adam->v + start, g + start, step);
}
