/* Uses what cli/test_extending.sh has added to a copy of the library, and a dataset of its own. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLASSES = 3, N = 48, NUMBERS = 6, D = 4 };

/* What was added is the last of its list; C would have a name for it in the enum. */
static const cen_loss length = (cen_loss)(CEN_LOSS_COSFACE + 1);
static const cen_center_mode descent = (cen_center_mode)(CEN_CENTERS_MEAN + 1);
static const cen_features_format svm = (cen_features_format)(CEN_FEATURES_FAISS + 1);

static float values[N][NUMBERS];
static int32_t labels[N];
static cen_error error;

static void need(cen_status status)
{
    if (status == CEN_OK) return;
    fprintf(stderr, "%s\n", error.message);
    exit(1);
}

static void hold(bool is_so, const char *what)
{
    if (is_so) return;
    fprintf(stderr, "not so: %s\n", what);
    exit(1);
}

/* cen_dataset.read: a dataset of a program's own takes no line of the library. */
static cen_status read_rows(void *user, const size_t *rows, size_t n, float *x, cen_error *why)
{
    (void)user, (void)why;
    for (size_t i = 0; i < n; i++) memcpy(x + i * NUMBERS, values[rows[i]], sizeof values[0]);
    return CEN_OK;
}

static cen_dataset make_dataset(void)
{
    cen_dataset dataset = cen_dataset_init();
    for (size_t i = 0; i < N; i++) {
        labels[i] = (int32_t)(i % CLASSES);
        for (size_t j = 0; j < NUMBERS; j++) {
            float noise = (float)((i * NUMBERS + j) * 7919 % 97) / 97 - 0.5f;
            values[i][j] = noise + (j % CLASSES == i % CLASSES ? 1.0f : -1.0f);
        }
    }
    dataset.n = N;
    dataset.n_classes = CLASSES;
    dataset.channels = dataset.height = 1;
    dataset.width = NUMBERS;
    dataset.labels = labels;
    dataset.read = read_rows;
    return dataset;
}

static cen_model *make_model(const char *net, size_t n_classes)
{
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    options.net = net;
    options.n_classes = n_classes;
    options.input.height = 1;
    options.input.width = NUMBERS;
    need(cen_model_create(NULL, &model, &options, &error));
    return model;
}

/* The layer alone: features of the net are what it makes of the input. */
static void check_layer(void)
{
    static const float x[NUMBERS] = {-8, -1, 0, 0.5f, 1, 8},
                       y[NUMBERS] = {-1, -0.125f, 0, 0.5f, 1, 8};
    cen_model *model = make_model("flatten, leaky", 0);
    cen_predictor *predictor;
    float features[NUMBERS];
    need(cen_predictor_create(&predictor, model, 1, &error));
    need(cen_predictor_features(predictor, x, 1, features, &error));
    hold(memcmp(features, y, sizeof y) == 0, "leaky divides by 8 below 0");
    cen_predictor_free(predictor);
    cen_model_free(model);
}

/* One backward and update: the second loss, and the step of the centers. */
static void check_step(cen_loss loss, cen_center_mode rule)
{
    cen_train_options options = cen_train_options_init();
    cen_model *model = make_model("flatten, dense 8, leaky, dense 4", CLASSES);
    cen_trainer *trainer;
    cen_losses losses;
    size_t n, n_all;
    double second = 0;
    float before[CLASSES * D];
    options.loss = loss;
    options.centers = rule;
    options.lambda = 0.5;
    need(cen_trainer_create(&trainer, model, &options, &error));
    need(cen_trainer_backward(trainer, values[0], labels, N, &losses, &error));
    const float *f = cen_trainer_features(trainer, &n);
    const float *gradient = cen_trainer_gradient(trainer, &n_all);
    const float *centers = cen_model_parameters(model, &n_all) + n_all - CLASSES * D;
    memcpy(before, centers, sizeof before);
    for (size_t i = 0; i < N * D; i++) {
        double c = loss == length ? 0 : (double)centers[(size_t)labels[i / D] * D + i % D];
        second += ((double)f[i] - c) * ((double)f[i] - c) / N;
    }
    hold(fabs(losses.center - second) < 1e-5 * (1 + second),
         "the second loss is what its file says");
    gradient += n_all - CLASSES * D;
    cen_trainer_update(trainer);
    for (size_t i = 0; i < CLASSES * D && rule == descent; i++) {
        double moved = (double)before[i] - options.alpha * (double)gradient[i];
        hold(fabs((double)centers[i] - moved) < 1e-6, "centers descend along their gradient");
        hold(gradient[i] != 0 || loss == length, "the center loss has a gradient to the centers");
    }
    cen_trainer_free(trainer);
    cen_model_free(model);
}

/* The new layer, loss, rule and dataset train together. */
static void check_training(const char *output)
{
    const cen_dataset dataset = make_dataset();
    cen_train_options options = cen_train_options_init();
    cen_fit_options fit = cen_fit_options_init();
    cen_model *model = make_model("flatten, dense 8, leaky, dense 4", CLASSES);
    cen_trainer *trainer;
    cen_losses before, after;
    float features[N * D];
    cen_feature_row rows[2] = {{"a", 0, NULL, NULL}, {"b", 1, NULL, NULL}};
    static const float few[2 * 2] = {0.5f, -1, 2, 0.25f};
    options.loss = length;
    options.centers = descent;
    options.lr = 0.02;
    options.batch_size = N;
    need(cen_trainer_create(&trainer, model, &options, &error));
    need(cen_trainer_evaluate(trainer, values[0], labels, N, &before, NULL, &error));
    need(cen_fit(trainer, &dataset, &fit, &error));
    need(cen_trainer_evaluate(trainer, values[0], labels, N, &after, features, &error));
    hold(after.total < before.total / 2 && after.accuracy > 0.9, "training learns");
    need(cen_features_write(NULL, output, svm, few, 2, 2, rows, &error));
    cen_trainer_free(trainer);
    cen_model_free(model);
}

static void check_image(void)
{
    static const uint8_t bytes[] = {'f', 'a', 'r', 'b', 'f', 'e', 'l', 'd', 0,  0,  0,
                                    2,   0,   0,   0,   1,   10,  99,  20,  99, 30, 99,
                                    40,  99,  50,  99,  60,  99,  70,  99,  80, 99};
    cen_image image;
    need(cen_image_decode(NULL, bytes, sizeof bytes, NULL, &image, &error));
    hold(image.width == 2 && image.height == 1 && image.channels == 4,
         "a picture of 2 x 1 in RGBA");
    for (int i = 0; i < 8; i++)
        hold(image.pixels[i] == 10 * (i + 1), "the upper bytes are the pixels");
    cen_image_free(&image);
    hold(cen_image_decode(NULL, "none", 4, NULL, &image, &error) == CEN_ERROR_FORMAT &&
             strstr(error.message, ", farbfeld)") != NULL,
         "a message names the new kind");
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    (void)make_dataset();
    check_layer();
    check_step(length, CEN_CENTERS_MEAN);
    check_step(CEN_LOSS_CENTER, descent);
    check_training(argv[1]);
    check_image();
    return 0;
}
