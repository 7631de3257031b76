/* Trains on arrays of its own with a learning rate of its own, and goes on where it was killed: five sensors,
 * 32 samples of each, of three kinds of machines.
 *
 *     own_arrays STATE MODEL      STATE: the checkpoint, which is there from an earlier call or not */
#include <centerloss.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MACHINES = 3, N = 240, SENSORS = 5, SAMPLES = 32 };

static const char *const machines[MACHINES] = {"fan", "pump", "valve"};
static float signals[N][SENSORS][SAMPLES];
static int32_t labels[N];
static cen_error error;

static void need(cen_status status)
{
    if (status == CEN_OK) return;
    fprintf(stderr, "own_arrays: %s\n", error.message);
    exit(1);
}

static void record(void)
{
    for (size_t i = 0; i < N; i++) {
        labels[i] = (int32_t)(i % MACHINES);
        for (size_t sensor = 0; sensor < SENSORS; sensor++) {
            double phase = (double)(i * (sensor + 3) % 17);
            for (size_t t = 0; t < SAMPLES; t++) {
                double wave = sin((double)t * (0.3 + 0.25 * (double)labels[i]) + phase);
                signals[i][sensor][t] = (float)((double)sensor * 10 + wave);
            }
        }
    }
}

/* Steps down: 4e-3, 2e-3, 1e-3. */
static double rate(void *user, size_t step, size_t n_steps)
{
    (void)user;
    return 4e-3 / (double)(1 << (3 * step / n_steps));
}

static bool exists(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file != NULL) (void)fclose(file);
    return file != NULL;
}

int main(int argc, char **argv)
{
    cen_arrays arrays = cen_arrays_init();
    cen_model_options model_options = cen_model_options_init();
    cen_train_options train = cen_train_options_init();
    cen_fit_options fit = cen_fit_options_init();
    cen_augment augment = cen_augment_init();
    cen_dataset *dataset;
    cen_model *model;
    cen_trainer *trainer;
    if (argc != 3) return 2;
    record();
    arrays.n = N;
    arrays.channels = SENSORS;
    arrays.height = 1;
    arrays.width = SAMPLES;
    arrays.values = &signals[0][0][0];
    arrays.labels = labels;
    arrays.n_classes = MACHINES;
    arrays.class_names = machines;
    need(cen_arrays_create(NULL, &dataset, &arrays, &error));
    need(cen_recipe_choose(NULL, dataset, &model_options, &train, &fit, &augment, &error));
    model_options.net = "conv 8 1x5, batchnorm, relu, maxpool 1x2, flatten, dropout 0.1, dense 16";
    fit.n_epochs = 8;
    fit.rate = rate;
    fit.checkpoint = argv[1];
    fit.checkpoint_seconds = 1e-3;
    fit.resume = exists(argv[1]);
    need(cen_model_create(NULL, &model, &model_options, &error));
    need(cen_trainer_create(&trainer, model, &train, &error));
    need(cen_fit(trainer, dataset, &fit, &error));
    need(cen_model_save(model, argv[2], &error));
    cen_trainer_free(trainer);
    cen_model_free(model);
    cen_arrays_free(dataset);
    return 0;
}
