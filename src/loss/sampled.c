#include "loss/sampled.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/sizes.h"
#include "kernels/bound.h"
#include "loss/kinds.h"

cen_status cen__sampled_create(cen__sampled *sampled, cen_context *context, size_t n_sampled,
                               size_t batch, size_t d, size_t k, cen_error *error)
{
    size_t most = n_sampled > batch ? n_sampled : batch, count;
    *sampled = (cen__sampled){.wanted = n_sampled};
    if (n_sampled == 0 || n_sampled >= k) {
        sampled->wanted = 0;
        return CEN_OK;
    }
    if (most > k) most = k;
    if (!cen__multiply(most, d + 1, &count)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "%zu classes of a step do not fit into memory; sample fewer", most);
    }
    sampled->classes = cen__alloc(context, most, sizeof *sampled->classes);
    sampled->labels = cen__alloc(context, batch, sizeof *sampled->labels);
    sampled->places = cen__alloc_zeroed(context, k, sizeof *sampled->places);
    sampled->w = cen__alloc(context, count, sizeof *sampled->w);
    sampled->dw = cen__alloc(context, count, sizeof *sampled->dw);
    bool complete = sampled->classes != NULL && sampled->labels != NULL &&
                    sampled->places != NULL && sampled->w != NULL && sampled->dw != NULL;
    return complete ? CEN_OK : cen__fail_memory(error, "the sampled classes of a step");
}

void cen__sampled_free(cen__sampled *sampled)
{
    cen__free(sampled->classes);
    cen__free(sampled->labels);
    cen__free(sampled->places);
    cen__free(sampled->w);
    cen__free(sampled->dw);
}

static int compare(const void *a, const void *b)
{
    const int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return left < right ? -1 : left > right;
}

/* Of the class's row in [classes, d], or of its bias. */
typedef struct row {
    size_t weight, bias;
} row;

static row row_of(const cen__loss *loss, size_t i)
{
    const size_t class = (size_t)loss->sampled.classes[i];
    return (row){loss->at.head_weight + class * loss->d, loss->at.head_bias + class};
}

static void clear_rows(const cen__loss *loss, float *dw)
{
    for (size_t i = 0; i < loss->sampled.n; i++) {
        const row at = row_of(loss, i);
        memset(dw + at.weight, 0, loss->d * sizeof *dw);
        dw[at.bias] = 0;
    }
}

/* A class is taken while its place is not 0. */
static void take_class(cen__sampled *sampled, size_t class)
{
    if (sampled->places[class] != 0) return;
    sampled->places[class] = 1;
    sampled->classes[sampled->n++] = (int32_t) class;
}

void cen__sampled_draw(cen__loss *loss, const cen__loss_pass *pass)
{
    cen__sampled *sampled = &loss->sampled;
    clear_rows(loss, pass->dw);
    sampled->n = 0;
    for (size_t i = 0; i < pass->n; i++) take_class(sampled, (size_t)pass->labels[i]);
    const uint64_t stream = cen__substream(CEN__STREAM_CLASSES, pass->step);
    for (uint64_t draw = 0; sampled->n < sampled->wanted; draw++) {
        take_class(sampled, (size_t)cen__random_below(pass->seed, stream, draw, loss->k));
    }
    qsort(sampled->classes, sampled->n, sizeof *sampled->classes, compare);
    for (size_t i = 0; i < sampled->n; i++) sampled->places[sampled->classes[i]] = (int32_t)i;
    for (size_t i = 0; i < pass->n; i++) sampled->labels[i] = sampled->places[pass->labels[i]];
    for (size_t i = 0; i < sampled->n; i++) sampled->places[sampled->classes[i]] = 0;
}

static void copy_rows(const cen__loss *loss, const float *w)
{
    const cen__sampled *sampled = &loss->sampled;
    float *bias = sampled->w + sampled->n * loss->d;
    for (size_t i = 0; i < sampled->n; i++) {
        const row at = row_of(loss, i);
        memcpy(sampled->w + i * loss->d, w + at.weight, loss->d * sizeof *w);
        bias[i] = w[at.bias];
    }
}

static void return_rows(const cen__loss *loss, float *dw)
{
    const cen__sampled *sampled = &loss->sampled;
    const float *dbias = sampled->dw + sampled->n * loss->d;
    for (size_t i = 0; i < sampled->n; i++) {
        const row at = row_of(loss, i);
        memcpy(dw + at.weight, sampled->dw + i * loss->d, loss->d * sizeof *dw);
        dw[at.bias] = dbias[i];
    }
}

double cen__sampled_first(const cen__loss *loss, const cen__loss_pass *pass, double *accuracy)
{
    const cen__sampled *sampled = &loss->sampled;
    cen__loss few = *loss;
    cen__loss_pass of_few = *pass;
    few.k = sampled->n;
    few.at = (cen__loss_places){.head_weight = 0, .head_bias = sampled->n * loss->d};
    of_few.labels = sampled->labels;
    of_few.w = sampled->w;
    of_few.dw = sampled->dw;
    copy_rows(loss, pass->w);
    memset(sampled->dw + few.at.head_bias, 0, few.k * sizeof(float)); /* a head may have none */
    const double value = loss->kind->first(&few, &of_few, accuracy);
    return_rows(loss, pass->dw);
    return value;
}

bool cen__sampled_is_below(const cen__loss *loss, const float *dw, double limit)
{
    const cen__vectors *vectors = &loss->kernels->vectors;
    for (size_t i = 0; i < loss->sampled.n; i++) {
        const row at = row_of(loss, i);
        if (!cen__is_below(vectors, dw + at.weight, loss->d, limit, NULL)) return false;
    }
    return true;
}

/* ---- the step ---- */

enum { AT_ONCE = 64 };

typedef struct update {
    const cen__loss *loss;
    cen__adam *adam;
    cen__adam_step of_weights, of_biases;
    float *w;
    const float *dw;
} update;

static void update_rows(void *data, size_t task, int worker)
{
    (void)worker;
    const update *u = data;
    const cen__loss *loss = u->loss;
    const size_t end = (task + 1) * AT_ONCE;
    for (size_t i = task * AT_ONCE; i < end && i < loss->sampled.n; i++) {
        const row at = row_of(loss, i);
        cen__adam_apply_sparse(u->adam, &u->of_weights, at.weight, loss->d, u->w, u->dw);
        cen__adam_apply_sparse(u->adam, &u->of_biases, at.bias, 1, u->w, u->dw);
    }
}

void cen__sampled_update(const cen__loss *loss, cen__adam *adam, double weight_decay, float *w,
                         const float *dw)
{
    update u = {.loss = loss,
                .adam = adam,
                .of_weights = cen__adam_sparse_step(adam, weight_decay),
                .of_biases = cen__adam_sparse_step(adam, 0),
                .w = w,
                .dw = dw};
    const size_t n = loss->sampled.n;
    cen__parallel(loss->context, (n + AT_ONCE - 1) / AT_ONCE, 8 * (double)(n * loss->d),
                  update_rows, &u);
}
