/* cl_train: the command line of a run, kept in its folder. */
#ifndef TOOLS_TRAIN_ARGUMENTS_H
#define TOOLS_TRAIN_ARGUMENTS_H

#include <centerloss_eval.h>

/* A command line that stands in one piece of memory. */
typedef struct arguments {
    int argc;
    char **argv, *text;
} arguments;

/* Writes chosen[n] and then argv[1 ...] to a file. False where that failed. */
bool arguments_save(const char *path, const arguments *given, char *const *chosen, size_t n,
                    cen_error *error);

/* given->argv[0], what such a file holds, then given->argv[1 ...]. False where it cannot be read, or
 * without memory. */
bool arguments_load(arguments *all, const char *path, const arguments *given, cen_error *error);

/* The same pointers in memory of its own. */
bool arguments_copy(arguments *all, const arguments *from);
void arguments_free(arguments *all);

/* Reads them into the settings s; a recipe comes before all options. *n_paths: as of parse_options. An exit code after
 * its sentence. */
int arguments_parse(arguments *all, int *n_paths);

#endif
