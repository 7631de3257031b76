/* The tables of a loss and of a center rule. A new one is a file with its table and one line in loss_list.h or
 * rule_list.h. */
#ifndef CEN_LOSS_KINDS_H
#define CEN_LOSS_KINDS_H

#include "loss/loss.h"
#include "loss/softmax.h"

struct cen__loss_kind {
    const char *name, *first_name;
    const cen__head_kind *head; /* NULL: the loss compares features */
    double lambda, margin;      /* its defaults */
    cen_center_mode centers;    /* the same */
    bool needs_pairs;           /* learns from images of one class in a batch */
    bool follows_ratio;         /* lambda may follow the ratio of the gradients */
    bool moves_all_centers; /* the second has a gradient for each, not only the batch's classes */
    bool bounds_head;       /* a finite loss leaves gradients of at most 1 / n at affine logits */
    size_t (*n_doubles)(size_t n, size_t d, size_t k, int n_threads);        /* NULL: none */
    cen_status (*check)(const cen_train_options *options, cen_error *error); /* NULL: all go */
    /* The loss of features that are all the same; NULL: the entropy of the labels. */
    double (*chance)(const cen_train_options *options);
    /* Returns the loss; with df: df = its gradient, and dw's of the head. */
    double (*first)(const cen__loss *loss, const cen__loss_pass *pass, double *accuracy);
    /* Returns the loss, without lambda. */
    double (*second)(const cen__loss *loss, const cen__loss_pass *pass);
    /* The L2 norm of its gradient at the features, from its value; NULL: unknown. */
    double (*second_norm)(double second, size_t n);
    /* After it: df += lambda times its gradient, and dw's of the centers. */
    void (*add_second_gradient)(cen__loss *loss, const cen__loss_pass *pass);
};

struct cen__center_rule {
    const char *name;
    bool uses_gradient;
    /* After the gradient: fills loss->delta. NULL: the rule has no steps of its own. */
    void (*prepare)(cen__loss *loss, const cen__loss_pass *pass);
    /* The largest factor at delta. */
    double (*most)(const cen_train_options *options);
    void (*update)(const cen__loss *loss, cen__adam *adam, float *w, const float *dw);
};

#define CEN__LOSS(name) extern const cen__loss_kind cen__##name##_kind;
#include "loss/loss_list.h"
#undef CEN__LOSS
#define CEN__RULE(name) extern const cen__center_rule cen__##name##_rule;
#include "loss/rule_list.h"
#undef CEN__RULE

/* ---- parts that several kinds share ---- */

/* Softmax of logits in loss->logits. */
cen__softmax cen__loss_softmax(const cen__loss *loss, const cen__loss_pass *pass);

/* The mean of row_losses; *accuracy: that of row_hits. */
double cen__loss_rows(const cen__loss *loss, size_t n, double *accuracy);

/* first: softmax cross-entropy of an affine head. */
double cen__softmax_first(const cen__loss *loss, const cen__loss_pass *pass, double *accuracy);

/* second, second_norm, add_second_gradient: the center loss. */
double cen__pull(const cen__loss *loss, const cen__loss_pass *pass);
double cen__pull_norm(double second, size_t n);
void cen__pull_gradient(cen__loss *loss, const cen__loss_pass *pass);

#endif
