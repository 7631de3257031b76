/* cl_knn classify: features and probabilities of pictures, from one reading of each. */
#include "knn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 }; /* pictures at once */

typedef struct asked {
    knn *s;
    knn_set *set;
    cen_predictor *predictor;
    float *x; /* [BLOCK, channels, height, width] */
} asked;

static cen_status read_rows(const asked *a, const size_t *rows, size_t n, float *x,
                            cen_error *error)
{
    return cen_dataset_read(a->s->context, cen_folder_dataset(a->set->folder),
                            &cen_model_get(a->s->model)->input, NULL, 0, 0, rows, n, x, NULL,
                            error);
}

/* Leaves out those of rows[*n] that cannot be read; the folder notes which. */
static cen_status read_block(const asked *a, size_t *rows, size_t *n, cen_error *error)
{
    const cen_input *input = &cen_model_get(a->s->model)->input;
    const size_t size = input->channels * input->height * input->width, n_wanted = *n;
    cen_status status = read_rows(a, rows, n_wanted, a->x, error);
    if (status == CEN_OK || status == CEN_ERROR_MEMORY) return status;
    *n = 0;
    for (size_t i = 0; i < n_wanted; i++) {
        status = read_rows(a, rows + i, 1, a->x + *n * size, error);
        if (status == CEN_ERROR_MEMORY) return status;
        if (status == CEN_OK) rows[(*n)++] = rows[i];
    }
    return CEN_OK;
}

static cen_status check_finite(const asked *a, const float *features, size_t n, size_t d,
                               const size_t *rows, cen_error *error)
{
    for (size_t i = 0; i < n * d; i++) {
        if (isfinite(features[i])) continue;
        error->status = CEN_ERROR_NOT_FINITE;
        (void)snprintf(error->message, sizeof error->message,
                       "%.300s: the model makes a feature of it that is not finite",
                       cen_folder_get(a->set->folder)->images[rows[i / d]].path);
        return error->status;
    }
    return CEN_OK;
}

/* Probabilities only if the set has room for them. */
static cen_status ask_all(const asked *a, size_t *rows, size_t n_rows, cen_error *error)
{
    const cen_model_info *info = cen_model_get(a->s->model);
    const size_t d = info->feature_size;
    knn_set *set = a->set;
    cen_status status = CEN_OK;
    for (size_t begin = 0; begin < n_rows && status == CEN_OK; begin += BLOCK) {
        const size_t n_wanted = n_rows - begin < BLOCK ? n_rows - begin : BLOCK;
        size_t n = n_wanted;
        float *features = set->f.features + set->f.n * d;
        status = read_block(a, rows + begin, &n, error);
        if (status == CEN_OK) {
            status = cen_predictor_features(a->predictor, a->x, n, features, error);
        }
        if (status == CEN_OK) status = check_finite(a, features, n, d, rows + begin, error);
        if (status == CEN_OK && set->probabilities != NULL) {
            status = cen_predictor_classes(a->predictor, a->x, n, NULL,
                                           set->probabilities + set->f.n * info->n_classes, error);
        }
        memmove(rows + set->f.n, rows + begin, n * sizeof *rows);
        set->f.n += n;
        progress_images(&a->s->line, "features", begin + n_wanted, n_rows);
    }
    if (status != CEN_OK || set->f.n > 0 || n_rows == 0) return status;
    append(error->message, sizeof error->message, "; there is no other image to use");
    return error->status;
}

cen_status knn_head_features(knn *s, knn_set *set, size_t *rows, cen_error *error)
{
    const cen_model_info *info = cen_model_get(s->model);
    const cen_input *input = &info->input;
    const size_t n = cen_folder_get(set->folder)->n_images;
    asked a = {.s = s, .set = set};
    cen_status status = cen_folder_load(set->folder, input, 0, NULL, NULL, error);
    if (status == CEN_OK) status = cen_predictor_create(&a.predictor, s->model, BLOCK, error);
    if (status != CEN_OK) return status;
    const bool has_head = cen_predictor_classes(a.predictor, NULL, 0, NULL, NULL, error) == CEN_OK;
    a.x = calloc(BLOCK * input->channels, input->height * input->width * sizeof *a.x);
    if (has_head) set->probabilities = calloc(n + 1, info->n_classes * sizeof(float));
    for (size_t i = 0; i < n; i++) rows[i] = i;
    if (a.x == NULL || (has_head && set->probabilities == NULL)) {
        status = CEN_ERROR_MEMORY;
        *error = (cen_error){status, "not enough memory for probabilities"};
    } else {
        status = ask_all(&a, rows, n, error);
    }
    free(a.x);
    cen_predictor_free(a.predictor);
    return status;
}
