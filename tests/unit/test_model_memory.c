/* Models that are loaded from and saved to memory, by the public header. */
#if defined(__linux__)
#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */
#endif

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <centerloss_eval.h>

#define FILE_NAME "test_model_memory.safetensors"

enum { SIDE = 6, INPUT = SIDE * SIDE, D = 3, MOST = 1 << 16 };

static const char net[] = "conv 4 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dense 3";

static cen_model *create(cen_context *context)
{
    static const char *const names[] = {"ant", "bee", "cat"};
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    options.net = net;
    options.input.height = options.input.width = SIDE;
    options.n_classes = 3;
    options.class_names = names;
    options.seed = 7;
    assert_int_equal(cen_model_create(context, &model, &options, NULL), CEN_OK);
    assert_int_equal(cen_model_set_note(model, "maker", "a test", NULL), CEN_OK);
    return model;
}

static size_t save(const cen_model *model, void *bytes)
{
    size_t size = 0;
    assert_int_equal(cen_model_save_memory(model, bytes, MOST, &size, NULL), CEN_OK);
    assert_true(size > 0 && size < MOST - 8);
    return size;
}

static void predict(const cen_model *model, float features[2 * D])
{
    float x[2 * INPUT];
    cen_predictor *predictor;
    for (size_t i = 0; i < 2 * INPUT; i++) x[i] = (float)(i * 37 % 101) / 50 - 1;
    assert_int_equal(cen_predictor_create(&predictor, model, 2, NULL), CEN_OK);
    assert_int_equal(cen_predictor_features(predictor, x, 2, features, NULL), CEN_OK);
    cen_predictor_free(predictor);
}

static size_t read_file(uint8_t *bytes)
{
    FILE *file = fopen(FILE_NAME, "rb");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, MOST, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(remove(FILE_NAME), 0);
    return size;
}

static uint8_t *buffer(void)
{
    uint8_t *bytes = malloc(MOST); /* aligned for anything */
    assert_non_null(bytes);
    return bytes;
}

/* ---- tests ---- */

static void the_bytes_in_memory_are_those_of_the_file(void **state)
{
    (void)state;
    uint8_t *in_memory = buffer(), *of_file = buffer();
    cen_model *model = create(NULL);
    const size_t size = save(model, in_memory);
    assert_int_equal(cen_model_save(model, FILE_NAME, NULL), CEN_OK);
    assert_int_equal(read_file(of_file), size);
    assert_memory_equal(in_memory, of_file, size);
    cen_model_free(model);
    free(in_memory);
    free(of_file);
}

static void too_little_room_is_told_with_the_size_and_nothing_is_written(void **state)
{
    (void)state;
    uint8_t *bytes = buffer();
    cen_model *model = create(NULL);
    cen_error error;
    size_t size = 0, asked = 0;
    assert_int_equal(cen_model_save_memory(model, NULL, 0, &asked, NULL), CEN_OK);
    memset(bytes, 0xAB, MOST);
    assert_int_equal(cen_model_save_memory(model, bytes, asked - 1, &size, &error),
                     CEN_ERROR_LIMIT);
    assert_int_equal(size, asked);
    for (size_t i = 0; i < MOST; i++) assert_int_equal(bytes[i], 0xAB);
    assert_int_equal(cen_model_save_memory(model, bytes, asked, &size, NULL), CEN_OK);
    assert_int_equal(bytes[asked], 0xAB);
    cen_model_free(model);
    free(bytes);
}

/* At each alignment, in place or not, the same features, names, notes and bytes. */
static void a_model_from_memory_is_the_one_that_was_saved(void **state)
{
    (void)state;
    uint8_t *bytes = buffer(), *again = buffer();
    float expected[2 * D], got[2 * D];
    cen_model *model = create(NULL), *loaded;
    predict(model, expected);
    const size_t size = save(model, bytes);
    for (size_t shift = 0; shift < 8; shift++) {
        memmove(bytes + shift, bytes + (shift > 0 ? shift - 1 : 0), size);
        for (int in_place = 0; in_place < 2; in_place++) {
            assert_int_equal(cen_model_load_memory(NULL, &loaded, bytes + shift, size,
                                                   in_place != 0, NULL, NULL),
                             CEN_OK);
            predict(loaded, got);
            assert_memory_equal(got, expected, sizeof got);
            assert_string_equal(cen_model_get(loaded)->class_names[2], "cat");
            assert_string_equal(cen_model_note(loaded, "maker"), "a test");
            assert_null(cen_model_note(loaded, "taker"));
            assert_null(cen_model_note(loaded, "format"));
            assert_int_equal(save(loaded, again), size);
            assert_memory_equal(again, bytes + shift, size);
            cen_model_free(loaded);
        }
    }
    cen_model_free(model);
    free(bytes);
    free(again);
}

/* ---- in place ---- */

/* Counts what is held: the numbers of the net below are most of it. */
static void *count_up(void *user, size_t size)
{
    size_t *n_bytes = user, *block = malloc(size + 2 * sizeof *block);
    if (block == NULL) return NULL;
    *n_bytes += block[0] = size;
    return block + 2;
}

static void count_down(void *user, void *block)
{
    size_t *n_bytes = user;
    *n_bytes -= ((size_t *)block)[-2];
    free((size_t *)block - 2);
}

static void a_model_in_place_takes_no_memory_for_its_numbers(void **state)
{
    (void)state;
    enum { NUMBERS = 64 * 1024 };
    size_t held = 0, size = 0, taken[2];
    cen_context_options counting = cen_context_options_init();
    cen_context *context;
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    counting.n_threads = 1;
    counting.allocate = count_up;
    counting.release = count_down;
    counting.allocator_user = &held;
    options.net = "flatten, dense 64";
    options.input.height = options.input.width = 32;
    assert_int_equal(cen_context_create(&context, &counting, NULL), CEN_OK);
    assert_int_equal(cen_model_create(NULL, &model, &options, NULL), CEN_OK);
    assert_int_equal(cen_model_save_memory(model, NULL, 0, &size, NULL), CEN_OK);
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    assert_int_equal(cen_model_save_memory(model, bytes, size, &size, NULL), CEN_OK);
    cen_model_free(model);
    for (int in_place = 0; in_place < 2; in_place++) {
        const size_t before = held;
        assert_int_equal(
            cen_model_load_memory(context, &model, bytes, size, in_place != 0, NULL, NULL), CEN_OK);
        taken[in_place] = held - before;
        cen_model_free(model);
        assert_int_equal(held, before);
    }
    assert_true(taken[0] > NUMBERS * sizeof(float));
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    if (first == 1) assert_true(taken[0] - taken[1] >= NUMBERS * sizeof(float));
    cen_context_free(context);
    assert_int_equal(held, 0);
    free(bytes);
}

static void train(cen_model *model)
{
    float x[2 * INPUT];
    const int32_t labels[2] = {0, 1};
    cen_train_options options = cen_train_options_init();
    cen_trainer *trainer;
    cen_losses losses;
    for (size_t i = 0; i < 2 * INPUT; i++) x[i] = (float)(i * 41 % 97) / 50 - 1;
    options.batch_size = 2;
    assert_int_equal(cen_trainer_create(&trainer, model, &options, NULL), CEN_OK);
    assert_int_equal(cen_trainer_backward(trainer, x, labels, 2, &losses, NULL), CEN_OK);
    cen_trainer_update(trainer);
    cen_trainer_free(trainer);
}

/* On Linux the bytes are where writing would end the program. */
static void what_writes_to_a_model_in_place_copies_it_first(void **state)
{
    (void)state;
    uint8_t *bytes = buffer(), *kept = buffer();
    float expected[2 * D], got[2 * D];
    cen_model *model = create(NULL), *plain;
    const size_t size = save(model, bytes);
    cen_model_free(model);
#if defined(__linux__)
    free(bytes);
    bytes = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(bytes != MAP_FAILED);
    model = create(NULL);
    assert_int_equal(save(model, bytes), size);
    cen_model_free(model);
    assert_int_equal(mprotect(bytes, MOST, PROT_READ), 0);
#endif
    memcpy(kept, bytes, size);
    assert_int_equal(cen_model_load_memory(NULL, &plain, bytes, size, false, NULL, NULL), CEN_OK);
    train(plain);
    predict(plain, expected);
    for (int what = 0; what < 4; what++) {
        size_t n;
        cen_tensor view;
        const char *name;
        assert_int_equal(cen_model_load_memory(NULL, &model, bytes, size, true, NULL, NULL),
                         CEN_OK);
        if (what == 0) {
            train(model);
            predict(model, got);
            assert_memory_equal(got, expected, sizeof got);
        } else if (what == 1) {
            float *numbers = cen_model_parameters(model, &n);
            assert_true(n > 10);
            for (size_t i = 0; i < n; i++) numbers[i] = 0;
            predict(model, got);
            for (size_t i = 0; i < 2 * D; i++) assert_true(got[i] == 0);
        } else if (what == 2) {
            assert_true(cen_model_tensor(model, 0, &name, &view));
            view.data[0] = 5;
        } else {
            assert_int_equal(cen_model_save(plain, FILE_NAME, NULL), CEN_OK);
            assert_int_equal(cen_model_load_weights(model, FILE_NAME, &n, NULL), CEN_OK);
            assert_int_equal(remove(FILE_NAME), 0);
            predict(model, got);
            assert_memory_equal(got, expected, sizeof got);
        }
        cen_model_free(model);
    }
    assert_memory_equal(bytes, kept, size);
    cen_model_free(plain);
    free(kept);
#if defined(__linux__)
    assert_int_equal(munmap(bytes, MOST), 0);
#else
    free(bytes);
#endif
}

/* ---- bytes that are no model ---- */

static void no_bytes_are_read_beyond_their_end(void **state)
{
    (void)state;
    uint8_t *bytes = buffer();
    cen_model *model = create(NULL);
    const size_t size = save(model, bytes);
    cen_model_free(model);
    for (size_t cut = 0; cut < size; cut += cut < 700 ? 1 : 61) {
        uint8_t *part = malloc(cut + 1); /* so that a sanitizer sees its end */
        cen_error error;
        assert_non_null(part);
        memcpy(part, bytes, cut);
        for (int in_place = 0; in_place < 2; in_place++) {
            model = (cen_model *)part;
            assert_int_equal(
                cen_model_load_memory(NULL, &model, part, cut, in_place != 0, NULL, &error),
                CEN_ERROR_FORMAT);
            assert_null(model);
            assert_non_null(strstr(error.message, "model in memory"));
        }
        free(part);
    }
    free(bytes);
}

static void damaged_bytes_are_refused_or_make_a_whole_model(void **state)
{
    (void)state;
    uint8_t *bytes = buffer(), *again = buffer();
    cen_model *model = create(NULL);
    const size_t size = save(model, bytes);
    cen_model_free(model);
    for (size_t i = 0; i < size; i++) {
        const uint8_t was = bytes[i];
        bytes[i] ^= (uint8_t)(1 << i % 8);
        if (cen_model_load_memory(NULL, &model, bytes, size, i % 2 == 0, NULL, NULL) == CEN_OK) {
            (void)save(model, again);
            cen_model_free(model);
        } else {
            assert_null(model);
        }
        bytes[i] = was;
    }
    free(bytes);
    free(again);
}

static void a_model_that_is_not_finite_is_not_saved_to_memory(void **state)
{
    (void)state;
    uint8_t *bytes = buffer();
    size_t n, size = 77;
    cen_model *model = create(NULL);
    cen_error error;
    cen_model_parameters(model, &n)[3] = NAN;
    assert_int_equal(cen_model_save_memory(model, bytes, MOST, &size, &error),
                     CEN_ERROR_NOT_FINITE);
    assert_int_equal(size, 77);
    assert_non_null(strstr(error.message, "body.0.weight"));
    cen_model_free(model);
    free(bytes);
}

static void limits_hold_for_models_in_memory(void **state)
{
    (void)state;
    uint8_t *bytes = buffer();
    cen_model *model = create(NULL);
    cen_model_limits limits = cen_model_limits_init();
    const size_t size = save(model, bytes);
    cen_model_free(model);
    limits.max_input = INPUT - 1;
    assert_int_equal(cen_model_load_memory(NULL, &model, bytes, size, true, &limits, NULL),
                     CEN_ERROR_LIMIT);
    assert_null(model);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_in_memory_are_those_of_the_file),
        cmocka_unit_test(too_little_room_is_told_with_the_size_and_nothing_is_written),
        cmocka_unit_test(a_model_from_memory_is_the_one_that_was_saved),
        cmocka_unit_test(a_model_in_place_takes_no_memory_for_its_numbers),
        cmocka_unit_test(what_writes_to_a_model_in_place_copies_it_first),
        cmocka_unit_test(no_bytes_are_read_beyond_their_end),
        cmocka_unit_test(damaged_bytes_are_refused_or_make_a_whole_model),
        cmocka_unit_test(a_model_that_is_not_finite_is_not_saved_to_memory),
        cmocka_unit_test(limits_hold_for_models_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
