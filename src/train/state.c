#include "train/state.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "train/model.h"

cen__text *cen__entry(cen__entries *list, const char *name)
{
    list->names[list->n] = name;
    list->texts[list->n].context = list->context;
    return &list->texts[list->n++];
}

void cen__entry_number(cen__entries *list, const char *name, double value)
{
    cen__text_add_double(cen__entry(list, name), value);
}

void cen__entry_count(cen__entries *list, const char *name, uint64_t value)
{
    cen__text_print(cen__entry(list, name), "%llu", (unsigned long long)value);
}

void cen__entries_free(cen__entries *list)
{
    for (size_t i = 0; i < list->n; i++) cen__free(list->texts[i].data);
}

bool cen__entries_failed(const cen__entries *list)
{
    bool failed = false;
    for (size_t i = 0; i < list->n; i++) failed = failed || list->texts[i].failed;
    return failed;
}

void cen__entries_pairs(const cen__entries *list, cen__string_pair *pairs)
{
    for (size_t i = 0; i < list->n; i++) {
        pairs[i] = (cen__string_pair){list->names[i], list->texts[i].data};
    }
}

/* ---- what must be the same on both sides ---- */

/* What older files do not have, and what they were made with. */
static const struct {
    const char *name, *was;
} newer[] = {{"number of shards", "1"},
             {"form of Adam", "0"},
             {"sampled classes", "0"},
             {"frozen layers", "0"},
             {"optimizer", "0"}};
enum { SHARDS, ADAM_FORM, SAMPLED, FROZEN, OPTIMIZER };

static void add_model(cen__entries *list, const cen_model_info *info)
{
    const cen_input *input = &info->input;
    cen__text_add(cen__entry(list, "net"), info->net);
    cen__text_print(cen__entry(list, "input"), "%zux%zux%zu", input->channels, input->height,
                    input->width);
    cen__entry_count(list, "resize", (uint64_t)input->resize);
    cen__text *mean = cen__entry(list, "mean"), *std = cen__entry(list, "std");
    for (size_t c = 0; c < input->channels; c++) {
        cen__text_add(mean, c > 0 ? " " : "");
        cen__text_add_float(mean, input->mean[c]);
        cen__text_add(std, c > 0 ? " " : "");
        cen__text_add_float(std, input->std[c]);
    }
    cen__entry_count(list, "classes", info->n_classes);
}

static void add_train_options(cen__entries *list, const cen_train_options *o)
{
    cen__entry_count(list, "loss", (uint64_t)o->loss);
    cen__entry_number(list, "margin", o->margin);
    cen__entry_number(list, "margin scale", o->margin_scale);
    cen__entry_number(list, "lambda", o->lambda);
    cen__entry_number(list, "lambda ratio", o->lambda_ratio);
    cen__entry_count(list, "center mode", (uint64_t)o->centers);
    cen__entry_number(list, "alpha", o->alpha);
    cen__entry_number(list, "learning rate", o->lr);
    cen__entry_number(list, "beta1", o->beta1);
    cen__entry_number(list, "beta2", o->beta2);
    cen__entry_number(list, "Adam's epsilon", o->adam_eps);
    cen__entry_number(list, "weight decay", o->weight_decay);
    cen__entry_number(list, "clip norm", o->clip_norm);
    cen__entry_number(list, "label smoothing", o->label_smoothing);
    cen__entry_count(list, "batch size", o->batch_size);
    cen__entry_count(list, newer[SHARDS].name, o->n_shards);
    cen__entry_count(list, newer[ADAM_FORM].name, (uint64_t)o->adam_form);
    cen__entry_count(list, newer[SAMPLED].name, o->n_sampled);
    cen__entry_count(list, newer[FROZEN].name, o->n_frozen);
    cen__entry_count(list, newer[OPTIMIZER].name, (uint64_t)o->optimizer);
}

void cen__entries_add_trainer(cen__entries *list, cen_trainer *trainer)
{
    add_train_options(list, cen__trainer_options(trainer));
    add_model(list, &cen__trainer_model(trainer)->info);
}

size_t cen__entries_compare(const cen__entries *list, const cen__safetensors *file,
                            const char **was)
{
    for (size_t i = 0; i < list->n; i++) {
        *was = cen__safetensors_metadata(file, list->names[i]);
        for (size_t k = 0; k < sizeof newer / sizeof *newer && *was == NULL; k++) {
            if (list->names[i] == newer[k].name) *was = newer[k].was;
        }
        if (*was == NULL || strcmp(*was, list->texts[i].data) != 0) return i;
    }
    return list->n;
}

/* ---- its position ---- */

void cen__named_write(cen__entries *list, const cen__named_number *from)
{
    if (from->count != NULL) {
        cen__entry_count(list, from->name, *from->count);
    } else {
        cen__entry_number(list, from->name, *from->number);
    }
}

bool cen__named_read(const cen__safetensors *file, const cen__named_number *to)
{
    const char *text = cen__safetensors_metadata(file, to->name);
    double value;
    if (text == NULL) return false;
    if (!cen__number_read(text, strlen(text), &value)) {
        if (to->number == NULL) return false;
        *to->number = strcmp(text, "inf") == 0 ? INFINITY : NAN;
        return true;
    }
    if (to->number != NULL) {
        *to->number = value;
        return true;
    }
    if (!(value >= 0 && value < 9007199254740992.0)) return false; /* 2^53 */
    *to->count = (size_t)value;
    return true;
}

cen__named_tensor cen__state_tensor(const char *name, float *data, size_t count)
{
    return (cen__named_tensor){name, {.n_dims = 1, .shape = {count}, .data = data}};
}

static const char now_name[] = "now", m_name[] = "adam.m", v_name[] = "adam.v";

void cen__state_tensors(cen_trainer *trainer, cen__named_tensor tensors[CEN__STATE_TENSORS])
{
    const cen_model *model = cen__trainer_model(trainer);
    const cen__trainer_state state = cen__trainer_state_of(trainer);
    tensors[0] = cen__state_tensor(now_name, model->parameters, model->n_numbers);
    tensors[1] = cen__state_tensor(m_name, state.m, model->n_parameters);
    tensors[2] = cen__state_tensor(v_name, state.v, model->n_parameters);
}

/* True if a training can continue with them. */
static bool are_usable(const cen__safetensors *file, const cen_model *model)
{
    const float *now = cen__safetensors_find(file, now_name)->data;
    const float *m = cen__safetensors_find(file, m_name)->data;
    const float *v = cen__safetensors_find(file, v_name)->data;
    for (size_t i = 0; i < model->n_tensors; i++) {
        if (!cen__is_usable(&model->tensors[i], now + model->tensors[i].offset)) return false;
    }
    for (size_t i = 0; i < model->n_parameters; i++) {
        if (!isfinite(m[i]) || !isfinite(v[i]) || v[i] < 0) return false;
    }
    return true;
}

bool cen__state_check(const cen__safetensors *file, cen_trainer *trainer,
                      const cen__named_tensor *tensors, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const cen_tensor *found = cen__safetensors_find(file, tensors[i].name);
        if (found == NULL || found->n_dims != 1 || found->shape[0] != tensors[i].tensor.shape[0]) {
            return false;
        }
    }
    return are_usable(file, cen__trainer_model(trainer));
}

void cen__state_take(const cen__safetensors *file, const cen__named_tensor *tensors, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(tensors[i].tensor.data, cen__safetensors_find(file, tensors[i].name)->data,
               tensors[i].tensor.shape[0] * sizeof(float));
    }
}
