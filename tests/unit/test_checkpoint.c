/* A checkpoint in which one thing is missing, damaged or of another training. How a training goes on with
 * a whole one: test_fit.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <centerloss.h>

#include "base/memory.h"
#include "format/safetensors.h"
#include "support/models.h"
#include "support/tree.h"
#include "train/checkpoint.h"
#include "train/model.h"

#define ROOT "test_checkpoint.tmp"
#define FILE_NAME ROOT "/state"

typedef struct setup {
    cen_folder *folder;
    cen_model *model;
    cen_trainer *trainer;
    cen_fit_options options;
    cen__progress progress;
    cen__checkpoint checkpoint;
} setup;

static int open_setup(void **state)
{
    static setup s;
    static const char *const roots[] = {ROOT "/images"};
    const cen_input input = {1, 2, 2, CEN_RESIZE_CROP, {0}, {1, 1, 1}};
    tree_remove(ROOT);
    tree_grey(ROOT "/images/a/0.pgm", 2, 2, 10);
    tree_grey(ROOT "/images/b/0.pgm", 2, 2, 200);
    cen_folder_options folder = cen_folder_options_init();
    assert_int_equal(cen_folder_open(NULL, &s.folder, roots, 1, &folder, NULL), CEN_OK);
    assert_int_equal(cen_folder_load(s.folder, &input, 1 << 16, NULL, NULL, NULL), CEN_OK);
    s.model = model_create("flatten, dense 2", 1, 2, 2, 2);
    cen_train_options train = cen_train_options_init();
    s.trainer = trainer_create(s.model, &train);
    s.options = cen_fit_options_init();
    s.options.checkpoint = FILE_NAME;
    s.progress = (cen__progress){.epoch = 3, .best_loss = 0.5};
    s.checkpoint = (cen__checkpoint){
        .trainer = s.trainer,
        .dataset = cen_folder_dataset(s.folder),
        .options = &s.options,
        .best = cen__alloc_zeroed(NULL, s.model->n_numbers, sizeof(float)),
        .centers = cen__alloc_zeroed(NULL, s.model->info.n_center_parameters, sizeof(float)),
        .progress = &s.progress};
    assert_true(s.checkpoint.best != NULL && s.checkpoint.centers != NULL);
    *state = &s;
    return 0;
}

static int close_setup(void **state)
{
    setup *s = *state;
    cen__free(s->checkpoint.best);
    cen__free(s->checkpoint.centers);
    cen_trainer_free(s->trainer);
    cen_model_free(s->model);
    cen_folder_free(s->folder);
    tree_remove(ROOT);
    return 0;
}

typedef struct change {
    const char *metadata, *value; /* replaced; taken out where the value is NULL */
    const char *tensor;           /* the same, with one number more, or none where it is to go */
    bool goes;
} change;

/* A whole checkpoint with this in it changed. */
static void write_changed(const setup *s, const change *c)
{
    cen__safetensors file;
    cen__named_tensor tensors[8];
    cen__string_pair pairs[64];
    static float numbers[64];
    size_t n_tensors = 0, n_pairs = 0;
    assert_int_equal(cen__checkpoint_write(&s->checkpoint, NULL), CEN_OK);
    assert_int_equal(cen__safetensors_read(NULL, FILE_NAME, &file, NULL), CEN_OK);
    for (size_t i = 0; i < file.n_metadata; i++) {
        pairs[n_pairs] = file.metadata[i];
        if (c->metadata != NULL && strcmp(pairs[n_pairs].key, c->metadata) == 0) {
            pairs[n_pairs].value = c->value;
        }
        n_pairs += pairs[n_pairs].value != NULL;
    }
    for (size_t i = 0; i < file.n_tensors; i++) {
        cen__named_tensor *t = &tensors[n_tensors++];
        *t = file.tensors[i];
        if (c->tensor == NULL || strcmp(t->name, c->tensor) != 0) continue;
        n_tensors -= c->goes;
        t->tensor.shape[0]++;
        t->tensor.data = numbers;
        assert_true(t->tensor.shape[0] <= 64);
    }
    assert_int_equal(
        cen__safetensors_write(NULL, FILE_NAME, tensors, n_tensors, pairs, n_pairs, NULL), CEN_OK);
    cen__safetensors_free(&file);
    tree_remove(FILE_NAME ".previous");
}

static void what_is_missing_or_of_another_training_is_told(void **state)
{
    setup *s = *state;
    static const struct {
        change change;
        const char *says;
        cen_status status;
    } cases[] = {
        {{.metadata = "format"}, "do not say 'centerloss checkpoint 2'", CEN_ERROR_FORMAT},
        {{"format", "centerloss 1", NULL, false}, "do not say", CEN_ERROR_FORMAT},
        {{"format", "centerloss checkpoint 1", NULL, false},
         "another version of the library has written it; resume with that version",
         CEN_ERROR_UNSUPPORTED},
        {{.metadata = "net"}, "begun with net unknown, not flatten", CEN_ERROR_ARGUMENT},
        {{"net", "gap", NULL, false}, "begun with net gap, not flatten", CEN_ERROR_ARGUMENT},
        {{.metadata = "at.has_lambda"}, "does not hold all", CEN_ERROR_FORMAT},
        {{.metadata = "at.epoch"}, "does not hold all", CEN_ERROR_FORMAT},
        {{"at.epoch", "0", NULL, false}, "does not hold all", CEN_ERROR_FORMAT},
        {{"at.epoch", "-1", NULL, false}, "does not hold all", CEN_ERROR_FORMAT},
        {{"at.epoch", "1e300", NULL, false}, "does not hold all", CEN_ERROR_FORMAT},
        {{"at.epoch", "third", NULL, false}, "does not hold all", CEN_ERROR_FORMAT},
        {{.metadata = "at.adam_steps"}, "does not hold all", CEN_ERROR_FORMAT},
        {{"at.lambda", "nan", NULL, false}, "does not hold all", CEN_ERROR_FORMAT},
        {{"at.lambda", "-1", NULL, false}, "does not hold all", CEN_ERROR_FORMAT},
        {{.tensor = "best", .goes = true}, "does not hold all", CEN_ERROR_FORMAT},
        {{.tensor = "adam.v"}, "does not hold all", CEN_ERROR_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cen_error warning, error;
        const cen__trainer_state now = cen__trainer_state_of(s->trainer);
        *now.lambda = 0.5;
        *now.n_steps = 7;
        s->progress.epoch = 3;
        write_changed(s, &cases[i].change);
        *now.lambda = 0.25;
        *now.n_steps = 8;
        s->progress.epoch = 4;
        assert_int_equal(cen__checkpoint_read(&s->checkpoint, &warning, &error), cases[i].status);
        if (strstr(error.message, cases[i].says) == NULL) fail_msg("%zu: %s", i, error.message);
        assert_non_null(strstr(error.message, FILE_NAME ": "));
        assert_int_equal(cen__checkpoint_read(&s->checkpoint, &warning, NULL), cases[i].status);
        assert_true(*now.lambda == 0.25 && *now.n_steps == 8 && s->progress.epoch == 4);
    }
}

static void numbers_that_are_not_finite_are_kept(void **state)
{
    setup *s = *state;
    cen_error warning, error;
    write_changed(s, &(change){"at.best_loss", "inf", NULL, false});
    s->progress = (cen__progress){.epoch = 0};
    assert_ok(cen__checkpoint_read(&s->checkpoint, &warning, &error), &error);
    assert_int_equal(s->progress.epoch, 3);
    assert_true(s->progress.best_loss == INFINITY);
    s->progress.best_loss = s->progress.best_knn = NAN;
    write_changed(s, &(change){.metadata = NULL});
    s->progress = (cen__progress){.epoch = 0};
    assert_ok(cen__checkpoint_read(&s->checkpoint, &warning, &error), &error);
    assert_true(isnan(s->progress.best_loss) && isnan(s->progress.best_knn));
    assert_true(s->progress.lr == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_missing_or_of_another_training_is_told, open_setup,
                                        close_setup),
        cmocka_unit_test_setup_teardown(numbers_that_are_not_finite_are_kept, open_setup,
                                        close_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
