/* A context's threads: every task runs once, whoever is there to run it; forks, refused threads, and
 * processors that this process may not use. */
#define _GNU_SOURCE
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/context.h"
#include "base/random.h"
#include "support/context.h"

enum { MOST = 1000, D = 16, ROWS = 3000, ASKED = 700, K = 3, TRAINED = 256, NUMBERS = 14000 };

typedef struct {
    unsigned char done[MOST];
    int workers[MOST];
    cen_context *context; /* of a task within the task; NULL: none */
    size_t inner;         /* tasks of those, atomic */
} tasks;

static void count_inner(void *data, size_t task, int worker)
{
    (void)task;
    tasks *t = data;
    __atomic_fetch_add(&t->inner, worker == 0, __ATOMIC_SEQ_CST);
}

static void run_task(void *data, size_t task, int worker)
{
    tasks *t = data;
    t->done[task]++;
    t->workers[task] = worker;
    if (t->context != NULL) cen__parallel(t->context, 3, CEN__MUCH_WORK, count_inner, t);
}

static void assert_done(const tasks *t, size_t n, int n_threads)
{
    for (size_t i = 0; i < MOST; i++) {
        assert_int_equal(t->done[i], i < n);
        assert_in_range(t->workers[i], 0, n_threads - 1);
    }
}

static void every_task_runs_once_at_any_number_of_threads(void **state)
{
    (void)state;
    for (int n_threads = 1; n_threads <= 9; n_threads++) {
        for (size_t n = 0; n <= MOST; n = 3 * n + 1) {
            tasks t = {.context = NULL};
            cen__parallel(threads(n_threads), n, CEN__MUCH_WORK, run_task, &t);
            assert_done(&t, n, n_threads);
        }
    }
}

static void a_task_may_use_its_own_context(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        tasks t = {.context = threads(3)};
        cen__parallel(t.context, 50, CEN__MUCH_WORK, run_task, &t);
        assert_done(&t, 50, 3);
        assert_int_equal(t.inner, 150);
    }
}

static void little_work_is_the_callers(void **state)
{
    (void)state;
    tasks t = {.context = NULL};
    cen__parallel(threads(4), MOST, 100, run_task, &t);
    assert_done(&t, MOST, 1);
    cen__parallel(NULL, 0, CEN__MUCH_WORK, run_task, &t);
}

/* ---- a program's handler of faults ------------------------------------------------------------------ */

static volatile unsigned char *guarded; /* a page that may not be read until its fault is handled */
static volatile sig_atomic_t n_faults;

static void open_page(int signal)
{
    (void)signal;
    n_faults++;
    if (mprotect((void *)(uintptr_t)guarded, 1, PROT_READ) != 0) _exit(3);
}

/* Two tasks: the caller's waits for that of a worker. */
static void read_page(void *data, size_t task, int worker)
{
    tasks *t = data;
    (void)task;
    while (worker == 0 && __atomic_load_n(&t->inner, __ATOMIC_SEQ_CST) == 0) (void)sched_yield();
    if (worker == 0) return;
    t->done[0] = guarded[0];
    __atomic_fetch_add(&t->inner, 1, __ATOMIC_SEQ_CST);
}

static void a_fault_in_a_worker_reaches_the_handler(void **state)
{
    (void)state;
    struct sigaction ours = {.sa_handler = open_page}, before[2];
    tasks t = {.done = {1}};
    void *page = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
    guarded = page;
    assert_int_equal(sigaction(SIGSEGV, &ours, &before[0]), 0);
    assert_int_equal(sigaction(SIGBUS, &ours, &before[1]), 0);
    cen__parallel(threads(2), 2, CEN__MUCH_WORK, read_page, &t);
    assert_int_equal(sigaction(SIGSEGV, &before[0], NULL), 0);
    assert_int_equal(sigaction(SIGBUS, &before[1], NULL), 0);
    assert_int_equal(n_faults, 1);
    assert_int_equal(t.done[0], 0);
    assert_int_equal(munmap(page, 1), 0);
}

/* ---- the public functions: a search and a training, which always come to the same ----------------- */

static float rows[ROWS * D];
static size_t expected[ASKED * K];

/* numbers[NUMBERS] of a model that is trained on the first rows, as pictures. */
static bool train(cen_context *context, float *numbers)
{
    static int32_t labels[TRAINED];
    cen_arrays arrays = cen_arrays_init();
    cen_model_options options = cen_model_options_init();
    cen_fit_options fit = cen_fit_options_init();
    cen_dataset *dataset = NULL;
    cen_model *model = NULL;
    cen_trainer *trainer = NULL;
    size_t n = 0;
    for (int i = 0; i < TRAINED; i++) labels[i] = i % 2;
    arrays.n = TRAINED;
    arrays.channels = 1;
    arrays.height = arrays.width = options.input.height = options.input.width = 4;
    arrays.values = rows;
    arrays.labels = labels;
    arrays.n_classes = options.n_classes = 2;
    options.net = "conv 32 3x3 pad 1, batchnorm, relu, conv 32 3x3 pad 1, relu, flatten, dense 8";
    fit.n_epochs = 1;
    const bool is_trained = cen_arrays_create(context, &dataset, &arrays, NULL) == CEN_OK &&
                            cen_model_create(context, &model, &options, NULL) == CEN_OK &&
                            cen_trainer_create(&trainer, model, NULL, NULL) == CEN_OK &&
                            cen_fit(trainer, dataset, &fit, NULL) == CEN_OK;
    const float *own = is_trained ? cen_model_parameters(model, &n) : NULL;
    if (own != NULL && n <= NUMBERS) memcpy(numbers, own, n * sizeof *own);
    cen_trainer_free(trainer);
    cen_model_free(model);
    cen_arrays_free(dataset);
    return own != NULL && n <= NUMBERS;
}

static float trained[NUMBERS];

static int make_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS * D; i++) rows[i] = cen__random_float(4, 1, i);
    if (!train(threads(1), trained)) return 1;
    return cen_knn_search(threads(1), rows, ROWS, rows, ASKED, D, K, CEN_METRIC_L2, false, expected,
                          NULL, NULL) != CEN_OK;
}

static bool search_is_right(cen_context *context)
{
    size_t found[ASKED * K];
    memset(found, 0xff, sizeof found);
    return cen_knn_search(context, rows, ROWS, rows, ASKED, D, K, CEN_METRIC_L2, false, found, NULL,
                          NULL) == CEN_OK &&
           memcmp(found, expected, sizeof found) == 0;
}

static bool training_is_right(cen_context *context)
{
    static float numbers[NUMBERS];
    return train(context, numbers) && memcmp(numbers, trained, sizeof trained) == 0;
}

static void *search_often(void *user)
{
    cen_context *context = user;
    for (int i = 0; i < 20; i++) {
        if (!search_is_right(context)) return user;
    }
    return NULL;
}

static void several_threads_may_share_a_context(void **state)
{
    (void)state;
    enum { CALLERS = 4 };
    pthread_t callers[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_create(&callers[i], NULL, search_often, threads(3)), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        void *failed;
        assert_int_equal(pthread_join(callers[i], &failed), 0);
        assert_null(failed);
    }
}

/* Runs this in a child of its own, which must end with 0, and not wait for ever. The thread sanitizer allows no threads
 * in a fork. */
static void assert_child_passes(int (*run)(void))
{
#if defined(__SANITIZE_THREAD__)
    skip();
#endif
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(600); /* a busy machine takes long */
        _exit(run());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int work_and_free(void)
{
    cen_context *old = threads(3);
    if (!search_is_right(old) || !search_is_right(old) || !training_is_right(old)) return 1;
    free_contexts();
    return 0;
}

static void parent_and_child_go_on_after_a_fork(void **state)
{
    (void)state;
    assert_true(search_is_right(threads(3)));
    for (int i = 0; i < 10; i++) {
        assert_true(training_is_right(threads(3)));
        assert_child_passes(work_and_free);
        assert_true(search_is_right(threads(3)));
    }
}

/* A fork while another thread runs tasks leaves the child a pool that is nobody's. */
static void a_child_takes_a_pool_that_was_busy(void **state)
{
    (void)state;
    pthread_t other;
#if defined(__SANITIZE_THREAD__)
    skip();
#endif
    assert_int_equal(pthread_create(&other, NULL, search_often, threads(3)), 0);
    for (int i = 0; i < 5; i++) assert_child_passes(work_and_free);
    void *failed;
    assert_int_equal(pthread_join(other, &failed), 0);
    assert_null(failed);
}

/* Threads of a child that ask for the pool before it is theirs. */
static int search_in_threads(void)
{
    enum { CALLERS = 4 };
    pthread_t callers[CALLERS];
    int n_failed = 0;
    for (int i = 0; i < CALLERS; i++) {
        if (pthread_create(&callers[i], NULL, search_often, threads(3)) != 0) return 2;
    }
    for (int i = 0; i < CALLERS; i++) {
        void *failed;
        n_failed += pthread_join(callers[i], &failed) != 0 || failed != NULL;
    }
    free_contexts();
    return n_failed != 0;
}

static void threads_of_a_child_share_the_pool(void **state)
{
    (void)state;
    assert_true(search_is_right(threads(3)));
    for (int i = 0; i < 10; i++) assert_child_passes(search_in_threads);
}

static int search_without_threads(void)
{
    cen_context *context;
    cen_context_options options = cen_context_options_init();
    options.n_threads = 8;
    if (cen_context_create(&context, &options, NULL) != CEN_OK) return 1;
    if (cen_context_threads(context) != 8 || !search_is_right(context)) return 2;
    cen_context_free(context);
    return 0;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they map memory themselves */
static int without_address_space(void)
{
    const struct rlimit limit = {1, 1}; /* no new mapping, so no stack */
    return setrlimit(RLIMIT_AS, &limit) == 0 ? search_without_threads() : 9;
}
#endif

static int without_processes(void)
{
    cen_context *context = threads(5); /* whose threads are the parent's */
    const struct rlimit limit = {1, 1};
    if (geteuid() == 0 && setuid(65534) != 0) return 9; /* root has no limit */
    if (setrlimit(RLIMIT_NPROC, &limit) != 0) return 9;
    return training_is_right(context) ? search_without_threads() : 3;
}

static void threads_that_cannot_be_made_are_not_missed(void **state)
{
    (void)state;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_child_passes(without_address_space);
#endif
    assert_child_passes(without_processes);
}

static int threads_by_default(void)
{
    cen_context *context;
    if (cen_context_create(&context, NULL, NULL) != CEN_OK) return -1;
    const int n = cen_context_threads(context);
    cen_context_free(context);
    return n;
}

static int on_one_processor(void)
{
    cpu_set_t set;
    int first = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 9;
    while (!CPU_ISSET((size_t)first, &set)) first++;
    CPU_ZERO(&set);
    CPU_SET((size_t)first, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) return 9;
    return threads_by_default() == 1 && training_is_right(threads(3)) ? 0 : 1;
}

static void threads_are_as_many_as_the_affinity_allows(void **state)
{
    (void)state;
    assert_true(threads_by_default() >= 1);
    assert_child_passes(on_one_processor);
}

static bool write_line(const char *path, const char *line)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) return false;
    const bool is_written = fputs(line, file) >= 0;
    return (fclose(file) == 0) & is_written;
}

/* Both versions of control groups; root may make them. */
#define GROUP_1 "/sys/fs/cgroup/cpu/cen_test_context"
#define GROUP_2 "/sys/fs/cgroup/cen_test_context"

/* 0: no process may be put there. */
static int threads_in_group(const char *processes)
{
    const pid_t child = fork();
    if (child == 0) _exit(write_line(processes, "0") ? threads_by_default() : 0);
    int code;
    return waitpid(child, &code, 0) == child && WIFEXITED(code) ? WEXITSTATUS(code) : 98;
}

static void threads_are_as_many_as_the_quota_allows(void **state)
{
    (void)state;
    int n_threads = 0; /* in half a processor */
    if (mkdir(GROUP_1, 0755) == 0) {
        if (write_line(GROUP_1 "/cpu.cfs_quota_us", "50000")) {
            n_threads = threads_in_group(GROUP_1 "/cgroup.procs");
        }
        assert_int_equal(rmdir(GROUP_1), 0);
    } else if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 &&
               mkdir(GROUP_2, 0755) == 0) {
        if (write_line(GROUP_2 "/cpu.max", "50000 100000")) {
            n_threads = threads_in_group(GROUP_2 "/cgroup.procs");
        }
        assert_int_equal(rmdir(GROUP_2), 0);
    }
    if (n_threads == 0) skip();
    assert_int_equal(n_threads, 1);
}

static void options_are_checked_and_may_be_those_of_an_older_header(void **state)
{
    (void)state;
    cen_context *context;
    cen_error error;
    cen_context_options options = cen_context_options_init();
    const int wrong[] = {-1, 1025};
    for (size_t i = 0; i < 2; i++) {
        options.n_threads = wrong[i];
        assert_int_equal(cen_context_create(&context, &options, &error), CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, "0 to 1024"));
    }
    options = (cen_context_options){.n_threads = 2};
    assert_int_equal(cen_context_create(&context, &options, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "_init"));
    options.size = offsetof(cen_context_options, n_threads); /* what follows is not known */
    assert_int_equal(cen_context_create(&context, &options, &error), CEN_OK);
    assert_int_equal(cen_context_threads(context), threads_by_default());
    cen_context_free(context);
    cen_context_free(NULL);
}

/* Whether the kernel keeps in mind that large pages are wanted at `at`; "hg" among the flags of its mapping. */
static bool wants_large_pages(const void *at)
{
    char line[1024];
    bool is_here = false, wants = false;
    FILE *file = fopen("/proc/self/smaps", "r");
    if (file == NULL) skip();
    while (!wants && fgets(line, sizeof line, file) != NULL) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            is_here = from <= (uintptr_t)at && (uintptr_t)at < to;
        wants = is_here && strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " hg") != NULL;
    }
    (void)fclose(file);
    return wants;
}

static void large_pages_are_asked_for_large_blocks(void **state)
{
    (void)state;
    size_t n;
    cen_model *model;
    cen_model_options options = cen_model_options_init();
    options.n_classes = 2;
    options.input.height = options.input.width = 64;
    options.net = "flatten, dense 512";
    void *const own = mmap(NULL, 1 << 22, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(own != MAP_FAILED);
    (void)madvise(own, 1 << 22, MADV_HUGEPAGE);
    const bool is_kept = wants_large_pages(own);
    assert_int_equal(munmap(own, 1 << 22), 0);
    if (!is_kept) skip(); /* no such pages, or an emulator */
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_OK);
    const float *parameters = cen_model_parameters(model, &n);
    assert_true(wants_large_pages(parameters + n / 2));
    cen_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once_at_any_number_of_threads),
        cmocka_unit_test(a_task_may_use_its_own_context),
        cmocka_unit_test(little_work_is_the_callers),
        cmocka_unit_test(a_fault_in_a_worker_reaches_the_handler),
        cmocka_unit_test(several_threads_may_share_a_context),
        cmocka_unit_test(parent_and_child_go_on_after_a_fork),
        cmocka_unit_test(a_child_takes_a_pool_that_was_busy),
        cmocka_unit_test(threads_of_a_child_share_the_pool),
        cmocka_unit_test(threads_that_cannot_be_made_are_not_missed),
        cmocka_unit_test(threads_are_as_many_as_the_affinity_allows),
        cmocka_unit_test(threads_are_as_many_as_the_quota_allows),
        cmocka_unit_test(options_are_checked_and_may_be_those_of_an_older_header),
        cmocka_unit_test(large_pages_are_asked_for_large_blocks),
    };
    return cmocka_run_group_tests(tests, make_rows, NULL);
}
