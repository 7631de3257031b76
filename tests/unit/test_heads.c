/* How a model makes logits: kept from the loss that it was trained with, in its file, and computed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "format/safetensors.h"
#include "loss/head.h"
#include "support/context.h"
#include "support/loss_cases.h"
#include "support/models.h"
#include "train/model.h"

static const char line[] = "flatten, dense 2";

/* A model that was given to a trainer for this loss. */
static cen_model *make(cen_loss loss, double scale)
{
    cen_model *model = model_create(line, 1, 2, 2, 3);
    cen_train_options options = cen_train_options_init();
    options.loss = loss;
    options.margin_scale = scale;
    cen_trainer_free(trainer_create(model, &options));
    return model;
}

static void check_head(const cen_model *model, const char *name, double scale)
{
    if (name == NULL) {
        assert_null(model->head.kind);
        return;
    }
    assert_non_null(model->head.kind);
    assert_string_equal(model->head.kind->name, name);
    if (scale > 0) assert_true(model->head.scale == scale);
}

static void a_model_keeps_the_head_of_its_loss_in_its_file(void **state)
{
    (void)state;
    const struct {
        cen_loss loss;
        double scale;
        const char *name;
    } cases[] = {{CEN_LOSS_CENTER, 30, "affine"},
                 {CEN_LOSS_CONTRASTIVE_CENTER, 30, "affine"},
                 {CEN_LOSS_COSFACE, 16.3, "cosine"},
                 {CEN_LOSS_TRIPLET_HARD, 30, NULL},
                 {CEN_LOSS_TRIPLET_SEMI_HARD, 30, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cen_model *model = model_create(line, 1, 2, 2, 3), *loaded;
        cen_train_options options = cen_train_options_init();
        cen_error error;
        options.loss = cases[i].loss;
        options.margin_scale = cases[i].scale;
        if (options.loss == CEN_LOSS_CONTRASTIVE_CENTER) options.centers = CEN_CENTERS_ADAM;
        check_head(model, "affine", 0);
        cen_trainer_free(trainer_create(model, &options));
        double scale = options.loss == CEN_LOSS_COSFACE ? cases[i].scale : 0;
        check_head(model, cases[i].name, scale);
        assert_ok(cen_model_save(model, "head.safetensors", &error), &error);
        assert_ok(cen_model_load(NULL, &loaded, "head.safetensors", NULL, &error), &error);
        check_head(loaded, cases[i].name, scale);
        cen_model_free(loaded);
        cen_model_free(model);
    }
}

/* cl_train notes its loss, and the model may be trained on with another. */
static void a_note_on_another_loss_leaves_the_head_as_it_is(void **state)
{
    (void)state;
    const char *const notes[] = {"triplet-hard", "cosface", "center", "none of these"};
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        cen_model *model = make(CEN_LOSS_CENTER, 30), *loaded;
        cen_error error;
        assert_ok(cen_model_set_note(model, "loss", notes[i], &error), &error);
        assert_ok(cen_model_save(model, "head.safetensors", &error), &error);
        assert_ok(cen_model_load(NULL, &loaded, "head.safetensors", NULL, &error), &error);
        check_head(loaded, "affine", 0);
        cen_model_free(loaded);
        cen_model_free(model);
    }
}

/* Its memory is that of the head so far. */
static void a_predictor_refuses_a_model_that_has_got_another_head(void **state)
{
    (void)state;
    const cen_loss losses[] = {CEN_LOSS_TRIPLET_HARD, CEN_LOSS_COSFACE, CEN_LOSS_CENTER};
    const float x[4] = {1, 2, 3, 4};
    float logits[3], features[2];
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        cen_model *model = make(losses[(i + 1) % 3], 30);
        cen_predictor *predictor;
        cen_train_options options = cen_train_options_init();
        cen_error error;
        assert_ok(cen_predictor_create(&predictor, model, 1, &error), &error);
        options.loss = losses[i];
        cen_trainer_free(trainer_create(model, &options));
        assert_int_equal(cen_predictor_classes(predictor, x, 1, logits, NULL, &error),
                         CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, "make another"));
        assert_ok(cen_predictor_features(predictor, x, 1, features, &error), &error);
        cen_predictor_free(predictor);
        cen_model_free(model);
    }
}

/* Its file could not be read again, and its gradient is no number. */
static void a_cosface_without_scale_is_refused(void **state)
{
    (void)state;
    cen_model *model = model_create(line, 1, 2, 2, 3);
    cen_trainer *trainer;
    cen_train_options options = cen_train_options_init();
    cen_error error;
    options.loss = CEN_LOSS_COSFACE;
    options.margin_scale = 0;
    assert_int_equal(cen_trainer_create(&trainer, model, &options, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "a scale of 0"));
    check_head(model, "affine", 0);
    cen_model_free(model);
}

/* The model's file with these metadata put in the place of its head. */
static cen_status load_with(cen_model **loaded, const char *const (*pairs)[2], size_t n,
                            cen_error *error)
{
    cen_model *model = make(CEN_LOSS_CENTER, 30);
    cen__safetensors file;
    cen__string_pair all[16];
    cen__named_tensor tensors[16];
    assert_int_equal(cen_model_save(model, "good.safetensors", NULL), CEN_OK);
    assert_int_equal(cen__safetensors_read(NULL, "good.safetensors", &file, NULL), CEN_OK);
    memcpy(all, file.metadata, file.n_metadata * sizeof *all);
    memcpy(tensors, file.tensors, file.n_tensors * sizeof *tensors);
    for (size_t i = 0; i < n; i++) {
        all[file.n_metadata + i] = (cen__string_pair){pairs[i][0], pairs[i][1]};
    }
    assert_int_equal(cen__safetensors_write(NULL, "head.safetensors", tensors, file.n_tensors, all,
                                            file.n_metadata + n, NULL),
                     CEN_OK);
    cen__safetensors_free(&file);
    cen_model_free(model);
    return cen_model_load(NULL, loaded, "head.safetensors", NULL, error);
}

static void a_file_from_before_heads_has_that_of_its_noted_loss(void **state)
{
    (void)state;
    const char *const notes[][2] = {
        {"loss", "cosface"}, {"loss", "triplet"}, {"loss", "softmax"}, {"loss", "my own"}};
    const char *const names[] = {"cosine", NULL, "affine", "affine"};
    for (size_t i = 0; i < 4; i++) {
        cen_model *loaded;
        cen_error error;
        assert_ok(load_with(&loaded, &notes[i], 1, &error), &error);
        check_head(loaded, names[i], i == 0 ? 30 : 0);
        cen_model_free(loaded);
    }
}

static void a_head_that_is_none_is_refused(void **state)
{
    (void)state;
    const char *const cases[][2][2] = {
        {{"head", "tail"}, {"head_scale", "30"}},  {{"head", "cosine"}, {"lambda", "1"}},
        {{"head", "cosine"}, {"head_scale", "x"}}, {{"head", "cosine"}, {"head_scale", "-1"}},
        {{"head", "cosine"}, {"head_scale", "0"}}, {{"head", "cosine"}, {"head_scale", "1e300"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cen_model *loaded;
        cen_error error;
        assert_int_equal(load_with(&loaded, cases[i], 2, &error), CEN_ERROR_FORMAT);
        assert_non_null(strstr(error.message, "its metadata 'head"));
        assert_null(loaded);
    }
}

/* (3, 4) and (0, -2) against (1, 0), (0, 2), (-3, -4), worked by hand. */
static void logits_are_those_of_the_head(void **state)
{
    (void)state;
    const float f[4] = {3, 4, 0, -2}, weight[6] = {1, 0, 0, 2, -3, -4}, bias[3] = {0.5f, 0, -1};
    const double affine[6] = {3.5, 8, -26, 0.5, -4, 7};
    const double cosine[6] = {6, 8, -10, 0, -10, 8};
    const struct {
        const cen__head_kind *kind;
        const double *want;
    } cases[] = {{&cen__affine_head, affine}, {&cen__cosine_head, cosine}};
    for (size_t i = 0; i < 2; i++) {
        const cen__head_kind *kind = cases[i].kind;
        float logits[6];
        size_t count = kind->scratch_count(kernels_now(), 2, 2, 3, 1);
        cen__head_pass pass = {.kernels = kernels_now(),
                               .n = 2,
                               .d = 2,
                               .k = 3,
                               .scale = 10,
                               .f = f,
                               .weight = weight,
                               .bias = bias,
                               .logits = logits,
                               .scratch = scratch_memory(count, sizeof(float))};
        kind->forward(&pass);
        for (size_t j = 0; j < 6; j++) {
            assert_number(kind->name, (double)logits[j], cases[i].want[j], 1e-6);
        }
        cen__free(pass.scratch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_on_another_loss_leaves_the_head_as_it_is),
        cmocka_unit_test(a_predictor_refuses_a_model_that_has_got_another_head),
        cmocka_unit_test(a_model_keeps_the_head_of_its_loss_in_its_file),
        cmocka_unit_test(a_cosface_without_scale_is_refused),
        cmocka_unit_test(a_file_from_before_heads_has_that_of_its_noted_loss),
        cmocka_unit_test(a_head_that_is_none_is_refused),
        cmocka_unit_test(logits_are_those_of_the_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
