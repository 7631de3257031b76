#include <centerloss_eval.h>

#include "train_frames.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a validation image that is measured stands among all of them. */
static size_t place_of(const page *p, size_t i)
{
    return page_place(i, p->n_measured, p->n_validation);
}

page *page_create(const cen_folder_info *folder, size_t n_epochs)
{
    page *p = calloc(1, sizeof *p);
    if (p == NULL) return NULL;
    for (size_t i = 0; i < folder->n_images; i++) {
        p->n_validation += folder->images[i].split == CEN_SPLIT_VALIDATION;
    }
    p->n_measured = p->n_validation < CEN_MEASURED_QUERIES ? p->n_validation : CEN_MEASURED_QUERIES;
    p->n_points = p->n_measured < MOST_POINTS ? p->n_measured : MOST_POINTS;
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
        const size_t point = next * p->n_measured / p->n_points;
        if (next < p->n_points && place == place_of(p, point)) {
            p->points[next] = point;
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

static const float *centers_of(cen_model *model)
{
    const char *name;
    cen_tensor view;
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
    if (!is_due || report->n_features != p->n_measured || p->n_points == 0) return true;
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
    memcpy(f.centers, centers_of(content->model), p->n_centers * d * sizeof(float));
    for (size_t i = 0; i < content->n && next < p->n_points; i++) {
        if (strcmp(content->rows[i].split, cen_split_name(CEN_SPLIT_VALIDATION)) != 0) continue;
        if (place++ != place_of(p, p->points[next])) continue;
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
        p->n_frames > 0 ? page_project(content->context, p, d, frames, plane, error) : CEN_OK;
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
