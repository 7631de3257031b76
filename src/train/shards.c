#include "train/shards.h"

#include <string.h>

#include "base/exchange.h"
#include "base/memory.h"
#include "base/sizes.h"

/* Numbers of all processes that are exchanged at once: few calls, since each waits for the slowest. */
enum { BLOCK = 1 << 22 };

cen_status cen__shards_check(const cen_train_options *options, cen_error *error)
{
    const cen_exchange *exchange = options->exchange;
    size_t n = options->n_shards > 0 ? options->n_shards : 1;
    if (n > options->batch_size) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "batches of %zu cannot be cut into %zu shards; use fewer shards",
                         options->batch_size, n);
    }
    cen_status status = cen__exchange_check(exchange, error);
    if (status != CEN_OK || exchange == NULL) return status;
    if (n % exchange->n_ranks != 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "%zu processes cannot share %zu shards alike; use a number of shards that "
                         "they divide",
                         exchange->n_ranks, n);
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

/* ---- the tree ----
 *
 * Each process has the sums of those nodes of the tree that lie within its shards, which are its parts. */

static bool is_part(const cen__shards *shards, size_t first, size_t count)
{
    return first / n_own(shards) == (first + count - 1) / n_own(shards);
}

/* Parts of a rank below a node. */
static size_t count_parts(const cen__shards *shards, size_t first, size_t count, size_t rank)
{
    size_t own = n_own(shards), left = count / 2;
    if (first >= (rank + 1) * own || first + count <= rank * own) return 0;
    if (is_part(shards, first, count)) return 1;
    return count_parts(shards, first, left, rank) +
           count_parts(shards, first + left, count - left, rank);
}

static size_t most_parts(const cen__shards *shards)
{
    size_t most = 0;
    for (size_t rank = 0; rank < shards->exchange.n_ranks; rank++) {
        size_t n = count_parts(shards, 0, shards->n_shards, rank);
        if (n > most) most = n;
    }
    return most;
}

/* shards->net, and what of the model is frozen. */
static cen_status freeze(cen__shards *shards, size_t n_frozen, cen_error *error)
{
    const cen_model *model = shards->model;
    size_t n_there, n_layers = cen__net_first(&model->net, n_frozen, &n_there);
    shards->net = model->net;
    if (n_layers == SIZE_MAX) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the first %zu layer%s cannot be frozen: the net has %zu of conv and "
                         "dense; freeze fewer",
                         n_frozen, cen__plural(n_frozen), n_there);
    }
    if (n_layers == 0) return CEN_OK;
    bool is_all = n_layers == model->net.n_layers;
    shards->n_frozen = is_all ? model->net.n_parameters : model->net.layers[n_layers].offset;
    shards->n_frozen_state = is_all ? model->net.n_state : model->net.layers[n_layers].state_offset;
    return cen__fuse(model->context, model->net.layers, model->net.n_layers, n_layers,
                     &shards->net.training, error);
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
    const size_t n_ranks = shards->exchange.n_ranks, levels = count_levels(n_own(shards));
    size_t product, features, numbers = 0, blocks = 0, room;
    if (!cen__multiply(batch, shards->n_shards, &product) ||
        !cen__multiply(batch, model->info.feature_size, &features)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "a batch of %zu does not fit into memory; use smaller batches", batch);
    }
    cen_status status = freeze(shards, options->n_frozen, error);
    if (status == CEN_OK) {
        status = cen__run_create(&shards->run, &shards->net, cen__shards_largest(shards),
                                 model->context, true, error);
    }
    if (status != CEN_OK) return status;
    if (n_ranks > 1) {
        shards->n_parts = most_parts(shards);
        shards->slice = shards->n_numbers / (shards->exchange.swap != NULL ? n_ranks : 1) + 1;
        if (shards->slice > BLOCK / n_ranks + 1) shards->slice = BLOCK / n_ranks + 1;
        numbers = cen__times(shards->n_parts, shards->n_numbers);
        blocks = cen__times(cen__times(n_ranks, shards->n_parts), shards->slice);
    }
    room = cen__exchange_room(&shards->exchange, batch, model->info.feature_size * sizeof(float));
    room = cen__plus(room, cen__times(n_ranks, sizeof(cen__view)));
    shards->state = cen__alloc(model->context, n_state, sizeof(float));
    /* Zeros, as nothing is written to what is frozen. */
    shards->sums =
        cen__alloc_zeroed(model->context, cen__times(levels, shards->n_numbers), sizeof(float));
    shards->parts = cen__alloc_zeroed(model->context, numbers, sizeof(float));
    shards->own = cen__alloc(model->context, blocks, sizeof(float));
    shards->all = cen__alloc(model->context, blocks, sizeof(float));
    shards->buffer = cen__alloc(model->context, room, 1);
    bool complete = shards->state != NULL && shards->sums != NULL && shards->parts != NULL &&
                    shards->own != NULL && shards->all != NULL && shards->buffer != NULL;
    return complete ? CEN_OK : cen__fail_memory(error, "the shards of a batch");
}

void cen__shards_free(cen__shards *shards)
{
    cen__run_free(shards->run);
    if (shards->n_frozen > 0) cen__free(shards->net.training.ops);
    cen__free(shards->state);
    cen__free(shards->sums);
    cen__free(shards->parts);
    cen__free(shards->own);
    cen__free(shards->all);
    cen__free(shards->buffer);
}

/* ---- between processes ---- */

cen_status cen__shards_agree(cen__shards *shards, uint64_t seen, bool is_refused, cen_error *error)
{
    const cen__view own = {seen, is_refused};
    const size_t n = shards->exchange.n_ranks;
    bool is_same = true, can_all = true;
    if (n == 1) return CEN_OK;
    cen__view *all = shards->buffer;
    cen_status status = cen__exchange_gather(&shards->exchange, &own, sizeof own, all, error);
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

cen_status cen__shards_gather(const cen__shards *shards, size_t n, float *features,
                              cen_error *error)
{
    const size_t size = shards->model->info.feature_size * sizeof *features;
    return cen__exchange_rows(&shards->exchange, features, n, size, shards->buffer, error);
}

static void add(const cen__shards *shards, size_t n, const float *from, float *to)
{
    shards->model->net.kernels->vectors.add_scaled(n, 1, from, to);
}

/* The top of the tree, over parts[n_ranks, n_parts, size]. n_taken[n_ranks] of them are added. */
static float *add_parts(const cen__shards *shards, size_t first, size_t count, float *parts,
                        size_t size, size_t *n_taken)
{
    const size_t rank = first / n_own(shards), left = count / 2;
    if (is_part(shards, first, count)) {
        return parts + (rank * shards->n_parts + n_taken[rank]++) * size;
    }
    float *sum = add_parts(shards, first, left, parts, size, n_taken);
    const float *right = add_parts(shards, first + left, count - left, parts, size, n_taken);
    add(shards, size, right, sum);
    return sum;
}

static const float *sum_parts(const cen__shards *shards, size_t size)
{
    size_t *n_taken = shards->buffer;
    memset(n_taken, 0, shards->exchange.n_ranks * sizeof *n_taken);
    return add_parts(shards, 0, shards->n_shards, shards->all, size, n_taken);
}

/* own[n_parts, size] = numbers at ... of each part, of which n are left. */
static void pack(const cen__shards *shards, size_t at, size_t n, size_t size, float *own)
{
    size_t count = n < size ? n : size;
    for (size_t part = 0; part < shards->n_parts; part++, own += size) {
        memcpy(own, shards->parts + part * shards->n_numbers + at, count * sizeof *own);
        memset(own + count, 0, (size - count) * sizeof *own);
    }
}

/* A block of up to n_ranks slices: each process adds up one and gathers the others. */
static cen_status sum_slices(const cen__shards *shards, size_t at, size_t n, cen_error *error)
{
    const cen_exchange *exchange = &shards->exchange;
    const size_t n_ranks = exchange->n_ranks, size = (n + n_ranks - 1) / n_ranks;
    for (size_t rank = 0; rank < n_ranks; rank++) {
        size_t start = rank * size < n ? rank * size : n;
        pack(shards, at + start, n - start, size, shards->own + rank * shards->n_parts * size);
    }
    if (exchange->swap(exchange->user, shards->own, shards->n_parts * size * sizeof(float),
                       shards->all) != 0) {
        return cen__exchange_fail(exchange, error);
    }
    cen_status status = cen__exchange_gather(exchange, sum_parts(shards, size),
                                             size * sizeof(float), shards->own, error);
    if (status == CEN_OK) memcpy(shards->parts + at, shards->own, n * sizeof(float));
    return status;
}

/* Without swap each process adds up all. */
static cen_status sum_blocks(const cen__shards *shards, size_t at, size_t n, cen_error *error)
{
    pack(shards, at, n, n, shards->own);
    cen_status status = cen__exchange_gather(
        &shards->exchange, shards->own, shards->n_parts * n * sizeof(float), shards->all, error);
    if (status == CEN_OK) memcpy(shards->parts + at, sum_parts(shards, n), n * sizeof(float));
    return status;
}

/* The first part becomes the sum over all shards. */
static cen_status sum_ranks(const cen__shards *shards, cen_error *error)
{
    const bool has_swap = shards->exchange.swap != NULL;
    const size_t block = has_swap ? shards->exchange.n_ranks * shards->slice : shards->slice;
    cen_status status = CEN_OK;
    for (size_t at = 0, n; at < shards->n_numbers && status == CEN_OK; at += n) {
        n = shards->n_numbers - at < block ? shards->n_numbers - at : block;
        status = has_swap ? sum_slices(shards, at, n, error) : sum_blocks(shards, at, n, error);
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

/* The parts of this process below a node, from left to right; *n are done. */
static void fill_parts(const batch *b, size_t first, size_t count, size_t *n)
{
    const cen__shards *shards = b->shards;
    const size_t left = count / 2, rank = shards->exchange.rank;
    if (count_parts(shards, first, count, rank) == 0) return;
    if (is_part(shards, first, count)) {
        float *sum = shards->parts + (*n)++ * shards->n_numbers;
        sum_shards(b, first, count, shards->sums, sum, sum + shards->model->head_weight);
        return;
    }
    fill_parts(b, first, left, n);
    fill_parts(b, first + left, count - left, n);
}

cen_status cen__shards_forward(cen__shards *shards, const float *x, size_t n, float *features,
                               cen_error *error)
{
    const batch b = {shards, x, NULL, n};
    size_t own = n_own(shards), first = shards->exchange.rank * own;
    shards->live = shards->n_shards;
    forward_shards(&b, first, first + own, features);
    return cen__shards_gather(shards, n, features, error);
}

cen_status cen__shards_backward(cen__shards *shards, const float *x, size_t n, float *df,
                                float *gradient, float *state, cen_error *error)
{
    const batch b = {shards, x, df, n};
    const cen_model *model = shards->model;
    const size_t n_state = cen__model_n_state(model);
    float n_used = (float)(n < shards->n_shards ? n : shards->n_shards);
    cen_status status = CEN_OK;
    if (shards->exchange.n_ranks == 1) {
        sum_shards(&b, 0, shards->n_shards, shards->sums, gradient, state);
    } else {
        size_t n_done = 0;
        fill_parts(&b, 0, shards->n_shards, &n_done);
        status = sum_ranks(shards, error);
        memcpy(gradient, shards->parts, model->head_weight * sizeof *gradient);
        memcpy(state, shards->parts + model->head_weight, n_state * sizeof *state);
    }
    for (size_t i = 0; i < n_state; i++) state[i] /= n_used;
    memcpy(state, cen__model_state(model), shards->n_frozen_state * sizeof *state);
    return status;
}
