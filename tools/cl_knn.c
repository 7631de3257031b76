/* cl_knn: search, classify and measure on features. */
#include <centerloss.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "knn.h"
#include "options.h"
#include "system.h"

static knn s = {.seed = 1, .metric = -1, .weights = -1, .threshold = -1, .far = -1, .ratio = 1.5};

const char *const knn_weights[] = {"uniform", "distance", "steep", NULL};

static const option options[] = {
    {"model", 'm', OPTION_TEXT, &s.model_path, "RUN|MODEL", .is_input = true, .group = "Neighbours",
     .help = "the model that turns pictures into features",
     .more =
         "The default is that of GALLERY. A .gallery names its model, and a run folder has one."},
    {"k", 'k', OPTION_COUNT, &s.k, "N", .least = 1, .most = 1e9,
     .help = "neighbours that vote (5, or all if fewer)"},
    {"metric", '\0', OPTION_CHOICE, &s.metric, "KIND", .choices = metric_names,
     .help = "distance: l2 or cosine (the run's choice)",
     .more = "cosine is 1 - the cosine of the angle between two features. The default is what "
             "cl_train chose for the run, or for the run of --model, else l2. A .gallery keeps its "
             "metric."},
    {"weights", '\0', OPTION_CHOICE, &s.weights, "KIND", .choices = knn_weights,
     .help = "how neighbours vote: uniform, distance or steep",
     .more = "uniform counts each neighbour 1, distance counts it 1 / distance, steep 1 / "
             "distance^16 (of cosine distances ^8). The default is steep for classify, uniform for "
             "eval."},
    {"gallery-split", '\0', OPTION_TEXT, &s.gallery_split, "SPLIT",
     .help = "use only these rows of the gallery",
     .more = "SPLIT is train, val, test, heldout or all."},
    {"threshold", '\0', OPTION_REAL, &s.threshold, "X", .most = 1e30, .group = "Strangers",
     .help = "farther neighbours do not count",
     .more =
         "classify: only neighbours within X vote, and a picture without any is \"unknown\". "
         "enroll: a class that is nearer than X is dangerously near. cluster: groups whose mean "
         "distance is at most X become one."},
    {"far", '\0', OPTION_REAL, &s.far, "X", .most = 1,
     .help = "the threshold that passes this share of strangers",
     .more = "For classify, enroll, calibrate (0.01) and cluster (0.005), which counts pairs of "
             "pictures."},
    {"strangers", '\0', OPTION_TEXT, &s.strangers, "SET", .is_input = true,
     .help = "calibrate on the classes of SET",
     .more =
         "Only classes that the gallery does not have count. By default each class of the gallery "
         "plays the stranger."},
    {"together", '\0', OPTION_FLAG, &s.is_together, .group = "classify",
     .help = "all pictures show one visitor: one answer"},
    {"claim", '\0', OPTION_TEXT, &s.claim, "NAME", .help = "is it NAME? The answer is yes or no",
     .more = "A .gallery that is calibrated has a threshold of its own for this question."},
    {"stream", '\0', OPTION_FLAG, &s.is_stream,
     .help = "paths come on standard input, one per line",
     .more = "Each line is answered at once by one line of JSON. A path that is no picture gets a "
             "line with \"error\", and the stream goes on."},
    {"frames", '\0', OPTION_FLAG, &s.has_frames,
     .help = "pictures come: 4 bytes of length, then the file",
     .more = "The length is big-endian and at most 2^28. Answers are those of --stream. Input that "
             "ends within a frame ends the program with an error."},
    {"add", '\0', OPTION_FLAG, &s.adds, .group = "Galleries",
     .help = "enroll, rename: NAME may be there already"},
    {"strict", '\0', OPTION_FLAG, &s.is_strict, .help = "write nothing if a picture is doubtful",
     .more =
         "A picture is doubtful if it is blurred, dark, without contrast or tiny, far from the "
         "others of its class, nearer to another class, or near a negative. Without --strict such "
         "pictures are only named."},
    {"negative", '\0', OPTION_FLAG, &s.is_negative, .help = "add: these pictures are not NAME",
     .more = "They are kept in the gallery, and pictures like them are not taken for NAME."},
    {"output", 'o', OPTION_TEXT, &s.output, "FILE",
     .help = "enroll: the new .gallery, .npy or .csv (in place)",
     .more = "- is a .csv on standard output. list: the rows that are no negatives with their "
             "features, "
             "as .npy, .csv, .fvecs, .faiss or .tsv. cluster: a table, if it ends in .csv or .tsv, "
             "else a new "
             "folder with copies of the pictures."},
    {"query-split", '\0', OPTION_TEXT, &s.query_split, "SPLIT", .group = "eval",
     .help = "use only these rows of the queries"},
    {"within", '\0', OPTION_TEXT, &s.within, "TEXT",
     .help = "draw the classes of an episode from one group",
     .more =
         "Classes whose names are the same up to this text are one group: __ for the letters of "
         "one alphabet in folders like Greek__alpha."},
    {"report", '\0', OPTION_TEXT, &s.report, "FILE.html", .help = "write a page to look at"},
    {"pictures", '\0', OPTION_ONCE, &s.pictures, "DIR", .is_input = true,
     .help = "the page shows pictures in this folder only",
     .more = "The default is the folder of the .npy, the .csv or the run."},
    {"svg", '\0', OPTION_TEXT, &s.svg, "DIR", .help = "write its plots as single files"},
    {"seed", '\0', OPTION_SEED, &s.seed, "N", .most = 1e18,
     .help = "seed of drawn episodes and pairs (1)"},
    {"ratio", '\0', OPTION_REAL, &s.ratio, "X", .most = 1e30, .group = "audit",
     .help = "how many times nearer looks wrong (1.5)",
     .more =
         "A picture is listed if it is so many times nearer to the mean of another class than to "
         "that of its own. 0 lists all pictures, the most doubtful first; use --json."},
    {"json", 'j', OPTION_FLAG, &s.as_json, .group = "Output", .help = "print one JSON object"},
    {"quiet", 'q', OPTION_FLAG, &s.is_quiet,
     .help = "no progress; only classify, list and info print",
     .more = "The other commands print errors only."},
    {"threads", 't', OPTION_COUNT, &s.n_threads, "N", .least = 1, .most = 1024, .group = "Limits",
     .help = "processors to use (all)", .more = "Their number never changes a result."},
    MODEL_LIMITS(s.limits),
};

typedef int work_function(knn *s, char *const *paths, size_t n_paths);

enum {
    CLASSIFY = 1 << 0,
    CALIBRATE = 1 << 1,
    SYNC = 1 << 2,
    ADD = 1 << 3,
    REMOVE = 1 << 4,
    RENAME = 1 << 5,
    LIST = 1 << 6,
    INFO = 1 << 7,
    ENROLL = 1 << 8,
    EVAL = 1 << 9,
    AUDIT = 1 << 10,
    CLUSTER = 1 << 11
};

static const struct {
    const char *name;
    work_function *work;
    unsigned bit;
} commands[] = {{"classify", knn_classify, CLASSIFY},
                {"calibrate", knn_calibrate_gallery, CALIBRATE},
                {"sync", knn_sync, SYNC},
                {"add", knn_add, ADD},
                {"remove", knn_remove, REMOVE},
                {"rename", knn_rename, RENAME},
                {"list", knn_list, LIST},
                {"info", knn_info, INFO},
                {"enroll", knn_enroll, ENROLL},
                {"eval", knn_eval, EVAL},
                {"audit", knn_audit, AUDIT},
                {"cluster", knn_cluster, CLUSTER}};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static const entry command_texts[] = {
    {"classify", "who is on each picture, and how sure"},
    {"calibrate", "how near is near enough; the .gallery keeps it"},
    {"sync", "make a .gallery hold the pictures of a folder"},
    {"add", "add pictures of one name"},
    {"remove", "remove a name or pictures"},
    {"rename", "give a name another name"},
    {"list", "the names, or the pictures of one"},
    {"info", "size, model and thresholds"},
    {"enroll", "add a name from a few pictures, and see who is too near"},
    {"eval", "accuracy, retrieval, verification, few-shot, confusions"},
    {"audit", "misplaced pictures, duplicates, leaks between splits"},
    {"cluster", "which of unknown pictures belong together"},
    {NULL, NULL}};

static const entry examples[] = {
    {"cl_knn eval runs/1", "validation against training"},
    {"cl_knn sync people.gallery photos -m runs/1", "a gallery of a folder"},
    {"cl_knn classify people.gallery inbox", "who is on each picture"},
    {NULL, NULL}};

static const entry files[] = {
    {"RUN", "A folder of cl_train: model.safetensors, features.npy and features.tsv are read."},
    {"NAME.gallery",
     "A gallery that can change: names, features, the model's path and thresholds."},
    {"NAME.npy, NAME.tsv; NAME.csv", "Features, as cl_features and enroll write them."},
    {NULL, NULL}};

static const command tool = {
    .name = "cl_knn",
    .usage = "cl_knn classify [OPTIONS] GALLERY IMAGE|DIR...\n"
             "       cl_knn calibrate [OPTIONS] GALLERY\n"
             "       cl_knn sync [OPTIONS] GALLERY FOLDER\n"
             "       cl_knn add [OPTIONS] GALLERY NAME IMAGE|DIR...\n"
             "       cl_knn remove [OPTIONS] GALLERY NAME|IMAGE...\n"
             "       cl_knn rename [OPTIONS] GALLERY OLD NEW\n"
             "       cl_knn list [OPTIONS] GALLERY [NAME]\n"
             "       cl_knn info [OPTIONS] GALLERY\n"
             "       cl_knn enroll [OPTIONS] GALLERY NAME IMAGE|DIR...\n"
             "       cl_knn eval [OPTIONS] GALLERY [QUERY]\n"
             "       cl_knn audit [OPTIONS] GALLERY\n"
             "       cl_knn cluster [OPTIONS] GALLERY|IMAGE|DIR...",
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
        "splits.\n"
        "cluster groups pictures whose classes nobody has named, and that the model need not know. "
        "The nearest groups become one as long as the mean distance of their pictures is within a "
        "threshold. It passes 0.5 % (--far; of more than 2,500 pictures less) of the pairs of one "
        "of these pictures and one of the training set, or of --strangers; or 10 %, if the groups "
        "are clearly better then, as with a few large classes. Groups are numbered by size. -o "
        "FILE.csv is a list that "
        "cl_train takes. -o FOLDER has a sub-folder for each group of two or more pictures; it "
        "must be "
        "new, equal names get a number, and a failure leaves it incomplete and says so. Classes, "
        "as "
        "of sub-folders, change no group: the summary says how well groups and classes agree."};

/* An option that the command would not read is a mistake, and is reported. */
static int check_options(unsigned bit)
{
    const unsigned pictures = CLASSIFY | SYNC | ADD | ENROLL | EVAL | AUDIT | CALIBRATE | CLUSTER;
    const struct {
        const char *name;
        bool is_given;
        unsigned readers;
        const char *reason;
    } given[] = {
        {"model", s.model_path != NULL, pictures, "this command reads no picture"},
        {"k", s.k > 0, CLASSIFY | EVAL, "it is for classify and eval"},
        {"weights", s.weights >= 0, CLASSIFY | EVAL, "it is for classify and eval"},
        {"gallery-split", s.gallery_split != NULL, CLASSIFY | ENROLL | EVAL | AUDIT | CLUSTER,
         "it is for classify, enroll, eval, audit and cluster"},
        {"together", s.is_together, s.is_stream || s.has_frames ? 0 : CLASSIFY,
         "it is for classify of pictures that are named"},
        {"claim", s.claim != NULL, CLASSIFY, "it is for classify"},
        {"stream", s.is_stream, s.has_frames ? 0 : CLASSIFY, "it is for classify without --frames"},
        {"frames", s.has_frames, CLASSIFY, "it is for classify"},
        {"query-split", s.query_split != NULL, EVAL, "it is for eval"},
        {"within", s.within != NULL, EVAL, "it is for eval"},
        {"report", s.report != NULL, EVAL, "it is for eval"},
        {"pictures", s.pictures != NULL, s.report != NULL ? EVAL : 0, "it is for eval --report"},
        {"svg", s.svg != NULL, EVAL, "it is for eval"},
        {"output", s.output != NULL, LIST | ENROLL | CLUSTER, "it is for list, enroll and cluster"},
        {"add", s.adds, ENROLL | RENAME, "it is for enroll and rename"},
        {"strict", s.is_strict, s.is_negative ? 0 : ADD | SYNC | ENROLL,
         "it is for add without --negative, sync and enroll"},
        {"negative", s.is_negative, ADD, "it is for add"},
        {"threshold", s.threshold >= 0, CLASSIFY | ENROLL | CLUSTER,
         "it is for classify, enroll and cluster"},
        {"far", s.far >= 0, CLASSIFY | ENROLL | CALIBRATE | CLUSTER,
         "it is for classify, enroll, calibrate and cluster"},
        {"strangers", s.strangers != NULL,
         CALIBRATE | (s.far >= 0 ? CLASSIFY | ENROLL : 0) | (s.threshold < 0 ? CLUSTER : 0),
         "it goes with --far"},
        {"far", s.far >= 0 && s.threshold >= 0, 0, "--threshold is given already"},
    };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        if (!given[i].is_given || (given[i].readers & bit) != 0) continue;
        return fail(&tool, EXIT_USAGE, "--%s has no use here: %s", given[i].name, given[i].reason);
    }
    if (s.far == 0 || s.far == 1) {
        return fail(&tool, EXIT_USAGE, "--far must lie between 0 and 1, as 0.01");
    }
    return 0;
}

static int fail_command(const char *given)
{
    size_t least = 3, nearest = N_COMMANDS;
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const size_t distance = word_distance(given, commands[i].name);
        if (distance >= least) continue;
        least = distance;
        nearest = i;
    }
    if (nearest < N_COMMANDS) {
        return fail(&tool, EXIT_USAGE, "%s: there is no such command; did you mean %s?", given,
                    commands[nearest].name);
    }
    return fail(&tool, EXIT_USAGE, "%s: there is no such command; cl_knn --help lists them", given);
}

static int work(int argc, char **argv)
{
    char *line = join_command(argc, argv);
    int n = parse_options(&tool, argc, argv), code = EXIT_USAGE;
    size_t which = 0;
    while (n > 0 && which < N_COMMANDS && strcmp(argv[0], commands[which].name) != 0) which++;
    if (n < 0) {
        code = parse_exit_code(n);
    } else if (n == 0) {
        (void)fail(&tool, EXIT_USAGE, "name a command, as classify; cl_knn --help lists them");
    } else if (which == N_COMMANDS) {
        code = fail_command(argv[0]);
    } else if (line == NULL) {
        code = fail(&tool, EXIT_FAILED, "not enough memory for the command line");
    } else {
        code = check_options(commands[which].bit);
        if (s.weights < 0) { /* after the check of what was given */
            s.weights = commands[which].bit == CLASSIFY ? CEN_WEIGHTS_STEEP : CEN_WEIGHTS_UNIFORM;
        }
        if (code == 0) code = check_inputs(&tool);
        if (code == 0) code = make_context(&tool, s.n_threads, &s.context);
        s.tool = &tool;
        s.command_line = line;
        /* Lines of progress would stand among the answers. */
        s.line = progress_start(s.as_json || s.is_quiet || terminal_width(stdout) == 0, stdout);
        if (code == 0) knn_learn_metric(&s, argv + 1, (size_t)n - 1);
        if (code == 0) code = commands[which].work(&s, argv + 1, (size_t)n - 1);
        cen_model_free(s.model);
        free(s.kept_model);
        cen_context_free(s.context);
    }
    free(line);
    return code;
}

int main(int argc, char **argv)
{
    return run_tool(&tool, work, argc, argv);
}
