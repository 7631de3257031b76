/* The texts of features: a .csv, or where the first byte is 't' the .tsv beside a .npy of as many rows. */
#include "fuzz.h"

#include <centerloss_eval.h>

#include <math.h>
#include <string.h>

#include "format/table.h"

/* As stated in tools/README.md: a line may be one byte. */
enum { MEMORY_FACTOR = 64, MEMORY_LEAST = 1 << 18 };

/* .npy with n rows of one number. */
static void write_numbers(const char *path, size_t n)
{
    enum { HEADER_SIZE = 128, MOST = 4096 };
    static uint8_t bytes[HEADER_SIZE + 4 * MOST];
    if (n > MOST) n = MOST;
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, "\x93NUMPY\1\0\x76", 10);
    memset(bytes + 10, ' ', HEADER_SIZE - 11);
    int length = snprintf((char *)bytes + 10, HEADER_SIZE - 10,
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, 1), }", n);
    bytes[10 + length] = ' ';
    bytes[HEADER_SIZE - 1] = '\n';
    fuzz_write(path, bytes, HEADER_SIZE + 4 * n);
}

/* What is read, written and read again is the same. */
static void check_again(const char *path, cen_features_format format, const char *again)
{
    cen_feature_set set, same;
    cen_error error;
    cen_status status = cen_features_read(NULL, path, &set, &error);
    fuzz_check_error(status, &error);
    if (status != CEN_OK) return;
    for (size_t i = 0; i < set.n; i++) {
        FUZZ_CHECK(set.rows[i].label >= -1 && set.rows[i].label < (int32_t)set.n_classes);
    }
    FUZZ_CHECK(cen_features_write(NULL, again, format, set.features, set.n, set.d, set.rows,
                                  NULL) == CEN_OK);
    FUZZ_CHECK(cen_features_read(NULL, again, &same, NULL) == CEN_OK);
    FUZZ_CHECK(same.n == set.n && same.d == set.d && same.n_classes == set.n_classes);
    for (size_t i = 0; i < set.n; i++) {
        FUZZ_CHECK(strcmp(set.rows[i].path, same.rows[i].path) == 0);
        FUZZ_CHECK(set.rows[i].label == same.rows[i].label);
    }
    cen_features_free(&same);
    cen_features_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0) return -1;
    bool is_tsv = bytes[0] == 't';
    const char *path = is_tsv ? "fuzz_input.tsv" : "fuzz_input.csv";
    cen__table table;
    cen_error error;
    bytes += is_tsv;
    size -= is_tsv;
    fuzz_write(path, bytes, size);
    fuzz_memory_begin();
    cen_status status = is_tsv ? cen__table_read_tsv(NULL, path, &table, &error)
                               : cen__table_read_csv(NULL, path, &table, &error);
    fuzz_memory_most(MEMORY_LEAST + MEMORY_FACTOR * size);
    fuzz_check_error(status, &error);
    size_t n_rows = table.n;
    cen__table_free(&table);
    if (is_tsv) {
        write_numbers("fuzz_input.npy", n_rows);
        check_again("fuzz_input.npy", CEN_FEATURES_NPY, "fuzz_again.npy");
    } else {
        check_again(path, CEN_FEATURES_CSV, "fuzz_again.csv");
    }
    fuzz_memory_end();
    return 0;
}
