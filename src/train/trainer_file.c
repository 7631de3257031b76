/* The state of a trainer in a file, for a loop that is written by hand. For cen_fit see checkpoint.c. */
#include <string.h>

#include "base/random.h"
#include "loss/loss.h"
#include "train/model.h"
#include "train/state.h"

static const char *const format_name = "centerloss trainer 1";

static void add_setup(cen__entries *list, cen_trainer *trainer)
{
    const cen_model_info *info = &cen__trainer_model(trainer)->info;
    uint64_t names = 0;
    for (size_t i = 0; i < info->n_classes; i++) {
        names = cen__substream(names, cen__hash_name(info->class_names[i]));
    }
    cen__entries_add_trainer(list, trainer);
    cen__entry_count(list, "names of classes", names);
}

/* The numbers of a state. */
typedef struct values {
    size_t n_steps;
    double lambda, lr;
    bool is_begun;
    uint64_t seed;
} values;

enum { N_NAMED = 3 };

static void list_named(values *v, cen__named_number numbers[N_NAMED])
{
    numbers[0] = (cen__named_number){"at.adam_steps", &v->n_steps, NULL};
    numbers[1] = (cen__named_number){"at.lambda", NULL, &v->lambda};
    numbers[2] = (cen__named_number){"at.lr", NULL, &v->lr};
}

cen_status cen_trainer_save(cen_trainer *trainer, const char *path, cen_error *error)
{
    cen__trainer_state state = cen__trainer_state_of(trainer);
    values v = {*state.n_steps, *state.lambda, *state.lr, *state.is_begun, *state.seed};
    cen__named_tensor tensors[CEN__STATE_TENSORS];
    cen__string_pair pairs[CEN__MOST_ENTRIES];
    cen__named_number numbers[N_NAMED];
    cen__entries list = {.context = cen__trainer_model(trainer)->context};
    cen_status status = cen__trainer_check(trainer, error);
    if (status != CEN_OK) return status;
    cen__text_add(cen__entry(&list, "format"), format_name);
    add_setup(&list, trainer);
    list_named(&v, numbers);
    for (size_t i = 0; i < N_NAMED; i++) cen__named_write(&list, &numbers[i]);
    cen__entry_count(&list, "at.has_lambda", v.is_begun);
    cen__entry_count(&list, "at.seed", v.seed);
    cen__state_tensors(trainer, tensors);
    if (cen__entries_failed(&list)) {
        status = cen__fail_memory(error, "the state of a trainer");
    } else {
        cen__entries_pairs(&list, pairs);
        status = cen__safetensors_write(list.context, path, tensors, CEN__STATE_TENSORS, pairs,
                                        list.n, error);
    }
    cen__entries_free(&list);
    return status;
}

static bool read_seed(const char *text, uint64_t *seed)
{
    *seed = 0;
    if (text == NULL || *text == '\0') return false;
    for (; *text != '\0'; text++) {
        uint64_t digit = (uint64_t)(unsigned char)*text - '0';
        if (digit > 9 || *seed > (UINT64_MAX - digit) / 10) return false;
        *seed = *seed * 10 + digit;
    }
    return true;
}

static bool read_values(const cen__safetensors *file, values *v)
{
    const char *begun = cen__safetensors_metadata(file, "at.has_lambda");
    cen__named_number numbers[N_NAMED];
    list_named(v, numbers);
    for (size_t i = 0; i < N_NAMED; i++) {
        if (!cen__named_read(file, &numbers[i])) return false;
    }
    if (begun == NULL || (strcmp(begun, "0") != 0 && strcmp(begun, "1") != 0)) return false;
    v->is_begun = begun[0] == '1';
    return v->lambda >= 0 && v->lambda < CEN__HUGE_RATE && v->lr >= 0 && v->lr < CEN__HUGE_RATE &&
           read_seed(cen__safetensors_metadata(file, "at.seed"), &v->seed);
}

/* Everything is checked before anything changes. */
static cen_status take(cen_trainer *trainer, const cen__safetensors *file, cen_error *error)
{
    cen__trainer_state state = cen__trainer_state_of(trainer);
    cen__named_tensor tensors[CEN__STATE_TENSORS];
    values v;
    cen__state_tensors(trainer, tensors);
    if (!cen__state_check(file, trainer, tensors, CEN__STATE_TENSORS) || !read_values(file, &v)) {
        return cen__fail(
            error, CEN_ERROR_FORMAT,
            "it does not hold all that a trainer needs, or a number that cannot be used");
    }
    cen__state_take(file, tensors, CEN__STATE_TENSORS);
    *state.n_steps = v.n_steps;
    *state.lambda = v.lambda;
    *state.is_begun = v.is_begun;
    *state.lr = v.lr;
    *state.seed = v.seed;
    cen__trainer_forget(trainer);
    return CEN_OK;
}

static cen_status check_setup(cen_trainer *trainer, const cen__safetensors *file, cen_error *error)
{
    const char *format = cen__safetensors_metadata(file, "format"), *was;
    cen__entries list = {.context = cen__trainer_model(trainer)->context};
    cen_status status = CEN_OK;
    add_setup(&list, trainer);
    if (cen__entries_failed(&list)) {
        status = cen__fail_memory(error, "the state of a trainer");
    } else if (format == NULL || strcmp(format, format_name) != 0) {
        status = cen__fail(error, CEN_ERROR_FORMAT, "its metadata do not say '%s'", format_name);
    } else {
        size_t i = cen__entries_compare(&list, file, &was);
        if (i < list.n) {
            status = cen__fail(error, CEN_ERROR_ARGUMENT,
                               "it was saved with %s %.200s, not %.200s; load it into a trainer "
                               "with the same options and net",
                               list.names[i], was != NULL ? was : "unknown", list.texts[i].data);
        }
    }
    cen__entries_free(&list);
    return status;
}

cen_status cen_trainer_load(cen_trainer *trainer, const char *path, size_t *n_steps,
                            cen_error *error)
{
    cen__safetensors file;
    cen_status status = cen__trainer_check(trainer, error);
    if (status == CEN_OK) {
        status = cen__safetensors_read(cen__trainer_model(trainer)->context, path, &file, error);
    }
    if (status != CEN_OK) return status;
    status = check_setup(trainer, &file, error);
    if (status == CEN_OK) status = take(trainer, &file, error);
    if (status == CEN_OK && n_steps != NULL) *n_steps = *cen__trainer_state_of(trainer).n_steps;
    cen__safetensors_free(&file);
    if (status == CEN_OK || status == CEN_ERROR_MEMORY || error == NULL) return status;
    return cen__fail(error, status, "%s: %s", path, error->message);
}
