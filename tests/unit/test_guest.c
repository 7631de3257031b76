/* The library as a guest in somebody's program: errno, the locale and other threads' models are left
 * alone, and none of them has a say in a result. One job that calls most of the interface is run in
 * each setting, and must leave the same bytes. */
#if !defined(_WIN32)
#define _XOPEN_SOURCE 700
#endif

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#if !defined(_WIN32)
#include <pthread.h>
#endif

#include "support/datasets.h"
#include "support/decimal_comma.h"
#include "support/tree.h"

#include <centerloss_eval.h>

enum { UNTOUCHED = 4242 };

static const char images[] = "guest/images";

typedef struct job {
    const char *folder, *net; /* where its files go */
    uint64_t seed;
    cen_fit_options fit;
    cen_folder *images;
    cen_model *model;
    cen_feature_row *rows;
    float *features;
    size_t n, d;
    cen_epoch_report epochs[4];
    cen_error error;
    char complaint[800]; /* empty: all is well; a thread cannot use cmocka's assertions */
} job;

static bool settle(job *j, const char *call, cen_status status)
{
    const int now = errno;
    if (status != CEN_OK) {
        (void)snprintf(j->complaint, sizeof j->complaint, "%s: %s", call, j->error.message);
    } else if (now != UNTOUCHED) {
        (void)snprintf(j->complaint, sizeof j->complaint, "%s: errno became %d", call, now);
    }
    return j->complaint[0] == '\0';
}

#define TRY(call) (errno = UNTOUCHED, settle(j, #call, (call)))
#define KEEPS_ERRNO(call) (errno = UNTOUCHED, (call), settle(j, #call, CEN_OK))

static bool require(job *j, bool is_so, const char *what)
{
    if (!is_so) (void)snprintf(j->complaint, sizeof j->complaint, "not so: %s", what);
    return is_so;
}

static const char *in(const job *j, const char *name, char path[256])
{
    (void)snprintf(path, 256, "%s/%s", j->folder, name);
    return path;
}

static int keep_epoch(void *user, const cen_epoch_report *report)
{
    job *j = user;
    cen_epoch_report *kept = &j->epochs[report->epoch - 1];
    *kept = *report;
    kept->seconds = 0;
    kept->features = NULL;
    return 0;
}

static bool open_images(job *j, cen_input *input)
{
    cen_folder_options options = cen_folder_options_init();
    const char *root = images;
    options.validation_share = 0.25;
    return TRY(cen_folder_open(NULL, &j->images, &root, 1, &options, &j->error)) &&
           TRY(cen_folder_load(j->images, input, 1 << 20, NULL, NULL, &j->error)) &&
           KEEPS_ERRNO(folder_measure(j->images, input->mean, input->std));
}

static bool create(job *j)
{
    cen_model_options options = cen_model_options_init();
    options.net = j->net;
    options.input = (cen_input){1, 8, 7, CEN_RESIZE_CROP, {0}, {0}};
    if (!open_images(j, &options.input)) return false;
    options.n_classes = cen_folder_get(j->images)->n_classes;
    options.class_names = cen_folder_get(j->images)->class_names;
    options.seed = j->seed;
    return TRY(cen_model_create(NULL, &j->model, &options, &j->error)) &&
           TRY(cen_model_set_note(j->model, "lambda", "0.5", &j->error));
}

/* Stops after some steps and goes on from the checkpoint. */
static bool train(job *j)
{
    char checkpoint[256];
    const cen_augment strong = cen_augment_strong();
    cen_train_options options = cen_train_options_init();
    cen_trainer *trainer = NULL;
    options.batch_size = 5;
    options.lambda = 0.125;
    options.beta1 = 1e-200; /* whose powers underflow */
    j->fit = cen_fit_options_init();
    j->fit.n_epochs = 4;
    j->fit.augment = &strong;
    j->fit.cosine = true;
    j->fit.seed = j->seed;
    j->fit.on_epoch = keep_epoch;
    j->fit.user = j;
    j->fit.checkpoint = in(j, "checkpoint", checkpoint);
    j->fit.stop_after = 7;
    bool done = TRY(cen_trainer_create(&trainer, j->model, &options, &j->error)) &&
                TRY(cen_fit(trainer, cen_folder_dataset(j->images), &j->fit, &j->error));
    j->fit.stop_after = 0;
    j->fit.resume = true;
    done = done && TRY(cen_fit(trainer, cen_folder_dataset(j->images), &j->fit, &j->error));
    return KEEPS_ERRNO(cen_trainer_free(trainer)) && done;
}

static bool save(job *j)
{
    char path[256], again[256];
    cen_model *loaded = NULL;
    if (!TRY(cen_model_save(j->model, in(j, "model.safetensors", path), &j->error)) ||
        !TRY(cen_model_load(NULL, &loaded, j->folder, NULL, &j->error)))
        return false;
    const cen_model_info *was = cen_model_get(j->model), *is = cen_model_get(loaded);
    size_t n;
    const float *parameters = cen_model_parameters(loaded, &n);
    bool done =
        require(j, was->input.mean[0] == is->input.mean[0], "the mean was read") &&
        require(j, strcmp(was->net, is->net) == 0, "the net was read") &&
        require(j,
                memcmp(parameters, cen_model_parameters(j->model, &n), n * sizeof *parameters) == 0,
                "the parameters were read") &&
        TRY(cen_model_save(loaded, in(j, "again.safetensors", again), &j->error));
    return KEEPS_ERRNO(cen_model_free(loaded)) && done;
}

static bool extract(job *j)
{
    const cen_folder_info *info = cen_folder_get(j->images);
    j->n = info->n_images;
    j->d = cen_model_get(j->model)->feature_size;
    j->features = calloc(j->n * j->d, sizeof *j->features);
    j->rows = calloc(j->n, sizeof *j->rows);
    for (size_t i = 0; i < j->n; i++) {
        const cen_folder_image *image = &info->images[i];
        j->rows[i] = (cen_feature_row){image->path, image->label, info->class_names[image->label],
                                       cen_split_name(image->split)};
    }
    return TRY(folder_features(j->model, j->images, j->features, NULL, NULL, &j->error));
}

static bool write_and_read(job *j)
{
    static const struct {
        cen_features_format format;
        const char *name;
        bool is_read;
    } kinds[] = {{CEN_FEATURES_NPY, "f.npy", true},
                 {CEN_FEATURES_CSV, "f.csv", true},
                 {CEN_FEATURES_FVECS, "f.fvecs", false},
                 {CEN_FEATURES_PROJECTOR, "p.tsv", false},
                 {CEN_FEATURES_FAISS, "f.faiss", false}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char path[256];
        if (!TRY(cen_features_write(NULL, in(j, kinds[i].name, path), kinds[i].format, j->features,
                                    j->n, j->d, j->rows, &j->error)))
            return false;
        if (!kinds[i].is_read) continue;
        cen_feature_set set;
        if (!TRY(cen_features_read(NULL, path, &set, &j->error))) return false;
        bool same = set.n == j->n && set.d == j->d &&
                    memcmp(set.features, j->features, j->n * j->d * sizeof *set.features) == 0;
        if (!KEEPS_ERRNO(cen_features_free(&set)) || !require(j, same, kinds[i].name)) return false;
    }
    return true;
}

static bool report(job *j)
{
    int32_t labels[64];
    char html[256], json[256], svg[256];
    cen_measures measures;
    cen_measure_options options = cen_measure_options_init();
    cen_knn_options options_knn = cen_knn_options_init();
    options.knn = &options_knn;
    options_knn.leave_one_out = true;
    options.n_episodes = 20;
    for (size_t i = 0; i < j->n; i++) labels[i] = j->rows[i].label;
    const cen_labelled all = {j->features, labels, j->n};
    if (!TRY(cen_measures_create(NULL, &measures, &all, &all, j->d, &options, &j->error)))
        return false;
    const cen_report_set set = {"all", &measures, j->rows, j->rows, NULL, NULL};
    const cen_report page = {.size = sizeof(cen_report),
                             .title = "a guest",
                             .command = "none",
                             .class_names = cen_folder_get(j->images)->class_names,
                             .n_classes = 3,
                             .epochs = j->epochs,
                             .n_epochs = 4,
                             .sets = &set,
                             .n_sets = 1,
                             .seed = 1};
    bool done = TRY(cen_report_write_html(NULL, &page, in(j, "page.html", html), &j->error)) &&
                TRY(cen_report_write_json(NULL, &page, in(j, "page.json", json), &j->error)) &&
                TRY(cen_report_write_svg(NULL, &page, in(j, "plots", svg), &j->error));
    return KEEPS_ERRNO(cen_measures_free(&measures)) && done;
}

/* What is not there is no failure, and neither is a file that is no terminal. */
static bool look_around(job *j)
{
    char path[256];
    cen_image image, small = {0}, header;
    if (!TRY(cen_image_read(NULL, j->rows[0].path, NULL, &image, &j->error))) return false;
    bool done = TRY(cen_image_resize(NULL, &image, 4, 4, CEN_RESIZE_CROP, &small, &j->error)) &&
                TRY(cen_image_write_png(NULL, &small, in(j, "small.png", path), &j->error)) &&
                TRY(cen_image_read_size(NULL, path, &header, &j->error)) &&
                KEEPS_ERRNO((cen__os_kind("guest/nothing/here") != CEN__NOTHING)) &&
                TRY(cen__os_make_folder(NULL, j->folder, &j->error));
    cen_image_free(&image);
    cen_image_free(&small);
    return done;
}

static void *run(void *user)
{
    job *j = user;
    if (TRY(cen__os_make_folder(NULL, j->folder, &j->error)) && create(j) && train(j) && save(j) &&
        extract(j) && write_and_read(j) && report(j))
        (void)look_around(j);
    cen_model_free(j->model);
    cen_folder_free(j->images);
    free(j->features);
    free(j->rows);
    return NULL;
}

/* ---- the tests --------------------------------------------------------------------------------- */

/* Bars that lie where the class says, of a width and a brightness of their own. */
static void make_images(void)
{
    static const char *const classes[] = {"left", "middle", "right"};
    tree_remove("guest");
    for (int i = 0; i < 36; i++) {
        char path[256], bytes[11 + 63] = "P5\n7 9\n255\n";
        (void)snprintf(path, sizeof path, "%s/%s/%02d.pgm", images, classes[i % 3], i);
        for (int p = 0; p < 63; p++) {
            const bool inside = p % 7 / 3 == i % 3 && p / 7 < 3 + i / 6;
            bytes[11 + p] = (char)(inside ? 90 + i : 10 + (i + p) % 5);
        }
        tree_write(path, bytes, sizeof bytes);
    }
}

static job job_in(const char *folder, const char *net, uint64_t seed)
{
    tree_remove(folder);
    return (job){.folder = folder, .net = net, .seed = seed};
}

static const char a_net[] = "conv 4 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dropout 0.25, "
                            "dense 6, l2norm scale 2.5";
static const char another_net[] = "conv 3 2x2 stride 2, prelu, flatten, dense 8, relu, dense 5";

static void assert_done(const job *j)
{
    if (j->complaint[0] != '\0') fail_msg("%s", j->complaint);
}

static void assert_same_tree(const char *a, const char *b)
{
    if (cen__os_kind(a) == CEN__FOLDER) {
        cen__listing names, others;
        assert_int_equal(cen__os_list(NULL, a, &names, NULL), CEN_OK);
        assert_int_equal(cen__os_list(NULL, b, &others, NULL), CEN_OK);
        assert_int_equal(names.n_names, others.n_names);
        for (size_t i = 0; i < names.n_names; i++) {
            char *in_a = cen__path_join(NULL, a, names.names[i]),
                 *in_b = cen__path_join(NULL, b, names.names[i]);
            assert_same_tree(in_a, in_b);
            cen__free(in_a);
            cen__free(in_b);
        }
        cen__listing_free(&names);
        cen__listing_free(&others);
        return;
    }
    uint8_t *bytes_a, *bytes_b;
    size_t size_a, size_b;
    assert_int_equal(cen__file_read(NULL, a, SIZE_MAX, &bytes_a, &size_a, NULL), CEN_OK);
    assert_int_equal(cen__file_read(NULL, b, SIZE_MAX, &bytes_b, &size_b, NULL), CEN_OK);
    if (size_a != size_b || memcmp(bytes_a, bytes_b, size_a) != 0)
        fail_msg("%s and %s differ", a, b);
    cen__free(bytes_a);
    cen__free(bytes_b);
}

static void what_succeeds_leaves_errno_alone(void **state)
{
    (void)state;
    make_images();
    job alone = job_in("guest/alone", a_net, 1), other = job_in("guest/other", another_net, 2);
    run(&alone);
    assert_done(&alone);
    run(&other);
    assert_done(&other);
}

static void a_decimal_comma_changes_no_byte_and_stays(void **state)
{
    (void)state;
    if (!set_decimal_comma()) skip();
    char before[256], after[256];
    (void)snprintf(before, sizeof before, "%s", setlocale(LC_ALL, NULL));
    job comma = job_in("guest/comma", a_net, 1);
    run(&comma);
    (void)snprintf(after, sizeof after, "%s", setlocale(LC_ALL, NULL));
    (void)setlocale(LC_ALL, "C");
    assert_done(&comma);
    assert_string_equal(before, after);
    assert_same_tree("guest/alone", "guest/comma");
}

static void two_trained_side_by_side_end_as_when_alone(void **state)
{
    (void)state;
#if defined(_WIN32)
    skip();
#else
    job jobs[2] = {job_in("guest/beside", a_net, 1), job_in("guest/beside_other", another_net, 2)};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, &jobs[i]), 0);
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 2; i++) assert_done(&jobs[i]);
    assert_same_tree("guest/alone", "guest/beside");
    assert_same_tree("guest/other", "guest/beside_other");
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_succeeds_leaves_errno_alone),
        cmocka_unit_test(a_decimal_comma_changes_no_byte_and_stays),
        cmocka_unit_test(two_trained_side_by_side_end_as_when_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
