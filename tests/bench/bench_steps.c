/* Whole training steps and features a second of some nets, to stand beside steps.py's PyTorch.
 *
 *     bench steps CASE THREADS SECONDS [BATCH]      CASE: article, lenet++, conv64, classes, sampled,
 *                                                         small, small64, resnet
 *
 * prints one line: CASE THREADS, milliseconds of a training step (median), of a batch of features. */
#include <centerloss.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "base/os.h"
#include "support/context.h"
#include "support/plain_options.h"

const bench_case bench_cases[] = {
    {"article", "conv 10 2x2, maxpool 2, flatten, dense 32, relu", 3, 224, 32, 100, 0},
    {"lenet++", "lenet++", 1, 28, 128, 10, 0},
    {"conv64",
     "conv 32 3x3 pad 1, relu, maxpool 2, conv 64 3x3 pad 1, relu, maxpool 2, "
     "conv 128 3x3 pad 1, relu, maxpool 2, flatten, dense 128",
     3, 64, 32, 100, 0},
    {"classes", "flatten, dense 128", 1, 16, 64, 100000, 0},
    {"sampled", "flatten, dense 128", 1, 16, 64, 100000, 2000},
    {"small", "small", 1, 28, 64, 10, 0},
    {"small64", "small", 3, 64, 64, 100, 0},
    {"resnet",
     "conv 16 3x3 pad 1, batchnorm, relu, "
     "residual {conv 16 3x3 pad 1, batchnorm, relu, conv 16 3x3 pad 1, batchnorm}, relu, "
     "residual {conv 32 3x3 stride 2 pad 1, batchnorm, relu, conv 32 3x3 pad 1, batchnorm | "
     "conv 32 1x1 stride 2, batchnorm}, relu, "
     "residual {conv 64 3x3 stride 2 pad 1, batchnorm, relu, conv 64 3x3 pad 1, batchnorm | "
     "conv 64 1x1 stride 2, batchnorm}, relu, gap",
     3, 32, 64, 10, 0},
};

const size_t bench_n_cases = sizeof bench_cases / sizeof *bench_cases;

void bench_model(const bench_case *c, size_t batch, int n_threads, cen_model **model,
                 cen_trainer **trainer)
{
    cen_error error;
    cen_model_options options = cen_model_options_init();
    options.net = c->net;
    options.input.channels = c->channels;
    options.input.height = options.input.width = c->side;
    options.n_classes = c->n_classes;
    cen_train_options training = plain_train_options();
    training.n_sampled = c->n_sampled;
    training.centers = c->n_sampled > 0
                           ? CEN_CENTERS_MEAN        /* of the batch's classes, as the head's */
                           : CEN_CENTERS_ADAM_DENSE; /* as the peer's torch.optim.Adam */
    training.batch_size = batch;
    *model = NULL;
    *trainer = NULL;
    if (cen_model_create(threads(n_threads), model, &options, &error) != CEN_OK ||
        cen_trainer_create(trainer, *model, &training, &error) != CEN_OK) {
        fprintf(stderr, "%s\n", error.message);
    }
}

enum { MOST_RUNS = 10000, LEAST_RUNS = 5 };

static double times[MOST_RUNS];

int bench_time(const bench_case *c, size_t batch, int n_threads, double seconds, double medians[2],
               size_t *n_parameters)
{
    cen_error error;
    cen_model *model;
    cen_trainer *trainer;
    cen_predictor *predictor;
    bench_model(c, batch, n_threads, &model, &trainer);
    if (trainer == NULL) return 1;
    if (cen_predictor_create(&predictor, model, batch, &error) != CEN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    size_t count = batch * c->channels * c->side * c->side;
    size_t d = cen_model_get(model)->feature_size;
    float *x = malloc(count * sizeof *x), *f = malloc(batch * d * sizeof *f);
    int32_t *labels = malloc(batch * sizeof *labels);
    for (size_t i = 0; i < count; i++) x[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    for (size_t i = 0; i < batch; i++) labels[i] = (int32_t)((size_t)rand() % c->n_classes);

    for (int mode = 0; mode < 2; mode++) {
        size_t n = 0;
        double end = cen__os_seconds() + seconds;
        for (size_t i = 0; n < MOST_RUNS && (n < LEAST_RUNS || cen__os_seconds() < end); i++) {
            double start = cen__os_seconds();
            if (mode == 0) {
                cen_losses losses;
                cen_trainer_backward(trainer, x, labels, batch, &losses, NULL);
                cen_trainer_update(trainer);
            } else {
                cen_predictor_features(predictor, x, batch, f, NULL);
            }
            if (i >= 2) times[n++] = cen__os_seconds() - start;
        }
        medians[mode] = 1e3 * bench_median(times, n);
    }
    if (n_parameters != NULL) *n_parameters = cen_model_get(model)->n_parameters;
    free(x);
    free(f);
    free(labels);
    cen_predictor_free(predictor);
    cen_trainer_free(trainer);
    cen_model_free(model);
    return 0;
}

const bench_case *bench_find(const char *name)
{
    for (size_t i = 0; i < bench_n_cases; i++) {
        if (strcmp(bench_cases[i].name, name) == 0) return &bench_cases[i];
    }
    return NULL;
}

int bench_steps(int argc, char **argv)
{
    const bench_case *c = argc == 4 || argc == 5 ? bench_find(argv[1]) : NULL;
    if (c == NULL) return 2;
    const size_t batch = argc == 5 ? (size_t)atoi(argv[4]) : c->batch;
    const int n_threads = atoi(argv[2]);
    double medians[2];
    if (bench_time(c, batch, n_threads, atof(argv[3]), medians, NULL) != 0) return 1;
    printf("%s %d %.3f %.3f\n", c->name, n_threads, medians[0], medians[1]);
    return 0;
}
