/* Models and their files: what is saved is what is loaded, and what is hostile is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/file.h"
#include "format/safetensors.h"
#include "support/models.h"
#include "support/tree.h"

static const char *const names[] = {"cat", "größe", "a \"b\"\\,\n"};

static cen_model *make(uint64_t seed, const char *net)
{
    cen_model_options options = cen_model_options_default();
    options.net = net;
    options.input = (cen_input){3, 6, 8, CEN_RESIZE_STRETCH, {0.1f, 0.2f, 0.3f}, {1, 2, 0.7f}};
    options.n_classes = 3;
    options.class_names = names;
    options.seed = seed;
    cen_model *model;
    cen_error error;
    assert_ok(cen_model_create(&model, &options, &error), &error);
    return model;
}

static const char *const line = "conv 4 3x3 stride 2 pad 1, prelu, flatten, dense 5";

static void a_saved_model_is_loaded_as_it_was(void **state)
{
    (void)state;
    cen_model *model = make(1, line), *loaded;
    assert_int_equal(cen_model_note(model, "lambda", "0.1", NULL), CEN_OK);
    assert_int_equal(cen_model_note(model, "lambda", "0.2", NULL), CEN_OK);
    assert_int_equal(cen_model_save(model, "model.safetensors", NULL), CEN_OK);
    cen_error error;
    assert_ok(cen_model_load(&loaded, "model.safetensors", NULL, &error), &error);
    const cen_model_info *a = cen_model_get(model), *b = cen_model_get(loaded);
    assert_string_equal(a->net, b->net);
    assert_int_equal(a->input.channels, b->input.channels);
    assert_int_equal(a->input.height, b->input.height);
    assert_int_equal(a->input.width, b->input.width);
    assert_int_equal(a->input.resize, b->input.resize);
    assert_memory_equal(a->input.mean, b->input.mean, sizeof a->input.mean);
    assert_memory_equal(a->input.std, b->input.std, sizeof a->input.std);
    assert_int_equal(b->n_classes, 3);
    for (size_t i = 0; i < 3; i++) assert_string_equal(b->class_names[i], names[i]);
    size_t n, m;
    const float *w = cen_model_parameters(model, &n), *v = cen_model_parameters(loaded, &m);
    assert_int_equal(n, m);
    assert_memory_equal(w, v, n * sizeof *w);
    assert_int_equal(cen_model_save(loaded, "again.safetensors", NULL), CEN_OK);
    uint8_t *first, *second;
    size_t first_size, second_size;
    assert_int_equal(cen__file_read("model.safetensors", SIZE_MAX, &first, &first_size, NULL), 0);
    assert_int_equal(cen__file_read("again.safetensors", SIZE_MAX, &second, &second_size, NULL), 0);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    cen__free(first);
    cen__free(second);
    cen_model_free(model);
    cen_model_free(loaded);
}

static void a_run_folder_stands_for_its_model(void **state)
{
    (void)state;
    cen_model *model = make(1, line), *loaded;
    assert_int_equal(cen_make_folder("a-run", NULL), CEN_OK);
    assert_int_equal(cen_model_save(model, "a-run/model.safetensors", NULL), CEN_OK);
    assert_int_equal(cen_model_load(&loaded, "a-run", NULL, NULL), CEN_OK);
    cen_model_free(model);
    cen_model_free(loaded);
}

static void tensors_have_the_names_and_order_of_the_file(void **state)
{
    (void)state;
    static const char *const expected[] = {"body.0.weight", "body.0.bias",   "body.1.weight",
                                           "body.3.weight", "body.3.bias",   "head.weight",
                                           "head.bias",     "centers.weight"};
    cen_model *model = make(1, line);
    size_t total = 0, n, i = 0;
    const char *name;
    cen_tensor view;
    for (; cen_model_tensor(model, i, &name, &view); i++) {
        assert_string_equal(name, expected[i]);
        assert_ptr_equal(view.data, cen_model_parameters(model, &n) + total);
        total += cen_tensor_count(&view);
    }
    assert_int_equal(i, 8);
    assert_int_equal(total, n);
    cen_model_free(model);
}

static void weights_come_by_name_and_other_classes_keep_their_head(void **state)
{
    (void)state;
    cen_model *source = make(1, line), *target = make(2, line);
    assert_int_equal(cen_model_save(source, "init.safetensors", NULL), CEN_OK);
    size_t n_taken, n;
    assert_int_equal(cen_model_init(target, "init.safetensors", &n_taken, NULL), CEN_OK);
    assert_int_equal(n_taken, 8);
    const float *w = cen_model_parameters(source, &n);
    assert_memory_equal(w, cen_model_parameters(target, &n), n * sizeof *w);
    cen_model_free(target);

    target = model_create(line, 3, 6, 8, 7);
    assert_int_equal(cen_model_init(target, "init.safetensors", &n_taken, NULL), CEN_OK);
    assert_int_equal(n_taken, 5);
    cen_model_free(target);

    target = make(2, "conv 5 3x3, flatten, dense 5");
    cen_error error;
    assert_int_equal(cen_model_init(target, "init.safetensors", &n_taken, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "init.safetensors: tensor 'body.0.weight'"));
    cen_model_free(target);
    cen_model_free(source);
}

/* Writes the model's file with one metadata value replaced, or one tensor left out. */
static void write_changed(cen_model *model, const char *key, const char *value, size_t without)
{
    assert_int_equal(cen_model_save(model, "good.safetensors", NULL), CEN_OK);
    cen__safetensors file;
    assert_int_equal(cen__safetensors_read("good.safetensors", &file, NULL), CEN_OK);
    cen__named_tensor tensors[16];
    cen__string_pair pairs[16];
    size_t n_tensors = 0, n_pairs = 0;
    for (size_t i = 0; i < file.n_tensors; i++) {
        if (i != without) tensors[n_tensors++] = file.tensors[i];
    }
    for (size_t i = 0; i < file.n_metadata; i++) {
        pairs[n_pairs] = file.metadata[i];
        if (strcmp(pairs[n_pairs].key, key) == 0) pairs[n_pairs].value = value;
        if (pairs[n_pairs].value != NULL) n_pairs++;
    }
    assert_int_equal(cen__safetensors_write("model_hostile.safetensors", tensors, n_tensors, pairs,
                                            n_pairs, NULL),
                     CEN_OK);
    cen__safetensors_free(&file);
}

static void metadata_that_lie_are_refused_with_a_sentence(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"format", NULL},       {"format", "other"},
        {"net", NULL},          {"net", "conv 4 3x3, foo"},
        {"net", "flatten"},     {"net", "flatten, dense 16777216"},
        {"input", "[3,6]"},     {"input", "[3,6,1e300]"},
        {"input", "[2,6,8]"},   {"input", "{}"},
        {"input", "[3,6,-8]"},  {"input", "[4,6,8]"},
        {"mean", "[0,0]"},      {"std", "[0,1,1]"},
        {"std", "[1,1,\"x\"]"}, {"resize", "zoom"},
        {"classes", "[1,2,3]"}, {"classes", "[\"a\"]"},
        {"classes", "{}"},      {"classes", "["},
        {"mean", NULL},         {"mirror", "maybe"},
    };
    cen_model *model = make(1, line);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cen_model *loaded = model;
        cen_error error;
        write_changed(model, cases[i][0], cases[i][1], SIZE_MAX);
        assert_int_not_equal(cen_model_load(&loaded, "model_hostile.safetensors", NULL, &error),
                             CEN_OK);
        assert_non_null(strstr(error.message, "model_hostile.safetensors: "));
        assert_null(loaded);
    }
    for (size_t i = 0; i < 8; i++) {
        cen_model *loaded;
        write_changed(model, "", "", i);
        assert_int_equal(cen_model_load(&loaded, "model_hostile.safetensors", NULL, NULL),
                         CEN_ERROR_FORMAT);
    }
    cen_model_free(model);
}

static void a_file_from_before_mirrors_has_none(void **state)
{
    (void)state;
    cen_model *model = make(1, line), *loaded;
    cen_error error;
    write_changed(model, "mirror", NULL, SIZE_MAX);
    assert_ok(cen_model_load(&loaded, "model_hostile.safetensors", NULL, &error), &error);
    assert_false(cen_model_get(loaded)->mirror);
    cen_model_free(loaded);
    cen_model_free(model);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    cen_model_options options = cen_model_options_default();
    cen_model *model;
    options.input.channels = 2;
    assert_int_equal(cen_model_create(&model, &options, NULL), CEN_ERROR_ARGUMENT);
    options.input.channels = 1;
    options.input.std[0] = 0;
    assert_int_equal(cen_model_create(&model, &options, NULL), CEN_ERROR_ARGUMENT);
    options.input.std[0] = 1;
    options.n_classes = SIZE_MAX / 2;
    assert_int_equal(cen_model_create(&model, &options, NULL), CEN_ERROR_MEMORY);
    assert_null(model);
    cen_model_free(NULL);
    options.n_classes = 1;
    assert_int_equal(cen_model_create(&model, &options, NULL), CEN_OK);
    cen_train_options train = cen_train_options_default();
    cen_trainer *trainer;
    assert_int_equal(cen_trainer_create(&trainer, model, &train, NULL), CEN_ERROR_ARGUMENT);
    assert_null(trainer);
    cen_model_free(model);
}

static void every_preset_is_a_net(void **state)
{
    (void)state;
    size_t n;
    const cen_preset *presets = cen_presets(&n);
    assert_string_equal(presets[0].name, "small");
    for (size_t i = 0; i < n; i++) {
        cen_model_options options = cen_model_options_default();
        options.net = presets[i].name;
        if (presets[i].height != 0) {
            options.input.channels = presets[i].channels;
            options.input.height = presets[i].height;
            options.input.width = presets[i].width;
        }
        options.n_classes = 2;
        cen_model *model;
        cen_error error;
        assert_ok(cen_model_create(&model, &options, &error), &error);
        cen_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_model_is_loaded_as_it_was),
        cmocka_unit_test(a_run_folder_stands_for_its_model),
        cmocka_unit_test(tensors_have_the_names_and_order_of_the_file),
        cmocka_unit_test(weights_come_by_name_and_other_classes_keep_their_head),
        cmocka_unit_test(metadata_that_lie_are_refused_with_a_sentence),
        cmocka_unit_test(a_file_from_before_mirrors_has_none),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(every_preset_is_a_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
