/* How a plan cuts batches into chunks: by the batch and the net alone, so that chunks cost little, serve many
 * threads and take bounded memory. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "nn/plan.h"
#include "support/context.h"

static cen__net make_net(const char *line, cen__shape in)
{
    cen__net net;
    assert_int_equal(cen__net_create(NULL, kernels_now(), &net, line, in, 0, NULL), CEN_OK);
    return net;
}

static cen__plan make_plan(const cen__net *net, size_t max_n, int n_threads)
{
    cen__plan plan;
    assert_true(cen__plan_make(NULL, &plan, net, max_n, n_threads, true));
    return plan;
}

static const char *const lines[] = {
    "conv 64 3x3 pad 1, batchnorm, relu, maxpool 2, conv 64 3x3 pad 1, batchnorm, relu, maxpool 2, "
    "conv 128 3x3 pad 1, batchnorm, relu, maxpool 2, conv 128 3x3 pad 1, batchnorm, relu, flatten, "
    "dense 128",
    "conv 10 2x2, maxpool 2, flatten, dense 32, relu",
    "conv 32 5x5 pad 2, prelu, conv 32 5x5 pad 2, prelu, maxpool 2, conv 64 5x5 pad 2, prelu, "
    "maxpool 2, "
    "conv 128 5x5 pad 2, prelu, flatten, dense 2",
    "relu, gap",
    "flatten, dense 5",
};

enum { N_LINES = sizeof lines / sizeof *lines };

static void no_chunk_is_larger_than_the_largest_or_empty(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_LINES; i++) {
        const cen__net net = make_net(lines[i], (cen__shape){1, 28, 28});
        cen__net copy = net;
        cen__plan plan = make_plan(&net, 300, 1);
        for (size_t s = 0; s < plan.n_stages; s++) {
            const cen__stage *stage = &plan.stages[s];
            size_t most = 0;
            for (size_t n = 1; n <= 300; n++) {
                const size_t chunks = cen__plan_chunks(stage, n), size = (n + chunks - 1) / chunks;
                assert_true(chunks >= 1 && chunks <= n);
                if (size > most) most = size;
                assert_true(cen__plan_largest_chunk(stage, n) >= most);
            }
            assert_int_equal(cen__plan_largest_chunk(stage, 300), most);
            assert_int_equal(cen__plan_chunks(stage, 0), 0);
        }
        cen__plan_free(&plan);
        cen__net_free(&copy);
    }
}

static void threads_change_no_chunk(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_LINES; i++) {
        cen__net net = make_net(lines[i], (cen__shape){1, 28, 28});
        cen__plan one = make_plan(&net, 64, 1), many = make_plan(&net, 64, 64);
        assert_int_equal(one.n_stages, many.n_stages);
        for (size_t s = 0; s < one.n_stages; s++) {
            for (size_t n = 1; n < 1000; n++) {
                assert_int_equal(cen__plan_chunks(&one.stages[s], n),
                                 cen__plan_chunks(&many.stages[s], n));
            }
        }
        cen__plan_free(&one);
        cen__plan_free(&many);
        cen__net_free(&net);
    }
}

/* Numbers of partial gradients that a batch writes, an image; each costs about as much as 64 multiply-adds. */
static double cost_of(const cen__plan *plan, size_t n)
{
    double written = 0;
    for (size_t s = 0; s < plan->n_stages; s++) {
        if (plan->stages[s].scope == CEN__SCOPE_BATCH) continue;
        written += (double)plan->stages[s].count * (double)cen__plan_chunks(&plan->stages[s], n);
    }
    return 64 * written / (double)n;
}

static void chunks_of_small_batches_cost_little_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        cen__net net = make_net(lines[i], (cen__shape){1, 28, 28});
        cen__plan plan = make_plan(&net, 64, 1);
        assert_true(net.work + cost_of(&plan, 16) < 1.25 * (net.work + cost_of(&plan, 64)));
        assert_true(cost_of(&plan, 64) < 0.12 * net.work);
        cen__plan_free(&plan);
        cen__net_free(&net);
    }
}

/* Features: each chunk reads the parameters once more, which costs about as much as 29 multiply-adds each. */
static void chunks_of_features_cost_little_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        cen__net net = make_net(lines[i], (cen__shape){1, 28, 28});
        cen__plan plan;
        assert_true(cen__plan_make(NULL, &plan, &net, 128, 1, false));
        assert_true(29.0 / 64 * cost_of(&plan, 128) < 0.07 * net.work);
        cen__plan_free(&plan);
        cen__net_free(&net);
    }
}

static void a_large_batch_has_chunks_for_32_threads(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        cen__net net = make_net(lines[i], (cen__shape){1, 28, 28});
        cen__plan plan = make_plan(&net, 2048, 1);
        for (size_t s = 0; s < plan.n_stages; s++) {
            if (plan.stages[s].scope == CEN__SCOPE_BATCH || plan.stages[s].count == 0) continue;
            assert_true(cen__plan_chunks(&plan.stages[s], 2048) >= 32);
        }
        cen__plan_free(&plan);
        cen__net_free(&net);
    }
}

/* The work of a convolution that runs with its maxpool is that of all its outputs. */
static void a_pooled_convolution_is_cut_by_its_whole_work(void **state)
{
    (void)state;
    cen__net net =
        make_net("conv 32 3x3 pad 1, relu, maxpool 2, conv 64 3x3 pad 1, relu, maxpool 2, "
                 "conv 128 3x3 pad 1, relu, maxpool 2, flatten, dense 128",
                 (cen__shape){3, 64, 64});
    cen__plan plan = make_plan(&net, 32, 1);
    assert_true(cen__plan_chunks(&plan.stages[0], 32) >= 8);
    cen__plan_free(&plan);
    cen__net_free(&net);
}

/* 2.4 million parameters in a stage with 32 x 32 numbers of each channel: 64 chunks would have 604 MB. */
static void partial_gradients_of_large_stages_take_bounded_memory(void **state)
{
    (void)state;
    cen__net net = make_net("conv 512 3x3 pad 1, conv 512 3x3 pad 1, gap", (cen__shape){1, 32, 32});
    cen__plan plan = make_plan(&net, 1024, 1);
    assert_true(plan.partial_count <= (size_t)1 << 25);
    assert_true(cen__plan_chunks(&plan.stages[0], 1024) >= 8);
    cen__plan_free(&plan);
    cen__net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_chunk_is_larger_than_the_largest_or_empty),
        cmocka_unit_test(threads_change_no_chunk),
        cmocka_unit_test(chunks_of_small_batches_cost_little_more),
        cmocka_unit_test(chunks_of_features_cost_little_more),
        cmocka_unit_test(a_large_batch_has_chunks_for_32_threads),
        cmocka_unit_test(a_pooled_convolution_is_cut_by_its_whole_work),
        cmocka_unit_test(partial_gradients_of_large_stages_take_bounded_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
