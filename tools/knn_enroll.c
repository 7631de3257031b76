/* cl_knn enroll: a new class from a few pictures, and the classes that it comes too near to. */
#include "knn_gallery.h"

#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A class of the gallery and how near its nearest row comes to the new pictures. */
typedef struct neighbour {
    const char *class_name;
    double distance;
    size_t row, picture;
} neighbour;

typedef struct enrolment {
    const knn_set *gallery, *pictures;
    const char *name;
    FILE *talk;          /* the error stream, if the gallery goes to standard output */
    cen_threshold limit; /* nearer is dangerous; NAN: the gallery is too small to say */
    neighbour *near;     /* [n_near] by distance, then by name: the classes but its own */
    size_t n_near, n_dangerous;
    knn_added added;
} enrolment;

/* ---- what lies near ---- */

static int compare_neighbours(const void *a, const void *b)
{
    const neighbour *one = a, *other = b;
    if (one->distance != other->distance) return one->distance < other->distance ? -1 : 1;
    return strcmp(one->class_name, other->class_name);
}

/* nearest[i]: the new picture that is nearest to row i. */
static int list_near(const knn *s, enrolment *e, const size_t *nearest, const float *distances)
{
    const cen_feature_set *f = &e->gallery->f;
    e->near = calloc(f->n_classes + 1, sizeof *e->near);
    if (e->near == NULL) {
        return fail(s->tool, EXIT_FAILED, "%s: not enough memory for its classes",
                    e->gallery->name);
    }
    for (size_t i = 0; i < f->n; i++) {
        neighbour *class = &e->near[f->rows[i].label];
        if (class->class_name != NULL && (double)distances[i] >= class->distance) continue;
        *class = (neighbour){f->rows[i].class_name, (double)distances[i], i, nearest[i]};
    }
    for (size_t j = 0; j < f->n_classes; j++) {
        const neighbour *class = &e->near[j];
        if (class->class_name == NULL || strcmp(class->class_name, e->name) == 0) continue;
        e->near[e->n_near++] = *class;
    }
    if (e->n_near > 1) qsort(e->near, e->n_near, sizeof *e->near, compare_neighbours);
    while (e->n_dangerous < e->n_near && e->near[e->n_dangerous].distance <= e->limit.distance) {
        e->n_dangerous++;
    }
    return 0;
}

static int find_near(const knn *s, enrolment *e)
{
    const cen_feature_set *f = &e->gallery->f, *new = &e->pictures->f;
    size_t *nearest = malloc(f->n * sizeof *nearest);
    float *distances = malloc(f->n * sizeof *distances);
    cen_error error = {CEN_ERROR_MEMORY, "not enough memory for the distances of its rows"};
    int code = 0;
    if (nearest == NULL || distances == NULL ||
        cen_knn_search(s->context, new->features, new->n, f->features, f->n, f->d, 1, knn_metric(s),
                       false, nearest, distances, &error) != CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s: %s", e->gallery->name, error.message);
    }
    if (code == 0) code = list_near(s, e, nearest, distances);
    free(nearest);
    free(distances);
    return code;
}

/* For --far, or 1 %; in a small gallery 10 %, and in a smaller one not at all. */
static int calibrate(knn *s, const char *path, cen_gallery *gallery)
{
    static const double usual[] = {0.01, 0.1};
    if (s->far >= 0) return knn_calibrate(s, path, gallery, s->far);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        cen_error error;
        cen_calibration options = cen_calibration_init();
        options.false_accepts = usual[i];
        const cen_status status = cen_gallery_calibrate(gallery, &options, &error);
        if (status == CEN_OK) return 0;
        if (status != CEN_ERROR_ARGUMENT) return fail(s->tool, EXIT_FAILED, "%s", error.message);
    }
    return 0;
}

/* --threshold, else the threshold that a .gallery keeps, else one that is calibrated now. */
static int choose_limit(knn *s, enrolment *e)
{
    cen_gallery *gallery;
    e->limit = (cen_threshold){.distance = s->threshold};
    if (s->threshold >= 0) return 0;
    int code = knn_gallery_of(s, e->gallery, &gallery);
    if (code != 0) return code;
    const cen_gallery_info *info = cen_gallery_get(gallery);
    if (s->far >= 0 || info->known.n_pictures == 0) {
        code = calibrate(s, e->gallery->name, gallery);
    }
    e->limit = info->known.n_pictures > 0 ? info->known : (cen_threshold){.distance = NAN};
    cen_gallery_free(gallery);
    return code;
}

/* ---- the new gallery ---- */

/* The place of a name in the list, bytewise. */
static size_t place_of(const cen_feature_set *f, const char *name, bool *is_there)
{
    size_t place = 0;
    while (place < f->n_classes && strcmp(f->class_names[place], name) < 0) place++;
    *is_there = place < f->n_classes && strcmp(f->class_names[place], name) == 0;
    return place;
}

static size_t count_rows(const cen_feature_set *f, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) n += strcmp(f->rows[i].class_name, name) == 0;
    return n;
}

/* rows[n of both]: labels stay places in the list of names. */
static void join_rows(const enrolment *e, cen_feature_row *rows)
{
    const cen_feature_set *f = &e->gallery->f, *new = &e->pictures->f;
    bool is_there, has_splits = false;
    int32_t label = (int32_t)place_of(f, e->name, &is_there);
    for (size_t i = 0; i < f->n; i++) {
        rows[i] = f->rows[i];
        rows[i].label += !is_there && rows[i].label >= label;
        has_splits |= rows[i].split != NULL && rows[i].split[0] != '\0';
    }
    for (size_t i = 0; i < new->n; i++) {
        rows[f->n + i] = (cen_feature_row){new->rows[i].path, label, e->name,
                                           has_splits ? cen_split_name(CEN_SPLIT_TRAIN) : NULL};
    }
}

static int write_features(const knn *s, const enrolment *e, const char *output,
                          cen_features_format format)
{
    const cen_feature_set *f = &e->gallery->f, *new = &e->pictures->f;
    const size_t n = f->n + new->n, d = f->d, old_size = f->n *d;
    cen_error error;
    float *both = calloc(n, d * sizeof *both);
    cen_feature_row *rows = malloc(n * sizeof *rows);
    int code = 0;
    if (both == NULL || rows == NULL) {
        code = fail(s->tool, EXIT_FAILED, "%s: not enough memory for its rows", output);
    } else {
        memcpy(both, f->features, old_size * sizeof(float));
        memcpy(both + old_size, new->features, new->n *d * sizeof *both);
        join_rows(e, rows);
        if (cen_features_replace(NULL, output, format, both, n, d, rows, &error) != CEN_OK) {
            code = fail(s->tool, EXIT_FAILED, "%s", error.message);
        }
    }
    free(rows);
    free(both);
    return code;
}

/* Adds to the .gallery itself, or to a copy of the gallery as it was read, which is another .gallery or only checked. */
static int write_output(knn *s, enrolment *e, const char *output, cen_features_format format)
{
    knn_change copy = {output, NULL, NULL};
    if (knn_is_gallery(output) && strcmp(output, e->gallery->name) == 0) {
        return knn_add_pictures(s, output, e->name, e->pictures, !s->adds, &e->added);
    }
    int code = knn_gallery_of(s, e->gallery, &copy.gallery);
    if (code == 0) code = knn_add_rows(s, &copy, e->name, e->pictures, !s->adds, &e->added);
    if (code == 0 && knn_is_gallery(output)) {
        code = knn_change_save(s, &copy);
    } else if (code == 0) {
        e->added.n_rows = e->gallery->f.n + e->pictures->f.n;
        code = write_features(s, e, output, format);
    }
    knn_change_end(&copy);
    return code;
}

/* ---- printing ---- */

static void print_near(const knn *s, const enrolment *e)
{
    enum { MOST = 20 };
    char one[32], other[32];
    if (e->limit.n_pictures > 0) knn_print_threshold(s, e->talk, &e->limit, false);
    if (e->n_near == 0) {
        fprintf(e->talk, "no other class is in the gallery\n");
        return;
    }
    if (isnan(e->limit.distance)) {
        fprintf(
            e->talk,
            "the gallery is too small to calibrate what is dangerously near; --threshold X sets "
            "it\n");
    } else if (e->n_dangerous == 0) {
        fprintf(e->talk, "no class lies dangerously near\n");
    } else {
        fprintf(e->talk, "%zu %s dangerously near, within %.6g:\n", e->n_dangerous,
                e->n_dangerous == 1 ? "class lies" : "classes lie", e->limit.distance);
    }
    size_t n = e->n_dangerous > 0 ? e->n_dangerous : 1;
    for (size_t i = 0; i < n && i < MOST; i++) {
        const neighbour *near = &e->near[i];
        print_names(e->talk, "%s%s  distance %.5g  %s  to  %s\n",
                    e->n_dangerous == 0 ? "the nearest is " : "  ", near->class_name,
                    near->distance, knn_row_name(e->pictures, near->picture, one),
                    knn_row_name(e->gallery, near->row, other));
    }
    if (n > MOST) fprintf(e->talk, "  and %zu more\n", n - MOST);
}

static void print_json(const enrolment *e, const char *output)
{
    char text[32];
    printf("{\"gallery\": ");
    print_json_string(stdout, output);
    printf(", \"name\": ");
    print_json_string(stdout, e->name);
    printf(", \"n_added\": %zu, \"n_rows\": %zu, \"threshold\": ", e->added.n, e->added.n_rows);
    if (isfinite(e->limit.distance)) {
        knn_json_threshold(&e->limit);
    } else {
        printf("null");
    }
    printf(", \"classes\": [");
    for (size_t i = 0; i < e->n_near; i++) {
        const neighbour *near = &e->near[i];
        printf("%s{\"class\": ", i > 0 ? ", " : "");
        print_json_string(stdout, near->class_name);
        printf(", ");
        knn_json_number("distance", near->distance);
        printf(", \"dangerous\": %s, \"picture\": ", i < e->n_dangerous ? "true" : "false");
        print_json_string(stdout, knn_row_name(e->pictures, near->picture, text));
        printf(", \"nearest\": ");
        print_json_string(stdout, knn_row_name(e->gallery, near->row, text));
        printf("}");
    }
    printf("], ");
    knn_json_doubts(e->pictures, &e->added.doubts);
    printf(", ");
    knn_json_notes(e->pictures, e->gallery);
    printf("}\n");
}

/* ---- the work ---- */

static bool has_format(const char *path, cen_features_format *format)
{
    bool is_csv = knn_ends_in(path, ".csv") || strcmp(path, "-") == 0;
    *format = is_csv ? CEN_FEATURES_CSV : CEN_FEATURES_NPY;
    return is_csv || knn_ends_in(path, ".npy") || knn_is_gallery(path);
}

/* Where the gallery goes; NULL after a printed error. */
static const char *choose_output(const knn *s, const char *gallery, cen_features_format *format)
{
    if (s->output != NULL) {
        if (has_format(s->output, format)) return s->output;
        (void)fail(s->tool, EXIT_USAGE,
                   "%s: its name does not tell the format; end it with "
                   ".gallery, .npy or .csv",
                   s->output);
        return NULL;
    }
    if (!has_format(gallery, format)) {
        (void)fail(s->tool, EXIT_USAGE,
                   "%s: only a .gallery, a .npy or a .csv is written back in place; add -o "
                   "FILE.gallery",
                   gallery);
        return NULL;
    }
    if (s->gallery_split != NULL) {
        (void)fail(s->tool, EXIT_USAGE,
                   "%s: with --gallery-split the other rows would be lost; add -o FILE.npy",
                   gallery);
        return NULL;
    }
    return gallery;
}

static int enroll(knn *s, enrolment *e, const char *output, cen_features_format format)
{
    int code = knn_same_size(s, e->gallery->name, e->gallery->f.d, e->pictures);
    if (code == 0) code = choose_limit(s, e);
    if (code == 0) code = find_near(s, e);
    if (code == 0) code = write_output(s, e, output, format);
    if (code == 0) knn_print_doubts(s, e->pictures, &e->added.doubts);
    if (code == 0 && s->as_json) {
        print_json(e, output);
    } else if (code == 0 && !s->is_quiet) {
        char a[64], b[64];
        print_names(e->talk, "%s: %s added from %s; the gallery has %s\n", output, e->name,
                    counted(e->added.n, "picture", a), counted(e->added.n_rows, "row", b));
        print_near(s, e);
    }
    free(e->near);
    knn_doubts_free(&e->added.doubts);
    return code;
}

/* Reads the gallery, adds to it and writes it, while the output is locked. */
static int add_to_gallery(knn *s, char *const *paths, const knn_set *pictures, const char *output,
                          cen_features_format format)
{
    knn_set gallery;
    int code = knn_gallery_load(s, paths[0], &gallery);
    if (code != 0) return code;
    size_t n_there = count_rows(&gallery.f, paths[1]);
    if (gallery.n_unlabelled > 0 && s->output == NULL) {
        code = fail(s->tool, EXIT_USAGE,
                    "%s: its rows without a class would be lost; add -o FILE.npy", paths[0]);
    } else if (n_there > 0 && !s->adds) {
        code = knn_class_is_there(s, paths[0], paths[1], n_there);
    } else {
        enrolment e = {.gallery = &gallery,
                       .pictures = pictures,
                       .name = paths[1],
                       .talk = talk_beside(output)};
        code = enroll(s, &e, output, format);
    }
    knn_set_free(&gallery);
    return code;
}

int knn_enroll(knn *s, char *const *paths, size_t n_paths)
{
    cen_features_format format;
    if (n_paths < 3 || paths[1][0] == '\0') {
        return fail(s->tool, EXIT_USAGE,
                    "name a gallery, the new class and its pictures: cl_knn "
                    "enroll GALLERY NAME IMAGE...");
    }
    const char *output = choose_output(s, paths[0], &format);
    if (output == NULL) return EXIT_USAGE;
    if (s->as_json && talk_beside(output) == stderr) {
        return fail(s->tool, EXIT_USAGE,
                    "%s: standard output holds the JSON; name a file for the gallery", output);
    }
    cen_error error;
    if (cen_path_check_writable(NULL, output, &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s", error.message);
    }
    int code = knn_is_gallery(paths[0]) ? knn_gallery_peek(s, paths[0]) : 0;
    knn_set pictures;
    s->asks_digests = knn_is_gallery(output);
    if (code == 0) code = knn_set_load(s, paths + 2, n_paths - 2, paths[0], &pictures);
    if (code != 0) return code;
    cen_lock *lock = NULL;
    if (pictures.f.n == 0) {
        code = fail(s->tool, EXIT_FAILED, "%s: there is nothing in it to enroll; put rows in it",
                    paths[2]);
    } else if (!knn_is_gallery(output) && /* which has a lock of its own */
               cen_features_lock(s->context, &lock, output, &error) != CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s", error.message);
    } else {
        code = add_to_gallery(s, paths, &pictures, output, format);
    }
    cen_lock_release(lock);
    knn_set_free(&pictures);
    return code;
}
