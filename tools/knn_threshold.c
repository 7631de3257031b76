/* How near is near enough: calibration, in words and as JSON. */
#include "knn_gallery.h"

#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Drops the rows whose class the gallery knows. */
static int keep_strangers(const knn *s, const cen_gallery *gallery, knn_set *strangers)
{
    size_t n = 0;
    for (size_t i = 0; i < strangers->f.n; i++) {
        cen_error error;
        size_t n_there;
        if (cen_gallery_find(gallery, strangers->f.rows[i].class_name, NULL, 0, &n_there, &error) !=
            CEN_OK) {
            return fail(s->tool, EXIT_FAILED, "%s", error.message);
        }
        if (n_there == 0) knn_set_move_row(strangers, i, n++);
    }
    strangers->f.n = n;
    if (n > 0) return 0;
    return fail(s->tool, EXIT_FAILED,
                "%s: the gallery knows all its classes, and strangers must be none of them; name "
                "others, or keep some out with --gallery-split",
                strangers->name);
}

static int load_strangers(knn *s, const char *path, const cen_gallery *gallery, knn_set *strangers)
{
    char *paths = (char *)s->strangers; /* not written to */
    int code = knn_set_load(s, &paths, 1, path, strangers);
    if (code != 0) return code;
    knn_set_drop_unlabelled(s, strangers);
    code = knn_same_size(s, path, cen_gallery_get(gallery)->d, strangers);
    if (code == 0) code = knn_set_need_classes(s, strangers);
    if (code == 0) code = keep_strangers(s, gallery, strangers);
    if (code != 0) knn_set_free(strangers);
    return code;
}

/* The positives of a gallery; labels are places in the sorted list of names. */
static cen_status gather(const cen_gallery *gallery, const knn_name *names, size_t n_names,
                         float *features, int32_t *labels, size_t *n, cen_error *error)
{
    const cen_gallery_info *info = cen_gallery_get(gallery);
    *n = 0;
    for (size_t i = 0; i < info->n; i++) {
        cen_gallery_row row;
        const cen_status status = cen_gallery_row_get(gallery, i, &row, error);
        if (status != CEN_OK) return status;
        if (row.is_negative) continue;
        size_t low = 0, high = n_names;
        while (high - low > 1) {
            const size_t middle = low + (high - low) / 2;
            if (strcmp(names[middle].name, row.name) <= 0) {
                low = middle;
            } else {
                high = middle;
            }
        }
        labels[*n] = (int32_t)low;
        memcpy(features + (*n)++ * info->d, row.feature, info->d * sizeof *features);
    }
    return CEN_OK;
}

int knn_calibrate(knn *s, const char *path, const cen_gallery *gallery, double far_share,
                  cen_threshold *limit, cen_error *error)
{
    const cen_gallery_info *info = cen_gallery_get(gallery);
    knn_set strangers = {.name = NULL};
    size_t n_names, n;
    if (s->strangers != NULL) {
        const int code = load_strangers(s, path, gallery, &strangers);
        if (code != 0) return code;
    }
    *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for the features of the gallery"};
    knn_name *names = knn_count_names(s, path, gallery, &n_names);
    float *features = calloc(info->n + 1, info->d * sizeof *features);
    int32_t *labels = calloc(info->n + 1, sizeof *labels);
    cen_status status = CEN_ERROR_MEMORY;
    if (names != NULL && features != NULL && labels != NULL) {
        status = gather(gallery, names, n_names, features, labels, &n, error);
    }
    if (status == CEN_OK) {
        const cen_labelled known = {features, labels, n}, others = knn_labelled(&strangers);
        status = cen_threshold_calibrate(s->context, &known, &others, info->d, info->metric,
                                         far_share, limit, error);
    }
    free(names);
    free(features);
    free(labels);
    knn_set_free(&strangers);
    return status == CEN_OK ? 0 : -1;
}

/* ---- printing ---- */

void knn_print_threshold(const knn *s, FILE *file, const cen_threshold *threshold)
{
    char a[32], b[32];
    fprintf(file,
            "threshold %.6g: passes %g %% of strangers (95 %% interval %.3g to %.3g %%), as %s "
            "pictures of %s %s show\n",
            threshold->distance, 100 * threshold->false_accepts, 100 * threshold->low,
            100 * threshold->high, with_commas(threshold->n_pictures, a),
            with_commas(threshold->n_strangers, b),
            s->strangers != NULL ? "strangers" : "classes, each a stranger to the others");
}

void knn_json_number(const char *name, double value)
{
    printf("\"%s\": ", name);
    print_json_number(stdout, value);
}

static void json_unlabelled(const knn_set *set, bool *is_first)
{
    char reason[96];
    (void)snprintf(reason, sizeof reason, "left out %zu of split test without a class",
                   set->n_unlabelled);
    print_json_notes(&(const cen_file_note){set->name, reason}, 1, is_first);
}

void knn_json_notes(const knn_set *a, const knn_set *b)
{
    const knn_set *sets[] = {a, b};
    static const char *const kinds[] = {"skipped", "damaged", "remarks"};
    for (size_t kind = 0; kind < 3; kind++) {
        bool is_first = true;
        printf("%s\"%s\": [", kind == 0 ? "" : ", ", kinds[kind]);
        for (size_t i = 0; i < 2; i++) {
            if (sets[i] != NULL && sets[i]->n_unlabelled > 0 && kind == 2) {
                json_unlabelled(sets[i], &is_first);
            }
            if (sets[i] == NULL || sets[i]->folder == NULL) continue;
            const cen_folder_info *info = cen_folder_get(sets[i]->folder);
            if (kind == 0) print_json_notes(info->skipped, info->n_skipped, &is_first);
            if (kind == 1) print_json_notes(info->damaged, info->n_damaged, &is_first);
            if (kind == 2) print_json_notes(info->remarks, info->n_remarks, &is_first);
        }
        printf("]");
    }
}

void knn_json_threshold(const cen_threshold *threshold)
{
    printf("{");
    knn_json_number("distance", threshold->distance);
    if (threshold->n_pictures > 0) {
        printf(", ");
        knn_json_number("far", threshold->false_accepts);
        printf(", ");
        knn_json_number("low", threshold->low);
        printf(", ");
        knn_json_number("high", threshold->high);
        printf(", \"n_pictures\": %zu, \"n_strangers\": %zu", threshold->n_pictures,
               threshold->n_strangers);
    }
    printf("}");
}
