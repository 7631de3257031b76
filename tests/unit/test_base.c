/* The base room: status, memory, tensors, random numbers, threads, files, folders. */
#if !defined(_WIN32)
#define _XOPEN_SOURCE 700
#endif
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#if !defined(_WIN32)
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "base/context.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/random.h"
#include "base/status.h"
#include "base/utf8.h"
#include "support/context.h"
#include "support/tree.h"
#include "format/safetensors.h"

static const char folder[] = "test_base.tmp";

/* ---- status ---- */

static void test_fail_fills_the_error_and_returns_the_status(void **state)
{
    (void)state;
    cen_error error;
    assert_int_equal(cen__fail(&error, CEN_ERROR_IO, "%s: %d", "a", 7), CEN_ERROR_IO);
    assert_int_equal(error.status, CEN_ERROR_IO);
    assert_string_equal(error.message, "a: 7");
    assert_int_equal(cen__fail(NULL, CEN_ERROR_LIMIT, "%d", 1), CEN_ERROR_LIMIT);
    assert_int_equal(cen__fail_memory(&error, "a net"), CEN_ERROR_MEMORY);
    assert_non_null(strstr(error.message, "a net"));
}

static void test_a_message_may_be_put_into_itself(void **state)
{
    (void)state;
    cen_error error;
    (void)cen__fail(&error, CEN_ERROR_FORMAT, "the header ends");
    (void)cen__fail(&error, CEN_ERROR_FORMAT, "%s: %s", "photo.png", error.message);
    assert_string_equal(error.message, "photo.png: the header ends");
}

static void test_long_messages_lose_their_middle(void **state)
{
    (void)state;
    cen_error error;
    char text[20000];
    for (size_t size = 480; size < 560; size++) {
        memset(text, 'x', size);
        text[size] = '\0';
        (void)cen__fail(&error, CEN_ERROR_IO, "/first%s: last", text);
        size_t whole = size + strlen("/first: last");
        assert_int_equal(strlen(error.message),
                         whole < sizeof error.message ? whole : sizeof error.message - 1);
        assert_memory_equal(error.message, "/first", 6);
        assert_string_equal(error.message + strlen(error.message) - 6, ": last");
    }
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    (void)cen__fail(&error, CEN_ERROR_IO, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
}

static void test_a_message_is_one_line_of_utf8_whatever_a_name_holds(void **state)
{
    (void)state;
    cen_error error;
    (void)cen__fail(&error, CEN_ERROR_IO, "%s: gone", "a\nb\r\t\x1b[2J\x7f");
    assert_string_equal(error.message, "a?b???[2J?: gone");
    (void)cen__fail(&error, CEN_ERROR_IO, "%s",
                    "gr\xc3\xb6\xc3\x9f"
                    "e \xe5\xa4\xa7 \xf0\x9f\x98\x80");
    assert_string_equal(error.message, "gr\xc3\xb6\xc3\x9f"
                                       "e \xe5\xa4\xa7 \xf0\x9f\x98\x80");
    (void)cen__fail(&error, CEN_ERROR_IO, "%s",
                    "\xff|\xc3|\xc0\x80|\xed\xa0\x80|\xc2\x9b|\xe5\xa4");
    assert_string_equal(error.message, "?|?|??|???|??|??");
    char text[700]; /* a character is cut in two by the gap */
    for (size_t i = 0; i + 2 < sizeof text; i += 2) memcpy(text + i, "\xc3\xb6", 3);
    for (int shift = 0; shift < 2; shift++) {
        (void)cen__fail(&error, CEN_ERROR_IO, "%s%s", shift ? "x" : "", text);
        for (const char *c = error.message; *c != '\0';) {
            size_t size = cen__utf8_size(c, strlen(c));
            assert_true(size > 0);
            c += size;
        }
    }
}

static void test_every_status_has_its_own_name(void **state)
{
    (void)state;
    for (int a = CEN_OK; a <= CEN_ERROR_NOT_FINITE + 1; a++) {
        assert_non_null(cen_status_name((cen_status)a));
        for (int b = CEN_OK; b < a; b++) {
            assert_string_not_equal(cen_status_name((cen_status)a), cen_status_name((cen_status)b));
        }
    }
    assert_string_equal(cen_version(), CEN_VERSION);
}

/* ---- memory ---- */

static void test_memory_is_aligned_to_64_bytes(void **state)
{
    (void)state;
    for (size_t size = 0; size < 300; size += 7) {
        unsigned char *a = cen__alloc(NULL, size, 1), *b = cen__alloc_zeroed(NULL, size, 1);
        assert_non_null(a);
        assert_non_null(b);
        assert_int_equal((uintptr_t)a % 64, 0);
        assert_int_equal((uintptr_t)b % 64, 0);
        for (size_t i = 0; i < size; i++) assert_int_equal(b[i], 0);
        memset(a, 1, size);
        cen__free(a);
        cen__free(b);
    }
    cen__free(NULL);
}

static void test_sizes_that_overflow_give_no_memory(void **state)
{
    (void)state;
    assert_null(cen__alloc(NULL, SIZE_MAX, 2));
    assert_null(cen__alloc(NULL, SIZE_MAX / 2 + 2, 2));
    assert_null(cen__alloc(NULL, SIZE_MAX, 1));
    assert_null(cen__alloc(NULL, PTRDIFF_MAX, 1));
    assert_null(cen__alloc_zeroed(NULL, SIZE_MAX - 8, 1));
    size_t product = 7;
    assert_true(cen__multiply(SIZE_MAX, 1, &product));
    assert_int_equal(product, SIZE_MAX);
    assert_true(cen__multiply(0, SIZE_MAX, &product));
    assert_int_equal(product, 0);
    assert_false(cen__multiply(SIZE_MAX / 2 + 1, 2, &product));
}

static void test_grow_keeps_what_is_there(void **state)
{
    (void)state;
    uint32_t *items = NULL;
    size_t capacity = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(cen__grow(NULL, &items, &capacity, i + 1, sizeof *items));
        assert_true(capacity > i);
        items[i] = i * i;
    }
    for (uint32_t i = 0; i < 1000; i++) assert_int_equal(items[i], i * i);
    const uint32_t *before = items;
    const size_t capacity_before = capacity;
    assert_false(cen__grow(NULL, &items, &capacity, SIZE_MAX, sizeof *items));
    assert_false(cen__grow(NULL, &items, &capacity, SIZE_MAX / 8, sizeof *items));
    assert_ptr_equal(items, before);
    assert_int_equal(capacity, capacity_before);
    cen__free(items);
}

/* ---- random numbers ---- */

static void test_random_bits_are_those_of_the_python_script(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, stream, counter, bits;
        unsigned upper_24;
    } known[] = {
        /* from tests/golden/random_bits.py */
        {UINT64_C(0x0), UINT64_C(0), UINT64_C(0x0), UINT64_C(0x568a9b0b1a2c05ec), 5671579},
        {UINT64_C(0x1), UINT64_C(1), UINT64_C(0x0), UINT64_C(0x5c5b2489b31beb7b), 6052644},
        {UINT64_C(0x1), UINT64_C(1), UINT64_C(0x1), UINT64_C(0xe6c3d212b3317fcc), 15123410},
        {UINT64_C(0x1), UINT64_C(2), UINT64_C(0x0), UINT64_C(0x8c647d4bc9d6b599), 9200765},
        {UINT64_MAX, UINT64_C(7), UINT64_C(1) << 40, UINT64_C(0xd610908aa265202a), 14028944},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint64_t seed = known[i].seed, stream = known[i].stream, counter = known[i].counter;
        assert_true(cen__random_bits(seed, stream, counter) == known[i].bits);
        assert_true(cen__random_float(seed, stream, counter) ==
                    (float)known[i].upper_24 / 16777216.0f);
    }
}

/* The chi-square of n_bins equal bins; its mean is n_bins - 1, its deviation sqrt(2 (n_bins - 1)). */
static double chi_square(const size_t *bins, size_t n_bins, size_t n)
{
    double expected = (double)n / (double)n_bins, sum = 0;
    for (size_t i = 0; i < n_bins; i++) {
        double off = (double)bins[i] - expected;
        sum += off * off / expected;
    }
    return sum;
}

static void test_random_numbers_are_uniform(void **state)
{
    (void)state;
    enum { BINS = 101, N = 101000 };
    for (uint64_t stream = 0; stream < 4; stream++) {
        size_t below[BINS] = {0}, floats[BINS] = {0};
        for (uint64_t i = 0; i < N; i++) {
            uint64_t number = cen__random_below(stream, stream, i, BINS);
            float fraction = cen__random_float(5, cen__substream(stream, 3), i);
            assert_true(number < BINS);
            assert_true(fraction >= 0 && fraction < 1);
            below[number]++;
            floats[(size_t)(fraction * BINS)]++;
        }
        /* 100 +- 5 deviations of 14. */
        assert_true(chi_square(below, BINS, N) > 30 && chi_square(below, BINS, N) < 171);
        assert_true(chi_square(floats, BINS, N) > 30 && chi_square(floats, BINS, N) < 171);
    }
    for (uint64_t i = 0; i < 1000; i++) {
        assert_true(cen__random_below(1, 2, i, 1) == 0);
        assert_true(cen__random_below(1, 2, i, UINT64_C(1) << 40) < UINT64_C(1) << 40);
    }
}

static void test_shuffle_is_a_permutation_that_seed_and_stream_choose(void **state)
{
    (void)state;
    enum { N = 1000 };
    size_t a[N], b[N], seen[N] = {0}, n_same = 0;
    for (size_t i = 0; i < N; i++) a[i] = b[i] = i;
    cen__shuffle(a, N, 1, 2);
    cen__shuffle(b, N, 1, 2);
    assert_memory_equal(a, b, sizeof a);
    cen__shuffle(b, N, 1, 3);
    for (size_t i = 0; i < N; i++) {
        seen[a[i]]++;
        n_same += a[i] == b[i];
    }
    for (size_t i = 0; i < N; i++) assert_int_equal(seen[i], 1);
    assert_true(n_same < 10);
    cen__shuffle(a, 0, 1, 1);
    cen__shuffle(a, 1, 1, 1);
}

static void test_shuffle_puts_every_item_everywhere_alike(void **state)
{
    (void)state;
    enum { N = 10, ROUNDS = 20000 };
    size_t places[N][N] = {{0}};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        size_t items[N];
        for (size_t i = 0; i < N; i++) items[i] = i;
        cen__shuffle(items, N, round, CEN__STREAM_SHUFFLE);
        for (size_t i = 0; i < N; i++) places[items[i]][i]++;
    }
    /* 9 +- 5 deviations of 4.2. */
    for (size_t i = 0; i < N; i++) assert_true(chi_square(places[i], N, ROUNDS) < 30);
}

/* ---- threads ---- */

/* ---- files ---- */

static void assert_holds(const char *path, const char *text)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(cen__file_read(NULL, path, SIZE_MAX, &bytes, &size, NULL), CEN_OK);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, size);
    cen__free(bytes);
}

static void assert_names(const char *path, const char *const *names, size_t n_names)
{
    cen__listing listing;
    assert_int_equal(cen__os_list(NULL, path, &listing, NULL), CEN_OK);
    assert_int_equal(listing.n_names, n_names);
    for (size_t i = 0; i < n_names; i++) assert_string_equal(listing.names[i], names[i]);
    cen__listing_free(&listing);
    assert_null(listing.names);
}

static void test_whole_files_and_beginnings_are_read(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    uint8_t *bytes = cen__alloc(NULL, SIZE, 1), *got;
    size_t size;
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++) bytes[i] = (uint8_t)(i * 31 >> 3);
    tree_write("test_base.tmp/large", bytes, SIZE);
    const size_t most[] = {0, 1, 65535, 65536, 65537, SIZE - 1, SIZE, SIZE + 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
        assert_int_equal(cen__file_read(NULL, "test_base.tmp/large", most[i], &got, &size, NULL),
                         most[i] < SIZE ? CEN_ERROR_LIMIT : CEN_OK);
        cen__free(got);
        assert_int_equal(
            cen__file_read_start(NULL, "test_base.tmp/large", most[i], &got, &size, NULL), CEN_OK);
        assert_int_equal(size, most[i] < SIZE ? most[i] : SIZE);
        if (size > 0) assert_memory_equal(got, bytes, size);
        cen__free(got);
    }
    cen__free(bytes);
    cen_error error;
    assert_int_equal(cen__file_read(NULL, "test_base.tmp/none", SIZE_MAX, &got, &size, &error),
                     CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "test_base.tmp/none"));
    assert_null(got);
    assert_int_equal(cen__file_read(NULL, folder, SIZE_MAX, &got, &size, &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "folder"));
}

/* Of 2 GB that take no place where the file system can do that. */
static void test_a_file_over_the_limit_is_refused_before_it_is_read(void **state)
{
    (void)state;
    static const char path[] = "test_base.tmp/sparse";
    uint8_t *bytes;
    size_t size;
    cen_error error;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    bool is_there = fputs("begin", file) >= 0 && fseek(file, 2147483647L, SEEK_SET) == 0 &&
                    fputc('x', file) != EOF;
    is_there = fclose(file) == 0 && is_there;
    if (is_there) {
        assert_int_equal(cen__file_read(NULL, path, 1 << 20, &bytes, &size, &error),
                         CEN_ERROR_LIMIT);
        assert_null(bytes);
        assert_non_null(strstr(error.message, "test_base.tmp/sparse: this file has 2147483648"));
        assert_int_equal(cen__file_read_start(NULL, path, 5, &bytes, &size, &error), CEN_OK);
        assert_int_equal(size, 5);
        assert_memory_equal(bytes, "begin", 5);
        cen__free(bytes);
    }
    (void)remove(path);
    tree_text(path, "four");
    assert_int_equal(cen__file_read(NULL, path, 4, &bytes, &size, &error), CEN_OK);
    cen__free(bytes);
    assert_int_equal(cen__file_read(NULL, path, 3, &bytes, &size, &error), CEN_ERROR_LIMIT);
    if (!is_there) skip();
}

static void test_a_commit_puts_the_new_file_in_place(void **state)
{
    (void)state;
    tree_text("test_base.tmp/atomic/file", "old");
    cen__writer *writer;
    assert_int_equal(cen__writer_create(NULL, &writer, "test_base.tmp/atomic/file", NULL), CEN_OK);
    cen__writer_write(writer, "new ", 4);
    cen__writer_write(writer, "42", 2);
    cen__writer_write(writer, "", 0);
    assert_holds("test_base.tmp/atomic/file", "old");
    assert_int_equal(cen__writer_commit(&writer, NULL), CEN_OK);
    assert_null(writer);
    assert_holds("test_base.tmp/atomic/file", "new 42");
    const char *const names[] = {"file"};
    assert_names("test_base.tmp/atomic", names, 1);
}

static void test_a_discard_leaves_the_old_file_and_no_other(void **state)
{
    (void)state;
    tree_text("test_base.tmp/discard/file", "old");
    cen__writer *writer;
    assert_int_equal(cen__writer_create(NULL, &writer, "test_base.tmp/discard/file", NULL), CEN_OK);
    cen__writer_write(writer, "new", 3);
    cen__writer_discard(&writer);
    assert_null(writer);
    cen__writer_discard(&writer);
    assert_holds("test_base.tmp/discard/file", "old");
    const char *const names[] = {"file"};
    assert_names("test_base.tmp/discard", names, 1);
}

static void test_two_writers_of_one_file_do_not_meet(void **state)
{
    (void)state;
    cen__writer *a, *b;
    assert_int_equal(cen__os_make_folder(NULL, "test_base.tmp/two", NULL), CEN_OK);
    assert_int_equal(cen__writer_create(NULL, &a, "test_base.tmp/two/file", NULL), CEN_OK);
    assert_int_equal(cen__writer_create(NULL, &b, "test_base.tmp/two/file", NULL), CEN_OK);
    cen__writer_write(a, "first", 5);
    cen__writer_write(b, "second", 6);
    assert_int_equal(cen__writer_commit(&a, NULL), CEN_OK);
    assert_holds("test_base.tmp/two/file", "first");
    assert_int_equal(cen__writer_commit(&b, NULL), CEN_OK);
    assert_holds("test_base.tmp/two/file", "second");
}

static void test_a_writer_without_its_folder_is_refused(void **state)
{
    (void)state;
    cen__writer *writer;
    cen_error error;
    assert_int_equal(cen__writer_create(NULL, &writer, "test_base.tmp/none/file", &error),
                     CEN_ERROR_IO);
    assert_null(writer);
    assert_non_null(strstr(error.message, "test_base.tmp/none/file"));
}

static void test_a_writer_onto_a_folder_is_refused(void **state)
{
    (void)state;
    assert_int_equal(cen__os_make_folder(NULL, "test_base.tmp/onto/file/inner", NULL), CEN_OK);
    cen_error error;
    assert_int_equal(cen_file_write(NULL, "test_base.tmp/onto/file", "new", 3, &error),
                     CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "test_base.tmp/onto/file"));
    const char *const names[] = {"file"};
    assert_names("test_base.tmp/onto", names, 1);
}

/* The number that a writer would draw is not known, so none is taken on purpose. */
static void test_a_thousand_planted_files_block_none_and_go(void **state)
{
    (void)state;
    char path[100];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(path, sizeof path, "test_base.tmp/planted/.file.%016x.cen-tmp", i);
        tree_text(path, "planted");
        (void)snprintf(path, sizeof path, "test_base.tmp/planted/file.tmp%d", i);
        if (i < 2) tree_text(path, "a user's own");
    }
    tree_text("test_base.tmp/planted/.file.000000000000000g.cen-tmp", "a user's own");
    assert_int_equal(cen_file_write(NULL, "test_base.tmp/planted/file", "new", 3, NULL), CEN_OK);
    assert_holds("test_base.tmp/planted/file", "new");
    const char *const names[] = {".file.000000000000000g.cen-tmp", "file", "file.tmp0",
                                 "file.tmp1"};
#if defined(_WIN32)
    (void)names; /* an hour has to pass */
#else
    assert_names("test_base.tmp/planted", names, 4);
#endif
}

#if !defined(_WIN32)
/* As on a full disk: the system refuses to write more than 4096 bytes. */
static void test_a_write_that_fails_leaves_the_old_file(void **state)
{
    (void)state;
    tree_text("test_base.tmp/full/file", "old");
    cen__writer *writer;
    cen_error error;
    assert_int_equal(cen__writer_create(NULL, &writer, "test_base.tmp/full/file", NULL), CEN_OK);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 10000; i++) cen__writer_write(writer, "line\n", 5);
    cen_status status = cen__writer_commit(&writer, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(status, CEN_ERROR_IO);
    assert_non_null(strstr(error.message, strerror(EFBIG)));
    assert_holds("test_base.tmp/full/file", "old");
    const char *const names[] = {"file"};
    assert_names("test_base.tmp/full", names, 1);
}

static void test_a_device_that_is_full_is_told_by_its_reason(void **state)
{
    (void)state;
    FILE *file = fopen("/dev/full", "wb");
    if (file == NULL) skip();
    assert_true(fputs("text", file) >= 0);
    errno = 0;
    assert_false(cen__os_sync(file));
    assert_int_equal(errno, ENOSPC);
    (void)fclose(file);
}

static void test_links_are_followed(void **state)
{
    (void)state;
    tree_text("test_base.tmp/links/file", "text");
    assert_int_equal(symlink("file", "test_base.tmp/links/to_file"), 0);
    assert_int_equal(symlink(".", "test_base.tmp/links/to_folder"), 0);
    assert_int_equal(symlink("none", "test_base.tmp/links/to_nothing"), 0);
    assert_int_equal(cen__os_kind("test_base.tmp/links/to_file"), CEN__FILE);
    assert_int_equal(cen__os_kind("test_base.tmp/links/to_folder"), CEN__FOLDER);
    assert_int_equal(cen__os_kind("test_base.tmp/links/to_nothing"), CEN__NOTHING);
    assert_int_equal(cen__os_kind("/dev/null"), CEN__OTHER);
}

/* ---- pipes, devices, modes, links ---- */

static void assert_unreadable(const char *path)
{
    uint8_t *bytes;
    size_t size;
    cen_error error;
    cen_image image;
    assert_int_equal(cen__file_read(NULL, path, SIZE_MAX, &bytes, &size, &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, path));
    assert_non_null(strstr(error.message, "this is a device, a pipe or a socket"));
    assert_int_equal(cen__file_read_start(NULL, path, 1, &bytes, &size, &error), CEN_ERROR_IO);
    assert_int_equal(cen_image_read(NULL, path, NULL, &image, &error), CEN_ERROR_IO);
}

static void test_pipes_and_devices_are_refused_at_once(void **state)
{
    (void)state;
    (void)alarm(60); /* one that waits does so for ever */
    assert_int_equal(mkfifo("test_base.tmp/fifo", 0600), 0);
    assert_unreadable("test_base.tmp/fifo");
    assert_int_equal(symlink("fifo", "test_base.tmp/to_fifo"), 0);
    assert_unreadable("test_base.tmp/to_fifo");
    if ((cen__os_kind("/dev/zero") != CEN__NOTHING)) {
        assert_int_equal(symlink("/dev/zero", "test_base.tmp/to_zero"), 0);
        assert_unreadable("test_base.tmp/to_zero");
    }
    (void)alarm(0);
}

static mode_t mode_of(const char *path)
{
    struct stat found;
    assert_int_equal(lstat(path, &found), 0);
    return found.st_mode;
}

/* The name of the only temporary file in a folder. */
static void find_temporary(const char *in, char path[256])
{
    cen__listing listing;
    size_t n = 0;
    assert_int_equal(cen__os_list(NULL, in, &listing, NULL), CEN_OK);
    for (size_t i = 0; i < listing.n_names; i++) {
        if (strstr(listing.names[i], ".cen-tmp") == NULL) continue;
        (void)snprintf(path, 256, "%s/%s", in, listing.names[i]);
        n++;
    }
    cen__listing_free(&listing);
    assert_int_equal(n, 1);
}

static void test_a_replaced_file_keeps_its_mode(void **state)
{
    (void)state;
    static const mode_t modes[] = {0600, 0640, 0644, 0660, 0400};
    char temporary[256];
    cen__writer *writer;
    const mode_t mask = umask(022);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        tree_text("test_base.tmp/mode/file", "old");
        assert_int_equal(chmod("test_base.tmp/mode/file", modes[i]), 0);
        assert_int_equal(cen__writer_create(NULL, &writer, "test_base.tmp/mode/file", NULL),
                         CEN_OK);
        find_temporary("test_base.tmp/mode", temporary);
        assert_int_equal(mode_of(temporary) & 0777, modes[i]);
        assert_int_equal(cen__writer_commit(&writer, NULL), CEN_OK);
        assert_int_equal(mode_of("test_base.tmp/mode/file") & 0777, modes[i]);
        tree_remove("test_base.tmp/mode/file");
    }
    assert_int_equal(cen_file_write(NULL, "test_base.tmp/mode/new", "new", 3, NULL), CEN_OK);
    assert_int_equal(mode_of("test_base.tmp/mode/new") & 0777, 0644);
    (void)umask(mask);
}

static void test_a_replaced_file_keeps_its_owner(void **state)
{
    (void)state;
    struct stat found;
    tree_text("test_base.tmp/owner/file", "old");
    if (chown("test_base.tmp/owner/file", 12345, 54321) != 0) skip(); /* only root may */
    assert_int_equal(cen_file_write(NULL, "test_base.tmp/owner/file", "new", 3, NULL), CEN_OK);
    assert_int_equal(stat("test_base.tmp/owner/file", &found), 0);
    assert_int_equal(found.st_uid, 12345);
    assert_int_equal(found.st_gid, 54321);
}

static void test_a_link_leads_to_the_file_that_is_replaced(void **state)
{
    (void)state;
    tree_text("test_base.tmp/far/file", "old");
    assert_int_equal(cen__os_make_folder(NULL, "test_base.tmp/here", NULL), CEN_OK);
    assert_int_equal(symlink("../far/file", "test_base.tmp/here/link"), 0);
    assert_int_equal(symlink("link", "test_base.tmp/here/chain"), 0);
    assert_int_equal(symlink("../far/none", "test_base.tmp/here/dangling"), 0);
    assert_int_equal(symlink("loop", "test_base.tmp/here/loop"), 0);
    assert_int_equal(cen_file_write(NULL, "test_base.tmp/here/chain", "new", 3, NULL), CEN_OK);
    assert_int_equal(cen_file_write(NULL, "test_base.tmp/here/dangling", "more", 4, NULL), CEN_OK);
    cen_error error;
    assert_int_equal(cen_file_write(NULL, "test_base.tmp/here/loop", "x", 1, &error), CEN_ERROR_IO);
    assert_holds("test_base.tmp/far/file", "new");
    assert_holds("test_base.tmp/far/none", "more");
    const char *const names[] = {"file", "none"};
    assert_names("test_base.tmp/far", names, 2);
}

static void test_devices_are_written_to_and_stay(void **state)
{
    (void)state;
    if (!(cen__os_kind("/dev/null") != CEN__NOTHING) ||
        !(cen__os_kind("/dev/full") != CEN__NOTHING))
        skip();
    cen_error error;
    assert_int_equal(symlink("/dev/null", "test_base.tmp/to_null"), 0);
    assert_int_equal(cen_file_write(NULL, "/dev/null", "x", 1, &error), CEN_OK);
    assert_int_equal(cen_file_write(NULL, "test_base.tmp/to_null", "x", 1, &error), CEN_OK);
    assert_int_equal(cen_file_write(NULL, "/dev/full", "x", 1, &error), CEN_ERROR_IO);
    assert_string_equal(error.message, "/dev/full: writing failed: No space left on device; choose "
                                       "another place");
    assert_true(S_ISCHR(mode_of("/dev/null")) && S_ISCHR(mode_of("/dev/full")));
}

static void test_a_fifo_gets_what_is_written(void **state)
{
    (void)state;
    char got[8] = {0};
    assert_int_equal(mkfifo("test_base.tmp/out", 0600), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(cen_file_write(NULL, "test_base.tmp/out", "text", 4, NULL) == CEN_OK ? 0 : 1);
    FILE *file = fopen("test_base.tmp/out", "rb");
    assert_non_null(file);
    assert_int_equal(fread(got, 1, sizeof got, file), 4);
    (void)fclose(file);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_string_equal(got, "text");
    assert_true(S_ISFIFO(mode_of("test_base.tmp/out")));
}

/* Its standard output is a file that is added to, as after >> of a shell. */
static void test_a_dash_and_dev_stdout_are_standard_output(void **state)
{
    (void)state;
    tree_text("test_base.tmp/said", "old ");
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int said = open("test_base.tmp/said", O_WRONLY | O_APPEND);
        if (said < 0 || dup2(said, 1) != 1) _exit(2);
        bool good = cen_path_check_writable(NULL, "-", NULL) == CEN_OK &&
                    cen_file_write(NULL, "-", "one ", 4, NULL) == CEN_OK &&
                    cen_file_write(NULL, "/dev/stdout", "two ", 4, NULL) == CEN_OK &&
                    cen_file_write(NULL, "/dev/fd/1", "three", 5, NULL) == CEN_OK;
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_holds("test_base.tmp/said", "old one two three");
    assert_false((cen__os_kind("-") != CEN__NOTHING));
}

static void test_what_cannot_be_written_is_known_before(void **state)
{
    (void)state;
    static const char *const bad[] = {"test_base.tmp", "test_base.tmp/none/file", "/dev/fd/77"};
    cen_error error;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cen_path_check_writable(NULL, bad[i], &error), CEN_ERROR_IO);
        assert_non_null(strstr(error.message, bad[i]));
        assert_int_equal(cen_file_write(NULL, bad[i], "", 0, &error), CEN_ERROR_IO);
    }
    tree_text("test_base.tmp/check/file", "old");
    assert_int_equal(cen_path_check_writable(NULL, "test_base.tmp/check/file", NULL), CEN_OK);
    assert_int_equal(cen_path_check_writable(NULL, "test_base.tmp/check/new", NULL), CEN_OK);
    assert_int_equal(cen_path_check_writable(NULL, "/dev/null", NULL), CEN_OK);
    assert_holds("test_base.tmp/check/file", "old");
    const char *const names[] = {"file"};
    assert_names("test_base.tmp/check", names, 1);
}

/* ---- processes that are killed ---- */

/* Runs begin(), says so, and is killed. */
static void kill_after(void (*begin)(void))
{
    int ends[2], status;
    char byte;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        begin();
        (void)!write(ends[1], "", 1);
        for (;;) (void)pause();
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void begin_file(void)
{
    cen__writer *writer;
    if (cen__writer_create(NULL, &writer, "test_base.tmp/killed/file", NULL) != CEN_OK) _exit(1);
    cen__writer_write(writer, "half", 4);
}

static void test_what_killed_writers_left_goes_and_that_of_live_ones_stays(void **state)
{
    (void)state;
    char left[256], live[256];
    cen__writer *writer;
    assert_int_equal(cen__os_make_folder(NULL, "test_base.tmp/killed", NULL), CEN_OK);
    kill_after(begin_file);
    find_temporary("test_base.tmp/killed", left);
    assert_int_equal(cen_file_write(NULL, "test_base.tmp/killed/other", "x", 1, NULL), CEN_OK);
    assert_false((cen__os_kind(left) != CEN__NOTHING));
    assert_int_equal(cen__writer_create(NULL, &writer, "test_base.tmp/killed/file", NULL), CEN_OK);
    find_temporary("test_base.tmp/killed", live);
    assert_int_equal(cen_file_write(NULL, "test_base.tmp/killed/other", "y", 1, NULL), CEN_OK);
    assert_true((cen__os_kind(live) != CEN__NOTHING));
    assert_int_equal(cen__writer_commit(&writer, NULL), CEN_OK);
    const char *const names[] = {"file", "other"};
    assert_names("test_base.tmp/killed", names, 2);
}

static const char lock_path[] = "test_base.tmp/lock";

static void begin_lock(void)
{
    cen_lock *lock;
    if (cen_lock_take(NULL, &lock, lock_path, false, NULL) != CEN_OK) _exit(1);
}

static void test_a_lock_is_held_by_one_and_freed_by_a_kill(void **state)
{
    (void)state;
    cen_lock *lock, *other;
    cen_error error;
    kill_after(begin_lock);
    assert_true((cen__os_kind(lock_path) != CEN__NOTHING));
    assert_int_equal(cen_lock_take(NULL, &lock, lock_path, false, &error), CEN_OK);
    assert_int_equal(cen_lock_take(NULL, &other, lock_path, false, &error), CEN_ERROR_ARGUMENT);
    assert_null(other);
    assert_non_null(strstr(error.message, "test_base.tmp/lock: this is in use"));
    cen_lock_release(lock);
    cen_lock_release(NULL);
    assert_false((cen__os_kind(lock_path) != CEN__NOTHING));
    assert_int_equal(symlink("elsewhere", lock_path), 0);
    assert_int_equal(cen_lock_take(NULL, &lock, lock_path, false, &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "; remove it, or choose another place"));
    assert_int_equal(cen_lock_take(NULL, &lock, "nowhere/lock", false, &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "; make its folder writable, or choose another place"));
    assert_false((cen__os_kind("test_base.tmp/elsewhere") != CEN__NOTHING));
    (void)remove(lock_path);
}

/* Each process adds 1 to a number in a file, 50 times. */
static void test_processes_take_a_lock_in_turn(void **state)
{
    (void)state;
    enum { PROCESSES = 4, TIMES = 50 };
    tree_text("test_base.tmp/number", "0");
    for (int p = 0; p < PROCESSES; p++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child != 0) continue;
        for (int i = 0; i < TIMES; i++) {
            cen_lock *lock;
            int number = -1;
            if (cen_lock_take(NULL, &lock, lock_path, true, NULL) != CEN_OK) _exit(1);
            FILE *file = fopen("test_base.tmp/number", "r");
            if (file == NULL || fscanf(file, "%d", &number) != 1 || fclose(file) != 0) _exit(1);
            file = fopen("test_base.tmp/number", "w");
            if (file == NULL || fprintf(file, "%d", number + 1) < 1 || fclose(file) != 0) _exit(1);
            cen_lock_release(lock);
        }
        _exit(0);
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_holds("test_base.tmp/number", "200");
    assert_false((cen__os_kind(lock_path) != CEN__NOTHING));
}
#endif

/* ---- folders ---- */

static void test_names_are_listed_in_bytewise_order(void **state)
{
    (void)state;
    /* UTF-8 sorts behind ASCII, capitals before small letters, 10 before 9. */
    static const char *const names[] = {".hidden", "10.png",       "9.png",       "B",
                                        "a",       "a b",          "a.png",       "aa",
                                        "b",       "\xc3\xa4.png", "\xe7\x8c\xab"};
    enum { N = sizeof names / sizeof names[0] };
    for (size_t i = 0; i < N; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "test_base.tmp/names/%s", names[i * 7 % N]);
        tree_text(path, "");
    }
    assert_names("test_base.tmp/names", names, N);
    assert_int_equal(cen__os_make_folder(NULL, "test_base.tmp/nothing", NULL), CEN_OK);
    assert_names("test_base.tmp/nothing", NULL, 0);
}

static void test_a_listing_of_no_folder_is_refused(void **state)
{
    (void)state;
    cen__listing listing;
    cen_error error;
    assert_int_equal(cen__os_list(NULL, "test_base.tmp/none", &listing, &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "test_base.tmp/none"));
    assert_int_equal(listing.n_names, 0);
    cen__listing_free(&listing);
}

static void test_folders_are_made_with_those_above(void **state)
{
    (void)state;
    cen_error error;
    assert_int_equal(cen__os_make_folder(NULL, "test_base.tmp/a/b//c/", &error), CEN_OK);
    assert_int_equal(cen__os_make_folder(NULL, "test_base.tmp/a/b/c", &error), CEN_OK);
    assert_int_equal(cen__os_kind("test_base.tmp/a/b/c"), CEN__FOLDER);
    tree_text("test_base.tmp/a/file", "");
    assert_int_equal(cen__os_kind("test_base.tmp/a/file"), CEN__FILE);
    assert_true((cen__os_kind("test_base.tmp/a/file") != CEN__NOTHING));
    assert_false((cen__os_kind("test_base.tmp/a/none") != CEN__NOTHING));
    assert_int_equal(cen__os_make_folder(NULL, "test_base.tmp/a/file", &error), CEN_ERROR_IO);
    assert_int_equal(cen__os_make_folder(NULL, "test_base.tmp/a/file/below", &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "test_base.tmp/a/file"));
}

static void test_paths_are_joined_by_one_slash(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a//", "b", "a/b"},
        {"/", "b", "/b"},  {"", "b", "b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = cen__path_join(NULL, cases[i][0], cases[i][1]);
        assert_string_equal(path, cases[i][2]);
        cen__free(path);
    }
}

static void test_the_clock_goes_forward(void **state)
{
    (void)state;
    double before = cen__os_seconds();
    for (int i = 0; i < 1000; i++) {
        double now = cen__os_seconds();
        assert_true(now >= before);
        before = now;
    }
}

static int make_empty(void **state)
{
    (void)state;
    tree_remove(folder);
    return cen__os_make_folder(NULL, folder, NULL) == CEN_OK ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    tree_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_fills_the_error_and_returns_the_status),
        cmocka_unit_test(test_a_message_may_be_put_into_itself),
        cmocka_unit_test(test_long_messages_lose_their_middle),
        cmocka_unit_test(test_a_message_is_one_line_of_utf8_whatever_a_name_holds),
        cmocka_unit_test(test_every_status_has_its_own_name),
        cmocka_unit_test(test_memory_is_aligned_to_64_bytes),
        cmocka_unit_test(test_sizes_that_overflow_give_no_memory),
        cmocka_unit_test(test_grow_keeps_what_is_there),
        cmocka_unit_test(test_random_bits_are_those_of_the_python_script),
        cmocka_unit_test(test_random_numbers_are_uniform),
        cmocka_unit_test(test_shuffle_is_a_permutation_that_seed_and_stream_choose),
        cmocka_unit_test(test_shuffle_puts_every_item_everywhere_alike),
        cmocka_unit_test(test_whole_files_and_beginnings_are_read),
        cmocka_unit_test(test_a_file_over_the_limit_is_refused_before_it_is_read),
        cmocka_unit_test(test_a_commit_puts_the_new_file_in_place),
        cmocka_unit_test(test_a_discard_leaves_the_old_file_and_no_other),
        cmocka_unit_test(test_two_writers_of_one_file_do_not_meet),
        cmocka_unit_test(test_a_writer_without_its_folder_is_refused),
        cmocka_unit_test(test_a_writer_onto_a_folder_is_refused),
        cmocka_unit_test(test_a_thousand_planted_files_block_none_and_go),
#if !defined(_WIN32)
        cmocka_unit_test(test_a_write_that_fails_leaves_the_old_file),
        cmocka_unit_test(test_a_device_that_is_full_is_told_by_its_reason),
        cmocka_unit_test(test_links_are_followed),
        cmocka_unit_test(test_pipes_and_devices_are_refused_at_once),
        cmocka_unit_test(test_a_replaced_file_keeps_its_mode),
        cmocka_unit_test(test_a_replaced_file_keeps_its_owner),
        cmocka_unit_test(test_a_link_leads_to_the_file_that_is_replaced),
        cmocka_unit_test(test_devices_are_written_to_and_stay),
        cmocka_unit_test(test_a_fifo_gets_what_is_written),
        cmocka_unit_test(test_a_dash_and_dev_stdout_are_standard_output),
        cmocka_unit_test(test_what_cannot_be_written_is_known_before),
        cmocka_unit_test(test_what_killed_writers_left_goes_and_that_of_live_ones_stays),
        cmocka_unit_test(test_a_lock_is_held_by_one_and_freed_by_a_kill),
        cmocka_unit_test(test_processes_take_a_lock_in_turn),
#endif
        cmocka_unit_test(test_names_are_listed_in_bytewise_order),
        cmocka_unit_test(test_a_listing_of_no_folder_is_refused),
        cmocka_unit_test(test_folders_are_made_with_those_above),
        cmocka_unit_test(test_paths_are_joined_by_one_slash),
        cmocka_unit_test(test_the_clock_goes_forward),
    };
    return cmocka_run_group_tests(tests, make_empty, remove_folder);
}
