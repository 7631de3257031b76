#include "train_nets.h"

#include <stdlib.h>
#include <string.h>

#include "system.h"
#include "train.h"
#include "train_json.h"

/* ---- --nets -------------------------------------------------------------------------------- */

/* What is measured: a training step of so many images, and their features. The classes are few, so that the body counts. */
enum { N_IMAGES = 8, N_CLASSES = 10, USUAL_SIDE = 64 };
static const double least_seconds = 0.3;

typedef struct rates {
    double trained, features; /* images per second */
} rates;

/* Steps until the time is long enough to be measured. The first one also wakes threads. */
static cen_status time_training(cen_model *model, const float *x, double *speed, cen_error *error)
{
    cen_train_options options = cen_train_options_init();
    options.batch_size = N_IMAGES;
    int32_t labels[N_IMAGES];
    for (int32_t i = 0; i < N_IMAGES; i++) labels[i] = i % N_CLASSES;
    cen_trainer *trainer;
    cen_losses losses;
    cen_status status = cen_trainer_create(&trainer, model, &options, error);
    if (status != CEN_OK) return status;
    status = cen_trainer_backward(trainer, x, labels, N_IMAGES, &losses, error);
    const double start = clock_seconds();
    double seconds = 0;
    size_t n = 0;
    for (; status == CEN_OK && seconds < least_seconds; n += N_IMAGES) {
        cen_trainer_update(trainer);
        status = cen_trainer_backward(trainer, x, labels, N_IMAGES, &losses, error);
        seconds = clock_seconds() - start;
    }
    *speed = seconds > 0 ? (double)n / seconds : 0;
    cen_trainer_free(trainer);
    return status;
}

static cen_status time_features(const cen_model *model, const float *x, double *speed,
                                cen_error *error)
{
    cen_predictor *predictor;
    float *features = malloc(N_IMAGES * cen_model_get(model)->feature_size * sizeof *features);
    cen_status status = cen_predictor_create(&predictor, model, N_IMAGES, error);
    if (status == CEN_OK && features == NULL) {
        *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for features"};
        status = error->status;
    }
    if (status == CEN_OK) {
        status = cen_predictor_features(predictor, x, N_IMAGES, features, error);
    }
    const double start = clock_seconds();
    double seconds = 0;
    size_t n = 0;
    for (; status == CEN_OK && seconds < least_seconds; n += N_IMAGES) {
        status = cen_predictor_features(predictor, x, N_IMAGES, features, error);
        seconds = clock_seconds() - start;
    }
    *speed = seconds > 0 ? (double)n / seconds : 0;
    cen_predictor_free(predictor);
    free(features);
    return status;
}

/* The same numbers on every machine, between -1 and 1. */
static float *make_images(size_t size)
{
    float *x = malloc(N_IMAGES * size * sizeof *x);
    for (size_t i = 0; x != NULL && i < N_IMAGES * size; i++) {
        x[i] = (float)(i * 2654435761u % 2048) / 1024 - 1;
    }
    return x;
}

static cen_status measure_net(run *r, const cen_preset *preset, rates *found, cen_error *error)
{
    cen_model_options options = cen_model_options_init();
    cen_input *input = &options.input;
    options.net = preset->name;
    options.n_classes = N_CLASSES;
    input->channels = preset->channels > 0 ? preset->channels : 3;
    input->height = preset->height > 0 ? preset->height : USUAL_SIDE;
    input->width = preset->width > 0 ? preset->width : USUAL_SIDE;
    cen_status status = cen_model_create(r->context, &r->model, &options, error);
    if (status != CEN_OK) return status;
    float *x = make_images(input->channels * input->height * input->width);
    if (x == NULL) {
        *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for images"};
        status = error->status;
    }
    if (status == CEN_OK) status = time_training(r->model, x, &found->trained, error);
    if (status == CEN_OK) status = time_features(r->model, x, &found->features, error);
    free(x);
    return status;
}

/* Of convolutions and matrices, as articles count them: each weight once per place of the output. */
static double count_multiply_adds(const cen_model_info *info)
{
    double sum = 0;
    for (size_t i = 0; i < info->n_layers; i++) {
        const cen_layer_info *layer = &info->layers[i];
        if (strncmp(layer->text, "conv", 4) != 0 && strncmp(layer->text, "dense", 5) != 0) continue;
        sum += (double)(layer->n_parameters - layer->channels) * (double)layer->height *
               (double)layer->width;
    }
    return sum;
}

static void print_net(const cen_preset *preset, const cen_model_info *info, const rates *found)
{
    char parameters[32], work[32], trained[32], features[32], input[80];
    size_t body = info->n_parameters - N_CLASSES * (info->feature_size + 1);
    (void)snprintf(input, sizeof input, "%zux%zux%zu%s", info->input.channels, info->input.height,
                   info->input.width, preset->height > 0 ? "" : ", or any");
    printf("%-14s %-16s %10s %13s %10s %10s\n", preset->name, input, with_commas(body, parameters),
           with_commas((size_t)count_multiply_adds(info), work),
           with_commas((size_t)(found->trained + 0.5), trained),
           with_commas((size_t)(found->features + 0.5), features));
    fflush(stdout);
}

int list_nets(run *r)
{
    size_t n;
    cen_error error;
    rates found;
    const cen_preset *presets = cen_presets(&n);
    int code = make_context(&train_tool, s.n_threads, &r->context);
    if (code != 0) return code;
    if (!s.is_json) {
        printf("%-14s %-16s %10s %13s %10s %10s\n%-14s %-16s %10s %13s %10s %10s\n", "", "", "", "",
               "trained,", "features,", "net", "input", "parameters", "multiply-adds", "images/s",
               "images/s");
    }
    for (size_t i = 0; i < n && code == 0; i++) {
        if (measure_net(r, &presets[i], &found, &error) != CEN_OK) {
            code = refuse(EXIT_FAILED, "%s: %s", presets[i].name, error.message);
        } else if (s.is_json) {
            json_net(presets[i].name, cen_model_get(r->model),
                     count_multiply_adds(cen_model_get(r->model)), found.trained, found.features);
        } else {
            print_net(&presets[i], cen_model_get(r->model), &found);
        }
        cen_model_free(r->model);
        r->model = NULL;
    }
    return code;
}

/* ---- a net in a file ----------------------------------------------------------------------- */

static bool is_preset(const char *name)
{
    size_t n, i = 0;
    const cen_preset *presets = cen_presets(&n);
    while (i < n && strcmp(presets[i].name, name) != 0) i++;
    return i < n;
}

int read_net_file(char **text)
{
    enum { MOST = 1 << 20 };
    cen_error error;
    size_t size;
    *text = NULL;
    if (s.net == NULL || is_preset(s.net) || !path_exists(s.net) || path_is_folder(s.net)) return 0;
    if (cen_text_read(NULL, s.net, MOST, text, &size, &error) != CEN_OK) {
        return refuse(EXIT_FAILED, "--net: %s", error.message);
    }
    if (strlen(*text) != size) {
        return refuse(EXIT_FAILED, "--net %s: a line of layers has no byte 0; give a file of text",
                      s.net);
    }
    s.net = *text;
    return 0;
}
