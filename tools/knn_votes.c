/* How sure an answer is: the votes of the neighbours, and the probabilities of the model's head. */
#include "knn.h"

#include <stdlib.h>
#include <string.h>

static int compare_labels(const void *a, const void *b)
{
    const knn_vote *one = a, *other = b;
    return (one->label > other->label) - (one->label < other->label);
}

static int compare_shares(const void *a, const void *b)
{
    const knn_vote *one = a, *other = b;
    if (one->share != other->share) return one->share > other->share ? -1 : 1;
    return compare_labels(a, b);
}

size_t knn_count_votes(const cen_knn_options *options, const int32_t *labels, const size_t *indices,
                       const float *distances, knn_vote *votes)
{
    size_t n_voters = 0, n = 0;
    double sum = 0;
    while (n_voters < options->k && (double)distances[n_voters] <= options->most_distance) {
        n_voters++;
    }
    /* Neighbours at distance 0 are the only ones that count by 1 / distance. */
    const bool by_distance = options->weights == CEN_WEIGHTS_DISTANCE;
    const bool has_zero = by_distance && n_voters > 0 && !(distances[0] > 0);
    for (size_t j = 0; j < n_voters; j++) {
        const double distance = (double)distances[j];
        const double weight = !by_distance ? 1 : has_zero ? !(distance > 0) : 1 / distance;
        votes[j] = (knn_vote){labels[indices[j]], weight};
        sum += weight;
    }
    if (n_voters == 0) return 0;
    qsort(votes, n_voters, sizeof *votes, compare_labels);
    for (size_t j = 0; j < n_voters; j++) {
        const bool is_same = n > 0 && votes[n - 1].label == votes[j].label;
        const double share = votes[j].share / sum;
        if (is_same) {
            votes[n - 1].share += share;
        } else {
            votes[n++] = (knn_vote){votes[j].label, share};
        }
    }
    qsort(votes, n, sizeof *votes, compare_shares);
    while (n > 1 && !(votes[n - 1].share > 0)) n--;
    return n;
}

/* ---- the head ---- */

enum { BLOCK = 64 }; /* pictures at once */

static cen_status ask_block(const knn *s, knn_set *set, cen_predictor *predictor,
                            const size_t *rows, size_t begin, float *x, cen_error *error)
{
    const cen_model_info *info = cen_model_get(s->model);
    const size_t n = set->f.n - begin < BLOCK ? set->f.n - begin : BLOCK;
    cen_status status = cen_dataset_read(s->context, cen_folder_dataset(set->folder), &info->input,
                                         NULL, 0, 0, rows + begin, n, x, NULL, error);
    if (status != CEN_OK) return status;
    return cen_predictor_classes(predictor, x, n, NULL,
                                 set->probabilities + begin * info->n_classes, error);
}

int knn_head_ask(const knn *s, knn_set *set, const size_t *rows)
{
    const cen_model_info *info = cen_model_get(s->model);
    const cen_input *input = &info->input;
    cen_error error = {CEN_ERROR_MEMORY, "not enough memory for probabilities"};
    cen_predictor *predictor;
    if (cen_predictor_create(&predictor, s->model, BLOCK, &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s: %s", s->model_path, error.message);
    }
    cen_status status = cen_predictor_classes(predictor, NULL, 0, NULL, NULL, &error);
    if (status == CEN_OK) {
        float *x = calloc(BLOCK * input->channels, input->height * input->width * sizeof *x);
        set->probabilities = calloc(set->f.n + 1, info->n_classes * sizeof(float));
        if (x == NULL || set->probabilities == NULL) status = CEN_ERROR_MEMORY;
        for (size_t i = 0; i < set->f.n && status == CEN_OK; i += BLOCK) {
            status = ask_block(s, set, predictor, rows, i, x, &error);
        }
        free(x);
    } else if (status == CEN_ERROR_ARGUMENT) {
        status = CEN_OK; /* it has no head */
    }
    cen_predictor_free(predictor);
    if (status == CEN_OK) return 0;
    return fail(s->tool, EXIT_FAILED, "%s: %s", set->name, error.message);
}
