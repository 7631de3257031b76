/* Terminals, pipes and devices, and what the tools add to the library. */
#if !defined(_WIN32)
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE 1
#endif
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/options.h" /* whose fail is no macro of cmocka */
#include "../../tools/system.h"
#include "base/os.h"
#include "format/json.h"

#include <cmocka.h>

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void a_terminal_tells_its_width_and_80_where_it_has_none(void **state)
{
    (void)state;
    static const unsigned short widths[][2] = {{123, 123}, {0, 80}};
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) skip();
    FILE *terminal = fopen(ptsname(master), "r+");
    assert_non_null(terminal);
    for (size_t i = 0; i < 2; i++) {
        struct winsize size = {.ws_row = 50, .ws_col = widths[i][0]};
        assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
        assert_int_equal(terminal_width(terminal), widths[i][1]);
    }
    (void)fclose(terminal);
    (void)close(master);
}

static void a_pipe_is_no_terminal_and_has_nothing_to_sync(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    FILE *in = fdopen(ends[1], "w");
    assert_non_null(in);
    assert_int_equal(terminal_width(in), 0);
    assert_true(fputc('x', in) == 'x' && sync_file(in));
    assert_int_equal(fclose(in), 0);
    (void)close(ends[0]);
}

static void only_a_file_has_a_size(void **state)
{
    (void)state;
    static const char *const paths[] = {"test_terminal.tmp", "/dev/null"};
    FILE *file = fopen("test_terminal.tmp", "wb");
    assert_true(file != NULL && fputs("abc", file) >= 0 && fclose(file) == 0);
    for (size_t i = 0; i < 2; i++) {
        file = fopen(paths[i], "rb");
        assert_non_null(file);
        assert_int_equal(cen__os_file_size(file), i == 0 ? 3 : 0);
        (void)fclose(file);
    }
    (void)remove("test_terminal.tmp");
}

static void folders_are_made_with_those_above_and_links_are_special(void **state)
{
    (void)state;
    cen_error error;
    assert_int_equal(make_folder("test_terminal.dir/a//b/", &error), CEN_OK);
    assert_int_equal(make_folder("test_terminal.dir/a/b", &error), CEN_OK);
    assert_true(path_exists("test_terminal.dir/a/b"));
    FILE *file = fopen("test_terminal.dir/file", "wb");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(symlink("file", "test_terminal.dir/link"), 0);
    assert_int_equal(symlink("none", "test_terminal.dir/dangling"), 0);
    assert_int_equal(make_folder("test_terminal.dir/file/below", &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "test_terminal.dir/file"));
    assert_false(path_is_special("test_terminal.dir/file"));
    assert_false(path_is_special("test_terminal.dir/a"));
    assert_false(path_is_special("test_terminal.dir/nothing"));
    assert_true(path_is_special("test_terminal.dir/link"));
    assert_true(path_is_special("test_terminal.dir/dangling"));
    assert_false(path_exists("test_terminal.dir/dangling"));
    assert_true(path_is_special("/dev/null"));
    static const char *const made[] = {"link", "dangling", "file", "a/b", "a", ""};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "test_terminal.dir/%s", made[i]);
        assert_int_equal(remove(path), 0);
    }
}

static void a_string_is_printed_as_json_that_no_terminal_obeys(void **state)
{
    (void)state;
    char text[256];
    FILE *file = fopen("test_terminal.tmp", "w+b");
    assert_non_null(file);
    print_json_string(file, "a\"\\\n\t\x01</\x7F\xFF\xC3\xA9\xC2\x9B\xE2\x80\xAE.");
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    (void)remove("test_terminal.tmp");
    assert_string_equal(text, "\"a\\\"\\\\\\u000a\\u0009\\u0001</\\u007f\xEF\xBF\xBD\xC3\xA9\\u009b"
                              "\\u202e.\"");
    cen__json_document *document;
    assert_int_equal(cen__json_parse(NULL, text, strlen(text), &document, NULL), CEN_OK);
    assert_string_equal(cen__json_root(document)->string,
                        "a\"\\\n\t\x01</\x7F\xEF\xBF\xBD\xC3\xA9\xC2\x9B\xE2\x80\xAE.");
    cen__json_free(document);
}
#endif

int main(void)
{
#if defined(_WIN32)
    return 77;
#else
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_terminal_tells_its_width_and_80_where_it_has_none),
        cmocka_unit_test(a_pipe_is_no_terminal_and_has_nothing_to_sync),
        cmocka_unit_test(only_a_file_has_a_size),
        cmocka_unit_test(folders_are_made_with_those_above_and_links_are_special),
        cmocka_unit_test(a_string_is_printed_as_json_that_no_terminal_obeys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
