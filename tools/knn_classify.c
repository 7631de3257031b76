/* cl_knn classify: the class of each picture, or unknown. */
#include "knn_classify.h"

#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From the `deep` nearest of query i. */
static void take_row(knn_answers *a, size_t i, size_t deep, const size_t *indices,
                     const float *distances)
{
    const int32_t *labels = a->gallery->labels;
    int32_t class = a->classes[i] >= 0 ? a->classes[i] : labels[indices[0]];
    bool has_own = false;
    for (size_t j = 0; j < deep; j++) {
        bool is_own = labels[indices[j]] == class;
        if (is_own && !has_own) a->own[i] = (double)distances[j];
        if (!is_own && isnan(a->others[i])) a->others[i] = (double)distances[j];
        has_own |= is_own;
    }
}

/* The deep nearest of queries rows[n]. */
static cen_status search(knn_answers *a, const size_t *rows, size_t n, size_t deep,
                         cen_error *error)
{
    const cen_feature_set *gallery = &a->gallery->f;
    size_t d = gallery->d;
    size_t *indices = malloc(n * deep * sizeof *indices);
    float *distances = malloc(n * deep * sizeof *distances), *asked = malloc(n * d * sizeof *asked);
    cen_status status = CEN_ERROR_MEMORY;
    if (indices == NULL || distances == NULL || asked == NULL) {
        *error = (cen_error){status, "not enough memory for the neighbours"};
    } else {
        for (size_t i = 0; i < n; i++) {
            memcpy(asked + i * d, a->queries->f.features + rows[i] * d, d * sizeof *asked);
        }
        status = cen_knn_search(a->context, gallery->features, gallery->n, asked, n, d, deep,
                                a->options.metric, false, indices, distances, error);
    }
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        take_row(a, rows[i], deep, indices + i * deep, distances + i * deep);
    }
    free(indices);
    free(distances);
    free(asked);
    return status;
}

/* Looks deeper for queries that have seen one class only: it may fill all of the first rows. */
static cen_status find_others(knn_answers *a, cen_error *error)
{
    enum { MOST = 1 << 22 }; /* neighbours held at once */
    size_t n = a->queries->f.n, n_gallery = a->gallery->f.n, deep = a->k;
    size_t *rows = malloc(n * sizeof *rows);
    cen_status status = CEN_OK;
    if (rows == NULL) {
        status = CEN_ERROR_MEMORY;
        *error = (cen_error){status, "not enough memory for the list of pictures"};
    }
    while (status == CEN_OK && deep < n_gallery) {
        size_t n_left = 0;
        for (size_t i = 0; i < n; i++) {
            if (isnan(a->others[i])) rows[n_left++] = i;
        }
        if (n_left == 0) break;
        deep = deep < n_gallery / 4 ? 4 * deep : n_gallery;
        size_t block = deep < MOST ? MOST / deep : 1;
        for (size_t i = 0; i < n_left && status == CEN_OK; i += block) {
            status = search(a, rows + i, n_left - i < block ? n_left - i : block, deep, error);
        }
    }
    free(rows);
    return status;
}

static cen_status answer_all(knn_answers *a, cen_error *error)
{
    size_t n = a->queries->f.n;
    a->is_one_class = true;
    for (size_t i = 1; i < a->gallery->f.n; i++) {
        a->is_one_class &= a->gallery->labels[i] == a->gallery->labels[0];
    }
    const cen_labelled gallery = knn_labelled(a->gallery), queries = knn_labelled(a->queries);
    cen_status status = cen_knn_classify(a->context, &gallery, &queries, a->gallery->f.d,
                                         &a->options, a->classes, a->indices, a->distances, error);
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        a->own[i] = a->others[i] = NAN;
        take_row(a, i, a->k, a->indices + i * a->k, a->distances + i * a->k);
    }
    if (status == CEN_OK && !a->is_one_class) status = find_others(a, error);
    return status;
}

static bool allocate(knn_answers *a)
{
    size_t n = a->queries->f.n;
    if (n > SIZE_MAX / sizeof *a->indices / a->k) return false;
    a->classes = malloc(n * sizeof *a->classes);
    a->indices = malloc(n * a->k * sizeof *a->indices);
    a->distances = malloc(n * a->k * sizeof *a->distances);
    a->own = malloc(n * sizeof *a->own);
    a->others = malloc(n * sizeof *a->others);
    a->votes = malloc(a->k * sizeof *a->votes);
    return a->votes != NULL && a->classes != NULL && a->indices != NULL && a->distances != NULL &&
           a->own != NULL && a->others != NULL;
}

static void free_answers(knn_answers *a)
{
    free(a->classes);
    free(a->indices);
    free(a->distances);
    free(a->own);
    free(a->others);
    free(a->votes);
    free(a->trained);
}

/* ---- how sure ---- */

static bool match_head(knn_answers *a, const cen_model *model)
{
    const cen_feature_set *gallery = &a->gallery->f;
    if (a->queries->probabilities == NULL) return true;
    a->model = cen_model_get(model);
    a->trained = malloc((gallery->n_classes + 1) * sizeof *a->trained);
    for (size_t c = 0; c < gallery->n_classes && a->trained != NULL; c++) {
        size_t place = 0;
        while (place < a->model->n_classes &&
               strcmp(a->model->class_names[place], gallery->class_names[c]) != 0) {
            place++;
        }
        a->trained[c] = place < a->model->n_classes ? place : SIZE_MAX;
    }
    return a->trained != NULL;
}

/* ---- the work ---- */

static int classify(knn *s, const knn_set *gallery, const knn_set *queries)
{
    cen_threshold limit = {.distance = s->threshold >= 0 ? s->threshold : INFINITY};
    int code = knn_same_size(s, gallery, queries);
    if (code == 0 && s->far >= 0) code = knn_calibrate(s, gallery, &limit);
    if (code != 0) return code;
    knn_answers a = {.context = s->context,
                     .gallery = gallery,
                     .queries = queries,
                     .options = cen_knn_options_init(),
                     .k = knn_choose_k(s, gallery, false)};
    a.options.metric = knn_metric(s);
    a.options.k = a.k;
    a.options.weights = (cen_weights)s->weights;
    a.options.most_distance = limit.distance;
    cen_error error = {CEN_ERROR_MEMORY, "not enough memory for the neighbours of the pictures"};
    if (a.k == 0) return EXIT_FAILED;
    if (!allocate(&a) || !match_head(&a, s->model) ||
        !knn_count_copies(gallery, queries, &a.n_in_gallery) || answer_all(&a, &error) != CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s: %s", queries->name, error.message);
    } else if (s->as_json) {
        knn_answers_json(&a, &limit);
    } else {
        if (limit.n_pictures > 0 && !s->is_quiet) knn_print_threshold(s, stdout, &limit);
        knn_answers_text(&a);
        if (a.n_in_gallery > 0 && !s->is_quiet) {
            char text[32];
            fprintf(stderr,
                    "%s: %s of these pictures %s in the gallery already: %s nearest is "
                    "itself\n",
                    s->tool->name, with_commas(a.n_in_gallery, text),
                    a.n_in_gallery == 1 ? "is" : "are", a.n_in_gallery == 1 ? "its" : "their");
        }
    }
    free_answers(&a);
    return code;
}

int knn_classify(knn *s, char *const *paths, size_t n_paths)
{
    if (n_paths < 2) {
        return fail(s->tool, EXIT_USAGE,
                    "name a gallery and pictures: cl_knn classify GALLERY IMAGE|DIR...");
    }
    knn_set gallery, queries;
    int code = knn_gallery_load(s, paths[0], &gallery);
    if (code != 0) return code;
    s->asks_head = true;
    code = knn_set_load(s, paths + 1, n_paths - 1, paths[0], &queries);
    s->asks_head = false;
    if (code == 0) {
        code = queries.f.n > 0 ? classify(s, &gallery, &queries)
                               : fail(s->tool, EXIT_FAILED,
                                      "%s: there is nothing in it to classify; put rows "
                                      "in it",
                                      paths[1]);
        knn_set_free(&queries);
    }
    knn_set_free(&gallery);
    return code;
}
