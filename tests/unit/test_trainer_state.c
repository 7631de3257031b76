/* A loop written by hand: its state in a file, from which it goes on to the same bytes; and files that are damaged
 * or of another trainer. */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>
#ifndef _WIN32
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#endif

#include "format/safetensors.h"
#include "support/bytes.h"
#include "support/models.h"
#include "support/tree.h"

enum { N = 9, SIDE = 6, IMAGE = SIDE * SIDE, N_CLASSES = 4, N_STEPS = 12 };

#define STATE_FILE "trainer_state"

static const char net[] =
    "conv 3 3x3 pad 1, batchnorm, relu, maxpool 2, dropout 0.25, flatten, dense 5";

static cen_train_options options_of(cen_center_mode centers)
{
    cen_train_options options = cen_train_options_init();
    options.centers = centers;
    options.lambda_ratio = 0.4;
    options.clip_norm = 0.5;
    options.batch_size = N;
    options.seed = UINT64_C(0xfedcba9876543210);
    return options;
}

typedef struct loop {
    cen_model *model;
    cen_trainer *trainer;
} loop;

static loop open_loop(const cen_train_options *train, uint64_t seed, const char *line)
{
    loop l;
    cen_model_options options = cen_model_options_init();
    cen_error error;
    options.net = line;
    options.input.height = options.input.width = SIDE;
    options.n_classes = N_CLASSES;
    options.seed = seed;
    assert_ok(cen_model_create(threads(1), &l.model, &options, &error), &error);
    l.trainer = trainer_create(l.model, train);
    return l;
}

static void close_loop(loop *l)
{
    cen_trainer_free(l->trainer);
    cen_model_free(l->model);
}

/* Of a schedule that knows only the step. */
static void take_step(const loop *l, size_t step)
{
    float x[N * IMAGE];
    int32_t labels[N];
    cen_losses losses;
    cen_error error;
    for (size_t i = 0; i < N * IMAGE; i++) x[i] = (float)((step * 17 + i * i) % 29) / 14 - 1;
    for (size_t i = 0; i < N; i++) labels[i] = (int32_t)((step + i * i) % N_CLASSES);
    if (step % 3 == 0) {
        assert_ok(cen_trainer_set_rates(l->trainer, 1e-2 / (double)(1 + step), 0, &error), &error);
    }
    assert_ok(cen_trainer_backward(l->trainer, x, labels, N, &losses, &error), &error);
    cen_trainer_update(l->trainer);
}

static void save(const loop *l, const char *path)
{
    cen_error error;
    assert_ok(cen_trainer_save(l->trainer, path, &error), &error);
}

/* Stopped after each number of steps, with a model of other numbers and another seed to go on with. */
static void a_loop_goes_on_from_any_step_to_the_same_bytes(void **state)
{
    (void)state;
    const cen_center_mode modes[] = {CEN_CENTERS_ADAM, CEN_CENTERS_ADAM_DENSE, CEN_CENTERS_MEAN};
    for (size_t m = 0; m < 3; m++) {
        cen_train_options options = options_of(modes[m]), other = options;
        loop whole = open_loop(&options, 1, net);
        other.seed = 5;
        for (size_t step = 0; step < N_STEPS; step++) take_step(&whole, step);
        save(&whole, "trainer_whole");
        for (size_t stop = 0; stop < N_STEPS; stop++) {
            cen_error error;
            size_t n_steps;
            loop first = open_loop(&options, 1, net), second = open_loop(&other, 2, net);
            for (size_t step = 0; step < stop; step++) take_step(&first, step);
            save(&first, STATE_FILE);
            close_loop(&first);
            if (stop % 2 == 1) take_step(&second, 3); /* which is forgotten */
            assert_ok(cen_trainer_load(second.trainer, STATE_FILE, &n_steps, &error), &error);
            assert_int_equal(n_steps, stop);
            save(&second, "trainer_loaded");
            assert_same_files("trainer_loaded", STATE_FILE);
            for (size_t step = stop; step < N_STEPS; step++) take_step(&second, step);
            save(&second, STATE_FILE);
            assert_same_files("trainer_whole", STATE_FILE);
            close_loop(&second);
        }
        close_loop(&whole);
    }
}

/* What a backward has left is not of the state that was loaded. */
static void nothing_is_applied_after_a_loading(void **state)
{
    (void)state;
    cen_train_options options = options_of(CEN_CENTERS_ADAM);
    loop l = open_loop(&options, 1, net);
    cen_error error;
    size_t n;
    take_step(&l, 0);
    save(&l, STATE_FILE);
    take_step(&l, 1);
    assert_ok(cen_trainer_load(l.trainer, STATE_FILE, NULL, &error), &error);
    (void)cen_trainer_features(l.trainer, &n);
    assert_int_equal(n, 0);
    cen_trainer_update(l.trainer);
    save(&l, "trainer_after");
    assert_same_files(STATE_FILE, "trainer_after");
    close_loop(&l);
}

static void check_refused(const loop *l, const char *path, cen_status due, const char *words)
{
    cen_error error;
    size_t n_steps = 77;
    save(l, "trainer_before");
    assert_int_equal(cen_trainer_load(l->trainer, path, &n_steps, &error), due);
    if (strstr(error.message, words) == NULL) fail_msg("'%s' not in: %s", words, error.message);
    assert_non_null(strstr(error.message, path));
    assert_int_equal(cen_trainer_load(l->trainer, path, NULL, NULL), due);
    assert_int_equal(n_steps, 77);
    save(l, "trainer_after");
    assert_same_files("trainer_before", "trainer_after");
}

static void another_trainer_is_refused_by_the_option_that_differs(void **state)
{
    (void)state;
    cen_train_options options = options_of(CEN_CENTERS_MEAN), others[6];
    const char *const words[] = {"clip norm 0.5, not 1",  "number of shards 1, not 3",
                                 "center mode 2, not 0",  "weight decay 0.02, not 0.5",
                                 "form of Adam 0, not 1", "optimizer 0, not 1"};
    loop l = open_loop(&options, 1, net);
    take_step(&l, 0);
    save(&l, STATE_FILE);
    close_loop(&l);
    for (size_t i = 0; i < 6; i++) others[i] = options;
    others[0].clip_norm = 1;
    others[1].n_shards = 3;
    others[2].centers = CEN_CENTERS_ADAM;
    others[3].weight_decay = 0.5;
    others[4].adam_form = CEN_ADAM_KERAS;
    others[5].optimizer = CEN_OPTIMIZER_MUON;
    for (size_t i = 0; i < 6; i++) {
        l = open_loop(&others[i], 3, net);
        check_refused(&l, STATE_FILE, CEN_ERROR_ARGUMENT, words[i]);
        close_loop(&l);
    }
    l = open_loop(&options, 3, "flatten, dense 5");
    check_refused(&l, STATE_FILE, CEN_ERROR_ARGUMENT, "saved with net conv 3");
    check_refused(&l, "trainer_none", CEN_ERROR_IO, "trainer_none");
    assert_int_equal(cen_model_save(l.model, "trainer_model", NULL), CEN_OK);
    check_refused(&l, "trainer_model", CEN_ERROR_FORMAT, "do not say 'centerloss trainer 1'");
    close_loop(&l);
}

typedef struct change {
    const char *metadata, *value; /* replaced; taken out if the value is NULL */
    const char *tensor;           /* its last number is this, */
    float number;
    bool is_longer; /* or there is one more */
} change;

static void write_changed(const change *c)
{
    enum { MOST = 1 << 12 };
    static float numbers[MOST];
    cen__safetensors file;
    cen__named_tensor tensors[8];
    cen__string_pair pairs[64];
    size_t n_pairs = 0;
    assert_int_equal(cen__safetensors_read(NULL, STATE_FILE, &file, NULL), CEN_OK);
    for (size_t i = 0; i < file.n_metadata; i++) {
        pairs[n_pairs] = file.metadata[i];
        if (c->metadata != NULL && strcmp(pairs[n_pairs].key, c->metadata) == 0) {
            pairs[n_pairs].value = c->value;
        }
        n_pairs += pairs[n_pairs].value != NULL;
    }
    for (size_t i = 0; i < file.n_tensors; i++) {
        tensors[i] = file.tensors[i];
        if (c->tensor == NULL || strcmp(tensors[i].name, c->tensor) != 0) continue;
        size_t count = tensors[i].tensor.shape[0];
        assert_true(count < MOST);
        memcpy(numbers, tensors[i].tensor.data, count * sizeof *numbers);
        if (c->is_longer) {
            tensors[i].tensor.shape[0]++;
        } else {
            numbers[count - 1] = c->number;
        }
        tensors[i].tensor.data = numbers;
    }
    assert_int_equal(cen__safetensors_write(NULL, "trainer_changed", tensors, file.n_tensors, pairs,
                                            n_pairs, NULL),
                     CEN_OK);
    cen__safetensors_free(&file);
}

static void a_file_of_a_stranger_is_only_data(void **state)
{
    (void)state;
    const change cases[] = {
        {.metadata = "at.adam_steps"},
        {.metadata = "at.adam_steps", .value = "-1"},
        {.metadata = "at.adam_steps", .value = "1e300"},
        {.metadata = "at.adam_steps", .value = "many"},
        {.metadata = "at.lambda"},
        {.metadata = "at.lambda", .value = "nan"},
        {.metadata = "at.lambda", .value = "-0.5"},
        {.metadata = "at.lambda", .value = "1e31"},
        {.metadata = "at.lr", .value = "inf"},
        {.metadata = "at.lr", .value = "-1"},
        {.metadata = "at.has_lambda"},
        {.metadata = "at.has_lambda", .value = "2"},
        {.metadata = "at.seed"},
        {.metadata = "at.seed", .value = ""},
        {.metadata = "at.seed", .value = "18446744073709551616"},
        {.metadata = "at.seed", .value = "-1"},
        {.metadata = "at.seed", .value = "1 "},
        {.tensor = "now", .number = NAN},
        {.tensor = "now", .number = -1}, /* a running variance */
        {.tensor = "now", .is_longer = true},
        {.tensor = "adam.m", .number = INFINITY},
        {.tensor = "adam.m", .is_longer = true},
        {.tensor = "adam.v", .number = NAN},
        {.tensor = "adam.v", .number = -1e-3f},
    };
    cen_train_options options = options_of(CEN_CENTERS_ADAM);
    loop l = open_loop(&options, 1, net);
    take_step(&l, 0);
    save(&l, STATE_FILE);
    take_step(&l, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_changed(&cases[i]);
        check_refused(&l, "trainer_changed", CEN_ERROR_FORMAT, "does not hold all");
    }
    write_changed(&(change){.metadata = NULL});
    assert_int_equal(cen_trainer_load(l.trainer, "trainer_changed", NULL, NULL), CEN_OK);
    close_loop(&l);
}

/* Older files do not name them. */
static void options_that_came_later_stand_for_what_was_before_them(void **state)
{
    (void)state;
    const char *const names[] = {"number of shards", "form of Adam", "frozen layers", "optimizer"};
    cen_train_options options = options_of(CEN_CENTERS_MEAN);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cen_train_options other = options;
        loop l = open_loop(&options, 1, net);
        save(&l, STATE_FILE);
        write_changed(&(change){.metadata = names[i]});
        assert_int_equal(cen_trainer_load(l.trainer, "trainer_changed", NULL, NULL), CEN_OK);
        close_loop(&l);
        if (i == 0) other.n_shards = 2;
        if (i == 1) other.adam_form = CEN_ADAM_KERAS;
        if (i == 2) other.n_frozen = 1;
        if (i == 3) other.optimizer = CEN_OPTIMIZER_MUON;
        l = open_loop(&other, 1, net);
        check_refused(&l, "trainer_changed", CEN_ERROR_ARGUMENT, names[i]);
        close_loop(&l);
    }
}

/* Every end that a file can be cut at. */
static void a_file_that_is_cut_changes_nothing(void **state)
{
    (void)state;
    cen_train_options options = options_of(CEN_CENTERS_ADAM);
    loop l = open_loop(&options, 1, "flatten, dense 1");
    size_t size;
    take_step(&l, 0);
    save(&l, STATE_FILE);
    unsigned char *bytes = bytes_of(STATE_FILE, &size);
    take_step(&l, 1);
    save(&l, "trainer_before");
    for (size_t cut = 0; cut < size; cut += cut < 64 || cut + 64 > size ? 1 : 61) {
        tree_write("trainer_cut", bytes, cut);
        assert_int_not_equal(cen_trainer_load(l.trainer, "trainer_cut", NULL, NULL), CEN_OK);
    }
    save(&l, "trainer_after");
    assert_same_files("trainer_before", "trainer_after");
    free(bytes);
    close_loop(&l);
}

#ifndef _WIN32
enum { LONG = 400 };

/* Goes on from the file if there is one, and writes it after each step. */
static void live(void)
{
    cen_train_options options = options_of(CEN_CENTERS_MEAN);
    loop l = open_loop(&options, 1, net);
    size_t step = 0;
    if (access(STATE_FILE, F_OK) == 0) {
        assert_int_equal(cen_trainer_load(l.trainer, STATE_FILE, &step, NULL), CEN_OK);
    }
    while (step < LONG) {
        take_step(&l, step++);
        save(&l, STATE_FILE);
    }
    close_loop(&l);
}

/* Each life is longer than the one before, so that the end is reached on any machine. */
static void a_loop_that_is_killed_at_random_ends_in_the_same_bytes(void **state)
{
    (void)state;
    bool is_over = false;
    size_t n_killed = 0;
    tree_remove(STATE_FILE);
    live();
    assert_int_equal(rename(STATE_FILE, "trainer_whole"), 0);
    for (long wait = 20; !is_over; wait += wait / 8) {
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            live();
            _exit(0);
        }
        const struct timespec time = {wait / 1000, wait % 1000 * 1000000 + 12345};
        (void)nanosleep(&time, NULL);
        (void)kill(child, SIGKILL);
        assert_true(waitpid(child, &status, 0) == child);
        is_over = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        n_killed += !is_over;
        assert_true(is_over || WIFSIGNALED(status));
    }
    print_message("killed %zu times\n", n_killed);
    assert_same_files("trainer_whole", STATE_FILE);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_goes_on_from_any_step_to_the_same_bytes),
        cmocka_unit_test(nothing_is_applied_after_a_loading),
        cmocka_unit_test(another_trainer_is_refused_by_the_option_that_differs),
        cmocka_unit_test(a_file_of_a_stranger_is_only_data),
        cmocka_unit_test(options_that_came_later_stand_for_what_was_before_them),
        cmocka_unit_test(a_file_that_is_cut_changes_nothing),
#ifndef _WIN32
        cmocka_unit_test(a_loop_that_is_killed_at_random_ends_in_the_same_bytes),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
