/* Models and their files: what is saved is what is loaded, and what is hostile is refused. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "format/safetensors.h"
#include "support/context.h"
#include "support/models.h"
#include "support/tree.h"

static const char *const names[] = {"cat", "größe", "a \"b\"\\,\n"};

static cen_model *make(uint64_t seed, const char *net)
{
    cen_model_options options = cen_model_options_init();
    options.net = net;
    options.input = (cen_input){3, 6, 8, CEN_RESIZE_STRETCH, {0.1f, 0.2f, 0.3f}, {1, 2, 0.7f}};
    options.n_classes = 3;
    options.class_names = names;
    options.seed = seed;
    cen_model *model;
    cen_error error;
    assert_ok(cen_model_create(NULL, &model, &options, &error), &error);
    return model;
}

static const char *const line = "conv 4 3x3 stride 2 pad 1, prelu, flatten, dense 5";

static void a_saved_model_is_loaded_as_it_was(void **state)
{
    (void)state;
    cen_model *model = make(1, line), *loaded;
    assert_int_equal(cen_model_set_note(model, "lambda", "0.1", NULL), CEN_OK);
    assert_int_equal(cen_model_set_note(model, "lambda", "0.2", NULL), CEN_OK);
    assert_int_equal(cen_model_save(model, "model.safetensors", NULL), CEN_OK);
    cen_error error;
    assert_ok(cen_model_load(NULL, &loaded, "model.safetensors", NULL, &error), &error);
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
    assert_int_equal(cen__file_read(NULL, "model.safetensors", SIZE_MAX, &first, &first_size, NULL),
                     0);
    assert_int_equal(
        cen__file_read(NULL, "again.safetensors", SIZE_MAX, &second, &second_size, NULL), 0);
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
    assert_int_equal(cen__os_make_folder(NULL, "a-run", NULL), CEN_OK);
    assert_int_equal(cen_model_save(model, "a-run/model.safetensors", NULL), CEN_OK);
    assert_int_equal(cen_model_load(NULL, &loaded, "a-run", NULL, NULL), CEN_OK);
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
        total += cen__tensor_count(&view);
    }
    assert_int_equal(i, 8);
    assert_int_equal(total, n);
    cen_model_free(model);
}

static cen_model *make_of(uint64_t seed, const char *const *classes, size_t n)
{
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    options.net = "conv 4 3x3, flatten, dense 5";
    options.input.height = options.input.width = 6;
    options.n_classes = n;
    options.class_names = classes;
    options.seed = seed;
    assert_int_equal(cen_model_create(NULL, &model, &options, NULL), CEN_OK);
    return model;
}

static bool have_same_row(cen_model *a, size_t row, cen_model *b, size_t other)
{
    static const char *const tensors[] = {"head.weight", "head.bias", "centers.weight"};
    bool is_same = true;
    for (size_t i = 0; i < 3; i++) {
        const cen_tensor x = model_tensor(a, tensors[i]), y = model_tensor(b, tensors[i]);
        const size_t size = i == 1 ? 1 : 5;
        is_same = is_same &&
                  memcmp(x.data + row * size, y.data + other * size, size * sizeof(float)) == 0;
    }
    return is_same;
}

/* Also from a run folder; and as many classes of other names are others. */
static void classes_of_the_same_name_keep_their_rows(void **state)
{
    (void)state;
    static const char *const old[] = {"cat", "dog", "owl"}, *const now[] = {"owl", "ant", "cat"},
                             *const none[] = {"ape", "bee", "cow"};
    cen_model *source = make_of(1, old, 3), *target = make_of(2, now, 3),
              *fresh = make_of(2, now, 3);
    cen_error error;
    size_t n_taken;
    model_tensor(source, "head.bias").data[0] = 3;
    model_tensor(source, "head.bias").data[1] = 4;
    model_tensor(source, "head.bias").data[2] = 5;
    assert_int_equal(cen__os_make_folder(NULL, "pets", NULL), CEN_OK);
    assert_int_equal(cen_model_save(source, "pets/model.safetensors", NULL), CEN_OK);
    assert_ok(cen_model_load_weights(target, "pets", &n_taken, &error), &error);
    assert_int_equal(n_taken, 7);
    assert_true(have_same_row(target, 0, source, 2));
    assert_true(have_same_row(target, 1, fresh, 1));
    assert_true(have_same_row(target, 2, source, 0));
    cen_model_free(target);
    cen_model_free(fresh);

    target = make_of(2, none, 3);
    fresh = make_of(2, none, 3);
    assert_ok(cen_model_load_weights(target, "pets", &n_taken, &error), &error);
    assert_int_equal(n_taken, 4);
    for (size_t i = 0; i < 3; i++) assert_true(have_same_row(target, i, fresh, i));
    cen_model_free(target);
    cen_model_free(fresh);
    cen_model_free(source);
}

static void weights_come_by_name_and_other_classes_keep_their_head(void **state)
{
    (void)state;
    cen_model *source = make(1, line), *target = make(2, line);
    assert_int_equal(cen_model_save(source, "init.safetensors", NULL), CEN_OK);
    size_t n_taken, n;
    assert_int_equal(cen_model_load_weights(target, "init.safetensors", &n_taken, NULL), CEN_OK);
    assert_int_equal(n_taken, 8);
    const float *w = cen_model_parameters(source, &n);
    assert_memory_equal(w, cen_model_parameters(target, &n), n * sizeof *w);
    cen_model_free(target);

    target = model_create(line, 3, 6, 8, 7);
    assert_int_equal(cen_model_load_weights(target, "init.safetensors", &n_taken, NULL), CEN_OK);
    assert_int_equal(n_taken, 5);
    cen_model_free(target);

    target = make(2, "conv 5 3x3, flatten, dense 5");
    cen_error error;
    assert_int_equal(cen_model_load_weights(target, "init.safetensors", &n_taken, &error),
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
    assert_int_equal(cen__safetensors_read(NULL, "good.safetensors", &file, NULL), CEN_OK);
    cen__named_tensor tensors[16];
    cen__string_pair pairs[16];
    size_t n_tensors = 0, n_pairs = 0;
    bool is_there = key[0] == '\0';
    for (size_t i = 0; i < file.n_tensors; i++) {
        if (i != without) tensors[n_tensors++] = file.tensors[i];
    }
    for (size_t i = 0; i < file.n_metadata; i++) {
        pairs[n_pairs] = file.metadata[i];
        if (strcmp(pairs[n_pairs].key, key) == 0) pairs[n_pairs].value = value;
        is_there = is_there || strcmp(pairs[n_pairs].key, key) == 0;
        if (pairs[n_pairs].value != NULL) n_pairs++;
    }
    if (!is_there && value != NULL) pairs[n_pairs++] = (cen__string_pair){key, value};
    assert_int_equal(cen__safetensors_write(NULL, "model_hostile.safetensors", tensors, n_tensors,
                                            pairs, n_pairs, NULL),
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
        assert_int_not_equal(
            cen_model_load(NULL, &loaded, "model_hostile.safetensors", NULL, &error), CEN_OK);
        assert_non_null(strstr(error.message, "model_hostile.safetensors: "));
        assert_null(loaded);
    }
    for (size_t i = 0; i < 8; i++) {
        cen_model *loaded;
        write_changed(model, "", "", i);
        assert_int_equal(cen_model_load(NULL, &loaded, "model_hostile.safetensors", NULL, NULL),
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
    assert_ok(cen_model_load(NULL, &loaded, "model_hostile.safetensors", NULL, &error), &error);
    assert_false(cen_model_get(loaded)->mirror);
    cen_model_free(loaded);
    cen_model_free(model);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    options.input.channels = CEN_MAX_CHANNELS + 1;
    assert_int_equal(cen_model_create(NULL, &model, &options, NULL), CEN_ERROR_ARGUMENT);
    options.input.channels = 1;
    options.input.std[0] = 0;
    assert_int_equal(cen_model_create(NULL, &model, &options, NULL), CEN_ERROR_ARGUMENT);
    options.input.std[0] = 1;
    options.net = NULL;
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_ERROR_ARGUMENT);
    assert_null(model);
    options.net = cen_model_options_init().net;
    options.n_classes = SIZE_MAX / 2;
    assert_int_equal(cen_model_create(NULL, &model, &options, NULL), CEN_ERROR_MEMORY);
    assert_null(model);
    cen_model_free(NULL);
    options.n_classes = 1;
    assert_int_equal(cen_model_create(NULL, &model, &options, NULL), CEN_OK);
    cen_train_options train = cen_train_options_init();
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
        cen_model_options options = cen_model_options_init();
        options.net = presets[i].name;
        if (presets[i].height != 0) {
            options.input.channels = presets[i].channels;
            options.input.height = presets[i].height;
            options.input.width = presets[i].width;
        }
        options.n_classes = 2;
        cen_model *model;
        cen_error error;
        assert_ok(cen_model_create(NULL, &model, &options, &error), &error);
        cen_model_free(model);
    }
}

/* As a folder's may be: Latin-1, a lone continuation, an overlong slash. */
static void class_names_that_are_no_utf8_come_back_as_they_were(void **state)
{
    (void)state;
    static const char *const bytes[] = {"caf\xe9", "stra\xc3\x9f\x65", "\xc0\xaf\x80"};
    cen_model_options options = cen_model_options_init();
    cen_model *model, *loaded;
    cen_error error;
    options.net = "gap";
    options.n_classes = 3;
    options.class_names = bytes;
    assert_ok(cen_model_create(NULL, &model, &options, &error), &error);
    assert_ok(cen_model_save(model, "bytes.safetensors", &error), &error);
    assert_ok(cen_model_load(NULL, &loaded, "bytes.safetensors", NULL, &error), &error);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(cen_model_get(loaded)->class_names[i], bytes[i]);
    }
    cen_model_free(loaded);
    cen_model_free(model);
    static const char *const damaged[] = {"[\"6\",\"61\",\"62\"]", "[\"zz\",\"61\",\"62\"]",
                                          "[\"00\",\"61\",\"62\"]", "[\"61\",\"62\"]", "{}"};
    model = make(1, line);
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        write_changed(model, "classes_hex", damaged[i], SIZE_MAX);
        assert_int_equal(cen_model_load(NULL, &loaded, "model_hostile.safetensors", NULL, NULL),
                         CEN_ERROR_FORMAT);
        assert_null(loaded);
    }
    cen_model_free(model);
}

static void notes_that_would_spoil_the_file_are_refused(void **state)
{
    (void)state;
    static const char *const keys[] = {"format", "net",    "input",   "resize",     "mean",
                                       "std",    "mirror", "classes", "classes_hex"};
    cen_model *model = make(1, line), *loaded;
    cen_error error;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_int_equal(cen_model_set_note(model, keys[i], "x", &error), CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, keys[i]));
    }
    assert_int_equal(cen_model_set_note(model, "a\xff", "x", NULL), CEN_ERROR_ARGUMENT);
    assert_int_equal(cen_model_set_note(model, "a", "\xed\xa0\x80", NULL), CEN_ERROR_ARGUMENT);
    assert_ok(cen_model_set_note(model, "",
                                 "gr\xc3\xb6\xc3\x9f"
                                 "e \x01",
                                 &error),
              &error);
    assert_ok(cen_model_save(model, "noted.safetensors", &error), &error);
    assert_ok(cen_model_load(NULL, &loaded, "noted.safetensors", NULL, &error), &error);
    cen_model_free(loaded);
    cen_model_free(model);
}

/* Writes the model with one number of a tensor changed, past cen_model_save. */
static void write_number(cen_model *model, size_t tensor, float number)
{
    assert_int_equal(cen_model_save(model, "good.safetensors", NULL), CEN_OK);
    cen__safetensors file;
    assert_int_equal(cen__safetensors_read(NULL, "good.safetensors", &file, NULL), CEN_OK);
    file.tensors[tensor].tensor.data[0] = number;
    assert_int_equal(cen__safetensors_write(NULL, "number.safetensors", file.tensors,
                                            file.n_tensors, file.metadata, file.n_metadata, NULL),
                     CEN_OK);
    cen__safetensors_free(&file);
}

static void numbers_that_are_not_finite_are_refused_with_the_name_of_their_tensor(void **state)
{
    (void)state;
    static const char *const net = "conv 4 3x3, batchnorm, flatten, dense 5";
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    cen_model *model = make(1, net), *other = make(2, net), *loaded;
    size_t n, n_tensors = 0;
    const char *name;
    cen_tensor view;
    cen_error error;
    float *w = cen_model_parameters(model, &n), before[2048];
    while (cen_model_tensor(model, n_tensors, &name, &view)) n_tensors++;
    n = (size_t)(view.data - w) + cen__tensor_count(&view); /* with the running statistics */
    assert_true(n <= 2048);
    memcpy(before, w, n * sizeof *w);
    for (size_t i = 0; i < 3 * n_tensors; i++) {
        (void)cen_model_tensor(model, i / 3, &name, &view);
        size_t n_taken = 77;
        write_number(other, i / 3, bad[i % 3]);
        assert_int_equal(cen_model_load(NULL, &loaded, "number.safetensors", NULL, &error),
                         CEN_ERROR_FORMAT);
        assert_non_null(strstr(error.message, name));
        assert_int_equal(cen_model_load_weights(model, "number.safetensors", &n_taken, &error),
                         CEN_ERROR_FORMAT);
        assert_non_null(strstr(error.message, name));
        assert_memory_equal(before, w, n * sizeof *w); /* nothing was copied */
        assert_int_equal(n_taken, 77);
        float kept = view.data[0];
        view.data[0] = bad[i % 3];
        assert_int_equal(cen_model_save(model, "unwritten.safetensors", &error),
                         CEN_ERROR_NOT_FINITE);
        assert_non_null(strstr(error.message, name));
        assert_false((cen__os_kind("unwritten.safetensors") != CEN__NOTHING));
        view.data[0] = kept;
    }
    (void)cen_model_tensor(model, n_tensors - 1, &name, &view);
    assert_string_equal(name, "body.1.running_var");
    write_number(other, n_tensors - 1, -1);
    assert_int_equal(cen_model_load(NULL, &loaded, "number.safetensors", NULL, &error),
                     CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "running_var"));
    cen_model_free(model);
    cen_model_free(other);
}

/* The last tensor has another shape: those before it are not copied either. */
static void an_init_that_fails_leaves_the_model_as_it_was(void **state)
{
    (void)state;
    cen_model *model = make(1, "conv 4 3x3, flatten, dense 5"), *other;
    other = make(2, "conv 4 3x3, flatten, dense 6");
    size_t n, n_taken = 5;
    float *w = cen_model_parameters(model, &n), before[2048];
    assert_true(n <= 2048);
    memcpy(before, w, n * sizeof *w);
    assert_int_equal(cen_model_save(other, "other.safetensors", NULL), CEN_OK);
    assert_int_equal(cen_model_load_weights(model, "other.safetensors", &n_taken, NULL),
                     CEN_ERROR_ARGUMENT);
    assert_memory_equal(before, w, n * sizeof *w);
    assert_int_equal(n_taken, 5);
    cen_model_free(model);
    cen_model_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_names_that_are_no_utf8_come_back_as_they_were),
        cmocka_unit_test(notes_that_would_spoil_the_file_are_refused),
        cmocka_unit_test(numbers_that_are_not_finite_are_refused_with_the_name_of_their_tensor),
        cmocka_unit_test(an_init_that_fails_leaves_the_model_as_it_was),
        cmocka_unit_test(classes_of_the_same_name_keep_their_rows),
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
