/* cl_knn classify: the class of each picture, or unknown. */
#include "knn.h"

#include <centerloss_eval.h>
#include "system.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is found of n queries against the gallery. */
typedef struct answers {
    cen_context *context;
    const knn_set *gallery, *queries;
    cen_knn_options options;
    size_t k, n_in_gallery;
    int32_t *classes; /* [n] the class that the neighbours vote for, -1: unknown */
    size_t *indices;  /* [n, k] rows of the gallery, nearest first */
    float *distances; /* [n, k] */
    /* [n] distance of the nearest of that class (of an unknown's: of the nearest's class), and of the nearest
     * of another, NAN until it is found and in a gallery of one class */
    double *own, *others;
    knn_vote *votes;             /* [k] of one query */
    const cen_model_info *model; /* of the queries' probabilities, or NULL */
    size_t *
        trained; /* [classes of the gallery] its place among the classes of the head, SIZE_MAX: none */
    bool is_one_class; /* of the gallery */
} answers;

/* From the `deep` nearest of query i. */
static void take_row(answers *a, size_t i, size_t deep, const size_t *indices,
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
static cen_status search(answers *a, const size_t *rows, size_t n, size_t deep, cen_error *error)
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
static cen_status find_others(answers *a, cen_error *error)
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

static cen_status answer_all(answers *a, cen_error *error)
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

static bool allocate(answers *a)
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

static void free_answers(answers *a)
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

static bool match_head(answers *a, const cen_model *model)
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

static size_t count_votes(const answers *a, size_t i)
{
    return knn_count_votes(&a->options, a->gallery->labels, a->indices + i * a->k,
                           a->distances + i * a->k, a->votes);
}

/* The head's probability of the class of query i; NAN if it has not learned that class. */
static double probability_of(const answers *a, size_t i)
{
    if (a->model == NULL || a->classes[i] < 0) return NAN;
    const size_t place = a->trained[a->classes[i]];
    if (place == SIZE_MAX) return NAN;
    return (double)a->queries->probabilities[i * a->model->n_classes + place];
}

/* ---- printing ---- */

/* NULL: unknown. */
static const char *class_of(const answers *a, size_t i)
{
    return a->classes[i] >= 0 ? a->gallery->f.class_names[a->classes[i]] : NULL;
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

/* A column: under its title on a terminal, else after its name. */
static void print_column(bool is_table, const char *name, int width, const char *text)
{
    if (is_table) {
        printf("%-*s  ", width, text);
    } else {
        printf("%s %-*s  ", name, width, text);
    }
}

static const char *as_number(double value, char text[32])
{
    (void)snprintf(text, 32, "%.5g", value);
    return text;
}

/* The first of the nearest, and of the others those that fit into so many columns. */
static void print_nearest(const answers *a, size_t i, int columns)
{
    enum { NEAREST = 3 };
    char text[32];
    for (size_t j = 0; j < a->k && j < NEAREST; j++) {
        const char *name = knn_row_name(a->gallery, a->indices[i * a->k + j], text);
        columns -= width_of(name) + (j > 0 ? 2 : 0);
        if (j > 0 && columns < 0) break;
        print_names(stdout, "%s%s", j > 0 ? "  " : "", name);
    }
    printf("\n");
}

static void print_line(const answers *a, size_t i, bool is_table)
{
    char text[32];
    const size_t n_votes = count_votes(a, i);
    print_column(is_table, "distance", 10, as_number(a->own[i], text));
    if (!a->is_one_class) {
        print_column(is_table, "margin", 10, as_number(a->others[i] - a->own[i], text));
    }
    double share = NAN;
    for (size_t v = 0; v < n_votes; v++) {
        if (a->votes[v].label == a->classes[i]) share = a->votes[v].share;
    }
    print_column(is_table, "votes", 7, as_percent(share, text));
    if (a->model != NULL) print_column(is_table, "head", 7, as_percent(probability_of(a, i), text));
    if (!is_table) printf("nearest  ");
}

static void print_lines(const answers *a)
{
    enum { WIDEST = 60 };
    const int columns = terminal_width(stdout);
    const bool is_table = columns > 0;
    int path_width = is_table ? 7 : 0, class_width = is_table ? 5 : 0;
    char text[32];
    for (size_t i = 0; i < a->queries->f.n; i++) {
        const char *name = class_of(a, i);
        int path = width_of(knn_row_name(a->queries, i, text));
        int class = width_of(name != NULL ? name : "unknown");
        if (path > path_width && path <= WIDEST) path_width = path;
        if (class > class_width && class <= WIDEST) class_width = class;
    }
    int used = 0;
    if (is_table) {
        used = printf("%-*s  %-*s  distance    %s%s%s", path_width, "picture", class_width, "class",
                      a->is_one_class ? "" : "margin      ", "votes    ",
                      a->model != NULL ? "head     " : "");
        printf("nearest\n");
    }
    for (size_t i = 0; i < a->queries->f.n; i++) {
        const char *name = class_of(a, i);
        print_padded(knn_row_name(a->queries, i, text), path_width);
        print_padded(name != NULL ? name : "unknown", class_width);
        print_line(a, i, is_table);
        print_nearest(a, i, is_table ? columns - used : INT_MAX);
    }
}

static void json_votes(const answers *a, size_t i)
{
    const size_t n = count_votes(a, i);
    printf(", \"votes\": [");
    for (size_t v = 0; v < n; v++) {
        printf("%s{\"class\": ", v > 0 ? ", " : "");
        print_json_string(stdout, a->gallery->f.class_names[a->votes[v].label]);
        printf(", \"share\": %.9g}", a->votes[v].share);
    }
    printf("]");
}

/* What the head says of the class, and which of its own classes it holds for the most likely. */
static void json_head(const answers *a, size_t i)
{
    printf(", \"head\": ");
    if (a->model == NULL) {
        printf("null");
        return;
    }
    const float *p = a->queries->probabilities + i * a->model->n_classes;
    size_t best = 0;
    for (size_t c = 1; c < a->model->n_classes; c++) best = p[c] > p[best] ? c : best;
    printf("{");
    knn_json_number("probability", probability_of(a, i));
    printf(", \"best_class\": ");
    print_json_string(stdout, a->model->class_names[best]);
    printf(", ");
    knn_json_number("best_probability", (double)p[best]);
    printf("}");
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
    printf(", \"k\": %zu, \"n_in_gallery\": %zu, \"pictures\": [", a->k, a->n_in_gallery);
    for (size_t i = 0; i < a->queries->f.n; i++) {
        printf("%s{\"path\": ", i > 0 ? ", " : "");
        print_json_string(stdout, knn_row_name(a->queries, i, text));
        const char *name = class_of(a, i);
        printf(", \"known\": %s, \"class\": ", name != NULL ? "true" : "false");
        if (name != NULL) {
            print_json_string(stdout, name);
        } else {
            printf("null");
        }
        printf(", ");
        knn_json_number("distance", a->own[i]);
        printf(", ");
        knn_json_number("margin", a->others[i] - a->own[i]);
        json_votes(a, i);
        json_head(a, i);
        printf(", \"nearest\": [");
        for (size_t j = 0; j < a->k; j++) {
            size_t row = a->indices[i * a->k + j];
            printf("%s{\"path\": ", j > 0 ? ", " : "");
            print_json_string(stdout, knn_row_name(a->gallery, row, text));
            printf(", \"class\": ");
            print_json_string(stdout, a->gallery->f.rows[row].class_name);
            printf(", ");
            knn_json_number("distance", (double)a->distances[i * a->k + j]);
            printf("}");
        }
        printf("]}");
    }
    printf("], ");
    knn_json_notes(a->gallery, a->queries);
    printf("}\n");
}

/* ---- the work ---- */

static int classify(knn *s, const knn_set *gallery, const knn_set *queries)
{
    cen_threshold limit = {.distance = s->threshold >= 0 ? s->threshold : INFINITY};
    int code = knn_same_size(s, gallery, queries);
    if (code == 0 && s->far >= 0) code = knn_calibrate(s, gallery, &limit);
    if (code != 0) return code;
    answers a = {.context = s->context,
                 .gallery = gallery,
                 .queries = queries,
                 .options = cen_knn_options_init(),
                 .k = knn_choose_k(s, gallery, false)};
    a.options.metric = (cen_metric)s->metric;
    a.options.k = a.k;
    a.options.weights = (cen_weights)s->weights;
    a.options.most_distance = limit.distance;
    cen_error error = {CEN_ERROR_MEMORY, "not enough memory for the neighbours of the pictures"};
    if (a.k == 0) return EXIT_FAILED;
    if (!allocate(&a) || !match_head(&a, s->model) ||
        !knn_count_copies(gallery, queries, &a.n_in_gallery) || answer_all(&a, &error) != CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s: %s", queries->name, error.message);
    } else if (s->as_json) {
        print_json(&a, &limit);
    } else {
        if (limit.n_pictures > 0 && !s->is_quiet) knn_print_threshold(s, stdout, &limit);
        print_lines(&a);
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
