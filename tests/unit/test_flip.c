/* The recipe flips pictures whose mirror images show the same class, and no others. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "support/context.h"
#include "support/models.h"

enum { SIDE = 20, CLASSES = 12, EACH = 10, N = CLASSES * EACH, STROKES = 3, MANY = 4000 };

typedef enum { ONE_SIDE, BOTH_SIDES } sides;

typedef struct {
    sides sides;
    size_t channels, n_read;
} scene;

static int32_t labels[MANY];

static unsigned number(size_t seed)
{
    uint64_t x = (uint64_t)seed * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return (unsigned)(x >> 33);
}

/* The strokes of a class, moved by a pixel or two; with BOTH_SIDES every second row is a mirror image. */
static void draw(const scene *shown, size_t row, float *x)
{
    size_t class = (size_t)labels[row];
    bool is_mirrored = shown->sides == BOTH_SIDES && row / CLASSES % 2 == 1;
    int dy = (int)(number(2 * row + 7) % 3) - 1, dx = (int)(number(2 * row + 8) % 3) - 1;
    for (size_t k = 0; k < STROKES; k++) {
        int end[4];
        for (size_t i = 0; i < 4; i++) {
            end[i] = 3 + (int)(number(1000 * class + 10 * k + i) % (SIDE - 6));
        }
        for (int t = 0; t <= 40; t++) {
            int py = dy + (end[0] * (40 - t) + end[2] * t) / 40;
            int px = dx + (end[1] * (40 - t) + end[3] * t) / 40;
            if (is_mirrored) px = SIDE - 1 - px;
            for (size_t c = 0; c < shown->channels; c++) {
                x[(c * SIDE + (size_t)py) * SIDE + (size_t)px] = 1;
            }
        }
    }
}

static cen_status read_scene(void *user, const size_t *rows, size_t n, float *x, cen_error *error)
{
    scene *shown = user;
    size_t size = shown->channels * SIDE * SIDE;
    memset(x, 0, n * size * sizeof *x);
    for (size_t i = 0; i < n; i++) draw(shown, rows[i], x + i * size);
    (void)error;
    shown->n_read += n;
    return CEN_OK;
}

static cen_dataset dataset_of(scene *shown, size_t n, size_t n_classes)
{
    static const float mean[8] = {0}, std[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    cen_dataset dataset = cen_dataset_init();
    for (size_t i = 0; i < n; i++) labels[i] = (int32_t)(i % n_classes);
    dataset.n = n;
    dataset.n_classes = n_classes;
    dataset.channels = shown->channels;
    dataset.height = dataset.width = SIDE;
    dataset.labels = labels;
    dataset.mean = mean;
    dataset.std = std;
    dataset.user = shown;
    dataset.read = read_scene;
    return dataset;
}

static cen_model_options chosen(cen_context *context, const cen_dataset *dataset)
{
    cen_error error;
    cen_model_options model = cen_model_options_init();
    assert_ok(cen_recipe_choose(context, dataset, &model, NULL, NULL, NULL, &error), &error);
    return model;
}

static void classes_that_come_on_both_sides_are_flipped(void **state)
{
    (void)state;
    scene both = {BOTH_SIDES, 1, 0}, colour = {BOTH_SIDES, 3, 0};
    cen_dataset dataset = dataset_of(&both, N, CLASSES);
    cen_model_options model = chosen(NULL, &dataset);
    assert_true(model.mirror && model.mirror_kept > 0.9);
    dataset = dataset_of(&colour, N, CLASSES);
    assert_true(chosen(NULL, &dataset).mirror);
}

static void signs_that_point_one_way_are_not_flipped(void **state)
{
    (void)state;
    scene one = {ONE_SIDE, 1, 0};
    cen_dataset dataset = dataset_of(&one, N, CLASSES);
    cen_model_options model = chosen(NULL, &dataset);
    assert_true(!model.mirror && model.mirror_kept < 0.45);
}

static void threads_do_not_change_the_choice(void **state)
{
    (void)state;
    scene both = {BOTH_SIDES, 1, 0};
    cen_dataset dataset = dataset_of(&both, N, CLASSES);
    assert_true(chosen(threads(1), &dataset).mirror_kept ==
                chosen(threads(3), &dataset).mirror_kept);
}

static void what_shows_nothing_is_not_flipped(void **state)
{
    (void)state;
    scene sensors = {BOTH_SIDES, 5, 0}, single = {BOTH_SIDES, 1, 0};
    cen_dataset dataset = dataset_of(&sensors, N, CLASSES);
    cen_model_options model = chosen(NULL, &dataset);
    assert_true(!model.mirror && isnan(model.mirror_kept) && sensors.n_read == 0);
    dataset = dataset_of(&single, CLASSES, CLASSES); /* one row per class */
    model = chosen(NULL, &dataset);
    assert_true(!model.mirror && isnan(model.mirror_kept));
}

static void a_net_is_chosen_only_if_there_is_none(void **state)
{
    (void)state;
    cen_error error;
    scene one = {ONE_SIDE, 1, 0}, sensors = {ONE_SIDE, 5, 0};
    cen_dataset dataset = dataset_of(&one, N, CLASSES);
    cen_model_options model = cen_model_options_init();
    model.net = "flatten, dense 8";
    assert_ok(cen_recipe_choose(NULL, &dataset, &model, NULL, NULL, NULL, &error), &error);
    assert_string_equal(model.net, "flatten, dense 8");
    assert_true(isfinite(model.alike));
    dataset = dataset_of(&sensors, N, CLASSES);
    model.net = NULL;
    assert_ok(cen_recipe_choose(NULL, &dataset, &model, NULL, NULL, NULL, &error), &error);
    assert_string_equal(model.net, "small");
    assert_true(isnan(model.alike));
}

static void a_large_dataset_is_sampled(void **state)
{
    (void)state;
    scene both = {BOTH_SIDES, 1, 0}, many = {BOTH_SIDES, 1, 0};
    cen_dataset dataset = dataset_of(&both, MANY, CLASSES);
    assert_true(chosen(NULL, &dataset).mirror);
    assert_in_range(both.n_read, 900, 1000);
    dataset = dataset_of(&many, MANY, 1000); /* four rows per class: 200 classes */
    (void)chosen(NULL, &dataset);
    assert_int_equal(many.n_read, 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_that_come_on_both_sides_are_flipped),
        cmocka_unit_test(signs_that_point_one_way_are_not_flipped),
        cmocka_unit_test(threads_do_not_change_the_choice),
        cmocka_unit_test(what_shows_nothing_is_not_flipped),
        cmocka_unit_test(a_net_is_chosen_only_if_there_is_none),
        cmocka_unit_test(a_large_dataset_is_sampled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
