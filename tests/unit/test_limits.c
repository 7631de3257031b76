/* Sizes that no memory holds are refused before any is asked for. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <centerloss_eval.h>

#include "support/models.h"
#include "base/os.h"

static void a_batch_beyond_all_memory_is_refused(void **state)
{
    (void)state;
    static const size_t batches[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4};
    cen_model *model = model_create("flatten, dense 2", 1, 2, 2, 2);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        cen_train_options options = cen_train_options_init();
        cen_trainer *trainer = NULL;
        cen_error error;
        options.batch_size = batches[i];
        assert_int_equal(cen_trainer_create(&trainer, model, &options, &error), CEN_ERROR_LIMIT);
        assert_non_null(strstr(error.message, "use smaller batches"));
        assert_null(trainer);
    }
    cen_model_free(model);
}

static void classes_beyond_all_memory_are_refused(void **state)
{
    (void)state;
    static const size_t classes[] = {SIZE_MAX, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        cen_model_options options = cen_model_options_init();
        cen_model *model = NULL;
        cen_error error;
        options.net = "flatten, dense 4";
        options.input.height = options.input.width = 2;
        options.n_classes = classes[i];
        assert_int_equal(cen_model_create(NULL, &model, &options, &error), CEN_ERROR_MEMORY);
        assert_non_null(strstr(error.message, "not enough memory"));
        assert_null(model);
    }
}

static void a_png_that_is_too_large_to_be_one_is_not_written(void **state)
{
    (void)state;
    static uint8_t pixel[4];
    const size_t most = INT32_MAX;
    const struct {
        cen_image image;
        cen_status status;
    } cases[] = {
        {{most + 1, 1, 1, pixel, NULL, {0}}, CEN_ERROR_ARGUMENT},
        {{1, most + 1, 1, pixel, NULL, {0}}, CEN_ERROR_ARGUMENT},
        {{1, 0, 1, pixel, NULL, {0}}, CEN_ERROR_ARGUMENT},
        {{1, 1, 0, pixel, NULL, {0}}, CEN_ERROR_ARGUMENT},
        {{most, most, 4, pixel, NULL, {0}}, CEN_ERROR_MEMORY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cen_error error;
        assert_int_equal(cen_image_write_png(NULL, &cases[i].image, "test_limits.png", &error),
                         cases[i].status);
        assert_int_equal(error.status, cases[i].status);
        assert_false((cen__os_kind("test_limits.png") != CEN__NOTHING));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_beyond_all_memory_is_refused),
        cmocka_unit_test(classes_beyond_all_memory_are_refused),
        cmocka_unit_test(a_png_that_is_too_large_to_be_one_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
