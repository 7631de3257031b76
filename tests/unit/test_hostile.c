/* Files that lie about their size: neither memory nor time follows the lie. The limits are those that
 * tools/README.md states; what breaks a limit on time hangs here. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fuzz/support.c"

#include "format/json.h"
#include "format/safetensors.h"
#include "image/decoders.h"
#include "image/inflate.h"
#include "nn/net.h"
#include "support/context.h"

/* A file being made. */
typedef struct {
    uint8_t *bytes;
    size_t size, capacity;
} file;

static void add(file *to, const void *bytes, size_t size)
{
    assert_true(cen__grow(NULL, &to->bytes, &to->capacity, to->size + size, 1));
    if (size > 0) memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static void add_text(file *to, const char *text)
{
    add(to, text, strlen(text));
}

static void release(file *made)
{
    cen__free(made->bytes);
    *made = (file){NULL, 0, 0};
}

static void write_as(const file *made, const char *name)
{
    fuzz_write(name, made->bytes, made->size);
}

/* ---- images ---- */

/* Refused before memory is taken. */
static void assert_too_large(const void *bytes, size_t size, cen_status expected)
{
    cen_image image;
    cen_error error;
    fuzz_memory_begin();
    assert_int_equal(cen_image_decode(NULL, bytes, size, NULL, &image, &error), expected);
    fuzz_memory_most(1 << 16);
    fuzz_memory_end();
    assert_null(image.pixels);
}

static void a_header_of_65535_x_65535_takes_no_memory(void **state)
{
    (void)state;
    static const uint8_t png[] =
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\2\0\0\0"
        "\x39\x67\x4e\x07\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82";
    static const uint8_t jpeg[] = "\xff\xd8\xff\xc0\0\x0b\x08\xff\xff\xff\xff\1\1\x11\0"
                                  "\xff\xda\0\x08\1\1\0\0\x3f\0";
    static const uint8_t progressive[] = "\xff\xd8\xff\xc2\0\x0b\x08\xff\xff\xff\xff\1\1\x11\0"
                                         "\xff\xda\0\x08\1\1\0\0\0\0";
    static const uint8_t bmp[58] =
        "BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\xff\xff\0\0\xff\xff\0\0\1\0\x18";
    static const uint8_t runs[58] =
        "BM\0\0\0\0\0\0\0\0\x38\0\0\0\x28\0\0\0\xff\xff\0\0\xff\xff\0\0\1\0\x08\0\1";
    assert_too_large(png, sizeof png - 1, CEN_ERROR_LIMIT);
    assert_too_large(jpeg, sizeof jpeg - 1, CEN_ERROR_LIMIT);
    assert_too_large(progressive, sizeof progressive - 1, CEN_ERROR_LIMIT);
    assert_too_large(bmp, sizeof bmp, CEN_ERROR_FORMAT);
    assert_too_large(runs, sizeof runs, CEN_ERROR_FORMAT);
    static const char *const pnm[] = {"P1 65535 65535 1 0",   "P2 65535 65535 255 1",
                                      "P3 65535 65535 255 1", "P4 65535 65535 a",
                                      "P5 65535 65535 255 a", "P6 65535 65535 255 a"};
    for (size_t i = 0; i < sizeof pnm / sizeof *pnm; i++) {
        assert_too_large(pnm[i], strlen(pnm[i]), CEN_ERROR_FORMAT);
    }
}

static void add_number(file *to, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    add(to, bytes, sizeof bytes);
}

static void add_chunk(file *to, const char *name, const uint8_t *data, size_t size)
{
    size_t begin = to->size + 4;
    add_number(to, (uint32_t)size);
    add(to, name, 4);
    add(to, data, size);
    add_number(to, cen__crc32(0, to->bytes + begin, 4 + size));
}

/* The largest that is allowed by default, of 30 bytes. */
static void a_png_is_as_small_as_its_data(void **state)
{
    (void)state;
    file made = {NULL, 0, 0};
    uint8_t zeros[30] = {0x78, 1};
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        const uint8_t header[13] = {0, 0, 0x40, 0, 0, 0, 0x40, 0, 16, 6, 0, 0, (uint8_t)interlaced};
        made.size = 0;
        add(&made, "\x89PNG\r\n\x1a\n", 8);
        add_chunk(&made, "IHDR", header, sizeof header);
        add_chunk(&made, "IDAT", zeros, sizeof zeros);
        add_chunk(&made, "IEND", NULL, 0);
        assert_too_large(made.bytes, made.size, CEN_ERROR_FORMAT);
    }
    release(&made);
}

/* 16 MB of zeros in 16 KB, as picture and as what stands beside one. */
static void a_png_is_unpacked_as_far_as_its_picture_goes(void **state)
{
    (void)state;
    static const uint8_t header[13] = {0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0, 0, 0};
    file made = {NULL, 0, 0};
    size_t size = (size_t)16 << 20, packed_size;
    uint8_t *zeros = cen__alloc_zeroed(NULL, size, 1), *packed;
    assert_non_null(zeros);
    assert_int_equal(cen__zlib_pack(NULL, zeros, size, &packed, &packed_size, NULL), CEN_OK);
    cen__free(zeros);
    add(&made, "\x89PNG\r\n\x1a\n", 8);
    add_chunk(&made, "IHDR", header, sizeof header);
    add_chunk(&made, "iCCP", packed, packed_size);
    add_chunk(&made, "zTXt", packed, packed_size);
    add_chunk(&made, "IDAT", packed, packed_size);
    add_chunk(&made, "IEND", NULL, 0);
    cen_image image;
    fuzz_memory_begin();
    assert_int_equal(cen_image_decode(NULL, made.bytes, made.size, NULL, &image, NULL), CEN_OK);
    fuzz_memory_most(1 << 20);
    assert_non_null(image.warning);
    assert_non_null(strstr(image.warning, "more data than its picture needs"));
    cen_image_free(&image);
    fuzz_memory_end();
    cen__free(packed);
    release(&made);
}

/* A picture of 2048 x 2048 that refines nothing in `n_scans` scans of 9 blocks of bits. */
static void make_scans(file *made, size_t n_scans)
{
    static const uint8_t begin[] = "\xff\xd8\xff\xdb\0\x43\0";
    static const uint8_t frame[] = "\xff\xc2\0\x0b\x08\x08\0\x08\0\1\1\x11\0"
                                   "\xff\xc4\0\x14\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                   "\xff\xc4\0\x14\x10\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xe0";
    static const uint8_t dc[] = "\xff\xda\0\x08\1\1\0\0\0\0";
    static const uint8_t scan[] = "\xff\xda\0\x08\1\1\0\1\x3f\0";
    uint8_t quant[64], zeros[1 << 13];
    memset(quant, 1, sizeof quant);
    memset(zeros, 0, sizeof zeros);
    add(made, begin, sizeof begin - 1);
    add(made, quant, sizeof quant);
    add(made, frame, sizeof frame - 1);
    add(made, dc, sizeof dc - 1);
    add(made, zeros, sizeof zeros);
    for (size_t i = 0; i < n_scans; i++) {
        add(made, scan, sizeof scan - 1);
        add(made, zeros, 9); /* runs of 2^14 blocks that end at once: 15 bits each */
    }
    add(made, "\xff\xd9", 2);
}

static void scans_are_counted_and_each_is_a_pass_over_the_blocks(void **state)
{
    (void)state;
    enum { SIDE = 2048, MOST = 100 };
    cen_image image;
    cen_error error;
    for (size_t n_scans = MOST - 1; n_scans <= MOST; n_scans++) {
        file made = {NULL, 0, 0};
        make_scans(&made, n_scans);
        fuzz_memory_begin();
        cen_status status = cen_image_decode(NULL, made.bytes, made.size, NULL, &image, &error);
        fuzz_memory_most((1 << 20) + 16 * SIDE * SIDE);
        assert_int_equal(status, n_scans < MOST ? CEN_OK : CEN_ERROR_LIMIT);
        if (status != CEN_OK) assert_non_null(strstr(error.message, "100 scans"));
        cen_image_free(&image);
        fuzz_memory_end();
        release(&made);
    }
}

/* ---- JSON and safetensors ---- */

static void nested_json_is_refused_at_a_depth_of_64(void **state)
{
    (void)state;
    file made = {NULL, 0, 0};
    cen__json_document *document;
    cen_error error;
    for (size_t i = 0; i < 1000000; i++)
        add(&made, i % 2 == 0 ? "[" : "{\"\":", i % 2 == 0 ? 1 : 4);
    fuzz_memory_begin();
    assert_int_equal(cen__json_parse(NULL, (char *)made.bytes, made.size, &document, &error),
                     CEN_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "64"));
    fuzz_memory_most((1 << 20) + made.size);
    fuzz_memory_end();
    release(&made);
}

/* header as a file of safetensors, then n_data bytes. */
static void write_safetensors(const char *name, const file *header, size_t n_data)
{
    file made = {NULL, 0, 0};
    uint8_t length[8], zero = 0;
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)header->size >> (8 * i));
    add(&made, length, sizeof length);
    add(&made, header->bytes, header->size);
    for (size_t i = 0; i < n_data; i++) add(&made, &zero, 1);
    write_as(&made, name);
    release(&made);
}

#define METADATA(NET)                                                                              \
    "{\"__metadata__\":{\"format\":\"centerloss 1\",\"net\":\"" NET "\",\"input\":\"[1,1,1]\","    \
    "\"resize\":\"crop\",\"mean\":\"[0]\",\"std\":\"[1]\",\"classes\":\"[]\""

/* Loads what the header describes; returns its status. */
static cen_status load_model(const file *header, size_t n_data, cen_error *error)
{
    cen_model *model;
    write_safetensors("hostile.safetensors", header, n_data);
    fuzz_memory_begin();
    cen_status status = cen_model_load(NULL, &model, "hostile.safetensors", NULL, error);
    fuzz_memory_most(((size_t)8 << 20) + 64 * header->size + 16 * n_data);
    fuzz_check_error(status, error);
    cen_model_free(model);
    fuzz_memory_end();
    return status;
}

/* A search through all for each would take minutes. */
static void a_model_of_many_notes_and_tensors_is_read_in_linear_time(void **state)
{
    (void)state;
    enum { N = 140000 };
    file header = {NULL, 0, 0};
    cen_error error;
    char text[160];
    add_text(&header, METADATA("flatten"));
    for (int i = 0; i < N; i++) {
        (void)snprintf(text, sizeof text, ",\"%x\":\"\"", i);
        add_text(&header, text);
    }
    add_text(&header, "}");
    static const char *const own[] = {"head.weight\":{\"dtype\":\"F32\",\"shape\":[0,1]",
                                      "head.bias\":{\"dtype\":\"F32\",\"shape\":[0]",
                                      "centers.weight\":{\"dtype\":\"F32\",\"shape\":[0,1]"};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(text, sizeof text, ",\"%s,\"data_offsets\":[0,0]}", own[i]);
        add_text(&header, text);
    }
    for (int i = 0; i < N / 2; i++) {
        (void)snprintf(text, sizeof text,
                       ",\"%x\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[%d,%d]}", i,
                       2 * i, 2 * i + 2);
        add_text(&header, text);
    }
    add_text(&header, "}");
    assert_int_equal(load_model(&header, N, &error), CEN_OK);
    release(&header);
}

static void a_model_of_too_many_layers_is_refused(void **state)
{
    (void)state;
    file header = {NULL, 0, 0};
    cen_error error;
    cen__net net;
    add_text(&header, METADATA("prelu"));
    header.size = (size_t)(strstr((char *)header.bytes, "prelu") + 5 - (char *)header.bytes);
    for (int i = 0; i < 1000000; i++) add_text(&header, ",prelu");
    add_text(&header, strstr(METADATA("prelu"), "prelu") + 5);
    add_text(&header, "}}");
    assert_int_equal(load_model(&header, 0, &error), CEN_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "1000001 layers are more than the limit of 4096"));
    release(&header);

    file line = {NULL, 0, 0}; /* as many as are read */
    add_text(&line, "flatten");
    for (int i = 1; i < 4096; i++) add_text(&line, ",l2norm");
    add(&line, "", 1);
    fuzz_memory_begin();
    assert_int_equal(cen__net_create(NULL, kernels_now(), &net, (char *)line.bytes,
                                     (cen__shape){1, 1, 1}, 0, &error),
                     CEN_OK);
    fuzz_memory_most((size_t)16 << 20);
    cen__net_free(&net);
    fuzz_memory_end();
    release(&line);
}

static void a_model_with_a_huge_input_is_refused_before_an_image_is_resized(void **state)
{
    (void)state;
    cen_folder *folder;
    cen_error error;
    static const char *const path[] = {"hostile.pgm"};
    cen_folder_options options = cen_folder_options_init();
    cen_input input = {1, 16385, 16384, CEN_RESIZE_STRETCH, {0}, {1, 1, 1}};
    options.unlabelled = true;
    fuzz_write(path[0], "P5 1 1 255 a", 12);
    assert_int_equal(cen_folder_open(NULL, &folder, path, 1, &options, &error), CEN_OK);
    assert_int_equal(cen_folder_load(folder, &input, 0, NULL, NULL, &error), CEN_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "16385 x 16384"));
    cen_folder_free(folder);
}

/* ---- features ---- */

static void a_table_whose_first_line_claims_columns_takes_memory_for_its_bytes(void **state)
{
    (void)state;
    enum { N = 20000 };
    file made = {NULL, 0, 0};
    cen_feature_set set;
    cen_error error;
    add_text(&made, "path,label,class,split");
    for (int i = 0; i < N; i++) add_text(&made, ",f");
    add_text(&made, "\n");
    for (int i = 0; i < N; i++) add_text(&made, ",0,,,1\n");
    write_as(&made, "hostile.csv");
    fuzz_memory_begin();
    assert_int_equal(cen_features_read(NULL, "hostile.csv", &set, &error), CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "line 2 has fewer numbers"));
    fuzz_memory_most((1 << 20) + 64 * made.size);
    fuzz_memory_end();
    release(&made);
}

static void a_table_of_empty_lines_takes_memory_for_its_bytes(void **state)
{
    (void)state;
    file made = {NULL, 0, 0};
    cen_feature_set set;
    add_text(&made, "path,label,class,split,f\n");
    for (int i = 0; i < 500000; i++) add_text(&made, "\n");
    write_as(&made, "hostile.csv");
    fuzz_memory_begin();
    assert_int_equal(cen_features_read(NULL, "hostile.csv", &set, NULL), CEN_ERROR_FORMAT);
    fuzz_memory_most((1 << 20) + 64 * made.size);
    fuzz_memory_end();
    release(&made);
}

static int clean(void **state)
{
    (void)state;
    static const char *const names[] = {"hostile.safetensors", "hostile.csv", "hostile.pgm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) (void)remove(names[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_of_65535_x_65535_takes_no_memory),
        cmocka_unit_test(a_png_is_as_small_as_its_data),
        cmocka_unit_test(a_png_is_unpacked_as_far_as_its_picture_goes),
        cmocka_unit_test(scans_are_counted_and_each_is_a_pass_over_the_blocks),
        cmocka_unit_test(nested_json_is_refused_at_a_depth_of_64),
        cmocka_unit_test(a_model_of_many_notes_and_tensors_is_read_in_linear_time),
        cmocka_unit_test(a_model_of_too_many_layers_is_refused),
        cmocka_unit_test(a_model_with_a_huge_input_is_refused_before_an_image_is_resized),
        cmocka_unit_test(a_table_whose_first_line_claims_columns_takes_memory_for_its_bytes),
        cmocka_unit_test(a_table_of_empty_lines_takes_memory_for_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, clean);
}
