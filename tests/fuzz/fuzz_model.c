/* safetensors, as tensors and as a model; and the values of --init. */
#include "fuzz.h"

#include <string.h>

#include "format/safetensors.h"

/* As stated in tools/README.md. */
enum { MEMORY_FACTOR = 64, MEMORY_LEAST = 1 << 20 };

static void check_tensors(const char *path, size_t size)
{
    cen__safetensors file;
    cen_error error;
    cen_status status = cen__safetensors_read(NULL, path, &file, &error);
    fuzz_memory_most(MEMORY_LEAST + MEMORY_FACTOR * size);
    fuzz_check_error(status, &error);
    double sum = 0; /* every number is there */
    for (size_t i = 0; i < file.n_tensors; i++) {
        const cen_tensor *tensor = &file.tensors[i].tensor;
        FUZZ_CHECK(cen__safetensors_find(&file, file.tensors[i].name) == tensor);
        for (size_t k = 0; k < cen__tensor_count(tensor); k++) sum += (double)tensor->data[k];
    }
    FUZZ_CHECK(sum <= 0 || sum >= 0 || sum != sum);
    cen__safetensors_free(&file);
}

/* A model that is read, written and read again is the same. */
static void check_model(const char *path, size_t size)
{
    cen_model *model, *again;
    cen_error error;
    cen_status status = cen_model_load(NULL, &model, path, NULL, &error);
    fuzz_memory_most(MEMORY_LEAST + MEMORY_FACTOR * size);
    fuzz_check_error(status, &error);
    FUZZ_CHECK((status == CEN_OK) == (model != NULL));
    if (status != CEN_OK) return;
    FUZZ_CHECK(cen_model_save(model, "fuzz_once.safetensors", NULL) == CEN_OK);
    FUZZ_CHECK(cen_model_load(NULL, &again, "fuzz_once.safetensors", NULL, NULL) == CEN_OK);
    FUZZ_CHECK(cen_model_save(again, "fuzz_twice.safetensors", NULL) == CEN_OK);
    FUZZ_CHECK(fuzz_same_files("fuzz_once.safetensors", "fuzz_twice.safetensors"));
    cen_model_free(again);
    cen_model_free(model);
}

/* Bytes in memory are what they are in a file, also where they stay in place. */
static void check_memory(const char *path, const uint8_t *bytes, size_t size)
{
    cen_model *model, *of_file;
    cen_error error;
    const cen_status expected = cen_model_load(NULL, &of_file, path, NULL, NULL);
    for (int in_place = 0; in_place < 2; in_place++) {
        cen_status status =
            cen_model_load_memory(NULL, &model, bytes, size, in_place != 0, NULL, &error);
        fuzz_memory_most(MEMORY_LEAST + MEMORY_FACTOR * size);
        fuzz_check_error(status, &error);
        FUZZ_CHECK(status == expected && (status == CEN_OK) == (model != NULL));
        if (status != CEN_OK) continue;
        FUZZ_CHECK(cen_model_save(of_file, "fuzz_once.safetensors", NULL) == CEN_OK);
        FUZZ_CHECK(cen_model_save(model, "fuzz_twice.safetensors", NULL) == CEN_OK);
        FUZZ_CHECK(fuzz_same_files("fuzz_once.safetensors", "fuzz_twice.safetensors"));
        FUZZ_CHECK(cen_model_set_classes(model, 3, NULL, NULL, NULL) == CEN_OK);
        cen_model_free(model);
    }
    cen_model_free(of_file);
}

static void check_init(const char *path)
{
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    cen_error error;
    size_t n_taken;
    options.net = "conv 2 2x2, prelu, flatten, dense 3";
    options.input.height = options.input.width = 3;
    options.n_classes = 2;
    FUZZ_CHECK(cen_model_create(NULL, &model, &options, NULL) == CEN_OK);
    cen_status status = cen_model_load_weights(model, path, &n_taken, &error);
    fuzz_check_error(status, &error);
    FUZZ_CHECK(status != CEN_OK || n_taken > 0);
    cen_model_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char path[] = "fuzz_input.safetensors";
    fuzz_write(path, bytes, size);
    fuzz_memory_begin();
    check_tensors(path, size);
    check_model(path, size);
    check_memory(path, bytes, size);
    check_init(path);
    fuzz_memory_end();
    return 0;
}
