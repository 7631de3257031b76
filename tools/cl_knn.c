/* cl_knn: search, classify and measure on features. */
#include <centerloss.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "knn.h"
#include "options.h"
#include "system.h"

static knn s = {.seed = 1, .threshold = -1, .far = -1, .ratio = 1.5};

static const char *const metrics[] = {"l2", "cosine", NULL};
static const char *const weights[] = {"uniform", "distance", NULL};

static const option options[] = {
    {"model", 'm', OPTION_TEXT, &s.model_path, "RUN|MODEL",
     "turns pictures into features (GALLERY's own, where it is\na run folder)", 0, 0, NULL},
    MODEL_LIMITS(s.limits),
    {"metric", '\0', OPTION_CHOICE, &s.metric, "l2|cosine",
     "distance of two features: l2 (default), or 1 - cosine", 0, 0, metrics},
    {"k", 'k', OPTION_COUNT, &s.k, "N", "neighbours that vote (5, or all where there are fewer)", 1,
     1e9, NULL},
    {"weights", '\0', OPTION_CHOICE, &s.weights, "uniform|distance",
     "each neighbour counts 1 (default), or 1 / distance", 0, 0, weights},
    {"gallery-split", '\0', OPTION_TEXT, &s.gallery_split, "SPLIT",
     "only rows of train, val, test or heldout, or all", 0, 0, NULL},
    {"query-split", '\0', OPTION_TEXT, &s.query_split, "SPLIT", "eval: the same for the queries", 0,
     0, NULL},
    {"threshold", '\0', OPTION_REAL, &s.threshold, "X",
     "classify: only neighbours within X vote, without any the\npicture is \"unknown\"; enroll: "
     "nearer is dangerous",
     0, 1e30, NULL},
    {"far", '\0', OPTION_REAL, &s.far, "X", "the threshold that passes this share of strangers", 0,
     1, NULL},
    {"strangers", '\0', OPTION_TEXT, &s.strangers, "SET",
     "calibrates --far on its classes that the gallery has not\n"
     "(else each class of the gallery plays the stranger)",
     0, 0, NULL},
    {"output", 'o', OPTION_TEXT, &s.output, "FILE",
     "enroll: the new gallery, .npy or .csv (in place); -: a .csv on\nstandard output", 0, 0, NULL},
    {"add", '\0', OPTION_FLAG, &s.adds, NULL, "enroll: NAME may be there already", 0, 0, NULL},
    {"ratio", '\0', OPTION_REAL, &s.ratio, "X",
     "audit: how many times nearer to another class's mean than\nto its own looks wrong (1.5)", 1,
     1e30, NULL},
    {"report", '\0', OPTION_TEXT, &s.report, "FILE.html", "eval: a page to look at", 0, 0, NULL},
    {"pictures", '\0', OPTION_ONCE, &s.pictures, "DIR",
     "eval --report: shows only pictures in it (the folder of\nthe .npy, .csv or run)", 0, 0, NULL},
    {"svg", '\0', OPTION_TEXT, &s.svg, "DIR", "eval: its plots as single files", 0, 0, NULL},
    {"json", 'j', OPTION_FLAG, &s.as_json, NULL, "print one JSON object", 0, 0, NULL},
    {"seed", '\0', OPTION_SEED, &s.seed, "N", "of what is drawn: episodes, pairs (1)", 0, 1e18,
     NULL},
    {"threads", 't', OPTION_COUNT, &s.n_threads, "N",
     "processors to use (all); never changes a result", 1, 1024, NULL},
    {"quiet", 'q', OPTION_FLAG, &s.is_quiet, NULL,
     "no progress; only classify prints more than errors", 0, 0, NULL},
};

static const command tool = {
    "cl_knn",
    "cl_knn eval GALLERY [QUERY] | classify GALLERY IMAGE|DIR...\n"
    "       cl_knn enroll GALLERY NAME IMAGE... | audit GALLERY      [OPTIONS]",
    "Nearest neighbours among features, and what they are worth. A GALLERY or QUERY is a run "
    "folder\n"
    "of cl_train, a .npy or .csv of features, or a folder with a sub-folder of images for each "
    "class\n"
    "(with --model, or beside a GALLERY that is a run). An IMAGE may be any of these.\n"
    "\n"
    "  eval      accuracy of k-NN, retrieval, verification, few-shot and confusions. One set with\n"
    "            train and val rows: val against train; any other, and a set\n"
    "            against itself: leave-one-out\n"
    "  classify  a line a picture: its class, the distance to the nearest of that class, the "
    "margin\n"
    "            by which any other class is farther, and the nearest files\n"
    "  enroll    adds a class from a few pictures, without training, and says which classes are\n"
    "            dangerously near\n"
    "  audit     pictures that look misplaced, duplicates, and the same picture in two splits",
    "Exit codes: 0 done, 1 failed, 2 the command line cannot be used.",
    options,
    sizeof options / sizeof *options};

typedef int work_function(knn *s, char *const *paths, size_t n_paths);

static const struct {
    const char *name;
    work_function *work;
} commands[] = {
    {"eval", knn_eval}, {"classify", knn_classify}, {"enroll", knn_enroll}, {"audit", knn_audit}};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

/* An option that the command would not read is a mistake, and is told. */
static int check_options(work_function *work)
{
    const struct {
        const char *name;
        bool is_given, is_read;
    } given[] = {
        {"query-split", s.query_split != NULL, work == knn_eval},
        {"report", s.report != NULL, work == knn_eval},
        {"pictures", s.pictures != NULL, work == knn_eval && s.report != NULL},
        {"svg", s.svg != NULL, work == knn_eval},
        {"output", s.output != NULL, work == knn_enroll},
        {"add", s.adds, work == knn_enroll},
        {"threshold", s.threshold >= 0, work == knn_classify || work == knn_enroll},
        {"far", s.far >= 0, work == knn_classify || work == knn_enroll},
        {"strangers", s.strangers != NULL, s.far >= 0},
        {"far", s.far >= 0, s.threshold < 0},
    };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        if (!given[i].is_given || given[i].is_read) continue;
        return fail(&tool, EXIT_USAGE, "--%s has no use here; cl_knn --help says what it is for",
                    given[i].name);
    }
    if (s.far == 0 || s.far == 1) {
        return fail(&tool, EXIT_USAGE, "--far must lie between 0 and 1, as 0.01");
    }
    return 0;
}

static int work(int argc, char **argv)
{
    char *line = join_command(argc, argv);
    int n = parse_options(&tool, argc, argv), code = EXIT_USAGE;
    size_t which = 0;
    while (n > 0 && which < N_COMMANDS && strcmp(argv[0], commands[which].name) != 0) which++;
    if (n < 0) {
        code = parse_exit_code(n);
    } else if (n == 0 || which == N_COMMANDS) {
        (void)fail(&tool, EXIT_USAGE,
                   "%s%sname eval, classify, enroll or audit; cl_knn --help says "
                   "what each does",
                   n > 0 ? argv[0] : "", n > 0 ? ": there is no such command; " : "");
    } else if (line == NULL) {
        code = fail(&tool, EXIT_FAILED, "not enough memory for the command line");
    } else {
        code = check_options(commands[which].work);
        if (code == 0) code = make_context(&tool, s.n_threads, &s.context);
        s.tool = &tool;
        s.command_line = line;
        /* Lines of progress would stand among the answers. */
        s.line = progress_start(s.as_json || s.is_quiet || terminal_width(stdout) == 0, stdout);
        if (code == 0) code = commands[which].work(&s, argv + 1, (size_t)n - 1);
        cen_model_free(s.model);
        cen_context_free(s.context);
    }
    free(line);
    return code;
}

int main(int argc, char **argv)
{
    return run_tool(&tool, work, argc, argv);
}
