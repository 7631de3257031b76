/* Other classes for a model that is there (cen_model_set_classes), by the public header. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <centerloss_eval.h>

enum { SIDE = 4, INPUT = SIDE * SIDE, D = 5, MOST = 1 << 15 };

static cen_model *create(size_t n, const char *const *names, uint64_t seed)
{
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    options.net = "conv 3 3x3 pad 1, batchnorm, relu, flatten, dense 5";
    options.input.height = options.input.width = SIDE;
    options.n_classes = n;
    options.class_names = names;
    options.seed = seed;
    assert_int_equal(cen_model_create(NULL, &model, &options, NULL), CEN_OK);
    return model;
}

static const float *tensor(cen_model *model, const char *name, size_t *n_rows)
{
    cen_tensor view;
    const char *found;
    for (size_t i = 0; cen_model_tensor(model, i, &found, &view); i++) {
        if (strcmp(found, name) != 0) continue;
        if (n_rows != NULL) *n_rows = view.shape[0];
        return view.data;
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

/* The numbers of one class: head, bias, center. */
typedef struct {
    float numbers[2 * D + 1];
} class_rows;

static class_rows rows_of(cen_model *model, size_t i)
{
    class_rows r;
    memcpy(r.numbers, tensor(model, "head.weight", NULL) + i * D, D * sizeof(float));
    r.numbers[D] = tensor(model, "head.bias", NULL)[i];
    memcpy(r.numbers + D + 1, tensor(model, "centers.weight", NULL) + i * D, D * sizeof(float));
    return r;
}

static void assert_same_rows(class_rows a, class_rows b)
{
    assert_memory_equal(a.numbers, b.numbers, sizeof a.numbers);
}

/* So that each number is told from every other. */
static void number(cen_model *model)
{
    cen_tensor view;
    const char *name;
    float next = 1;
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        size_t count = 1;
        for (size_t k = 0; k < view.n_dims; k++) count *= view.shape[k];
        for (size_t k = 0; k < count; k++) view.data[k] = next++ / 1024;
    }
}

static void predict(const cen_model *model, float *features)
{
    float x[INPUT];
    cen_predictor *predictor;
    for (size_t i = 0; i < INPUT; i++) x[i] = (float)i / INPUT;
    assert_int_equal(cen_predictor_create(&predictor, model, 1, NULL), CEN_OK);
    assert_int_equal(cen_predictor_features(predictor, x, 1, features, NULL), CEN_OK);
    cen_predictor_free(predictor);
}

/* ---- tests ---- */

static void classes_that_stay_keep_their_rows_and_the_body_its_features(void **state)
{
    (void)state;
    static const char *const before[] = {"bee", "ant", "cat"};
    static const char *const after[] = {"dog", "cat", "eel", "bee", "fox"};
    cen_model *model = create(3, before, 1);
    float features[D], again[D];
    size_t n, n_rows;
    number(model);
    predict(model, features);
    const class_rows bee = rows_of(model, 0), cat = rows_of(model, 2);
    assert_int_equal(cen_model_set_classes(model, 5, after, NULL, NULL), CEN_OK);
    assert_same_rows(rows_of(model, 1), cat);
    assert_same_rows(rows_of(model, 3), bee);
    (void)tensor(model, "centers.weight", &n_rows);
    assert_int_equal(n_rows, 5);
    const cen_model_info *info = cen_model_get(model);
    assert_int_equal(info->n_classes, 5);
    for (size_t i = 0; i < 5; i++) assert_string_equal(info->class_names[i], after[i]);
    assert_int_equal(info->n_center_parameters, 5 * D);
    assert_ptr_equal(tensor(model, "centers.weight", NULL),
                     cen_model_parameters(model, &n) + info->n_parameters);
    assert_int_equal(n, info->n_parameters + info->n_center_parameters);
    predict(model, again);
    assert_memory_equal(features, again, sizeof features);
    cen_model_free(model);
}

static void the_row_of_a_new_class_depends_on_seed_and_name_only(void **state)
{
    (void)state;
    static const char *const one[] = {"ant", "new"}, *const other[] = {"new", "cat"};
    cen_model *a = create(1, one, 9), *b = create(1, other + 1, 9), *c = create(1, one, 10);
    assert_int_equal(cen_model_set_classes(a, 2, one, NULL, NULL), CEN_OK);
    assert_int_equal(cen_model_set_classes(b, 2, other, NULL, NULL), CEN_OK);
    assert_int_equal(cen_model_set_classes(c, 2, one, NULL, NULL), CEN_OK);
    assert_same_rows(rows_of(a, 1), rows_of(b, 0));
    const class_rows row = rows_of(a, 1), else_seed = rows_of(c, 1);
    assert_memory_not_equal(row.numbers, else_seed.numbers, sizeof row.numbers);
    const double bound = sqrt(6.0 / (D + 2)); /* Glorot */
    bool is_spread = false;
    for (size_t i = 0; i < D; i++) {
        assert_true(fabs((double)row.numbers[i]) <= bound);
        assert_true(fabs((double)row.numbers[D + 1 + i]) <= 0.05);
        is_spread |= fabs((double)row.numbers[i]) > 0.1;
    }
    assert_true(is_spread);
    assert_true(row.numbers[D] == 0);
    cen_model_free(a);
    cen_model_free(b);
    cen_model_free(c);
}

static void a_renamed_class_takes_over_the_row_that_is_named(void **state)
{
    (void)state;
    static const char *const before[] = {"ant", "bee"}, *const after[] = {"bee", "wasp", "cat"};
    const size_t from[] = {SIZE_MAX, 1, 0}, bad[] = {0, 2, 1};
    cen_model *model = create(2, before, 1);
    cen_error error;
    number(model);
    const class_rows ant = rows_of(model, 0), bee = rows_of(model, 1);
    assert_int_equal(cen_model_set_classes(model, 3, after, bad, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "row 2"));
    assert_int_equal(cen_model_get(model)->n_classes, 2);
    assert_same_rows(rows_of(model, 1), bee);
    assert_int_equal(cen_model_set_classes(model, 3, after, from, NULL), CEN_OK);
    assert_same_rows(rows_of(model, 1), bee);
    assert_same_rows(rows_of(model, 2), ant);
    const class_rows fresh = rows_of(model, 0);
    assert_true(fresh.numbers[D] == 0);
    cen_model_free(model);
}

static void a_model_can_lose_all_classes_and_get_others(void **state)
{
    (void)state;
    static const char *const names[] = {"ant", "bee"};
    cen_model *model = create(2, names, 1);
    float features[D], again[D];
    predict(model, features);
    assert_int_equal(cen_model_set_classes(model, 0, NULL, NULL, NULL), CEN_OK);
    assert_int_equal(cen_model_get(model)->n_classes, 0);
    assert_int_equal(cen_model_set_classes(model, 3, NULL, NULL, NULL), CEN_OK);
    assert_string_equal(cen_model_get(model)->class_names[2], "2");
    predict(model, again);
    assert_memory_equal(features, again, sizeof features);
    cen_model_free(model);
}

static void the_file_of_a_changed_model_is_that_of_one_made_so(void **state)
{
    (void)state;
    static const char *const names[] = {"ant", "bee", "cat"};
    static uint8_t bytes[2][MOST];
    size_t sizes[2];
    cen_model *model = create(1, names + 1, 1), *loaded;
    number(model);
    assert_int_equal(cen_model_set_classes(model, 3, names, NULL, NULL), CEN_OK);
    assert_int_equal(cen_model_save_memory(model, bytes[0], MOST, &sizes[0], NULL), CEN_OK);
    assert_int_equal(cen_model_load_memory(NULL, &loaded, bytes[0], sizes[0], true, NULL, NULL),
                     CEN_OK);
    assert_int_equal(cen_model_get(loaded)->n_classes, 3);
    for (size_t i = 0; i < 3; i++) assert_same_rows(rows_of(model, i), rows_of(loaded, i));
    assert_int_equal(cen_model_save_memory(loaded, bytes[1], MOST, &sizes[1], NULL), CEN_OK);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    cen_model_free(loaded);
    cen_model_free(model);
}

static void a_model_in_place_gets_other_classes_without_a_write_to_its_bytes(void **state)
{
    (void)state;
    static const char *const names[] = {"ant", "bee", "cat"};
    static uint32_t aligned[MOST / 4], kept[MOST / 4];
    size_t size;
    cen_model *model = create(2, names, 1), *loaded;
    assert_int_equal(cen_model_save_memory(model, aligned, MOST, &size, NULL), CEN_OK);
    memcpy(kept, aligned, size);
    assert_int_equal(cen_model_load_memory(NULL, &loaded, aligned, size, true, NULL, NULL), CEN_OK);
    assert_int_equal(cen_model_set_classes(loaded, 3, names, NULL, NULL), CEN_OK);
    assert_same_rows(rows_of(loaded, 1), rows_of(model, 1));
    assert_memory_equal(kept, aligned, size);
    cen_model_free(loaded);
    cen_model_free(model);
}

/* An allocator with so many blocks left. */
static void *allocate(void *user, size_t size)
{
    long *left = user;
    return (*left)-- > 0 ? malloc(size) : NULL;
}

static void release(void *user, void *block)
{
    (void)user;
    free(block);
}

static void what_fails_leaves_the_classes_as_they_were(void **state)
{
    (void)state;
    static const char *const names[] = {"ant", "bee", "cat"}, *const nameless[] = {"ant", NULL};
    long left = 100000;
    cen_context_options counting = cen_context_options_init();
    cen_context *context;
    cen_model *model = create(2, names, 1), *loaded;
    static uint8_t bytes[MOST], again[MOST];
    size_t size, now;
    cen_error error;
    counting.n_threads = 1;
    counting.allocate = allocate;
    counting.release = release;
    counting.allocator_user = &left;
    assert_int_equal(cen_context_create(&context, &counting, NULL), CEN_OK);
    assert_int_equal(cen_model_save_memory(model, bytes, MOST, &size, NULL), CEN_OK);
    assert_int_equal(cen_model_load_memory(context, &loaded, bytes, size, false, NULL, NULL),
                     CEN_OK);
    assert_int_equal(cen_model_set_classes(loaded, 2, nameless, NULL, &error), CEN_ERROR_ARGUMENT);
    assert_int_equal(cen_model_set_classes(loaded, SIZE_MAX / 2, NULL, NULL, &error),
                     CEN_ERROR_LIMIT);
    cen_status status = CEN_ERROR_MEMORY;
    for (long n = 0; status != CEN_OK; n++) {
        left = n;
        status = cen_model_set_classes(loaded, 3, names, NULL, &error);
        left = 100000;
        if (status == CEN_OK) break;
        assert_int_equal(status, CEN_ERROR_MEMORY);
        assert_int_equal(cen_model_save_memory(loaded, again, MOST, &now, NULL), CEN_OK);
        assert_int_equal(now, size);
        assert_memory_equal(bytes, again, size);
        assert_true(n < 100);
    }
    cen_model_free(loaded);
    cen_context_free(context);
    cen_model_free(model);
}

static void what_was_made_for_the_classes_before_refuses_to_work(void **state)
{
    (void)state;
    static const char *const names[] = {"ant", "bee", "cat", "dog"};
    const int32_t labels[2] = {0, 1};
    const float x[2 * INPUT] = {0.5f, -1, 2};
    float features[2 * D];
    cen_model *model = create(2, names, 1);
    cen_trainer *trainer, *other;
    cen_predictor *predictor;
    cen_losses losses;
    cen_error error;
    assert_int_equal(cen_trainer_create(&trainer, model, NULL, NULL), CEN_OK);
    assert_int_equal(cen_predictor_create(&predictor, model, 2, NULL), CEN_OK);
    assert_int_equal(cen_trainer_backward(trainer, x, labels, 2, &losses, NULL), CEN_OK);
    assert_int_equal(cen_model_set_classes(model, 4, names, NULL, NULL), CEN_OK);
    const class_rows before = rows_of(model, 0);
    cen_trainer_update(trainer);
    assert_same_rows(before, rows_of(model, 0));
    assert_int_equal(cen_trainer_backward(trainer, x, labels, 2, &losses, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "make another"));
    assert_int_equal(cen_trainer_evaluate(trainer, x, labels, 2, &losses, NULL, &error),
                     CEN_ERROR_ARGUMENT);
    assert_int_equal(cen_predictor_features(predictor, x, 2, features, &error), CEN_ERROR_ARGUMENT);
    size_t n_numbers;
    assert_int_equal(cen_trainer_save(trainer, "classes_trainer.safetensors", &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "make another"));
    (void)cen_trainer_gradient(trainer, &n_numbers);
    assert_int_equal(n_numbers, 0);
    assert_int_equal(cen_trainer_create(&other, model, NULL, NULL), CEN_OK);
    assert_int_equal(cen_trainer_backward(other, x, labels, 2, &losses, NULL), CEN_OK);
    cen_trainer_update(other);
    assert_int_equal(cen_trainer_save(other, "classes_trainer.safetensors", NULL), CEN_OK);
    assert_int_equal(cen_trainer_load(trainer, "classes_trainer.safetensors", NULL, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "make another"));
    (void)remove("classes_trainer.safetensors");
    cen_trainer_free(other);
    cen_trainer_free(trainer);
    cen_predictor_free(predictor);
    cen_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_that_stay_keep_their_rows_and_the_body_its_features),
        cmocka_unit_test(the_row_of_a_new_class_depends_on_seed_and_name_only),
        cmocka_unit_test(a_renamed_class_takes_over_the_row_that_is_named),
        cmocka_unit_test(a_model_can_lose_all_classes_and_get_others),
        cmocka_unit_test(the_file_of_a_changed_model_is_that_of_one_made_so),
        cmocka_unit_test(a_model_in_place_gets_other_classes_without_a_write_to_its_bytes),
        cmocka_unit_test(what_fails_leaves_the_classes_as_they_were),
        cmocka_unit_test(what_was_made_for_the_classes_before_refuses_to_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
