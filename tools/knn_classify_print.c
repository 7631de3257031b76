/* cl_knn classify: the answers as text and as JSON. */
#include "knn_classify.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "system.h"

static size_t count_votes(const knn_answers *a, size_t i)
{
    return knn_count_votes(&a->options, a->gallery->labels, a->indices + i * a->k,
                           a->distances + i * a->k, a->votes);
}

/* The head's probability of the class of query i; NAN if it has not learned that class. */
static double probability_of(const knn_answers *a, size_t i)
{
    if (a->model == NULL || a->classes[i] < 0) return NAN;
    const size_t place = a->trained[a->classes[i]];
    if (place == SIZE_MAX) return NAN;
    return (double)a->queries->probabilities[i * a->model->n_classes + place];
}

/* ---- text ---- */

/* NULL: unknown. */
static const char *class_of(const knn_answers *a, size_t i)
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
static void print_nearest(const knn_answers *a, size_t i, int columns)
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

static void print_line(const knn_answers *a, size_t i, bool is_table)
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

void knn_answers_text(const knn_answers *a)
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

/* ---- JSON ---- */

static void json_votes(const knn_answers *a, size_t i)
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
static void json_head(const knn_answers *a, size_t i)
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

void knn_answers_json(const knn_answers *a, const cen_threshold *limit)
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
