/* From an argument to features: a run folder, a .npy, .csv or .gallery, or pictures with a model. */
#include "knn_gallery.h"

#include <centerloss_eval.h>
#include "system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool knn_ends_in(const char *text, const char *ending)
{
    size_t size = strlen(text), ending_size = strlen(ending);
    return size > ending_size && strcmp(text + size - ending_size, ending) == 0;
}

static bool holds(const char *folder, const char *name)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%.4000s/%s", folder, name);
    return path_exists(path);
}

bool knn_is_features(const char *path)
{
    return knn_is_gallery(path) || knn_ends_in(path, ".npy") || knn_ends_in(path, ".csv") ||
           holds(path, "features.npy") || holds(path, "model.safetensors");
}

static int show(void *user, size_t done, size_t total)
{
    progress_images(user, "features", done, total);
    return 0;
}

static int out_of_memory(const knn *s, const char *name)
{
    return fail(s->tool, EXIT_FAILED, "%s: not enough memory for the list of its rows", name);
}

/* ---- pictures ---- */

int knn_check_model(const knn *s)
{
    char found[CEN_FINGERPRINT_SIZE];
    cen_error error;
    if (s->model == NULL || s->kept_fingerprint[0] == '\0') return 0;
    if (cen_model_fingerprint(s->model, found, &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s: %s", s->model_path, error.message);
    }
    if (strcmp(found, s->kept_fingerprint) == 0) return 0;
    if (s->kept_model != NULL && strcmp(s->kept_model, s->model_path) == 0) {
        return fail(s->tool, EXIT_FAILED,
                    "%s: its model %s has changed, from fingerprint %.8s to %.8s; name the old one "
                    "with --model, or make the gallery anew",
                    s->kept_by, s->model_path, s->kept_fingerprint, found);
    }
    return fail(s->tool, EXIT_FAILED,
                "%s: its features are of the model %s (%.8s), and %s is another one (%.8s); name "
                "the one that made them with --model",
                s->kept_by, s->kept_model != NULL ? s->kept_model : "with the fingerprint",
                s->kept_fingerprint, s->model_path, found);
}

int knn_need_model(knn *s, const char *pictures, const char *run)
{
    if (s->model != NULL) return 0;
    const char *path = s->model_path;
    if (path == NULL && run != NULL && holds(run, "model.safetensors")) path = run;
    if (path == NULL && s->kept_model != NULL) {
        path = s->kept_model;
        if (!path_exists(path)) {
            return fail(s->tool, EXIT_FAILED,
                        "%s: its model %s is not there any more; name its new place with --model",
                        s->kept_by, path);
        }
    }
    if (path == NULL) {
        return fail(s->tool, EXIT_USAGE,
                    "%s: this is no run folder, .gallery, .npy or .csv, and pictures need a model; "
                    "add --model RUN",
                    pictures);
    }
    s->model_path = path;
    const int code = load_model(s->tool, s->context, path, s->limits, &s->model);
    return code == 0 ? knn_check_model(s) : code;
}

/* The features of a run folder are of its model. */
static int check_run(const knn *s, const char *run)
{
    knn of_run = *s;
    if (s->kept_fingerprint[0] == '\0' || !holds(run, "model.safetensors")) return 0;
    of_run.model_path = run;
    of_run.model = NULL;
    int code = load_model(s->tool, s->context, run, s->limits, &of_run.model);
    if (code == 0) code = knn_check_model(&of_run);
    cen_model_free(of_run.model);
    return code;
}

void knn_learn_metric(knn *s, char *const *paths, size_t n_paths)
{
    const char *path = s->model_path;
    if (n_paths > 0 && knn_is_gallery(paths[0]) && path_exists(paths[0])) return; /* it has one */
    for (size_t i = n_paths; i > 0; i--) {
        if (!knn_is_gallery(paths[i - 1]) && holds(paths[i - 1], "model.safetensors"))
            path = paths[i - 1];
    }
    cen_model *model;
    cen_error error;
    if (s->metric >= 0 || path == NULL ||
        read_model(s->context, path, s->limits, &model, &error) != CEN_OK) {
        return;
    }
    const char *note = cen_model_note(model, "metric");
    s->run_has_cosine = note != NULL && strcmp(note, metric_names[CEN_METRIC_COSINE]) == 0;
    cen_model_free(model);
}

/* rows[set->f.n]: places among the images. */
static int name_rows(knn *s, const cen_folder_info *info, const size_t *rows, knn_set *set)
{
    set->f.rows = malloc((set->f.n + 1) * sizeof *set->f.rows);
    if (set->f.rows == NULL) return out_of_memory(s, set->name);
    for (size_t i = 0; i < set->f.n; i++) {
        const cen_folder_image *image = &info->images[rows[i]];
        const char *name = image->label >= 0 ? info->class_names[image->label] : NULL;
        set->f.rows[i] =
            (cen_feature_row){image->path, image->label, name,
                              info->has_own_split ? cen_split_name(image->split) : NULL};
    }
    return 0;
}

/* What the model's head says of the features; nothing if it has none. */
static cen_status ask_head(const knn *s, knn_set *set, cen_error *error)
{
    const size_t n_classes = cen_model_get(s->model)->n_classes;
    if (cen_model_classes(s->model, NULL, 0, NULL, NULL, error) != CEN_OK) return CEN_OK;
    set->probabilities = calloc(set->f.n + 1, n_classes * sizeof(float));
    if (set->probabilities == NULL) {
        *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for probabilities"};
        return error->status;
    }
    return cen_model_classes(s->model, set->f.features, set->f.n, NULL, set->probabilities, error);
}

static int compute_features(knn *s, knn_set *set)
{
    cen_error error;
    const cen_folder_info *info = cen_folder_get(set->folder);
    const size_t d = cen_model_get(s->model)->feature_size;
    set->f.features = calloc(info->n_images, d * sizeof(float));
    size_t *rows = calloc(info->n_images, sizeof *rows);
    if (set->f.features == NULL || rows == NULL) {
        free(rows);
        return out_of_memory(s, set->name);
    }
    cen_status status = folder_features(s->model, set->folder, false, set->f.features, rows,
                                        &set->f.n, show, &s->line, &error);
    if (status == CEN_OK && s->asks_head) status = ask_head(s, set, &error);
    progress_clear(&s->line);
    set->f.d = d;
    set->f.n_classes = info->n_classes;
    set->f.class_names = info->class_names;
    int code = status == CEN_OK ? name_rows(s, info, rows, set)
                                : fail(s->tool, EXIT_FAILED, "%s", error.message);
    set->images = rows;
    if (code == 0) print_folder_notes(s->tool, info);
    return code;
}

static int load_pictures(knn *s, char *const *paths, size_t n_paths, const char *run, knn_set *set)
{
    for (size_t i = 0; i < n_paths; i++) {
        if (n_paths > 1 && knn_is_features(paths[i])) {
            return fail(s->tool, EXIT_USAGE, "%s: features cannot be mixed with other arguments",
                        paths[i]);
        }
        if (strcmp(paths[i], "-") != 0 && !path_exists(paths[i])) {
            return fail(
                s->tool, EXIT_FAILED,
                "%s: nothing is there; name a run folder, a .gallery, a .npy, a .csv or pictures",
                paths[i]);
        }
    }
    int code = knn_need_model(s, set->name, run);
    if (code != 0) return code;
    cen_error error;
    cen_folder_options options = cen_folder_options_init();
    options.unlabelled = true;
    options.lazy = true;
    options.digests = s->asks_digests;
    if (cen_folder_open(s->context, &set->folder, (const char *const *)paths, n_paths, &options,
                        &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s", error.message);
    }
    return compute_features(s, set);
}

/* ---- any set ---- */

static int copy_labels(const knn *s, knn_set *set)
{
    set->labels = malloc((set->f.n + 1) * sizeof *set->labels);
    if (set->labels == NULL) return out_of_memory(s, set->name);
    for (size_t i = 0; i < set->f.n; i++) set->labels[i] = set->f.rows[i].label;
    return 0;
}

int knn_set_load(knn *s, char *const *paths, size_t n_paths, const char *run, knn_set *set)
{
    *set = (knn_set){.name = paths[0]};
    cen_error error;
    int code = 0;
    if (n_paths != 1 || !knn_is_features(paths[0])) {
        code = load_pictures(s, paths, n_paths, run, set);
    } else {
        code = knn_is_gallery(paths[0]) ? knn_gallery_peek(s, paths[0]) : check_run(s, paths[0]);
        if (code == 0 && cen_features_read(s->context, paths[0], &set->f, &error) != CEN_OK) {
            code = fail(s->tool, EXIT_FAILED, "%s", error.message);
        }
    }
    if (code == 0) code = copy_labels(s, set);
    if (code != 0) knn_set_free(set);
    return code;
}

void knn_set_free(knn_set *set)
{
    if (set->is_copy || set->folder != NULL) {
        free(set->f.features);
        free(set->f.rows);
        cen_folder_free(set->folder);
    } else {
        cen_features_free(&set->f);
    }
    free(set->labels);
    free(set->images);
    free(set->names);
    free(set->probabilities);
    *set = (knn_set){.name = NULL};
}

cen_labelled knn_labelled(const knn_set *set)
{
    return (cen_labelled){set->f.features, set->labels, set->f.n};
}

const char *knn_row_name(const knn_set *set, size_t row, char *text)
{
    const char *path = set->f.rows[row].path;
    if (path != NULL && path[0] != '\0') return path;
    (void)snprintf(text, 32, "row %zu", row);
    return text;
}
