/* cl_knn: search, classify and measure on features. */
#include <centerloss.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "knn.h"
#include "options.h"
#include "system.h"

static knn s = {.seed = 1, .threshold = -1, .far = -1, .ratio = 1.5};

const char *const knn_metrics[] = {"l2", "cosine", NULL};
const char *const knn_weights[] = {"uniform", "distance", NULL};

static const option options[] = {
    {"k", 'k', OPTION_COUNT, &s.k, "N", .least = 1, .most = 1e9, .group = "Neighbours",
     .help = "neighbours that vote (5, or all if fewer)"},
    {"metric", '\0', OPTION_CHOICE, &s.metric, "KIND", .choices = knn_metrics,
     .help = "distance: l2 (default), or cosine",
     .more = "cosine is 1 - the cosine of the angle between two features."},
    {"weights", '\0', OPTION_CHOICE, &s.weights, "KIND", .choices = knn_weights,
     .help = "vote: uniform (default), or distance",
     .more = "uniform counts each neighbour 1, distance counts it 1 / distance."},
    {"model", 'm', OPTION_TEXT, &s.model_path, "RUN|MODEL", .is_input = true,
     .help = "the model that turns pictures into features",
     .more = "The default is that of GALLERY, if GALLERY is a run folder."},
    {"gallery-split", '\0', OPTION_TEXT, &s.gallery_split, "SPLIT",
     .help = "use only these rows of the gallery",
     .more = "SPLIT is train, val, test, heldout or all."},
    {"threshold", '\0', OPTION_REAL, &s.threshold, "X", .most = 1e30, .group = "Strangers",
     .help = "farther neighbours do not count",
     .more = "classify: only neighbours within X vote, and a picture without any is \"unknown\". "
             "enroll: a class that is nearer than X is dangerously near."},
    {"far", '\0', OPTION_REAL, &s.far, "X", .most = 1,
     .help = "the threshold that passes this share of strangers",
     .more = "For classify and enroll."},
    {"strangers", '\0', OPTION_TEXT, &s.strangers, "SET", .is_input = true,
     .help = "calibrate --far on the classes of SET",
     .more =
         "Only classes that the gallery does not have count. By default each class of the gallery "
         "plays the stranger."},
    {"query-split", '\0', OPTION_TEXT, &s.query_split, "SPLIT", .group = "eval",
     .help = "use only these rows of the queries"},
    {"report", '\0', OPTION_TEXT, &s.report, "FILE.html", .help = "write a page to look at"},
    {"pictures", '\0', OPTION_ONCE, &s.pictures, "DIR", .is_input = true,
     .help = "the page shows pictures in this folder only",
     .more = "The default is the folder of the .npy, the .csv or the run."},
    {"svg", '\0', OPTION_TEXT, &s.svg, "DIR", .help = "write its plots as single files"},
    {"seed", '\0', OPTION_SEED, &s.seed, "N", .most = 1e18,
     .help = "seed of drawn episodes and pairs (1)"},
    {"output", 'o', OPTION_TEXT, &s.output, "FILE", .group = "enroll",
     .help = "the new gallery, .npy or .csv (in place)", .more = "- is a .csv on standard output."},
    {"add", '\0', OPTION_FLAG, &s.adds, .help = "NAME may be there already"},
    {"ratio", '\0', OPTION_REAL, &s.ratio, "X", .least = 1, .most = 1e30, .group = "audit",
     .help = "how many times nearer looks wrong (1.5)",
     .more =
         "A picture is listed if it is so many times nearer to the mean of another class than to "
         "that of its own."},
    {"json", 'j', OPTION_FLAG, &s.as_json, .group = "Output", .help = "print one JSON object"},
    {"quiet", 'q', OPTION_FLAG, &s.is_quiet, .help = "no progress; only classify prints its answer",
     .more = "The other commands print errors only."},
    {"threads", 't', OPTION_COUNT, &s.n_threads, "N", .least = 1, .most = 1024, .group = "Limits",
     .help = "processors to use (all)", .more = "Their number never changes a result."},
    MODEL_LIMITS(s.limits),
};

static const entry command_texts[] = {
    {"eval", "accuracy, retrieval, verification, few-shot, confusions"},
    {"classify", "who is on each picture, and how sure"},
    {"enroll", "add a class from a few pictures, without training"},
    {"audit", "misplaced pictures, duplicates, leaks between splits"},
    {NULL, NULL}};

static const entry examples[] = {
    {"cl_knn eval runs/1", "validation against training"},
    {"cl_knn classify runs/1 inbox", "the class of each picture"},
    {"cl_knn enroll runs/1 Ada ada.png -o people.npy", "a gallery with a new class"},
    {NULL, NULL}};

static const entry files[] = {
    {"RUN", "A folder of cl_train: model.safetensors, features.npy and features.tsv are read."},
    {"NAME.npy, NAME.tsv; NAME.csv", "Galleries, as cl_features and enroll write them."},
    {NULL, NULL}};

static const command tool = {
    .name = "cl_knn",
    .usage = "cl_knn eval [OPTIONS] GALLERY [QUERY]\n"
             "       cl_knn classify [OPTIONS] GALLERY IMAGE|DIR...\n"
             "       cl_knn enroll [OPTIONS] GALLERY NAME IMAGE...\n"
             "       cl_knn audit [OPTIONS] GALLERY",
    .summary = "Finds the nearest neighbours among features, and measures what they are worth.",
    .arguments = "GALLERY|DIR",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .commands = command_texts,
    .needs_command = true,
    .examples = examples,
    .files = files,
    .about =
        "A GALLERY or QUERY is a run folder of cl_train, a .npy or .csv of features, or a folder "
        "with "
        "a sub-folder of images for each class (with --model, or beside a GALLERY that is a run). "
        "An "
        "IMAGE may be any of these.\n"
        "eval measures the accuracy of k-NN, retrieval, verification, few-shot and confusions. One "
        "set "
        "with train and val rows is measured val against train. Any other set, and a set against "
        "itself, is measured by leaving one out.\n"
        "classify prints a line per picture: its class, the distance to the nearest of that class, "
        "the "
        "margin by which any other class is farther, the share of the votes of the k neighbours, "
        "and the "
        "nearest files. If a model reads the pictures, head is the probability that its classifier "
        "gives "
        "to the class; - stands for a class that it was not trained on. --json has the votes of "
        "all "
        "classes, and the class that the head finds most likely.\n"
        "enroll adds a class from a few pictures, without training, and names the classes that are "
        "dangerously near.\n"
        "audit lists pictures that look misplaced, duplicates, and the same picture in two "
        "splits."};

typedef int work_function(knn *s, char *const *paths, size_t n_paths);

static const struct {
    const char *name;
    work_function *work;
} commands[] = {
    {"eval", knn_eval}, {"classify", knn_classify}, {"enroll", knn_enroll}, {"audit", knn_audit}};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

/* An option that the command would not read is a mistake, and is reported. */
static int check_options(work_function *work)
{
    const bool answers = work == knn_classify || work == knn_enroll;
    const struct {
        const char *name;
        bool is_given, is_read;
        const char *reason;
    } given[] = {
        {"query-split", s.query_split != NULL, work == knn_eval, "it is for eval"},
        {"report", s.report != NULL, work == knn_eval, "it is for eval"},
        {"pictures", s.pictures != NULL, work == knn_eval && s.report != NULL,
         "it is for eval --report"},
        {"svg", s.svg != NULL, work == knn_eval, "it is for eval"},
        {"output", s.output != NULL, work == knn_enroll, "it is for enroll"},
        {"add", s.adds, work == knn_enroll, "it is for enroll"},
        {"threshold", s.threshold >= 0, answers, "it is for classify and enroll"},
        {"far", s.far >= 0, answers, "it is for classify and enroll"},
        {"strangers", s.strangers != NULL, s.far >= 0, "it goes with --far"},
        {"far", s.far >= 0, s.threshold < 0, "--threshold is given already"},
    };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        if (!given[i].is_given || given[i].is_read) continue;
        return fail(&tool, EXIT_USAGE, "--%s has no use here: %s", given[i].name, given[i].reason);
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
        if (code == 0) code = check_inputs(&tool);
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
