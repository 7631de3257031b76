/* Features that fall to one point are told by the epoch in which they do, and those of a training that
 * has not yet begun to learn are not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "support/plain_options.h"
#include "support/tree.h"

#include <centerloss.h>

static const cen_input input = {1, 4, 4, CEN_RESIZE_STRETCH, {0.5f, 0, 0}, {0.3f, 1, 1}};

enum { MOST_EPOCHS = 8 };

typedef struct training {
    const char *net;
    cen_train_options options;
    cen_fit_options fit;
    cen_epoch_report epochs[MOST_EPOCHS];
    size_t n_epochs;
} training;

static int see_epoch(void *user, const cen_epoch_report *report)
{
    training *t = user;
    t->epochs[t->n_epochs++] = *report;
    return 0;
}

static training training_of(const char *net, double lr, double lambda)
{
    training t = {.net = net, .options = plain_train_options(), .fit = plain_fit_options()};
    t.options.lr = lr;
    t.options.lambda = lambda;
    t.options.batch_size = 8;
    t.fit.n_epochs = 3;
    t.fit.on_epoch = see_epoch;
    return t;
}

/* Images of class i are all of a brightness of its own, up to a little. */
static void make_class(const char *root, int i, int n_classes, int n)
{
    for (int j = 0; j < n; j++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%04d/%04d.pgm", root, i, j);
        tree_grey(path, 4, 4, 20 + i * 200 / n_classes + j % 5);
    }
}

static void make_folder(const char *root, int n_classes, int n)
{
    tree_remove(root);
    for (int i = 0; i < n_classes; i++) make_class(root, i, n_classes, n);
}

/* Two classes that are hard to tell apart. */
static void make_alike(const char *root)
{
    tree_remove(root);
    make_class(root, 0, 2, 40);
    make_class(root, 1, 100, 40);
}

static void run(training *t, const char *root, double share)
{
    cen_folder_options options = cen_folder_options_init();
    options.validation_share = share;
    cen_folder *folder;
    cen_model *model;
    cen_trainer *trainer;
    cen_error error = {CEN_OK, ""};
    assert_int_equal(cen_folder_open(NULL, &folder, &root, 1, &options, NULL), CEN_OK);
    assert_int_equal(cen_folder_load(folder, &input, 1 << 20, NULL, NULL, NULL), CEN_OK);
    cen_model_options model_options = cen_model_options_init();
    model_options.net = t->net;
    model_options.input = input;
    model_options.n_classes = cen_folder_get(folder)->n_classes;
    assert_int_equal(cen_model_create(NULL, &model, &model_options, NULL), CEN_OK);
    assert_int_equal(cen_trainer_create(&trainer, model, &t->options, NULL), CEN_OK);
    t->fit.user = t;
    t->n_epochs = 0;
    if (cen_fit(trainer, cen_folder_dataset(folder), &t->fit, &error) != CEN_OK)
        fail_msg("%s", error.message);
    cen_trainer_free(trainer);
    cen_model_free(model);
    cen_folder_free(folder);
}

static void check_told(const training *t, bool is_told)
{
    for (size_t i = 0; i < t->n_epochs; i++) {
        const cen_epoch_report *epoch = &t->epochs[i];
        if (epoch->is_collapsed == is_told) continue;
        fail_msg("epoch %zu: softmax %g, spread %g, %g before training", epoch->epoch,
                 epoch->train.first, epoch->feature_spread, epoch->feature_spread_before);
    }
}

static const char dying[] = "flatten, dense 16, relu, dense 8, relu";

static void rectifiers_that_die_are_told_in_the_first_epoch(void **state)
{
    (void)state;
    make_alike("collapse");
    training t = training_of(dying, 0.5, 0);
    run(&t, "collapse", 0.2);
    check_told(&t, true);
    assert_true(t.epochs[2].feature_spread == 0 && t.epochs[2].feature_spread_before > 0);
    run(&t, "collapse", 0); /* also without validation images */
    check_told(&t, true);
}

/* The loss of guessing is then far below ln 2. */
static void classes_of_different_size_are_no_hiding_place(void **state)
{
    (void)state;
    tree_remove("collapse");
    make_class("collapse", 0, 2, 76);
    make_class("collapse", 1, 2, 4);
    training t = training_of(dying, 3, 0);
    t.fit.n_epochs = 6;
    run(&t, "collapse", 0);
    assert_true(t.epochs[5].train.first < 0.5);
    check_told(&t, true);
}

/* Balanced draws make guessing worth ln 2, whatever the folder holds; the entropy of 76 and 4 images is 0.2. */
static void balanced_draws_are_held_against_classes_of_one_size(void **state)
{
    (void)state;
    tree_remove("collapse");
    make_class("collapse", 0, 2, 76);
    make_class("collapse", 1, 2, 4);
    training t = training_of("flatten, dense 16, relu, dense 8", 0.002, 10);
    t.fit.n_epochs = MOST_EPOCHS;
    t.fit.balance = true;
    run(&t, "collapse", 0);
    const cen_epoch_report *last = &t.epochs[MOST_EPOCHS - 1];
    assert_true(last->feature_spread < 0.2 * last->feature_spread_before);
    assert_true(last->train.first > 0.25 && last->train.first < 0.6);
    check_told(&t, false);
    t = training_of(dying, 3, 0);
    t.fit.n_epochs = 4;
    t.fit.balance = true;
    run(&t, "collapse", 0);
    assert_true(t.epochs[3].train.first >= 0.99 * log(2) && t.epochs[3].is_collapsed);
}

static void a_lambda_that_is_far_too_large_is_told(void **state)
{
    (void)state;
    make_alike("collapse");
    training t = training_of("flatten, dense 16, relu, dense 8", 0.01, 1000);
    t.fit.n_epochs = MOST_EPOCHS;
    run(&t, "collapse", 0.2);
    for (size_t i = 1; i < t.n_epochs; i++) assert_true(t.epochs[i].is_collapsed);
}

static void triplets_whose_distances_are_all_0_are_told(void **state)
{
    (void)state;
    make_alike("collapse");
    training t = training_of(dying, 0.3, 0);
    t.options.loss = CEN_LOSS_TRIPLET_HARD;
    t.fit.per_class = 4;
    run(&t, "collapse", 0.2);
    check_told(&t, true);
}

static void a_training_that_learns_or_has_not_begun_to_is_not_told(void **state)
{
    (void)state;
    const char *const nets[] = {
        "conv 4 3x3 pad 1, batchnorm, relu, flatten, dense 8",
        "conv 4 2x2, maxpool 2, flatten, dense 8, relu",
        "flatten, dense 8, l2norm scale 4",
    };
    const double rates[] = {0, 1e-6, 2e-3};
    make_folder("collapse", 2, 24);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        for (size_t j = 0; j < sizeof rates / sizeof *rates; j++) {
            training t = training_of(nets[i], rates[j], 0.02);
            run(&t, "collapse", 0.2);
            check_told(&t, false);
        }
    }
}

static void many_classes_whose_loss_is_still_that_of_guessing_are_not_told(void **state)
{
    (void)state;
    make_folder("collapse", 1000, 1);
    training t = training_of("conv 4 3x3 pad 1, batchnorm, relu, flatten, dense 32", 2e-4, 0.02);
    t.fit.n_epochs = 2;
    run(&t, "collapse", 0);
    assert_true(t.epochs[0].train.first > 0.99 * log(1000));
    check_told(&t, false);
}

static void a_resumed_training_knows_the_spread_before_the_first_step(void **state)
{
    (void)state;
    make_folder("collapse", 2, 24);
    training whole = training_of(dying, 2e-3, 0.02), part = whole;
    whole.fit.checkpoint = part.fit.checkpoint = "collapse.checkpoint";
    run(&whole, "collapse", 0.2);
    part.fit.stop_after = 7;
    run(&part, "collapse", 0.2);
    part.fit.stop_after = 0;
    part.fit.resume = true;
    run(&part, "collapse", 0.2);
    const cen_epoch_report *a = &whole.epochs[2], *b = &part.epochs[part.n_epochs - 1];
    assert_true(a->feature_spread_before > 0);
    assert_true(a->feature_spread_before == b->feature_spread_before);
    assert_true(a->feature_spread == b->feature_spread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rectifiers_that_die_are_told_in_the_first_epoch),
        cmocka_unit_test(classes_of_different_size_are_no_hiding_place),
        cmocka_unit_test(balanced_draws_are_held_against_classes_of_one_size),
        cmocka_unit_test(a_lambda_that_is_far_too_large_is_told),
        cmocka_unit_test(triplets_whose_distances_are_all_0_are_told),
        cmocka_unit_test(a_training_that_learns_or_has_not_begun_to_is_not_told),
        cmocka_unit_test(many_classes_whose_loss_is_still_that_of_guessing_are_not_told),
        cmocka_unit_test(a_resumed_training_knows_the_spread_before_the_first_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
