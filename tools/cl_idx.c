/* cl_idx: unpacks an IDX pair (MNIST, Fashion-MNIST, ...) into a folder of images. */
#include <centerloss_eval.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static const char *output, *names;
static size_t per_class;

static const option options[] = {
    {"output", 'o', OPTION_TEXT, &output, "DIR", "the folder: DIR/CLASS/NNNNN.png", 0, 0, NULL},
    {"names", 'n', OPTION_TEXT, &names, "A,B,...", "names of the classes 0, 1, ... (the numbers)",
     0, 0, NULL},
    {"per-class", 'p', OPTION_COUNT, &per_class, "N", "images of each class, the first ones (all)",
     1, 1e15, NULL},
};

static const command tool = {"cl_idx",
                             "cl_idx [OPTIONS] IMAGES LABELS -o DIR",
                             "Unpacks IDX files, .gz or not, into one sub-folder a class.",
                             "Exit codes: 0 done, 1 failed, 2 the command line cannot be used.",
                             options,
                             sizeof options / sizeof *options};

enum { MOST_NAMES = 256 };

/* Cuts text at its commas, in place. */
static size_t split_names(char *text, const char **list)
{
    size_t n = 0;
    for (char *name = strtok(text, ","); name != NULL && n < MOST_NAMES; name = strtok(NULL, ",")) {
        list[n++] = name;
    }
    return n;
}

static int work(int argc, char **argv)
{
    int n_paths = parse_options(&tool, argc, argv);
    if (n_paths < 0) return parse_exit_code(n_paths);
    if (n_paths != 2 || output == NULL) {
        return fail(&tool, EXIT_USAGE, "name two files and -o DIR; the usage is: %s", tool.usage);
    }
    const char *list[MOST_NAMES];
    size_t n_names = 0;
    char *copy = NULL;
    if (names != NULL) {
        copy = malloc(strlen(names) + 1);
        if (copy == NULL) return fail(&tool, EXIT_FAILED, "not enough memory for the names");
        n_names = split_names(strcpy(copy, names), list);
    }
    cen_error error;
    cen_status status = cen_idx_unpack(NULL, argv[0], argv[1], n_names > 0 ? list : NULL, n_names,
                                       per_class, output, &error);
    free(copy);
    if (status != CEN_OK) return fail(&tool, EXIT_FAILED, "%s", error.message);
    return 0;
}

int main(int argc, char **argv)
{
    return run_tool(&tool, work, argc, argv);
}
