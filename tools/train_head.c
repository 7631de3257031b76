/* cl_train: what the head answers, for the page. */
#include <stdlib.h>

#include "train_page.h"

int32_t *page_head_answers(const page_content *content, const float *features, size_t n)
{
    enum { BLOCK = 64 };
    const cen_model_info *info = cen_model_get(content->model);
    const size_t d = info->feature_size, n_classes = info->n_classes;
    float *logits = malloc(BLOCK * n_classes * sizeof *logits);
    int32_t *answers = malloc((n + 1) * sizeof *answers);
    bool is_good = logits != NULL && answers != NULL;
    for (size_t i = 0; i < n && is_good; i++) {
        const float *row = logits + i % BLOCK * n_classes;
        if (i % BLOCK == 0) {
            is_good =
                cen_model_classes(content->model, features + i * d, n - i < BLOCK ? n - i : BLOCK,
                                  logits, NULL, NULL) == CEN_OK;
        }
        answers[i] = 0;
        for (size_t c = 1; c < n_classes && is_good; c++) {
            if (row[c] > row[answers[i]]) answers[i] = (int32_t)c;
        }
    }
    free(logits);
    if (!is_good) free(answers);
    return is_good ? answers : NULL;
}
