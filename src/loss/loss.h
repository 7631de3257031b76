/* What is minimised, from the features on: first + lambda * second. The first loss tells classes apart
 * (softmax, CosFace, triplet), the second pulls features to their class's center. */
#ifndef CEN_LOSS_LOSS_H
#define CEN_LOSS_LOSS_H

#include "base/context.h"
#include "base/status.h"
#include "loss/adam.h"
#include "loss/center.h"
#include "loss/head.h"

typedef struct cen__loss_kind cen__loss_kind;
typedef struct cen__center_rule cen__center_rule;

/* Where the parts that a loss knows begin in a model's parameters, and in their gradient. */
typedef struct cen__loss_places {
    size_t head_weight, head_bias, centers;
} cen__loss_places;

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
    double *doubles;         /* of what sums in double */
    double *row_losses;      /* [batch] */
    bool *row_hits;          /* [batch] */
    cen__labelled_row *rows; /* [batch], of the last backward */
    size_t n_rows;           /* 0 of a loss that moves all centers */
    float *delta;            /* [batch, D]: each class's step, of a rule that has its own */
    double lambda;           /* of this step */
    bool is_begun;           /* lambda_ratio: lambda has a first value */
} cen__loss;

/* One batch. */
typedef struct cen__loss_pass {
    size_t n;
    const float *f; /* [n, D] */
    const int32_t *labels;
    const float *w; /* the model's parameters */
    float *df;      /* [n, D]; NULL: only measured */
    float *dw; /* as w: those of head and centers are set, and what the last backward set is 0 */
} cen__loss_pass;

/* Beyond all sense, and so far from infinity that products stay finite: no option comes near. */
#define CEN__HUGE_RATE 1e30

/* NULL past the last, and if there is none of this name. */
const cen__loss_kind *cen__loss_kind_of(cen_loss loss);
const cen__loss_kind *cen__loss_kind_find(const char *name);
const cen__center_rule *cen__center_rule_of(cen_center_mode mode);

/* Errors: ARGUMENT (no such loss or rule, or options that do not go together). */
cen_status cen__loss_check(const cen_train_options *options, cen_error *error);

/* Of options that were checked. Errors: LIMIT, MEMORY. On failure free it, too. */
cen_status cen__loss_create(cen__loss *loss, const cen_train_options *options,
                            const cen__kernels *kernels, cen_context *context, size_t d, size_t k,
                            cen__loss_places at, cen_error *error);
void cen__loss_free(cen__loss *loss);

/* The head that the first loss is taken of. */
cen__head cen__loss_head(const cen__loss *loss);

/* Fills *losses. In training, with df, also lambda follows its ratio. */
void cen__loss_measure(const cen__loss *loss, const cen__loss_pass *pass, cen_losses *losses);
void cen__loss_backward(cen__loss *loss, const cen__loss_pass *pass, cen_losses *losses);

/* After a backward: whether the gradients of the head are below the limit without reading them. */
bool cen__loss_bounds_head(const cen__loss *loss, const cen__loss_pass *pass, double limit);

/* Whether those of the centers are, and the steps that their rule takes. */
bool cen__loss_bounds_centers(const cen__loss *loss, const float *dw, double limit);

/* The centers' step, by their rule. */
void cen__loss_update(const cen__loss *loss, cen__adam *adam, float *w, const float *dw);

#endif
