/* A batch that is cut into shards, which this process works on, or several processes do.
 *
 * Each shard runs through the body by itself. Their features are put together, so that every process computes
 * the losses of the whole batch; the body's gradients are added up in a tree over the shards, which is the
 * same however many processes work. So is all that follows. */
#ifndef CEN_TRAIN_SHARDS_H
#define CEN_TRAIN_SHARDS_H

#include "nn/run.h"
#include "train/model.h"

/* What a process sees of a step, and whether it cannot take it. */
typedef struct cen__view {
    uint64_t seen, is_refused;
} cen__view;

typedef struct cen__shards {
    const cen_model *model;
    cen__net net;  /* the model's, with other ops for training if some are frozen */
    cen__run *run; /* of one shard */
    cen_exchange exchange;
    size_t n_shards, batch_size;
    size_t n_numbers;                /* parameters of the body, and its running statistics */
    size_t n_frozen, n_frozen_state; /* the first of each, which stay */
    size_t live;                     /* the shard whose activations are there; n_shards: none */
    float *state;                    /* [n_state] that its forward has moved */
    float *sums;                     /* [levels, n_numbers]: of shards that are still to be added */
    size_t n_parts;                  /* sums over shards that a process gives at most */
    float *parts;                    /* [n_parts, n_numbers]: those of this one */
    size_t slice;                    /* numbers that a process adds up at once */
    float *own, *all;                /* [n_ranks, n_parts, slice]: sent and received */
    void *buffer;                    /* of small exchanges */
    uint64_t seed, step;             /* that dropout draws by */
} cen__shards;

/* Errors: ARGUMENT (numbers that do not go together). */
cen_status cen__shards_check(const cen_train_options *options, cen_error *error);

/* Of options that were checked. Errors: LIMIT, MEMORY. On failure free it, too. */
cen_status cen__shards_create(cen__shards *shards, const cen_model *model,
                              const cen_train_options *options, cen_error *error);
void cen__shards_free(cen__shards *shards);

/* Images of the largest shard. */
size_t cen__shards_largest(const cen__shards *shards);

/* Every process calls it with what it sees of a step, and whether it cannot take it. Errors: ARGUMENT (another
 * process sees something else, or cannot), IO. */
cen_status cen__shards_agree(cen__shards *shards, uint64_t seen, bool is_refused, cen_error *error);

/* features[n, D]: each process has its share, and gets those of the others. Errors: IO. */
cen_status cen__shards_gather(const cen__shards *shards, size_t n, float *features,
                              cen_error *error);

/* Features of all shards, in training: this process works on its own and gets the others'. Errors: IO. */
cen_status cen__shards_forward(cen__shards *shards, const float *x, size_t n, float *features,
                               cen_error *error);

/* After it: gradient[body] = that of the batch, of df[n, D], which is lost; state[n_state] = the mean of the
 * running statistics that the shards came to. Errors: IO. */
cen_status cen__shards_backward(cen__shards *shards, const float *x, size_t n, float *df,
                                float *gradient, float *state, cen_error *error);

#endif
