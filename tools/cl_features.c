/* cl_features: features of any images with a trained model. */
#include <centerloss_eval.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "features_info.h"
#include "options.h"
#include "progress.h"

typedef struct settings {
    const char *output;
    size_t n_threads, max_pixels;
    cen_model_limits limits; /* 0: the default */
    int format;
    bool normalize, is_strict, exact_decode, is_quiet, wants_info, as_json;
} settings;

enum { FORMAT_BY_NAME = -1 };

static settings s = {.format = FORMAT_BY_NAME, .max_pixels = (size_t)1 << 28};

static const char *const formats[] = {"npy", "csv", "fvecs", "projector", "faiss", NULL};
static const char *const endings[] = {".npy", ".csv", ".fvecs", ".tsv", ".faiss", NULL};

static const option options[] = {
    {"output", 'o', OPTION_TEXT, &s.output, "FILE", .group = "Output",
     .help = "the file: .npy, .csv, .fvecs, .faiss or .tsv",
     .more = ".npy, .fvecs and .faiss get a .tsv beside them that names their rows. faiss reads a "
             ".faiss as an index. .tsv is for the projector "
             "of TensorBoard and gets a .metadata.tsv. - is standard output, as .csv."},
    {"format", 'f', OPTION_CHOICE, &s.format, "KIND", .choices = formats,
     .help = "npy, csv, fvecs, projector or faiss",
     .more = "It is needed only if the name of FILE does not tell."},
    {"normalize", 'n', OPTION_FLAG, &s.normalize, .help = "scale each feature to length 1"},
    {"info", '\0', OPTION_FLAG, &s.wants_info, .help = "print what a model is",
     .more = "Its net with the shapes and parameters of the layers, input, classes, and how it was "
             "trained."},
    {"json", 'j', OPTION_FLAG, &s.as_json, .help = "print that as one JSON object"},
    {"quiet", 'q', OPTION_FLAG, &s.is_quiet, .help = "print errors only"},
    {"strict", '\0', OPTION_FLAG, &s.is_strict, .group = "Images",
     .help = "fail if an image is broken; do not skip it"},
    {"exact-decode", '\0', OPTION_FLAG, &s.exact_decode, .help = "decode large JPEGs at full size",
     .more = "As cl_train --exact-decode."},
    {"max-pixels", '\0', OPTION_COUNT, &s.max_pixels, "N", .least = 1, .most = 1e15,
     .help = "refuse images of more pixels (268435456)"},
    {"threads", 't', OPTION_COUNT, &s.n_threads, "N", .least = 1, .most = 1024, .group = "Limits",
     .help = "processors to use (all)", .more = "Their number never changes a result."},
    MODEL_LIMITS(s.limits),
};

static const entry examples[] = {
    {"cl_features runs/1 photos -o features.npy", "features for NumPy"},
    {"cl_features --info runs/1", "what a model is"},
    {"find photos -name '*.png' | cl_features runs/1 - -o -", "names in, rows out"},
    {NULL, NULL}};

static const entry files[] = {
    {"RUN/model.safetensors", "The model that cl_train has written into a run folder."},
    {"NAME.npy, NAME.tsv",
     "The features as float32, and the path, label, class and split of each row."},
    {NULL, NULL}};

static const command tool = {
    .name = "cl_features",
    .usage = "cl_features [OPTIONS] RUN|MODEL DIR|FILE|LIST|-... -o FILE\n"
             "       cl_features --info [--json] RUN|MODEL",
    .summary = "Writes the feature of each image.",
    .arguments = "MODEL|DIR|FILE|LIST",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = examples,
    .files = files,
    .about =
        "cl_features runs a trained model on images and writes their features. RUN is a folder "
        "that cl_train made, MODEL a file of it. A DIR holds images, or one sub-folder per class. "
        "A LIST (.csv, .tsv, .txt) has rows path,label. - reads names from standard input, one "
        "per line.\n"
        "Rows come in the order of the arguments, those of a DIR sorted. A label is the place of "
        "a class among those of the model; new classes follow."};

static int format_of_name(const char *name)
{
    for (int i = 0; endings[i] != NULL; i++) {
        size_t size = strlen(name), ending = strlen(endings[i]);
        if (size > ending && strcmp(name + size - ending, endings[i]) == 0) return i;
    }
    return FORMAT_BY_NAME;
}

static int show(void *user, size_t done, size_t total)
{
    progress_images(user, "features", done, total);
    return 0;
}

/* ---- labels -------------------------------------------------------------------------------- */

typedef struct known_class {
    const char *name;
    int32_t label;
} known_class;

static int compare_classes(const void *a, const void *b)
{
    return strcmp(((const known_class *)a)->name, ((const known_class *)b)->name);
}

/* A class that the model knows has its label there, whatever its place in the folder; the others follow.
 * NULL without memory. */
static int32_t *match_labels(const cen_model_info *model, const cen_folder_info *info)
{
    size_t n_all = model->n_classes;
    size_t n_classes = info->n_classes + info->n_held_out;
    known_class *known = malloc((n_all + 1) * sizeof *known);
    int32_t *labels = malloc((n_classes + 1) * sizeof *labels);
    if (known == NULL || labels == NULL) {
        free(known);
        free(labels);
        return NULL;
    }
    for (size_t c = 0; c < model->n_classes; c++) {
        known[c] = (known_class){model->class_names[c], (int32_t)c};
    }
    qsort(known, model->n_classes, sizeof *known, compare_classes);
    for (size_t c = 0; c < n_classes; c++) {
        const known_class class = {info->class_names[c], 0};
        const known_class *found =
            bsearch(&class, known, model->n_classes, sizeof *known, compare_classes);
        labels[c] = found != NULL ? found->label : (int32_t)n_all++;
    }
    free(known);
    return labels;
}

/* ---- the work ------------------------------------------------------------------------------ */

/* rows[n]: places in the dataset. */
static cen_status write_rows(const cen_model *model, const cen_folder *folder, const size_t *rows,
                             size_t n, const float *features, cen_error *error)
{
    const cen_folder_info *info = cen_folder_get(folder);
    cen_feature_row *named = malloc((n + 1) * sizeof *named);
    int32_t *labels = match_labels(cen_model_get(model), info);
    cen_status status = CEN_ERROR_MEMORY;
    if (named == NULL || labels == NULL) {
        *error = (cen_error){status, "not enough memory for the list of images"};
    } else {
        for (size_t i = 0; i < n; i++) {
            const cen_folder_image *image = &info->images[rows[i]];
            bool has_class = image->label >= 0;
            named[i] = (cen_feature_row){image->path, has_class ? labels[image->label] : -1,
                                         has_class ? info->class_names[image->label] : NULL,
                                         info->has_own_split ? cen_split_name(image->split) : NULL};
        }
        status = cen_features_write(NULL, s.output, (cen_features_format)s.format, features, n,
                                    cen_model_get(model)->feature_size, named, error);
    }
    free(labels);
    free(named);
    return status;
}

/* *n: how many. */
static cen_status write_features(const cen_model *model, cen_folder *folder, size_t *n,
                                 cen_error *error)
{
    const size_t n_images = cen_folder_get(folder)->n_images;
    const size_t d = cen_model_get(model)->feature_size;
    progress line = progress_start(s.is_quiet, talk_beside(s.output));
    float *features = calloc(n_images, d * sizeof *features);
    size_t *rows = calloc(n_images, sizeof *rows);
    cen_status status = CEN_OK;
    if (features == NULL || rows == NULL) {
        status = CEN_ERROR_MEMORY;
        *error = (cen_error){status, "not enough memory for the features"};
    } else {
        status = folder_features(model, folder, s.is_strict, features, rows, n, show, &line, error);
    }
    progress_clear(&line);
    if (status == CEN_OK) {
        if (s.normalize) cen_features_normalize(features, *n, d);
        status = write_rows(model, folder, rows, *n, features, error);
    }
    free(rows);
    free(features);
    return status;
}

static int run(const cen_model *model, cen_folder *folder, cen_error *error)
{
    char a[64], b[64];
    size_t n;
    if (write_features(model, folder, &n, error) != CEN_OK) {
        return fail(&tool, EXIT_FAILED, "%s", error->message);
    }
    const cen_folder_info *info = cen_folder_get(folder);
    print_folder_notes(&tool, info);
    if (s.is_quiet) return 0;
    FILE *talk = talk_beside(s.output);
    print_names(talk, "%s: %s of %s", s.output, counted(n, "feature", a),
                counted(cen_model_get(model)->feature_size, "number", b));
    if (info->n_skipped > 0) {
        fprintf(talk, "; %s skipped, so rows count only the others",
                with_commas(info->n_skipped, a));
    }
    fputc('\n', talk);
    return 0;
}

/* The format of the file of features, and whether it can be written. */
static int check_output(void)
{
    cen_error error;
    if (s.format == FORMAT_BY_NAME) s.format = format_of_name(s.output);
    const bool is_streamed = talk_beside(s.output) == stderr;
    if (s.format == FORMAT_BY_NAME && is_streamed) s.format = CEN_FEATURES_CSV;
    if (s.format == FORMAT_BY_NAME) {
        return fail(&tool, EXIT_USAGE,
                    "%s: its name does not tell the format; end it with .npy, .csv, .fvecs, .faiss "
                    "or .tsv, "
                    "or add --format",
                    s.output);
    }
    if (s.format != CEN_FEATURES_CSV && is_streamed) {
        return fail(&tool, EXIT_USAGE,
                    "%s: standard output takes one file, and this format is two; add --format csv",
                    s.output);
    }
    if (cen_path_check_writable(NULL, s.output, &error) == CEN_OK) return 0;
    return fail(&tool, EXIT_FAILED, "%s", error.message);
}

static int check_command(int n_paths)
{
    if (s.wants_info) {
        if (n_paths == 1 && s.output == NULL) return 0;
        return fail(&tool, EXIT_USAGE, "--info takes one run or model, as: %s", examples[1].term);
    }
    if (s.as_json) {
        return fail(&tool, EXIT_USAGE, "--json has no use here; it goes with --info");
    }
    if (n_paths < 2 || s.output == NULL) {
        return fail(&tool, EXIT_USAGE, "name a run, images, and -o FILE, as: %s", examples[0].term);
    }
    return check_output();
}

static int run_on(cen_context *context, const cen_model *model, char *const *paths, size_t n_paths)
{
    cen_folder_options options_of_folder = cen_folder_options_init();
    options_of_folder.unlabelled = true;
    options_of_folder.lazy = true;
    options_of_folder.strict = s.is_strict;
    options_of_folder.exact_decode = s.exact_decode;
    options_of_folder.max_pixels = s.max_pixels;
    cen_error error;
    cen_folder *folder = NULL;
    int code = cen_folder_open(context, &folder, (const char *const *)paths, n_paths,
                               &options_of_folder, &error) == CEN_OK
                   ? run(model, folder, &error)
                   : fail(&tool, EXIT_FAILED, "%s", error.message);
    cen_folder_free(folder);
    return code;
}

static int work(int argc, char **argv)
{
    int n_paths = parse_options(&tool, argc, argv);
    if (n_paths < 0) return parse_exit_code(n_paths);
    cen_context *context;
    cen_model *model;
    int code = check_command(n_paths);
    if (code == 0) code = make_context(&tool, s.n_threads, &context);
    if (code != 0) return code;
    code = load_model(&tool, context, argv[0], s.limits, &model);
    if (code == 0) {
        code = s.wants_info ? features_info(&tool, model, argv[0], s.as_json)
                            : run_on(context, model, argv + 1, (size_t)n_paths - 1);
        cen_model_free(model);
    }
    cen_context_free(context);
    return code;
}

int main(int argc, char **argv)
{
    return run_tool(&tool, work, argc, argv);
}
