/* A loop of one's own: arrays, an order of batches and a schedule that are the program's; the state is saved every
 * few steps, and a program that was killed goes on from there to the same bytes.
 *
 *     own_loop STATE MODEL STEPS      goes on with STATE if it is there; the model stands in MODEL at the end */
#include <centerloss.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 12, CLASSES = 5, IMAGES = 300, BATCH = 20, SAVE_EACH = 3 };

static float images[IMAGES][SIDE * SIDE];
static int32_t labels[IMAGES];

static unsigned long next(unsigned long *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 16 & 0x7FFF;
}

/* A bar at a place of its class, under noise. */
static void draw(void)
{
    unsigned long state = 7;
    for (int i = 0; i < IMAGES; i++) {
        labels[i] = i % CLASSES;
        for (int p = 0; p < SIDE * SIDE; p++) {
            float bar = p % SIDE / 2 == labels[i] ? 1.0f : 0.0f;
            images[i][p] = bar + (float)next(&state) / 32768.0f;
        }
    }
}

/* The images of a step, by the step's number only. */
static void take_batch(size_t step, float *x, int32_t *y)
{
    unsigned long state = (unsigned long)step + 1;
    for (int i = 0; i < BATCH; i++) {
        size_t row = next(&state) % IMAGES;
        for (int p = 0; p < SIDE * SIDE; p++) x[i * SIDE * SIDE + p] = images[row][p];
        y[i] = labels[row];
    }
}

static int fail(const cen_error *error)
{
    fprintf(stderr, "own_loop: %s\n", error->message);
    return 1;
}

int main(int argc, char **argv)
{
    static float x[BATCH * SIDE * SIDE];
    static int32_t y[BATCH];
    if (argc != 4) return 2;
    const size_t n_steps = (size_t)strtoul(argv[3], NULL, 10);
    draw();

    cen_error error;
    cen_model *model;
    cen_trainer *trainer;
    cen_model_options model_options = cen_model_options_init();
    model_options.net =
        "conv 6 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dropout 0.3, dense 8";
    model_options.input.height = model_options.input.width = SIDE;
    model_options.n_classes = CLASSES;
    if (cen_model_create(NULL, &model, &model_options, &error) != CEN_OK) return fail(&error);
    cen_train_options train_options = cen_train_options_init();
    train_options.batch_size = BATCH;
    train_options.seed = 5;
    if (cen_trainer_create(&trainer, model, &train_options, &error) != CEN_OK) return fail(&error);

    size_t step = 0;
    FILE *state = fopen(argv[1], "rb");
    if (state != NULL) {
        (void)fclose(state);
        if (cen_trainer_load(trainer, argv[1], &step, &error) != CEN_OK) return fail(&error);
    }
    fprintf(stderr, "from step %zu\n", step);
    for (cen_losses losses; step < n_steps; step++) {
        const double lr = 5e-3 * (1 + cos(3.14159265 * (double)step / (double)n_steps)) / 2;
        take_batch(step, x, y);
        if (cen_trainer_set_rates(trainer, lr, 0.05, &error) != CEN_OK ||
            cen_trainer_backward(trainer, x, y, BATCH, &losses, &error) != CEN_OK) {
            return fail(&error);
        }
        cen_trainer_update(trainer);
        if ((step + 1) % SAVE_EACH == 0 && cen_trainer_save(trainer, argv[1], &error) != CEN_OK) {
            return fail(&error);
        }
    }
    if (cen_model_save(model, argv[2], &error) != CEN_OK) return fail(&error);
    cen_trainer_free(trainer);
    cen_model_free(model);
    return 0;
}
