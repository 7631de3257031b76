/* The allocator of a context, by the public header: all that is taken from it comes back to it, whole, from any
 * thread. That nothing is taken from elsewhere, and that each call may fail, is shown in tests/injection. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <centerloss_eval.h>

#include "support/datasets.h"
#include "support/tree.h"

#define ROOT "test_allocator.tmp"

enum { GUARD_SIZE = 32 };

/* Changed by several threads at once. */
typedef struct {
    long n_taken, n_held, n_left; /* n_left: allocations that still succeed */
} heap;

/* Bytes on both sides of a block: its heap, its size and a pattern. */
static void put_guards(heap *owner, size_t size, unsigned char *raw)
{
    memset(raw, 0x5A, GUARD_SIZE);
    memcpy(raw, &owner, sizeof owner);
    memcpy(raw + sizeof owner, &size, sizeof size);
    memset(raw + GUARD_SIZE + size, 0x5A, GUARD_SIZE);
}

static void *allocate(void *user, size_t size)
{
    heap *on = user;
    if (__atomic_fetch_sub(&on->n_left, 1, __ATOMIC_RELAXED) <= 0) return NULL;
    unsigned char *raw = malloc(size + 2 * GUARD_SIZE);
    if (raw == NULL) return NULL;
    put_guards(on, size, raw);
    memset(raw + GUARD_SIZE, 0xEE, size); /* what is to be zero is made so */
    (void)__atomic_add_fetch(&on->n_taken, 1, __ATOMIC_RELAXED);
    (void)__atomic_add_fetch(&on->n_held, 1, __ATOMIC_RELAXED);
    return raw + GUARD_SIZE;
}

static void release(void *user, void *block)
{
    heap *on = user, *owner;
    unsigned char *raw = (unsigned char *)block - GUARD_SIZE, before[GUARD_SIZE], last = 0x5A;
    size_t size;
    memcpy(before, raw, GUARD_SIZE);
    memcpy(&owner, before, sizeof owner);
    memcpy(&size, before + sizeof owner, sizeof size);
    if (owner != on) abort(); /* of another heap, or freed before */
    for (size_t i = sizeof owner + sizeof size; i < GUARD_SIZE; i++) last &= before[i];
    for (size_t i = 0; i < GUARD_SIZE; i++) last &= raw[GUARD_SIZE + size + i];
    if (last != 0x5A) abort();
    memset(raw, 0, size + 2 * GUARD_SIZE);
    (void)__atomic_sub_fetch(&on->n_held, 1, __ATOMIC_RELAXED);
    free(raw);
}

static cen_context *context_of(heap *on, int n_threads)
{
    cen_context_options options = cen_context_options_init();
    cen_context *context;
    options.n_threads = n_threads;
    options.allocate = allocate;
    options.release = release;
    options.allocator_user = on;
    assert_int_equal(cen_context_create(&context, &options, NULL), CEN_OK);
    return context;
}

/* ---- what is computed ---- */

enum { N = 600, D = 64, FEATURE = 16 };

static float rows[N * D];

static cen_status search(cen_context *context, size_t *nearest)
{
    for (size_t i = 0; i < N * D; i++) rows[i] = (float)(i * 2654435761u % 1009);
    return cen_knn_search(context, rows, N, rows, N, D, 1, CEN_METRIC_L2, true, nearest, NULL,
                          NULL);
}

static void train(cen_context *context, const char *file, float *features)
{
    const char *const path = ROOT "/images";
    cen_folder_options opened = cen_folder_options_init();
    cen_model_options made = cen_model_options_init();
    cen_fit_options fit = cen_fit_options_init();
    cen_folder *folder;
    cen_model *model;
    cen_trainer *trainer;
    cen_train_options training = cen_train_options_init();
    assert_int_equal(cen_folder_open(context, &folder, &path, 1, &opened, NULL), CEN_OK);
    made.input = (cen_input){1, 28, 28, CEN_RESIZE_STRETCH, {0.5f, 0, 0}, {0.25f, 1, 1}};
    made.feature_size = FEATURE;
    made.n_classes = 2;
    made.class_names = cen_folder_get(folder)->class_names;
    assert_int_equal(cen_folder_load(folder, &made.input, 1 << 20, NULL, NULL, NULL), CEN_OK);
    assert_int_equal(cen_model_create(context, &model, &made, NULL), CEN_OK);
    assert_int_equal(cen_trainer_create(&trainer, model, &training, NULL), CEN_OK);
    fit.n_epochs = 2;
    assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &fit, NULL), CEN_OK);
    cen_trainer_free(trainer);
    assert_int_equal(cen_model_save(model, file, NULL), CEN_OK);
    cen_model_free(model);
    assert_int_equal(cen_model_load(context, &model, file, NULL, NULL), CEN_OK);
    assert_int_equal(folder_features(model, folder, features, NULL, NULL, NULL), CEN_OK);
    cen_model_free(model);
    cen_folder_free(folder);
}

/* ---- tests ---- */

static void all_that_two_threads_take_from_an_allocator_comes_back(void **state)
{
    (void)state;
    heap on = {.n_left = 1000000};
    static float with[8 * FEATURE], without[8 * FEATURE];
    static size_t nearest[N], usual[N];
    cen_context *context = context_of(&on, 2);
    tree_remove(ROOT);
    for (int i = 0; i < 8; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, ROOT "/images/%c/%d.pgm", 'a' + i % 2, i);
        tree_grey(path, 20, 20, 30 + 25 * i);
    }
    const long of_context = on.n_held;
    assert_true(of_context > 0);
    train(context, ROOT "/with", with);
    assert_int_equal(search(context, nearest), CEN_OK);
    assert_true(on.n_taken > 100);
    assert_true(on.n_held >= of_context && on.n_held <= of_context + 1); /* a thread may live */
    train(NULL, ROOT "/without", without);
    assert_int_equal(search(NULL, usual), CEN_OK);
    assert_memory_equal(with, without, sizeof with);
    assert_memory_equal(nearest, usual, sizeof nearest);
    cen_context_free(context);
    assert_int_equal(on.n_held, 0);
    tree_remove(ROOT);
}

/* As in a program that has two libraries with an arena each. */
static void blocks_go_back_to_the_allocator_that_they_came_from(void **state)
{
    (void)state;
    heap heaps[2] = {{.n_left = 1000}, {.n_left = 1000}};
    cen_context *contexts[3] = {context_of(&heaps[0], 1), context_of(&heaps[1], 1), NULL};
    static const char pgm[] = "P5 2 1 255\n\x10\x20";
    cen_image images[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cen_image_decode(contexts[i], pgm, sizeof pgm - 1, NULL, &images[i], NULL),
                         CEN_OK);
        assert_int_equal(images[i].pixels[1], 0x20);
    }
    for (size_t i = 0; i < 3; i++) cen_image_free(&images[i]);
    for (size_t i = 0; i < 2; i++) {
        cen_context_free(contexts[i]);
        assert_int_equal(heaps[i].n_held, 0);
    }
}

static void an_allocator_without_memory_is_an_error_and_not_the_end(void **state)
{
    (void)state;
    static size_t nearest[N];
    heap on = {.n_left = 1000};
    cen_context *context = context_of(&on, 2);
    on.n_left = 0;
    assert_int_equal(search(context, nearest), CEN_ERROR_MEMORY);
    on.n_left = 1000;
    assert_int_equal(search(context, nearest), CEN_OK);
    cen_context_free(context);
    assert_int_equal(on.n_held, 0);
}

static void a_context_cannot_be_made_with_half_an_allocator(void **state)
{
    (void)state;
    cen_context_options options = cen_context_options_init();
    cen_context *context = NULL;
    cen_error error;
    options.allocate = allocate;
    assert_int_equal(cen_context_create(&context, &options, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "allocate and release"));
    options.allocate = NULL;
    options.release = release;
    assert_int_equal(cen_context_create(&context, &options, &error), CEN_ERROR_ARGUMENT);
    assert_null(context);
}

static void options_from_before_there_was_an_allocator_have_none(void **state)
{
    (void)state;
    cen_context_options options = cen_context_options_init();
    cen_context *context;
    options.size = offsetof(cen_context_options, allocate);
    options.allocate = allocate; /* whatever follows in the memory of the caller */
    options.allocator_user = NULL;
    assert_int_equal(cen_context_create(&context, &options, NULL), CEN_OK);
    cen_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_two_threads_take_from_an_allocator_comes_back),
        cmocka_unit_test(blocks_go_back_to_the_allocator_that_they_came_from),
        cmocka_unit_test(an_allocator_without_memory_is_an_error_and_not_the_end),
        cmocka_unit_test(a_context_cannot_be_made_with_half_an_allocator),
        cmocka_unit_test(options_from_before_there_was_an_allocator_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
