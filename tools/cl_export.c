/* cl_export: a model in the form that another program reads. */
#include <centerloss_eval.h>

#include <stdio.h>
#include <string.h>

#include "options.h"
#include "system.h"

static const char *output;
static bool unit_length, half;
static const char *pictures;
static cen_model_limits limits;

static const option options[] = {
    {"output", 'o', OPTION_TEXT, &output, "FILE", .group = "Options",
     .help = "NAME.onnx or NAME.c: the file to write", .more = "- is ONNX on standard output."},
    {"unit-length", '\0', OPTION_FLAG, &unit_length, .help = "scale features to length 1",
     .more = "The dot product of two features is then the cosine of their angle."},
    {"half", '\0', OPTION_FLAG, &half, .help = "weights of 16 bits, in a C file",
     .more = "They take half the memory, and are computed with as 32 bits."},
    {"int8", '\0', OPTION_TEXT, &pictures, "FOLDER", .is_input = true,
     .help = "weights of 8 bits, in a C file; FOLDER calibrates",
     .more =
         "Layers compute in whole numbers, and what is between them takes a quarter of the memory. "
         "The pictures of FOLDER, up to 2000, should be like those of the training. Accuracy is "
         "printed before and after: the share of pictures whose nearest other one is of their "
         "class. If the median cosine of a feature before and after is under 0.99, no file is "
         "written."},
    MODEL_LIMITS(limits),
};

static const entry examples[] = {
    {"cl_export runs/1 -o photos.onnx", "for ONNX Runtime or OpenCV"},
    {"cl_export runs/1 -o photos.c", "for a microcontroller"},
    {"cl_export runs/1/model.safetensors -o - >copy.onnx", "on standard output"},
    {NULL, NULL}};

static const command tool = {
    .name = "cl_export",
    .usage = "cl_export [OPTIONS] MODEL -o FILE",
    .summary = "Writes a model for another program: pictures in, features out.",
    .arguments = "MODEL",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = examples,
    .about =
        "MODEL is a run folder of cl_train or a model file. The file takes pictures of the "
        "input's size as bytes, and gives features. Normalisation and the mirror image are "
        "inside. Resizing is not: resize as cl_features --info says.\n"
        "NAME.onnx takes pictures [n, height, width, channels], named image, and gives feature "
        "[n, D]. "
        "The metadata test_image (hexadecimal) and test_feature are a picture and the feature "
        "that it must have.\n"
        "NAME.c is one file of C99, which needs no library and allocates nothing. Its function "
        "NAME_feature(pixels, feature, work) computes the feature of one picture. The file says "
        "how many numbers of work it needs. Features have the same bits on every "
        "processor: those of cl_features with CEN_INSTRUCTIONS=baseline. "
        "\"cc -DNAME_MAIN NAME.c\" makes a program that checks the feature of a test picture "
        "and exits with 0 if it is right.",
};

/* True if the name of the file ends so. */
static bool ends_with(const char *ending)
{
    const size_t size = strlen(output), ending_size = strlen(ending);
    return size >= ending_size && strcmp(output + size - ending_size, ending) == 0;
}

/* Pictures of the size of the model's input. */
static cen_status open_pictures(cen_context *context, const cen_model *model, cen_folder **folder,
                                cen_error *error)
{
    cen_folder_options o = cen_folder_options_init();
    o.unlabelled = true;
    o.validation_share = 0;
    cen_status status = cen_folder_open(context, folder, &pictures, 1, &o, error);
    if (status != CEN_OK) return status;
    return cen_folder_load(*folder, &cen_model_get(model)->input, (size_t)1 << 30, NULL, NULL,
                           error);
}

static void print_quality(const cen_c_quality *quality)
{
    char text[64];
    printf("int8: median cosine %.4f on %s", quality->cosine, counted(quality->n, "picture", text));
    if (quality->before == quality->before) {
        printf(", accuracy %.2f %% before and %.2f %% after", 100 * quality->before,
               100 * quality->after);
    }
    printf("\n");
}

static cen_status write_c(cen_context *context, cen_model *model, cen_error *error)
{
    cen_c_options o = cen_c_options_init();
    cen_c_quality quality;
    cen_folder *folder = NULL;
    cen_status status = CEN_OK;
    o.unit_length = unit_length;
    if (half) o.bits = 16;
    if (pictures != NULL) {
        o.bits = 8;
        o.quality = &quality;
        status = open_pictures(context, model, &folder, error);
        if (status == CEN_OK) o.pictures = cen_folder_dataset(folder);
    }
    if (status == CEN_OK) status = cen_c_write(context, model, output, &o, error);
    if (status == CEN_OK && pictures != NULL) print_quality(&quality);
    cen_folder_free(folder);
    return status;
}

static cen_status write_model(cen_context *context, cen_model *model, cen_error *error)
{
    cen_onnx_options o = cen_onnx_options_init();
    if (ends_with(".c")) return write_c(context, model, error);
    o.unit_length = unit_length;
    return cen_onnx_write(context, model, output, &o, error);
}

static int export_model(cen_context *context, const char *path)
{
    cen_model *model;
    cen_error error;
    int code = load_model(&tool, context, path, limits, &model);
    if (code != 0) return code;
    if (write_model(context, model, &error) != CEN_OK) {
        code = fail(&tool, EXIT_FAILED, "%s", error.message);
    }
    cen_model_free(model);
    return code;
}

static int work(int argc, char **argv)
{
    int n = parse_options(&tool, argc, argv);
    if (n < 0) return parse_exit_code(n);
    if (n != 1 || output == NULL) {
        return fail(&tool, EXIT_USAGE, "name a model and a file, as: %s", examples[0].term);
    }
    if (strcmp(output, "-") != 0 && !ends_with(".onnx") && !ends_with(".c")) {
        return fail(&tool, EXIT_USAGE,
                    "%s: its name does not tell the format; end it with .onnx or .c", output);
    }
    if ((half || pictures != NULL) && !ends_with(".c")) {
        return fail(&tool, EXIT_USAGE, "%s is for a C file; end the name with .c",
                    half ? "--half" : "--int8");
    }
    if (half && pictures != NULL) {
        return fail(&tool, EXIT_USAGE, "--half and --int8 are two forms of weights; choose one");
    }
    cen_context *context = NULL;
    int code = make_context(&tool, 1, &context);
    if (code == 0) code = export_model(context, argv[0]);
    cen_context_free(context);
    return code;
}

int main(int argc, char **argv)
{
    return run_tool(&tool, work, argc, argv);
}
