/* A plan: in which stages the ops of a net run, and where everything lies that they compute with.
 *
 * Ops run in stages. A stage of IMAGE ops takes the batch in chunks of images; each chunk goes through
 * all its ops on one thread, so that what one op writes is still in the cache for the next. A BATCH
 * op is a stage of its own, and a stage ends where the next op waits for sums over the batch (batchnorm).
 * How many chunks there are depends on the batch and the stage alone, never on threads: enough for some ten
 * of these, but a chunk does several times the work that it costs.
 *
 * Kinds of memory, all taken once:
 *
 *     input     the caller's: the images, and backward the gradient to the features, which is lost
 *     batch     of all images: outputs, and gradients to them, that another stage reads; in training
 *               every output, because backward reads it
 *     area      one a worker: slots for what lives within a stage, of a chunk's images; then scratch,
 *               which is one op's during one call
 *     saved     of all images: what an op keeps from forward to backward, in bytes
 *     shared    one an op: what it knows of the batch, from forward to backward
 *     sums      one a chunk: what an op adds up over the batch, in double
 *     partial   one a chunk: gradients of a stage's parameters
 *     folded    parameters with the batchnorm after them (inference, and frozen)
 *     prepared  what convolutions make of their kernels: in training those of the stage that runs, else
 *               of all, and the packed weights of dense layers
 *
 * An output may have two readers (residual). An op that works in place does so only where nobody needs what
 * it overwrites, and gradients that two readers hand to one output are added as soon as both are there. */
#ifndef CEN_NN_PLAN_H
#define CEN_NN_PLAN_H

#include "base/sizes.h"
#include "nn/net.h"

typedef enum { CEN__AT_INPUT, CEN__AT_BATCH, CEN__AT_AREA } cen__place_kind;

typedef struct cen__place {
    cen__place_kind kind;
    size_t offset, count; /* numbers: from the memory's start; an image */
} cen__place;

typedef struct cen__stage {
    size_t first, end; /* ops */
    cen__scope scope;
    size_t offset, count;         /* of its parameters; in training of those that learn */
    size_t n_images, most_chunks; /* a chunk should have n_images or more */
} cen__stage;

/* to = a + b, after an op's backward: gradients of two readers. */
typedef struct cen__addition {
    bool is_due;
    cen__place to, a, b;
} cen__addition;

/* Of an op. */
typedef struct cen__spot {
    cen__place y, dy, dx;
    bool needs_dx; /* some op before has parameters that learn */
    cen__addition additions[CEN__MAX_INPUTS];
    size_t saved_offset;    /* bytes */
    size_t shared_offset;   /* numbers */
    size_t folded_offset;   /* numbers */
    size_t prepared_offset; /* numbers; in training from the first of its stage */
} cen__spot;

typedef struct cen__plan {
    const cen__net *net;
    const cen__layer *ops;
    size_t n_ops, max_n, n_stages;
    bool is_training;
    cen__stage *stages;
    cen__spot *spots; /* [n_ops] */
    /* Numbers, but saved: bytes. SIZE_MAX: more than there can be. */
    size_t batch_count;
    size_t area_count, scratch_offset; /* of one worker; scratch: in it */
    size_t areas_count;                /* of all, or the scratch of a BATCH op */
    size_t sums_count;                 /* of one chunk */
    size_t saved_size, shared_count, all_sums_count, partial_count, folded_count, prepared_count;
} cen__plan;

/* For at most max_n images and n_threads workers. The net is borrowed. False: no memory is left. */
bool cen__plan_make(cen_context *context, cen__plan *plan, const cen__net *net, size_t max_n,
                    int n_threads, bool is_training);
void cen__plan_free(cen__plan *plan);

/* Of n images; and the images of the largest chunk, of batches up to max_n. */
size_t cen__plan_chunks(const cen__stage *stage, size_t n);
size_t cen__plan_largest_chunk(const cen__stage *stage, size_t max_n);

/* Numbers from one chunk's partial gradient to the next. */
static inline size_t cen__plan_partial(const cen__stage *stage)
{
    return cen__round_up(stage->count, 16);
}

/* Where op i reads input k: the images, or an output. */
static inline cen__place cen__plan_input(const cen__plan *plan, size_t i, size_t k)
{
    const size_t input = plan->ops[i].inputs[k];
    if (input != CEN__NET_INPUT) return plan->spots[input].y;
    return (cen__place){CEN__AT_INPUT, 0, cen__shape_count(plan->net->in)};
}

/* In training a BATCH op reads each weight once a call, so there is nothing to gain. */
static inline bool cen__plan_prepares(const cen__plan *plan, const cen__layer *op)
{
    return op->kind->prepare != NULL && (!plan->is_training || op->kind->scope == CEN__SCOPE_IMAGE);
}

/* Bytes that the batch reserves for an op's, an image: whole numbers. */
static inline size_t cen__plan_saved(const cen__layer *op)
{
    size_t size = op->kind->saved_size != NULL ? op->kind->saved_size(op) : 0;
    return cen__round_up(size, sizeof(float));
}

#endif
