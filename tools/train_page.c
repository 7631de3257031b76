#include "train_page.h"

#include <centerloss_eval.h>

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

static cen_status no_memory(cen_error *error)
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
    if (axes == NULL) return no_memory(error);
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
            status = no_memory(error);
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

/* ---- the sets that are measured ---- */

typedef struct split_rows {
    size_t n;
    float *features;
    int32_t *labels;
    cen_feature_row *rows;
} split_rows;

static void free_split(split_rows *set)
{
    free(set->features);
    free(set->labels);
    free(set->rows);
}

static cen_status take_split(const page_content *content, cen_split split, split_rows *set,
                             cen_error *error)
{
    size_t d = cen_model_get(content->model)->feature_size, n_images = content->images->n_images;
    *set = (split_rows){0, NULL, NULL, NULL};
    for (size_t i = 0; i < n_images; i++) set->n += content->images->images[i].split == split;
    set->features = malloc((set->n * d + 1) * sizeof *set->features);
    set->labels = malloc((set->n + 1) * sizeof *set->labels);
    set->rows = malloc((set->n + 1) * sizeof *set->rows);
    if (set->features == NULL || set->labels == NULL || set->rows == NULL) {
        free_split(set);
        *set = (split_rows){0, NULL, NULL, NULL};
        return no_memory(error);
    }
    size_t to = 0;
    for (size_t i = 0; i < n_images; i++) {
        if (content->images->images[i].split != split) continue;
        memcpy(set->features + to * d, content->features + i * d, d * sizeof *set->features);
        set->labels[to] = content->rows[i].label;
        set->rows[to++] = content->rows[i];
    }
    return CEN_OK;
}

static cen_labelled labelled(const split_rows *set)
{
    return (cen_labelled){set->features, set->labels, set->n};
}

static void print_share(double share)
{
    if (isnan(share)) {
        printf("       -");
    } else {
        printf("  %5.2f%%", 100 * share);
    }
}

static void print_measures(const char *name, const cen_measures *m)
{
    const cen_verification *v = &m->verification;
    printf("%-9s", name);
    print_share(m->retrieval.knn_accuracy);
    print_share(m->retrieval.map_at_r);
    for (int i = 0; i < 2; i++) {
        print_share(m->few_shot[i].n_episodes > 0 ? m->few_shot[i].accuracy : NAN);
    }
    print_share(v->auc);
    print_share(v->eer);
    for (int i = 0; i < 3; i++) print_share(v->tar[i]);
    if (isnan(m->intra_inter)) {
        printf("      -\n");
    } else {
        printf("  %.3f\n", m->intra_inter);
    }
}

/* How sure the k-NN of few images is. */
static void print_interval(const char *name, const cen_retrieval *r)
{
    enum { MANY = 1000 };
    if (r->n_queries == 0 && isnan(r->knn_accuracy)) {
        printf("          %s: no image has a class that could be measured\n", name);
    } else if (r->n_queries < MANY) {
        printf("          %s: k-NN of %zu images %.2f %%, 95 %% interval %.1f to %.1f %%\n", name,
               r->n_queries, 100 * r->knn_accuracy, 100 * r->knn_interval[0],
               100 * r->knn_interval[1]);
    }
}

static void print_all(const cen_report_set *sets, size_t n_sets)
{
    const cen_measures *last = sets[n_sets - 1].measures;
    printf("features    k-NN   MAP@R  1-shot  5-shot     AUC     EER  TAR at FAR .1, .01, .001  "
           "intra/inter\n");
    for (size_t i = 0; i < n_sets; i++) print_measures(sets[i].name, sets[i].measures);
    for (size_t i = 0; i < n_sets; i++) print_interval(sets[i].name, &sets[i].measures->retrieval);
    for (int i = 0; i < 2; i++) {
        const cen_episodes *e = &last->few_shot[i];
        if (e->n_episodes == 0) continue;
        printf("          %s: %zu-shot among %zu classes %.2f +- %.2f %% (95 %%, %zu episodes)\n",
               sets[n_sets - 1].name, e->n_shots, e->n_ways, 100 * e->accuracy, 100 * e->interval,
               e->n_episodes);
    }
}

/* ---- all of it ---- */

static cen_status write_page(const page_content *content, const cen_report *report,
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

static cen_status show(const page *p, const page_content *content, const cen_report_set *sets,
                       size_t n_sets, cen_error *error)
{
    if (n_sets > 0 && !content->is_quiet) print_all(sets, n_sets);
    if (!content->has_page) return CEN_OK;
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
                         .skipped = content->images->skipped,
                         .n_skipped = content->images->n_skipped,
                         .seed = content->seed};
    if (status == CEN_OK) status = write_page(content, &report, error);
    for (size_t i = 0; i < p->n_frames; i++) free((void *)frames[i].points);
    return status;
}

/* Pictures that are measured: of classes that were trained, against the training images; of others, each
 * against the rest of them. */
static const struct {
    const char *name;
    cen_split split;
    bool is_alone;
} measured[] = {{"seen", CEN_SPLIT_VALIDATION, false},
                {"test", CEN_SPLIT_TEST, false},
                {"unseen", CEN_SPLIT_HELD_OUT, true}};
enum { N_MEASURED = sizeof measured / sizeof *measured };

cen_status page_finish(page *p, const page_content *content, cen_error *error)
{
    size_t d = cen_model_get(content->model)->feature_size, n_sets = 0, n_taken = 0;
    split_rows train = {0, NULL, NULL, NULL}, taken[N_MEASURED];
    cen_measures measures[N_MEASURED];
    cen_report_set sets[N_MEASURED];
    cen_measure_options options = cen_measure_options_init();
    cen_knn_options options_knn = cen_knn_options_init();
    options.knn = &options_knn;
    options.seed = content->seed;
    cen_status status = take_split(content, CEN_SPLIT_TRAIN, &train, error);
    for (size_t i = 0; status == CEN_OK && i < N_MEASURED; i++) {
        split_rows *rows = &taken[n_taken];
        status = take_split(content, measured[i].split, rows, error);
        if (status != CEN_OK) break;
        n_taken++;
        if (rows->n < (measured[i].is_alone ? 2 : 1)) continue;
        const split_rows *gallery = measured[i].is_alone ? rows : &train;
        options_knn.leave_one_out = measured[i].is_alone;
        const cen_labelled known = labelled(gallery), asked = labelled(rows);
        status = cen_measures_create(content->context, &measures[n_sets], &known, &asked, d,
                                     &options, error);
        if (status != CEN_OK) break;
        sets[n_sets] =
            (cen_report_set){measured[i].name, &measures[n_sets], rows->rows, gallery->rows};
        n_sets++;
    }
    if (status == CEN_OK) status = show(p, content, sets, n_sets, error);
    for (size_t i = 0; i < n_sets; i++) cen_measures_free(&measures[i]);
    for (size_t i = 0; i < n_taken; i++) free_split(&taken[i]);
    free_split(&train);
    return status;
}
