#include "train_page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_POINTS = 600, MOST_CENTERS = 1000, MOST_FRAMES = 60 };

typedef struct frame {
    size_t epoch;
    float *features, *centers; /* [n_points, D], [n_centers, D] */
} frame;

struct page {
    size_t n_epochs, capacity, n_frames, n_validation, n_points, n_centers, every;
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
    p->frames = calloc(MOST_FRAMES + 1, sizeof *p->frames);
    p->points = malloc((p->n_points + 1) * sizeof *p->points);
    p->labels = malloc((p->n_points + 1) * sizeof *p->labels);
    if (p->frames == NULL || p->points == NULL || p->labels == NULL) {
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
    free(p);
}

static const float *centers_of(cen_model *model)
{
    const char *name;
    cen_tensor view = {.data = NULL};
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        if (strcmp(name, "centers.weight") == 0) return view.data;
    }
    return NULL;
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
    memcpy(f->centers, centers_of(model), n_centers * sizeof *f->centers);
    for (size_t i = 0; i < p->n_points; i++) {
        memcpy(f->features + i * d, report->features + p->points[i] * d, d * sizeof *f->features);
    }
    return true;
}

/* ---- points in the plane ---- */

/* One plane for all epochs: the principal components of the last, so that points move and axes do
 * not. Features of two numbers are shown as they are. */
static cen_status project(cen_context *context, const page *p, size_t d, cen_report_frame *plane,
                          cen_error *error)
{
    float *axes = calloc(3 * d, sizeof *axes), *mean = axes + 2 * d;
    if (axes == NULL) return page_no_memory(error);
    cen_status status = CEN_OK;
    if (d <= 2) {
        axes[0] = 1;
        if (d == 2) axes[3] = 1;
    } else {
        status = cen_pca(context, p->frames[p->n_frames - 1].features, p->n_points, d, 2, mean,
                         axes, NULL, error);
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

cen_status page_write(const page *p, const page_content *content, const cen_report_set *sets,
                      size_t n_sets, cen_error *error)
{
    size_t d = cen_model_get(content->model)->feature_size;
    cen_report_frame frames[MOST_FRAMES + 1] = {{.epoch = 0}};
    cen_status status = p->n_frames > 0 ? project(content->context, p, d, frames, error) : CEN_OK;
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
                         .seed = content->seed};
    if (status == CEN_OK) status = write_files(content, &report, error);
    for (size_t i = 0; i < p->n_frames; i++) free((void *)frames[i].points);
    return status;
}
