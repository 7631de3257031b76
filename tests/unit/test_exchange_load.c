/* A folder that processes load together: each decodes its share, and all have what one would have. */
#define _POSIX_C_SOURCE 200809L
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/ranks.h"
#include "support/tree.h"

enum { SIDE = 4, N_A_CLASS = 20, N = 2 * N_A_CLASS, CUT = 7, MOST = 64 };

/* What came of a folder; the same in all processes. */
typedef struct outcome {
    size_t n_images, n_skipped, n_damaged;
    uint64_t digest;
    float mean, x[N * SIDE * SIDE];
} outcome;

typedef struct loading {
    const char *roots[MOST_RANKS];
    size_t cache;
    const outcome *expected; /* NULL: one process fills *filled */
    outcome *filled;
} loading;

/* Images are grey; one is cut off. Those outside of first .. end are of another grey. */
static void write_folder(const char *root, size_t first, size_t end)
{
    tree_remove(root);
    for (size_t i = 0; i < N; i++) {
        char path[128], bytes[64];
        bool is_good = i >= first && i < end;
        int size = snprintf(bytes, sizeof bytes, "P5\n%d %d\n255\n", SIDE, SIDE);
        memset(bytes + size, is_good ? (int)i * 5 : 201, SIDE * SIDE);
        snprintf(path, sizeof path, "%s/%c/%02zu.pgm", root, i < N_A_CLASS ? 'a' : 'b', i);
        tree_write(path, bytes, (size_t)size + (is_good && i == CUT ? 5 : SIDE * SIDE));
    }
}

static int load(const cen_exchange *exchange, const void *how)
{
    const loading *l = how;
    const size_t rank = exchange != NULL ? exchange->rank : 0;
    static outcome own;
    cen_folder_options options = cen_folder_options_init();
    cen_input input = {.channels = 1, .height = SIDE, .width = SIDE};
    cen_folder *folder;
    cen_error error;
    options.validation_share = 0;
    options.exchange = exchange;
    if (cen_folder_open(NULL, &folder, &l->roots[rank], 1, &options, &error) != CEN_OK) return 2;
    if (cen_folder_load(folder, &input, l->cache, NULL, NULL, &error) != CEN_OK) {
        cen_folder_free(folder);
        return strstr(error.message, "process 1 has other images") != NULL ? 10 : 3;
    }
    const cen_folder_info *info = cen_folder_get(folder);
    const cen_dataset *dataset = cen_folder_dataset(folder);
    memset(&own, 0, sizeof own);
    own.n_images = info->n_images;
    own.n_skipped = info->n_skipped;
    own.n_damaged = info->n_damaged;
    own.digest = dataset->digest;
    own.mean = dataset->mean[0];
    for (size_t row = 0; row < dataset->n && l->cache > 0; row++) {
        if (dataset->read(dataset->user, &row, 1, own.x + row * SIDE * SIDE, &error) != CEN_OK) {
            return 4;
        }
    }
    cen_folder_free(folder);
    if (l->expected == NULL) *l->filled = own;
    return l->expected == NULL || memcmp(l->expected, &own, sizeof own) == 0 ? 0 : 1;
}

/* The other images of a process's folder are wrong, and it does not see them. */
static void each_decodes_its_share_and_has_all(void **state)
{
    (void)state;
    const size_t caches[] = {0, 1 << 20};
    for (size_t i = 0; i < 2; i++) {
        static outcome one;
        loading l = {.roots = {"load_all"}, .cache = caches[i], .filled = &one};
        write_folder("load_all", 0, N);
        assert_int_equal(load(NULL, &l), 0);
        assert_int_equal(one.n_images + one.n_skipped, N);
        assert_int_equal(one.n_damaged + one.n_skipped, 1);
        l.expected = &one;
        for (size_t n_ranks = 2; n_ranks <= 3; n_ranks++) {
            char roots[3][32];
            for (size_t rank = 0; rank < n_ranks; rank++) {
                snprintf(roots[rank], sizeof roots[rank], "load_%zu", rank);
                write_folder(roots[rank], rank * N / n_ranks, (rank + 1) * N / n_ranks);
                l.roots[rank] = roots[rank];
            }
            assert_true(run_ranks(n_ranks, load, &l));
        }
    }
}

static int is_refused(const cen_exchange *exchange, const void *how)
{
    return load(exchange, how) != 10;
}

static void processes_with_other_images_are_refused(void **state)
{
    (void)state;
    const loading l = {.roots = {"load_0", "load_1"}};
    write_folder("load_0", 0, N);
    write_folder("load_1", 0, N);
    tree_grey("load_1/b/more.pgm", 3, 2, 1);
    assert_true(run_ranks(2, is_refused, &l));
}

static int remove_folders(void **state)
{
    (void)state;
    tree_remove("load_all");
    tree_remove("load_0");
    tree_remove("load_1");
    tree_remove("load_2");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_decodes_its_share_and_has_all),
        cmocka_unit_test(processes_with_other_images_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, remove_folders);
}
