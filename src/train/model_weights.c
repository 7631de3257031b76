/* Weights of another model, by the names of tensors and classes. */
#include <string.h>

#include "base/memory.h"
#include "format/safetensors.h"
#include "train/model.h"
#include "train/model_file.h"

/* Where weights come from. rows[n_classes of the model]: the file's row of each class, SIZE_MAX for a class that it does
 * not have; NULL if the file does not name its n_classes. */
typedef struct source {
    const cen__safetensors *file;
    const char *path;
    size_t n_classes, n_same, *rows;
} source;

static cen_status open_source(const cen_model *model, const cen__safetensors *file,
                              const char *path, source *from, cen_error *error)
{
    char **names;
    *from = (source){.file = file, .path = path};
    if (!cen__is_model_file(file)) return CEN_OK;
    cen_status status =
        cen__model_file_classes(model->context, file, &names, &from->n_classes, error);
    if (status != CEN_OK) return status;
    from->rows = cen__alloc(model->context, model->info.n_classes, sizeof *from->rows);
    status = from->rows == NULL
                 ? cen__fail_memory(error, "the class names")
                 : cen__class_names_find(model->context, names, from->n_classes, model->class_names,
                                         model->info.n_classes, from->rows, error);
    cen__class_names_free(names, from->n_classes);
    for (size_t i = 0; status == CEN_OK && i < model->info.n_classes; i++) {
        from->n_same += from->rows[i] != SIZE_MAX;
    }
    return status;
}

/* True if classes have rows in it: head and centers. */
static bool is_of_classes(const cen__model_tensor *tensor)
{
    return strncmp(tensor->name, "body.", 5) != 0;
}

/* NULL if the tensor stays as it is. All are checked before the first is copied. */
static cen_status find_tensor(const source *from, const cen__model_tensor *tensor,
                              const cen_tensor **found, cen_error *error)
{
    cen__model_tensor expected = *tensor;
    *found = cen__safetensors_find(from->file, tensor->name);
    if (*found == NULL) return CEN_OK;
    if (is_of_classes(tensor) && from->rows != NULL) {
        if (from->n_same == 0) *found = NULL;
        if (*found == NULL) return CEN_OK;
        expected.shape[0] = from->n_classes;
        expected.count = cen__tensor_count(*found);
    }
    bool is_same = cen__same_shape(&expected, *found);
    if (is_same && !cen__is_usable(&expected, (*found)->data)) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "%s: tensor '%s' holds a number that is not finite, or a variance below "
                         "0; use another file",
                         from->path, tensor->name);
    }
    if (!is_same && !is_of_classes(tensor)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "%s: tensor '%s' has another shape than this net's; use the net and the "
                         "input size that the file was made with",
                         from->path, tensor->name);
    }
    if (!is_same) *found = NULL;
    return CEN_OK;
}

static void copy_tensor(const source *from, cen_model *model, const cen__model_tensor *tensor,
                        const cen_tensor *found)
{
    float *to = model->parameters + tensor->offset;
    if (!is_of_classes(tensor) || from->rows == NULL) {
        memcpy(to, found->data, tensor->count * sizeof(float));
        return;
    }
    const size_t size = tensor->count / model->info.n_classes;
    for (size_t i = 0; i < model->info.n_classes; i++) {
        if (from->rows[i] == SIZE_MAX) continue;
        memcpy(to + i * size, found->data + from->rows[i] * size, size * sizeof(float));
    }
}

static cen_status take(cen_model *model, const source *from, size_t *n_taken, cen_error *error)
{
    size_t n = 0;
    const cen_tensor *found;
    for (size_t i = 0; i < model->n_tensors; i++) {
        cen_status status = find_tensor(from, &model->tensors[i], &found, error);
        if (status != CEN_OK) return status;
        n += found != NULL;
    }
    if (n == 0) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "%s: none of its tensors has a name and shape of this net (body.0.weight, ...)",
            from->path);
    }
    for (size_t i = 0; i < model->n_tensors; i++) {
        (void)find_tensor(from, &model->tensors[i], &found, NULL);
        if (found != NULL) copy_tensor(from, model, &model->tensors[i], found);
    }
    if (n_taken != NULL) *n_taken = n;
    return CEN_OK;
}

static cen_status load_weights(cen_model *model, const char *path, size_t *n_taken,
                               cen_error *error)
{
    cen__safetensors file;
    source from;
    cen_status status = cen__safetensors_read(model->context, path, &file, error);
    if (status != CEN_OK) return status;
    status = open_source(model, &file, path, &from, error);
    if (status == CEN_OK) status = take(model, &from, n_taken, error);
    cen__free(from.rows);
    cen__safetensors_free(&file);
    return status;
}

cen_status cen_model_load_weights(cen_model *model, const char *path, size_t *n_taken,
                                  cen_error *error)
{
    char *inner;
    cen_status status = cen__model_own(model, error);
    if (status == CEN_OK) status = cen__model_file_in(model->context, path, &inner, error);
    if (status != CEN_OK) return status;
    status = load_weights(model, inner != NULL ? inner : path, n_taken, error);
    cen__free(inner);
    return status;
}
