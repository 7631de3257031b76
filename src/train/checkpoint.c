#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/exchange.h"
#include "base/instructions.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/random.h"
#include "data/dataset.h"
#include "loss/loss.h"
#include "train/model.h"
#include "train/state.h"

/* The number grows whenever the list of things that must be equal changes. */
static const char format_name[] = "centerloss checkpoint 2";

/* ---- what must be the same on both sides ---- */

/* The digest of the class names, and of the splits. */
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

static void add_fit_options(cen__entries *list, const cen_fit_options *o)
{
    const cen_augment none = cen_augment_init(), *a = o->augment != NULL ? o->augment : &none;
    cen__entry_count(list, "seed", o->seed);
    cen__entry_count(list, "shuffle", o->shuffle);
    cen__entry_count(list, "balance", o->balance);
    cen__entry_count(list, "images per class", o->per_class);
    cen__entry_number(list, "warm-up", o->warmup);
    cen__entry_count(list, "cosine schedule", o->cosine);
    cen__entry_count(list, "own learning rate", o->rate != NULL);
    cen__entry_number(list, "lambda warm-up", o->lambda_warmup);
    cen__entry_count(list, "k", o->k);
    cen__entry_number(list, "shift", a->shift);
    cen__entry_number(list, "rotation", a->rotation);
    cen__entry_number(list, "scale", a->scale);
    cen__entry_number(list, "brightness", a->brightness);
    cen__entry_number(list, "contrast", a->contrast);
    cen__entry_number(list, "erase", a->erase);
    cen__entry_count(list, "flip", a->flip);
}

static const char rows_count[] = "images", rows_list[] = "list of images",
                  rows_content[] = "content of images";

static void add_setup(cen__entries *list, const cen__checkpoint *checkpoint)
{
    cen__entry_count(list, rows_count, checkpoint->dataset->n);
    cen__entry_count(list, rows_list, hash_rows(checkpoint->dataset));
    cen__entry_count(list, rows_content, checkpoint->dataset->digest);
    cen__entries_add_trainer(list, checkpoint->trainer);
    add_fit_options(list, checkpoint->options);
}

/* Digests show only that something differs. */
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

/* ---- its position ---- */

enum { N_NAMED = 16 };

static void list_named(cen__progress *at, cen__trainer_state *state,
                       cen__named_number numbers[N_NAMED])
{
    const cen__named_number all[N_NAMED] = {
        {"at.epoch", &at->epoch, NULL},
        {"at.batch", &at->batch, NULL},
        {"at.n_steps", &at->n_steps, NULL},
        {"at.best_epoch", &at->best_epoch, NULL},
        {"at.best_knn", NULL, &at->best_knn},
        {"at.best_loss", NULL, &at->best_loss},
        {"at.lr", NULL, &at->lr},
        {"at.spread_before", NULL, &at->spread_before},
        {"at.total", NULL, &at->sums.total},
        {"at.softmax", NULL, &at->sums.first},
        {"at.center", NULL, &at->sums.center},
        {"at.accuracy", NULL, &at->sums.accuracy},
        {"at.lambda_sum", NULL, &at->sums.lambda},
        {"at.gradient_ratio", NULL, &at->sums.gradient_ratio},
        {"at.lambda", NULL, state->lambda},
        {"at.adam_steps", state->n_steps, NULL},
    };
    memcpy(numbers, all, sizeof all);
}

enum { N_TENSORS = CEN__STATE_TENSORS + 2 };

static void list_tensors(const cen__checkpoint *checkpoint, cen__named_tensor tensors[N_TENSORS])
{
    const cen_model *model = cen__trainer_model(checkpoint->trainer);
    cen__state_tensors(checkpoint->trainer, tensors);
    tensors[CEN__STATE_TENSORS] = cen__state_tensor("best", checkpoint->best, model->n_numbers);
    tensors[CEN__STATE_TENSORS + 1] =
        cen__state_tensor("centers_before", checkpoint->centers, model->info.n_center_parameters);
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
                             const cen__entries *list, cen_error *error)
{
    cen__string_pair pairs[CEN__MOST_ENTRIES];
    if (cen__entries_failed(list)) return cen__fail_memory(error, "a checkpoint");
    cen__entries_pairs(list, pairs);
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
    cen__named_number numbers[N_NAMED];
    cen__entries list = {.context = cen__trainer_model(checkpoint->trainer)->context};
    cen__text_add(cen__entry(&list, "format"), format_name);
    add_setup(&list, checkpoint);
    list_named(checkpoint->progress, &state, numbers);
    for (size_t i = 0; i < N_NAMED; i++) cen__named_write(&list, &numbers[i]);
    cen__entry_count(&list, "at.has_lambda", *state.is_begun);
    char machine[64];
    cen__machine_name(cen__trainer_model(checkpoint->trainer)->context, machine);
    cen__text_add(cen__entry(&list, "machine"), machine);
    list_tensors(checkpoint, tensors);
    cen__progress *at = checkpoint->progress;
    cen_status status =
        write_file(checkpoint->options->checkpoint, !at->is_newer_bad, tensors, &list, error);
    if (status == CEN_OK) at->is_newer_bad = false;
    cen__entries_free(&list);
    return status;
}

/* Everything is checked before anything changes. */
static cen_status take(const cen__checkpoint *checkpoint, const cen__safetensors *file,
                       cen_error *error)
{
    cen__trainer_state state = cen__trainer_state_of(checkpoint->trainer), read = state;
    cen__progress at = *checkpoint->progress;
    size_t n_steps = 0;
    double lambda = 0;
    cen__named_tensor tensors[N_TENSORS];
    cen__named_number numbers[N_NAMED];
    const char *begun = cen__safetensors_metadata(file, "at.has_lambda");
    list_tensors(checkpoint, tensors);
    bool good = begun != NULL && cen__state_check(file, checkpoint->trainer, tensors, N_TENSORS);
    read.n_steps = &n_steps;
    read.lambda = &lambda;
    list_named(&at, &read, numbers);
    for (size_t i = 0; i < N_NAMED && good; i++) good = cen__named_read(file, &numbers[i]);
    if (!good || at.epoch == 0 || !(lambda >= 0 && lambda < CEN__HUGE_RATE)) {
        return cen__fail(error, CEN_ERROR_FORMAT, "it does not hold all that a training needs");
    }
    *checkpoint->progress = at;
    *state.n_steps = n_steps;
    *state.lambda = lambda;
    *state.is_begun = strcmp(begun, "1") == 0;
    cen__state_take(file, tensors, N_TENSORS);
    cen__trainer_forget(checkpoint->trainer);
    return CEN_OK;
}

static cen_status check_format(const cen__safetensors *file, cen_error *error)
{
    const char *format = cen__safetensors_metadata(file, "format");
    const size_t n_kind = sizeof format_name - 2; /* without the number */
    if (format != NULL && strcmp(format, format_name) == 0) return CEN_OK;
    if (format != NULL && strncmp(format, format_name, n_kind) == 0) {
        return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                         "another version of the library has written it; resume with that version, "
                         "or begin a new training");
    }
    return cen__fail(error, CEN_ERROR_FORMAT, "its metadata do not say '%s'", format_name);
}

static cen_status read_file(cen_context *context, const cen__checkpoint *checkpoint,
                            const char *path, cen_error *error)
{
    cen__safetensors file;
    cen_status status = cen__safetensors_read(context, path, &file, error);
    if (status != CEN_OK) return status;
    cen__entries list = {.context = context};
    add_setup(&list, checkpoint);
    status = cen__entries_failed(&list) ? cen__fail_memory(error, "a checkpoint")
                                        : check_format(&file, error);
    if (status == CEN_OK) {
        const char *was;
        size_t i = cen__entries_compare(&list, &file, &was);
        if (i < list.n) {
            status =
                fail_setup(list.names[i], was != NULL ? was : "unknown", list.texts[i].data, error);
        }
    }
    if (status == CEN_OK) status = take(checkpoint, &file, error);
    const char *machine = cen__safetensors_metadata(&file, "machine");
    (void)snprintf(checkpoint->progress->machine, sizeof checkpoint->progress->machine, "%s",
                   machine != NULL ? machine : "unknown");
    cen__entries_free(&list);
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
    if (is_told) return status; /* the error of the newer one matters more */
    checkpoint->progress->is_newer_bad = other == CEN_OK;
    if (error != NULL) *(other == CEN_OK ? warning : error) = other == CEN_OK ? *error : second;
    return other;
}

cen_status cen__checkpoint_share(const cen__checkpoint *checkpoint, const cen_exchange *exchange,
                                 cen_error *error)
{
    const cen_context *context = cen__trainer_model(checkpoint->trainer)->context;
    cen__trainer_state state = cen__trainer_state_of(checkpoint->trainer);
    cen__progress *at = checkpoint->progress;
    struct {
        void *data;
        size_t size;
    } parts[] = {{at, sizeof *at},
                 {state.n_steps, sizeof *state.n_steps},
                 {state.lambda, sizeof *state.lambda},
                 {state.is_begun, sizeof *state.is_begun}};
    cen__named_tensor tensors[N_TENSORS];
    cen_status status = CEN_OK;
    list_tensors(checkpoint, tensors);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && status == CEN_OK; i++) {
        status = cen__exchange_first(exchange, context, parts[i].data, parts[i].size, error);
    }
    for (size_t i = 0; i < N_TENSORS && status == CEN_OK; i++) {
        cen_tensor *tensor = &tensors[i].tensor;
        status = cen__exchange_first(exchange, context, (float *)tensor->data,
                                     tensor->shape[0] * sizeof(float), error);
    }
    cen__trainer_forget(checkpoint->trainer);
    return status;
}
