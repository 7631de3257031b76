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

int knn_calibrate(knn *s, const char *path, cen_gallery *gallery, double far_share)
{
    knn_set strangers = {.name = NULL};
    if (s->strangers != NULL) {
        const int code = load_strangers(s, path, gallery, &strangers);
        if (code != 0) return code;
    }
    cen_error error;
    cen_calibration options = cen_calibration_init();
    const cen_labelled others = knn_labelled(&strangers);
    options.false_accepts = far_share;
    if (s->strangers != NULL) options.strangers = &others;
    const cen_status status = cen_gallery_calibrate(gallery, &options, &error);
    knn_set_free(&strangers);
    return status == CEN_OK ? 0 : fail(s->tool, EXIT_FAILED, "%s: %s", path, error.message);
}

/* ---- calibrate ---- */

int knn_calibrate_gallery(knn *s, char *const *paths, size_t n_paths)
{
    enum { PER_CENT = 100 };
    if (n_paths != 1) {
        return fail(s->tool, EXIT_USAGE, "name one gallery: cl_knn calibrate GALLERY");
    }
    knn_change change;
    int code = knn_need_gallery(s, paths[0]);
    if (code == 0) code = knn_change_begin(s, paths[0], false, 0, &change);
    if (code != 0) return code;
    code = knn_calibrate(s, paths[0], change.gallery, s->far >= 0 ? s->far : 1.0 / PER_CENT);
    if (code == 0) code = knn_change_save(s, &change);
    const cen_gallery_info *info = cen_gallery_get(change.gallery);
    if (code == 0 && s->as_json) {
        printf("{\"gallery\": ");
        print_json_string(stdout, paths[0]);
        printf(", \"threshold\": ");
        knn_json_threshold(&info->known);
        printf(", \"claim_threshold\": ");
        knn_json_threshold(&info->same);
        printf("}\n");
    } else if (code == 0 && !s->is_quiet) {
        knn_print_threshold(s, stdout, &info->known, false);
        printf("for a claim, ");
        knn_print_threshold(s, stdout, &info->same, true);
    }
    knn_change_end(&change);
    return code;
}

/* ---- printing ---- */

void knn_print_share(FILE *file, const cen_threshold *threshold, bool is_claim,
                     const char *strangers)
{
    char a[64], b[32];
    fprintf(file, "%.6g: passes %g %% of %s (95 %% interval %.3g to %.3g %%%s), by %s of %s %s\n",
            threshold->distance, 100 * threshold->false_accepts,
            is_claim ? "strangers who claim to be any of the names" : "strangers",
            100 * threshold->low, 100 * threshold->high,
            is_claim ? " for all names together, a single one may pass more" : "",
            counted(threshold->n_pictures, is_claim ? "claim" : "picture", a),
            with_commas(threshold->n_strangers, b), strangers);
}

void knn_print_threshold(const knn *s, FILE *file, const cen_threshold *threshold, bool is_claim)
{
    fprintf(file, "threshold ");
    knn_print_share(file, threshold, is_claim,
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
