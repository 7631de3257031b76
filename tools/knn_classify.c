/* cl_knn classify: the class of each picture, or unknown. */
#include "knn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is found of n queries against the gallery. */
typedef struct answers {
    const knn_set *gallery, *queries;
    size_t k;
    cen_metric metric;
    int n_threads;
    int32_t *classes;  /* [n] the class that the neighbours vote for */
    size_t *indices;   /* [n, k] rows of the gallery, nearest first */
    float *distances;  /* [n, k] */
    double *own;       /* [n] distance of the nearest of that class */
    double *others;    /* [n] of the nearest of another; NAN in a gallery of one class */
    bool is_one_class; /* of the gallery */
} answers;

/* From the `deep` nearest of query i: true where one of another class is among them. */
static bool take_row(answers *a, size_t i, size_t deep, const size_t *indices,
                     const float *distances)
{
    bool has_own = false, has_other = false;
    memcpy(a->indices + i * a->k, indices, a->k * sizeof *indices);
    memcpy(a->distances + i * a->k, distances, a->k * sizeof *distances);
    for (size_t j = 0; j < deep; j++) {
        bool is_own = a->gallery->labels[indices[j]] == a->classes[i];
        if (is_own && !has_own) a->own[i] = (double)distances[j];
        if (!is_own && !has_other) a->others[i] = (double)distances[j];
        has_own |= is_own;
        has_other |= !is_own;
    }
    return has_other;
}

/* Looks deeper until every query has seen a second class: a class may fill all of the first rows. */
static cen_status search(answers *a, size_t begin, size_t n, size_t deep, cen_error *error)
{
    enum { MOST = 1 << 22 }; /* neighbours held at once */
    if (n > 1 && deep > MOST / n) {
        cen_status status = search(a, begin, n / 2, deep, error);
        return status != CEN_OK ? status : search(a, begin + n / 2, n - n / 2, deep, error);
    }
    const cen_feature_set *gallery = &a->gallery->f;
    size_t *indices = malloc(n * deep * sizeof *indices);
    float *distances = malloc(n * deep * sizeof *distances);
    cen_status status = CEN_ERROR_MEMORY;
    bool is_complete = true;
    if (indices == NULL || distances == NULL) {
        if (error != NULL) *error = (cen_error){status, "not enough memory for the neighbours"};
    } else {
        status = cen_knn_search(gallery->features, gallery->n,
                                a->queries->f.features + begin * gallery->d, n, gallery->d, deep,
                                a->metric, false, indices, distances, a->n_threads, error);
    }
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        is_complete &= take_row(a, begin + i, deep, indices + i * deep, distances + i * deep);
    }
    free(indices);
    free(distances);
    if (status != CEN_OK || is_complete || a->is_one_class || deep == gallery->n) return status;
    return search(a, begin, n, deep < gallery->n / 4 ? 4 * deep : gallery->n, error);
}

static cen_status answer_all(const knn *s, answers *a, cen_error *error)
{
    size_t n = a->queries->f.n;
    cen_knn_options options = cen_knn_options_default();
    options.metric = a->metric;
    options.k = a->k;
    options.weights = (cen_weights)s->weights;
    options.n_threads = a->n_threads;
    a->is_one_class = true;
    for (size_t i = 1; i < a->gallery->f.n; i++) {
        a->is_one_class &= a->gallery->labels[i] == a->gallery->labels[0];
    }
    cen_status status = cen_knn_classify(knn_labelled(a->gallery), knn_labelled(a->queries),
                                         a->gallery->f.d, &options, a->classes, error);
    for (size_t i = 0; i < n; i++) a->own[i] = a->others[i] = NAN;
    return status == CEN_OK ? search(a, 0, n, a->k, error) : status;
}

static bool allocate(answers *a)
{
    size_t n = a->queries->f.n;
    if (n > SIZE_MAX / sizeof *a->indices / a->k) return false;
    a->classes = malloc(n * sizeof *a->classes);
    a->indices = malloc(n * a->k * sizeof *a->indices);
    a->distances = malloc(n * a->k * sizeof *a->distances);
    a->own = malloc(n * sizeof *a->own);
    a->others = malloc(n * sizeof *a->others);
    return a->classes != NULL && a->indices != NULL && a->distances != NULL && a->own != NULL &&
           a->others != NULL;
}

static void free_answers(answers *a)
{
    free(a->classes);
    free(a->indices);
    free(a->distances);
    free(a->own);
    free(a->others);
}

/* ---- printing ---- */

/* NULL: unknown. The threshold is held against the nearest row of all, as it was calibrated. */
static const char *class_of(const answers *a, size_t i, double threshold)
{
    if ((double)a->distances[i * a->k] > threshold) return NULL;
    return a->gallery->f.class_names[a->classes[i]];
}

/* Letters of UTF-8 text: bytes that do not continue one. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void print_padded(const char *text, int width)
{
    print_names(stdout, "%s%*s  ", text, width - width_of(text), "");
}

static void print_lines(const answers *a, double threshold)
{
    enum { NEAREST = 3, WIDEST = 60 };
    int path_width = 0, class_width = 0;
    char text[32];
    for (size_t i = 0; i < a->queries->f.n; i++) {
        const char *name = class_of(a, i, threshold);
        int path = width_of(knn_row_name(a->queries, i, text));
        int class = width_of(name != NULL ? name : "unknown");
        if (path > path_width && path <= WIDEST) path_width = path;
        if (class > class_width && class <= WIDEST) class_width = class;
    }
    for (size_t i = 0; i < a->queries->f.n; i++) {
        const char *name = class_of(a, i, threshold);
        print_padded(knn_row_name(a->queries, i, text), path_width);
        print_padded(name != NULL ? name : "unknown", class_width);
        printf("distance %-10.5g  ", a->own[i]);
        if (!a->is_one_class) printf("margin %-10.5g  ", a->others[i] - a->own[i]);
        printf("nearest");
        for (size_t j = 0; j < a->k && j < NEAREST; j++) {
            print_names(stdout, "  %s", knn_row_name(a->gallery, a->indices[i * a->k + j], text));
        }
        printf("\n");
    }
}

static void print_json(const answers *a, const cen_threshold *limit)
{
    char text[32];
    printf("{\"threshold\": ");
    if (isfinite(limit->distance)) {
        knn_json_threshold(limit);
    } else {
        printf("null");
    }
    printf(", \"k\": %zu, \"pictures\": [", a->k);
    for (size_t i = 0; i < a->queries->f.n; i++) {
        printf("%s{\"path\": ", i > 0 ? ", " : "");
        cen_json_string(stdout, knn_row_name(a->queries, i, text));
        bool is_known = class_of(a, i, limit->distance) != NULL;
        printf(", \"known\": %s, \"class\": ", is_known ? "true" : "false");
        cen_json_string(stdout, a->gallery->f.class_names[a->classes[i]]);
        printf(", ");
        knn_json_number("distance", a->own[i]);
        printf(", ");
        knn_json_number("margin", a->others[i] - a->own[i]);
        printf(", \"nearest\": [");
        for (size_t j = 0; j < a->k; j++) {
            size_t row = a->indices[i * a->k + j];
            printf("%s{\"path\": ", j > 0 ? ", " : "");
            cen_json_string(stdout, knn_row_name(a->gallery, row, text));
            printf(", \"class\": ");
            cen_json_string(stdout, a->gallery->f.rows[row].class_name);
            printf(", ");
            knn_json_number("distance", (double)a->distances[i * a->k + j]);
            printf("}");
        }
        printf("]}");
    }
    printf("]}\n");
}

/* ---- the work ---- */

static int classify(knn *s, const knn_set *gallery, const knn_set *queries)
{
    cen_threshold limit = {.distance = s->threshold >= 0 ? s->threshold : INFINITY};
    int code = knn_same_size(s, gallery, queries);
    if (code == 0 && s->far >= 0) code = knn_calibrate(s, gallery, &limit);
    if (code != 0) return code;
    answers a = {.gallery = gallery,
                 .queries = queries,
                 .k = knn_choose_k(s, gallery, false),
                 .metric = (cen_metric)s->metric,
                 .n_threads = (int)s->n_threads};
    cen_error error = {CEN_ERROR_MEMORY, "not enough memory for the neighbours of the pictures"};
    if (a.k == 0) return EXIT_FAILED;
    if (!allocate(&a) || answer_all(s, &a, &error) != CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s: %s", queries->name, error.message);
    } else if (s->as_json) {
        print_json(&a, &limit);
    } else {
        if (limit.n_pictures > 0 && !s->is_quiet) knn_print_threshold(s, &limit);
        print_lines(&a, limit.distance);
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
    code = knn_set_load(s, paths + 1, n_paths - 1, paths[0], &queries);
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
