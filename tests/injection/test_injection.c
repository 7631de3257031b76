/* Training, saving, resuming, decoding, exporting and searching, with each allocation and each operation on files
 * failing in turn: a clean error, nothing leaks, and the last good file stands. All memory is that of an allocator
 * of the context, none is malloc's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include <centerloss_eval.h>

#include "image/image.h"
#include "image/inflate.h"
#include "injection/walk.h"
#include "support/datasets.h"
#include "support/golden_pairs.h"
#include "support/png_chunk.h"
#include "support/tiff_entries.h"

#define IMAGES ROOT "/images"
#define OUT ROOT "/out"

static const cen_input input = {1, 8, 8, CEN_RESIZE_STRETCH, {0.5f, 0, 0}, {0.3f, 1, 1}};

/* The right status and one sentence. */
static bool told(cen_status status, const cen_error *error)
{
    if (status == CEN_OK) return true;
    cen_status due = failing->failed == ALLOCATE ? CEN_ERROR_MEMORY : CEN_ERROR_IO;
    if (!failing->has_failed || status != due || error->status != due) {
        fail_msg("operation %zu (%s) gives the status \"%s\": %s", failing->fail_at,
                 operation_names[failing->failed], cen_status_name(status), error->message);
    }
    assert_null(strchr(error->message, '\n'));
    assert_non_null(strstr(error->message, due == CEN_ERROR_MEMORY ? "memory" : ROOT "/"));
    return false;
}

/* ---- the context ---- */

static cen_context *context;

static cen_status make_context(cen_context **made, cen_error *error)
{
    cen_context_options options = cen_context_options_init();
    options.n_threads = 1;
    options.allocate = failing_allocate;
    options.release = failing_release;
    options.allocator_user = failing;
    return cen_context_create(made, &options, error);
}

/* ---- images ---- */

static const char *picture;

static void put_picture(const golden_pair *pair)
{
    if (cen__os_kind(picture) == CEN__NOTHING) tree_write(picture, pair->first, pair->first_size);
}

/* Of the tiles of a TIFF each is a JPEG. */
static void put_tiles(const golden_pair *pair)
{
    if (strcmp(pair->name, "jpeg_ycc_tiles") == 0) put_picture(pair);
}

/* A TIFF whose directory is not among the bytes that are read first. */
static void make_late_tiff(const char *path)
{
    enum { WIDTH = 400, HEIGHT = 200, AT = TIFF_HEADER + WIDTH * HEIGHT, N = 7 };
    static const tiff_entry entries[N] = {{256, TIFF_SHORT, 1, WIDTH},
                                          {257, TIFF_SHORT, 1, HEIGHT},
                                          {258, TIFF_SHORT, 1, 8},
                                          {259, TIFF_SHORT, 1, 1},
                                          {262, TIFF_SHORT, 1, 1},
                                          {273, TIFF_LONG, 1, TIFF_HEADER},
                                          {279, TIFF_LONG, 1, WIDTH * HEIGHT}};
    const size_t size = AT + 2 + 12 * N + 4;
    uint8_t *bytes = calloc(size, 1);
    assert_non_null(bytes);
    tiff_header(bytes, AT);
    tiff_directory(bytes + AT, entries, N);
    tree_write(path, bytes, size);
    free(bytes);
}

static void make_pictures(const char *folder, int value)
{
    char path[4][200];
    static const char *const names[4] = {"a.png", "b.jpg", "c.bmp", "d.pgm"};
    for (size_t i = 0; i < 4; i++) (void)snprintf(path[i], 200, "%s/%s", folder, names[i]);
    assert_int_equal(cen__os_make_folder(NULL, folder, NULL), CEN_OK);
    uint8_t pixels[64];
    memset(pixels, value, sizeof pixels);
    const cen_image image = {8, 8, 1, pixels, NULL, {0}};
    assert_int_equal(cen_image_write_png(context, &image, path[0], NULL), CEN_OK);
    picture = path[1];
    (void)golden_pairs_each("jpeg.bin", put_picture);
    picture = path[2];
    (void)golden_pairs_each("bmp.bin", put_picture);
    tree_grey(path[3], 9, 8, value);
}

/* A PNG of noise, which is as large as its pixels, in chunks of 8 KB as libpng makes them. It is turned, which
 * it says at its end. Returns its bytes. */
static size_t make_large_png(const char *path, size_t width, size_t height)
{
    enum { PICTURE = 8 + 25 + 8, END = 4 + 12, PIECE = 8192 };
    static const uint8_t turned[26] = {'M', 'M', 0, '*', 0, 0, 0, 8, 0, 1, 1, 0x12, 0,
                                       3,   0,   0, 0,   1, 0, 6, 0, 0, 0, 0, 0,    0};
    uint8_t *pixels = malloc(width * height), *bytes;
    size_t size;
    uint32_t noise = 1;
    assert_non_null(pixels);
    for (size_t i = 0; i < width * height; i++) {
        noise = noise * 1664525 + 1013904223;
        pixels[i] = (uint8_t)(noise >> 24);
    }
    assert_int_equal(
        cen__png_pack(NULL, &(cen_image){width, height, 1, pixels, NULL, {0}}, &bytes, &size, NULL),
        CEN_OK);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, PICTURE - 8, file), PICTURE - 8);
    for (size_t at = PICTURE; at < size - END; at += PIECE) {
        put_chunk(file, "IDAT", bytes + at, size - END - at < PIECE ? size - END - at : PIECE);
    }
    put_chunk(file, "eXIf", turned, sizeof turned);
    put_chunk(file, "IEND", NULL, 0);
    size = (size_t)ftell(file);
    assert_int_equal(fclose(file), 0);
    cen__free(bytes);
    free(pixels);
    return size;
}

static cen_status open_folder(size_t cache, cen_folder **folder, cen_error *error)
{
    const char *const path = IMAGES;
    cen_folder_options options = cen_folder_options_init();
    options.validation_share = 0.25;
    options.strict = true;
    cen_status status = cen_folder_open(context, folder, &path, 1, &options, error);
    if (status != CEN_OK) return status;
    status = cen_folder_load(*folder, &input, cache, NULL, NULL, error);
    if (status == CEN_OK) return CEN_OK;
    cen_folder_free(*folder);
    *folder = NULL;
    return status;
}

/* ---- models ---- */

static cen_status create(const cen_folder *folder, cen_model **model, cen_trainer **trainer,
                         cen_error *error)
{
    const cen_folder_info *info = cen_folder_get(folder);
    cen_model_options options = cen_model_options_init();
    options.net = "conv 2 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dropout 0.3, dense 3";
    options.input = input;
    options.n_classes = info->n_classes;
    options.class_names = info->class_names;
    cen_train_options training = cen_train_options_init();
    training.batch_size = 4;
    training.lambda_ratio = 0.3;
    *trainer = NULL;
    cen_status status = cen_model_create(context, model, &options, error);
    if (status == CEN_OK) status = cen_trainer_create(trainer, *model, &training, error);
    return status;
}

static cen_status fit(const cen_folder *folder, const char *checkpoint, bool resume, size_t stop,
                      cen_model **model, cen_error *error)
{
    cen_trainer *trainer;
    cen_status status = create(folder, model, &trainer, error);
    if (status == CEN_OK) {
        cen_fit_options options = cen_fit_options_init();
        options.n_epochs = 2;
        options.stop_after = stop;
        const cen_augment light = cen_augment_light();
        options.augment = &light;
        options.checkpoint = checkpoint;
        options.checkpoint_seconds = 1e-12; /* after each step */
        options.resume = resume;
        status = cen_fit(trainer, cen_folder_dataset(folder), &options, error);
    }
    cen_trainer_free(trainer);
    return status;
}

/* ---- the jobs ---- */

static bool train(void)
{
    cen_error error;
    cen_folder *folder;
    cen_model *model = NULL;
    cen_status status = open_folder(1 << 20, &folder, &error);
    if (status == CEN_OK) status = fit(folder, NULL, false, 0, &model, &error);
    cen_model_free(model);
    cen_folder_free(folder);
    return told(status, &error);
}

/* The other process sees and has the same. */
static int gather_twice(void *user, const void *own, size_t size, void *all)
{
    (void)user;
    memcpy(all, own, size);
    memcpy((char *)all + size, own, size);
    return 0;
}

#define STATE OUT "/state"

/* A loop written by hand, in shards and with a frozen layer, which goes on from its state and saves it. */
static bool step_by_hand(void)
{
    cen_error error;
    cen_model *model;
    cen_trainer *trainer = NULL;
    cen_losses losses;
    const float x[6 * 64] = {1, -1, 0.5f};
    const int32_t labels[6] = {0, 1, 0, 1, 1, 0};
    cen_model_options options = cen_model_options_init();
    cen_train_options training = cen_train_options_init();
    cen_exchange exchange = cen_exchange_init();
    options.net = "conv 2 3x3 pad 1, batchnorm, relu, flatten, dropout 0.3, dense 3";
    options.input = input;
    options.n_classes = 2;
    exchange.n_ranks = 2;
    exchange.gather = gather_twice;
    training.batch_size = 6;
    training.n_shards = 4;
    training.n_frozen = 1;
    training.exchange = &exchange;
    cen_status status = cen_model_create(context, &model, &options, &error);
    if (status == CEN_OK) status = cen_trainer_create(&trainer, model, &training, &error);
    if (status == CEN_OK && cen__os_kind(STATE) == CEN__FILE) {
        status = cen_trainer_load(trainer, STATE, NULL, &error);
    }
    if (status == CEN_OK) status = cen_trainer_backward(trainer, x, labels, 6, &losses, &error);
    if (status == CEN_OK) cen_trainer_update(trainer);
    if (status == CEN_OK) status = cen_trainer_save(trainer, STATE, &error);
    cen_trainer_free(trainer);
    cen_model_free(model);
    return told(status, &error);
}

static cen_folder *loaded; /* not part of what may fail */
static cen_model *trained;

static bool save_all(bool resume)
{
    cen_error error;
    cen_model *model = NULL;
    cen_status status = fit(loaded, OUT "/checkpoint", resume, 0, &model, &error);
    if (status == CEN_OK) status = cen_model_set_note(model, "key", "value", &error);
    if (status == CEN_OK) status = cen_model_save(model, OUT "/model.safetensors", &error);
    cen_model_free(model);
    return told(status, &error);
}

static bool save(void)
{
    return save_all(false);
}

static bool resume(void)
{
    return save_all(true);
}

static void resume_again(void)
{
    assert_true(resume());
}

static bool decode(void)
{
    static const char *const paths[] = {
        IMAGES "/dark/a.png", IMAGES "/dark/b.jpg", IMAGES "/dark/c.bmp", IMAGES "/dark/d.pgm",
        ROOT "/large.png",    ROOT "/e.gif",        ROOT "/tiles.tif",    ROOT "/late.tif"};
    cen_error error;
    cen_status status = CEN_OK;
    for (size_t i = 0; i < sizeof paths / sizeof *paths && status == CEN_OK; i++) {
        cen_image image, size;
        status = cen_image_read(context, paths[i], NULL, &image, &error);
        if (status != CEN_OK) break;
        status = cen_image_read_size(context, paths[i], &size, &error);
        if (status == CEN_OK) assert_int_equal(size.width, image.width);
        cen_image_free(&image);
    }
    cen_folder *folder = NULL;
    if (status == CEN_OK) status = open_folder(0, &folder, &error);
    if (status == CEN_OK) {
        const size_t indices[4] = {3, 2, 1, 0};
        float x[4 * 64];
        int32_t labels[4];
        status = cen_dataset_read(context, cen_folder_dataset(folder), &input, NULL, 0, 0, indices,
                                  4, x, labels, &error);
    }
    cen_folder_free(folder);
    return told(status, &error);
}

static cen_status report(const float *features, const cen_feature_row *rows, const int32_t *labels,
                         cen_error *error)
{
    static const char *const names[2] = {"dark", "light"};
    cen_measure_options options = cen_measure_options_init();
    cen_knn_options options_knn = cen_knn_options_init();
    options.knn = &options_knn;
    cen_measures measures;
    options.n_episodes = 2;
    options_knn.leave_one_out = true;
    const cen_labelled all = {features, labels, 8};
    cen_status status = cen_measures_create(context, &measures, &all, &all, 3, &options, error);
    if (status != CEN_OK) return status;
    const cen_report_set set = {"seen", &measures, rows, rows, NULL, labels};
    static const char *const pictures[] = {OUT};
    const cen_report page = {.size = sizeof(cen_report),
                             .title = "a",
                             .command = "b",
                             .class_names = names,
                             .n_classes = 2,
                             .sets = &set,
                             .n_sets = 1,
                             .pictures = pictures,
                             .n_pictures = 1};
    status = cen_report_write_html(context, &page, OUT "/report.html", error);
    if (status == CEN_OK) status = cen_report_write_json(context, &page, OUT "/report.json", error);
    if (status == CEN_OK) status = cen_report_write_svg(context, &page, OUT "/svg", error);
    cen_measures_free(&measures);
    return status;
}

static cen_status write_features(const float *features, const cen_feature_row *rows,
                                 cen_error *error)
{
    static const char *const paths[] = {OUT "/f.npy", OUT "/f.csv", OUT "/f.fvecs", OUT "/p.tsv",
                                        OUT "/f.faiss"};
    static const cen_features_format formats[] = {CEN_FEATURES_NPY, CEN_FEATURES_CSV,
                                                  CEN_FEATURES_FVECS, CEN_FEATURES_PROJECTOR,
                                                  CEN_FEATURES_FAISS};
    cen_status status = CEN_OK;
    for (size_t i = 0; i < 5 && status == CEN_OK; i++) {
        cen_feature_set back;
        status = cen_features_write(context, paths[i], formats[i], features, 8, 3, rows, error);
        if (status != CEN_OK || i > 1) continue;
        status = cen_features_read(context, paths[i], &back, error);
        if (status == CEN_OK) cen_features_free(&back);
    }
    return status;
}

static bool export_all(void)
{
    const cen_folder_info *info = cen_folder_get(loaded);
    cen_error error;
    cen_feature_row rows[8];
    float features[8 * 3];
    int32_t labels[8];
    assert_int_equal(info->n_images, 8);
    for (size_t i = 0; i < 8; i++) {
        const cen_folder_image *image = &info->images[i];
        labels[i] = image->label;
        rows[i] = (cen_feature_row){image->path, image->label, info->class_names[image->label],
                                    cen_split_name(image->split)};
    }
    cen_status status = folder_features(trained, loaded, features, NULL, NULL, &error);
    if (status == CEN_OK) status = write_features(features, rows, &error);
    if (status == CEN_OK) status = report(features, rows, labels, &error);
    if (status == CEN_OK) {
        status = cen_idx_unpack(context, ROOT "/idx/images.gz", ROOT "/idx/labels", NULL, 0, 1,
                                OUT "/idx", &error);
    }
    return told(status, &error);
}

static cen_status search_all(cen_context *own, cen_error *error)
{
    enum { N = 40, D = 5 };
    static float x[N * D];
    static int32_t labels[N];
    static cen_feature_row rows[N];
    for (size_t i = 0; i < N * D; i++) x[i] = (float)(i * 2654435761u % 1000);
    for (size_t i = 0; i < N; i++) {
        labels[i] = (int32_t)(i % 4);
        rows[i] = (cen_feature_row){"p", labels[i], i % 2 == 0 ? "even" : "odd", NULL};
    }
    const cen_labelled all = {x, labels, N};
    int32_t predicted[N];
    size_t indices[N];
    float mean[D], components[D * D];
    double ratio;
    cen_threshold threshold;
    const cen_feature_set set = {.n = N, .d = D, .features = x, .rows = rows, .n_classes = 2};
    const cen_knn_options options = cen_knn_options_init();
    cen_finding *findings = NULL;
    size_t n_findings;
    cen_status status =
        cen_knn_search(own, x, N, x, N, D, 1, CEN_METRIC_COSINE, true, indices, NULL, error);
    if (status == CEN_OK)
        status = cen_knn_classify(own, &all, &all, D, &options, predicted, NULL, NULL, error);
    if (status == CEN_OK) status = cen_intra_inter(own, &all, &all, D, 4, &ratio, error);
    if (status == CEN_OK)
        status = cen_threshold_calibrate(own, &all, NULL, D, CEN_METRIC_L2, 0.2, &threshold, error);
    if (status == CEN_OK) status = cen_pca(own, x, N, D, 2, mean, components, NULL, error);
    if (status == CEN_OK)
        status = cen_audit(own, &set, CEN_METRIC_L2, 1.5, &findings, &n_findings, error);
    cen_audit_free(findings);
    return status;
}

/* A gallery of one name and a negative, calibrated on strangers, that is asked. */
static cen_status ask_all(cen_context *own, cen_error *error)
{
    enum { N = 30, D = 3 };
    static float x[N * D];
    static int32_t labels[N];
    cen_gallery *gallery = NULL;
    cen_gallery_options options = cen_gallery_options_init();
    cen_calibration calibration = cen_calibration_init();
    cen_ask_options ask = cen_ask_options_init();
    cen_answer answers[2];
    for (size_t i = 0; i < N * D; i++) x[i] = (float)(i * 2654435761u % 1000);
    for (size_t i = 0; i < N; i++) labels[i] = (int32_t)(i % 5);
    const cen_labelled strangers = {x, labels, N};
    options.d = D;
    calibration.strangers = &strangers;
    calibration.false_accepts = 0.1;
    cen_status status = cen_gallery_create(own, &gallery, &options, error);
    for (size_t i = 0; i < N && status == CEN_OK; i++) {
        const float feature[D] = {(float)i, 1, 2};
        const cen_gallery_row row = {.name = "N", .is_negative = i == 9, .feature = feature};
        status = cen_gallery_add(gallery, &row, 1, error);
    }
    if (status == CEN_OK) status = cen_gallery_calibrate(gallery, &calibration, error);
    if (status == CEN_OK) {
        status = cen_gallery_ask(gallery, x, 2, &ask, answers, NULL, NULL, error);
    }
    ask.claim = "N";
    ask.together = true;
    if (status == CEN_OK) {
        status = cen_gallery_ask(gallery, x, 2, &ask, answers, NULL, NULL, error);
    }
    cen_gallery_free(gallery);
    return status;
}

/* A context and all that needs nothing else. */
static bool search(void)
{
    cen_error error;
    cen_context *own = NULL;
    cen_status status = make_context(&own, &error);
    if (status == CEN_OK) status = search_all(own, &error);
    if (status == CEN_OK) status = ask_all(own, &error);
    cen_context_free(own);
    return told(status, &error);
}

static cen_status predict_all(cen_predictor *predictor, cen_error *error)
{
    static const uint8_t pgm[] = "P5 2 2 255\n\x10\x20\x30\x40";
    float x[64], features[3];
    cen_status status = cen_predictor_decode(predictor, pgm, sizeof pgm - 1, x, error);
    if (status != CEN_OK) return status;
    const size_t n_before = failing->counts[ALLOCATE];
    status = cen_predictor_features(predictor, x, 1, features, error);
    assert_int_equal(failing->counts[ALLOCATE], n_before);
    return status;
}

static bool predict(void)
{
    cen_error error;
    cen_predictor *predictor = NULL;
    cen_status status = cen_predictor_create(&predictor, trained, 1, &error);
    if (status == CEN_OK) status = predict_all(predictor, &error);
    cen_predictor_free(predictor);
    return told(status, &error);
}

/* A copy whose numbers are in place. */
static cen_status load_in_place(cen_model **model, cen_error *error)
{
    static uint8_t bytes[1 << 15];
    size_t size;
    *model = NULL;
    cen_status status = cen_model_save_memory(trained, bytes, sizeof bytes, &size, error);
    if (status != CEN_OK) return status;
    return cen_model_load_memory(context, model, bytes, size, true, NULL, error);
}

static bool export_model(void)
{
    cen_error error;
    cen_model *model, *other = NULL;
    cen_status status = load_in_place(&model, &error);
    if (status == CEN_OK) status = cen_onnx_write(context, model, OUT "/m.onnx", NULL, &error);
    if (status == CEN_OK) status = load_in_place(&other, &error);
    if (status == CEN_OK) status = cen_c_write(context, other, OUT "/m.c", NULL, &error);
    cen_model_free(model);
    cen_model_free(other);
    return told(status, &error);
}

static bool change_classes(void)
{
    cen_error error;
    cen_model *model;
    cen_status status = load_in_place(&model, &error);
    if (status == CEN_OK) status = cen_model_set_classes(model, 5, NULL, NULL, &error);
    cen_model_free(model);
    return told(status, &error);
}

/* ---- what stands there before ---- */

static int prepare(void **state)
{
    (void)state;
    failing_begin();
    failing->has_allocator = true;
    assert_int_equal(make_context(&context, NULL), CEN_OK);
    tree_remove(ROOT);
    make_pictures(IMAGES "/dark", 30);
    make_pictures(IMAGES "/light", 220);
    (void)make_large_png(ROOT "/large.png", 400, 300);
    make_late_tiff(ROOT "/late.tif");
    picture = ROOT "/e.gif";
    (void)golden_pairs_each("gif.bin", put_picture);
    picture = ROOT "/tiles.tif";
    (void)golden_pairs_each("tiff.bin", put_tiles);
    copy(CEN_TESTS_FOLDER "/golden/idx/images.gz", ROOT "/idx/images.gz");
    copy(CEN_TESTS_FOLDER "/golden/idx/labels", ROOT "/idx/labels");
    assert_int_equal(open_folder(1 << 20, &loaded, NULL), CEN_OK);
    assert_int_equal(fit(loaded, NULL, false, 3, &trained, NULL), CEN_OK);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    cen_model_free(trained);
    cen_folder_free(loaded);
    cen_context_free(context);
    tree_remove(ROOT);
    failing_end();
    return 0;
}

/* A training that was stopped after some steps. */
static void begin_out(size_t n_steps)
{
    cen_model *model;
    tree_remove(OUT);
    assert_int_equal(cen__os_make_folder(NULL, OUT, NULL), CEN_OK);
    if (n_steps == 0) return;
    assert_int_equal(fit(loaded, OUT "/checkpoint", false, n_steps, &model, NULL), CEN_OK);
    assert_int_equal(cen_model_save(model, OUT "/model.safetensors", NULL), CEN_OK);
    cen_model_free(model);
}

/* The newer may be moved to the name of the one before; that one of the two can be used is proved by
 * going on with it. */
#define BOTH_CHECKPOINTS " checkpoint checkpoint.previous "

static void training_fails_cleanly(void **state)
{
    (void)state;
    begin_out(0);
    walk(&(job){.name = "training", .run = train, .stride = 1});
}

static void saving_keeps_the_last_good_model_and_checkpoint(void **state)
{
    (void)state;
    begin_out(3);
    walk(&(job){.name = "saving",
                .run = save,
                .mend = resume_again,
                .stride = 3,
                .goes = BOTH_CHECKPOINTS});
}

/* The state is the old one or the new one; which steps it has taken differs. */
static void a_loop_written_by_hand_fails_cleanly(void **state)
{
    (void)state;
    begin_out(0);
    walk(&(job){.name = "stepping by hand", .run = step_by_hand, .stride = 1});
    assert_true(step_by_hand());
    walk(
        &(job){.name = "going on by hand", .run = step_by_hand, .stride = 1, .differs = " state "});
}

static void resuming_fails_cleanly_and_can_be_tried_again(void **state)
{
    (void)state;
    begin_out(1);
    walk(&(job){.name = "resuming",
                .run = resume,
                .mend = resume_again,
                .stride = 3,
                .goes = BOTH_CHECKPOINTS});
}

static void the_checkpoint_before_a_damaged_one_stays_until_there_is_a_new_one(void **state)
{
    (void)state;
    begin_out(1);
    tree_text(OUT "/checkpoint", "damaged");
    walk(&(job){.name = "resuming from the checkpoint before",
                .run = resume,
                .mend = resume_again,
                .stride = 7,
                .goes = BOTH_CHECKPOINTS});
}

static void decoding_fails_cleanly(void **state)
{
    (void)state;
    begin_out(0);
    walk(&(job){.name = "decoding", .run = decode, .stride = 1});
}

static void searching_fails_cleanly(void **state)
{
    (void)state;
    begin_out(0);
    walk(&(job){.name = "searching", .run = search, .stride = 1});
}

static void predicting_fails_cleanly(void **state)
{
    (void)state;
    begin_out(0);
    walk(&(job){.name = "predicting", .run = predict, .stride = 1});
}

static void changing_classes_fails_cleanly(void **state)
{
    (void)state;
    begin_out(0);
    walk(&(job){.name = "changing classes", .run = change_classes, .stride = 1});
}

static void exporting_a_model_fails_cleanly(void **state)
{
    (void)state;
    begin_out(0);
    walk(&(job){.name = "exporting a model", .run = export_model, .stride = 1});
}

/* The scan of a folder needs its size and how it is turned, and no pixels. */
static void a_large_png_is_read_whole_only_to_be_decoded(void **state)
{
    (void)state;
    const char *const path = ROOT "/large";
    assert_int_equal(cen__os_make_folder(NULL, path, NULL), CEN_OK);
    const size_t size = make_large_png(ROOT "/large/a.png", 2000, 1000);
    cen_image image;
    failing_arm(0, false);
    assert_int_equal(cen_image_read_size(context, ROOT "/large/a.png", &image, NULL), CEN_OK);
    failing_disarm();
    assert_int_equal(image.width, 1000);
    assert_int_equal(image.height, 2000);
    assert_int_equal(failing->counts[OPEN], 1);
    if (failing->n_bytes_read > size / 4) fail_msg("%zu bytes are read", failing->n_bytes_read);

    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder;
    float features[3];
    options.unlabelled = true;
    options.lazy = true;
    failing_arm(0, false);
    assert_int_equal(cen_folder_open(context, &folder, &path, 1, &options, NULL), CEN_OK);
    assert_int_equal(cen_folder_load(folder, &cen_model_get(trained)->input, 0, NULL, NULL, NULL),
                     CEN_OK);
    assert_int_equal(folder_features(trained, folder, features, NULL, NULL, NULL), CEN_OK);
    failing_disarm();
    cen_folder_free(folder);
    if (failing->n_bytes_read > size / 4 * 5) fail_msg("%zu bytes are read", failing->n_bytes_read);
    tree_remove(path);
}

static void exporting_keeps_the_last_good_files(void **state)
{
    (void)state;
    begin_out(0);
    tree_text(OUT "/f.npy", "old");
    tree_text(OUT "/f.tsv", "old");
    tree_text(OUT "/report.html", "old");
    tree_text(OUT "/idx/0/00000.png", "old");
    walk(&(job){.name = "exporting",
                .run = export_all,
                .stride = 5,
                .lacks = " report.html ",
                .pair = {OUT "/f.npy", OUT "/f.tsv"}});
}

/* ---- galleries ---- */

#define GALLERY OUT "/g.gallery"

enum { GALLERY_D = 3, GALLERY_N = 6 };

static cen_status add_somebody(cen_gallery *gallery, size_t n, cen_error *error)
{
    const float feature[GALLERY_D] = {(float)n, 1, 2};
    char name[20];
    (void)snprintf(name, sizeof name, "person %zu", n);
    const cen_gallery_row row = {name, "a/b.png", {1, 2}, n == 4, feature};
    return cen_gallery_add(gallery, &row, 1, error);
}

static void make_gallery(void)
{
    cen_gallery *gallery;
    cen_gallery_options options = cen_gallery_options_init();
    options.d = GALLERY_D;
    assert_int_equal(cen_gallery_create(context, &gallery, &options, NULL), CEN_OK);
    for (size_t i = 0; i < GALLERY_N; i++) {
        assert_int_equal(add_somebody(gallery, i, NULL), CEN_OK);
        if (i == GALLERY_N / 2) assert_int_equal(cen_gallery_save(gallery, GALLERY, NULL), CEN_OK);
    }
    assert_int_equal(cen_gallery_save(gallery, GALLERY, NULL), CEN_OK);
    cen_gallery_free(gallery);
}

/* Adds a row, which is appended, if there are no more than at first. */
static bool append_row(void)
{
    cen_gallery *gallery;
    cen_error error = {CEN_OK, ""};
    cen_status status = cen_gallery_load(context, &gallery, GALLERY, true, &error);
    if (status == CEN_OK && cen_gallery_get(gallery)->n == GALLERY_N) {
        status = add_somebody(gallery, GALLERY_N, &error);
        if (status == CEN_OK) status = cen_gallery_save(gallery, GALLERY, &error);
    }
    cen_gallery_free(gallery);
    return told(status, &error);
}

/* Removes a row and renames others, which makes a new file, if that is not done. */
static bool change_rows(void)
{
    const size_t row = 1;
    cen_gallery *gallery;
    cen_error error = {CEN_OK, ""};
    cen_status status = cen_gallery_load(context, &gallery, GALLERY, true, &error);
    if (status == CEN_OK && cen_gallery_get(gallery)->n == GALLERY_N) {
        status = cen_gallery_remove(gallery, &row, 1, &error);
        if (status == CEN_OK) status = cen_gallery_rename(gallery, "person 2", "new", &error);
        if (status == CEN_OK) status = cen_gallery_rename(gallery, "new", "person 3", &error);
        if (status == CEN_OK) status = cen_gallery_save(gallery, GALLERY, &error);
    }
    cen_gallery_free(gallery);
    return told(status, &error);
}

static void append_again(void)
{
    assert_true(append_row());
}

static void change_again(void)
{
    assert_true(change_rows());
}

static void a_gallery_is_the_old_or_the_new_one_after_each_failure(void **state)
{
    (void)state;
    begin_out(0);
    make_gallery();
    walk(&(job){.name = "adding to a gallery",
                .run = append_row,
                .mend = append_again,
                .stride = 1,
                .grows = " g.gallery "});
    walk(&(job){
        .name = "changing a gallery", .run = change_rows, .mend = change_again, .stride = 1});
}

#define PAIR OUT "/pair.npy"
#define NAMES OUT "/pair.tsv"

static cen_status write_pair(const char *class_name, float x, cen_error *error)
{
    const float numbers[2] = {x, x};
    const cen_feature_row names[2] = {{"p", 0, class_name, NULL}, {"q", 0, class_name, NULL}};
    return cen_features_write(context, PAIR, CEN_FEATURES_NPY, numbers, 2, 1, names, error);
}

/* As after a kill between the two renames: the numbers are new, the names in place are not. */
static void cut_pair(void)
{
    assert_int_equal(write_pair("old", 1, NULL), CEN_OK);
    assert_int_equal(rename(NAMES, OUT "/old"), 0);
    assert_int_equal(write_pair("new", 2, NULL), CEN_OK);
    assert_int_equal(rename(NAMES, OUT "/.pair.tsv.next"), 0);
    assert_int_equal(rename(OUT "/old", NAMES), 0);
}

static void a_pair_that_was_cut_is_whole_after_each_failure_of_the_next_write(void **state)
{
    (void)state;
    begin_out(0);
    bool is_done = false;
    for (size_t n = 1; !is_done; n++) {
        cen_error error;
        cen_feature_set set;
        cut_pair();
        failing_arm(n, n % 2 == 0);
        (void)told(write_pair("newer", 3, &error), &error);
        failing_disarm();
        is_done = !failing->has_failed;
        assert_int_equal(cen_features_read(context, PAIR, &set, &error), CEN_OK);
        const bool is_newer = set.features[0] == 3;
        assert_true(is_newer || set.features[0] == 2);
        assert_string_equal(set.class_names[0], is_newer ? "newer" : "new");
        assert_true(is_newer || !is_done);
        cen_features_free(&set);
    }
}

/* So that a power cut leaves one of the states that readers know. */
static void each_renaming_of_a_pair_is_on_the_disk_before_the_next(void **state)
{
    (void)state;
    begin_out(0);
    failing_arm(0, false);
    assert_int_equal(write_pair("new", 2, NULL), CEN_OK);
    failing_disarm();
    size_t n_renamed = 0;
    bool is_synced = true;
    for (size_t i = 0; i < failing_count(); i++) {
        if (failing->points[i] == SYNC) is_synced = true;
        if (failing->points[i] != RENAME) continue;
        if (!is_synced) fail_msg("renaming %zu is not on the disk", n_renamed);
        is_synced = false;
        n_renamed++;
    }
    assert_int_equal(n_renamed, 3); /* the names aside, the numbers, the names */
    assert_true(is_synced);
}

/* The allocator and the wrapped sysconf set it though they succeed. */
static void errno_stays_where_the_system_sets_it(void **state)
{
    (void)state;
    const char *const path = IMAGES;
    cen_folder_options options = cen_folder_options_init();
    const float one = 1;
    size_t nearest;
    cen_folder *folder;
    cen_feature_set set;
    failing_arm(0, false);
    errno = 77;
    assert_int_equal(cen_folder_open(context, &folder, &path, 1, &options, NULL), CEN_OK);
    assert_int_equal(errno, 77);
    assert_int_equal(cen_folder_load(folder, &input, 1 << 20, NULL, NULL, NULL), CEN_OK);
    assert_int_equal(errno, 77);
    cen_folder_free(folder);
    static const char rows[] = "path,label,class,split,f0\na,0,a,,1\n";
    assert_int_equal(cen_file_write(NULL, OUT "/f.csv", rows, sizeof rows - 1, NULL), CEN_OK);
    assert_int_equal(cen_features_read(context, OUT "/f.csv", &set, NULL), CEN_OK);
    assert_int_equal(errno, 77);
    cen_features_free(&set);
    assert_int_equal(
        cen_knn_search(context, &one, 1, &one, 1, 1, 1, CEN_METRIC_L2, false, &nearest, NULL, NULL),
        CEN_OK); /* counts the processors, and needs no second thread */
    assert_int_equal(errno, 77);
    failing_disarm();
}

static void the_names_of_new_folders_are_brought_onto_the_disk(void **state)
{
    (void)state;
    failing_arm(0, false);
    assert_int_equal(cen__os_make_folder(NULL, OUT "/new/one/two/", NULL), CEN_OK);
    failing_disarm();
    assert_int_equal(failing->counts[SYNC], 3);
    failing_arm(0, false);
    assert_int_equal(cen__os_make_folder(NULL, OUT "/new/one/two", NULL), CEN_OK);
    failing_disarm();
    assert_int_equal(failing->counts[SYNC], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_fails_cleanly),
        cmocka_unit_test(a_loop_written_by_hand_fails_cleanly),
        cmocka_unit_test(saving_keeps_the_last_good_model_and_checkpoint),
        cmocka_unit_test(resuming_fails_cleanly_and_can_be_tried_again),
        cmocka_unit_test(the_checkpoint_before_a_damaged_one_stays_until_there_is_a_new_one),
        cmocka_unit_test(decoding_fails_cleanly),
        cmocka_unit_test(searching_fails_cleanly),
        cmocka_unit_test(predicting_fails_cleanly),
        cmocka_unit_test(changing_classes_fails_cleanly),
        cmocka_unit_test(exporting_a_model_fails_cleanly),
        cmocka_unit_test(a_large_png_is_read_whole_only_to_be_decoded),
        cmocka_unit_test(exporting_keeps_the_last_good_files),
        cmocka_unit_test(a_gallery_is_the_old_or_the_new_one_after_each_failure),
        cmocka_unit_test(a_pair_that_was_cut_is_whole_after_each_failure_of_the_next_write),
        cmocka_unit_test(each_renaming_of_a_pair_is_on_the_disk_before_the_next),
        cmocka_unit_test(errno_stays_where_the_system_sets_it),
        cmocka_unit_test(the_names_of_new_folders_are_brought_onto_the_disk),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
