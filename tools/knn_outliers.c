/* New pictures that do not look like the others of their class. */
#include "knn_quality.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEIGHBOURS_MOST = 8, /* if these are all of its own class, a picture lies right */
    OTHERS_LEAST = 2,    /* of the class, to judge a picture by */
    OTHERS_ENOUGH = 4    /* to judge it more strictly */
};

/* Measured on 12 people and 36 characters that a net did not know. Of good pictures 0 to 1 % lie beyond these limits
 * (2.5 % of 5 characters); of pictures of another class that is in the gallery 93 to 99 % do. */
static const double most_ratio[] = {2,
                                    1.5}; /* nearest of its class / of others; with OTHERS_ENOUGH */
static const double most_spread =
    2; /* distance to the mean of the others / what is usual in the class */

/* The rows of one class: those of the gallery, then the new ones. */
typedef struct group {
    float *features;  /* [n_old + n_new, d] */
    size_t *pictures; /* [n_new] */
    size_t n_old, n_new;
    size_t *nearest;  /* [n_new, 2] in the group */
    float *distances; /* [n_new, 2] */
    double *sum;      /* [d] */
    double *lengths;  /* [2, n_old + n_new] distances to the mean of the others; and for sorting */
} group;

typedef struct outliers {
    const knn *s;
    const knn_set *gallery, *pictures;
    const int32_t *labels;
    size_t *order;  /* [n new] by label */
    size_t *starts; /* [n classes + 1] of the gallery, in rows */
    size_t *rows;   /* [n gallery] by label */
    size_t k;
    size_t *nearest;  /* [n new, k] in the gallery */
    float *distances; /* [n new, k] */
    group g;
    knn_doubts *doubts;
} outliers;

static double distance_to(cen_metric metric, size_t d, const float *x, const double *y)
{
    double square = 0, dot = 0, xx = 0, yy = 0;
    for (size_t j = 0; j < d; j++) {
        const double a = (double)x[j], b = y[j];
        square += (a - b) * (a - b);
        dot += a * b;
        xx += a * a;
        yy += b * b;
    }
    if (metric == CEN_METRIC_L2) return sqrt(square);
    return xx > 0 && yy > 0 ? 1 - dot / sqrt(xx * yy) : 1;
}

static int compare_numbers(const void *a, const void *b)
{
    const double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

/* lengths[i]: how far row i lies from the mean of the others. */
static void measure_group(const outliers *o)
{
    const group *g = &o->g;
    const size_t d = o->pictures->f.d, n = g->n_old + g->n_new;
    double *mean = g->sum + d;
    for (size_t j = 0; j < d; j++) {
        g->sum[j] = 0;
        for (size_t i = 0; i < n; i++) g->sum[j] += (double)g->features[i * d + j];
    }
    for (size_t i = 0; i < n; i++) {
        const float *row = g->features + i * d;
        for (size_t j = 0; j < d; j++) {
            mean[j] = (g->sum[j] - (double)row[j]) / (double)(n - 1);
        }
        g->lengths[i] = distance_to(knn_metric(o->s), d, row, mean);
    }
}

/* The median of the lengths but one. */
static double usual_length(const group *g, size_t but)
{
    const size_t n = g->n_old + g->n_new;
    double *sorted = g->lengths + n;
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (i != but) sorted[m++] = g->lengths[i];
    }
    qsort(sorted, m, sizeof *sorted, compare_numbers);
    return (sorted[(m - 1) / 2] + sorted[m / 2]) / 2;
}

/* The i-th new picture of the group; "" if it lies right. */
static void judge(const outliers *o, size_t i, char *reason, size_t size)
{
    const group *g = &o->g;
    const size_t picture = g->pictures[i], n_others = g->n_old + g->n_new - 1;
    const double own = (double)g->distances[2 * i + (g->nearest[2 * i] == g->n_old + i)];
    const bool is_enough = n_others >= OTHERS_ENOUGH;
    reason[0] = '\0';
    for (size_t j = 0; j < o->k; j++) {
        const size_t row = o->nearest[picture * o->k + j];
        const double other = (double)o->distances[picture * o->k + j];
        char text[32];
        if (o->gallery->labels[row] == o->labels[picture]) continue;
        if (own <= most_ratio[is_enough] * other) break;
        (void)snprintf(
            reason, size, "nearer to %.100s (%.4g, %.150s) than to the others of its class (%.4g)",
            o->gallery->f.rows[row].class_name, other, knn_row_name(o->gallery, row, text), own);
        return;
    }
    const double length = g->lengths[g->n_old + i], usual = usual_length(g, g->n_old + i);
    if (is_enough && length > most_spread * usual) {
        (void)snprintf(reason, size,
                       "far from the others of its class: %.4g from their mean, usual is %.4g",
                       length, usual);
    }
}

/* order[begin .. end) are the new pictures of one class. */
static cen_status judge_class(outliers *o, size_t begin, size_t end, cen_error *error)
{
    const size_t d = o->pictures->f.d, row_size = d * sizeof(float);
    const size_t label = (size_t)o->labels[o->order[begin]];
    group *g = &o->g;
    g->n_old = 0;
    if (label < o->gallery->f.n_classes) {
        for (size_t i = o->starts[label]; i < o->starts[label + 1]; i++) {
            memcpy(g->features + g->n_old++ * d, o->gallery->f.features + o->rows[i] * d, row_size);
        }
    }
    g->n_new = end - begin;
    g->pictures = o->order + begin;
    const size_t n = g->n_old + g->n_new;
    if (n < OTHERS_LEAST + 1) return CEN_OK;
    for (size_t i = 0; i < g->n_new; i++) {
        memcpy(g->features + (g->n_old + i) * d, o->pictures->f.features + g->pictures[i] * d,
               row_size);
    }
    cen_status status =
        cen_knn_search(o->s->context, g->features, n, g->features + g->n_old * d, g->n_new, d, 2,
                       knn_metric(o->s), false, g->nearest, g->distances, error);
    if (status == CEN_OK) measure_group(o);
    for (size_t i = 0; i < g->n_new && status == CEN_OK; i++) {
        char reason[sizeof o->doubts->list->reason];
        if (has_doubt(o->doubts, g->pictures[i])) continue;
        judge(o, i, reason, sizeof reason);
        if (reason[0] != '\0' && !add_doubt(o->doubts, g->pictures[i], reason)) {
            status = CEN_ERROR_MEMORY;
            *error = (cen_error){status, "not enough memory for the list of its pictures"};
        }
    }
    return status;
}

/* starts and rows of the gallery by label; order of the pictures by label. Both keep the order within a class. */
static void sort_by_class(outliers *o, size_t *counts, size_t n_labels)
{
    const knn_set *gallery = o->gallery;
    const size_t n = o->pictures->f.n;
    memset(counts, 0, (n_labels + 1) * sizeof *counts);
    for (size_t i = 0; i < n; i++) counts[o->labels[i] + 1]++;
    for (size_t c = 0; c < n_labels; c++) counts[c + 1] += counts[c];
    for (size_t i = 0; i < n; i++) o->order[counts[o->labels[i]]++] = i;
    memset(o->starts, 0, (gallery->f.n_classes + 2) * sizeof *o->starts);
    for (size_t i = 0; i < gallery->f.n; i++) o->starts[gallery->labels[i] + 2]++;
    for (size_t c = 0; c < gallery->f.n_classes; c++) o->starts[c + 2] += o->starts[c + 1];
    for (size_t i = 0; i < gallery->f.n; i++) o->rows[o->starts[gallery->labels[i] + 1]++] = i;
}

static cen_status judge_all(outliers *o, size_t *counts, size_t n_labels, cen_error *error)
{
    const cen_feature_set *f = &o->gallery->f, *new = &o->pictures->f;
    sort_by_class(o, counts, n_labels);
    cen_status status = CEN_OK;
    if (o->k > 0) {
        status = cen_knn_search(o->s->context, f->features, f->n, new->features, new->n, new->d,
                                o->k, knn_metric(o->s), false, o->nearest, o->distances, error);
    }
    for (size_t begin = 0, end = 0; begin < new->n &&status == CEN_OK; begin = end) {
        while (end < new->n && o->labels[o->order[end]] == o->labels[o->order[begin]]) end++;
        status = judge_class(o, begin, end, error);
    }
    return status;
}

cen_status find_outliers(const knn *s, const knn_set *gallery, const knn_set *pictures,
                         const int32_t *labels, knn_doubts *doubts, cen_error *error)
{
    const size_t n = pictures->f.n, n_all = gallery->f.n + n, d = pictures->f.d;
    size_t n_labels = 0;
    for (size_t i = 0; i < n; i++) {
        if ((size_t)labels[i] >= n_labels) n_labels = (size_t)labels[i] + 1;
    }
    const size_t k = gallery->f.n < NEIGHBOURS_MOST ? gallery->f.n : NEIGHBOURS_MOST;
    size_t *counts = calloc(n_labels + 1, sizeof *counts);
    outliers o = {.s = s,
                  .gallery = gallery,
                  .pictures = pictures,
                  .labels = labels,
                  .k = k,
                  .order = calloc(n + 1, sizeof *o.order),
                  .starts = calloc(gallery->f.n_classes + 2, sizeof *o.starts),
                  .rows = calloc(gallery->f.n + 1, sizeof *o.rows),
                  .nearest = calloc(n + 1, (k + 1) * sizeof *o.nearest),
                  .distances = calloc(n + 1, (k + 1) * sizeof *o.distances),
                  .g = {.features = calloc(n_all, d * sizeof(float)),
                        .nearest = calloc(n + 1, 2 * sizeof *o.g.nearest),
                        .distances = calloc(n + 1, 2 * sizeof *o.g.distances),
                        .sum = calloc(d + 1, 2 * sizeof *o.g.sum),
                        .lengths = calloc(n_all, 2 * sizeof *o.g.lengths)},
                  .doubts = doubts};
    cen_status status = CEN_ERROR_MEMORY;
    if (counts == NULL || o.order == NULL || o.starts == NULL || o.rows == NULL ||
        o.nearest == NULL || o.distances == NULL || o.g.features == NULL || o.g.nearest == NULL ||
        o.g.distances == NULL || o.g.sum == NULL || o.g.lengths == NULL) {
        *error = (cen_error){status, "not enough memory to compare its pictures"};
    } else {
        status = judge_all(&o, counts, n_labels, error);
    }
    free(counts);
    free(o.order);
    free(o.starts);
    free(o.rows);
    free(o.nearest);
    free(o.distances);
    free(o.g.features);
    free(o.g.nearest);
    free(o.g.distances);
    free(o.g.sum);
    free(o.g.lengths);
    return status;
}
