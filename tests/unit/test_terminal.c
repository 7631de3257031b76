/* The system's terminals, pipes and devices. */
#if !defined(_WIN32)
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE 1
#endif
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/os.h"

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
        errno = 7;
        assert_int_equal(cen__os_terminal_width(terminal), widths[i][1]);
        assert_int_equal(errno, 7);
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
    errno = 7;
    assert_int_equal(cen__os_terminal_width(in), 0);
    assert_true(fputc('x', in) == 'x' && cen__os_sync(in));
    assert_int_equal(errno, 7);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
