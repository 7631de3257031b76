/* The line of text that describes a net: what it becomes, and what is said of a wrong one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/net.h"
#include "support/context.h"

static void a_line_becomes_layers_with_shapes_and_parameters(void **state)
{
    (void)state;
    cen__net net;
    cen_error error;
    assert_int_equal(cen__net_create(NULL, kernels_now(), &net,
                                     "conv 10 2x2, maxpool 2, flatten, dense 32, relu",
                                     (cen__shape){3, 224, 224}, 0, &error),
                     CEN_OK);
    assert_int_equal(net.n_layers, 5);
    assert_int_equal(net.layers[0].out.c, 10);
    assert_int_equal(net.layers[0].out.h, 223);
    assert_int_equal(net.layers[1].out.w, 111);
    assert_int_equal(net.layers[2].out.c, 123210);
    assert_int_equal(net.out.c, 32);
    assert_int_equal(net.n_parameters, 10 * 12 + 10 + 32 * 123210 + 32);
    assert_string_equal(net.line, "conv 10 2x2, maxpool 2, flatten, dense 32, relu");
    cen__net_free(&net);
}

static void blanks_do_not_matter_and_sizes_may_differ_by_side(void **state)
{
    (void)state;
    cen__net net;
    assert_int_equal(
        cen__net_create(
            NULL, kernels_now(), &net,
            " \t\nconv  4 3x5   stride 2x1 pad 1x2 \t,maxpool 2x1 stride 1,\r flatten\n",
            (cen__shape){1, 9, 7}, 0, NULL),
        CEN_OK);
    assert_int_equal(net.layers[0].out.h, 5);
    assert_int_equal(net.layers[0].out.w, 7);
    assert_int_equal(net.layers[1].out.h, 4);
    assert_int_equal(net.layers[1].out.w, 7);
    assert_string_equal(net.line,
                        "conv  4 3x5   stride 2x1 pad 1x2, maxpool 2x1 stride 1, flatten");
    cen__net_free(&net);
}

static void the_feature_size_replaces_the_last_dense(void **state)
{
    (void)state;
    cen__net net;
    assert_int_equal(cen__net_create(NULL, kernels_now(), &net,
                                     "flatten, dense 9, relu, dense 5, relu", (cen__shape){1, 2, 2},
                                     77, NULL),
                     CEN_OK);
    assert_int_equal(net.out.c, 77);
    assert_string_equal(net.line, "flatten, dense 9, relu, dense 77, relu");
    cen__net_free(&net);
    cen_error error;
    assert_int_equal(
        cen__net_create(NULL, kernels_now(), &net, "flatten", (cen__shape){1, 2, 2}, 77, &error),
        CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "no dense layer"));
}

typedef struct wrong {
    const char *line, *says;
    cen_status status;
} wrong;

static void a_wrong_line_is_told_with_its_word_and_column(void **state)
{
    (void)state;
    static const wrong cases[] = {
        {"", "column 1: the end of the line", CEN_ERROR_ARGUMENT},
        {"relu,", "column 6: the end of the line", CEN_ERROR_ARGUMENT},
        {"relu,,relu", "column 6: the comma", CEN_ERROR_ARGUMENT},
        {"cnv 8 3x3", "column 1: 'cnv'", CEN_ERROR_ARGUMENT},
        {"conv", "column 5: the end of the line", CEN_ERROR_ARGUMENT},
        {"conv 0 3x3", "column 6: '0'", CEN_ERROR_ARGUMENT},
        {"conv 8 3x", "column 8: '3x'", CEN_ERROR_ARGUMENT},
        {"conv 8 0x3", "column 8: '0x3'", CEN_ERROR_ARGUMENT},
        {"conv 8 3x3 pad", "column 15: the end of the line", CEN_ERROR_ARGUMENT},
        {"conv 8 3x3 pad 1 stride 2", "column 18: 'stride'", CEN_ERROR_ARGUMENT},
        {"conv 8 3x3 stride 0", "column 19: '0'", CEN_ERROR_ARGUMENT},
        {"conv 8 3x3 pad 3", "layer 0 'conv 8 3x3 pad 3': a padding of 3x3", CEN_ERROR_ARGUMENT},
        {"conv 8 3x3 groups", "column 18: the end of the line", CEN_ERROR_ARGUMENT},
        {"conv 8 3x3 groups 0", "column 19: '0'", CEN_ERROR_ARGUMENT},
        {"conv 8 3x3 groups 3", "column 19: '3' stands where a number of groups that divides",
         CEN_ERROR_ARGUMENT},
        {"conv 8 3x3 groups 18446744073709551615", "column 19: '184467", CEN_ERROR_ARGUMENT},
        {"conv 8 3x3 groups 4 pad 1", "column 21: 'pad'", CEN_ERROR_ARGUMENT},
        {"conv 8 3x3 groups 4", "its input's channels, 1, do not divide into 4",
         CEN_ERROR_ARGUMENT},
        {"maxpool", "column 8: the end of the line", CEN_ERROR_ARGUMENT},
        {"maxpool 3 pad 2", "column 15: '2' stands where a padding of at most half",
         CEN_ERROR_ARGUMENT},
        {"maxpool 4x2 pad 1x2", "column 17: '1x2'", CEN_ERROR_ARGUMENT},
        {"maxpool 2 pad 1 stride 2", "column 17: 'stride'", CEN_ERROR_ARGUMENT},
        {"maxpool 12 pad 1", "smaller than its window", CEN_ERROR_ARGUMENT},
        {"avgpool", "column 8: the end of the line", CEN_ERROR_ARGUMENT},
        {"avgpool 2 stride 0", "column 18: '0'", CEN_ERROR_ARGUMENT},
        {"avgpool 3 pad 2", "column 15: '2' stands where a padding of at most half",
         CEN_ERROR_ARGUMENT},
        {"avgpool 3 pad 18446744073709551615", "column 15: '184467", CEN_ERROR_ARGUMENT},
        {"avgpool 9", "smaller than its window", CEN_ERROR_ARGUMENT},
        {"relu6 6", "column 7: '6'", CEN_ERROR_ARGUMENT},
        {"gelu tanh", "column 6: 'tanh'", CEN_ERROR_ARGUMENT},
        {"cnv 8 3x3", "l2norm, avgpool, relu6, gelu, residual) is expected", CEN_ERROR_ARGUMENT},
        {"maxpool 17", "more than 256", CEN_ERROR_ARGUMENT},
        {"maxpool 9", "smaller than its window", CEN_ERROR_ARGUMENT},
        {"dense 4", "put 'flatten' before it", CEN_ERROR_ARGUMENT},
        {"flatten 2", "column 9: '2'", CEN_ERROR_ARGUMENT},
        {"flatten, dense 99999999", "column 16: '99999999'", CEN_ERROR_ARGUMENT},
        {"flatten, dense -1", "column 16: '-1'", CEN_ERROR_ARGUMENT},
        {"relu", "no feature vector", CEN_ERROR_ARGUMENT},
        {"gap 2", "column 5: '2'", CEN_ERROR_ARGUMENT},
        {"batchnorm 0.1", "column 11: '0.1'", CEN_ERROR_ARGUMENT},
        {"gap, dropout", "column 13: the end of the line", CEN_ERROR_ARGUMENT},
        {"gap, dropout 1.5", "column 14: '1.5' stands where a chance between 0 and 1",
         CEN_ERROR_ARGUMENT},
        {"gap, dropout 1", "column 14: '1'", CEN_ERROR_ARGUMENT},
        {"gap, dropout -0.5", "column 14: '-0.5'", CEN_ERROR_ARGUMENT},
        {"gap, dropout nan", "column 14: 'nan'", CEN_ERROR_ARGUMENT},
        {"gap, l2norm 8", "column 13: '8'", CEN_ERROR_ARGUMENT},
        {"gap, l2norm scale", "column 18: the end of the line", CEN_ERROR_ARGUMENT},
        {"gap, l2norm scale 0", "column 19: '0'", CEN_ERROR_ARGUMENT},
        {"l2norm", "put 'flatten' before it", CEN_ERROR_ARGUMENT},
        {"maxpool 8x1, dense 4", "put 'flatten' before it", CEN_ERROR_ARGUMENT},
        {"maxpool 8x1, l2norm", "put 'flatten' before it", CEN_ERROR_ARGUMENT},
        {"maxpool 8x1", "its output of 1x1x8 is no feature vector", CEN_ERROR_ARGUMENT},
        {"maxpool 1x9", "smaller than its window", CEN_ERROR_ARGUMENT},
        {"conv 8 3x3 pad 2x3", "a padding of 2x3", CEN_ERROR_ARGUMENT},
        {"conv 8 3x0", "column 8: '3x0'", CEN_ERROR_ARGUMENT},
        {"relu, a_word_of_more_than_forty_characters_is_not_shown_whole",
         "'a_word_of_more_than_forty_characters_is_'", CEN_ERROR_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cen__net net;
        cen_error error;
        assert_int_equal(cen__net_create(NULL, kernels_now(), &net, cases[i].line,
                                         (cen__shape){1, 8, 8}, 0, &error),
                         cases[i].status);
        if (strstr(error.message, cases[i].says) == NULL) {
            fail_msg("'%s' gives: %s", cases[i].line, error.message);
        }
        assert_null(net.layers);
        assert_int_equal(cen__net_create(NULL, kernels_now(), &net, cases[i].line,
                                         (cen__shape){1, 8, 8}, 0, NULL),
                         cases[i].status);
    }
}

static void a_net_beyond_all_memory_is_refused_before_it_is_allocated(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "conv 16777216 1x1, conv 16777216 4096x4096, flatten",
        "conv 16777216 1x1, conv 16777216 4096x4096 groups 2, flatten",
        "conv 16777216 1x1 pad 0, flatten, dense 16777216, dense 16777216, dense 16777216",
    };
    cen__net net;
    cen_error error;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(cen__net_create(NULL, kernels_now(), &net, lines[i],
                                         (cen__shape){1, 4096, 4096}, 0, &error),
                         CEN_ERROR_LIMIT);
        assert_non_null(strstr(error.message, "does not fit into memory"));
    }
}

/* The first layer's weights, of which there are N, are uniform in +-bound. */
static void check_start(const char *line, cen__shape in, float bound)
{
    enum { N = 2400 };
    cen__net net;
    assert_int_equal(cen__net_create(NULL, kernels_now(), &net, line, in, 0, NULL), CEN_OK);
    assert_int_equal(net.layers[0].parameters[0].count, N);
    float *w = calloc(net.n_parameters, sizeof *w), *other = calloc(net.n_parameters, sizeof *w);
    assert_true(w != NULL && other != NULL);
    cen__net_initialize(&net, 1, w);
    cen__net_initialize(&net, 2, other);
    double sum = 0, squares = 0;
    float largest = 0;
    for (size_t i = 0; i < N; i++) {
        double share = (double)(w[i] / bound);
        sum += share;
        squares += share * share;
        if (fabsf(w[i]) > largest) largest = fabsf(w[i]);
    }
    assert_true(largest <= bound * 1.000001f && largest > 0.99f * bound);
    assert_true(fabs(sum / N) < 0.04);
    assert_true(fabs(squares / N - 1.0 / 3) < 0.02);
    for (size_t i = 0; i < net.layers[0].parameters[1].count; i++) assert_true(w[N + i] == 0);
    assert_memory_not_equal(w, other, N * sizeof *w);
    free(w);
    free(other);
    cen__net_free(&net);
}

static void weights_are_he_uniform_before_a_rectifier_else_glorot_uniform(void **state)
{
    (void)state;
    static const cen__shape flat = {60, 1, 1}, image = {6, 8, 8};
    check_start("dense 40", flat, sqrtf(6.0f / 100));
    check_start("dense 40, relu", flat, sqrtf(6.0f / 60));
    check_start("dense 40, relu6", flat, sqrtf(6.0f / 60));
    check_start("dense 40, gelu", flat, sqrtf(6.0f / 60));
    check_start("dense 40, prelu", flat, sqrtf(6.0f / (60 * 1.0625f)));
    check_start("conv 16 5x5, batchnorm, maxpool 2, relu, flatten", image, sqrtf(6.0f / 150));
    check_start("conv 300 2x2 groups 3, relu, flatten", image, sqrtf(6.0f / 8));
    check_start("conv 300 2x2 groups 3, flatten", image, sqrtf(6.0f / (8 + 400)));
    check_start("conv 16 5x5, maxpool 2, flatten, dense 3, relu", image, sqrtf(6.0f / 550));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_becomes_layers_with_shapes_and_parameters),
        cmocka_unit_test(blanks_do_not_matter_and_sizes_may_differ_by_side),
        cmocka_unit_test(the_feature_size_replaces_the_last_dense),
        cmocka_unit_test(a_wrong_line_is_told_with_its_word_and_column),
        cmocka_unit_test(a_net_beyond_all_memory_is_refused_before_it_is_allocated),
        cmocka_unit_test(weights_are_he_uniform_before_a_rectifier_else_glorot_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
