/* cl_knn: galleries in files of their own. */
#include "knn_gallery.h"

#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

bool knn_is_gallery(const char *path)
{
    return knn_ends_in(path, ".gallery");
}

int knn_need_gallery(const knn *s, const char *path)
{
    if (knn_is_gallery(path)) return 0;
    return fail(s->tool, EXIT_USAGE,
                "%s: only a .gallery can be changed so; cl_knn enroll %s NAME IMAGE... -o "
                "NAME.gallery makes one of other galleries",
                path, path);
}

bool knn_gallery_row(const knn *s, const cen_gallery *gallery, size_t i, cen_gallery_row *row)
{
    cen_error error;
    if (cen_gallery_row_get(gallery, i, row, &error) == CEN_OK) return true;
    (void)fail(s->tool, EXIT_FAILED, "%s", error.message);
    return false;
}

static int out_of_memory(const knn *s, const char *path)
{
    return fail(s->tool, EXIT_FAILED, "%s: not enough memory for the list of its rows", path);
}

/* ---- opening ---- */

cen_metric knn_metric(const knn *s)
{
    if (s->metric >= 0) return (cen_metric)s->metric;
    return s->run_has_cosine ? CEN_METRIC_COSINE : CEN_METRIC_L2;
}

double knn_distance(cen_metric metric, size_t d, const float *x, const double *y)
{
    double square = 0, dot = 0, xx = 0, yy = 0;
    for (size_t j = 0; j < d; j++) {
        const double a = (double)x[j], b = y[j];
        square += (a - b) * (a - b);
        dot += a * b;
        xx += a * a;
        yy += b * b;
    }
    if (metric == CEN_METRIC_L2) return sqrt(square);
    return xx > 0 && yy > 0 ? 1 - dot / sqrt(xx * yy) : 1;
}

/* Of another .gallery. */
static int check_model(const knn *s, const char *path, const cen_gallery_info *info)
{
    if (s->kept_fingerprint[0] == '\0' || info->fingerprint == NULL ||
        strcmp(s->kept_fingerprint, info->fingerprint) == 0) {
        return 0;
    }
    return fail(s->tool, EXIT_FAILED,
                "%s: its features are of the model %s (%.8s), and %s is of %s, another one (%.8s); "
                "make both with one model",
                s->kept_by, s->kept_model != NULL ? s->kept_model : "with the fingerprint",
                s->kept_fingerprint, path, info->model != NULL ? info->model : "one without a path",
                info->fingerprint);
}

/* The model and the metric of the first .gallery hold for the command. */
static int remember(knn *s, const char *path, const cen_gallery *gallery)
{
    const cen_gallery_info *info = cen_gallery_get(gallery);
    if (s->metric >= 0 && s->metric != (int)info->metric) {
        return fail(s->tool, EXIT_USAGE, "%s: this gallery has the metric %s; leave --metric out",
                    path, metric_names[info->metric]);
    }
    s->metric = (int)info->metric;
    if (s->kept_by != NULL) return check_model(s, path, info);
    s->kept_by = path;
    if (info->fingerprint != NULL) {
        (void)snprintf(s->kept_fingerprint, sizeof s->kept_fingerprint, "%s", info->fingerprint);
    }
    if (info->model == NULL) return 0;
    s->kept_model = malloc(strlen(info->model) + 1);
    if (s->kept_model == NULL) return out_of_memory(s, path);
    strcpy(s->kept_model, info->model);
    return 0;
}

static int load(knn *s, const char *path, bool changes, cen_gallery **gallery)
{
    cen_error error;
    if (cen_gallery_load(s->context, gallery, path, changes, &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s", error.message);
    }
    const int code = remember(s, path, *gallery);
    if (code == 0) return 0;
    cen_gallery_free(*gallery);
    *gallery = NULL;
    return code;
}

int knn_gallery_peek(knn *s, const char *path)
{
    cen_gallery *gallery;
    if (!path_exists(path)) return 0;
    const int code = load(s, path, false, &gallery);
    if (code == 0) cen_gallery_free(gallery);
    return code;
}

/* The rows of a set as a gallery in memory. */
static int copy_rows(const knn *s, const knn_set *set, cen_gallery *gallery)
{
    enum { BLOCK = 256 };
    cen_gallery_row rows[BLOCK];
    for (size_t i = 0; i < set->f.n; i += BLOCK) {
        const size_t n = set->f.n - i < BLOCK ? set->f.n - i : BLOCK;
        cen_error error;
        memset(rows, 0, sizeof rows);
        for (size_t j = 0; j < n; j++) {
            rows[j].name = set->f.rows[i + j].class_name;
            rows[j].source = set->f.rows[i + j].path;
            rows[j].feature = set->f.features + (i + j) * set->f.d;
        }
        if (cen_gallery_add(gallery, rows, n, &error) != CEN_OK) {
            return fail(s->tool, EXIT_FAILED, "%s: %s", set->name, error.message);
        }
    }
    return 0;
}

/* A gallery without rows, in memory: for features of d numbers, and of the model, if that is loaded. */
static int make(const knn *s, const char *path, size_t d, cen_gallery **gallery)
{
    char fingerprint[CEN_FINGERPRINT_SIZE], *model = NULL;
    cen_gallery_options options = cen_gallery_options_init();
    cen_error error;
    cen_status status = CEN_OK;
    *gallery = NULL;
    options.d = d;
    options.metric = knn_metric(s);
    if (s->model != NULL) {
        model = absolute_path(s->model_path);
        options.model = model != NULL ? model : s->model_path;
        options.fingerprint = fingerprint;
        status = cen_model_fingerprint(s->model, fingerprint, &error);
    }
    if (status == CEN_OK) status = cen_gallery_create(s->context, gallery, &options, &error);
    free(model);
    return status == CEN_OK ? 0 : fail(s->tool, EXIT_FAILED, "%s: %s", path, error.message);
}

int knn_gallery_of(const knn *s, const knn_set *set, cen_gallery **gallery)
{
    cen_error error;
    if (set->folder == NULL && !set->is_copy && knn_is_gallery(set->name)) {
        const cen_status status = cen_gallery_load(s->context, gallery, set->name, false, &error);
        return status == CEN_OK ? 0 : fail(s->tool, EXIT_FAILED, "%s", error.message);
    }
    int code = make(s, set->name, set->f.d, gallery);
    if (code == 0) code = copy_rows(s, set, *gallery);
    if (code == 0) return 0;
    cen_gallery_free(*gallery);
    *gallery = NULL;
    return code;
}

int knn_gallery_open(knn *s, char *path, cen_gallery **gallery, knn_set *notes)
{
    if (notes != NULL) *notes = (knn_set){.name = path};
    if (knn_is_gallery(path)) return load(s, path, false, gallery);
    knn_set set;
    int code = knn_gallery_load(s, path, &set);
    if (code != 0) return code;
    code = knn_gallery_of(s, &set, gallery);
    if (code == 0 && notes != NULL) notes->n_unlabelled = set.n_unlabelled;
    if (code == 0 && notes != NULL && set.folder != NULL) {
        *notes = set;
    } else {
        knn_set_free(&set);
    }
    return code;
}

/* A lock for those who would make a gallery at path. */
static int lock_making(const knn *s, const char *path, cen_lock **lock)
{
    const char *slash = strrchr(path, '/');
    const int above = slash != NULL ? (int)(slash + 1 - path) : 0;
    char *name = malloc(strlen(path) + 16);
    cen_error error;
    if (name == NULL) return out_of_memory(s, path);
    (void)sprintf(name, "%.*s.%s.make.lock", above, path, path + above);
    const cen_status status = cen_lock_take(s->context, lock, name, true, &error);
    free(name);
    return status == CEN_OK ? 0 : fail(s->tool, EXIT_FAILED, "%s", error.message);
}

int knn_change_begin(knn *s, const char *path, bool makes, size_t d, knn_change *change)
{
    int code = 0;
    *change = (knn_change){path, NULL, NULL};
    if (makes && !path_exists(path)) {
        cen_error error;
        if (cen_path_check_writable(s->context, path, &error) != CEN_OK) {
            return fail(s->tool, EXIT_FAILED, "%s", error.message);
        }
        code = lock_making(s, path, &change->making);
        if (code == 0 && !path_exists(path)) {
            if (d == 0) code = knn_need_model(s, path, NULL);
            if (d == 0 && code == 0) d = cen_model_get(s->model)->feature_size;
            if (code == 0) code = make(s, path, d, &change->gallery);
            if (code != 0) knn_change_end(change);
            return code;
        }
        cen_lock_release(change->making);
        change->making = NULL;
    }
    return code == 0 ? load(s, path, true, &change->gallery) : code;
}

int knn_change_save(const knn *s, knn_change *change)
{
    cen_error error;
    if (cen_gallery_save(change->gallery, change->path, &error) == CEN_OK) return 0;
    return fail(s->tool, EXIT_FAILED, "%s", error.message);
}

void knn_change_end(knn_change *change)
{
    cen_gallery_free(change->gallery);
    cen_lock_release(change->making);
    change->gallery = NULL;
    change->making = NULL;
}

/* ---- names ---- */

int knn_no_such_name(const knn *s, const char *path, const cen_gallery *gallery, const char *name)
{
    size_t least = 3;
    char nearest[256] = "";
    const size_t n = cen_gallery_get(gallery)->n;
    for (size_t i = 0; i < n; i++) {
        cen_gallery_row row;
        if (!knn_gallery_row(s, gallery, i, &row)) return EXIT_FAILED;
        const size_t distance = word_distance(name, row.name);
        if (distance >= least) continue;
        least = distance;
        (void)snprintf(nearest, sizeof nearest, "%s", row.name);
    }
    if (nearest[0] != '\0') {
        return fail(s->tool, EXIT_FAILED, "%s: it has no \"%s\"; did you mean \"%s\"?", path, name,
                    nearest);
    }
    return fail(s->tool, EXIT_FAILED, "%s: it has no \"%s\"; cl_knn list shows the names", path,
                name);
}

int knn_class_is_there(const knn *s, const char *path, const char *name, size_t n)
{
    char text[64];
    return fail(s->tool, EXIT_FAILED,
                "%s: the class \"%s\" is there already, with %s; choose another name, or "
                "add to it with --add",
                path, name, counted(n, "row", text));
}

size_t *knn_rows_of(const knn *s, const char *path, const cen_gallery *gallery, const char *name,
                    size_t *n)
{
    cen_error error;
    size_t *rows = NULL, n_again;
    if (cen_gallery_find(gallery, name, NULL, 0, n, &error) != CEN_OK) {
        (void)fail(s->tool, EXIT_FAILED, "%s", error.message);
        return NULL;
    }
    rows = malloc((*n + 1) * sizeof *rows);
    if (rows == NULL) {
        (void)out_of_memory(s, path);
    } else if (cen_gallery_find(gallery, name, rows, *n, &n_again, &error) != CEN_OK) {
        (void)fail(s->tool, EXIT_FAILED, "%s", error.message);
        free(rows);
        rows = NULL;
    }
    return rows;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const knn_name *)a)->name, ((const knn_name *)b)->name);
}

knn_name *knn_count_names(const knn *s, const char *path, const cen_gallery *gallery, size_t *n)
{
    const size_t n_rows = cen_gallery_get(gallery)->n;
    knn_name *names = malloc((n_rows + 1) * sizeof *names);
    *n = 0;
    if (names == NULL) (void)out_of_memory(s, path);
    for (size_t i = 0; i < n_rows && names != NULL; i++) {
        cen_gallery_row row;
        if (!knn_gallery_row(s, gallery, i, &row)) {
            free(names);
            return NULL;
        }
        names[i] = (knn_name){row.name, !row.is_negative, row.is_negative};
    }
    if (names == NULL || n_rows == 0) return names;
    qsort(names, n_rows, sizeof *names, compare_names);
    for (size_t i = 0; i < n_rows; i++) {
        if (*n > 0 && strcmp(names[*n - 1].name, names[i].name) == 0) {
            names[*n - 1].n += names[i].n;
            names[*n - 1].n_negatives += names[i].n_negatives;
        } else {
            names[(*n)++] = names[i];
        }
    }
    return names;
}

char *knn_source_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    const size_t above_size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    char *source = malloc(above_size + strlen(path) + 2), *real = NULL;
    if (source == NULL) return NULL;
    (void)snprintf(source, above_size + 2, "%.*s", slash == NULL ? 1 : (int)above_size,
                   slash == NULL ? "." : path);
    real = absolute_path(source);
    free(source);
    if (real == NULL) real = calloc(1, 1);
    source = real != NULL ? malloc(strlen(real) + strlen(path) + 2) : NULL;
    if (source != NULL && real[0] == '\0') {
        strcpy(source, path); /* its folder is not there any more */
    } else if (source != NULL) {
        (void)sprintf(source, "%s%s%s", real, strcmp(real, "/") == 0 ? "" : "/", name);
    }
    free(real);
    return source;
}

bool knn_has_digest(const uint8_t *digest)
{
    static const uint8_t zeros[CEN_DIGEST_SIZE];
    return memcmp(digest, zeros, CEN_DIGEST_SIZE) != 0;
}
