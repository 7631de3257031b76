/* cl_train compare: one page for several runs. */
#include "train_compare.h"

#include <stdio.h>

static const char *path;

static const option options[] = {
    {"output", 'o', OPTION_TEXT, &path, "PAGE", .group = "Options",
     .help = "the page to write (compare.html)"},
};

const command compare_tool = {
    .name = "cl_train compare",
    .usage = "cl_train compare RUN RUN... [-o PAGE]",
    .summary =
        "Shows runs on one page: their results, what differs between them, and their curves.",
    .arguments = "RUN",
    .options = options,
    .n_options = sizeof options / sizeof *options};

int compare_runs(int argc, char **argv)
{
    path = "compare.html";
    int n = parse_options(&compare_tool, argc, argv);
    cen_error error;
    if (n < 0) return parse_exit_code(n);
    if (n < 2)
        return fail(&compare_tool, EXIT_USAGE, "name two runs or more; the usage is: %s",
                    compare_tool.usage);
    if (cen_report_compare(NULL, (const char *const *)argv, (size_t)n, path, &error) != CEN_OK) {
        int code = error.status == CEN_ERROR_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
        return fail(&compare_tool, code, "%s", error.message);
    }
    print_names(stdout, "%s shows %d runs\n", path, n);
    return 0;
}
