/* cl_knn classify: who is on each picture, or unknown. */
#include "knn_classify.h"

#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int knn_answers_begin(knn *s, char *path, knn_answers *a)
{
    *a = (knn_answers){.s = s, .path = path, .options = cen_ask_options_init()};
    int code = knn_gallery_open(s, path, &a->gallery, &a->notes);
    if (code != 0) return code;
    const cen_gallery_info *info = cen_gallery_get(a->gallery);
    size_t n_rows = 0;
    cen_error error;
    if (info->n == info->n_negatives) {
        code = fail(s->tool, EXIT_FAILED, "%s: the gallery is empty; put rows in it", path);
    } else if (s->claim != NULL &&
               cen_gallery_find(a->gallery, s->claim, NULL, 0, &n_rows, &error) != CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s", error.message);
    } else if (s->claim != NULL && n_rows == 0) {
        code = knn_no_such_name(s, path, a->gallery, s->claim);
    }
    if (code == 0 && s->far >= 0) code = knn_calibrate(s, path, a->gallery, s->far);
    if (code == 0) {
        a->options.k = knn_choose_k(s, path, info->n - info->n_negatives, false);
        a->options.weights = (cen_weights)s->weights;
        a->options.threshold = s->threshold >= 0 ? s->threshold : -1;
        a->options.claim = s->claim;
        a->options.together = s->is_together;
        if (a->options.k == 0) code = EXIT_FAILED;
    }
    if (code != 0) knn_answers_end(a);
    return code;
}

void knn_answers_end(knn_answers *a)
{
    cen_gallery_free(a->gallery);
    knn_set_free(&a->notes);
    free(a->answers);
    free(a->rows);
    free(a->distances);
    a->gallery = NULL;
    a->answers = NULL;
    a->rows = NULL;
    a->distances = NULL;
}

/* ---- asking ---- */

static bool allocate(knn_answers *a)
{
    const size_t k = a->options.k;
    a->n = a->options.together ? 1 : a->queries->f.n;
    if (a->n > SIZE_MAX / sizeof *a->rows / k) return false;
    a->answers = malloc(a->n * sizeof *a->answers);
    a->rows = malloc(a->n * k * sizeof *a->rows);
    a->distances = malloc(a->n * k * sizeof *a->distances);
    return a->answers != NULL && a->rows != NULL && a->distances != NULL;
}

/* True if the picture is one of its nearest rows. */
static cen_status find_itself(const knn_answers *a, size_t i, bool *is_there, cen_error *error)
{
    const size_t d = a->queries->f.d;
    const char *path = a->queries->f.rows[i].path;
    *is_there = false;
    for (size_t j = 0; j < a->answers[i].n_nearest && !*is_there; j++) {
        cen_gallery_row row;
        const cen_status status =
            cen_gallery_row_get(a->gallery, a->rows[i * a->options.k + j], &row, error);
        if (status != CEN_OK) return status;
        *is_there = memcmp(row.feature, a->queries->f.features + i * d, d * sizeof(float)) == 0 ||
                    (row.source != NULL && path != NULL && path[0] != '\0' &&
                     strcmp(row.source, path) == 0);
    }
    return CEN_OK;
}

cen_status knn_answers_ask(knn_answers *a, cen_error *error)
{
    if (a->answers == NULL && !allocate(a)) {
        *error =
            (cen_error){CEN_ERROR_MEMORY, "not enough memory for the neighbours of the pictures"};
        return error->status;
    }
    cen_status status = cen_gallery_ask(a->gallery, a->queries->f.features, a->queries->f.n,
                                        &a->options, a->answers, a->rows, a->distances, error);
    a->n_in_gallery = 0;
    for (size_t i = 0; i < a->n && status == CEN_OK && !a->options.together; i++) {
        bool is_there;
        status = find_itself(a, i, &is_there, error);
        a->n_in_gallery += is_there;
    }
    return status;
}

/* ---- the work ---- */

static int answer(knn *s, knn_answers *a)
{
    cen_error error;
    const size_t d = cen_gallery_get(a->gallery)->d;
    int code = knn_same_size(s, a->path, d, a->queries);
    if (code != 0) return code;
    if (a->queries->probabilities != NULL && !s->is_together) a->model = cen_model_get(s->model);
    if (knn_answers_ask(a, &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s: %s", a->queries->name, error.message);
    }
    if (s->as_json) return knn_answers_json(a);
    if (s->far >= 0 && !s->is_quiet) {
        const cen_gallery_info *info = cen_gallery_get(a->gallery);
        knn_print_threshold(s, stdout, s->claim != NULL ? &info->same : &info->known,
                            s->claim != NULL);
    }
    code = knn_answers_text(a);
    if (code == 0 && a->n_in_gallery > 0 && !s->is_quiet) {
        char text[32];
        fprintf(stderr,
                "%s: %s of these pictures %s in the gallery already: %s nearest is itself\n",
                s->tool->name, with_commas(a->n_in_gallery, text),
                a->n_in_gallery == 1 ? "is" : "are", a->n_in_gallery == 1 ? "its" : "their");
    }
    return code;
}

int knn_classify(knn *s, char *const *paths, size_t n_paths)
{
    const bool is_stream = s->is_stream || s->has_frames;
    if (is_stream && n_paths != 1) {
        return fail(s->tool, EXIT_USAGE,
                    "pictures come on standard input; name a gallery only: cl_knn classify "
                    "--stream GALLERY");
    }
    if (!is_stream && n_paths < 2) {
        return fail(s->tool, EXIT_USAGE,
                    "name a gallery and pictures: cl_knn classify GALLERY IMAGE|DIR...");
    }
    if (is_stream) return knn_stream(s, paths[0]);
    knn_answers a;
    knn_set queries;
    int code = knn_answers_begin(s, paths[0], &a);
    if (code != 0) return code;
    s->asks_head = true;
    code = knn_set_load(s, paths + 1, n_paths - 1, paths[0], &queries);
    s->asks_head = false;
    if (code == 0) {
        a.queries = &queries;
        code = queries.f.n > 0
                   ? answer(s, &a)
                   : fail(s->tool, EXIT_FAILED,
                          "%s: there is nothing in it to classify; put rows in it", paths[1]);
        knn_set_free(&queries);
    }
    knn_answers_end(&a);
    return code;
}
