/* Probabilities are those of the head; without one, the softmax of - distance / T, distances being those to the
 * means of the classes, and T half of the mean distance to the nearest mean. */
#include "train_judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_AT_ONCE = 64 };

typedef struct judge {
    const witness *w;
    size_t d, n_classes, n_means, n_judged;
    bool has_head;
    float *means;         /* [n_means, d] of the classes with a known picture */
    int32_t *classes;     /* [n_means] */
    double *sums;         /* [n_classes, d] */
    size_t *starts;       /* [n_classes + 2] of the known rows, by class */
    size_t *known;        /* [n] these rows */
    size_t *rows;         /* [n] the rows that are judged */
    float *queries;       /* [n_judged, d] */
    float *nearest;       /* [n_judged] distance to the nearest mean */
    size_t *places;       /* [ROWS_AT_ONCE, n_means] of a few rows */
    float *distances;     /* the same */
    float *probabilities; /* [ROWS_AT_ONCE, n_classes] */
} judge;

static void judge_free(judge *j)
{
    void *const all[] = {j->means,   j->classes, j->sums,   j->starts,    j->known,        j->rows,
                         j->queries, j->nearest, j->places, j->distances, j->probabilities};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static bool judge_reserve(judge *j)
{
    const size_t n = j->w->n, c = j->n_classes;
    for (size_t i = 0; i < n; i++) j->n_judged += j->w->is_judged[i];
    j->means = calloc(c, j->d * sizeof *j->means);
    j->classes = calloc(c, sizeof *j->classes);
    j->sums = calloc(c, j->d * sizeof *j->sums);
    j->starts = calloc(c + 2, sizeof *j->starts);
    j->known = calloc(n + 1, sizeof *j->known);
    j->rows = calloc(n + 1, sizeof *j->rows);
    j->queries = calloc(j->n_judged + 1, j->d * sizeof *j->queries);
    j->nearest = calloc(j->n_judged + 1, sizeof *j->nearest);
    j->places = calloc(c, ROWS_AT_ONCE * sizeof *j->places);
    j->distances = calloc(c, ROWS_AT_ONCE * sizeof *j->distances);
    j->probabilities = calloc(c, ROWS_AT_ONCE * sizeof *j->probabilities);
    return j->means != NULL && j->classes != NULL && j->sums != NULL && j->starts != NULL &&
           j->known != NULL && j->rows != NULL && j->queries != NULL && j->nearest != NULL &&
           j->places != NULL && j->distances != NULL && j->probabilities != NULL;
}

static void sort_rows(judge *j)
{
    const witness *w = j->w;
    const size_t d = j->d;
    for (size_t i = 0; i < w->n; i++) {
        if (w->is_known[i]) j->starts[w->labels[i] + 2]++;
    }
    for (size_t c = 0; c < j->n_classes; c++) j->starts[c + 2] += j->starts[c + 1];
    for (size_t i = 0, at = 0; i < w->n; i++) {
        if (w->is_known[i]) j->known[j->starts[w->labels[i] + 1]++] = i;
        if (!w->is_judged[i]) continue;
        memcpy(j->queries + at * d, w->features + i * d, d * sizeof *j->queries);
        j->rows[at++] = i;
    }
}

static void find_means(judge *j)
{
    const size_t d = j->d;
    for (size_t c = 0; c < j->n_classes; c++) {
        const size_t begin = j->starts[c], end = j->starts[c + 1];
        double *sum = j->sums + c * d;
        for (size_t i = begin; i < end; i++) {
            const float *row = j->w->features + j->known[i] * d;
            for (size_t k = 0; k < d; k++) sum[k] += (double)row[k];
        }
        if (begin == end) continue;
        float *mean = j->means + j->n_means * d;
        for (size_t k = 0; k < d; k++) mean[k] = (float)(sum[k] / (double)(end - begin));
        j->classes[j->n_means++] = (int32_t)c;
    }
}

static cen_status find_temperature(judge *j, double *temperature, cen_error *error)
{
    cen_status status = cen_knn_search(j->w->context, j->means, j->n_means, j->queries, j->n_judged,
                                       j->d, 1, CEN_METRIC_L2, false, NULL, j->nearest, error);
    if (status != CEN_OK) return status;
    double sum = 0;
    for (size_t i = 0; i < j->n_judged; i++) sum += (double)j->nearest[i];
    *temperature = sum > 0 ? sum / (double)j->n_judged / 2 : 1;
    return CEN_OK;
}

/* The known row of a class that is nearest to a query. */
static size_t find_example(const judge *j, const float *query, size_t class)
{
    size_t best = j->known[j->starts[class]];
    double least = HUGE_VAL;
    for (size_t i = j->starts[class]; i < j->starts[class + 1]; i++) {
        const float *row = j->w->features + j->known[i] * j->d;
        double square = 0;
        for (size_t k = 0; k < j->d; k++) {
            const double away = (double)row[k] - (double)query[k];
            square += away * away;
        }
        if (square >= least) continue;
        least = square;
        best = j->known[i];
    }
    return best;
}

/* The probabilities of all classes by places and distances [n_means], nearest first. */
static void estimate(const judge *j, const size_t *places, const float *distances,
                     double temperature, float *probabilities)
{
    double sum = 0;
    for (size_t c = 0; c < j->n_classes; c++) probabilities[c] = 0;
    for (size_t i = 0; i < j->n_means; i++) {
        const double share = exp(((double)distances[0] - (double)distances[i]) / temperature);
        probabilities[j->classes[places[i]]] = (float)share;
        sum += share;
    }
    for (size_t c = 0; c < j->n_classes; c++) {
        probabilities[c] = (float)((double)probabilities[c] / sum);
    }
}

/* The own class is known, and its mean is among the places. */
static bool judge_one(const judge *j, const float *query, const size_t *places,
                      const float *distances, const float *probabilities, size_t own,
                      float *verdict)
{
    size_t at = 0;
    while ((size_t)j->classes[places[at]] != own) at++;
    verdict[VERDICT_OWN] = probabilities[own];
    verdict[VERDICT_NEARER] = 1;
    if (j->n_means < 2) return true;
    const size_t nearest = at == 0, other = (size_t)j->classes[places[nearest]];
    if (distances[at] != distances[nearest]) {
        const double ratio = (double)distances[at] / (double)distances[nearest];
        verdict[VERDICT_NEARER] = (float)fmin(ratio, 1e30);
    }
    verdict[VERDICT_OTHER] = probabilities[other];
    verdict[VERDICT_EXAMPLE] = (float)find_example(j, query, other);
    return at == 0;
}

static cen_status judge_all(judge *j, float *verdicts, size_t *n_right, cen_error *error)
{
    double temperature = 1;
    sort_rows(j);
    find_means(j);
    cen_status status = find_temperature(j, &temperature, error);
    for (size_t i = 0; i < j->n_judged && status == CEN_OK; i += ROWS_AT_ONCE) {
        const size_t n = j->n_judged - i < ROWS_AT_ONCE ? j->n_judged - i : ROWS_AT_ONCE;
        const float *queries = j->queries + i * j->d;
        status = cen_knn_search(j->w->context, j->means, j->n_means, queries, n, j->d, j->n_means,
                                CEN_METRIC_L2, false, j->places, j->distances, error);
        if (status == CEN_OK && j->has_head) {
            status = cen_model_classes(j->w->model, queries, n, NULL, j->probabilities, error);
        }
        for (size_t k = 0; k < n && status == CEN_OK; k++) {
            const size_t row = j->rows[i + k], own = (size_t)j->w->labels[row];
            const size_t *places = j->places + k * j->n_means;
            const float *distances = j->distances + k * j->n_means;
            float *probabilities = j->probabilities + k * j->n_classes;
            float *verdict = verdicts + row * VERDICT_SIZE;
            if (!j->has_head) estimate(j, places, distances, temperature, probabilities);
            *n_right +=
                judge_one(j, queries + k * j->d, places, distances, probabilities, own, verdict);
        }
    }
    return status;
}

cen_status judge_pictures(const witness *w, float *verdicts, size_t *n_right, cen_error *error)
{
    const cen_model_info *info = cen_model_get(w->model);
    judge j = {.w = w, .d = info->feature_size, .n_classes = info->n_classes};
    cen_status status = CEN_OK;
    *n_right = 0;
    j.has_head = cen_model_classes(w->model, NULL, 0, NULL, NULL, error) == CEN_OK;
    if (!judge_reserve(&j)) {
        status = CEN_ERROR_MEMORY;
        *error = (cen_error){status, "not enough memory to judge the pictures of a fold"};
    } else if (j.n_judged > 0) {
        status = judge_all(&j, verdicts, n_right, error);
    }
    judge_free(&j);
    return status;
}
