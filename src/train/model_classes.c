/* Gives an existing model other classes. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "train/model.h"

typedef struct {
    const char *name;
    size_t row;
} named;

static int compare_names(const void *a, const void *b)
{
    const named *x = a, *y = b;
    const int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

cen_status cen__class_names_find(cen_context *context, char *const *among, size_t n_among,
                                 char *const *names, size_t n, size_t *rows, cen_error *error)
{
    named *sorted = cen__alloc(context, n_among, sizeof *sorted);
    if (sorted == NULL) return cen__fail_memory(error, "the class names");
    for (size_t i = 0; i < n_among; i++) sorted[i] = (named){among[i], i};
    if (n_among > 0) qsort(sorted, n_among, sizeof *sorted, compare_names);
    for (size_t i = 0; i < n; i++) {
        size_t low = 0, high = n_among;
        while (low < high) {
            const size_t middle = low + (high - low) / 2;
            if (strcmp(sorted[middle].name, names[i]) < 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        const bool is_there = low < n_among && strcmp(sorted[low].name, names[i]) == 0;
        rows[i] = is_there ? sorted[low].row : SIZE_MAX;
    }
    cen__free(sorted);
    return CEN_OK;
}

static cen_status take_rows(const cen_model *model, const size_t *from, size_t n, size_t *rows,
                            cen_error *error)
{
    for (size_t i = 0; i < n; i++) {
        rows[i] = from[i];
        if (from[i] == SIZE_MAX || from[i] < model->info.n_classes) continue;
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "class %zu is to take over row %zu, but the model has %zu classes; name one "
            "of them, or SIZE_MAX for none",
            i, from[i], model->info.n_classes);
    }
    return CEN_OK;
}

/* The row of a new class depends on its name and the seed, and not on the other classes. */
static void start_row(const cen_model *model, const char *name, size_t n, float *head,
                      float *center)
{
    const size_t d = model->info.feature_size;
    const uint64_t key = cen__hash_name(name);
    cen__uniform(head, d, cen__glorot_bound(d, n), model->seed,
                 cen__substream(cen__substream(CEN__STREAM_WEIGHTS, UINT64_MAX), key));
    cen__uniform(center, d, CEN__CENTER_BOUND, model->seed,
                 cen__substream(CEN__STREAM_CENTERS, key));
}

/* numbers: body, n rows of head, biases and centers, state. */
static void fill(const cen_model *model, char *const *names, size_t n, const size_t *rows,
                 float *numbers)
{
    const float *old = model->parameters;
    const size_t d = model->info.feature_size, n_body = model->head_weight;
    float *head = numbers + n_body, *bias = head + n * d, *centers = bias + n;
    memcpy(numbers, old, n_body * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        const size_t row = rows[i];
        bias[i] = row != SIZE_MAX ? old[model->head_bias + row] : 0;
        if (row == SIZE_MAX) {
            start_row(model, names[i], n, head + i * d, centers + i * d);
            continue;
        }
        memcpy(head + i * d, old + model->head_weight + row * d, d * sizeof(float));
        memcpy(centers + i * d, old + model->centers + row * d, d * sizeof(float));
    }
    memcpy(centers + n * d, cen__model_state(model), cen__model_n_state(model) * sizeof(float));
}

/* Moves the tensors to their places for n classes. */
static void lay_out(cen_model *model, size_t n)
{
    const size_t d = model->info.feature_size, n_states = cen__model_n_state(model);
    size_t offset = 0;
    for (size_t i = 0; i < model->n_tensors; i++) {
        cen__model_tensor *tensor = &model->tensors[i];
        if (strncmp(tensor->name, "body.", 5) != 0) {
            tensor->shape[0] = n;
            tensor->count = n * tensor->shape[1];
        }
        tensor->offset = offset;
        offset += tensor->count;
    }
    model->head_bias = model->head_weight + n * d;
    model->centers = model->head_bias + n;
    model->n_parameters = model->centers + n * d;
    model->n_numbers = model->n_parameters + n_states;
    model->info.n_parameters = model->centers;
    model->info.n_center_parameters = n * d;
}

static void take_over(cen_model *model, char **names, size_t n, float *numbers)
{
    cen__class_names_free(model->class_names, model->info.n_classes);
    cen__free(model->owned);
    model->class_names = names;
    model->owned = model->parameters = numbers;
    model->info.n_classes = n;
    model->info.class_names = (const char *const *)names;
    lay_out(model, n);
    model->n_changes++;
}

cen_status cen_model_set_classes(cen_model *model, size_t n, const char *const *names,
                                 const size_t *from, cen_error *error)
{
    const size_t d = model->info.feature_size;
    char **copies;
    cen_status status = cen__model_check_classes(&model->net, n, error);
    if (status != CEN_OK) return status;
    status = cen__class_names_copy(model->context, names, n, &copies, error);
    if (status != CEN_OK) return status;
    size_t *rows = cen__alloc(model->context, n, sizeof *rows);
    float *numbers =
        cen__alloc(model->context,
                   model->n_numbers - (model->n_parameters - model->head_weight) + n * (2 * d + 1),
                   sizeof *numbers);
    if (rows == NULL || numbers == NULL) {
        status = cen__fail_memory(error, "the model's parameters");
    } else {
        status = from != NULL
                     ? take_rows(model, from, n, rows, error)
                     : cen__class_names_find(model->context, model->class_names,
                                             model->info.n_classes, copies, n, rows, error);
    }
    if (status == CEN_OK) {
        fill(model, copies, n, rows, numbers);
        take_over(model, copies, n, numbers);
    } else {
        cen__class_names_free(copies, n);
        cen__free(numbers);
    }
    cen__free(rows);
    return status;
}
