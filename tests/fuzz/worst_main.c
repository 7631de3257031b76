/* What reading a file costs: for each "KIND PATH" on standard input a line "NANOSECONDS BYTES WIDTH HEIGHT SIZE
 * STATUS", of the processor's time, the most memory held at once, the picture (0 x 0 if it is none) and the file. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <centerloss_eval.h>

#include "../support/measured_memory.h"
#include "base/file.h"
#include "format/json.h"
#include "nn/net.h"

static long size_of(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return -1;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    (void)fclose(file);
    return size;
}

/* ---- one function a kind ---- */

static cen_status read_picture(const char *path)
{
    cen_image image;
    cen_image_options options = cen_image_options_init();
    options.channels = 3;
    cen_status status = cen_image_read(NULL, path, &options, &image, NULL);
    cen_image_free(&image);
    return status;
}

static cen_status read_features(const char *path)
{
    cen_feature_set set;
    cen_status status = cen_features_read(NULL, path, &set, NULL);
    if (status == CEN_OK) cen_features_free(&set);
    return status;
}

static cen_status read_model(const char *path)
{
    cen_model *model;
    cen_status status = cen_model_load(NULL, &model, path, NULL, NULL);
    if (status == CEN_OK) cen_model_free(model);
    return status;
}

static cen_status read_list(const char *path)
{
    cen_folder *folder;
    cen_context *context;
    cen_context_options one = cen_context_options_init();
    one.n_threads = 1; /* memory is counted without locks */
    cen_status status = cen_context_create(&context, &one, NULL);
    if (status != CEN_OK) return status;
    for (int unlabelled = 0; unlabelled < 2; unlabelled++) {
        cen_folder_options options = cen_folder_options_init();
        options.unlabelled = unlabelled;
        status = cen_folder_open(context, &folder, &path, 1, &options, NULL);
        if (status == CEN_OK) cen_folder_free(folder);
    }
    cen_context_free(context);
    return status;
}

static cen_status read_idx(const char *path)
{
    return cen_idx_unpack(NULL, path, path, NULL, 0, 1, "unpacked", NULL);
}

/* A text read whole, with a NUL at its end. */
static cen_status read_text(const char *path, char **text, size_t *size)
{
    uint8_t *bytes;
    cen_status status = cen__file_read(NULL, path, SIZE_MAX, &bytes, size, NULL);
    if (status != CEN_OK) return status;
    *text = (malloc)(*size + 1); /* not counted */
    if (*text != NULL) {
        memcpy(*text, bytes, *size);
        (*text)[*size] = '\0';
    }
    cen__free(bytes);
    memory_most = memory_held;
    return *text != NULL ? CEN_OK : CEN_ERROR_MEMORY;
}

static cen_status read_json(const char *path)
{
    char *text;
    size_t size;
    cen__json_document *document;
    cen_status status = read_text(path, &text, &size);
    if (status != CEN_OK) return status;
    status = cen__json_parse(NULL, text, size, &document, NULL);
    if (status == CEN_OK) cen__json_free(document);
    (free)(text);
    return status;
}

static cen_status read_net(const char *path)
{
    char *text;
    size_t size;
    cen__net net;
    cen_status status = read_text(path, &text, &size);
    if (status != CEN_OK) return status;
    status = cen__net_create(NULL, cen__kernels_of(cen__processor_instructions()), &net, text,
                             (cen__shape){3, 64, 64}, 0, NULL);
    if (status == CEN_OK) cen__net_free(&net);
    (free)(text);
    return status;
}

static const struct {
    const char *name;
    cen_status (*read)(const char *path);
} kinds[] = {{"features", read_features}, {"model", read_model}, {"list", read_list},
             {"idx", read_idx},           {"json", read_json},   {"net", read_net},
             {"picture", read_picture}};

int main(void)
{
    char kind[16], path[1024];
    while (scanf("%15s %1023[^\n]", kind, path) == 2) {
        size_t i = 0, n = sizeof kinds / sizeof *kinds;
        while (i + 1 < n && strcmp(kinds[i].name, kind) != 0) i++;
        cen_image size = {0};
        if (i + 1 == n) (void)cen_image_read_size(NULL, path, &size, NULL);
        size_t before = memory_most = memory_held;
        clock_t begin = clock();
        cen_status status = kinds[i].read(path);
        double took = (double)(clock() - begin) / CLOCKS_PER_SEC;
        printf("%.0f %zu %zu %zu %ld %s\n", took * 1e9, memory_most - before, size.width,
               size.height, size_of(path), cen_status_name(status));
        (void)fflush(stdout);
    }
    return 0;
}
