/* cl_train: the command line of a run, kept in its folder. */
#include "train_arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"
#include "train_ranks.h"

enum { ARGUMENTS_MOST = 1 << 20 };

/* *error as out of memory. */
static bool fail_memory(cen_error *error)
{
    *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for the command line"};
    return false;
}

/* Appends one with its NUL; text NULL: only counts. */
static size_t put_argument(char *text, size_t at, const char *argument)
{
    const size_t size = strlen(argument) + 1;
    if (text != NULL) memcpy(text + at, argument, size);
    return at + size;
}

static size_t put_arguments(char *text, const arguments *given, char *const *chosen, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) at = put_argument(text, at, chosen[i]);
    for (int i = 1; i < given->argc; i++) at = put_argument(text, at, given->argv[i]);
    return at;
}

bool arguments_save(const char *path, const arguments *given, char *const *chosen, size_t n,
                    cen_error *error)
{
    const size_t size = put_arguments(NULL, given, chosen, n);
    char *text = malloc(size + 1);
    if (text == NULL) return fail_memory(error);
    (void)put_arguments(text, given, chosen, n);
    cen_status status = cen_file_write(NULL, path, text, size, error);
    free(text);
    return status == CEN_OK;
}

/* The first process reads the file, and the others get its text from it. */
static bool read_text(const char *path, char **text, size_t *size, cen_error *error)
{
    cen_error why = {CEN_ERROR_IO, "the first process could not read the run"};
    char *file = NULL;
    *size = SIZE_MAX;
    if (is_first_rank() && cen_text_read(NULL, path, ARGUMENTS_MOST, &file, size, &why) != CEN_OK) {
        *size = SIZE_MAX;
    }
    if (take_from_first(size, sizeof *size) && *size != SIZE_MAX) {
        *text = malloc(*size + 1);
        if (*text != NULL && file != NULL) memcpy(*text, file, *size);
        cen_text_free(file);
        if (*text == NULL) return fail_memory(error);
        if (take_from_first(*text, *size)) return true;
    }
    *error = why;
    return false;
}

bool arguments_load(arguments *all, const char *path, const arguments *given, cen_error *error)
{
    size_t size, n = 0;
    *all = (arguments){0, NULL, NULL};
    if (!read_text(path, &all->text, &size, error)) return false;
    for (size_t i = 0; i < size; i++) n += all->text[i] == '\0';
    if (size > 0 && all->text[size - 1] != '\0') {
        *error = (cen_error){CEN_ERROR_FORMAT, ""};
        append(error->message, sizeof error->message,
               "%.400s: this is not the command line of a run; put the file back", path);
        return false;
    }
    all->argv = malloc((n + (size_t)given->argc + 1) * sizeof *all->argv);
    if (all->argv == NULL) return fail_memory(error);
    all->argv[all->argc++] = given->argv[0];
    for (char *at = all->text; at < all->text + size; at += strlen(at) + 1) {
        all->argv[all->argc++] = at;
    }
    for (int i = 1; i < given->argc; i++) all->argv[all->argc++] = given->argv[i];
    all->argv[all->argc] = NULL;
    return true;
}

bool arguments_copy(arguments *all, const arguments *from)
{
    size_t size = ((size_t)from->argc + 1) * sizeof *from->argv;
    *all = (arguments){from->argc, malloc(size), NULL};
    if (all->argv == NULL) return false;
    memcpy(all->argv, from->argv, size);
    return true;
}

void arguments_free(arguments *all)
{
    free(all->argv);
    free(all->text);
    *all = (arguments){0, NULL, NULL};
}

int arguments_parse(arguments *all, int *n_paths)
{
    arguments first;
    if (!arguments_copy(&first, all)) return fail(&train_tool, EXIT_FAILED, "not enough memory");
    restore_defaults();
    *n_paths = parse_options(&train_tool, first.argc, first.argv);
    arguments_free(&first);
    const int recipe = s.recipe;
    if (*n_paths >= 0) {
        restore_defaults();
        take_recipe(recipe);
        *n_paths = parse_options(&train_tool, all->argc, all->argv);
    }
    return *n_paths < 0 ? parse_exit_code(*n_paths) : 0;
}
