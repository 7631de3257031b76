/* A model computes with the instruction set that CEN_INSTRUCTIONS named when it was made, whatever the
 * environment becomes between two calls: the same bits, and no memory but its own (sanitizers see). */
#define _POSIX_C_SOURCE 200809L
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/random.h"
#include "support/instructions.h"
#include "support/models.h"

enum { SIDE = 14, N = 5, CLASSES = 3, D = 6, MOST = 1 << 16 };

static const char *const nets[] = {
    "conv 16 3x3 pad 1, batchnorm, relu, maxpool 2, conv 12 5x5 pad 2, prelu, flatten, dense 6",
    "conv 5 3x3 stride 2, maxpool 2, flatten, dense 40, relu, dense 6, l2norm",
    "conv 16 3x3, relu, conv 16 3x3, maxpool 2, gap, dense 6, batchnorm",
};

/* Parameters, losses and features of a short training. */
typedef struct outcome {
    size_t n;
    float parameters[MOST], features[3][N * D];
    cen_losses losses[3];
} outcome;

/* Another set with each call, so that no two calls in a row have the same. */
static void change_set(bool changes)
{
    static size_t turn;
    if (changes) (void)use_set(sets[turn++ % N_SETS]);
}

static void run(const char *net, const char *set, cen_loss loss, bool changes, outcome *end)
{
    cen_model_options options = cen_model_options_init();
    cen_train_options train = cen_train_options_init();
    cen_model *model;
    cen_trainer *trainer;
    cen_error error;
    float x[N * SIDE * SIDE];
    const int32_t labels[N] = {0, 1, 2, 1, 0};
    for (size_t i = 0; i < N * SIDE * SIDE; i++) x[i] = cen__random_float(3, 1, i) - 0.5f;
    options.net = net;
    options.input.height = options.input.width = SIDE;
    options.n_classes = CLASSES;
    train.loss = loss;
    train.centers = CEN_CENTERS_ADAM;
    train.batch_size = N;
    assert_true(use_set(set));
    assert_ok(cen_model_create(NULL, &model, &options, &error), &error);
    change_set(changes);
    assert_ok(cen_trainer_create(&trainer, model, &train, &error), &error);
    for (int step = 0; step < 2; step++) {
        change_set(changes);
        assert_ok(cen_trainer_backward(trainer, x, labels, N, &end->losses[step], &error), &error);
        change_set(changes);
        cen_trainer_update(trainer);
        change_set(changes);
        assert_ok(cen_trainer_evaluate(trainer, x, labels, N, &end->losses[2], end->features[step],
                                       &error),
                  &error);
    }
    change_set(changes);
    assert_ok(model_features(model, x, N, end->features[2], &error), &error);
    const float *parameters = cen_model_parameters(model, &end->n);
    assert_true(end->n <= MOST);
    memcpy(end->parameters, parameters, end->n * sizeof *parameters);
    cen_trainer_free(trainer);
    cen_model_free(model);
}

static void an_environment_that_changes_between_calls_changes_no_bit(void **state)
{
    (void)state;
    static outcome steady, changing;
    for (size_t set = 0; set < N_SETS; set++) {
        if (!use_set(sets[set])) continue;
        for (size_t net = 0; net < sizeof nets / sizeof *nets; net++) {
            for (int loss = CEN_LOSS_CENTER; loss <= CEN_LOSS_COSFACE; loss++) {
                memset(&steady, 0, sizeof steady);
                memset(&changing, 0, sizeof changing);
                run(nets[net], sets[set], (cen_loss)loss, false, &steady);
                run(nets[net], sets[set], (cen_loss)loss, true, &changing);
                assert_memory_equal(&steady, &changing, sizeof steady);
            }
        }
    }
    use_best_set();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_environment_that_changes_between_calls_changes_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
