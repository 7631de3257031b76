/* New rows of a gallery that do not look like the others of their name. */
#include "knn_gallery.h"
#include "knn_quality.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEIGHBOURS_MOST =
        9,            /* the row itself, and 8: if these are all of its own name, it lies right */
    OTHERS_LEAST = 2, /* of the name, to judge a row by */
    OTHERS_ENOUGH = 4 /* to judge it more strictly */
};

/* Measured on 12 people and 36 characters that a net did not know. Of good pictures 0 to 1 % lie beyond these limits
 * (2.5 % of 5 characters); of pictures of another class that is in the gallery 93 to 99 % do. */
static const double most_ratio[] = {2,
                                    1.5}; /* nearest of its name / of others; with OTHERS_ENOUGH */
static const double most_spread =
    2; /* distance to the mean of the others / what is usual in the name */

/* The i-th new row. */
typedef struct named {
    const char *name;
    size_t i;
} named;

/* The rows of one name; the new ones are the last. */
typedef struct group {
    const char *name;
    float *features; /* [n, d] */
    size_t *rows;    /* [n] of the gallery */
    size_t n, n_new;
    size_t *nearest;  /* [n_new, 2] in the group */
    float *distances; /* [n_new, 2] */
    double *sums;     /* [2, d] */
    double *lengths;  /* [n] distances to the mean of the others */
    double *sorted;   /* [n] lengths */
} group;

typedef struct outliers {
    const knn *s;
    const cen_gallery *gallery;
    size_t first, n, d, k;
    float *features;     /* [n, d] of the new rows */
    named *order;        /* [n] by name */
    cen_answer *answers; /* [n] */
    size_t *nearest;     /* [n, k] rows of the gallery */
    float *distances;    /* [n, k] */
    size_t *negatives;   /* [n_negatives] rows of the gallery */
    size_t n_negatives;
    size_t *nearest_negative; /* [n] among them */
    float *negative_distance; /* [n]; infinity: there is none */
    knn_doubts *doubts;
} outliers;

static cen_status no_memory(cen_error *error)
{
    *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory to compare its pictures"};
    return error->status;
}

static int compare_numbers(const void *a, const void *b)
{
    const double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

/* lengths[i]: how far row i lies from the mean of the others. */
static void measure_group(const outliers *o, group *g)
{
    const size_t d = o->d;
    double *sum = g->sums, *mean = g->sums + d;
    for (size_t i = 0; i < g->n; i++) {
        for (size_t j = 0; j < d; j++) sum[j] += (double)g->features[i * d + j];
    }
    for (size_t i = 0; i < g->n; i++) {
        const float *row = g->features + i * d;
        for (size_t j = 0; j < d; j++) mean[j] = (sum[j] - (double)row[j]) / (double)(g->n - 1);
        g->lengths[i] = g->sorted[i] = knn_distance(knn_metric(o->s), d, row, mean);
    }
    qsort(g->sorted, g->n, sizeof *g->sorted, compare_numbers);
}

/* The median of the lengths but that of row i. */
static double usual_length(const group *g, size_t i)
{
    const double *own =
        bsearch(&g->lengths[i], g->sorted, g->n, sizeof *g->sorted, compare_numbers);
    const size_t left_out = (size_t)(own - g->sorted), low = (g->n - 2) / 2, high = (g->n - 1) / 2;
    return (g->sorted[low + (low >= left_out)] + g->sorted[high + (high >= left_out)]) / 2;
}

/* ---- the judgement --------------------------------------------------------------------------------- */

/* The nearest row of another name, or SIZE_MAX. */
static size_t find_other(const outliers *o, const char *name, size_t i, double *distance,
                         cen_gallery_row *row)
{
    for (size_t j = 0; j < o->answers[i].n_nearest; j++) {
        const size_t other = o->nearest[i * o->k + j];
        if (cen_gallery_row_get(o->gallery, other, row, NULL) != CEN_OK) return SIZE_MAX;
        *distance = (double)o->distances[i * o->k + j];
        if (strcmp(row->name, name) != 0) return other;
    }
    return SIZE_MAX;
}

static const char *describe(const cen_gallery_row *row, size_t place, char *text)
{
    if (row->source != NULL && row->source[0] != '\0') return row->source;
    (void)snprintf(text, 32, "row %zu", place);
    return text;
}

/* A row that is alone with its name is held against the threshold of the gallery. */
static void judge_negative(const outliers *o, size_t i, double own, char *reason, size_t size)
{
    const double distance = (double)o->negative_distance[i];
    const cen_threshold *known = &cen_gallery_get(o->gallery)->known;
    const double limit = isfinite(own)           ? own / most_ratio[1]
                         : known->n_pictures > 0 ? known->distance
                                                 : -1;
    cen_gallery_row row;
    char text[32];
    /* At 0 it is the same picture: what looks like it is as near to the new row. */
    if (!(distance <= limit) || distance == 0) return;
    const size_t place = o->negatives[o->nearest_negative[i]];
    if (cen_gallery_row_get(o->gallery, place, &row, NULL) != CEN_OK) return;
    (void)snprintf(
        reason, size,
        "near a negative of %.100s (%.4g, %.150s), so it would not be recognised; if both "
        "show the same, remove that negative",
        row.name, distance, describe(&row, place, text));
}

/* The i-th new row, at a place of its group; "" if it lies right. */
static void judge(const outliers *o, const group *g, size_t i, size_t place, char *reason,
                  size_t size)
{
    const size_t n_others = g->n - 1, at = place - (g->n - g->n_new);
    const bool is_enough = n_others >= OTHERS_ENOUGH, is_judged = n_others >= OTHERS_LEAST;
    const double own =
        is_judged ? (double)g->distances[2 * at + (g->nearest[2 * at] == place)] : INFINITY;
    cen_gallery_row row;
    double other;
    char text[32];
    reason[0] = '\0';
    judge_negative(o, i, own, reason, size);
    if (!is_judged || reason[0] != '\0') return;
    const size_t other_row = find_other(o, g->name, i, &other, &row);
    if (other_row != SIZE_MAX && own > most_ratio[is_enough] * other) {
        (void)snprintf(reason, size,
                       "nearer to %.100s (%.4g, %.150s) than to the others of its class (%.4g)",
                       row.name, other, describe(&row, other_row, text), own);
        return;
    }
    const double length = g->lengths[place], usual = usual_length(g, place);
    if (is_enough && length > most_spread * usual) {
        (void)snprintf(reason, size,
                       "far from the others of its class: %.4g from their mean, usual is %.4g",
                       length, usual);
    }
}

/* ---- groups ---------------------------------------------------------------------------------------- */

/* The rows of a name, without its negatives. */
static cen_status gather(const outliers *o, group *g, cen_error *error)
{
    size_t n;
    cen_status status = cen_gallery_find(o->gallery, g->name, NULL, 0, &n, error);
    if (status != CEN_OK) return status;
    g->rows = malloc((n + 1) * sizeof *g->rows);
    g->features = calloc(n + 1, o->d * sizeof *g->features);
    g->nearest = calloc(g->n_new + 1, 2 * sizeof *g->nearest);
    g->distances = calloc(g->n_new + 1, 2 * sizeof *g->distances);
    g->sums = calloc(o->d, 2 * sizeof *g->sums);
    g->lengths = calloc(n + 1, sizeof *g->lengths);
    g->sorted = calloc(n + 1, sizeof *g->sorted);
    if (g->rows == NULL || g->features == NULL || g->nearest == NULL || g->distances == NULL ||
        g->sums == NULL || g->lengths == NULL || g->sorted == NULL) {
        return no_memory(error);
    }
    status = cen_gallery_find(o->gallery, g->name, g->rows, n, &n, error);
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        cen_gallery_row row;
        status = cen_gallery_row_get(o->gallery, g->rows[i], &row, error);
        if (status != CEN_OK || row.is_negative) continue;
        memcpy(g->features + g->n * o->d, row.feature, o->d * sizeof *g->features);
        g->rows[g->n++] = g->rows[i];
    }
    return status;
}

static void free_group(group *g)
{
    free(g->features);
    free(g->rows);
    free(g->nearest);
    free(g->distances);
    free(g->sums);
    free(g->lengths);
    free(g->sorted);
}

/* order[begin .. end) are the new rows of one name. */
static cen_status judge_name(outliers *o, size_t begin, size_t end, cen_error *error)
{
    group g = {.name = o->order[begin].name, .n_new = end - begin};
    cen_status status = gather(o, &g, error);
    const size_t n_old = g.n - g.n_new;
    if (status == CEN_OK && g.n > OTHERS_LEAST) {
        status = cen_knn_search(o->s->context, g.features, g.n, g.features + n_old * o->d, g.n_new,
                                o->d, 2, knn_metric(o->s), false, g.nearest, g.distances, error);
        if (status == CEN_OK) measure_group(o, &g);
    }
    for (size_t i = begin; i < end && status == CEN_OK; i++) {
        char reason[sizeof o->doubts->list->reason];
        if (has_doubt(o->doubts, o->order[i].i)) continue;
        judge(o, &g, o->order[i].i, n_old + i - begin, reason, sizeof reason);
        if (reason[0] != '\0' && !add_doubt(o->doubts, o->order[i].i, reason)) {
            status = no_memory(error);
        }
    }
    free_group(&g);
    return status;
}

/* ---- all ------------------------------------------------------------------------------------------- */

/* The nearest negative of each new row. */
static cen_status search_negatives(outliers *o, cen_error *error)
{
    const size_t n = cen_gallery_get(o->gallery)->n_negatives;
    float *features = malloc((n + 1) * o->d * sizeof *features);
    cen_status status = features != NULL ? CEN_OK : no_memory(error);
    for (size_t i = 0; o->n_negatives < n && status == CEN_OK; i++) {
        cen_gallery_row row;
        status = cen_gallery_row_get(o->gallery, i, &row, error);
        if (status != CEN_OK || !row.is_negative) continue;
        memcpy(features + o->n_negatives * o->d, row.feature, o->d * sizeof *features);
        o->negatives[o->n_negatives++] = i;
    }
    for (size_t i = 0; i < o->n; i++) o->negative_distance[i] = INFINITY;
    if (status == CEN_OK && n > 0) {
        status =
            cen_knn_search(o->s->context, features, n, o->features, o->n, o->d, 1, knn_metric(o->s),
                           false, o->nearest_negative, o->negative_distance, error);
    }
    free(features);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    const named *one = a, *other = b;
    const int order = strcmp(one->name, other->name);
    return order != 0 ? order : (one->i > other->i) - (one->i < other->i);
}

static cen_status judge_all(outliers *o, cen_error *error)
{
    cen_ask_options ask = cen_ask_options_init();
    cen_status status = CEN_OK;
    ask.k = o->k;
    ask.threshold = INFINITY;
    for (size_t i = 0; i < o->n && status == CEN_OK; i++) {
        cen_gallery_row row;
        status = cen_gallery_row_get(o->gallery, o->first + i, &row, error);
        if (status != CEN_OK) break;
        memcpy(o->features + i * o->d, row.feature, o->d * sizeof *o->features);
        o->order[i] = (named){row.name, i};
    }
    if (status == CEN_OK) {
        status = cen_gallery_ask(o->gallery, o->features, o->n, &ask, o->answers, o->nearest,
                                 o->distances, error);
    }
    if (status == CEN_OK) status = search_negatives(o, error);
    qsort(o->order, o->n, sizeof *o->order, compare_names);
    for (size_t begin = 0, end = 0; begin < o->n && status == CEN_OK; begin = end) {
        while (end < o->n && strcmp(o->order[end].name, o->order[begin].name) == 0) end++;
        status = judge_name(o, begin, end, error);
    }
    return status;
}

cen_status find_outliers(const knn *s, const cen_gallery *gallery, size_t n, knn_doubts *doubts,
                         cen_error *error)
{
    const cen_gallery_info *info = cen_gallery_get(gallery);
    const size_t n_rows = info->n - info->n_negatives;
    const size_t k = n_rows < NEIGHBOURS_MOST ? n_rows : NEIGHBOURS_MOST;
    outliers o = {.s = s,
                  .gallery = gallery,
                  .first = info->n - n,
                  .n = n,
                  .d = info->d,
                  .k = k,
                  .features = calloc(n + 1, info->d * sizeof *o.features),
                  .order = calloc(n + 1, sizeof *o.order),
                  .answers = calloc(n + 1, sizeof *o.answers),
                  .nearest = calloc(n + 1, k * sizeof *o.nearest),
                  .distances = calloc(n + 1, k * sizeof *o.distances),
                  .negatives = calloc(info->n_negatives + 1, sizeof *o.negatives),
                  .nearest_negative = calloc(n + 1, sizeof *o.nearest_negative),
                  .negative_distance = calloc(n + 1, sizeof *o.negative_distance),
                  .doubts = doubts};
    void *const all[] = {o.features,  o.order,     o.answers,          o.nearest,
                         o.distances, o.negatives, o.nearest_negative, o.negative_distance};
    cen_status status = CEN_OK;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] == NULL) status = no_memory(error);
    }
    if (status == CEN_OK) status = judge_all(&o, error);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    return status;
}
