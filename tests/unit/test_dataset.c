/* Datasets: a program's own and arrays train to the bytes of a folder of the same pictures; what is not a
 * picture trains, too; what is wrong with a dataset is reported. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <centerloss_eval.h>

#include "support/context.h"
#include "support/limited_memory.h"
#include "support/models.h"
#include "support/tree.h"

#define ROOT "test_dataset.tmp"

enum { CLASSES = 3, EACH = 12, N = CLASSES * EACH, H = 6, W = 5, SIZE = H * W };

static const char *const class_names[CLASSES] = {"bright", "dark", "middle"};
static uint8_t pictures[N][SIZE];
static int32_t labels[N];
static cen_split splits[N];
static const char *names[N];

static int clear(void **state)
{
    (void)state;
    tree_remove(ROOT);
    return 0;
}

/* Noise about a level of the class; the last three of each class are to validate. */
static void make_rows(void)
{
    static const int levels[CLASSES] = {160, 40, 100};
    static char texts[N][16];
    for (size_t i = 0; i < N; i++) {
        labels[i] = (int32_t)(i / EACH);
        splits[i] = i % EACH < EACH - 3 ? CEN_SPLIT_TRAIN : CEN_SPLIT_VALIDATION;
        (void)snprintf(texts[i], sizeof texts[i], "the %zuth", i);
        names[i] = texts[i];
        for (size_t p = 0; p < SIZE; p++) {
            uint32_t noise = (uint32_t)((i * SIZE + p) * UINT64_C(2654435761) + 12345) >> 26;
            pictures[i][p] = (uint8_t)((uint32_t)levels[labels[i]] + noise);
        }
    }
}

/* The same as files, and their places in the folder: training images come first there. */
static cen_folder *make_folder(size_t cache_bytes, size_t order[N])
{
    static const char *const root = ROOT "/images";
    make_rows();
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
        char path[96];
        uint8_t file[32 + SIZE];
        int head = snprintf((char *)file, sizeof file, "P5 %d %d 255\n", W, H);
        memcpy(file + head, pictures[i], SIZE);
        (void)snprintf(path, sizeof path, "%s/%s/%s/%02zu.pgm", root, cen_split_name(splits[i]),
                       class_names[labels[i]], i);
        tree_write(path, file, (size_t)head + SIZE);
    }
    for (int split = 0; split < 2; split++) {
        for (size_t i = 0; i < N; i++) {
            if (splits[i] == (cen_split)split) order[n++] = i;
        }
    }
    const cen_input input = {1, H, W, CEN_RESIZE_CROP, {0}, {1}};
    const cen_folder_options options = cen_folder_options_init();
    cen_folder *folder;
    cen_error error;
    assert_ok(cen_folder_open(threads(2), &folder, &root, 1, &options, &error), &error);
    assert_ok(cen_folder_load(folder, &input, cache_bytes, NULL, NULL, &error), &error);
    return folder;
}

/* cen_dataset.read of a program's own rows. */
static cen_status read_pictures(void *user, const size_t *rows, size_t n, float *x,
                                cen_error *error)
{
    size_t *n_calls = user;
    (void)error;
    if (n_calls != NULL) ++*n_calls;
    for (size_t i = 0; i < n; i++) {
        for (size_t p = 0; p < SIZE; p++) *x++ = (float)pictures[rows[i]][p] / 255.0f;
    }
    return CEN_OK;
}

static cen_dataset own_dataset(void)
{
    cen_dataset own = cen_dataset_init();
    own.n = N;
    own.n_classes = CLASSES;
    own.class_names = class_names;
    own.channels = 1;
    own.height = H;
    own.width = W;
    own.labels = labels;
    own.splits = splits;
    own.names = names;
    own.read = read_pictures;
    return own;
}

typedef struct run {
    cen_fit_options fit;
    cen_train_options train;
    const char *const *class_names; /* of the model */
    const char *net;
    bool mirror;
} run;

static run plain_run(void)
{
    run r = {plain_fit_options(), plain_train_options(), class_names,
             "conv 4 3x3 pad 1, batchnorm, relu, flatten, dense 6", false};
    r.fit.n_epochs = 3;
    r.train.batch_size = 8;
    return r;
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(1 << 20);
    assert_true(file != NULL && bytes != NULL);
    *size = fread(bytes, 1, 1 << 20, file);
    (void)fclose(file);
    return bytes;
}

/* Measures, trains and saves: the bytes of the model's file, for free. */
static char *bytes_of(const cen_dataset *dataset, const run *r, size_t *size, cen_error *error)
{
    static const char path[] = ROOT "/model.safetensors";
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    cen_trainer *trainer;
    options.net = r->net;
    options.mirror = r->mirror;
    options.input.channels = dataset->channels;
    options.input.height = dataset->height;
    options.input.width = dataset->width;
    options.n_classes = dataset->n_classes;
    options.class_names = r->class_names;
    assert_ok(cen_dataset_measure(NULL, dataset, options.input.mean, options.input.std, error),
              error);
    assert_ok(cen_model_create(threads(2), &model, &options, error), error);
    assert_ok(cen_trainer_create(&trainer, model, &r->train, error), error);
    cen_status status = cen_fit(trainer, dataset, &r->fit, error);
    char *bytes = NULL;
    tree_text(path, "");
    if (status == CEN_OK) assert_ok(cen_model_save(model, path, error), error);
    if (status == CEN_OK) bytes = read_file(path, size);
    cen_trainer_free(trainer);
    cen_model_free(model);
    return bytes;
}

static void assert_same(const cen_dataset *a, const cen_dataset *b, const run *r)
{
    cen_error error;
    size_t size_a, size_b;
    char *bytes_a = bytes_of(a, r, &size_a, &error), *bytes_b = bytes_of(b, r, &size_b, &error);
    if (bytes_a == NULL || bytes_b == NULL) fail_msg("%s", error.message);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(bytes_a, bytes_b, size_a);
    free(bytes_a);
    free(bytes_b);
}

/* On pictures that are their own mirror images nothing changes. */
static void a_model_that_mirrors_is_trained_on_flipped_rows(void **state)
{
    (void)state;
    enum { NUMBERS = 400 }; /* bytes at a file's end, which are numbers of both models */
    make_rows();
    const cen_dataset own = own_dataset();
    for (int is_symmetric = 0; is_symmetric < 2; is_symmetric++) {
        run r = plain_run();
        size_t size[2];
        cen_error error;
        for (size_t i = 0; i < N * SIZE && is_symmetric; i++) {
            const size_t x = i % W, other = i - x + (W - 1 - x);
            if (x < W / 2) pictures[i / SIZE][i % SIZE] = pictures[other / SIZE][other % SIZE];
        }
        char *plain = bytes_of(&own, &r, &size[0], &error);
        r.mirror = true;
        char *both = bytes_of(&own, &r, &size[1], &error);
        assert_true(plain != NULL && both != NULL);
        assert_int_equal(memcmp(plain + size[0] - NUMBERS, both + size[1] - NUMBERS, NUMBERS) == 0,
                         is_symmetric);
        free(plain);
        free(both);
    }
}

static void the_same_pictures_train_to_the_same_bytes_whoever_reads_them(void **state)
{
    (void)state;
    static float values[N][SIZE];
    size_t order[N];
    for (int i = 0; i < 4; i++) {
        cen_folder *folder = make_folder(i % 2 == 0 ? 1 << 20 : 0, order);
        uint8_t sorted[N][SIZE];
        memcpy(sorted, pictures, sizeof sorted);
        for (size_t at = 0; at < N; at++) memcpy(pictures[at], sorted[order[at]], SIZE);
        for (size_t at = 0; at < N; at++) labels[at] = (int32_t)(order[at] / EACH);
        for (size_t at = 0; at < N; at++) {
            splits[at] = at < N - 3 * CLASSES ? CEN_SPLIT_TRAIN : CEN_SPLIT_VALIDATION;
            for (size_t p = 0; p < SIZE; p++) values[at][p] = (float)pictures[at][p] / 255.0f;
        }
        run r = plain_run();
        cen_augment augment = i == 1 ? cen_augment_light() : cen_augment_strong();
        r.mirror = i > 1; /* cen_fit flips rows then */
        if (i > 0) r.fit.augment = &augment;
        r.fit.balance = i == 2;
        r.fit.per_class = i == 3 ? 4 : 0;
        const cen_dataset own = own_dataset();
        assert_same(cen_folder_dataset(folder), &own, &r);
        cen_arrays arrays = cen_arrays_init();
        cen_dataset *made;
        arrays.n = N;
        arrays.channels = 1;
        arrays.height = H;
        arrays.width = W;
        arrays.labels = labels;
        arrays.n_classes = CLASSES;
        arrays.class_names = class_names;
        arrays.splits = splits;
        if (i % 2 == 0) arrays.values = values[0];
        if (i % 2 == 1) arrays.bytes = pictures[0];
        assert_int_equal(cen_arrays_create(threads(1), &made, &arrays, NULL), CEN_OK);
        assert_same(cen_folder_dataset(folder), made, &r);
        cen_arrays_free(made);
        cen_folder_free(folder);
    }
}

/* Rows may come in any order, also of classes and splits. */
static void classes_are_matched_by_name_and_never_by_place(void **state)
{
    (void)state;
    static const char *const turned[CLASSES] = {"middle", "bright", "dark"};
    make_rows();
    run r = plain_run();
    cen_error error;
    size_t size_a, size_b;
    cen_dataset own = own_dataset();
    char *a = bytes_of(&own, &r, &size_a, &error);
    for (size_t i = 0; i < N; i++) labels[i] = (labels[i] + 1) % CLASSES;
    own.class_names = turned; /* the same classes: the model's file must be the same */
    char *b = bytes_of(&own, &r, &size_b, &error);
    if (a == NULL || b == NULL) fail_msg("%s", error.message);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(a, b, size_a);
    free(a);
    free(b);
    static const char *const others[CLASSES] = {"middle", "light", "dark"};
    own.class_names = others;
    assert_null(bytes_of(&own, &r, &size_b, &error));
    assert_int_equal(error.status, CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "'light'"));
    static const char *const twice[CLASSES] = {"middle", "dark", "dark"};
    own.class_names = twice;
    assert_null(bytes_of(&own, &r, &size_b, &error));
    assert_non_null(strstr(error.message, "two classes 'dark'"));
}

/* ---- what is no picture -------------------------------------------------------------------- */

enum { SENSORS = 5, STEPS = 16, SIGNAL = SENSORS * STEPS };

/* Two kinds of waves on five sensors, each with an offset and a scale of its own. */
static void make_signals(float signals[N][SIGNAL], int32_t kinds[N])
{
    for (size_t i = 0; i < N; i++) {
        kinds[i] = (int32_t)(i % 2);
        for (size_t c = 0; c < SENSORS; c++) {
            double scale = pow(10, (double)c - 2), phase = (double)(i * 7 % 13);
            for (size_t t = 0; t < STEPS; t++) {
                double wave = sin((double)t * (kinds[i] == 0 ? 0.4 : 1.1) + phase);
                signals[i][c * STEPS + t] = (float)(scale * (wave + 20 * (double)c));
            }
        }
    }
}

static void five_sensors_train_and_their_model_is_saved_with_five_means(void **state)
{
    (void)state;
    static float signals[N][SIGNAL], x[N * SIGNAL], one[N * 8], all[N * 8];
    static int32_t kinds[N];
    static const char *const two[] = {"slow", "fast"};
    cen_error error;
    make_signals(signals, kinds);
    cen_arrays arrays = cen_arrays_init();
    cen_dataset *dataset;
    arrays.n = N;
    arrays.channels = SENSORS;
    arrays.height = 1;
    arrays.width = STEPS;
    arrays.values = signals[0];
    arrays.labels = kinds;
    arrays.n_classes = 2;
    arrays.class_names = two;
    arrays.validation_share = 0.25;
    assert_ok(cen_arrays_create(threads(1), &dataset, &arrays, &error), &error);
    size_t n_validation = 0;
    for (size_t i = 0; i < N; i++) n_validation += dataset->splits[i] == CEN_SPLIT_VALIDATION;
    assert_int_equal(n_validation, 10); /* 5 of 18 each: 4.5 is rounded up */

    cen_model_options model_options = cen_model_options_init();
    cen_train_options train = cen_train_options_init();
    cen_fit_options fit = cen_fit_options_init();
    cen_augment augment = cen_augment_init();
    assert_ok(
        cen_recipe_choose(threads(1), dataset, &model_options, &train, &fit, &augment, &error),
        &error);
    assert_true(augment.shift == 0); /* these are no pictures */
    model_options.net = "conv 8 1x3, relu, flatten, dense 8";
    fit.n_epochs = 12;
    cen_model *model, *loaded;
    cen_trainer *trainer;
    assert_ok(cen_model_create(threads(2), &model, &model_options, &error), &error);
    assert_ok(cen_trainer_create(&trainer, model, &train, &error), &error);
    assert_ok(cen_fit(trainer, dataset, &fit, &error), &error);

    const cen_input *input = &cen_model_get(model)->input;
    size_t rows[N];
    int32_t read[N];
    for (size_t i = 0; i < N; i++) rows[i] = i;
    assert_ok(cen_dataset_read(NULL, dataset, input, NULL, 0, 0, rows, N, x, read, &error), &error);
    assert_memory_equal(read, kinds, sizeof kinds);
    for (size_t c = 0; c < SENSORS; c++) { /* of the training rows, in double */
        double sum = 0, square = 0, n = 0;
        for (size_t i = 0; i < N; i++) {
            for (size_t t = 0; t < STEPS && dataset->splits[i] == CEN_SPLIT_TRAIN; t++, n++) {
                sum += (double)x[i * SIGNAL + c * STEPS + t];
                square +=
                    (double)x[i * SIGNAL + c * STEPS + t] * (double)x[i * SIGNAL + c * STEPS + t];
            }
        }
        assert_true(fabs(sum / n) < 1e-4 && fabs(square / n - 1) < 1e-3);
    }

    tree_text(ROOT "/sensors.safetensors", "");
    assert_ok(cen_model_save(model, ROOT "/sensors.safetensors", &error), &error);
    assert_ok(cen_model_load(threads(1), &loaded, ROOT "/sensors.safetensors", NULL, &error),
              &error);
    assert_memory_equal(cen_model_get(loaded)->input.mean, input->mean, SENSORS * sizeof(float));
    assert_memory_equal(cen_model_get(loaded)->input.std, input->std, SENSORS * sizeof(float));
    assert_ok(model_features(model, x, N, one, &error), &error);
    assert_ok(cen_model_features(loaded, dataset, all, NULL, NULL, NULL, NULL, &error), &error);
    assert_memory_equal(one, all, sizeof all);
    size_t n_right = 0; /* each to the nearest other */
    for (size_t i = 0; i < N; i++) {
        size_t near_one[2];
        assert_ok(cen_knn_search(NULL, all, N, all + i * 8, 1, 8, 2, CEN_METRIC_L2, false, near_one,
                                 NULL, &error),
                  &error);
        n_right += kinds[near_one[near_one[0] == i]] == kinds[i];
    }
    assert_true(n_right > N * 9 / 10);

    cen_predictor *predictor; /* a picture is none of these */
    uint8_t pixels[STEPS] = {0};
    const cen_image image = {.width = STEPS, .height = 1, .channels = 1, .pixels = pixels};
    assert_ok(cen_predictor_create(&predictor, model, 1, &error), &error);
    assert_int_equal(cen_predictor_input(predictor, &image, x, &error), CEN_ERROR_ARGUMENT);
    assert_int_equal(cen_predictor_decode(predictor, "P5 1 1 255 a", 12, x, &error),
                     CEN_ERROR_ARGUMENT);
    cen_predictor_free(predictor);
    cen_trainer_free(trainer);
    cen_model_free(model);
    cen_model_free(loaded);
    cen_arrays_free(dataset);
}

static void augmentation_moves_all_channels_alike(void **state)
{
    (void)state;
    static float signals[N][SIGNAL], x[SIGNAL], plain[SIGNAL];
    static int32_t kinds[N];
    make_signals(signals, kinds);
    cen_arrays arrays = cen_arrays_init();
    cen_dataset *dataset;
    arrays.n = N;
    arrays.channels = SENSORS;
    arrays.height = 1;
    arrays.width = STEPS;
    arrays.values = signals[0];
    arrays.labels = kinds;
    arrays.n_classes = 2;
    assert_int_equal(cen_arrays_create(NULL, &dataset, &arrays, NULL), CEN_OK);
    cen_input input = {.channels = SENSORS, .height = 1, .width = STEPS};
    for (size_t c = 0; c < SENSORS; c++) input.std[c] = 1;
    cen_augment flip = cen_augment_init();
    flip.flip = true;
    size_t n_flipped = 0;
    for (size_t row = 0; row < N; row++) {
        assert_int_equal(
            cen_dataset_read(NULL, dataset, &input, NULL, 1, 1, &row, 1, plain, NULL, NULL),
            CEN_OK);
        assert_memory_equal(plain, signals[row], sizeof plain);
        assert_int_equal(
            cen_dataset_read(NULL, dataset, &input, &flip, 1, 1, &row, 1, x, NULL, NULL), CEN_OK);
        bool is_flipped = memcmp(x, plain, sizeof x) != 0;
        n_flipped += is_flipped;
        for (size_t i = 0; i < SIGNAL && is_flipped; i++) {
            assert_true(x[i] == plain[i / STEPS * STEPS + STEPS - 1 - i % STEPS]);
        }
    }
    assert_true(n_flipped > N / 5 && n_flipped < N * 4 / 5);
    cen_arrays_free(dataset);
}

/* ---- rows that fail ------------------------------------------------------------------------ */

typedef struct failing_rows {
    bool is_bad[N];
    cen_status status;
    size_t n_told, n_calls;
    bool was_told[N];
} failing_rows;

static cen_status read_failing(void *user, const size_t *rows, size_t n, float *x, cen_error *error)
{
    failing_rows *f = user;
    f->n_calls++;
    for (size_t i = 0; i < n; i++) {
        if (!f->is_bad[rows[i]]) continue;
        if (error != NULL) (void)snprintf(error->message, sizeof error->message, "no %zu", rows[i]);
        return f->status;
    }
    return read_pictures(NULL, rows, n, x, error);
}

static failing_rows failing_now; /* also the fit's, whose user is another */

static void hear(void *user, const char *name, const char *reason)
{
    (void)user;
    size_t row = 0;
    while (strcmp(names[row], name) != 0) row++;
    assert_false(failing_now.was_told[row]); /* once each */
    failing_now.was_told[row] = true;
    failing_now.n_told++;
    char want[32];
    (void)snprintf(want, sizeof want, "no %zu", row);
    assert_string_equal(reason, want);
}

static void rows_that_fail_by_themselves_are_passed_over(void **state)
{
    (void)state;
    static float features[N * 6];
    make_rows();
    run r = plain_run();
    cen_error error;
    size_t size, rows[N], n;
    cen_dataset own = own_dataset();
    own.read = read_failing;
    own.user = &failing_now;
    r.fit.on_unreadable = hear;
    failing_now = (failing_rows){.status = CEN_ERROR_IO};
    failing_now.is_bad[2] = failing_now.is_bad[3] = failing_now.is_bad[11] = true;
    char *bytes = bytes_of(&own, &r, &size, &error);
    if (bytes == NULL) fail_msg("%s", error.message);
    free(bytes);
    assert_int_equal(failing_now.n_told, 3);

    cen_model *model = model_create("flatten, dense 6", 1, H, W, CLASSES);
    assert_int_equal(cen_model_features(model, &own, features, rows, &n, NULL, NULL, &error),
                     CEN_OK);
    assert_int_equal(n, N - 3);
    for (size_t i = 0; i < n; i++) assert_false(failing_now.is_bad[rows[i]]);
    assert_int_equal(cen_model_features(model, &own, features, NULL, NULL, NULL, NULL, &error),
                     CEN_ERROR_IO);
    assert_string_equal(error.message, "no 2");
    cen_model_free(model);

    for (size_t i = 0; i < N; i++) failing_now.is_bad[i] = i % EACH > 0;
    own.mean = own.std = (const float[]){0.5f};
    failing_now.n_told = 0;
    memset(failing_now.was_told, 0, sizeof failing_now.was_told);
    failing_now.is_bad[0] = failing_now.is_bad[12] = failing_now.is_bad[24] = true;
    assert_null(bytes_of(&own, &r, &size, &error)); /* none is left */
    assert_int_equal(error.status, CEN_ERROR_IO);
}

static void some_errors_of_a_read_end_what_asked_for_it(void **state)
{
    (void)state;
    static const cen_status fatal[] = {CEN_ERROR_MEMORY, CEN_ERROR_STOPPED, CEN_ERROR_ARGUMENT};
    make_rows();
    run r = plain_run();
    for (size_t i = 0; i < 3; i++) {
        cen_error error;
        size_t size;
        cen_dataset own = own_dataset();
        own.read = read_failing;
        own.user = &failing_now;
        own.mean = own.std = (const float[]){0.5f};
        failing_now = (failing_rows){.status = fatal[i]};
        failing_now.is_bad[5] = true;
        assert_null(bytes_of(&own, &r, &size, &error));
        assert_int_equal(error.status, fatal[i]);
        assert_string_equal(error.message, "no 5");
    }
}

static void a_status_that_is_none_counts_as_one_of_io(void **state)
{
    (void)state;
    const int none[] = {-1, 99};
    const size_t rows[] = {4, 5};
    make_rows();
    for (size_t i = 0; i < 2; i++) {
        cen_error error;
        float x[2 * SIZE];
        cen_dataset own = own_dataset();
        cen_input input = {.channels = 1, .height = H, .width = W, .std = {1}};
        own.read = read_failing;
        own.user = &failing_now;
        failing_now = (failing_rows){.status = (cen_status)none[i]};
        failing_now.is_bad[5] = true;
        assert_int_equal(
            cen_dataset_read(threads(1), &own, &input, NULL, 0, 0, rows, 2, x, NULL, &error),
            CEN_ERROR_IO);
        assert_int_equal(error.status, CEN_ERROR_IO);
        assert_string_equal(error.message, "no 5");
    }
}

static void what_is_wrong_with_a_dataset_is_reported(void **state)
{
    (void)state;
    enum { N_CASES = 13 };
    static const char *const says[N_CASES] = {
        "no size",     "no function to read", "0 x 6 x 5",          "65 x 6 x 5",
        "no labels",   "the 4th: its label",  "the 4th: its label", "the 35th: its label",
        "its split 9", "class 1 has no name", "not of 1 x 6 x 5",   "the model has no class '0'",
        "another way"};
    static const char *const no_name[CLASSES] = {"bright", NULL, "middle"};
    for (int i = 0; i < N_CASES; i++) {
        make_rows();
        cen_dataset own = own_dataset();
        const run r = plain_run();
        cen_model_options options = cen_model_options_init();
        cen_model *model;
        cen_trainer *trainer;
        cen_error error;
        if (i == 0) own.size = 0;
        if (i == 1) own.read = NULL;
        if (i == 2) own.channels = 0;
        if (i == 3) own.channels = CEN_MAX_CHANNELS + 1;
        if (i == 4) own.labels = NULL;
        if (i == 5) labels[4] = CLASSES;
        if (i == 6) labels[4] = -1;
        if (i == 7) labels[N - 1] = INT32_MIN;
        if (i == 8) splits[7] = (cen_split)9;
        if (i == 9) own.class_names = no_name;
        if (i == 10) own.height = 7;
        if (i == 11) own.class_names = NULL;
        if (i == 12) own.resize = CEN_RESIZE_STRETCH;
        options.net = r.net;
        options.input.height = H;
        options.input.width = W;
        options.n_classes = CLASSES;
        options.class_names = class_names;
        assert_int_equal(cen_model_create(NULL, &model, &options, NULL), CEN_OK);
        assert_int_equal(cen_trainer_create(&trainer, model, &r.train, NULL), CEN_OK);
        assert_int_equal(cen_fit(trainer, &own, &r.fit, &error), CEN_ERROR_ARGUMENT);
        if (strstr(error.message, says[i]) == NULL) fail_msg("%d: %s", i, error.message);
        assert_int_equal(cen_fit(trainer, &own, &r.fit, NULL), CEN_ERROR_ARGUMENT);
        cen_trainer_free(trainer);
        cen_model_free(model);
    }
}

static cen_status read_nan(void *user, const size_t *rows, size_t n, float *x, cen_error *error)
{
    const float *value = user;
    (void)read_pictures(NULL, rows, n, x, error);
    for (size_t i = 0; i < n; i++) {
        if (rows[i] == 9) x[i * SIZE + SIZE - 1] = *value;
    }
    return CEN_OK;
}

static void a_value_that_is_not_finite_is_an_error_that_names_the_row(void **state)
{
    (void)state;
    float values[] = {NAN, INFINITY, -INFINITY};
    make_rows();
    splits[9] = CEN_SPLIT_TRAIN;
    for (size_t i = 0; i < 3; i++) {
        float x[2 * SIZE], mean[1], std[1];
        const size_t rows[] = {8, 9};
        const cen_input input = {1, H, W, CEN_RESIZE_CROP, {0}, {1}};
        cen_error error;
        cen_dataset own = own_dataset();
        own.read = read_nan;
        own.user = &values[i];
        own.names = i == 0 ? names : NULL;
        for (int what = 0; what < 2; what++) {
            cen_status status = what == 0 ? cen_dataset_measure(NULL, &own, mean, std, &error)
                                          : cen_dataset_read(NULL, &own, &input, NULL, 0, 0, rows,
                                                             2, x, NULL, &error);
            assert_int_equal(status, CEN_ERROR_NOT_FINITE);
            assert_non_null(strstr(error.message, i == 0 ? "the 9th" : "row 9"));
        }
    }
}

/* ---- a rate of one's own ------------------------------------------------------------------- */

static double rate_now(void *user, size_t step, size_t n_steps)
{
    (void)user;
    assert_int_equal(n_steps, 12); /* 27 rows in batches of 8, 3 epochs */
    return 1e-3 * (double)(n_steps - step) / (double)n_steps;
}

static double rate_same(void *user, size_t step, size_t n_steps)
{
    (void)user;
    (void)step;
    (void)n_steps;
    return 1e-3;
}

static double rate_bad(void *user, size_t step, size_t n_steps)
{
    (void)user;
    (void)n_steps;
    return step < 5 ? 1e-3 : -1;
}

static void a_rate_of_ones_own_is_used_and_resumed(void **state)
{
    (void)state;
    make_rows();
    const cen_dataset own = own_dataset();
    size_t size[2];
    cen_error error;
    run r = plain_run(); /* a constant rate of 1e-3 */
    char *plain = bytes_of(&own, &r, &size[0], &error);
    r.fit.rate = rate_same;
    char *same = bytes_of(&own, &r, &size[1], &error);
    assert_memory_equal(plain, same, size[0]);
    r.fit.rate = rate_now;
    char *whole = bytes_of(&own, &r, &size[1], &error);
    assert_memory_not_equal(plain, whole, size[0]);
    r.fit.checkpoint = ROOT "/checkpoint";
    r.fit.stop_after = 6;
    char *half = bytes_of(&own, &r, &size[1], &error);
    r.fit.stop_after = 0;
    r.fit.resume = true;
    char *resumed = bytes_of(&own, &r, &size[1], &error);
    assert_non_null(half);
    assert_non_null(resumed);
    assert_memory_equal(whole, resumed, size[0]);
    r.fit.rate = NULL;
    assert_null(bytes_of(&own, &r, &size[1], &error));
    assert_non_null(strstr(error.message, "own learning rate"));
    r.fit.resume = false;
    r.fit.rate = rate_bad;
    assert_null(bytes_of(&own, &r, &size[1], &error));
    assert_int_equal(error.status, CEN_ERROR_ARGUMENT);
    free(plain);
    free(same);
    free(whole);
    free(half);
    free(resumed);
}

/* ---- arrays and the recipe ----------------------------------------------------------------- */

static void splits_of_arrays_are_drawn_as_those_of_a_folder(void **state)
{
    (void)state;
    static const char *const root = ROOT "/drawn";
    const cen_input input = {1, H, W, CEN_RESIZE_CROP, {0}, {1}};
    make_rows();
    for (size_t i = 0; i < N; i++) {
        char path[96];
        (void)snprintf(path, sizeof path, "%s/%s/%02zu.pgm", root, class_names[labels[i]], i);
        tree_grey(path, W, H, (int)i);
    }
    cen_folder_options options = cen_folder_options_init();
    options.seed = 7;
    options.validation_share = 0.3;
    options.lazy = true;
    cen_folder *folder;
    cen_error error;
    assert_ok(cen_folder_open(threads(1), &folder, &root, 1, &options, &error), &error);
    assert_ok(cen_folder_load(folder, &input, 0, NULL, NULL, &error), &error);
    cen_arrays arrays = cen_arrays_init();
    cen_dataset *made;
    arrays.n = N;
    arrays.channels = 1;
    arrays.height = H;
    arrays.width = W;
    arrays.bytes = pictures[0];
    arrays.labels = labels;
    arrays.n_classes = CLASSES;
    arrays.class_names = class_names;
    arrays.validation_share = 0.3;
    arrays.seed = 7;
    assert_ok(cen_arrays_create(threads(1), &made, &arrays, &error), &error);
    const cen_folder_info *info = cen_folder_get(folder);
    for (size_t i = 0; i < N; i++) {
        const cen_folder_image *image = &info->images[i];
        size_t row = strtoul(image->name, NULL, 10);
        assert_int_equal(made->splits[row], image->split);
    }
    cen_arrays_free(made);
    cen_folder_free(folder);
    arrays.values = (const float *)(const void *)pictures; /* and bytes */
    assert_int_equal(cen_arrays_create(NULL, &made, &arrays, &error), CEN_ERROR_ARGUMENT);
    assert_null(made);
    arrays.values = NULL;
    arrays.validation_share = 1;
    assert_int_equal(cen_arrays_create(NULL, &made, &arrays, &error), CEN_ERROR_ARGUMENT);
    arrays.validation_share = 0;
    arrays.n = SIZE_MAX / 2;
    arrays.n_classes = 0;
    arrays.labels = NULL;
    assert_int_equal(cen_arrays_create(NULL, &made, &arrays, &error), CEN_ERROR_ARGUMENT);
}

static void a_recipe_suits_the_loss_and_the_rows(void **state)
{
    (void)state;
    make_rows();
    cen_dataset own = own_dataset();
    cen_model_options model = cen_model_options_init();
    cen_train_options train = cen_train_options_init();
    cen_fit_options fit = cen_fit_options_init();
    cen_augment augment = cen_augment_init();
    cen_error error;
    model.net = "flatten, dense 2";
    train.lr = 0.5;
    train.loss = CEN_LOSS_TRIPLET_HARD;
    train.batch_size = 32;
    assert_ok(cen_recipe_choose(NULL, &own, &model, &train, &fit, &augment, &error), &error);
    assert_int_equal(model.input.height, H);
    assert_int_equal(model.n_classes, CLASSES);
    assert_ptr_equal(model.class_names, class_names);
    assert_string_equal(model.net, "flatten, dense 2"); /* what was set stays */
    assert_true(train.lr == 0.5 && train.margin == 0.2 && train.lambda == 0);
    assert_int_equal(fit.n_epochs, 240); /* few rows, as often as it goes */
    assert_int_equal(fit.per_class, 16); /* of 3 classes, to fill a batch of 32 */
    assert_true(augment.shift == cen_augment_light().shift);
    train.loss = CEN_LOSS_COSFACE;
    assert_ok(cen_recipe_choose(NULL, &own, &model, &train, &fit, &augment, &error), &error);
    assert_true(train.margin == 0.35 && fit.per_class == 0);
    train.loss = (cen_loss)99;
    model.n_classes = fit.n_epochs = 7;
    assert_int_equal(cen_recipe_choose(NULL, &own, &model, &train, &fit, &augment, &error),
                     CEN_ERROR_ARGUMENT);
    assert_true(model.n_classes == 7 && fit.n_epochs == 7); /* nothing is half chosen */
    assert_ok(cen_recipe_choose(NULL, &own, NULL, NULL, &fit, NULL, &error), &error);
    assert_true(fit.n_epochs == 240 && fit.augment == NULL);
}

/* All functions of datasets, for a caller without memory. */
static int works(void *user)
{
    const cen_arrays *arrays = user;
    cen_dataset *made;
    cen_error error = {CEN_OK, ""};
    size_t order[2 * N], n;
    float x[2 * SIZE];
    const size_t rows[] = {0, 1};
    cen_status status = cen_arrays_create(threads(1), &made, arrays, &error);
    cen_model_options model = cen_model_options_init();
    cen_train_options train = cen_train_options_init();
    cen_fit_options fit = cen_fit_options_init();
    cen_augment augment = cen_augment_init();
    if (status == CEN_OK) {
        status = cen_recipe_choose(threads(1), made, &model, &train, &fit, &augment, &error);
    }
    if (status == CEN_OK) {
        status = cen_dataset_order(threads(1), made, 2, 2, 1, 1, order, &n, &error);
    }
    if (status == CEN_OK) {
        status = cen_dataset_read(threads(1), made, &model.input, fit.augment, 1, 1, rows, 2, x,
                                  NULL, &error);
    }
    cen_arrays_free(made);
    assert_true(status == CEN_OK || status == CEN_ERROR_MEMORY);
    assert_int_equal(error.status, status);
    return status == CEN_OK;
}

/* Labels are of 32 bits, and n_classes * per_class rows must have a place. */
static void numbers_of_classes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    make_rows();
    const size_t many[] = {SIZE_MAX, SIZE_MAX - 1, (size_t)INT32_MAX + 1};
    cen_arrays arrays = cen_arrays_init();
    cen_dataset *made;
    cen_error error;
    arrays.n = N;
    arrays.channels = 1;
    arrays.height = H;
    arrays.width = W;
    arrays.bytes = pictures[0];
    arrays.labels = labels;
    for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
        arrays.n_classes = many[i];
        assert_int_equal(cen_arrays_create(threads(1), &made, &arrays, &error), CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, "classes"));
    }
    arrays.n_classes = CLASSES;
    assert_int_equal(cen_arrays_create(threads(1), &made, &arrays, &error), CEN_OK);
    const size_t per_class[] = {SIZE_MAX / 2 + 1, SIZE_MAX / 2, SIZE_MAX / 16, SIZE_MAX};
    for (size_t i = 0; i < sizeof per_class / sizeof *per_class; i++) {
        size_t order[1], n;
        assert_int_equal(
            cen_dataset_order(threads(1), made, 2, per_class[i], 1, 1, order, &n, &error),
            CEN_ERROR_ARGUMENT);
    }
    cen_arrays_free(made);
    arrays.n = 0;
    arrays.n_classes = 0;
    assert_int_equal(cen_arrays_create(threads(1), &made, &arrays, &error), CEN_OK);
    cen_dataset empty = *made;
    const float one = 1;
    cen_model_options model = cen_model_options_init();
    cen_train_options train = cen_train_options_init();
    cen_fit_options fit = cen_fit_options_init();
    empty.mean = empty.std = &one;
    train.loss = CEN_LOSS_TRIPLET_HARD;
    train.batch_size = SIZE_MAX;
    assert_int_equal(cen_recipe_choose(threads(1), &empty, &model, &train, &fit, NULL, &error),
                     CEN_OK);
    cen_arrays_free(made);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    make_rows();
    cen_arrays arrays = cen_arrays_init();
    arrays.n = N;
    arrays.channels = 1;
    arrays.height = H;
    arrays.width = W;
    arrays.bytes = pictures[0];
    arrays.labels = labels;
    arrays.n_classes = CLASSES;
    arrays.class_names = class_names;
    assert_true(fail_each_allocation(works, &arrays) > 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_model_that_mirrors_is_trained_on_flipped_rows),
        TEST(the_same_pictures_train_to_the_same_bytes_whoever_reads_them),
        TEST(classes_are_matched_by_name_and_never_by_place),
        TEST(five_sensors_train_and_their_model_is_saved_with_five_means),
        TEST(augmentation_moves_all_channels_alike),
        TEST(rows_that_fail_by_themselves_are_passed_over),
        TEST(some_errors_of_a_read_end_what_asked_for_it),
        TEST(a_status_that_is_none_counts_as_one_of_io),
        TEST(what_is_wrong_with_a_dataset_is_reported),
        TEST(a_value_that_is_not_finite_is_an_error_that_names_the_row),
        TEST(a_rate_of_ones_own_is_used_and_resumed),
        TEST(splits_of_arrays_are_drawn_as_those_of_a_folder),
        TEST(a_recipe_suits_the_loss_and_the_rows),
        TEST(numbers_of_classes_that_cannot_be_are_refused),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
