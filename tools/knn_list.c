/* cl_knn list, info: what a gallery holds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "knn_gallery.h"
#include "system.h"

/* ---- list ---- */

static void print_name_list(const knn *s, const char *path, const knn_name *names, size_t n)
{
    char text[32];
    if (s->as_json) {
        printf("{\"gallery\": ");
        print_json_string(stdout, path);
        printf(", \"names\": [");
    }
    for (size_t i = 0; i < n; i++) {
        if (s->as_json) {
            printf("%s{\"name\": ", i > 0 ? ", " : "");
            print_json_string(stdout, names[i].name);
            printf(", \"n\": %zu, \"n_negatives\": %zu}", names[i].n, names[i].n_negatives);
        } else {
            print_names(stdout, "%8s  %s", with_commas(names[i].n, text), names[i].name);
            if (names[i].n_negatives > 0) {
                printf("  and %s that are not", with_commas(names[i].n_negatives, text));
            }
            printf("\n");
        }
    }
    if (s->as_json) printf("]}\n");
}

static int print_one(const knn *s, const char *path, const cen_gallery *gallery, const char *name)
{
    size_t n;
    size_t *rows = knn_rows_of(s, path, gallery, name, &n);
    if (rows == NULL) return EXIT_FAILED;
    int code = n > 0 ? 0 : knn_no_such_name(s, path, gallery, name);
    if (s->as_json && code == 0) {
        printf("{\"gallery\": ");
        print_json_string(stdout, path);
        printf(", \"name\": ");
        print_json_string(stdout, name);
        printf(", \"pictures\": [");
    }
    for (size_t i = 0; i < n && code == 0; i++) {
        cen_gallery_row row;
        char digest[2 * CEN_DIGEST_SIZE + 1];
        if (!knn_gallery_row(s, gallery, rows[i], &row)) {
            code = EXIT_FAILED;
            break;
        }
        for (size_t j = 0; j < CEN_DIGEST_SIZE; j++) {
            (void)sprintf(digest + 2 * j, "%02x", row.digest[j]);
        }
        if (s->as_json) {
            printf("%s{\"path\": ", i > 0 ? ", " : "");
            print_json_string(stdout, row.source);
            printf(", \"digest\": \"%s\", \"negative\": %s}", digest,
                   row.is_negative ? "true" : "false");
        } else {
            print_names(stdout, "%s  %s%s\n", digest, row.source,
                        row.is_negative ? "  (negative)" : "");
        }
    }
    if (s->as_json && code == 0) printf("]}\n");
    free(rows);
    return code;
}

static void scale_to_one(float *x, size_t d)
{
    double square = 0;
    for (size_t j = 0; j < d; j++) square += (double)x[j] * (double)x[j];
    for (size_t j = 0; j < d && square > 0; j++) x[j] = (float)((double)x[j] / sqrt(square));
}

/* The rows that are no negatives, as features. An index of faiss compares lengths: it gets directions for cosine. */
static int write_rows(knn *s, char *path)
{
    static const char *const endings[] = {".npy", ".csv", ".fvecs", ".tsv", ".faiss"};
    enum { N_ENDINGS = sizeof endings / sizeof *endings };
    int format = 0;
    knn_set set;
    cen_error error;
    char a[64], b[64];
    while (format < N_ENDINGS && !knn_ends_in(s->output, endings[format])) format++;
    if (format == N_ENDINGS) {
        return fail(s->tool, EXIT_USAGE,
                    "%s: its name does not tell the format; end it with .npy, .csv, .fvecs, .faiss "
                    "or .tsv",
                    s->output);
    }
    int code = knn_gallery_read(s, path, &set);
    if (code != 0) return code;
    for (size_t i = 0; i < set.f.n && format == CEN_FEATURES_FAISS; i++) {
        if (knn_metric(s) == CEN_METRIC_COSINE) scale_to_one(set.f.features + i * set.f.d, set.f.d);
    }
    if (cen_features_write(s->context, s->output, (cen_features_format)format, set.f.features,
                           set.f.n, set.f.d, set.f.rows, &error) != CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s", error.message);
    } else if (!s->is_quiet) {
        print_names(stdout, "%s: %s of %s\n", s->output, counted(set.f.n, "feature", a),
                    counted(set.f.d, "number", b));
    }
    knn_set_free(&set);
    return code;
}

int knn_list(knn *s, char *const *paths, size_t n_paths)
{
    if (n_paths != 1 && n_paths != 2) {
        return fail(s->tool, EXIT_USAGE, "name a gallery: cl_knn list GALLERY [NAME]");
    }
    if (s->output != NULL) {
        if (n_paths == 1 && !s->as_json) return write_rows(s, paths[0]);
        return fail(s->tool, EXIT_USAGE, "-o writes all rows; leave out the name and --json");
    }
    cen_gallery *gallery;
    int code = knn_gallery_open(s, paths[0], &gallery, NULL);
    if (code != 0) return code;
    if (n_paths == 2) {
        code = print_one(s, paths[0], gallery, paths[1]);
    } else {
        size_t n;
        knn_name *names = knn_count_names(s, paths[0], gallery, &n);
        if (names == NULL) code = EXIT_FAILED;
        if (code == 0) print_name_list(s, paths[0], names, n);
        free(names);
    }
    cen_gallery_free(gallery);
    return code;
}

/* ---- info ---- */

static void print_limit(const char *what, const cen_threshold *threshold, bool is_claim)
{
    if (threshold->n_pictures == 0) return;
    printf("%-12s ", what);
    knn_print_share(stdout, threshold, is_claim, "strangers");
}

static void print_text(const char *path, const cen_gallery_info *info, size_t n_names, double size)
{
    char text[64];
    print_names(stdout, "gallery      %s\n", path);
    printf("rows         %s\n", with_commas(info->n, text));
    if (info->n_negatives > 0)
        printf("negatives    %s of them\n", with_commas(info->n_negatives, text));
    printf("names        %s\n", with_commas(n_names, text));
    printf("feature      %s, metric %s\n", counted(info->d, "number", text),
           metric_names[info->metric]);
    print_names(stdout, "model        %s\n", info->model != NULL ? info->model : "not known");
    if (info->fingerprint != NULL) print_names(stdout, "fingerprint  %s\n", info->fingerprint);
    print_limit("threshold", &info->known, false);
    print_limit("for a claim", &info->same, true);
    if (info->known.n_pictures == 0) {
        printf("threshold    none, so no picture is unknown; cl_knn calibrate sets one\n");
    }
    if (size > 0) printf("file         %s bytes\n", with_commas((size_t)size, text));
    if (info->n_unfinished > 0) {
        printf("unfinished   %s bytes at its end, of a writer that was killed; they are ignored\n",
               with_commas(info->n_unfinished, text));
    }
}

static void json_text(const char *name, const char *text)
{
    printf(", \"%s\": ", name);
    if (text != NULL) {
        print_json_string(stdout, text);
    } else {
        printf("null");
    }
}

static void json_limit(const char *name, const cen_threshold *threshold)
{
    printf(", \"%s\": ", name);
    if (threshold->n_pictures > 0) {
        knn_json_threshold(threshold);
    } else {
        printf("null");
    }
}

static void print_json(const char *path, const cen_gallery_info *info, size_t n_names, double size)
{
    printf("{\"gallery\": ");
    print_json_string(stdout, path);
    printf(
        ", \"n_rows\": %zu, \"n_negatives\": %zu, \"n_names\": %zu, \"d\": %zu, \"metric\": \"%s\"",
        info->n, info->n_negatives, n_names, info->d, metric_names[info->metric]);
    json_text("model", info->model);
    json_text("fingerprint", info->fingerprint);
    json_limit("threshold", &info->known);
    json_limit("claim_threshold", &info->same);
    printf(", \"n_bytes\": %.0f, \"n_unfinished\": %zu}\n", size, info->n_unfinished);
}

int knn_info(knn *s, char *const *paths, size_t n_paths)
{
    if (n_paths != 1) return fail(s->tool, EXIT_USAGE, "name one gallery: cl_knn info GALLERY");
    cen_gallery *gallery;
    int code = knn_gallery_open(s, paths[0], &gallery, NULL);
    if (code != 0) return code;
    size_t n_names;
    knn_name *names = knn_count_names(s, paths[0], gallery, &n_names);
    const double size = file_size(paths[0]);
    if (names == NULL) {
        code = EXIT_FAILED;
    } else if (s->as_json) {
        print_json(paths[0], cen_gallery_get(gallery), n_names, size);
    } else {
        print_text(paths[0], cen_gallery_get(gallery), n_names, size);
    }
    free(names);
    cen_gallery_free(gallery);
    return code;
}
