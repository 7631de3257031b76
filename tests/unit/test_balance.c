/* Training on classes of unequal size: balanced draws, and the accuracy over classes beside that over images. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include <centerloss_eval.h>

#include "support/datasets.h"
#include "support/tree.h"

#define ROOT "test_balance.tmp"

enum { N_CLASSES = 3, D = 3, MOST = 256 };

static const cen_input input = {1, 4, 4, CEN_RESIZE_STRETCH, {0.5f, 0, 0}, {0.3f, 1, 1}};
static const int n_train[N_CLASSES] = {5, 40, 15}, n_val[N_CLASSES] = {2, 20, 5};

static int clear(void **state)
{
    (void)state;
    tree_remove(ROOT);
    return 0;
}

/* Grey values that overlap, so that some are taken for others. */
static cen_folder *open_folder(void)
{
    char path[64];
    for (int c = 0; c < N_CLASSES; c++) {
        for (int i = 0; i < n_train[c] + n_val[c]; i++) {
            const char *split = i < n_train[c] ? "train" : "val";
            (void)snprintf(path, sizeof path, ROOT "/%s/%d/%02d.pgm", split, c, i);
            tree_grey(path, 4, 4, 40 * c + i * 37 % 101);
        }
    }
    const char *root = ROOT;
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder = NULL;
    assert_int_equal(cen_folder_open(NULL, &folder, &root, 1, &options, NULL), CEN_OK);
    assert_int_equal(cen_folder_load(folder, &input, 1 << 20, NULL, NULL, NULL), CEN_OK);
    return folder;
}

static void all_classes_come_equally_often_and_their_images_in_rounds(void **state)
{
    (void)state;
    cen_folder *folder = open_folder();
    const cen_folder_info *info = cen_folder_get(folder);
    size_t order[MOST], again[MOST], n_of[N_CLASSES] = {0}, n_image[MOST] = {0};
    size_t n = folder_order(folder, 1, 1, 7, 2, order);
    assert_int_equal(n, 60); /* as many as there are training images */
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(info->images[order[i]].split, CEN_SPLIT_TRAIN);
        n_of[info->images[order[i]].label]++;
        n_image[order[i]]++;
    }
    for (size_t c = 0; c < N_CLASSES; c++) assert_int_equal(n_of[c], 20);
    for (size_t i = 0; i < 60; i++) {
        if (info->images[i].label == 0) assert_int_equal(n_image[i], 4);
        if (info->images[i].label == 1) assert_in_range(n_image[i], 0, 1);
        if (info->images[i].label == 2) assert_in_range(n_image[i], 1, 2);
    }
    assert_int_equal(folder_order(folder, 1, 1, 7, 2, again), n);
    assert_memory_equal(order, again, n * sizeof order[0]);
    assert_int_equal(folder_order(folder, 1, 1, 7, 3, again), n);
    assert_memory_not_equal(order, again, n * sizeof order[0]);
    cen_folder_free(folder);
}

typedef struct {
    cen_folder *folder;
    const cen_model *model;
    bool balance;
    double best;
    size_t n_differing;
} watcher;

/* Both figures once more, with the public k-NN on the features of all images. */
static int check_epoch(void *user, const cen_epoch_report *report)
{
    watcher *w = user;
    const cen_folder_info *info = cen_folder_get(w->folder);
    float features[MOST * D];
    int32_t labels[MOST], votes[MOST];
    size_t n_right[N_CLASSES] = {0}, all = 0;
    assert_int_equal(folder_features(w->model, w->folder, features, NULL, NULL, NULL), CEN_OK);
    for (size_t i = 0; i < info->n_images; i++) labels[i] = info->images[i].label;
    cen_labelled gallery = {features, labels, 60}, queries = {features + 60 * D, labels + 60, 27};
    cen_knn_options options = cen_knn_options_init();
    assert_int_equal(
        cen_knn_classify(NULL, &gallery, &queries, D, &options, votes, NULL, NULL, NULL), CEN_OK);
    for (size_t i = 0; i < 27; i++) {
        n_right[labels[60 + i]] += votes[i] == labels[60 + i];
        all += votes[i] == labels[60 + i];
    }
    double macro = 0;
    for (size_t c = 0; c < N_CLASSES; c++) macro += (double)n_right[c] / n_val[c] / N_CLASSES;
    assert_true(fabs(report->knn_macro - macro) < 1e-12);
    assert_true(fabs(report->knn_accuracy - (double)all / 27) < 1e-12);
    double chosen = w->balance ? macro : report->knn_accuracy;
    if (report->epoch > 1 && chosen > w->best + 1e-12) assert_true(report->is_best);
    if (report->epoch > 1 && chosen < w->best - 1e-12) assert_false(report->is_best);
    if (report->is_best) w->best = chosen;
    w->n_differing += fabs(report->knn_macro - report->knn_accuracy) > 0.01;
    return 0;
}

static void the_macro_figure_is_the_mean_over_classes_and_chooses_the_best(void **state)
{
    (void)state;
    cen_folder *folder = open_folder();
    for (int balance = 0; balance < 2; balance++) {
        cen_model_options model_options = cen_model_options_init();
        model_options.net = "flatten, dense 4, relu, dense 3";
        model_options.input = input;
        model_options.n_classes = N_CLASSES;
        model_options.class_names = cen_folder_get(folder)->class_names;
        cen_model *model;
        cen_trainer *trainer;
        cen_train_options train_options = cen_train_options_init();
        assert_int_equal(cen_model_create(NULL, &model, &model_options, NULL), CEN_OK);
        assert_int_equal(cen_trainer_create(&trainer, model, &train_options, NULL), CEN_OK);
        watcher w = {folder, model, balance, 0, 0};
        cen_fit_options options = cen_fit_options_init();
        options.n_epochs = 12;
        options.balance = balance;
        options.on_epoch = check_epoch;
        options.user = &w;
        cen_error error;
        assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &options, &error), CEN_OK);
        assert_true(w.n_differing > 0);
        options.per_class = 32; /* of batches of 64 */
        if (balance) {
            assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &options, &error),
                             CEN_ERROR_ARGUMENT);
            assert_non_null(strstr(error.message, "balanced already"));
        }
        cen_trainer_free(trainer);
        cen_model_free(model);
    }
    cen_folder_free(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_classes_come_equally_often_and_their_images_in_rounds),
        TEST(the_macro_figure_is_the_mean_over_classes_and_chooses_the_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
