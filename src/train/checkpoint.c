#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/instructions.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/random.h"
#include "data/dataset.h"
#include "format/safetensors.h"
#include "format/text.h"
#include "train/model.h"

static const char *const format_name = "centerloss checkpoint 1";

/* ---- what must be the same on both sides ---- */

/* Names and texts of all that decides what a training becomes, and of where it stands. */
enum { MOST_ENTRIES = 64 };

typedef struct entries {
    cen_context *context; /* for memory */
    const char *names[MOST_ENTRIES];
    cen__text texts[MOST_ENTRIES];
    size_t n;
} entries;

static cen__text *add(entries *list, const char *name)
{
    list->names[list->n] = name;
    list->texts[list->n].context = list->context;
    return &list->texts[list->n++];
}

static void add_number(entries *list, const char *name, double value)
{
    cen__text_add_double(add(list, name), value);
}

static void add_count(entries *list, const char *name, uint64_t value)
{
    cen__text_print(add(list, name), "%llu", (unsigned long long)value);
}

static void free_entries(entries *list)
{
    for (size_t i = 0; i < list->n; i++) cen__free(list->texts[i].data);
}

static bool has_failed(const entries *list)
{
    bool failed = false;
    for (size_t i = 0; i < list->n; i++) failed = failed || list->texts[i].failed;
    return failed;
}

/* Of names of classes, and of splits. */
static uint64_t hash_rows(const cen_dataset *dataset)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < dataset->n; i++) {
        const int32_t label = dataset->labels[i];
        char text[CEN__ROW_NAME];
        bool has_name = label >= 0 && (size_t)label < dataset->n_classes;
        const char *name = has_name ? cen__name_of_class(dataset, (size_t)label, text) : "";
        hash = cen__substream(hash, cen__hash_name(name));
        hash = cen__substream(hash, (uint64_t)cen__split_of(dataset, i));
    }
    return hash;
}

static void add_model(entries *list, const cen_model_info *info)
{
    const cen_input *input = &info->input;
    cen__text_add(add(list, "net"), info->net);
    cen__text_print(add(list, "input"), "%zux%zux%zu", input->channels, input->height,
                    input->width);
    add_count(list, "resize", (uint64_t)input->resize);
    cen__text *mean = add(list, "mean"), *std = add(list, "std");
    for (size_t c = 0; c < input->channels; c++) {
        cen__text_add(mean, c > 0 ? " " : "");
        cen__text_add_float(mean, input->mean[c]);
        cen__text_add(std, c > 0 ? " " : "");
        cen__text_add_float(std, input->std[c]);
    }
    add_count(list, "classes", info->n_classes);
}

static void add_train_options(entries *list, const cen_train_options *o)
{
    add_count(list, "loss", (uint64_t)o->loss);
    add_number(list, "margin", o->margin);
    add_number(list, "margin scale", o->margin_scale);
    add_number(list, "lambda", o->lambda);
    add_number(list, "lambda ratio", o->lambda_ratio);
    add_count(list, "center mode", (uint64_t)o->centers);
    add_number(list, "alpha", o->alpha);
    add_number(list, "learning rate", o->lr);
    add_number(list, "beta1", o->beta1);
    add_number(list, "beta2", o->beta2);
    add_number(list, "Adam's epsilon", o->adam_eps);
    add_number(list, "weight decay", o->weight_decay);
    add_number(list, "clip norm", o->clip_norm);
    add_number(list, "label smoothing", o->label_smoothing);
    add_count(list, "batch size", o->batch_size);
}

static void add_fit_options(entries *list, const cen_fit_options *o)
{
    const cen_augment *a = &o->augment;
    add_count(list, "seed", o->seed);
    add_count(list, "shuffle", o->shuffle);
    add_count(list, "balance", o->balance);
    add_count(list, "images per class", o->per_class);
    add_number(list, "warm-up", o->warmup);
    add_count(list, "cosine schedule", o->cosine);
    add_count(list, "own learning rate", o->rate != NULL);
    add_number(list, "lambda warm-up", o->lambda_warmup);
    add_count(list, "k", o->k);
    add_number(list, "shift", a->shift);
    add_number(list, "rotation", a->rotation);
    add_number(list, "scale", a->scale);
    add_number(list, "brightness", a->brightness);
    add_number(list, "contrast", a->contrast);
    add_number(list, "erase", a->erase);
    add_count(list, "flip", a->flip);
}

static const char rows_count[] = "images", rows_list[] = "list of images",
                  rows_content[] = "content of images";

static void add_setup(entries *list, const cen__checkpoint *checkpoint)
{
    add_count(list, rows_count, checkpoint->dataset->n);
    add_count(list, rows_list, hash_rows(checkpoint->dataset));
    add_count(list, rows_content, checkpoint->dataset->digest);
    add_train_options(list, cen__trainer_options(checkpoint->trainer));
    add_fit_options(list, checkpoint->options);
    add_model(list, &cen__trainer_model(checkpoint->trainer)->info);
}

/* Of digests only their difference can be named. */
static cen_status fail_setup(const char *name, const char *was, const char *is, cen_error *error)
{
    const char *remedy = "put them back as they were, or begin a new training";
    if (name == rows_count) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "this training was begun with %.200s images, and there are %.200s now; %s",
                         was, is, remedy);
    }
    if (name == rows_list) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "pictures were moved to another class or split, or classes renamed, since this "
            "training was begun; split them as then, and %s",
            remedy);
    }
    if (name == rows_content) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "pictures were exchanged, renamed or changed since this training was begun; %s",
            remedy);
    }
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "this training was begun with %s %.200s, not %.200s; resume it with the "
                     "same options and images, or begin a new one",
                     name, was, is);
}

static cen_status compare_setup(const cen__safetensors *file, const entries *list, cen_error *error)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *was = cen__safetensors_metadata(file, list->names[i]);
        if (was != NULL && strcmp(was, list->texts[i].data) == 0) continue;
        return fail_setup(list->names[i], was != NULL ? was : "unknown", list->texts[i].data,
                          error);
    }
    return CEN_OK;
}

#if defined(__clang__)
#define COMPILER "clang " NUMBER(__clang_major__)
#elif defined(__GNUC__)
#define COMPILER "gcc " NUMBER(__GNUC__)
#else
#define COMPILER "another compiler"
#endif
#define NUMBER(macro) TEXT(macro)
#define TEXT(number) #number

void cen__machine_name(const cen_context *context, char name[64])
{
    (void)snprintf(name, 64, "%s %s", COMPILER, cen__instructions_name(context->instructions));
}

/* ---- where it stands ---- */

/* The numbers of a training's state under their names. */
typedef struct place {
    const char *name;
    size_t *count;  /* either this */
    double *number; /* or that */
} place;

enum { N_PLACES = 16 };

static void list_places(cen__progress *at, cen__trainer_state *state, place places[N_PLACES])
{
    const place all[N_PLACES] = {
        {"at.epoch", &at->epoch, NULL},
        {"at.batch", &at->batch, NULL},
        {"at.n_steps", &at->n_steps, NULL},
        {"at.best_epoch", &at->best_epoch, NULL},
        {"at.best_knn", NULL, &at->best_knn},
        {"at.best_loss", NULL, &at->best_loss},
        {"at.lr", NULL, &at->lr},
        {"at.spread_before", NULL, &at->spread_before},
        {"at.total", NULL, &at->sums.total},
        {"at.softmax", NULL, &at->sums.softmax},
        {"at.center", NULL, &at->sums.center},
        {"at.accuracy", NULL, &at->sums.accuracy},
        {"at.lambda_sum", NULL, &at->sums.lambda},
        {"at.gradient_ratio", NULL, &at->sums.gradient_ratio},
        {"at.lambda", NULL, state->lambda},
        {"at.adam_steps", state->n_steps, NULL},
    };
    memcpy(places, all, sizeof all);
}

static bool read_place(const cen__safetensors *file, const place *to)
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

enum { N_TENSORS = 5 };

static void list_tensors(const cen__checkpoint *checkpoint, const cen__trainer_state *state,
                         cen__named_tensor tensors[N_TENSORS])
{
    const cen_model *model = cen__trainer_model(checkpoint->trainer);
    const struct {
        const char *name;
        float *data;
        size_t count;
    } all[N_TENSORS] = {
        {"now", model->parameters, model->n_numbers},
        {"best", checkpoint->best, model->n_numbers},
        {"centers_before", checkpoint->centers, model->info.n_center_parameters},
        {"adam.m", state->m, model->n_parameters},
        {"adam.v", state->v, model->n_parameters},
    };
    for (size_t i = 0; i < N_TENSORS; i++) {
        tensors[i] = (cen__named_tensor){
            all[i].name, {.n_dims = 1, .shape = {all[i].count}, .data = all[i].data}};
    }
}

/* ---- files ---- */

static char *previous_path(cen_context *context, const char *path)
{
    size_t size = strlen(path);
    char *previous = cen__alloc(context, size + sizeof ".previous", 1);
    if (previous == NULL) return NULL;
    memcpy(previous, path, size);
    memcpy(previous + size, ".previous", sizeof ".previous");
    return previous;
}

static cen_status write_file(const char *path, bool keeps_old, const cen__named_tensor *tensors,
                             const entries *list, cen_error *error)
{
    cen__string_pair pairs[MOST_ENTRIES];
    if (has_failed(list)) return cen__fail_memory(error, "a checkpoint");
    for (size_t i = 0; i < list->n; i++) {
        pairs[i] = (cen__string_pair){list->names[i], list->texts[i].data};
    }
    char *previous = previous_path(list->context, path);
    if (previous == NULL) return cen__fail_memory(error, "a path");
    cen_status status =
        cen__safetensors_write_beside(list->context, path, keeps_old ? previous : NULL, tensors,
                                      N_TENSORS, pairs, list->n, error);
    cen__free(previous);
    return status;
}

cen_status cen__checkpoint_write(const cen__checkpoint *checkpoint, cen_error *error)
{
    cen__trainer_state state = cen__trainer_state_of(checkpoint->trainer);
    cen__named_tensor tensors[N_TENSORS];
    place places[N_PLACES];
    entries list = {.context = cen__trainer_model(checkpoint->trainer)->context};
    cen__text_add(add(&list, "format"), format_name);
    add_setup(&list, checkpoint);
    list_places(checkpoint->progress, &state, places);
    for (size_t i = 0; i < N_PLACES; i++) {
        if (places[i].count != NULL) {
            add_count(&list, places[i].name, *places[i].count);
        } else {
            add_number(&list, places[i].name, *places[i].number);
        }
    }
    add_count(&list, "at.has_lambda", *state.is_begun);
    char machine[64];
    cen__machine_name(cen__trainer_model(checkpoint->trainer)->context, machine);
    cen__text_add(add(&list, "machine"), machine);
    list_tensors(checkpoint, &state, tensors);
    cen__progress *at = checkpoint->progress;
    cen_status status =
        write_file(checkpoint->options->checkpoint, !at->is_newer_bad, tensors, &list, error);
    if (status == CEN_OK) at->is_newer_bad = false;
    free_entries(&list);
    return status;
}

/* All is checked before anything is taken. */
static cen_status take(const cen__checkpoint *checkpoint, const cen__safetensors *file,
                       cen_error *error)
{
    cen__trainer_state state = cen__trainer_state_of(checkpoint->trainer);
    cen__named_tensor tensors[N_TENSORS];
    place places[N_PLACES];
    const char *begun = cen__safetensors_metadata(file, "at.has_lambda");
    bool good = begun != NULL;
    list_tensors(checkpoint, &state, tensors);
    for (size_t i = 0; i < N_TENSORS && good; i++) {
        const cen_tensor *found = cen__safetensors_find(file, tensors[i].name);
        good = found != NULL && found->n_dims == 1 && found->shape[0] == tensors[i].tensor.shape[0];
    }
    list_places(checkpoint->progress, &state, places);
    for (size_t i = 0; i < N_PLACES && good; i++) good = read_place(file, &places[i]);
    if (!good || checkpoint->progress->epoch == 0) {
        return cen__fail(error, CEN_ERROR_FORMAT, "it does not hold all that a training needs");
    }
    *state.is_begun = strcmp(begun, "1") == 0;
    for (size_t i = 0; i < N_TENSORS; i++) {
        memcpy(tensors[i].tensor.data, cen__safetensors_find(file, tensors[i].name)->data,
               tensors[i].tensor.shape[0] * sizeof(float));
    }
    return CEN_OK;
}

static cen_status read_file(cen_context *context, const cen__checkpoint *checkpoint,
                            const char *path, cen_error *error)
{
    cen__safetensors file;
    cen_status status = cen__safetensors_read(context, path, &file, error);
    if (status != CEN_OK) return status;
    const char *format = cen__safetensors_metadata(&file, "format");
    entries list = {.context = context};
    add_setup(&list, checkpoint);
    if (has_failed(&list)) {
        status = cen__fail_memory(error, "a checkpoint");
    } else if (format == NULL || strcmp(format, format_name) != 0) {
        status = cen__fail(error, CEN_ERROR_FORMAT, "its metadata do not say '%s'", format_name);
    } else {
        status = compare_setup(&file, &list, error);
    }
    if (status == CEN_OK) status = take(checkpoint, &file, error);
    const char *machine = cen__safetensors_metadata(&file, "machine");
    (void)snprintf(checkpoint->progress->machine, sizeof checkpoint->progress->machine, "%s",
                   machine != NULL ? machine : "unknown");
    free_entries(&list);
    cen__safetensors_free(&file);
    if (status == CEN_OK || status == CEN_ERROR_MEMORY || error == NULL) return status;
    return cen__fail(error, status, "%s: %s", path, error->message);
}

cen_status cen__checkpoint_read(const cen__checkpoint *checkpoint, cen_error *warning,
                                cen_error *error)
{
    *warning = (cen_error){CEN_OK, ""};
    cen_context *context = cen__trainer_model(checkpoint->trainer)->context;
    const char *path = checkpoint->options->checkpoint;
    cen_status status = read_file(context, checkpoint, path, error);
    if (status != CEN_ERROR_IO && status != CEN_ERROR_FORMAT) return status;
    char *previous = previous_path(context, path);
    if (previous == NULL) return cen__fail_memory(error, "a path");
    cen_error second;
    cen_status other = read_file(context, checkpoint, previous, &second);
    bool is_told = other == CEN_ERROR_FORMAT || cen__os_kind(previous) == CEN__NOTHING;
    cen__free(previous);
    if (is_told) return status; /* the newer one's matters more */
    checkpoint->progress->is_newer_bad = other == CEN_OK;
    if (error != NULL) *(other == CEN_OK ? warning : error) = other == CEN_OK ? *error : second;
    return other;
}
