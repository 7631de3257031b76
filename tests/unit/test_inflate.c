/* Unpacking against zlib, see tests/golden/inflate.py; packing against unpacking. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "image/inflate.h"
#include "support/golden_pairs.h"
#include "support/limited_memory.h"

/* ---- raw streams ----------------------------------------------------------------------------- */

enum { ROOM = 1 << 17 };

static void check_raw(const golden_pair *pair)
{
    static cen__inflate inflate;
    static uint8_t out[ROOM];
    memset(&inflate, 0xaa, sizeof inflate); /* what was never set is far from any array */
    cen__inflate_start(&inflate);
    inflate.in = pair->first;
    inflate.in_end = pair->first + pair->first_size;
    inflate.in_is_last = true;
    inflate.out = out;
    inflate.out_at = 0;
    inflate.out_size = ROOM;
    cen__inflate_event event = cen__inflate_run(&inflate);
    bool is_refused = pair->numbers[0] == 0 && pair->numbers[1] == 1;
    if (is_refused) {
        if (event != CEN__INFLATE_BROKEN && event != CEN__INFLATE_CUT_SHORT)
            fail_msg("%s is not refused", pair->name);
        if (event == CEN__INFLATE_BROKEN) assert_non_null(inflate.reason);
        size_t out_at = inflate.out_at;
        if (cen__inflate_run(&inflate) != event || inflate.out_at != out_at)
            fail_msg("%s goes on after its end", pair->name);
        return;
    }
    if (event != CEN__INFLATE_END) fail_msg("%s is refused: %s", pair->name, inflate.reason);
    assert_int_equal(inflate.out_at, pair->numbers[0]);
    assert_int_equal(cen__crc32(0, out, inflate.out_at), pair->numbers[1]);
}

static void test_sound_and_damaged_streams_are_judged_as_zlib_judges_them(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("inflate_raw.bin", check_raw), 782);
}

static void test_a_block_that_breaks_the_rules_is_told_by_its_rule(void **state)
{
    (void)state;
    static const struct {
        uint8_t packed[64]; /* with zeros behind, so that the fast loop is reached */
        const char *reason;
    } cases[] = {{{0xfd}, "a block has too many length or distance codes"},
                 {{0x05, 0x1f}, "a block has too many length or distance codes"},
                 {{0x05, 0, 0x02, 0x24}, "the first Huffman code length repeats another"},
                 {{0x1b, 0x03}, "there is a code without meaning"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static cen__inflate inflate;
        uint8_t out[600];
        cen__inflate_start(&inflate);
        inflate.in = cases[i].packed;
        inflate.in_end = cases[i].packed + sizeof cases[i].packed;
        inflate.in_is_last = true;
        inflate.out = out;
        inflate.out_at = 0;
        inflate.out_size = sizeof out;
        assert_int_equal(cen__inflate_run(&inflate), CEN__INFLATE_BROKEN);
        assert_string_equal(inflate.reason, cases[i].reason);
        assert_int_equal(cen__inflate_run(&inflate), CEN__INFLATE_BROKEN);
        assert_int_equal(inflate.out_at, 0);
    }
}

/* ---- gzip ------------------------------------------------------------------------------------ */

static void check_gzip(const golden_pair *pair)
{
    uint8_t *out;
    size_t size;
    cen_error error;
    cen_status status = cen__gzip_unpack(NULL, pair->first, pair->first_size, pair->numbers[0],
                                         &out, &size, &error);
    if (status != CEN_OK) fail_msg("%s: %s", pair->name, error.message);
    assert_int_equal(size, pair->numbers[0]);
    assert_int_equal(cen__crc32(0, out, size), pair->numbers[1]);
    cen__free(out);
    if (pair->numbers[0] == 0) return;
    status = cen__gzip_unpack(NULL, pair->first, pair->first_size, pair->numbers[0] - 1, &out,
                              &size, &error);
    assert_int_equal(status, CEN_ERROR_LIMIT);
    assert_null(out);
}

static void test_gzip_files_are_unpacked_up_to_the_limit(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("inflate_gzip.bin", check_gzip), 30);
}

static void check_damaged_gzip(const golden_pair *pair)
{
    if (pair->first_size > 600) return;
    for (size_t i = 0; i < pair->first_size; i++) {
        uint8_t *out;
        size_t size;
        cen_error error;
        uint8_t *cut = malloc(i + 1);
        assert_non_null(cut);
        memcpy(cut, pair->first, i);
        cen_status status = cen__gzip_unpack(NULL, cut, i, ROOM, &out, &size, &error);
        /* Cut between members it is whole. */
        if (strcmp(pair->name, "members") != 0) assert_int_equal(status, CEN_ERROR_FORMAT);
        cen__free(out);
        free(cut);
        pair->first[i] ^= 4;
        status = cen__gzip_unpack(NULL, pair->first, pair->first_size, ROOM, &out, &size, &error);
        /* The header's fields and the bits behind the last code may be anything. */
        if (status == CEN_OK) {
            assert_int_equal(size, pair->numbers[0]);
            assert_int_equal(cen__crc32(0, out, size), pair->numbers[1]);
        }
        cen__free(out);
        pair->first[i] ^= 4;
    }
}

static void test_damaged_gzip_files_are_refused(void **state)
{
    (void)state;
    (void)golden_pairs_each("inflate_gzip.bin", check_damaged_gzip);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

/* Bytes of a kind: noise, one value, few values, runs, copies from far back, skewed. */
static void make_bytes(uint8_t *bytes, size_t size, int kind, uint32_t *random)
{
    for (size_t i = 0; i < size; i++) {
        uint32_t value = next_random(random);
        switch (kind) {
        case 0: bytes[i] = (uint8_t)value; break;
        case 1: bytes[i] = 7; break;
        case 2: bytes[i] = (uint8_t)(value % 3); break;
        case 3: bytes[i] = value % 40 != 0 && i > 0 ? bytes[i - 1] : (uint8_t)value; break;
        case 4: bytes[i] = value % 90 != 0 && i >= 30000 ? bytes[i - 30000] : (uint8_t)value; break;
        default: bytes[i] = (uint8_t)((value & 7) * (value >> 3 & 3) * (value >> 5 & 3)); break;
        }
    }
}

/* Unpacks with input in pieces of in_step and room for output in pieces of out_step. */
static void unpack_in_pieces(const uint8_t *packed, size_t packed_size, const uint8_t *bytes,
                             size_t size, size_t in_step, size_t out_step)
{
    static cen__inflate inflate;
    uint8_t *piece = malloc(in_step + CEN__INFLATE_RESERVE), *out = malloc(size + 1);
    assert_true(piece != NULL && out != NULL);
    cen__inflate_start(&inflate);
    inflate.in = inflate.in_end = piece;
    inflate.in_is_last = false;
    inflate.out = out;
    inflate.out_at = inflate.out_size = 0;
    size_t at = 2;
    cen__inflate_event event;
    while ((event = cen__inflate_run(&inflate)) != CEN__INFLATE_END) {
        if (event == CEN__INFLATE_WANTS_OUTPUT) {
            size_t more = size - inflate.out_size < out_step ? size - inflate.out_size : out_step;
            assert_true(more > 0);
            inflate.out_size += more;
            continue;
        }
        assert_int_equal(event, CEN__INFLATE_WANTS_INPUT);
        size_t kept = (size_t)(inflate.in_end - inflate.in);
        assert_true(kept <= CEN__INFLATE_RESERVE);
        memmove(piece, inflate.in, kept);
        size_t more = packed_size - at < in_step ? packed_size - at : in_step;
        memcpy(piece + kept, packed + at, more);
        at += more;
        inflate.in = piece;
        inflate.in_end = piece + kept + more;
        inflate.in_is_last = at == packed_size;
    }
    assert_int_equal(inflate.out_at, size);
    assert_memory_equal(out, bytes, size);
    free(piece);
    free(out);
}

static void test_what_is_packed_is_unpacked_whole_and_in_pieces(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 4, 258, 300, 1000, 20000, 70000, 140000};
    uint32_t random = 1;
    uint8_t *bytes = malloc(140000);
    assert_non_null(bytes);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int kind = 0; kind < 6; kind++) {
            uint8_t *packed;
            size_t packed_size, size = sizes[i];
            make_bytes(bytes, size, kind, &random);
            assert_int_equal(cen__zlib_pack(NULL, bytes, size, &packed, &packed_size, NULL),
                             CEN_OK);
            assert_true(packed_size <= size + 6 * (size / 16384 + 2));
            const uint8_t *end = packed + packed_size - 4;
            assert_int_equal((uint32_t)end[0] << 24 | (uint32_t)end[1] << 16 |
                                 (uint32_t)end[2] << 8 | end[3],
                             cen__adler32(1, bytes, size));
            unpack_in_pieces(packed, packed_size, bytes, size, packed_size, size + 1);
            unpack_in_pieces(packed, packed_size, bytes, size, 700, 1);
            unpack_in_pieces(packed, packed_size, bytes, size, 1, 10000);
            unpack_in_pieces(packed, packed_size, bytes, size, 97, 301);
            cen__free(packed);
        }
    free(bytes);
}

static void test_packing_reaches_what_the_bytes_allow(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(70000), *packed;
    size_t packed_size;
    uint32_t random = 1;
    assert_non_null(bytes);
    make_bytes(bytes, 70000, 1, &random);
    assert_int_equal(cen__zlib_pack(NULL, bytes, 70000, &packed, &packed_size, NULL), CEN_OK);
    assert_true(packed_size < 120);
    cen__free(packed);
    make_bytes(bytes, 70000, 2, &random); /* log2(3) bits each: 13868; zlib gets 16768 */
    assert_int_equal(cen__zlib_pack(NULL, bytes, 70000, &packed, &packed_size, NULL), CEN_OK);
    assert_true(packed_size < 18000);
    cen__free(packed);
    free(bytes);
}

/* ---- checksums ------------------------------------------------------------------------------- */

static void test_checksums_equal_their_definition_at_every_length(void **state)
{
    (void)state;
    enum { MOST = 12000 };
    static uint8_t bytes[MOST];
    uint32_t random = 9, crc = 0xffffffff, low = 1, high = 0;
    for (int kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < MOST; i++)
            bytes[i] = kind == 0 ? 255 : (uint8_t)next_random(&random);
        crc = 0xffffffff;
        low = 1;
        high = 0;
        for (size_t size = 0; size < MOST; size++) {
            if (size < 1100 || size % 101 == 0) {
                assert_int_equal(cen__crc32(0, bytes, size), ~crc);
                assert_int_equal(cen__adler32(1, bytes, size), high << 16 | low);
                uint32_t first = cen__crc32(0, bytes, size / 3);
                assert_int_equal(cen__crc32(first, bytes + size / 3, size - size / 3), ~crc);
                first = cen__adler32(1, bytes, size / 3);
                assert_int_equal(cen__adler32(first, bytes + size / 3, size - size / 3),
                                 high << 16 | low);
            }
            crc ^= bytes[size];
            for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
            low = (low + bytes[size]) % 65521;
            high = (high + low) % 65521;
        }
    }
    assert_int_equal(cen__crc32(0, (const uint8_t *)"123456789", 9), 0xcbf43926);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int pack_and_unpack(void *user)
{
    /* A gzip file of 300 zeros in members, so that memory has to grow. */
    const golden_pair *pair = user;
    uint8_t *packed, *out;
    size_t size;
    cen_status status = cen__zlib_pack(NULL, (const uint8_t *)"abc", 3, &packed, &size, NULL);
    cen__free(packed);
    if (status == CEN_OK)
        status = cen__gzip_unpack(NULL, pair->first, pair->first_size, ROOM, &out, &size, NULL);
    if (status == CEN_OK) {
        assert_int_equal(size, pair->numbers[0]);
        cen__free(out);
        return 1;
    }
    assert_int_equal(status, CEN_ERROR_MEMORY);
    return 0;
}

static void fail_members(const golden_pair *pair)
{
    if (strcmp(pair->name, "members") == 0)
        assert_true(fail_each_allocation(pack_and_unpack, (void *)(uintptr_t)pair) >= 4);
}

static void test_every_failed_allocation_is_told(void **state)
{
    (void)state;
    (void)golden_pairs_each("inflate_gzip.bin", fail_members);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_and_damaged_streams_are_judged_as_zlib_judges_them),
        cmocka_unit_test(test_a_block_that_breaks_the_rules_is_told_by_its_rule),
        cmocka_unit_test(test_gzip_files_are_unpacked_up_to_the_limit),
        cmocka_unit_test(test_damaged_gzip_files_are_refused),
        cmocka_unit_test(test_what_is_packed_is_unpacked_whole_and_in_pieces),
        cmocka_unit_test(test_packing_reaches_what_the_bytes_allow),
        cmocka_unit_test(test_checksums_equal_their_definition_at_every_length),
        cmocka_unit_test(test_every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
