/* Writers of a gallery that are killed at a random moment, and writers at the same time. CEN_HISTORIES is their number
 * (30). */
#define _XOPEN_SOURCE 700 /* fork, kill, nanosleep */
#include <centerloss.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/gallery_twin.h"

#define PATH "test_gallery_killed.gallery"

enum { CHANGES = 24, WRITERS = 4, ROUNDS = 12 };

static void assert_ok(cen_status status, const cen_error *error)
{
    if (status != CEN_OK) fail_msg("%s", error->message);
}

static cen_gallery *created(void)
{
    cen_gallery *gallery;
    cen_gallery_options options = cen_gallery_options_init();
    options.d = TWIN_D;
    return cen_gallery_create(NULL, &gallery, &options, NULL) == CEN_OK ? gallery : NULL;
}

/* Changes the twin, and the gallery if it is given: a few rows more or less, or another name. The same for both. */
static cen_status change(gallery_twin *twin, cen_gallery *gallery, uint64_t *draws, size_t number)
{
    cen_status status = CEN_OK;
    char from[TWIN_TEXT], to[TWIN_TEXT];
    const size_t kind = twin_draw(draws, 6);
    if (kind == 0 && twin->n > 0) {
        const size_t row = twin_draw(draws, twin->n);
        twin_remove(twin, row);
        if (gallery != NULL) status = cen_gallery_remove(gallery, &row, 1, NULL);
    } else if (kind == 1) {
        (void)snprintf(from, sizeof from, "name %zu", twin_draw(draws, 12));
        (void)snprintf(to, sizeof to, "name %zu", twin_draw(draws, 14));
        const bool is_there = twin_rename(twin, from, to) > 0;
        if (gallery != NULL && is_there) status = cen_gallery_rename(gallery, from, to, NULL);
    } else {
        for (size_t i = twin_draw(draws, 4) + 1; i > 0; i--) {
            const cen_gallery_row row = twin_add(twin, draws, number);
            if (gallery != NULL && status == CEN_OK) {
                status = cen_gallery_add(gallery, &row, 1, NULL);
            }
        }
    }
    return status;
}

/* Saves each change, and acknowledges it by a byte. Some changes are made to a gallery that is loaded again. */
static int write_history(uint64_t history, int acknowledge)
{
    uint64_t draws = history;
    gallery_twin *twin = calloc(1, sizeof *twin);
    cen_gallery *gallery = created();
    if (gallery == NULL || twin == NULL) return 1;
    for (size_t i = 0; i < CHANGES; i++) {
        if (change(twin, gallery, &draws, i) != CEN_OK) return 2;
        if (cen_gallery_save(gallery, PATH, NULL) != CEN_OK) return 3;
        if (write(acknowledge, "a", 1) != 1) return 4;
        if ((history + i) % 5 != 0) continue;
        cen_gallery_free(gallery);
        if (cen_gallery_load(NULL, &gallery, PATH, (history + i) % 2 == 0, NULL) != CEN_OK)
            return 5;
    }
    cen_gallery_free(gallery);
    free(twin);
    return 0;
}

static void wait_some(double seconds)
{
    const struct timespec some = {(time_t)seconds,
                                  (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&some, NULL);
}

/* Runs a history, kills it so many seconds after change n_before is acknowledged, and returns the number of those that
 * were. */
static size_t run_history(uint64_t history, size_t n_before, double seconds)
{
    int ends[2], status;
    char bytes[CHANGES + 1];
    size_t n = 0;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        _exit(write_history(history, ends[1]));
    }
    (void)close(ends[1]);
    while (n < n_before && read(ends[0], bytes, 1) == 1) n++;
    if (n_before < CHANGES) {
        wait_some(seconds);
        (void)kill(child, SIGKILL);
    }
    for (ssize_t got = 1; got > 0; n += (size_t)got) got = read(ends[0], bytes, sizeof bytes);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) assert_int_equal(WEXITSTATUS(status), 0);
    if (n_before == CHANGES) assert_int_equal(n, CHANGES);
    (void)close(ends[0]);
    return n;
}

static double now(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What the file holds is what was acknowledged, with the change at which the writer was killed or without. */
static void assert_acknowledged(uint64_t history, size_t n, gallery_twin *twin)
{
    uint64_t draws = history;
    cen_gallery *gallery = NULL;
    cen_error error = {CEN_OK, ""};
    twin->n = 0;
    for (size_t i = 0; i < n; i++) (void)change(twin, NULL, &draws, i);
    cen_status status = cen_gallery_load(NULL, &gallery, PATH, true, &error);
    if (status != CEN_OK && n == 0) { /* the first save */
        assert_int_equal(status, CEN_ERROR_IO);
        return;
    }
    assert_ok(status, &error);
    const char *what = n > 0 ? twin_differs(twin, gallery) : "all";
    if (what != NULL && n < CHANGES) {
        (void)change(twin, NULL, &draws, n);
        what = twin_differs(twin, gallery);
    }
    if (what != NULL) fail_msg("history %d, %zu changes: %s", (int)history, n, what);
    /* The next writer goes on. */
    const cen_gallery_row row = twin_add(twin, &draws, n);
    assert_ok(cen_gallery_add(gallery, &row, 1, &error), &error);
    assert_ok(cen_gallery_save(gallery, PATH, &error), &error);
    cen_gallery_free(gallery);
    assert_ok(cen_gallery_load(NULL, &gallery, PATH, false, &error), &error);
    assert_null(twin_differs(twin, gallery));
    assert_int_equal(cen_gallery_get(gallery)->n_unfinished, 0);
    cen_gallery_free(gallery);
}

static void test_after_a_kill_the_file_holds_what_was_acknowledged(void **state)
{
    (void)state;
    const char *wanted = getenv("CEN_HISTORIES");
    const size_t n_histories = wanted != NULL ? (size_t)atoi(wanted) : 30;
    gallery_twin *twin = calloc(1, sizeof *twin);
    size_t n_killed = 0, n_changes = 0;
    double length = now();
    (void)run_history(0, CHANGES, 0);
    length = (now() - length) / CHANGES; /* of a change */
    for (uint64_t history = 0; history < n_histories; history++) {
        uint64_t draws = history + 1000000;
        (void)twin_draw(&draws, 1);
        (void)remove(PATH);
        const size_t n_before = twin_draw(&draws, CHANGES / 2);
        const size_t n =
            run_history(history, n_before, length * (double)twin_draw(&draws, 1000) / 1000);
        assert_acknowledged(history, n, twin);
        n_killed += n < CHANGES;
        n_changes += n;
    }
    print_message("%zu histories, %zu killed, %zu changes acknowledged\n", n_histories, n_killed,
                  n_changes);
    assert_true(n_killed > 0);
    free(twin);
    assert_int_equal(remove(PATH), 0);
}

/* Adds one row at a time, each with the lock and a new load. */
static int write_rows(size_t writer)
{
    for (size_t i = 0; i < ROUNDS; i++) {
        cen_gallery *gallery;
        char source[TWIN_TEXT];
        const float feature[TWIN_D] = {(float)writer, (float)i};
        (void)snprintf(source, sizeof source, "%zu/%zu", writer, i);
        const cen_gallery_row row = {"somebody", source, {0}, false, feature};
        if (cen_gallery_load(NULL, &gallery, PATH, true, NULL) != CEN_OK) return 1;
        if (cen_gallery_add(gallery, &row, 1, NULL) != CEN_OK) return 2;
        if (cen_gallery_save(gallery, PATH, NULL) != CEN_OK) return 3;
        cen_gallery_free(gallery);
    }
    return 0;
}

/* Each state that a reader finds has all rows of the one before. */
static int read_rows(void)
{
    for (size_t n = 0, last = 0; n < WRITERS * ROUNDS; last = n) {
        cen_gallery *gallery;
        cen_gallery_row row;
        if (cen_gallery_load(NULL, &gallery, PATH, false, NULL) != CEN_OK) return 4;
        n = cen_gallery_get(gallery)->n;
        if (n < last) return 5;
        for (size_t i = 0; i < n; i++) {
            if (cen_gallery_row_get(gallery, i, &row, NULL) != CEN_OK) return 6;
            if (strcmp(row.name, "somebody") != 0) return 7;
        }
        cen_gallery_free(gallery);
    }
    return 0;
}

static void test_writers_take_turns_and_readers_see_whole_states(void **state)
{
    (void)state;
    cen_error error;
    cen_gallery *gallery = created();
    assert_ok(cen_gallery_save(gallery, PATH, &error), &error);
    cen_gallery_free(gallery);
    for (size_t i = 0; i < WRITERS + 2; i++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) _exit(i < WRITERS ? write_rows(i) : read_rows());
    }
    for (size_t i = 0; i < WRITERS + 2; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_ok(cen_gallery_load(NULL, &gallery, PATH, false, &error), &error);
    assert_int_equal(cen_gallery_get(gallery)->n, WRITERS * ROUNDS);
    bool seen[WRITERS][ROUNDS] = {{false}};
    for (size_t i = 0; i < WRITERS * ROUNDS; i++) {
        cen_gallery_row row;
        assert_ok(cen_gallery_row_get(gallery, i, &row, &error), &error);
        seen[(size_t)row.feature[0]][(size_t)row.feature[1]] = true;
    }
    for (size_t i = 0; i < WRITERS * ROUNDS; i++) assert_true(seen[i / ROUNDS][i % ROUNDS]);
    cen_gallery_free(gallery);
    assert_int_equal(remove(PATH), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_a_kill_the_file_holds_what_was_acknowledged),
        cmocka_unit_test(test_writers_take_turns_and_readers_see_whole_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
