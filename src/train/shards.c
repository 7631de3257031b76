#include "train/shards.h"

#include <string.h>

#include "base/memory.h"
#include "base/sizes.h"

/* Numbers of a sum that are put together at once. */
enum { BLOCK = 1 << 16 };

static bool is_power_of_two(size_t n)
{
    return (n & (n - 1)) == 0;
}

/* Unless a process works on a node of the tree over the shards, it could not add up by itself. */
cen_status cen__shards_check(const cen_train_options *options, cen_error *error)
{
    const cen_exchange *exchange = options->exchange;
    size_t n = options->n_shards > 0 ? options->n_shards : 1;
    if (n > options->batch_size) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "batches of %zu cannot be cut into %zu shards; use fewer shards",
                         options->batch_size, n);
    }
    if (exchange == NULL) return CEN_OK;
    if (exchange->gather == NULL || exchange->rank >= exchange->n_ranks) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "an exchange needs a gather, and a rank below its number of ranks");
    }
    size_t n_ranks = exchange->n_ranks;
    if (n % n_ranks != 0 || !(is_power_of_two(n_ranks) || n_ranks == n)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "%zu processes cannot share %zu shards alike; use a power of two of "
                         "processes that divides the shards, or a shard for each process",
                         n_ranks, n);
    }
    return CEN_OK;
}

/* Levels of the tree over n shards under its root. */
static size_t count_levels(size_t n)
{
    size_t levels = 0;
    for (; n > 1; n -= n / 2) levels++;
    return levels;
}

static size_t n_own(const cen__shards *shards)
{
    return shards->n_shards / shards->exchange.n_ranks;
}

/* The first image of a shard; of n_shards: n. */
static size_t start_of(const cen__shards *shards, size_t shard, size_t n)
{
    return shard * n / shards->n_shards;
}

size_t cen__shards_largest(const cen__shards *shards)
{
    return (shards->batch_size + shards->n_shards - 1) / shards->n_shards;
}

size_t cen__shards_features_count(const cen__shards *shards)
{
    size_t rows = cen__plus(shards->batch_size, shards->exchange.n_ranks);
    return cen__times(rows, shards->model->info.feature_size);
}

cen_status cen__shards_create(cen__shards *shards, const cen_model *model,
                              const cen_train_options *options, cen_error *error)
{
    size_t n_state = cen__model_n_state(model), batch = options->batch_size;
    *shards = (cen__shards){.model = model,
                            .exchange = {.n_ranks = 1},
                            .n_shards = options->n_shards > 0 ? options->n_shards : 1,
                            .batch_size = batch,
                            .n_numbers = model->head_weight + n_state};
    if (options->exchange != NULL) shards->exchange = *options->exchange;
    size_t product, features;
    size_t levels = count_levels(n_own(shards)), gathered = 0;
    if (!cen__multiply(batch, shards->n_shards, &product) ||
        !cen__multiply(batch, model->info.feature_size, &features)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "a batch of %zu does not fit into memory; use smaller batches", batch);
    }
    cen_status status = cen__run_create(&shards->run, &model->net, cen__shards_largest(shards),
                                        model->context, true, error);
    if (status != CEN_OK) return status;
    if (shards->exchange.n_ranks > 1) {
        size_t blocks = cen__times(shards->exchange.n_ranks, BLOCK);
        gathered = cen__shards_features_count(shards);
        if (blocks > gathered) gathered = blocks;
    }
    shards->state = cen__alloc(model->context, n_state, sizeof(float));
    shards->sums = cen__alloc(model->context, cen__times(levels, shards->n_numbers), sizeof(float));
    shards->gathered = cen__alloc(model->context, gathered, sizeof(float));
    bool complete = shards->state != NULL && shards->sums != NULL && shards->gathered != NULL;
    return complete ? CEN_OK : cen__fail_memory(error, "the shards of a batch");
}

void cen__shards_free(cen__shards *shards)
{
    cen__run_free(shards->run);
    cen__free(shards->state);
    cen__free(shards->sums);
    cen__free(shards->gathered);
}

void cen__shards_share(const cen__shards *shards, size_t n, size_t *first, size_t *count)
{
    size_t own = n_own(shards), shard = shards->exchange.rank * own;
    *first = start_of(shards, shard, n);
    *count = start_of(shards, shard + own, n) - *first;
}

/* ---- between processes ---- */

static cen_status gather(const cen__shards *shards, const void *own, size_t size, void *all,
                         cen_error *error)
{
    const cen_exchange *exchange = &shards->exchange;
    if (exchange->gather(exchange->user, own, size, all) == 0) return CEN_OK;
    return cen__fail(error, CEN_ERROR_IO,
                     "the exchange with the other %zu processes failed; go on in all of them from "
                     "a state that was saved",
                     exchange->n_ranks - 1);
}

typedef struct view {
    uint64_t seen, is_refused;
} view;

cen_status cen__shards_agree(cen__shards *shards, uint64_t seen, bool is_refused, cen_error *error)
{
    const view own = {seen, is_refused};
    const size_t n = shards->exchange.n_ranks;
    bool is_same = true, can_all = true;
    if (n == 1) return CEN_OK;
    view *all = (void *)shards->gathered;
    cen_status status = gather(shards, &own, sizeof own, all, error);
    if (status != CEN_OK) return status;
    for (size_t i = 0; i < n; i++) {
        is_same = is_same && all[i].seen == seen;
        can_all = can_all && all[i].is_refused == 0;
    }
    if (can_all && is_same) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     can_all ? "the processes that train together differ in their labels, options, "
                               "steps or numbers; give all of them the same"
                             : "a process cannot use its batch, so that none takes this step");
}

static cen_status gather_features(const cen__shards *shards, size_t n, float *features,
                                  cen_error *error)
{
    const size_t n_ranks = shards->exchange.n_ranks, d = shards->model->info.feature_size;
    size_t first, count;
    if (n_ranks == 1) return CEN_OK;
    cen__shards_share(shards, n, &first, &count);
    size_t most = (n + n_ranks - 1) / n_ranks; /* rows of a process: so many, or one less */
    cen_status status =
        gather(shards, features + first * d, most * d * sizeof *features, shards->gathered, error);
    for (size_t rank = 0; rank < n_ranks && status == CEN_OK; rank++) {
        size_t start = start_of(shards, rank * n_own(shards), n);
        size_t end = start_of(shards, (rank + 1) * n_own(shards), n);
        memcpy(features + start * d, shards->gathered + rank * most * d,
               (end - start) * d * sizeof *features);
    }
    return status;
}

static void add(const cen__shards *shards, size_t n, const float *from, float *to)
{
    shards->model->net.kernels->vectors.add_scaled(n, 1, from, to);
}

/* The top of the tree: sums[count] of so many numbers each, added into the first. */
static void add_ranks(const cen__shards *shards, float *sums, size_t count, size_t size)
{
    if (count == 1) return;
    size_t left = count / 2;
    add_ranks(shards, sums, left, size);
    add_ranks(shards, sums + left * size, count - left, size);
    add(shards, size, sums + left * size, sums);
}

static cen_status sum_ranks(const cen__shards *shards, float *sum, size_t n, cen_error *error)
{
    cen_status status = CEN_OK;
    size_t n_ranks = shards->exchange.n_ranks;
    if (n_ranks == 1) return CEN_OK;
    for (size_t at = 0; at < n && status == CEN_OK; at += BLOCK) {
        size_t size = n - at < BLOCK ? n - at : BLOCK;
        status = gather(shards, sum + at, size * sizeof *sum, shards->gathered, error);
        if (status != CEN_OK) return status;
        add_ranks(shards, shards->gathered, n_ranks, size);
        memcpy(sum + at, shards->gathered, size * sizeof *sum);
    }
    return status;
}

/* ---- shards of this process ---- */

typedef struct batch {
    cen__shards *shards;
    const float *x;
    float *df;
    size_t n;
} batch;

/* Its running statistics begin at the model's, which stay. */
static const float *forward(const batch *b, size_t shard)
{
    cen__shards *shards = b->shards;
    const cen_model *model = shards->model;
    size_t start = start_of(shards, shard, b->n), end = start_of(shards, shard + 1, b->n);
    memcpy(shards->state, cen__model_state(model), cen__model_n_state(model) * sizeof(float));
    shards->live = shard;
    cen__run_use(shards->run, model->parameters, shards->state);
    cen__run_draw(shards->run, shards->seed, shards->step, start);
    return cen__run_forward(shards->run, b->x + start * cen__shape_count(model->net.in),
                            end - start);
}

/* From the last to the first, which is then ready to go backward. */
static void forward_shards(const batch *b, size_t first, size_t end, float *features)
{
    size_t d = b->shards->model->info.feature_size;
    for (size_t shard = end; shard-- > first;) {
        size_t start = start_of(b->shards, shard, b->n);
        size_t count = start_of(b->shards, shard + 1, b->n) - start;
        if (count == 0) continue;
        memcpy(features + start * d, forward(b, shard), count * d * sizeof *features);
    }
}

static void backward(const batch *b, size_t shard, float *gradient, float *state)
{
    cen__shards *shards = b->shards;
    const cen_model *model = shards->model;
    size_t n_state = cen__model_n_state(model);
    size_t start = start_of(shards, shard, b->n), n = start_of(shards, shard + 1, b->n) - start;
    if (n == 0) { /* fewer images than shards */
        memset(gradient, 0, model->head_weight * sizeof *gradient);
        memset(state, 0, n_state * sizeof *state);
        return;
    }
    if (shards->live != shard) (void)forward(b, shard);
    cen__run_backward(shards->run, b->x + start * cen__shape_count(model->net.in), n,
                      b->df + start * model->info.feature_size, gradient);
    memcpy(state, shards->state, n_state * sizeof *state);
}

/* A node of the tree: the sums over shards first .. first + count. */
static void sum_shards(const batch *b, size_t first, size_t count, float *sums, float *gradient,
                       float *state)
{
    const cen_model *model = b->shards->model;
    if (count == 1) {
        backward(b, first, gradient, state);
        return;
    }
    size_t left = count / 2;
    float *below = sums + b->shards->n_numbers, *right = sums,
          *right_state = right + model->head_weight;
    sum_shards(b, first, left, below, gradient, state);
    sum_shards(b, first + left, count - left, below, right, right_state);
    add(b->shards, model->head_weight, right, gradient);
    add(b->shards, cen__model_n_state(model), right_state, state);
}

void cen__shards_features(cen__shards *shards, const float *x, size_t n, float *features)
{
    const batch b = {shards, x, NULL, n};
    forward_shards(&b, 0, shards->n_shards, features);
}

cen_status cen__shards_forward(cen__shards *shards, const float *x, size_t n, float *features,
                               cen_error *error)
{
    const batch b = {shards, x, NULL, n};
    size_t own = n_own(shards), first = shards->exchange.rank * own;
    shards->live = shards->n_shards;
    forward_shards(&b, first, first + own, features);
    return gather_features(shards, n, features, error);
}

cen_status cen__shards_backward(cen__shards *shards, const float *x, size_t n, float *df,
                                float *gradient, float *state, cen_error *error)
{
    const batch b = {shards, x, df, n};
    const cen_model *model = shards->model;
    size_t own = n_own(shards), n_state = cen__model_n_state(model);
    float n_used = (float)(n < shards->n_shards ? n : shards->n_shards);
    sum_shards(&b, shards->exchange.rank * own, own, shards->sums, gradient, state);
    cen_status status = sum_ranks(shards, gradient, model->head_weight, error);
    if (status == CEN_OK) status = sum_ranks(shards, state, n_state, error);
    for (size_t i = 0; i < n_state; i++) state[i] /= n_used;
    return status;
}
