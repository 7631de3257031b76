/* The steps of Muon against torch.optim.Muon in float64: tests/golden/muon.py. Its polynomials enlarge what rounding leaves of
 * a gradient of low rank. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/compare.h"
#include "support/models.h"

enum { BATCH = 4, N_STEPS = 4 };

static const double decay = 0.4;

static void set_gradient(cen_trainer *trainer, cen_model *model, const golden *all, size_t step)
{
    const char *name;
    cen_tensor view;
    size_t n;
    float *gradient = cen_trainer_gradient(trainer, &n);
    const float *parameters = cen_model_parameters(model, &n);
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        char full[128];
        if (strcmp(name, "centers.weight") == 0) continue;
        (void)snprintf(full, sizeof full, "gradient%zu/%s", step, name);
        const golden_array *drawn = golden_get(all, "muon", full);
        float *to = gradient + (view.data - parameters);
        for (size_t k = 0; k < drawn->count; k++) to[k] = (float)drawn->values[k];
    }
}

static cen_model *trained(const golden *all, int n_threads)
{
    static const int32_t labels[BATCH] = {0, 1, 2, 1};
    const double *rates = golden_get(all, "muon", "rates")->values;
    cen_model *model = model_of_golden(threads(n_threads), all, "muon", "x");
    cen_train_options options = plain_train_options();
    cen_losses losses;
    cen_error error;
    options.optimizer = CEN_OPTIMIZER_MUON;
    options.weight_decay = decay;
    options.batch_size = BATCH;
    cen_trainer *trainer = trainer_create(model, &options);
    float *x = golden_floats(golden_get(all, "muon", "x"));
    for (size_t step = 0; step < N_STEPS; step++) {
        assert_ok(cen_trainer_set_rates(trainer, rates[step], 0, &error), &error);
        assert_ok(cen_trainer_backward(trainer, x, labels, BATCH, &losses, &error), &error);
        set_gradient(trainer, model, all, step);
        cen_trainer_update(trainer);
    }
    free(x);
    cen_trainer_free(trainer);
    return model;
}

static void matrices_move_as_by_torchs_muon_and_the_rest_as_by_adamw(void **state)
{
    (void)state;
    golden *all = golden_open("muon.bin");
    cen_model *model = trained(all, 1);
    const char *name;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        char full[128];
        if (strcmp(name, "centers.weight") == 0) continue;
        (void)snprintf(full, sizeof full, "final/%s", name);
        const golden_array *want = golden_get(all, "muon", full);
        double *got = doubles(view.data, want->count);
        assert_close(name, got, want->values, want->count, largest(want->values, want->count),
                     (closeness){0, 5e-5, 5e-5});
        free(got);
    }
    cen_model_free(model);
    golden_free(all);
}

static void a_step_has_the_same_bits_at_any_number_of_threads(void **state)
{
    (void)state;
    golden *all = golden_open("muon.bin");
    cen_model *one = trained(all, 1), *three = trained(all, 3);
    size_t n;
    const float *numbers = cen_model_parameters(one, &n);
    assert_memory_equal(numbers, cen_model_parameters(three, &n), n * sizeof *numbers);
    cen_model_free(one);
    cen_model_free(three);
    golden_free(all);
}

/* Images of zeros leave the first layer without a gradient, which has no direction. */
static void a_matrix_without_a_gradient_stays(void **state)
{
    (void)state;
    static const float x[2 * 16];
    static const int32_t labels[2] = {0, 1};
    float before[3 * 9];
    cen_model *model = model_create("conv 3 3x3, flatten, dense 2", 1, 4, 4, 2);
    cen_train_options options = plain_train_options();
    cen_losses losses;
    cen_error error;
    options.optimizer = CEN_OPTIMIZER_MUON;
    cen_trainer *trainer = trainer_create(model, &options);
    memcpy(before, model_tensor(model, "body.0.weight").data, sizeof before);
    assert_ok(cen_trainer_backward(trainer, x, labels, 2, &losses, &error), &error);
    cen_trainer_update(trainer);
    assert_memory_equal(before, model_tensor(model, "body.0.weight").data, sizeof before);
    cen_trainer_free(trainer);
    cen_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrices_move_as_by_torchs_muon_and_the_rest_as_by_adamw),
        cmocka_unit_test(a_step_has_the_same_bits_at_any_number_of_threads),
        cmocka_unit_test(a_matrix_without_a_gradient_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
