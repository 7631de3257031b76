#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "base/utf8.h"
#include "support/limited_memory.h"
#include "support/tree.h"

#define GOLDEN(name) CEN_TESTS_FOLDER "/golden/features_read/" name
#define FOLDER "features_read_files"

enum { N = 4, D = 3 };

static const char names_line[] = "row\tpath\tlabel\tclass\tsplit\n";
static const char csv_line[] = "path,label,class,split,f0\n";

static void read_set(const char *path, cen_feature_set *set)
{
    cen_error error;
    if (cen_features_read(NULL, path, set, &error) != CEN_OK) fail_msg("%s", error.message);
}

/* The status, and that the sentence holds the path and the words. */
static void assert_fails(const char *path, cen_status status, const char *words)
{
    cen_feature_set set;
    cen_error error = {CEN_OK, ""};
    assert_int_equal(cen_features_read(NULL, path, &set, &error), status);
    assert_int_equal(error.status, status);
    if (strstr(error.message, words) == NULL || strstr(error.message, path) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, error.message);
    }
    assert_null(strchr(error.message, '\n'));
    assert_null(set.features);
    assert_null(set.rows);
    assert_null(set.owned);
    assert_int_equal(cen_features_read(NULL, path, &set, NULL), status);
}

/* As golden/features_read.py makes them. */
static void assert_numbers(const cen_feature_set *set)
{
    assert_int_equal(set->n, N);
    assert_int_equal(set->d, D);
    for (size_t i = 0; i < N * D; i++) assert_true(set->features[i] == (float)i / 4 - 1);
}

static void assert_row(const cen_feature_set *set, size_t i, const char *path, int32_t label,
                       const char *class_name, const char *split)
{
    const cen_feature_row *row = &set->rows[i];
    assert_string_equal(row->path, path);
    assert_int_equal(row->label, label);
    assert_string_equal(row->class_name != NULL ? row->class_name : "NULL", class_name);
    assert_string_equal(row->split != NULL ? row->split : "NULL", split);
    if (label >= 0) assert_ptr_equal(row->class_name, set->class_names[label]);
}

/* ---- what is read ------------------------------------------------------------------------------ */

static void arrays_of_numpy_are_read_in_every_order(void **state)
{
    (void)state;
    static const char *const paths[] = {GOLDEN("f4_little.npy"), GOLDEN("f4_little_fortran.npy"),
                                        GOLDEN("f4_big.npy"),    GOLDEN("f4_big_fortran.npy"),
                                        GOLDEN("f8_little.npy"), GOLDEN("f8_little_fortran.npy"),
                                        GOLDEN("f8_big.npy"),    GOLDEN("f8_big_fortran.npy"),
                                        GOLDEN("version2.npy"),  GOLDEN("version3.npy")};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        cen_feature_set set;
        read_set(paths[i], &set);
        assert_numbers(&set);
        assert_int_equal(set.n_classes, 0);
        for (size_t row = 0; row < N; row++) assert_row(&set, row, "", -1, "NULL", "NULL");
        cen_features_free(&set);
        assert_null(set.rows);
    }
    cen_features_free(NULL);
}

static void an_array_without_rows_is_read(void **state)
{
    (void)state;
    cen_feature_set set;
    read_set(GOLDEN("no_rows.npy"), &set);
    assert_int_equal(set.n, 0);
    assert_int_equal(set.d, D);
    cen_features_free(&set);
}

static void a_large_fortran_array_is_read_across_chunks(void **state)
{
    (void)state;
    enum { ROWS = 3001, COLUMNS = 7 };
    static uint8_t bytes[128 + 4 * ROWS * COLUMNS];
    static const char header[] = "{'descr': '=f4', 'fortran_order': True, 'shape': (3001L, 7L), }";
    memset(bytes, ' ', 128);
    memcpy(bytes, "\x93NUMPY\1\0\x76\0", 10);
    memcpy(bytes + 10, header, sizeof header - 1);
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        float value = (float)i;
        memcpy(bytes + 128 + 4 * i, &value, 4);
    }
    tree_write(FOLDER "/large.npy", bytes, sizeof bytes);
    cen_feature_set set;
    read_set(FOLDER "/large.npy", &set);
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        assert_true(set.features[i] == (float)(i / COLUMNS + i % COLUMNS * ROWS));
    }
    cen_features_free(&set);
}

static void csv_of_python_is_read(void **state)
{
    (void)state;
    static const char *const paths[] = {GOLDEN("rows.csv"), GOLDEN("rows_crlf.csv")};
    for (size_t i = 0; i < 2; i++) {
        cen_feature_set set;
        read_set(paths[i], &set);
        assert_numbers(&set);
        assert_int_equal(set.n_classes, 2);
        assert_row(&set, 0, "a,b.png", 1, "z", "train");
        assert_row(&set, 1, "say \"hi\"\nand go.png", 1, "z", "val");
        assert_row(&set, 2, "c\r.png", 0, "3", "NULL");
        assert_row(&set, 3, "", -1, "NULL", "train");
        cen_features_free(&set);
    }
}

static const cen_feature_row written[N] = {{"a\tb\\n.png", 2, "two\nlines", "train"},
                                           {"quote\"d, \r\n", 0, "a", "val"},
                                           {"größe", 1, "\\", NULL},
                                           {"plain", -1, NULL, NULL}};

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static const cen_features_format formats[] = {CEN_FEATURES_NPY, CEN_FEATURES_CSV};
    static const char *const paths[] = {FOLDER "/back.npy", FOLDER "/back.csv"};
    float x[N * D];
    for (size_t i = 0; i < N * D; i++) x[i] = cen__random_float(1, 2, i) * 1e-3f;
    x[0] = 1e-45f;
    x[1] = -3.4028235e38f;
    assert_int_equal(cen__os_make_folder(NULL, FOLDER, NULL), CEN_OK);
    for (size_t i = 0; i < 2; i++) {
        cen_feature_set set;
        assert_int_equal(cen_features_write(NULL, paths[i], formats[i], x, N, D, written, NULL),
                         CEN_OK);
        read_set(paths[i], &set);
        assert_memory_equal(set.features, x, sizeof x);
        assert_int_equal(set.n_classes, 3);
        assert_row(&set, 0, written[0].path, 2, "two\nlines", "train");
        assert_row(&set, 1, written[1].path, 1, "a", "val");
        assert_row(&set, 2, written[2].path, 0, "\\", "NULL");
        assert_row(&set, 3, written[3].path, -1, "NULL", "NULL");
        cen_features_free(&set);
    }
}

static void a_run_folder_is_its_features(void **state)
{
    (void)state;
    float x[2] = {1, 2};
    cen_feature_set set;
    assert_int_equal(cen__os_make_folder(NULL, FOLDER "/run", NULL), CEN_OK);
    assert_int_equal(cen_features_write(NULL, FOLDER "/run/features.npy", CEN_FEATURES_NPY, x, 1, 2,
                                        written, NULL),
                     CEN_OK);
    read_set(FOLDER "/run", &set);
    assert_row(&set, 0, written[0].path, 0, "two\nlines", "train");
    cen_features_free(&set);
    assert_fails(CEN_TESTS_FOLDER, CEN_ERROR_IO, "features.npy: cannot open");
}

static void classes_are_numbered_by_name_and_named_by_number(void **state)
{
    (void)state;
    cen_feature_set set;
    tree_text(FOLDER "/classes.csv", "path,label,class,split,f0\n"
                                     "p,10,,,1\np,9,,,1\np,0,b,,1\np,5,10,,1\np,-1,b,,1\n");
    read_set(FOLDER "/classes.csv", &set);
    assert_int_equal(set.n_classes, 3);
    assert_row(&set, 0, "p", 0, "10", "NULL");
    assert_row(&set, 1, "p", 1, "9", "NULL");
    assert_row(&set, 2, "p", 2, "b", "NULL");
    assert_row(&set, 3, "p", 0, "10", "NULL");
    assert_row(&set, 4, "p", 2, "b", "NULL");
    cen_features_free(&set);
}

/* ---- what is refused --------------------------------------------------------------------------- */

static void other_arrays_are_refused_with_their_kind(void **state)
{
    (void)state;
    assert_fails(GOLDEN("half.npy"), CEN_ERROR_UNSUPPORTED, "float16");
    assert_fails(GOLDEN("integers.npy"), CEN_ERROR_UNSUPPORTED, "<i8");
    assert_fails(GOLDEN("records.npy"), CEN_ERROR_UNSUPPORTED, "of records");
    assert_fails(GOLDEN("line.npy"), CEN_ERROR_UNSUPPORTED, "has 1 dimensions");
    assert_fails(GOLDEN("block.npy"), CEN_ERROR_UNSUPPORTED, "has 3 dimensions");
    assert_fails(GOLDEN("no_columns.npy"), CEN_ERROR_FORMAT, "(shape 4, 0)");
    assert_fails(GOLDEN("nan.npy"), CEN_ERROR_FORMAT, "row 2 (from 0) holds");
    assert_fails(GOLDEN("inf.npy"), CEN_ERROR_FORMAT, "row 2 (from 0) holds");
    assert_fails(GOLDEN("large.npy"), CEN_ERROR_FORMAT, "row 3 (from 0) holds");
    assert_fails(GOLDEN("two.npy"), CEN_ERROR_FORMAT, "more bytes follow the 4 x 3 numbers");
    assert_fails(GOLDEN("several.npz"), CEN_ERROR_UNSUPPORTED, "this is a .npz");
    assert_fails(GOLDEN("../features_read.py"), CEN_ERROR_FORMAT, "this is no .npy file");
    assert_fails("no/such.npy", CEN_ERROR_IO, "cannot open");
    assert_fails("no/such.csv", CEN_ERROR_IO, "cannot open");
    cen_feature_set set;
    assert_int_equal(cen_features_read(NULL, NULL, &set, NULL), CEN_ERROR_ARGUMENT);
}

static void every_way_to_cut_an_array_short_is_told(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    assert_int_equal(cen__file_read(NULL, GOLDEN("f8_little.npy"), SIZE_MAX, &bytes, &size, NULL),
                     CEN_OK);
    for (size_t cut = 0; cut < size; cut++) {
        tree_write(FOLDER "/cut.npy", bytes, cut);
        assert_fails(FOLDER "/cut.npy", CEN_ERROR_FORMAT,
                     cut < 10    ? "ends in its first 12 bytes"
                     : cut < 128 ? "ends in its header"
                                 : "of the 4 x 3 of its header");
    }
    cen__free(bytes);
}

static void write_header(const char *path, const char *text, const char *version, uint32_t claimed)
{
    uint8_t bytes[512] = {0};
    memcpy(bytes, "\x93NUMPY", 6);
    memcpy(bytes + 6, version, 2);
    for (size_t i = 0; i < 4; i++) bytes[8 + i] = (uint8_t)(claimed >> 8 * i);
    memcpy(bytes + 12, text, strlen(text));
    tree_write(path, bytes, 12 + strlen(text));
}

static void headers_without_sense_are_refused(void **state)
{
    (void)state;
    static const char path[] = FOLDER "/header.npy";
    static const char *const texts[] = {
        "",
        "[]",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'x': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} 1",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
        "{'descr': '<f4",
        "{'descr': [('x', '<f4'",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_header(path, texts[i], "\2", (uint32_t)strlen(texts[i]));
        assert_fails(path, CEN_ERROR_FORMAT,
                     "is no dict of descr, fortran_order and shape (at byte");
    }
    write_header(path, "", "\2", UINT32_C(1) << 30);
    assert_fails(path, CEN_ERROR_LIMIT, "its header claims 1073741824 bytes");
    write_header(path, "", "\4", 8);
    assert_fails(path, CEN_ERROR_UNSUPPORTED, "of version 4");
}

static void sizes_beyond_the_memory_are_refused_before_it_is_taken(void **state)
{
    (void)state;
    static const char path[] = FOLDER "/huge.npy";
    static const char *const shapes[] = {
        "(1099511627776, 128)",         "(3, 4611686018427387904)",     "(9223372036854775807, 9)",
        "(99999999999999999999999, 2)", "(0, 99999999999999999999999)", "(2147483648, 1)"};
    assert_true(cen__os_memory() > 1 << 20);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        char text[200];
        (void)snprintf(text, sizeof text, "{'descr':'<f4','fortran_order':False,'shape':%s}",
                       shapes[i]);
        write_header(path, text, "\3", (uint32_t)strlen(text));
        assert_fails(path, CEN_ERROR_LIMIT, " MB, and this machine has ");
    }
}

/* The limit on memory in tests/fuzz is what sees it. */
static void an_array_larger_than_its_file_is_cut_short(void **state)
{
    (void)state;
    static const char path[] = FOLDER "/claims.npy";
    static const char text[] = "{'descr':'<f8','fortran_order':True,'shape':(1048576, 64)}";
    write_header(path, text, "\3", (uint32_t)strlen(text));
    assert_fails(path, CEN_ERROR_FORMAT, "of the 1048576 x 64 of its header");
}

static void a_text_larger_than_the_memory_is_refused_before_it_is_read(void **state)
{
    (void)state;
    FILE *file = fopen(FOLDER "/sparse.csv", "wb");
    assert_non_null(file);
    bool is_sparse = true; /* 2^40 bytes that take no place, where the file system can do that */
    for (int i = 0; i < 1024 && is_sparse; i++) is_sparse = fseek(file, 1L << 30, SEEK_CUR) == 0;
    is_sparse = is_sparse && fputc('\n', file) != EOF && fflush(file) == 0;
    fclose(file);
    if (is_sparse) {
        assert_fails(FOLDER "/sparse.csv", CEN_ERROR_LIMIT,
                     "this file has 1099511627777 bytes or more");
    }
    assert_true(cen__os_remove(FOLDER "/sparse.csv"));
    if (!is_sparse) skip();
}

static void assert_tsv_fails(const char *lines, const char *words)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s%s", names_line, lines);
    tree_text(FOLDER "/bad.tsv", text);
    cen_feature_set set;
    cen_error error;
    assert_int_equal(cen_features_read(NULL, FOLDER "/bad.npy", &set, &error), CEN_ERROR_FORMAT);
    if (strstr(error.message, words) == NULL || strstr(error.message, "bad.tsv") == NULL) {
        fail_msg("\"%s\" is not in: %s", words, error.message);
    }
}

static void rows_of_another_export_are_refused(void **state)
{
    (void)state;
    float x[2] = {1, 2};
    assert_int_equal(cen__os_make_folder(NULL, FOLDER, NULL), CEN_OK);
    assert_int_equal(
        cen_features_write(NULL, FOLDER "/bad.npy", CEN_FEATURES_NPY, x, 2, 1, written, NULL),
        CEN_OK);
    assert_tsv_fails("0\ta\t0\ta\tb\n", "names 1 row, but");
    assert_tsv_fails("0\ta\t0\ta\tb\n1\ta\t0\ta\tb\n2\ta\t0\ta\tb\n", "names 3 rows, but");
    assert_tsv_fails("0\ta\t0\ta\tb\n1\ta\t0\ta\tb", "does not end in a newline");
    assert_tsv_fails("0\ta\t0\ta\tb\n2\ta\t0\ta\tb\n", "line 3 is not that of the next row");
    assert_tsv_fails("0\ta\t0\ta\tb\n-1\ta\t0\ta\tb\n", "line 3 is not that of the next row");
    assert_tsv_fails("0\ta\t0\ta\n1\ta\t0\ta\tb\n", "line 2 has too few fields");
    assert_tsv_fails("0\n1\ta\t0\ta\tb\n", "line 2 has too few fields");
    assert_tsv_fails("0\ta\t0\ta\tb\tc\n1\ta\t0\ta\tb\n", "line 2 has too many fields");
    assert_tsv_fails("0\ta\tx\ta\tb\n1\ta\t0\ta\tb\n", "line 2 has a label that is no");
    assert_tsv_fails("0\ta\t-2\ta\tb\n1\ta\t0\ta\tb\n", "line 2 has a label that is no");
    assert_tsv_fails("0\ta\t2147483648\ta\tb\n1\ta\t0\ta\tb\n", "line 2 has a label that is no");
    assert_tsv_fails("0\ta\\x1g\t0\ta\tb\n1\ta\t0\ta\tb\n", "line 2 has a backslash before");
    assert_tsv_fails("0\ta\\x00\t0\ta\tb\n1\ta\t0\ta\tb\n", "line 2 has a backslash before");
    assert_tsv_fails("0\ta\\x\t0\ta\tb\n1\ta\t0\ta\tb\n", "line 2 has a backslash before");
    assert_tsv_fails("0\ta\\\n1\ta\t0\ta\tb\n", "line 2 has a backslash before");
    tree_text(FOLDER "/bad.tsv", "");
    cen_feature_set set;
    assert_int_equal(cen_features_read(NULL, FOLDER "/bad.npy", &set, NULL), CEN_ERROR_FORMAT);
    tree_write(FOLDER "/bad.tsv", "a\0b\n", 4);
    assert_int_equal(cen_features_read(NULL, FOLDER "/bad.npy", &set, NULL), CEN_ERROR_FORMAT);
    tree_text(FOLDER "/bad.tsv", "path\tlabel\n");
    assert_int_equal(cen_features_read(NULL, FOLDER "/bad.npy", &set, NULL), CEN_ERROR_FORMAT);
    tree_text(FOLDER "/bad.tsv", "row\tpath\tlabel\tclass\tsplit\tmore\n");
    assert_int_equal(cen_features_read(NULL, FOLDER "/bad.npy", &set, NULL), CEN_ERROR_FORMAT);
}

static void damaged_csv_is_told_by_its_line(void **state)
{
    (void)state;
    static const char path[] = FOLDER "/bad.csv";
    static const char *const cases[][2] = {
        {"p,0,a,b,x\n", "line 2 has a feature that is no decimal number"},
        {"p,0,a,b,\n", "line 2 has a feature that is no decimal number"},
        {"p,0,a,b,1\np,0,a,b\n", "line 3 has fewer numbers"},
        {"p,0,a,b,1,2\n", "line 2 has more fields"},
        {"p,0\n", "line 2 has too few fields"},
        {"\n", "line 2 has too few fields"},
        {"\"p,0,a,b,1\n\"\n", "line 2 has too few fields"},
        {"\"p\"x,0,a,b,1\n", "line 2 has text after a closing quote"},
        {"p\"\",0,a,b,1\n", "line 2 has a quote inside"},
        {"p,,a,b,1\n", "line 2 has a label"},
        {"p,0,a,b,1\np,0,a,b,nan\n", "row 1 (from 0) holds a number that is not finite"},
        {"p,0,a,b,1e39\n", "row 0 (from 0) holds a number that is not finite"},
        {"p,0,a,b,-inf\n", "row 0 (from 0) holds a number that is not finite"},
        {"p,0,a,b,1", "does not end in a newline"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        (void)snprintf(text, sizeof text, "%s%s", csv_line, cases[i][0]);
        tree_text(path, text);
        assert_fails(path, CEN_ERROR_FORMAT, cases[i][1]);
    }
    tree_text(path, "path,label,class,split\n");
    assert_fails(path, CEN_ERROR_FORMAT, "line 1 has no columns of numbers");
    tree_text(path, "label,path,class,split,f0\n");
    assert_fails(path, CEN_ERROR_FORMAT, "line 1 does not begin with the columns path, label");
    tree_text(path, "path,label,class,split,\"f0\n\"\"");
    assert_fails(path, CEN_ERROR_FORMAT, "does not end in a newline");
    tree_text(path, "path,label,class,split,\"f0\n\"\"\n");
    assert_fails(path, CEN_ERROR_FORMAT, "line 1 has a quote that is not closed");
}

/* ---- memory and damage ------------------------------------------------------------------------- */

static int read_with_little_memory(void *user)
{
    const char *path = user;
    cen_feature_set set;
    cen_status status = cen_features_read(NULL, path, &set, NULL);
    if (status != CEN_OK) assert_null(set.owned);
    cen_features_free(&set);
    if (status != CEN_OK) assert_int_equal(status, CEN_ERROR_MEMORY);
    return status == CEN_OK;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    char csv[] = GOLDEN("rows.csv"), npy[] = FOLDER "/run";
    assert_true(fail_each_allocation(read_with_little_memory, csv) >= 5);
    assert_true(fail_each_allocation(read_with_little_memory, npy) >= 10);
}

/* Whatever comes, it is a set or a sentence. */
static void read_damaged(const char *path, const uint8_t *bytes, size_t size)
{
    cen_feature_set set;
    cen_error error = {CEN_OK, ""};
    tree_write(path, bytes, size);
    if (cen_features_read(NULL, path, &set, &error) == CEN_OK) {
        for (size_t i = 0; i < set.n; i++) assert_true(strlen(set.rows[i].path) < 1000);
        for (size_t i = 0; i < set.n * set.d; i++) assert_true(isfinite(set.features[i]));
        cen_features_free(&set);
    } else {
        assert_true(strlen(error.message) > 20);
        assert_null(set.owned);
    }
}

static void damage_each_byte(const char *golden, const char *path)
{
    static const uint8_t values[] = {0, 255, '"', ',', '\n', '(', '9', '\\', '\t'};
    uint8_t *bytes;
    size_t size;
    assert_int_equal(cen__file_read(NULL, golden, SIZE_MAX, &bytes, &size, NULL), CEN_OK);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = bytes[i];
        for (size_t j = 0; j < sizeof values; j++) {
            bytes[i] = values[j];
            read_damaged(path, bytes, size);
        }
        bytes[i] = byte;
    }
    cen__free(bytes);
}

static void damaged_files_give_a_set_or_a_sentence(void **state)
{
    (void)state;
    damage_each_byte(GOLDEN("f4_little.npy"), FOLDER "/damaged.npy");
    damage_each_byte(GOLDEN("records.npy"), FOLDER "/damaged.npy");
    damage_each_byte(GOLDEN("rows.csv"), FOLDER "/damaged.csv");
    tree_text(FOLDER "/rows.npy", "");
    float x[1] = {1};
    assert_int_equal(
        cen_features_write(NULL, FOLDER "/rows.npy", CEN_FEATURES_NPY, x, 1, 1, written, NULL),
        CEN_OK);
    uint8_t *bytes;
    size_t size;
    assert_int_equal(cen__file_read(NULL, FOLDER "/rows.tsv", SIZE_MAX, &bytes, &size, NULL),
                     CEN_OK);
    for (size_t i = 0; i < size; i++) {
        static const uint8_t values[] = {0, 255, '\n', '\t', '\\', '\r'};
        uint8_t byte = bytes[i];
        for (size_t j = 0; j < sizeof values; j++) {
            bytes[i] = values[j];
            tree_write(FOLDER "/rows.tsv", bytes, size);
            cen_feature_set set;
            (void)cen_features_read(NULL, FOLDER "/rows.npy", &set, NULL);
            cen_features_free(&set);
        }
        bytes[i] = byte;
    }
    cen__free(bytes);
}

/* ---- names that are any bytes ------------------------------------------------------------------- */

static void assert_names_come_back(const char *path, cen_features_format format)
{
    static const char *const names[] = {
        "plain", "=1+1",        "+1",         "-1",           "@SUM(A1)",
        "\ttab", "\rreturn",    "'quoted",    "'=x",          "''=x",
        "'",     "'\\x41",      "\\x41",      "a\x1b[2Jb",    "\x01",
        "\x7f",  "c1 \xc2\x9b", "\xff\xfe",   "=\xe4",        "stra\xc3\x9f\x65",
        "a,b",   "say \"hi\"",  "two\nlines", "\xed\xa0\x80", "\nfeed"};
    enum { NAMES = sizeof names / sizeof *names };
    float x[NAMES];
    cen_feature_row named_rows[NAMES];
    for (size_t i = 0; i < NAMES; i++) {
        x[i] = (float)i;
        named_rows[i] = (cen_feature_row){names[i], (int32_t)i, names[i], names[i]};
    }
    cen_error error;
    cen_feature_set set;
    if (cen_features_write(NULL, path, format, x, NAMES, 1, named_rows, &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
    read_set(path, &set);
    assert_int_equal(set.n_classes, NAMES);
    for (size_t i = 0; i < NAMES; i++) {
        assert_string_equal(set.rows[i].path, names[i]);
        assert_string_equal(set.rows[i].class_name, names[i]);
        assert_string_equal(set.rows[i].split, names[i]);
    }
    cen_features_free(&set);
}

/* What stands in the file is text that no terminal obeys and no spreadsheet computes; only `separators` are control
 * characters. */
static void assert_is_clean(const char *path, const char *separators)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(cen__file_read(NULL, path, SIZE_MAX, &bytes, &size, NULL), CEN_OK);
    for (size_t i = 0, n; i < size; i += n) {
        const char *at = (const char *)bytes + i;
        n = cen__utf8_size(at, size - i);
        if (n == 0 || (cen__utf8_is_control(at, n) && strchr(separators, *at) == NULL)) {
            fail_msg("%s: byte %zu is %02x", path, i, bytes[i]);
        }
        if (n == 1 && i > 0 && strchr(",\n\t", at[-1]) != NULL && strchr("=+@", *at) != NULL &&
            strstr(path, ".csv") != NULL) {
            fail_msg("%s: byte %zu begins a formula", path, i);
        }
        if (n == 1 && i > 1 && at[-2] == ',' && at[-1] == '"' &&
            strchr("=+-@\t\r\n", *at) != NULL) {
            fail_msg("%s: byte %zu begins a quoted formula", path, i);
        }
    }
    cen__free(bytes);
}

static void names_of_any_bytes_come_back_and_no_program_obeys_them(void **state)
{
    (void)state;
    assert_int_equal(cen__os_make_folder(NULL, FOLDER, NULL), CEN_OK);
    assert_names_come_back(FOLDER "/names.npy", CEN_FEATURES_NPY);
    assert_names_come_back(FOLDER "/names.csv", CEN_FEATURES_CSV);
    assert_is_clean(FOLDER "/names.tsv", "\t\n");
    assert_is_clean(FOLDER "/names.csv", "\n");
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    cen_feature_set set;
    tree_text(FOLDER "/mark.csv", "\xEF\xBB\xBFpath,label,class,split,f0\np,0,a,,1\n");
    read_set(FOLDER "/mark.csv", &set);
    assert_string_equal(set.rows[0].path, "p");
    cen_features_free(&set);
}

/* ---- pairs that a kill has cut in two -------------------------------------------------------------- */

#define PAIR FOLDER "/pair.npy"
#define NAMES FOLDER "/pair.tsv"
#define NEXT FOLDER "/.pair.tsv.next"

static void write_pair(const char *class_name, size_t n, float first)
{
    float x[3] = {first, first + 1, first + 2};
    cen_feature_row named_rows[3];
    for (size_t i = 0; i < 3; i++) named_rows[i] = (cen_feature_row){"p", 0, class_name, NULL};
    assert_int_equal(cen_features_write(NULL, PAIR, CEN_FEATURES_NPY, x, n, 1, named_rows, NULL),
                     CEN_OK);
}

static void assert_pair(const char *class_name, size_t n, float first)
{
    cen_feature_set set;
    read_set(PAIR, &set);
    assert_int_equal(set.n, n);
    assert_true(set.features[0] == first);
    assert_string_equal(set.rows[0].class_name, class_name);
    cen_features_free(&set);
}

static void move(const char *from, const char *to)
{
    tree_remove(to);
    assert_int_equal(rename(from, to), 0);
}

/* The order of writing is: names to .next, numbers in place, names in place. */
static void a_pair_is_the_old_one_or_the_new_one_wherever_a_kill_cuts(void **state)
{
    (void)state;
    for (size_t n = 2; n <= 3; n++) { /* as many rows, and more */
        write_pair("old", 2, 1);
        move(PAIR, FOLDER "/old.npy");
        move(NAMES, FOLDER "/old.tsv");
        write_pair("new", n, 5);
        move(PAIR, FOLDER "/new.npy");
        move(NAMES, NEXT);
        move(FOLDER "/old.npy", PAIR);
        move(FOLDER "/old.tsv", NAMES);
        assert_pair("old", 2, 1);
        move(PAIR, FOLDER "/old.npy");
        move(FOLDER "/new.npy", PAIR);
        assert_pair("new", n, 5);
        move(NAMES, FOLDER "/old.tsv"); /* there was no old pair */
        assert_pair("new", n, 5);
        move(FOLDER "/old.tsv", NAMES);
        write_pair("newer", 3, 7); /* goes on from there */
        assert_pair("newer", 3, 7);
        assert_false((cen__os_kind(NEXT) != CEN__NOTHING));
    }
}

static void a_torn_pair_without_the_other_half_is_an_error(void **state)
{
    (void)state;
    cen_feature_set set;
    cen_error error;
    write_pair("old", 2, 1);
    move(PAIR, FOLDER "/old.npy");
    write_pair("new", 2, 5);
    move(FOLDER "/old.npy", PAIR);
    assert_int_equal(cen_features_read(NULL, PAIR, &set, &error), CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, NAMES ": its digests are not those"));
    assert_non_null(strstr(error.message, PAIR));
    assert_non_null(strstr(error.message, "export both again"));
}

static void a_pair_without_digests_is_read_and_other_files_beside_it_stay(void **state)
{
    (void)state;
    write_pair("a", 2, 1);
    tree_text(FOLDER "/pair.tsv.old", "a user's own");
    tree_text(NAMES, "row\tpath\tlabel\tclass\tsplit\n0\tp\t0\tb\t\n1\tq\t0\tb\t\n");
    assert_pair("b", 2, 1);
    write_pair("c", 3, 2);
    assert_pair("c", 3, 2);
    uint8_t *bytes;
    size_t size;
    assert_int_equal(cen__file_read(NULL, FOLDER "/pair.tsv.old", 99, &bytes, &size, NULL), CEN_OK);
    assert_int_equal(size, 12);
    cen__free(bytes);
}

static int clean(void **state)
{
    (void)state;
    tree_remove(FOLDER);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_of_numpy_are_read_in_every_order),
        cmocka_unit_test(an_array_without_rows_is_read),
        cmocka_unit_test(a_large_fortran_array_is_read_across_chunks),
        cmocka_unit_test(csv_of_python_is_read),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_run_folder_is_its_features),
        cmocka_unit_test(classes_are_numbered_by_name_and_named_by_number),
        cmocka_unit_test(other_arrays_are_refused_with_their_kind),
        cmocka_unit_test(every_way_to_cut_an_array_short_is_told),
        cmocka_unit_test(headers_without_sense_are_refused),
        cmocka_unit_test(sizes_beyond_the_memory_are_refused_before_it_is_taken),
        cmocka_unit_test(an_array_larger_than_its_file_is_cut_short),
        cmocka_unit_test(a_text_larger_than_the_memory_is_refused_before_it_is_read),
        cmocka_unit_test(rows_of_another_export_are_refused),
        cmocka_unit_test(damaged_csv_is_told_by_its_line),
        cmocka_unit_test(every_failed_allocation_is_told),
        cmocka_unit_test(damaged_files_give_a_set_or_a_sentence),
        cmocka_unit_test(names_of_any_bytes_come_back_and_no_program_obeys_them),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(a_pair_is_the_old_one_or_the_new_one_wherever_a_kill_cuts),
        cmocka_unit_test(a_torn_pair_without_the_other_half_is_an_error),
        cmocka_unit_test(a_pair_without_digests_is_read_and_other_files_beside_it_stay),
    };
    return cmocka_run_group_tests(tests, NULL, clean);
}
