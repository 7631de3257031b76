/* Forward and backward of every layer against PyTorch in float64: tests/golden/train.py. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/golden_case.h"

static golden *layers;

static int open_layers(void **state)
{
    (void)state;
    layers = golden_open("layers.bin");
    return 0;
}

static int close_layers(void **state)
{
    (void)state;
    golden_free(layers);
    return 0;
}

static void conv_equals_torch_in_every_geometry(void **state)
{
    (void)state;
    check_golden_cases(layers, "conv_", 34);
}

static void maxpool_equals_torch_with_ties_and_overlaps(void **state)
{
    (void)state;
    check_golden_cases(layers, "maxpool_", 19);
}

static void flatten_keeps_the_order_of_torch(void **state)
{
    (void)state;
    check_golden_cases(layers, "flatten_", 2);
}

static void dense_equals_torch(void **state)
{
    (void)state;
    check_golden_cases(layers, "dense_", 5);
}

static void relu_equals_torch_also_at_zero(void **state)
{
    (void)state;
    check_golden_cases(layers, "relu_", 4);
}

static void relu6_equals_torch_also_at_both_ends(void **state)
{
    (void)state;
    check_golden_cases(layers, "relu6_", 3);
}

static void gelu_equals_torch(void **state)
{
    (void)state;
    check_golden_cases(layers, "gelu_", 3);
}

static void avgpool_equals_torch_and_counts_its_padding(void **state)
{
    (void)state;
    check_golden_cases(layers, "avgpool_", 7);
}

static void prelu_has_one_slope_a_channel_as_in_torch(void **state)
{
    (void)state;
    check_golden_cases(layers, "prelu_", 6);
}

static void whole_nets_equal_torch(void **state)
{
    (void)state;
    check_golden_cases(layers, "net_", 4);
}

/* Every entry above 1/1000 of the largest, made 1 % larger and smaller, must be refused; and such
 * entries must be nearly all of those that are not zero. */
static void an_error_of_one_percent_in_one_entry_is_refused(void **state)
{
    (void)state;
    size_t n_tried = 0, n_nonzero = 0;
    for (size_t i = 0; i < layers->n_arrays; i++) {
        const golden_array *array = &layers->arrays[i];
        if (!strstr(array->name, "/gradient/")) continue;
        const double scale = gradient_scale(layers, array);
        double *wrong = golden_memory(array->count, sizeof *wrong);
        memcpy(wrong, array->values, array->count * sizeof *wrong);
        size_t worst;
        assert_true(is_close(wrong, array->values, array->count, scale, FLOAT32, &worst));
        for (size_t k = 0; k < array->count; k++) {
            n_nonzero += array->values[k] < 0 || array->values[k] > 0;
            if (fabs(array->values[k]) <= 1e-3 * scale) continue;
            n_tried++;
            for (int sign = -1; sign <= 1; sign += 2) {
                wrong[k] = array->values[k] * (1 + 0.01 * sign);
                assert_false(is_close(wrong, array->values, array->count, scale, FLOAT32, &worst));
                assert_int_equal(worst, k);
            }
            wrong[k] = array->values[k];
        }
        free(wrong);
    }
    assert_true(n_tried > 10000);
    assert_true((double)n_tried > 0.99 * (double)n_nonzero);
}

/* A layer that is wrong by 1e-4 everywhere, too little for the first rule, must be refused. */
static void a_small_error_everywhere_is_refused(void **state)
{
    (void)state;
    const golden_array *array = golden_get(layers, "net_deep", "gradient/body.7.weight");
    double *wrong = golden_memory(array->count, sizeof *wrong);
    for (size_t i = 0; i < array->count; i++) wrong[i] = array->values[i] * 1.00005;
    size_t worst;
    assert_false(is_close(wrong, array->values, array->count, gradient_scale(layers, array),
                          FLOAT32, &worst));
    assert_int_equal(worst, array->count);
    wrong[0] = NAN;
    assert_false(is_close(wrong, array->values, array->count, 1, FLOAT32, &worst));
    free(wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_equals_torch_in_every_geometry),
        cmocka_unit_test(maxpool_equals_torch_with_ties_and_overlaps),
        cmocka_unit_test(flatten_keeps_the_order_of_torch),
        cmocka_unit_test(dense_equals_torch),
        cmocka_unit_test(relu_equals_torch_also_at_zero),
        cmocka_unit_test(relu6_equals_torch_also_at_both_ends),
        cmocka_unit_test(gelu_equals_torch),
        cmocka_unit_test(avgpool_equals_torch_and_counts_its_padding),
        cmocka_unit_test(prelu_has_one_slope_a_channel_as_in_torch),
        cmocka_unit_test(whole_nets_equal_torch),
        cmocka_unit_test(an_error_of_one_percent_in_one_entry_is_refused),
        cmocka_unit_test(a_small_error_everywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, open_layers, close_layers);
}
