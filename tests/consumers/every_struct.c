/* Uses every struct that begins with its size, as far as any header knows it, with poison after its end: compiled
 * with an older, a shorter header or a newer one it must do the same, byte by byte.
 *
 *     every_struct FOLDER RESULT      FOLDER: of classes of grey pictures; RESULT.safetensors, .json, .onnx and .c are made */
#include <centerloss_eval.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 96, SIDE = 8, SIZE = SIDE * SIDE, CLASSES = 3, D = 6, POISON = 0xA5 };

/* A pointer `name` to a cen_<type> with its defaults, and poison after it. */
#define HOLD(type, name)                                                                           \
    struct {                                                                                       \
        cen_##type options;                                                                        \
        unsigned char after[256];                                                                  \
    } name##_held;                                                                                 \
    cen_##type *const name = &name##_held.options;                                                 \
    memset(&name##_held, POISON, sizeof name##_held);                                              \
    *name = cen_##type##_init()

#define CHECK(name) check(#name, name->size, sizeof *name, name##_held.after)

static float values[N][SIZE];
static int32_t labels[N];
static cen_error error;

static void need(cen_status status)
{
    if (status == CEN_OK) return;
    fprintf(stderr, "every_struct: %s\n", error.message);
    exit(1);
}

static void check(const char *name, size_t size, size_t right, const unsigned char after[256])
{
    bool is_good = size == right;
    for (size_t i = 0; i < 256; i++) is_good = is_good && after[i] == POISON;
    if (is_good) return;
    fprintf(stderr, "every_struct: %s was written to beyond its end\n", name);
    exit(1);
}

static void print(const char *name, const float *numbers, size_t n)
{
    printf("%s", name);
    for (size_t i = 0; i < n; i++) printf(" %a", (double)numbers[i]);
    printf("\n");
}

static void draw_values(void)
{
    uint32_t random = 1;
    for (size_t i = 0; i < N; i++) {
        labels[i] = (int32_t)(i % CLASSES);
        for (size_t p = 0; p < SIZE; p++) {
            random = random * 1664525u + 1013904223u;
            values[i][p] =
                (float)(random >> 8) / 33554432.0f + (p % CLASSES == i % CLASSES ? 0.5f : 0.0f);
        }
    }
}

static cen_status read_rows(void *user, const size_t *rows, size_t n, float *x, cen_error *why)
{
    (void)user;
    (void)why;
    for (size_t i = 0; i < n; i++) memcpy(x + i * SIZE, values[rows[i]], sizeof values[0]);
    return CEN_OK;
}

static int gather(void *user, const void *own, size_t size, void *all)
{
    (void)user;
    memcpy(all, own, size);
    return 0;
}

/* Trained by the recipe, with one rank that exchanges with nobody. */
static cen_model *train_model(cen_context *context, const cen_dataset *dataset)
{
    cen_model *model;
    cen_trainer *trainer;
    HOLD(model_options, options);
    HOLD(train_options, train);
    HOLD(exchange, exchange);
    HOLD(fit_options, fit);
    HOLD(augment, augment);
    options->net = "conv 4 3x3, batchnorm, relu, flatten, dropout 0.2, dense 6";
    need(cen_recipe_choose(context, dataset, options, train, fit, augment, &error));
    printf("recipe: %zu epochs, lambda %g, %zu classes, shift %g\n", fit->n_epochs, train->lambda,
           options->n_classes, fit->augment->shift);
    train->batch_size = 16;
    exchange->gather = gather;
    train->exchange = exchange;
    fit->n_epochs = 3;
    need(cen_model_create(context, &model, options, &error));
    need(cen_trainer_create(&trainer, model, train, &error));
    need(cen_fit(trainer, dataset, fit, &error));
    cen_trainer_free(trainer);
    CHECK(options);
    CHECK(train);
    CHECK(exchange);
    CHECK(fit);
    CHECK(augment);
    return model;
}

static void read_folder(cen_context *context, const cen_model *model, const char *root)
{
    static float features[1000 * D];
    size_t rows[1000], n;
    cen_folder *folder;
    cen_image image;
    HOLD(folder_options, options);
    HOLD(image_options, picture);
    need(cen_folder_open(context, &folder, &root, 1, options, &error));
    need(cen_folder_load(folder, &cen_model_get(model)->input, 1 << 20, NULL, NULL, &error));
    if (cen_folder_get(folder)->n_images > 1000) exit(1);
    need(cen_image_read(context, cen_folder_get(folder)->images[0].path, picture, &image, &error));
    printf("%zu x %zu\n", image.width, image.height);
    cen_image_free(&image);
    need(cen_model_features(model, cen_folder_dataset(folder), features, rows, &n, NULL, NULL,
                            &error));
    print("folder", features, n * D);
    cen_folder_free(folder);
    CHECK(options);
    CHECK(picture);
}

static void measure(cen_context *context, const float *features, const char *path)
{
    const cen_labelled set = {features, labels, N};
    int32_t predicted[N];
    cen_measures measures;
    cen_episodes episodes;
    HOLD(knn_options, knn);
    HOLD(measure_options, options);
    HOLD(episode_options, few);
    HOLD(report, report);
    knn->leave_one_out = true;
    options->knn = knn;
    few->n_ways = CLASSES;
    need(cen_knn_classify(context, &set, &set, D, knn, predicted, NULL, NULL, &error));
    for (size_t i = 0; i < N; i++) printf("%d ", (int)predicted[i]);
    need(cen_episodes_measure(context, &set, D, few, &episodes, &error));
    need(cen_measures_create(context, &measures, &set, &set, D, options, &error));
    printf("\n%a %a %a\n", episodes.accuracy, measures.retrieval.map_at_r,
           measures.verification.auc);
    report->title = "every struct";
    need(cen_report_write_json(context, report, path, &error));
    cen_measures_free(&measures);
    CHECK(knn);
    CHECK(options);
    CHECK(few);
    CHECK(report);
}

static void recognise(cen_context *context, const float *features)
{
    static const char *const names[CLASSES] = {"Ada", "Alan", "Grace"};
    cen_gallery_row rows[N];
    cen_answer answers[N];
    int32_t groups[N];
    size_t n_groups;
    cen_gallery *gallery;
    HOLD(gallery_options, options);
    HOLD(calibration, calibration);
    HOLD(ask_options, ask);
    HOLD(cluster_options, cluster);
    options->d = D;
    options->metric = CEN_METRIC_COSINE;
    need(cen_gallery_create(context, &gallery, options, &error));
    for (size_t i = 0; i < N; i++) {
        rows[i] = (cen_gallery_row){.name = names[labels[i]], .feature = features + i * D};
    }
    need(cen_gallery_add(gallery, rows, N / 2, &error));
    calibration->false_accepts = 0.2;
    need(cen_gallery_calibrate(gallery, calibration, &error));
    need(cen_gallery_ask(gallery, features, N, ask, answers, NULL, NULL, &error));
    for (size_t i = 0; i < N; i++) {
        const char *name = answers[i].name;
        printf("%s %a, ", name != NULL ? name : "unknown", answers[i].distance);
    }
    cluster->metric = CEN_METRIC_COSINE;
    need(cen_cluster(context, features, N, D, cluster, groups, &n_groups, &error));
    printf("\n%zu groups, threshold %a\n", n_groups, cen_gallery_get(gallery)->known.distance);
    cen_gallery_free(gallery);
    CHECK(options);
    CHECK(calibration);
    CHECK(ask);
    CHECK(cluster);
}

static void export_model(cen_context *context, cen_model *model, const char *path)
{
    HOLD(onnx_options, options);
    need(cen_onnx_write(context, model, path, options, &error));
    CHECK(options);
}

static void export_c(cen_context *context, cen_model *model, const char *path)
{
    HOLD(c_options, options);
    need(cen_c_write(context, model, path, options, &error));
    CHECK(options);
}

int main(int argc, char **argv)
{
    static float features[N * D];
    static unsigned char bytes[1 << 20];
    char path[256];
    size_t size;
    cen_context *context;
    cen_dataset *made;
    cen_model *model;
    HOLD(context_options, options);
    HOLD(arrays, arrays);
    HOLD(dataset, own);
    HOLD(model_limits, limits);
    if (argc != 3) return 2;
    draw_values();
    options->n_threads = 2;
    arrays->n = own->n = N;
    arrays->n_classes = own->n_classes = CLASSES;
    arrays->channels = own->channels = 1;
    arrays->height = own->height = arrays->width = own->width = SIDE;
    arrays->values = values[0];
    arrays->labels = own->labels = labels;
    own->read = read_rows;
    need(cen_context_create(&context, options, &error));
    need(cen_arrays_create(context, &made, arrays, &error));
    model = train_model(context, made);
    need(cen_model_save_memory(model, bytes, sizeof bytes, &size, &error));
    (void)snprintf(path, sizeof path, "%s.safetensors", argv[2]);
    need(cen_model_save(model, path, &error));
    cen_model_free(model);
    need(cen_model_load_memory(context, &model, bytes, size, false, limits, &error));
    need(cen_model_features(model, own, features, NULL, NULL, NULL, NULL, &error));
    print("own", features, N * D);
    read_folder(context, model, argv[1]);
    (void)snprintf(path, sizeof path, "%s.json", argv[2]);
    measure(context, features, path);
    recognise(context, features);
    (void)snprintf(path, sizeof path, "%s.onnx", argv[2]);
    export_model(context, model, path);
    (void)snprintf(path, sizeof path, "%s.c", argv[2]);
    export_c(context, model, path);
    cen_model_free(model);
    cen_arrays_free(made);
    cen_context_free(context);
    CHECK(options);
    CHECK(arrays);
    CHECK(own);
    CHECK(limits);
    return 0;
}
