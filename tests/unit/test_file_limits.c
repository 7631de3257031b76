/* What reading a file of a stranger may take: the memory that tools/README.md states for each kind, measured by
 * counting what is allocated, and no more than that for holes, devices and pipes. */
#if !defined(_WIN32)
#define _XOPEN_SOURCE 700
#endif
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#if !defined(_WIN32)
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <centerloss_eval.h>

#include "format/safetensors.h"
#include "image/inflate.h"
#include "support/context.h"
#include "support/measured_memory.h"
#include "support/tree.h"

#define FOLDER "test_file_limits.tmp"

enum { MB = 1 << 20 };

/* ---- the worst of each kind ---- */

typedef struct text {
    char *data;
    size_t size;
} text;

/* first, then n times `again`, then last. */
static text repeat(const char *first, const char *again, size_t n, const char *last)
{
    const size_t sizes[] = {strlen(first), strlen(again), strlen(last)};
    text t = {NULL, sizes[0] + n * sizes[1] + sizes[2]};
    t.data = malloc(t.size + 1);
    assert_non_null(t.data);
    memcpy(t.data, first, sizes[0]);
    for (size_t i = 0; i < n; i++) memcpy(t.data + sizes[0] + i * sizes[1], again, sizes[1]);
    memcpy(t.data + sizes[0] + n * sizes[1], last, sizes[2]);
    return t;
}

static void write_text(const char *path, text t)
{
    tree_write(path, t.data, t.size);
    free(t.data);
}

static void write_npy(const char *path, size_t n, size_t d)
{
    char start[128];
    memset(start, ' ', sizeof start);
    memcpy(start, "\x93NUMPY\1\0\x76\0", 10);
    int size =
        snprintf(start + 10, 110, "{'descr':'<f4','fortran_order':True,'shape':(%zu,%zu)}", n, d);
    start[10 + size] = ' ';
    start[127] = '\n';
    char *bytes = calloc(1, sizeof start + 4 * n * d);
    assert_non_null(bytes);
    memcpy(bytes, start, sizeof start);
    tree_write(path, bytes, sizeof start + 4 * n * d);
    free(bytes);
}

static size_t size_of(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long size = ftell(file);
    (void)fclose(file);
    return (size_t)size;
}

static void assert_features_take(const char *path, size_t least, size_t factor)
{
    cen_feature_set set;
    cen_error error = {CEN_OK, ""};
    size_t size = size_of(path);
    memory_most = memory_held;
    if (cen_features_read(NULL, path, &set, &error) == CEN_OK) cen_features_free(&set);
    if (memory_most > least + factor * size) {
        fail_msg("%s of %zu bytes takes %zu: %s", path, size, memory_most, error.message);
    }
    printf("%s: %.1f times its size%s\n", path, (double)memory_most / (double)size,
           error.status == CEN_OK ? "" : ", refused");
}

static void a_csv_takes_1_mb_and_64_times_its_size(void **state)
{
    (void)state;
    static const char path[] = FOLDER "/worst.csv", line[] = "path,label,class,split,f\n";
    write_text(path, repeat(line, ",0,,,0\n", 300000, ""));
    assert_features_take(path, MB, 64);
    write_text(path, repeat("path,label,class,split", ",", 300000, "\n,0,,,0\n"));
    assert_features_take(path, MB, 64);
    write_text(path, repeat("path,label,class,split,f,f,f,f,f,f,f,f,f,f\n", "\n", 1000000, ""));
    assert_features_take(path, MB, 64);
    write_text(path, repeat(line, "\"", 2000001, "\n"));
    assert_features_take(path, MB, 64);
}

static void a_tsv_takes_1_mb_and_64_times_its_size(void **state)
{
    (void)state;
    static const char path[] = FOLDER "/worst.npy";
    write_npy(path, 1, 1);
    write_text(FOLDER "/worst.tsv",
               repeat("row\tpath\tlabel\tclass\tsplit\tdigest\n", "\n", 1000000, ""));
    cen_feature_set set;
    memory_most = memory_held;
    assert_int_equal(cen_features_read(NULL, path, &set, NULL), CEN_ERROR_FORMAT);
    assert_true(memory_most <= MB + 64 * size_of(FOLDER "/worst.tsv"));
    tree_remove(FOLDER "/worst.tsv");
}

static void a_npy_takes_16_times_its_size(void **state)
{
    (void)state;
    static const char path[] = FOLDER "/rows.npy";
    write_npy(path, 200000, 1);
    assert_features_take(path, 4096, 16);
    write_npy(path, 1, 200000);
    assert_features_take(path, 4096, 16);
}

static void assert_tensors_take(const char *path, const char *start, const char *again, size_t n,
                                const char *end)
{
    cen__safetensors file;
    text header = repeat(start, again, n, end);
    text whole = {malloc(header.size + 8), header.size + 8};
    assert_non_null(whole.data);
    for (int i = 0; i < 8; i++) whole.data[i] = (char)((uint64_t)header.size >> 8 * i & 255);
    memcpy(whole.data + 8, header.data, header.size);
    free(header.data);
    const size_t size = whole.size;
    write_text(path, whole);
    memory_most = memory_held;
    if (cen__safetensors_read(NULL, path, &file, NULL) == CEN_OK) cen__safetensors_free(&file);
    if (memory_most > 8 * (size_t)MB + 64 * size) {
        fail_msg("%s of %zu bytes takes %zu", start, size, memory_most);
    }
    printf("%.20s: %.1f times its size\n", start, (double)memory_most / (double)size);
}

static void a_model_takes_8_mb_and_64_times_its_size(void **state)
{
    (void)state;
    static const char path[] = FOLDER "/worst.safetensors";
    assert_tensors_take(path, "{\"a\":[", "0,", 500000, "0]}");
    assert_tensors_take(path, "{\"a\":[", "[],", 500000, "0]}");
    assert_tensors_take(path, "{\"a\":[", "{},", 2000000, "0]}");
}

/* first, then n times `again`: the path of a list. */
static void assert_list_takes(const char *first, const char *again, size_t n, bool unlabelled,
                              size_t factor)
{
    const char *const path = FOLDER "/list.csv";
    cen_folder *folder;
    cen_error error = {CEN_OK, ""};
    cen_folder_options options = cen_folder_options_init();
    options.unlabelled = unlabelled;
    write_text(path, repeat(first, again, n, ""));
    size_t size = size_of(path);
    memory_most = memory_held;
    if (cen_folder_open(threads(1), &folder, &path, 1, &options, &error) == CEN_OK)
        cen_folder_free(folder);
    printf("list of rows of %.1f bytes: %.1f times its size%s\n", (double)size / (double)n,
           (double)memory_most / (double)size, error.status == CEN_OK ? "" : ", refused");
    if (memory_most > MB + factor * size) fail_msg("%zu bytes take %zu", size, memory_most);
}

/* Just more rows than a power of two, so that the lists of them have grown and hold the most that is free. */
static void a_list_takes_1_mb_and_256_times_its_size(void **state)
{
    (void)state;
    enum { ROWS = (1 << 17) + 10 };
    tree_grey(FOLDER "/x.pgm", 3, 2, 1);
    assert_list_takes("", "x\n", ROWS, true, 256);
    assert_list_takes("", "x.pgm\n", ROWS, true, 256);
    assert_list_takes("", "x,a\n", ROWS, false, 256);
    assert_list_takes("", "x,a\ny,b\n", ROWS, false, 256);
    assert_list_takes("x.pgm,b\n", "x.pgm,a\n", ROWS, false, 256);
    assert_list_takes("", "\"\"\n", ROWS, true, 256);
    assert_list_takes("", "folder/of_pictures_000123.jpg,tench\n", ROWS, false, 16);
}

/* A gzip member of one dynamic block: a 0, then `n` bytes of 1,032 zeros each, of which every match takes two bits. */
static size_t pack_zeros(uint8_t *to, size_t n)
{
    static const uint8_t head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    /* final, dynamic; 286 lengths, 1 distance, 18 lengths of lengths, of which those of 18, 0, 2 and 1 are 2; the
     * lengths of 0 (2), of 255 zeros, of 256 (2), of 28 zeros, of 285 (1) and of the distance (1); then the 0 */
    static const char *const bits = "1"
                                    "01"
                                    "10111"
                                    "00000"
                                    "0111"
                                    "000"
                                    "000"
                                    "010"
                                    "010"
                                    "000"
                                    "000"
                                    "000"
                                    "000"
                                    "000"
                                    "000"
                                    "000"
                                    "000"
                                    "000"
                                    "000"
                                    "000"
                                    "010"
                                    "000"
                                    "010"
                                    "10"
                                    "11"
                                    "1111111"
                                    "11"
                                    "0101011"
                                    "10"
                                    "11"
                                    "1000100"
                                    "01"
                                    "01"
                                    "10";
    static const uint8_t zeros[1032];
    memcpy(to, head, sizeof head);
    size_t size = sizeof head, n_bits = strlen(bits);
    memset(to + size, 0, n_bits / 8 + 1 + n);
    for (size_t i = 0; i < n_bits; i++) to[size + i / 8] |= (uint8_t)((bits[i] - '0') << i % 8);
    size_t end = 8 * n + n_bits + 2; /* "11" ends the block */
    for (size_t i = end - 2; i < end; i++) to[size + i / 8] |= (uint8_t)(1 << i % 8);
    size += (end + 7) / 8;
    uint32_t crc = cen__crc32(0, zeros, 1), length = (uint32_t)(1 + 1032 * n);
    for (size_t i = 0; i < n; i++) crc = cen__crc32(crc, zeros, sizeof zeros);
    for (int i = 0; i < 4; i++) to[size++] = (uint8_t)(crc >> 8 * i);
    for (int i = 0; i < 4; i++) to[size++] = (uint8_t)(length >> 8 * i);
    return size;
}

/* The worst: its last member holds nothing and says so, and what is unpacked has just outgrown its memory. */
static void a_packed_idx_takes_3_times_1032_times_its_size(void **state)
{
    (void)state;
    static const uint8_t empty[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3,
                                    3,    0,    0, 0, 0, 0, 0, 0, 0, 0};
    static uint8_t bytes[70000];
    double most = 0;
    for (size_t n = 16000; n < 33000; n += 500) {
        size_t size = pack_zeros(bytes, n);
        memcpy(bytes + size, empty, sizeof empty);
        size += sizeof empty;
        tree_write(FOLDER "/zeros.idx", bytes, size);
        memory_most = memory_held;
        cen_error error;
        assert_int_equal(cen_idx_unpack(NULL, FOLDER "/zeros.idx", FOLDER "/zeros.idx", NULL, 0, 0,
                                        FOLDER "/idx", &error),
                         CEN_ERROR_FORMAT);
        assert_non_null(strstr(error.message, "not an IDX file"));
        most =
            (double)memory_most > most * (double)size ? (double)memory_most / (double)size : most;
        if (memory_most > MB + 3 * 1032 * size) fail_msg("%zu bytes take %zu", size, memory_most);
    }
    printf("IDX: %.0f times its size\n", most);
}

/* ---- what has no size of its own ---- */

#if !defined(_WIN32)
static bool make_hole(const char *path, const char *start)
{
    tree_text(path, start);
    return truncate(path, 2147483647) == 0;
}

/* Each is refused, with little memory. */
static void assert_none_reads(const char *path, const char *npy, size_t most)
{
    cen_feature_set set;
    cen__safetensors file;
    cen_error error;
    memory_most = memory_held;
    assert_int_not_equal(cen_features_read(NULL, npy, &set, &error), CEN_OK);
    assert_int_not_equal(cen__safetensors_read(NULL, path, &file, &error), CEN_OK);
    assert_int_not_equal(cen_idx_unpack(NULL, path, path, NULL, 0, 0, FOLDER "/idx", &error),
                         CEN_OK);
    if (memory_most > most) fail_msg("%s takes %zu bytes", path, memory_most);
}

static void holes_devices_and_pipes_end_at_once(void **state)
{
    (void)state;
    (void)alarm(120);
    const char *const csv = FOLDER "/hole.csv", *const npy = FOLDER "/hole.npy";
    if (!make_hole(csv, "path,label,class,split,f\n") || !make_hole(npy, "\x93NUMPY")) skip();
    assert_none_reads(csv, csv, 4 * MB);
    assert_none_reads(npy, npy, 4 * MB);
    write_npy(FOLDER "/one.npy", 1, 1); /* whose names are a hole, a device, a FIFO */
    assert_true(make_hole(FOLDER "/one.tsv", "row\tpath\tlabel\tclass\tsplit\n"));
    assert_none_reads(csv, FOLDER "/one.npy", 4 * MB);
    tree_remove(FOLDER "/one.tsv");
    assert_int_equal(mkfifo(FOLDER "/one.tsv", 0600), 0);
    assert_none_reads(FOLDER "/one.tsv", FOLDER "/one.npy", MB);
    tree_remove(FOLDER "/one.tsv");
    assert_int_equal(symlink("/dev/zero", FOLDER "/one.tsv"), 0);
    assert_none_reads(FOLDER "/one.tsv", FOLDER "/one.npy", MB);
    assert_int_equal(symlink("/dev/zero", FOLDER "/zero.npy"), 0);
    assert_none_reads(FOLDER "/zero.npy", FOLDER "/zero.npy", MB);
    assert_int_equal(mkfifo(FOLDER "/fifo.csv", 0600), 0);
    assert_none_reads(FOLDER "/fifo.csv", FOLDER "/fifo.csv", MB);
    (void)alarm(0);
}
#endif

static int clean(void **state)
{
    (void)state;
    tree_remove(FOLDER);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_csv_takes_1_mb_and_64_times_its_size),
        cmocka_unit_test(a_tsv_takes_1_mb_and_64_times_its_size),
        cmocka_unit_test(a_npy_takes_16_times_its_size),
        cmocka_unit_test(a_model_takes_8_mb_and_64_times_its_size),
        cmocka_unit_test(a_list_takes_1_mb_and_256_times_its_size),
        cmocka_unit_test(a_packed_idx_takes_3_times_1032_times_its_size),
#if !defined(_WIN32)
        cmocka_unit_test(holes_devices_and_pipes_end_at_once),
#endif
    };
    return cmocka_run_group_tests(tests, clean, clean);
}
