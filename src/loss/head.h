/* A head makes logits of features, for the first loss and for the logits and probabilities of a predictor. A model keeps
 * its kind of head. */
#ifndef CEN_LOSS_HEAD_H
#define CEN_LOSS_HEAD_H

#include "base/context.h"
#include "kernels/dispatch.h"

typedef struct cen__head_kind cen__head_kind;

typedef struct cen__head {
    const cen__head_kind *kind; /* NULL: there are no logits, since the loss compares features */
    double scale;               /* of a kind that has one */
} cen__head;

/* Logits of n features of d numbers for k classes. */
typedef struct cen__head_pass {
    const cen__kernels *kernels;
    cen_context *context; /* NULL: the caller works by itself */
    size_t n, d, k;
    double scale;
    const float *f, *weight, *bias; /* [n, d], [k, d], [k] */
    float *logits;                  /* [n, k] */
    float *scratch;                 /* [scratch_count] */
} cen__head_pass;

struct cen__head_kind {
    const char *name; /* in a model's file */
    bool has_scale;
    size_t (*scratch_count)(const cen__kernels *kernels, size_t n, size_t d, size_t k,
                            int n_threads);
    void (*forward)(const cen__head_pass *pass);
};

/* f W^T + b; and scale cos(f, w). */
extern const cen__head_kind cen__affine_head, cen__cosine_head;

/* NULL if there is none of this name. */
const cen__head_kind *cen__head_find(const char *name);

#endif
