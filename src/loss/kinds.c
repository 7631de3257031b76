#include "loss/kinds.h"

#include <string.h>

#include "base/checks.h"

static const cen__loss_kind *const losses[] = {
#define CEN__LOSS(name) &cen__##name##_kind,
#include "loss/loss_list.h"
#undef CEN__LOSS
};

static const cen__center_rule *const rules[] = {
#define CEN__RULE(name) &cen__##name##_rule,
#include "loss/rule_list.h"
#undef CEN__RULE
};

enum { N_LOSSES = sizeof losses / sizeof *losses, N_RULES = sizeof rules / sizeof *rules };

const cen__loss_kind *cen__loss_kind_of(cen_loss loss)
{
    return (size_t)loss < N_LOSSES ? losses[loss] : NULL;
}

const cen__loss_kind *cen__loss_kind_find(const char *name)
{
    for (size_t i = 0; i < N_LOSSES; i++) {
        if (strcmp(losses[i]->name, name) == 0) return losses[i];
    }
    return NULL;
}

const cen__center_rule *cen__center_rule_of(cen_center_mode mode)
{
    return (size_t)mode < N_RULES ? rules[mode] : NULL;
}

cen_status cen__loss_check(const cen_train_options *options, cen_error *error)
{
    cen_status status = cen__check_choice("loss", (long)options->loss, N_LOSSES - 1, error);
    if (status != CEN_OK) return status;
    status = cen__check_choice("the way of centers", (long)options->centers, N_RULES - 1, error);
    if (status != CEN_OK) return status;
    const cen__loss_kind *kind = losses[options->loss];
    if (options->lambda_ratio > 0 && !kind->follows_ratio) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "lambda can follow the ratio of the gradients only if the losses are "
                         "softmax or CosFace and center; choose a number");
    }
    if (options->n_sampled > 0 && kind->head == NULL) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a loss that compares features has no classes to sample; use a softmax");
    }
    return kind->check != NULL ? kind->check(options, error) : CEN_OK;
}
