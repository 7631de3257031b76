/* cl_train: what the head answers, for the page. */
#include <stdlib.h>

#include "train_page.h"

cen_status page_head_answers(const page_content *content, const float *features, size_t n,
                             int32_t **answers, cen_error *error)
{
    enum { BLOCK = 64 };
    const cen_model_info *info = cen_model_get(content->model);
    const size_t d = info->feature_size, n_classes = info->n_classes;
    float *logits = malloc((BLOCK * n_classes + 1) * sizeof *logits);
    int32_t *best = malloc((n + 1) * sizeof *best);
    cen_status status = CEN_OK;
    if (logits == NULL || best == NULL) {
        status = CEN_ERROR_MEMORY;
        *error = (cen_error){status, "not enough memory for the answers of the head"};
    }
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        const float *row = logits + i % BLOCK * n_classes;
        if (i % BLOCK == 0) {
            status = cen_model_classes(content->model, features + i * d,
                                       n - i < BLOCK ? n - i : BLOCK, logits, NULL, error);
        }
        best[i] = 0;
        for (size_t c = 1; c < n_classes && status == CEN_OK; c++) {
            if (row[c] > row[best[i]]) best[i] = (int32_t)c;
        }
    }
    free(logits);
    *answers = status == CEN_OK ? best : NULL;
    if (status != CEN_OK) free(best);
    return status == CEN_ERROR_ARGUMENT ? CEN_OK : status; /* there is no head */
}
