/* Classes that take no part in training, to measure features on unknown classes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/folder.h"

typedef struct drawn_class {
    uint64_t key;
    size_t label;
} drawn_class;

static int compare_drawn(const void *a, const void *b)
{
    const drawn_class *left = a, *right = b;
    if (left->key != right->key) return left->key < right->key ? -1 : 1;
    return left->label < right->label ? -1 : left->label > right->label;
}

/* Takes the classes with the lowest keys. So a class that is added later changes few of the others. */
static cen_status draw(const cen_folder *folder, bool *is_held_out, cen_error *error)
{
    size_t n = folder->info.n_classes;
    double share = folder->options.holdout_share;
    size_t count = (size_t)floor(share * (double)n + 0.5 + 1e-9);
    if (count < 1) count = 1;
    drawn_class *drawn = cen__alloc(folder->context, n, sizeof *drawn);
    if (drawn == NULL) return cen__fail_memory(error, "the held-out classes");
    for (size_t i = 0; i < n; i++) {
        uint64_t name = cen__hash_name(folder->class_names[i]);
        drawn[i] =
            (drawn_class){cen__random_bits(folder->options.seed, CEN__STREAM_HOLDOUT, name), i};
    }
    qsort(drawn, n, sizeof *drawn, compare_drawn);
    for (size_t i = 0; i < count && i < n; i++) is_held_out[drawn[i].label] = true;
    cen__free(drawn);
    return CEN_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, *(const char *const *)b);
}

static cen_status mark(const cen_folder *folder, const char *name, size_t line, bool *is_held_out,
                       cen_error *error)
{
    const char *const *names = folder->class_names; /* sorted */
    const char *const *found =
        bsearch(name, names, folder->info.n_classes, sizeof *names, compare_names);
    if (found != NULL) {
        is_held_out[found - names] = true;
        return CEN_OK;
    }
    return cen__fail(
        error, CEN_ERROR_ARGUMENT,
        "%s, line %zu: no class is named \"%.200s\"; name folders of the images, one per "
        "line",
        folder->options.holdout_list, line, name);
}

/* One name per line. Empty lines, the \r of Windows and a byte-order mark are skipped. */
static cen_status read_list(const cen_folder *folder, bool *is_held_out, cen_error *error)
{
    uint8_t *bytes;
    size_t size;
    cen_status status = cen__file_read_text(folder->context, folder->options.holdout_list,
                                            CEN__LIST_MOST, &bytes, &size, error);
    if (status != CEN_OK) return status;
    char *text = cen__alloc(folder->context, size + 1, 1);
    if (text == NULL) status = cen__fail_memory(error, "the list of held-out classes");
    if (text != NULL) {
        memcpy(text, bytes, size);
        text[size] = '\0';
    }
    cen__free(bytes);
    char *next = text;
    if (text != NULL && strncmp(text, "\xef\xbb\xbf", 3) == 0) next += 3;
    for (size_t line = 1; status == CEN_OK && next != NULL; line++) {
        char *name = next;
        next = strchr(name, '\n');
        if (next != NULL) *next++ = '\0';
        size_t length = strlen(name);
        if (length > 0 && name[length - 1] == '\r') name[--length] = '\0';
        if (length > 0) status = mark(folder, name, line, is_held_out, error);
    }
    cen__free(text);
    return status;
}

static int compare_images(const void *a, const void *b)
{
    return cen__compare_images(a, b);
}

/* Reorders labels and names: first the classes to train on, then the others. */
static cen_status move_behind(cen_folder *folder, const bool *is_held_out, size_t n_held_out,
                              cen_error *error)
{
    size_t n = folder->info.n_classes, at[2] = {0, n - n_held_out};
    int32_t *labels = cen__alloc(folder->context, n, sizeof *labels);
    const char **names = cen__alloc(folder->context, n, sizeof *names),
               **folders = cen__alloc(folder->context, n, sizeof *folders);
    if (labels == NULL || names == NULL || folders == NULL) {
        cen__free(labels);
        cen__free(names);
        cen__free(folders);
        return cen__fail_memory(error, "the held-out classes");
    }
    for (size_t i = 0; i < n; i++) {
        size_t place = at[is_held_out[i]]++;
        labels[i] = (int32_t)place;
        names[place] = folder->class_names[i];
        folders[place] = folder->class_folders[i];
    }
    for (size_t i = 0; i < folder->info.n_images; i++) {
        cen_folder_image *image = &folder->images[i];
        if (image->label < 0) continue;
        if (is_held_out[image->label]) image->split = CEN_SPLIT_HELD_OUT;
        image->label = labels[image->label];
    }
    qsort(folder->images, folder->info.n_images, sizeof *folder->images, compare_images);
    cen__free(labels);
    cen__free(folder->class_names);
    cen__free(folder->class_folders);
    folder->class_names = names;
    folder->class_folders = folders;
    folder->info.class_names = names;
    folder->info.n_classes = n - n_held_out;
    folder->info.n_held_out = n_held_out;
    return CEN_OK;
}

cen_status cen__hold_out(cen_folder *folder, cen_error *error)
{
    const cen_folder_options *options = &folder->options;
    size_t n = folder->info.n_classes, n_held_out = 0;
    bool is_shared = options->holdout_share > 0 && n >= options->holdout_least;
    if (!is_shared && options->holdout_list == NULL) return CEN_OK;
    bool *is_held_out = cen__alloc_zeroed(folder->context, n, sizeof *is_held_out);
    if (is_held_out == NULL) return cen__fail_memory(error, "the held-out classes");
    cen_status status = options->holdout_list != NULL ? read_list(folder, is_held_out, error)
                                                      : draw(folder, is_held_out, error);
    for (size_t i = 0; i < n; i++) n_held_out += is_held_out[i];
    if (status == CEN_OK && n_held_out + 2 > n) {
        status = cen__fail(error, CEN_ERROR_ARGUMENT,
                           "holding out %zu of %zu classes leaves %zu to train on; hold out fewer, "
                           "two must stay",
                           n_held_out, n, n - n_held_out);
    }
    if (status == CEN_OK) status = move_behind(folder, is_held_out, n_held_out, error);
    cen__free(is_held_out);
    return status;
}
