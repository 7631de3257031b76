/* cl_features --info: what a model is. */
#include "features_info.h"

#include <centerloss.h>

#include <stdio.h>
#include <string.h>

#include "progress.h"

/* What cl_train notes in a model. */
static const char *const notes[] = {"loss",       "lambda", "centers",  "alpha",     "epochs",
                                    "batch_size", "lr",     "adam_eps", "adam_form", "optimizer",
                                    "frozen",     "metric", "seed"};

enum { N_NOTES = sizeof notes / sizeof *notes };

static void print_classes(const cen_model_info *info)
{
    enum { MOST = 10 };
    char text[32];
    printf("classes   %s", with_commas(info->n_classes, text));
    for (size_t c = 0; c < info->n_classes && c < MOST; c++) {
        print_names(stdout, "%s %s", c == 0 ? ":" : ",", info->class_names[c]);
    }
    if (info->n_classes > MOST) printf(" and %s more", with_commas(info->n_classes - MOST, text));
    printf("\n");
}

static void print_lines(const cen_model *model, const char *path, size_t n_bytes)
{
    const cen_model_info *info = cen_model_get(model);
    char text[32];
    print_names(stdout, "model     %s: %s\n", path, counted(n_bytes, "byte", text));
    print_model(model);
    printf("resize    %s\n", info->input.resize == CEN_RESIZE_CROP
                                 ? "crop: the shorter side to that of the input, then its center"
                                 : "stretch: both sides to those of the input");
    printf("feature   %s, ", counted(info->feature_size, "number", text));
    if (info->work < 4e9) {
        printf("%s multiply-adds per image\n", with_commas((size_t)info->work, text));
    } else {
        printf("%.3g multiply-adds per image\n", info->work);
    }
    print_classes(info);
    const char *link = "trained   ";
    for (size_t i = 0; i < N_NOTES; i++) {
        const char *value = cen_model_note(model, notes[i]);
        if (value == NULL) continue;
        print_names(stdout, "%s%s %s", link, notes[i], value);
        link = ", ";
    }
    printf(link[0] == ',' ? "\n" : "trained   not by cl_train: the file has no notes of it\n");
    print_names(stdout, "line      %s\n", info->net);
}

static void print_floats(const char *name, const float *values, size_t n)
{
    printf(", \"%s\": [", name);
    for (size_t i = 0; i < n; i++) printf("%s%.9g", i > 0 ? ", " : "", (double)values[i]);
    printf("]");
}

static void json_layers(const cen_model_info *info)
{
    printf(", \"layers\": [");
    for (size_t i = 0; i < info->n_layers; i++) {
        const cen_layer_info *layer = &info->layers[i];
        printf("%s{\"place\": ", i > 0 ? ", " : "");
        print_json_string(stdout, layer->place);
        printf(", \"text\": ");
        print_json_string(stdout, layer->text);
        printf(", \"channels\": %zu, \"height\": %zu, \"width\": %zu, \"n_parameters\": %zu}",
               layer->channels, layer->height, layer->width, layer->n_parameters);
    }
    printf("]");
}

static void json_notes(const cen_model *model)
{
    bool is_first = true;
    printf(", \"trained\": {");
    for (size_t i = 0; i < N_NOTES; i++) {
        const char *value = cen_model_note(model, notes[i]);
        if (value == NULL) continue;
        printf("%s\"%s\": ", is_first ? "" : ", ", notes[i]);
        print_json_string(stdout, value);
        is_first = false;
    }
    printf("}");
}

static void print_json(const cen_model *model, const char *path, size_t n_bytes)
{
    const cen_model_info *info = cen_model_get(model);
    const cen_input *input = &info->input;
    printf("{\"model\": ");
    print_json_string(stdout, path);
    printf(", \"n_bytes\": %zu, \"net\": ", n_bytes);
    print_json_string(stdout, info->net);
    json_layers(info);
    printf(", \"n_parameters\": %zu, \"n_center_parameters\": %zu, \"multiply_adds\": %.17g",
           info->n_parameters, info->n_center_parameters, info->work);
    printf(", \"input\": {\"channels\": %zu, \"height\": %zu, \"width\": %zu, \"resize\": \"%s\"",
           input->channels, input->height, input->width,
           input->resize == CEN_RESIZE_CROP ? "crop" : "stretch");
    print_floats("mean", input->mean, input->channels);
    print_floats("std", input->std, input->channels);
    printf(", \"mirror\": %s}, \"feature_size\": %zu, \"classes\": [",
           info->mirror ? "true" : "false", info->feature_size);
    for (size_t c = 0; c < info->n_classes; c++) {
        if (c > 0) printf(", ");
        print_json_string(stdout, info->class_names[c]);
    }
    printf("]");
    json_notes(model);
    printf("}\n");
}

int features_info(const command *tool, const cen_model *model, const char *path, bool as_json)
{
    cen_error error;
    size_t n_bytes;
    if (cen_model_save_memory(model, NULL, 0, &n_bytes, &error) != CEN_OK) {
        return fail(tool, EXIT_FAILED, "%s: %s", path, error.message);
    }
    if (as_json) {
        print_json(model, path, n_bytes);
    } else {
        print_lines(model, path, n_bytes);
    }
    return 0;
}
