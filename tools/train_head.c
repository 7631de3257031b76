/* cl_train: what the head answers, for the page. */
#include "train_frames.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const float *model_tensor(cen_model *model, const char *wanted)
{
    const char *name;
    cen_tensor view = {.data = NULL};
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        if (strcmp(name, wanted) == 0) return view.data;
    }
    return NULL;
}

/* The row of weight[n_classes, d] that gives f the largest logit. */
static int32_t head_answer(const float *f, const float *weight, const float *bias, size_t n_classes,
                           size_t d)
{
    double best = -INFINITY;
    int32_t answer = -1;
    for (size_t k = 0; k < n_classes; k++) {
        double dot = 0, square = 0;
        for (size_t j = 0; j < d; j++) {
            const double w = (double)weight[k * d + j];
            dot += w * (double)f[j];
            square += w * w;
        }
        const double logit = bias != NULL ? dot + (double)bias[k] : dot / sqrt(square);
        if (!(logit > best)) continue;
        best = logit;
        answer = (int32_t)k;
    }
    return answer;
}

int32_t *page_head_answers(const page *p, const page_content *content, const float *features,
                           size_t n)
{
    const float *weight = model_tensor(content->model, "head.weight");
    const float *bias = model_tensor(content->model, "head.bias");
    if (weight == NULL || p->n_epochs == 0 || isnan(p->epochs[p->n_epochs - 1].train.accuracy))
        return NULL; /* a loss without a head */
    const size_t d = cen_model_get(content->model)->feature_size;
    int32_t *answers = malloc((n + 1) * sizeof *answers);
    for (size_t i = 0; answers != NULL && i < n; i++) {
        answers[i] = head_answer(features + i * d, weight, content->has_directions ? NULL : bias,
                                 content->images->n_classes, d);
    }
    return answers;
}
