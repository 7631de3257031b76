/* cl_idx: unpacks an IDX pair (MNIST, Fashion-MNIST, ...) into a folder of images. */
#include <centerloss_eval.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static const char *output, *names;
static size_t per_class;

static const option options[] = {
    {"output", 'o', OPTION_TEXT, &output, "DIR", .group = "Options",
     .help = "the folder: DIR/CLASS/NNNNN.png"},
    {"names", 'n', OPTION_TEXT, &names, "A,B,...", .help = "names of the classes 0, 1, ...",
     .more = "The default is their numbers."},
    {"per-class", 'p', OPTION_COUNT, &per_class, "N", .least = 1, .most = 1e15,
     .help = "the first N images of each class (all)"},
};

static const entry examples[] = {
    {"cl_idx images.gz labels.gz -o mnist", "a folder per class"},
    {"cl_idx images.gz labels.gz -o few --per-class 10", "ten per class"},
    {"cl_idx images.gz labels.gz -o named -n a,b,c,d,e,f,g,h,i,j", "names for 0 to 9"},
    {NULL, NULL}};

static const command tool = {
    .name = "cl_idx",
    .usage = "cl_idx [OPTIONS] IMAGES LABELS -o DIR",
    .summary = "Unpacks a pair of IDX files (MNIST, Fashion-MNIST) into a folder of images.",
    .arguments = "FILE",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = examples,
    .about = "cl_idx reads a file of IMAGES and one of LABELS, each plain or compressed (.gz), and "
             "writes each image as a PNG into one sub-folder per class, ready for cl_train."};

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
        return fail(&tool, EXIT_USAGE, "name two files and -o DIR, as: %s", examples[0].term);
    }
    const char *list[MOST_NAMES];
    size_t n_names = 0;
    char *copy = NULL;
    if (names != NULL) {
        copy = malloc(strlen(names) + 1);
        if (copy == NULL) return fail(&tool, EXIT_FAILED, "not enough memory for the names");
        n_names = split_names(strcpy(copy, names), list);
        if (n_names == 0) {
            free(copy);
            return fail(&tool, EXIT_USAGE, "--names '%s' has no name in it; write cat,dog", names);
        }
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
