/* cl_export: a model in the form that another program reads. */
#include <centerloss_eval.h>

#include <stdio.h>
#include <string.h>

#include "options.h"
#include "system.h"

static const char *output;
static cen_onnx_options onnx;
static cen_model_limits limits;

static const option options[] = {
    {"output", 'o', OPTION_TEXT, &output, "FILE.onnx", .group = "Options",
     .help = "the file to write", .more = "- is standard output."},
    {"unit-length", '\0', OPTION_FLAG, &onnx.unit_length, .help = "scale features to length 1",
     .more = "The dot product of two features is then the cosine of their angle."},
    MODEL_LIMITS(limits),
};

static const entry examples[] = {
    {"cl_export runs/1 -o photos.onnx", "for ONNX Runtime or OpenCV"},
    {"cl_export --unit-length runs/1 -o unit.onnx", "features of length 1"},
    {"cl_export runs/1/model.safetensors -o - >copy.onnx", "on standard output"},
    {NULL, NULL}};

static const command tool = {
    .name = "cl_export",
    .usage = "cl_export [OPTIONS] MODEL -o FILE.onnx",
    .summary = "Writes a model for another program: pictures in, features out.",
    .arguments = "MODEL",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = examples,
    .about =
        "MODEL is a run folder of cl_train or a model file. The ONNX file takes pictures of the "
        "input's size as bytes [n, height, width, channels], named image, and gives feature "
        "[n, D]. Normalisation and the mirror image are inside. Resizing is not: resize "
        "as cl_features --info says.\n"
        "The metadata test_image (hexadecimal) and test_feature are a picture and the feature "
        "that it must have."};

static int export_model(cen_context *context, const char *path)
{
    cen_model *model;
    cen_error error;
    int code = load_model(&tool, context, path, limits, &model);
    if (code != 0) return code;
    onnx.size = sizeof onnx;
    if (cen_onnx_write(context, model, output, &onnx, &error) != CEN_OK) {
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
    const size_t size = strlen(output);
    if (strcmp(output, "-") != 0 && (size < 5 || strcmp(output + size - 5, ".onnx") != 0)) {
        return fail(&tool, EXIT_USAGE, "%s: its name does not tell the format; end it with .onnx",
                    output);
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
