/* cl_train: how features are compared. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train.h"
#include "train_json.h"
#include "train_page.h"
#include "train_split.h"

/* NAN where there are no pairs of both kinds. */
static cen_status auc_by(cen_metric metric, const page_content *content, const cen_labelled *asked,
                         const cen_labelled *known, double *auc, cen_error *error)
{
    enum { MOST_PAIRS = 1 << 18 };
    cen_pairs pairs;
    cen_verification verification;
    *auc = NAN;
    const cen_status status = cen_pairs_create(content->context, &pairs, asked, known,
                                               cen_model_get(content->model)->feature_size, metric,
                                               MOST_PAIRS, content->seed, error);
    if (status == CEN_ERROR_ARGUMENT) return CEN_OK;
    if (status != CEN_OK) return status;
    cen_pairs_verify(&pairs, &verification);
    cen_pairs_free(&pairs);
    *auc = verification.auc;
    return CEN_OK;
}

/* Of the pictures of a split: held-out ones among themselves, others against trained ones. */
static cen_status measure(const page_content *content, cen_split split, size_t *n, double auc[2],
                          cen_error *error)
{
    enum { MOST = 20000 };
    const bool is_alone = split == CEN_SPLIT_HELD_OUT;
    split_rows asked = {.n = 0}, known = {.n = 0};
    auc[CEN_METRIC_L2] = auc[CEN_METRIC_COSINE] = NAN;
    cen_status status = take_split(content, split, MOST, &asked, error);
    if (status == CEN_OK && asked.n > 0 && !is_alone)
        status = take_split(content, CEN_SPLIT_TRAIN, MOST, &known, error);
    *n = asked.n;
    const cen_labelled queries = labelled(&asked), others = labelled(&known);
    for (int i = CEN_METRIC_L2; status == CEN_OK && asked.n > 0 && i <= CEN_METRIC_COSINE; i++)
        status =
            auc_by((cen_metric)i, content, &queries, is_alone ? NULL : &others, &auc[i], error);
    free_split(&asked);
    free_split(&known);
    return status;
}

/* Of trained classes k-NN may lose by cosine what pairs gain, so only held-out classes choose it. Clearly better is half
 * a per cent, and more than the luck of a few pictures. */
static cen_status choose(page_content *content, cen_error *error)
{
    static const double clearly = 0.005, luck = 0.3;
    static const cen_split splits[] = {CEN_SPLIT_HELD_OUT, CEN_SPLIT_TEST, CEN_SPLIT_VALIDATION};
    double auc[2] = {NAN, NAN};
    size_t n = 0, i = 0;
    cen_status status = CEN_OK;
    const size_t n_splits = is_talking() ? 3 : 1; /* what cannot choose is only printed */
    for (; status == CEN_OK && i < n_splits && isnan(auc[CEN_METRIC_L2]); i++)
        status = measure(content, splits[i], &n, auc, error);
    if (status != CEN_OK) return status;
    const double gain = auc[CEN_METRIC_COSINE] - auc[CEN_METRIC_L2];
    const bool is_cosine = i == 1 && gain > clearly && gain * (double)n > luck;
    content->metric = is_cosine ? CEN_METRIC_COSINE : CEN_METRIC_L2;
    if (is_talking() && !isnan(auc[CEN_METRIC_L2]))
        printf("\nmetric    %s: AUC %.2f %%, by %s %.2f %%%s\n", metric_names[is_cosine],
               100 * auc[is_cosine], metric_names[!is_cosine], 100 * auc[!is_cosine],
               i > 1 && gain > 0 ? "; only held-out classes choose cosine" : "");
    return CEN_OK;
}

cen_status choose_metric(page_content *content, const char *model_path, cen_error *error)
{
    const char *note = cen_model_note(content->model, "metric");
    const bool was_cosine = note != NULL && strcmp(note, metric_names[CEN_METRIC_COSINE]) == 0;
    cen_status status = choose(content, error);
    if (status != CEN_OK || was_cosine == (content->metric == CEN_METRIC_COSINE)) return status;
    status = cen_model_set_note(content->model, "metric", metric_names[content->metric], error);
    return status == CEN_OK ? cen_model_save(content->model, model_path, error) : status;
}
