/* cl_knn classify: the answers as text and as JSON. */
#include "knn_classify.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

/* The head's probability of the name of answer i; NAN if it has not learned that class. */
static double probability_of(const knn_answers *a, size_t i)
{
    const char *name = a->answers[i].name;
    size_t place = 0;
    if (a->model == NULL || name == NULL) return NAN;
    while (place < a->model->n_classes && strcmp(a->model->class_names[place], name) != 0) place++;
    if (place == a->model->n_classes) return NAN;
    return (double)a->queries->probabilities[i * a->model->n_classes + place];
}

static const char *row_name(const cen_gallery_row *row, size_t i, char text[32])
{
    if (row->source != NULL && row->source[0] != '\0') return row->source;
    (void)snprintf(text, 32, "row %zu", i);
    return text;
}

/* The picture of an answer, or their number. */
static const char *picture_name(const knn_answers *a, size_t i, char text[64])
{
    if (!a->options.together) return knn_row_name(a->queries, i, text);
    return counted(a->queries->f.n, "picture", text);
}

static const char *answer_name(const knn_answers *a, size_t i)
{
    const char *name = a->answers[i].name;
    if (a->options.claim != NULL) return name != NULL ? "yes" : "no";
    return name != NULL ? name : "unknown";
}

/* No answer has a margin in a gallery of one name. */
static bool has_margins(const knn_answers *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (isfinite(a->answers[i].margin)) return true;
    }
    return false;
}

/* ---- text ---- */

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
static int print_nearest(const knn_answers *a, size_t i, int columns)
{
    enum { NEAREST = 3 };
    char text[32];
    for (size_t j = 0; j < a->answers[i].n_nearest && j < NEAREST; j++) {
        const size_t place = a->rows[i * a->options.k + j];
        cen_gallery_row row;
        if (!knn_gallery_row(a->s, a->gallery, place, &row)) return EXIT_FAILED;
        const char *name = row_name(&row, place, text);
        columns -= width_of(name) + (j > 0 ? 2 : 0);
        if (j > 0 && columns < 0) break;
        print_names(stdout, "%s%s", j > 0 ? "  " : "", name);
    }
    printf("\n");
    return 0;
}

static void print_line(const knn_answers *a, size_t i, bool is_table, bool has_margin)
{
    const cen_answer *answer = &a->answers[i];
    char text[32];
    print_column(is_table, "distance", 10, as_number(answer->distance, text));
    if (has_margin) print_column(is_table, "margin", 10, as_number(answer->margin, text));
    print_column(is_table, "votes", 7,
                 as_percent(answer->name != NULL ? answer->share : NAN, text));
    if (a->model != NULL) print_column(is_table, "head", 7, as_percent(probability_of(a, i), text));
    if (!is_table) printf("nearest  ");
}

int knn_answers_text(const knn_answers *a)
{
    enum { WIDEST = 60 };
    const int columns = terminal_width(stdout);
    const bool is_table = columns > 0, has_margin = has_margins(a);
    int path_width = is_table ? 7 : 0, class_width = is_table ? 5 : 0, used = 0, code = 0;
    char text[64];
    for (size_t i = 0; i < a->n; i++) {
        const int path = width_of(picture_name(a, i, text)), class = width_of(answer_name(a, i));
        if (path > path_width && path <= WIDEST) path_width = path;
        if (class > class_width && class <= WIDEST) class_width = class;
    }
    if (is_table) {
        used =
            printf("%-*s  %-*s  distance    %s%s%s", path_width, "picture", class_width,
                   a->options.claim != NULL ? "is it" : "class", has_margin ? "margin      " : "",
                   "votes    ", a->model != NULL ? "head     " : "");
        printf("nearest\n");
    }
    for (size_t i = 0; i < a->n && code == 0; i++) {
        print_padded(picture_name(a, i, text), path_width);
        print_padded(answer_name(a, i), class_width);
        print_line(a, i, is_table, has_margin);
        code = print_nearest(a, i, is_table ? columns - used : INT_MAX);
    }
    return code;
}

/* ---- JSON ---- */

/* A name with its weight among the neighbours. */
typedef struct vote {
    const char *name;
    double share;
} vote;

static int compare_votes(const void *a, const void *b)
{
    const vote *one = a, *other = b;
    if (one->share != other->share) return one->share > other->share ? -1 : 1;
    return strcmp(one->name, other->name);
}

/* votes[n] of neighbours at these distances; returns how many names got one, and sorts these by their shares. */
static size_t count_votes(vote *votes, size_t n, const float *distances, cen_weights weights,
                          cen_metric metric)
{
    const double power = weights == CEN_WEIGHTS_UNIFORM    ? 0
                         : weights == CEN_WEIGHTS_DISTANCE ? 1
                         : metric == CEN_METRIC_COSINE     ? 8
                                                           : 16;
    const double nearest = n > 0 ? (double)distances[0] : 0;
    size_t n_names = 0;
    double sum = 0;
    for (size_t j = 0; j < n; j++) {
        const double distance = (double)distances[j];
        const double weight = distance > 0 ? pow(nearest / distance, power) : 1;
        const char *name = votes[j].name;
        size_t at = 0;
        sum += weight;
        while (at < n_names && strcmp(votes[at].name, name) != 0) at++;
        if (at == n_names) votes[n_names++] = (vote){name, 0};
        votes[at].share += weight;
    }
    for (size_t at = 0; at < n_names; at++) votes[at].share /= sum;
    qsort(votes, n_names, sizeof *votes, compare_votes);
    while (n_names > 1 && !(votes[n_names - 1].share > 0)) n_names--;
    return n_names;
}

/* The shares of all names among the neighbours within the threshold. */
static void json_votes(const knn_answers *a, size_t i, vote *votes)
{
    const float *distances = a->distances + i * a->options.k;
    size_t n = 0;
    while (n < a->answers[i].n_nearest && (double)distances[n] <= a->answers[i].threshold) n++;
    n = count_votes(votes, n, distances, a->options.weights, cen_gallery_get(a->gallery)->metric);
    printf(", \"votes\": [");
    for (size_t v = 0; v < n; v++) {
        printf("%s{\"class\": ", v > 0 ? ", " : "");
        print_json_string(stdout, votes[v].name);
        printf(", \"share\": %.9g}", votes[v].share);
    }
    printf("]");
}

/* What the head says of the name, and which of its own classes it holds for the most likely. */
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

static void json_pictures(const knn_answers *a, size_t i)
{
    char text[32];
    if (a->frame > 0) {
        printf("{\"frame\": %zu", a->frame);
    } else if (!a->options.together) {
        printf("{\"path\": ");
        print_json_string(stdout, knn_row_name(a->queries, i, text));
    } else {
        printf("{\"paths\": [");
        for (size_t j = 0; j < a->queries->f.n; j++) {
            printf("%s", j > 0 ? ", " : "");
            print_json_string(stdout, knn_row_name(a->queries, j, text));
        }
        printf("]");
    }
}

static void json_answer(const knn_answers *a, const cen_answer *answer)
{
    if (a->options.claim != NULL) {
        printf(", \"claim\": ");
        print_json_string(stdout, a->options.claim);
        printf(", \"same\": %s, ", answer->name != NULL ? "true" : "false");
    } else {
        printf(", \"known\": %s, \"class\": ", answer->name != NULL ? "true" : "false");
        if (answer->name != NULL) {
            print_json_string(stdout, answer->name);
        } else {
            printf("null");
        }
        printf(", ");
    }
    knn_json_number("distance", answer->distance);
    printf(", ");
    knn_json_number("margin", answer->margin);
    printf(", ");
    knn_json_number("threshold", answer->threshold);
}

int knn_answer_json(const knn_answers *a, size_t i)
{
    const cen_answer *answer = &a->answers[i];
    const size_t k = a->options.k, n = answer->n_nearest;
    cen_gallery_row *rows = malloc((n + 1) * sizeof *rows);
    vote *votes = malloc((n + 1) * sizeof *votes);
    int code = 0;
    if (rows == NULL || votes == NULL) {
        code = fail(a->s->tool, EXIT_FAILED, "not enough memory for the neighbours of a picture");
    }
    for (size_t j = 0; j < n && code == 0; j++) {
        if (!knn_gallery_row(a->s, a->gallery, a->rows[i * k + j], &rows[j])) code = EXIT_FAILED;
        if (code == 0) votes[j] = (vote){rows[j].name, 0};
    }
    if (code == 0) {
        char text[32];
        json_pictures(a, i);
        json_answer(a, answer);
        json_votes(a, i, votes);
        json_head(a, i);
        printf(", \"nearest\": [");
        for (size_t j = 0; j < n; j++) {
            printf("%s{\"path\": ", j > 0 ? ", " : "");
            print_json_string(stdout, row_name(&rows[j], a->rows[i * k + j], text));
            printf(", \"class\": ");
            print_json_string(stdout, rows[j].name);
            printf(", ");
            knn_json_number("distance", (double)a->distances[i * k + j]);
            printf("}");
        }
        printf("]}");
    }
    free(rows);
    free(votes);
    return code;
}

/* The threshold that was given, calibrated now, or kept in the gallery. */
static void json_limit(const knn_answers *a)
{
    const cen_gallery_info *info = cen_gallery_get(a->gallery);
    const cen_threshold given = {.distance = a->options.threshold};
    const cen_threshold *kept = a->options.claim != NULL ? &info->same : &info->known;
    if (a->options.threshold >= 0) {
        knn_json_threshold(&given);
    } else if (kept->n_pictures > 0) {
        knn_json_threshold(kept);
    } else {
        printf("null");
    }
}

int knn_answers_json(const knn_answers *a)
{
    int code = 0;
    printf("{\"threshold\": ");
    json_limit(a);
    printf(", \"k\": %zu, \"n_in_gallery\": %zu, \"pictures\": [", a->options.k, a->n_in_gallery);
    for (size_t i = 0; i < a->n && code == 0; i++) {
        if (i > 0) printf(", ");
        code = knn_answer_json(a, i);
    }
    printf("], ");
    knn_json_notes(&a->notes, a->queries);
    printf("}\n");
    return code;
}
