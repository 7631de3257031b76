#include <centerloss_eval.h>

#include "data/folder.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checks.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/context.h"
#include "base/exchange.h"
#include "base/random.h"
#include "image/image.h"

enum {
    TEXT_BLOCK_SIZE = 1 << 16,
    PROBE_BLOCK = 256, /* files probed together; bounds the memory for their errors */
    KIND_SIZE = 64,    /* bytes that decide whether a file is an image */
    DIGEST_MOST = 1 << 30
};

struct cen__text_block {
    cen__text_block *next;
    char text[];
};

const char *cen__folder_keep(cen_folder *folder, const char *string)
{
    size_t size = strlen(string) + 1;
    if (size > folder->text_size - folder->text_used) {
        size_t room = size > TEXT_BLOCK_SIZE ? size : TEXT_BLOCK_SIZE;
        cen__text_block *block = cen__alloc(folder->context, 1, sizeof *block + room);
        if (block == NULL) return NULL;
        block->next = folder->text;
        folder->text = block;
        folder->text_size = room;
        folder->text_used = 0;
    }
    char *copy = folder->text->text + folder->text_used;
    memcpy(copy, string, size);
    folder->text_used += size;
    return copy;
}

/* Appends to a list. A reason of NULL means that there was no memory for it. */
static cen_status add_note(cen_context *context, cen_file_note **notes, size_t *capacity, size_t *n,
                           const char *path, const char *reason, cen_error *error)
{
    if (reason == NULL || !cen__grow(context, notes, capacity, *n + 1, sizeof **notes)) {
        return cen__fail_memory(error, "the list of broken images");
    }
    (*notes)[(*n)++] = (cen_file_note){path, reason};
    return CEN_OK;
}

/* Removes the path from a reason, which is printed beside its path. Messages have ? for bytes of a path that
 * are no text. */
static const char *behind_path(const char *message, const char *path)
{
    const char *at = message;
    for (; *path != '\0' && (*at == *path || *at == '?'); path++) at++;
    return *path == '\0' && strncmp(at, ": ", 2) == 0 ? at + 2 : message;
}

cen_status cen__folder_skip(cen_folder *folder, const char *path, const cen_error *why,
                            cen_error *error)
{
    if (folder->options.strict || why->status == CEN_ERROR_MEMORY) {
        return cen__fail(error, why->status, "%s", why->message);
    }
    const char *reason = cen__folder_keep(folder, behind_path(why->message, path));
    cen_status status = add_note(folder->context, &folder->skipped, &folder->skipped_capacity,
                                 &folder->info.n_skipped, path, reason, error);
    folder->info.skipped = folder->skipped;
    return status;
}

cen_status cen__folder_remark(cen_folder *folder, const char *path, cen_error *error,
                              const char *format, ...)
{
    char text[512];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    const char *reason = cen__folder_keep(folder, text);
    cen_status status = add_note(folder->context, &folder->remarks, &folder->remarks_capacity,
                                 &folder->info.n_remarks, path, reason, error);
    folder->info.remarks = folder->remarks;
    return status;
}

cen_status cen__folder_warn(cen_folder *folder, const char *path, const char *warning,
                            cen_error *error)
{
    if (folder->options.strict) {
        return cen__fail(error, CEN_ERROR_FORMAT, "%s: %s", path, warning);
    }
    cen_status status = add_note(folder->context, &folder->damaged, &folder->damaged_capacity,
                                 &folder->info.n_damaged, path, warning, error);
    folder->info.damaged = folder->damaged;
    return status;
}

/* ---- images and other files ---------------------------------------------------------------- */

typedef enum { PASSED_OVER, BROKEN, USABLE } verdict;

typedef struct {
    verdict verdict;
    cen_image header;
    uint8_t digest[CEN_DIGEST_SIZE];
    cen_error why; /* of broken files */
} probed;

typedef struct {
    const cen_folder *folder;
    const cen__candidate *candidates;
    probed *results;
} probe_block;

/* A file whose header cannot be read is a broken image if its name or its bytes claim to be an image. */
static verdict judge(cen_context *context, const cen__candidate *candidate, cen_error *why)
{
    const char *path = candidate->image.path;
    if (why->status == CEN_ERROR_MEMORY || candidate->is_named) return BROKEN;
    if (cen__has_image_ending(path)) return BROKEN;
    uint8_t *bytes;
    size_t size;
    cen_error other;
    cen_status status = cen__file_read_start(context, path, KIND_SIZE, &bytes, &size, &other);
    if (status == CEN_ERROR_MEMORY) {
        *why = other;
        return BROKEN;
    }
    bool is_image = status == CEN_OK && cen__image_is_image(bytes, size);
    cen__free(bytes);
    return is_image ? BROKEN : PASSED_OVER;
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, CEN_DIGEST_SIZE);
}

/* True if the caller knows an image with these bytes already. */
static bool is_known(const cen_folder_options *options, const uint8_t *digest)
{
    return options->n_known > 0 && bsearch(digest, options->known, options->n_known,
                                           sizeof *options->known, compare_digests) != NULL;
}

static void probe(void *data, size_t task, int worker)
{
    const probe_block *block = data;
    const cen_folder *folder = block->folder;
    const cen__candidate *candidate = &block->candidates[task];
    const char *path = candidate->image.path;
    probed *result = &block->results[task];
    cen_status status = CEN_OK;
    (void)worker;
    memset(&result->header, 0, sizeof result->header);
    memset(result->digest, 0, sizeof result->digest);
    if (folder->options.digests) {
        status = cen__file_digest(path, DIGEST_MOST, result->digest, &result->why);
    }
    if (status == CEN_OK && !is_known(&folder->options, result->digest)) {
        status = cen_image_read_size(folder->context, path, &result->header, &result->why);
    }
    result->verdict = status == CEN_OK ? USABLE : judge(folder->context, candidate, &result->why);
}

static cen_status skip_unknown_class(cen_folder *folder, const char *path, const char *name,
                                     cen_error *error)
{
    cen_error why;
    (void)cen__fail(&why, CEN_ERROR_ARGUMENT, "%s: its class \"%.100s\" is not in train", path,
                    name);
    return cen__folder_skip(folder, path, &why, error);
}

static cen_status accept(cen_folder *folder, cen__found *found, const cen__candidate *candidate,
                         const probed *result, cen_error *error)
{
    cen_folder_image image = candidate->image;
    cen__class_folder *class_folder =
        candidate->class_folder != SIZE_MAX ? &found->classes[candidate->class_folder] : NULL;
    if (class_folder != NULL) {
        class_folder->n_files++;
        class_folder->n_pictures += result->verdict != PASSED_OVER;
    }
    if (result->verdict == PASSED_OVER) {
        folder->info.n_passed_over++;
        return CEN_OK;
    }
    if (result->verdict == BROKEN) {
        return cen__folder_skip(folder, image.path, &result->why, error);
    }
    if (image.label < 0 && class_folder != NULL) {
        return skip_unknown_class(folder, image.path, class_folder->name, error);
    }
    size_t n = folder->info.n_images;
    if (!cen__grow(folder->context, &folder->images, &folder->images_capacity, n + 1,
                   sizeof *folder->images)) {
        return cen__fail_memory(error, "the list of images");
    }
    image.width = result->header.width;
    image.height = result->header.height;
    image.channels = result->header.channels;
    memcpy(image.digest, result->digest, sizeof image.digest);
    folder->images[n] = image;
    folder->info.images = folder->images;
    folder->info.n_images++;
    return CEN_OK;
}

static cen_status probe_all(cen_folder *folder, cen__found *found, cen_error *error)
{
    probed *results = cen__alloc(folder->context, PROBE_BLOCK, sizeof *results);
    if (results == NULL) return cen__fail_memory(error, "the headers of images");
    cen_status status = CEN_OK;
    for (size_t begin = 0; begin < found->n && status == CEN_OK; begin += PROBE_BLOCK) {
        size_t n = found->n - begin < PROBE_BLOCK ? found->n - begin : PROBE_BLOCK;
        probe_block block = {folder, found->items + begin, results};
        cen__parallel(folder->context, n, CEN__MUCH_WORK, probe, &block);
        for (size_t i = 0; i < n && status == CEN_OK; i++) {
            status = accept(folder, found, &block.candidates[i], &results[i], error);
        }
    }
    cen__free(results);
    return status;
}

/* ---- the split ---------------------------------------------------------------------------- */

static int compare_images(const void *a, const void *b)
{
    return cen__compare_images(a, b);
}

/* Held-out classes measure, too. So a class that is trained and has few images keeps them all. */
enum { LEAST_VALIDATED = 5 };

size_t cen__folder_validation_count(const cen_folder *folder, size_t n)
{
    if (folder->info.n_held_out > 0 && n < LEAST_VALIDATED) return 0;
    return cen__validation_count(folder->options.validation_share, n);
}

/* Moves a share of each class from train to validation. */
static cen_status draw_images(cen_folder *folder, size_t n_train, cen_error *error)
{
    cen_folder_image *images = folder->images;
    size_t *drawn = cen__alloc(folder->context, n_train, sizeof *drawn);
    if (drawn == NULL) return cen__fail_memory(error, "the validation split");
    for (size_t begin = 0, end; begin < n_train; begin = end) {
        int32_t label = images[begin].label;
        for (end = begin; end < n_train && images[end].label == label; end++) {
            drawn[end - begin] = end;
        }
        uint64_t stream =
            cen__substream(CEN__STREAM_SPLIT, cen__hash_name(folder->class_names[label]));
        cen__shuffle(drawn, end - begin, folder->options.seed, stream);
        size_t count = cen__folder_validation_count(folder, end - begin);
        for (size_t i = 0; i < count; i++) images[drawn[i]].split = CEN_SPLIT_VALIDATION;
    }
    cen__free(drawn);
    return CEN_OK;
}

static cen_status draw_validation(cen_folder *folder, cen_error *error)
{
    cen_folder_image *images = folder->images;
    size_t n_train = 0;
    while (n_train < folder->info.n_images && images[n_train].split == CEN_SPLIT_TRAIN) n_train++;
    cen_status status = folder->options.group != NULL ? cen__group_draw(folder, n_train, error)
                                                      : draw_images(folder, n_train, error);
    qsort(images, folder->info.n_images, sizeof *images, compare_images);
    return status;
}

/* ---- public -------------------------------------------------------------------------------- */

/* Refuses a validation folder in which no class is known. */
static cen_status check_validation(const cen_folder *folder, cen_error *error)
{
    size_t n = 0;
    for (size_t i = 0; i < folder->info.n_images; i++) {
        n += folder->images[i].split == CEN_SPLIT_VALIDATION;
    }
    if (n > 0 || folder->options.validation == NULL) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%s: no image of it can be used to validate; name its classes as those to "
                     "train on",
                     folder->options.validation);
}

static cen_status fill(cen_folder *folder, const char *const *paths, size_t n_paths,
                       cen_error *error)
{
    cen__found found = {.items = NULL};
    cen_status status = cen__scan_paths(folder, paths, n_paths, &found, error);
    if (status == CEN_OK) status = probe_all(folder, &found, error);
    if (status == CEN_OK) status = cen__drop_no_classes(folder, &found, error);
    cen__free(found.items);
    cen__free(found.classes);
    if (status == CEN_OK) status = cen__settle_classes(folder, error);
    if (status == CEN_OK && folder->info.n_images == 0) {
        status = cen__fail(error, CEN_ERROR_ARGUMENT,
                           "%s: there are no images here; name a file or a folder that holds some",
                           paths[0]);
    }
    folder->info.class_names = folder->class_names;
    if (status != CEN_OK || folder->options.unlabelled) return status;
    status = check_validation(folder, error);
    if (status == CEN_OK) status = cen__hold_out(folder, error);
    if (status == CEN_OK && folder->options.group != NULL) status = cen__group_check(folder, error);
    if (status == CEN_OK && !folder->info.has_own_split) status = draw_validation(folder, error);
    return status;
}

cen_status cen_folder_open(cen_context *context, cen_folder **folder, const char *const *paths,
                           size_t n_paths, const cen_folder_options *options, cen_error *error)
{
    *folder = NULL;
    cen_folder_options taken = cen_folder_options_init();
    cen_exchange exchange = cen_exchange_init();
    cen_status status = cen__take_options(&taken, options, error);
    if (status == CEN_OK) status = cen__take_options(&exchange, taken.exchange, error);
    if (status == CEN_OK && taken.exchange != NULL) status = cen__exchange_check(&exchange, error);
    if (status != CEN_OK) return status;
    if (n_paths == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "no folder of images was named");
    }
    if (!(taken.validation_share >= 0 && taken.validation_share < 1)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a validation share of %g makes no sense; choose one from 0 to below 1",
                         taken.validation_share);
    }
    if (!(taken.holdout_share >= 0 && taken.holdout_share < 1)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a share of held-out classes of %g makes no sense; choose one from 0 to "
                         "below 1",
                         taken.holdout_share);
    }
    cen_folder *opened = cen__alloc_zeroed(context, 1, sizeof *opened);
    if (opened == NULL) return cen__fail_memory(error, "a folder of images");
    opened->options = taken;
    opened->exchange = exchange;
    opened->context = cen__context_use(context, &opened->own_context);
    status = opened->context != NULL ? fill(opened, paths, n_paths, error)
                                     : cen__fail_memory(error, "a context");
    if (status != CEN_OK) {
        cen_folder_free(opened);
        return status;
    }
    *folder = opened;
    return CEN_OK;
}

void cen_folder_free(cen_folder *folder)
{
    if (folder == NULL) return;
    while (folder->text != NULL) {
        cen__text_block *next = folder->text->next;
        cen__free(folder->text);
        folder->text = next;
    }
    cen__folder_close(folder);
    cen__free(folder->class_names);
    cen__free(folder->class_folders);
    cen__free(folder->images);
    cen__free(folder->skipped);
    cen__free(folder->damaged);
    cen__free(folder->remarks);
    cen__free(folder->cache);
    cen__free(folder->labels);
    cen__free(folder->splits);
    cen__free(folder->paths);
    cen__free(folder->is_noted);
    cen_context_free(folder->own_context);
    cen__free(folder);
}

const cen_folder_info *cen_folder_get(const cen_folder *folder)
{
    return &folder->info;
}
