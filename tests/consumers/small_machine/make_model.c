/* Writes a model as a C array to standard output, for small_machine.c: 28 x 28 pixels to 32 numbers, with batch
 * statistics that are not those of a new model. */
#include <centerloss_eval.h>

#include <stdio.h>
#include <stdlib.h>

static const char net[] =
    "conv 8 3x3 pad 1, batchnorm, relu, maxpool 2, conv 16 3x3 stride 2, prelu, gap, flatten, "
    "dense 32, l2norm";

static int fail(const cen_error *error)
{
    (void)fprintf(stderr, "%s\n", error->message);
    return 1;
}

/* The running statistics come after the parameters. */
static void move_statistics(cen_model *model)
{
    cen_tensor view;
    const char *name;
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        if (strstr(name, "running") == NULL) continue;
        for (size_t j = 0; j < view.shape[0]; j++) view.data[j] += (float)(j + 1) / 16;
    }
}

int main(void)
{
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    cen_error error;
    size_t size;
    options.net = net;
    options.n_classes = 2;
    if (cen_model_create(NULL, &model, &options, &error) != CEN_OK) return fail(&error);
    move_statistics(model);
    if (cen_model_save_memory(model, NULL, 0, &size, &error) != CEN_OK) return fail(&error);
    unsigned char *bytes = malloc(size);
    if (bytes == NULL || cen_model_save_memory(model, bytes, size, &size, &error) != CEN_OK) {
        return fail(&error);
    }
    printf("enum { INPUT_COUNT = 784, FEATURE_COUNT = 32 };\n"
           "static const _Alignas(16) unsigned char model_bytes[] = {");
    for (size_t i = 0; i < size; i++) printf("%s%d,", i % 20 == 0 ? "\n    " : "", bytes[i]);
    printf("};\n");
    free(bytes);
    cen_model_free(model);
    return 0;
}
