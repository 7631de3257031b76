/* The loss of features: first + lambda * second. The first separates the classes (softmax, CosFace, triplet), the second
 * pulls features to the center of their class. */
#ifndef CEN_LOSS_LOSS_H
#define CEN_LOSS_LOSS_H

#include "base/context.h"
#include "base/status.h"
#include "loss/adam.h"
#include "loss/center.h"
#include "loss/head.h"

typedef struct cen__loss_kind cen__loss_kind;
typedef struct cen__center_rule cen__center_rule;

/* The offsets of head and centers in the parameters of a model, and in their gradient. */
typedef struct cen__loss_places {
    size_t head_weight, head_bias, centers;
} cen__loss_places;

/* The classes of a step's softmax: sampled.h. */
typedef struct cen__sampled {
    size_t wanted;    /* 0: all */
    size_t n;         /* of the last backward */
    int32_t *classes; /* [n], rising */
    int32_t *labels;  /* [batch]: their places among the classes */
    int32_t *places;  /* [all classes]; 0 between two draws */
    float *w, *dw;    /* weights [n, D], then biases [n] */
} cen__sampled;

typedef struct cen__loss {
    const cen__loss_kind *kind;
    const cen__center_rule *rule;
    cen_train_options options;
    const cen__kernels *kernels;
    cen_context *context;
    size_t d, k; /* numbers of a feature, classes */
    cen__loss_places at;
    float *logits;           /* [batch, classes] of a loss with a head */
    float *scratch;          /* of the head */
    double *doubles;         /* for sums in double */
    double *row_losses;      /* [batch] */
    bool *row_hits;          /* [batch] */
    cen__labelled_row *rows; /* [batch], of the last backward */
    size_t n_rows;           /* 0 for a loss that moves all centers */
    float *delta;  /* [batch, D]: the step of each class, for a rule that has steps of its own */
    double lambda; /* of this step */
    bool is_begun; /* lambda_ratio: lambda has a first value */
    cen__sampled sampled;
} cen__loss;

/* One batch. */
typedef struct cen__loss_pass {
    size_t n;
    const float *f; /* [n, D] */
    const int32_t *labels;
    const float *w; /* the model's parameters */
    float *df;      /* [n, D]; NULL: the loss is only measured */
    float
        *dw; /* as w: backward sets those of head and centers, and zeroes those that it set last */
    uint64_t seed, step; /* of the classes that are sampled */
} cen__loss_pass;

/* Larger than any sensible option, and small enough that products stay finite. */
#define CEN__HUGE_RATE 1e30

/* NULL past the last, and if there is none of this name. */
const cen__loss_kind *cen__loss_kind_of(cen_loss loss);
const cen__loss_kind *cen__loss_kind_find(const char *name);
const cen__center_rule *cen__center_rule_of(cen_center_mode mode);

/* Errors: ARGUMENT (no such loss or rule, or options that do not go together). */
cen_status cen__loss_check(const cen_train_options *options, cen_error *error);

/* From options that were checked. Errors: LIMIT, MEMORY. On failure free it, too. */
cen_status cen__loss_create(cen__loss *loss, const cen_train_options *options,
                            const cen__kernels *kernels, cen_context *context, size_t d, size_t k,
                            cen__loss_places at, cen_error *error);
void cen__loss_free(cen__loss *loss);

/* The head of the first loss. */
cen__head cen__loss_head(const cen__loss *loss);

/* Fills *losses. In training (with df), lambda also follows its ratio. */
void cen__loss_measure(const cen__loss *loss, const cen__loss_pass *pass, cen_losses *losses);
void cen__loss_backward(cen__loss *loss, const cen__loss_pass *pass, cen_losses *losses);

/* After a backward pass: true if the gradients of the head are surely below the limit, without reading them. */
bool cen__loss_bounds_head(const cen__loss *loss, const cen__loss_pass *pass, double limit);

/* The same for the centers, and for the steps of their rule. */
bool cen__loss_bounds_centers(const cen__loss *loss, const float *dw, double limit);

/* The centers' step, by their rule; and the head's, if its classes are sampled. */
void cen__loss_update(const cen__loss *loss, cen__adam *adam, float *w, const float *dw);

#endif
