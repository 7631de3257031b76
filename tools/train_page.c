#include "train_page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_POINTS = 600, MOST_CENTERS = 1000, MOST_FRAMES = 40 };
enum { FRAMES_SIZE = MOST_FRAMES + 2 }; /* with the last epoch and the best */

typedef struct frame {
    size_t epoch;
    float *features, *centers; /* [n_points, D], [n_centers, D] */
} frame;

struct page {
    size_t n_epochs, capacity, n_frames, n_validation, n_points, n_centers, every;
    size_t best; /* the frame that the page opens at: the last one before there is a better */
    bool has_best;
    const char **paths; /* [n_points], of the pictures; filled in at the end */
    cen_epoch_report *epochs;
    frame *frames;
    size_t *points;  /* [n_points], places among the validation images */
    int32_t *labels; /* [n_points] */
};

cen_status page_no_memory(cen_error *error)
{
    *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for the report of this run"};
    return error->status;
}

page *page_create(const cen_folder_info *folder, size_t n_epochs)
{
    page *p = calloc(1, sizeof *p);
    if (p == NULL) return NULL;
    for (size_t i = 0; i < folder->n_images; i++) {
        p->n_validation += folder->images[i].split == CEN_SPLIT_VALIDATION;
    }
    p->n_points = p->n_validation < MOST_POINTS ? p->n_validation : MOST_POINTS;
    p->n_centers = folder->n_classes < MOST_CENTERS ? folder->n_classes : MOST_CENTERS;
    p->every = n_epochs / MOST_FRAMES + (n_epochs % MOST_FRAMES > 0);
    p->frames = calloc(FRAMES_SIZE, sizeof *p->frames);
    p->points = malloc((p->n_points + 1) * sizeof *p->points);
    p->labels = malloc((p->n_points + 1) * sizeof *p->labels);
    p->paths = calloc(p->n_points + 1, sizeof *p->paths);
    if (p->frames == NULL || p->points == NULL || p->labels == NULL || p->paths == NULL) {
        page_free(p);
        return NULL;
    }
    size_t place = 0, next = 0; /* evenly spread, so that each class has its share */
    for (size_t i = 0; i < folder->n_images; i++) {
        if (folder->images[i].split != CEN_SPLIT_VALIDATION) continue;
        if (next < p->n_points && place == next * p->n_validation / p->n_points) {
            p->points[next] = place;
            p->labels[next++] = folder->images[i].label;
        }
        place++;
    }
    return p;
}

void page_free(page *p)
{
    if (p == NULL) return;
    for (size_t i = 0; p->frames != NULL && i < p->n_frames; i++) {
        free(p->frames[i].features);
        free(p->frames[i].centers);
    }
    free(p->epochs);
    free(p->frames);
    free(p->points);
    free(p->labels);
    free(p->paths);
    free(p);
}

double page_seconds(const page *p)
{
    double seconds = 0;
    for (size_t i = 0; i < p->n_epochs; i++) seconds += p->epochs[i].seconds;
    return seconds;
}

static const float *tensor_of(cen_model *model, const char *wanted)
{
    const char *name;
    cen_tensor view = {.data = NULL};
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        if (strcmp(name, wanted) == 0) return view.data;
    }
    return NULL;
}

/* The row of weight[n_classes, d] that gives f the largest logit. */
static int32_t head_answer(const float *f, const float *weight, const float *bias, size_t n_classes,
                           size_t d)
{
    double best = -INFINITY;
    int32_t answer = -1;
    for (size_t k = 0; k < n_classes; k++) {
        double dot = 0, square = 0;
        for (size_t j = 0; j < d; j++) {
            const double w = (double)weight[k * d + j];
            dot += w * (double)f[j];
            square += w * w;
        }
        const double logit = bias != NULL ? dot + (double)bias[k] : dot / sqrt(square);
        if (!(logit > best)) continue;
        best = logit;
        answer = (int32_t)k;
    }
    return answer;
}

int32_t *page_head_answers(const page *p, const page_content *content, const float *features,
                           size_t n)
{
    const float *weight = tensor_of(content->model, "head.weight");
    const float *bias = tensor_of(content->model, "head.bias");
    if (weight == NULL || p->n_epochs == 0 || isnan(p->epochs[p->n_epochs - 1].train.accuracy))
        return NULL; /* a loss without a head */
    const size_t d = cen_model_get(content->model)->feature_size;
    int32_t *answers = malloc((n + 1) * sizeof *answers);
    for (size_t i = 0; answers != NULL && i < n; i++) {
        answers[i] = head_answer(features + i * d, weight, content->has_directions ? NULL : bias,
                                 content->images->n_classes, d);
    }
    return answers;
}

bool page_add_epoch(page *p, const cen_epoch_report *report, cen_model *model)
{
    size_t d = cen_model_get(model)->feature_size, n_centers = p->n_centers * d;
    if (p->n_epochs == p->capacity) {
        size_t capacity = 2 * p->capacity + 16;
        cen_epoch_report *more = realloc(p->epochs, capacity * sizeof *more);
        if (more == NULL) return false;
        p->epochs = more;
        p->capacity = capacity;
    }
    p->epochs[p->n_epochs] = *report;
    p->epochs[p->n_epochs++].features = NULL; /* borrowed, and gone after this call */
    bool is_due = report->epoch % p->every == 0 || report->epoch == report->n_epochs;
    if (!is_due || report->n_features != p->n_validation || p->n_points == 0) return true;
    frame *f = &p->frames[p->n_frames++];
    f->epoch = report->epoch;
    f->features = malloc(p->n_points * d * sizeof *f->features);
    f->centers = malloc(n_centers * sizeof *f->centers);
    if (f->features == NULL || f->centers == NULL) return false;
    memcpy(f->centers, tensor_of(model, "centers.weight"), n_centers * sizeof *f->centers);
    for (size_t i = 0; i < p->n_points; i++) {
        memcpy(f->features + i * d, report->features + p->points[i] * d, d * sizeof *f->features);
    }
    return true;
}

/* ---- points in the plane ---- */

/* The features and centers of the model that is left, of the best epoch, as a frame among the others: a run that was
 * resumed has no other, and of many epochs not all have one. Nothing if validation images are missing. */
static bool add_best(page *p, const page_content *content)
{
    const size_t d = cen_model_get(content->model)->feature_size;
    size_t best = 0, place = 0, next = 0, at = 0, n_validation = 0;
    for (size_t i = 0; i < p->n_epochs; i++) {
        if (p->epochs[i].is_best) best = p->epochs[i].epoch;
    }
    for (size_t i = 0; i < content->n; i++)
        n_validation += strcmp(content->rows[i].split, cen_split_name(CEN_SPLIT_VALIDATION)) == 0;
    if (best == 0 || p->n_points == 0 || n_validation != p->n_validation) return true;
    frame f = {best, malloc(p->n_points * d * sizeof(float)),
               malloc(p->n_centers * d * sizeof(float))};
    if (f.features == NULL || f.centers == NULL) {
        free(f.features);
        free(f.centers);
        return false;
    }
    memcpy(f.centers, tensor_of(content->model, "centers.weight"),
           p->n_centers * d * sizeof(float));
    for (size_t i = 0; i < content->n && next < p->n_points; i++) {
        if (strcmp(content->rows[i].split, cen_split_name(CEN_SPLIT_VALIDATION)) != 0) continue;
        if (place++ != p->points[next]) continue;
        p->paths[next] = content->rows[i].path;
        memcpy(f.features + next++ * d, content->features + i * d, d * sizeof(float));
    }
    while (at < p->n_frames && p->frames[at].epoch < best) at++;
    if (at < p->n_frames && p->frames[at].epoch == best) {
        free(p->frames[at].features);
        free(p->frames[at].centers);
    } else {
        memmove(p->frames + at + 1, p->frames + at, (p->n_frames++ - at) * sizeof *p->frames);
    }
    p->frames[at] = f;
    p->best = at;
    p->has_best = true;
    return true;
}

/* "PCA ..." for the page. */
static void describe(const page *p, size_t d, const double variances[2], char text[200])
{
    double all = 0, sum, squares;
    const float *x = p->frames[p->best].features;
    for (size_t j = 0; j < d; j++) {
        sum = squares = 0;
        for (size_t i = 0; i < p->n_points; i++) sum += (double)x[i * d + j];
        for (size_t i = 0; i < p->n_points; i++)
            squares += pow((double)x[i * d + j] - sum / (double)p->n_points, 2);
        all += squares / (double)(p->n_points - 1);
    }
    (void)snprintf(text, 200,
                   "PCA of the %zu-number features of %zu validation pictures after epoch %zu: the "
                   "horizontal axis has %.0f %% of their variance, the vertical one %.0f %%.",
                   d, p->n_points, p->frames[p->best].epoch, 100 * variances[0] / all,
                   100 * variances[1] / all);
}

/* One plane for all epochs: the principal components of the best, so that points move and axes do
 * not. Features of two numbers are shown as they are. */
static cen_status project(cen_context *context, const page *p, size_t d, cen_report_frame *plane,
                          char text[200], cen_error *error)
{
    double variances[2];
    float *axes = calloc(3 * d, sizeof *axes), *mean = axes + 2 * d;
    if (axes == NULL) return page_no_memory(error);
    cen_status status = CEN_OK;
    if (d <= 2 || p->n_points < 2) {
        axes[0] = 1;
        if (d >= 2) axes[d + 1] = 1;
        (void)snprintf(text, 200,
                       "The first two numbers of the features of %zu validation pictures.",
                       p->n_points);
    } else {
        status = cen_pca(context, p->frames[p->best].features, p->n_points, d, 2, mean, axes,
                         variances, error);
        if (status == CEN_OK) describe(p, d, variances, text);
    }
    for (size_t i = 0; i < p->n_frames && status == CEN_OK; i++) {
        float *xy = malloc(2 * (p->n_points + p->n_centers) * sizeof *xy);
        if (xy == NULL) {
            status = page_no_memory(error);
            break;
        }
        const frame *f = &p->frames[i];
        cen_pca_project(f->features, p->n_points, d, mean, axes, 2, xy);
        cen_pca_project(f->centers, p->n_centers, d, mean, axes, 2, xy + 2 * p->n_points);
        plane[i] = (cen_report_frame){f->epoch, p->n_points,          p->n_centers,
                                      xy,       xy + 2 * p->n_points, p->labels};
    }
    free(axes);
    return status;
}

/* ---- the files ---- */

static cen_status write_files(const page_content *content, const cen_report *report,
                              cen_error *error)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/report.json", content->folder);
    cen_status status = cen_report_write_json(content->context, report, path, error);
    (void)snprintf(path, sizeof path, "%s/report.html", content->folder);
    if (status == CEN_OK) status = cen_report_write_html(content->context, report, path, error);
    (void)snprintf(path, sizeof path, "%s/svg", content->folder);
    if (status == CEN_OK && content->has_svg)
        status = cen_report_write_svg(content->context, report, path, error);
    return status;
}

cen_status page_write(page *p, const page_content *content, const cen_report_set *sets,
                      size_t n_sets, cen_error *error)
{
    size_t d = cen_model_get(content->model)->feature_size;
    cen_report_frame frames[FRAMES_SIZE] = {{.epoch = 0}};
    char plane[200] = "";
    p->best = p->n_frames > 0 ? p->n_frames - 1 : 0;
    if (!add_best(p, content)) return page_no_memory(error);
    cen_status status =
        p->n_frames > 0 ? project(content->context, p, d, frames, plane, error) : CEN_OK;
    cen_report report = {.size = sizeof(cen_report),
                         .title = content->title,
                         .command = content->command,
                         .facts = content->facts,
                         .n_facts = content->n_facts,
                         .class_names = content->images->class_names,
                         .n_classes = content->images->n_classes + content->images->n_held_out,
                         .epochs = p->epochs,
                         .n_epochs = p->n_epochs,
                         .frames = frames,
                         .n_frames = p->n_frames,
                         .sets = sets,
                         .n_sets = n_sets,
                         .skipped = content->skipped,
                         .n_skipped = content->n_skipped,
                         .seed = content->seed,
                         .plane = plane,
                         .point_paths = p->has_best ? p->paths : NULL};
    if (status == CEN_OK) status = write_files(content, &report, error);
    for (size_t i = 0; i < p->n_frames; i++) free((void *)frames[i].points);
    return status;
}
