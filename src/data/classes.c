/* Decides which of the folders that were found are classes. */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/folder.h"

/* ---- taking classes out -------------------------------------------------------------------- */

/* Takes out an image whose class is not trained. Cached images stand in the order of the images, so the cache
 * moves, too. */
static cen_status drop_images(cen_folder *folder, const bool *is_dropped, cen_error *error)
{
    cen_status status = CEN_OK;
    cen_folder_image *images = folder->images;
    size_t n = 0, n_cached = 0;
    for (size_t i = 0; i < folder->info.n_images; i++) {
        const cen_folder_image image = images[i];
        if (image.label >= 0 && is_dropped[image.label] && status == CEN_OK) {
            cen_error why;
            (void)cen__fail(&why, CEN_ERROR_ARGUMENT,
                            "%s: its class \"%.100s\" has no image to train on", image.path,
                            folder->class_names[image.label]);
            status = cen__folder_skip(folder, image.path, &why, error);
            continue;
        }
        if (i < folder->n_cached) {
            memmove(folder->cache + n * folder->image_size, folder->cache + i * folder->image_size,
                    folder->image_size);
            n_cached = n + 1;
        }
        images[n++] = image;
    }
    if (n < folder->info.n_images) cen__folder_close(folder); /* its places are others now */
    folder->n_cached = n_cached;
    folder->info.n_images = n;
    return status;
}

/* is_dropped[n_classes]; held-out classes stay. */
static cen_status drop_classes(cen_folder *folder, const bool *is_dropped, cen_error *error)
{
    size_t n_classes = folder->info.n_classes, n_all = n_classes + folder->info.n_held_out, n = 0;
    bool *all = cen__alloc_zeroed(folder->context, n_all, sizeof *all);
    int32_t *labels = cen__alloc(folder->context, n_all, sizeof *labels);
    cen_status status = CEN_OK;
    if (all == NULL || labels == NULL) {
        status = cen__fail_memory(error, "the names of classes");
    } else {
        memcpy(all, is_dropped, n_classes * sizeof *all);
        status = drop_images(folder, all, error);
    }
    for (size_t i = 0; i < n_all && status == CEN_OK; i++) {
        labels[i] = (int32_t)n;
        if (all[i]) continue;
        folder->class_names[n] = folder->class_names[i];
        folder->class_folders[n++] = folder->class_folders[i];
    }
    for (size_t i = 0; i < folder->info.n_images && status == CEN_OK; i++) {
        cen_folder_image *image = &folder->images[i];
        if (image->label >= 0) image->label = labels[image->label];
    }
    if (status == CEN_OK) folder->info.n_classes = n - folder->info.n_held_out;
    cen__free(all);
    cen__free(labels);
    return status;
}

cen_status cen__drop_no_classes(cen_folder *folder, const cen__found *found, cen_error *error)
{
    enum { HAS_PICTURES = 1, HAS_OTHERS = 2 };
    size_t n = folder->info.n_classes;
    unsigned char *holds = cen__alloc_zeroed(folder->context, n, 1);
    bool *is_dropped = cen__alloc_zeroed(folder->context, n, sizeof *is_dropped);
    cen_status status = CEN_OK;
    if (holds == NULL || is_dropped == NULL) {
        status = cen__fail_memory(error, "the names of classes");
    }
    for (size_t i = 0; i < found->n_classes && status == CEN_OK; i++) {
        const cen__class_folder *c = &found->classes[i];
        bool is_other = c->n_pictures == 0 && (c->n_files > 0 || c->has_remark);
        if (is_other && !c->has_remark) {
            status = cen__folder_remark(folder, c->path, error,
                                        "passed over, no file in it is a picture");
        }
        if (c->label < 0) continue;
        if (c->split != CEN_SPLIT_TRAIN && !folder->options.unlabelled) continue;
        if (c->n_pictures > 0) holds[c->label] |= HAS_PICTURES;
        if (is_other) holds[c->label] |= HAS_OTHERS;
    }
    bool drops = false;
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        bool is_empty = folder->options.unlabelled && holds[i] == 0;
        is_dropped[i] = holds[i] == HAS_OTHERS || is_empty;
        drops = drops || is_dropped[i];
    }
    if (status == CEN_OK && drops) status = drop_classes(folder, is_dropped, error);
    cen__free(holds);
    cen__free(is_dropped);
    return status;
}

/* ---- classes without images ---------------------------------------------------------------- */

/* Images of one ending that were skipped. */
typedef struct ending {
    const char *text;
    size_t n;
} ending;

enum { ENDINGS = 4, ENDING_SIZE = 8 };

/* Counts the skipped images below `above`, or all of them if that is a list; the first of them, NULL without any.
 * What has no place among endings[*n] is not counted there. */
static const cen_file_note *count_skipped(const cen_folder *folder, const char *above,
                                          ending endings[ENDINGS], size_t *n, size_t *n_skipped)
{
    const size_t length = strlen(above);
    const cen_file_note *first = NULL;
    *n = *n_skipped = 0;
    for (size_t i = 0; i < folder->info.n_skipped; i++) {
        const char *path = folder->skipped[i].path, *point = strrchr(cen__base_name(path), '.');
        const bool is_below = strncmp(path, above, length) == 0 && path[length] == '/';
        if (!is_below && !cen__is_list(above)) continue;
        if (first == NULL) first = &folder->skipped[i];
        ++*n_skipped;
        if (point == NULL) continue;
        size_t at = 0;
        while (at < *n && strcmp(endings[at].text, point) != 0) at++;
        if (at == ENDINGS) continue;
        if (at == *n) endings[(*n)++] = (ending){point, 0};
        endings[at].n++;
    }
    return first;
}

static cen_status fail_empty(const cen_folder *folder, size_t label, cen_error *error)
{
    static const char remedy[] = "or leave such classes out by --allow-empty";
    const char *path = folder->class_folders[label], *name = folder->class_names[label];
    ending endings[ENDINGS];
    size_t n, n_skipped, at = 0;
    char kinds[128] = "";
    const cen_file_note *skipped = count_skipped(folder, path, endings, &n, &n_skipped);
    if (skipped == NULL) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "%s: no image of class \"%.100s\" can be used for training; put images "
                         "there, %s",
                         path, name, remedy);
    }
    for (size_t i = 0; i < n; i++) {
        cen__append(kinds, sizeof kinds, &at, "%s%zu %.*s", i > 0 ? ", " : " (", endings[i].n,
                    ENDING_SIZE, endings[i].text);
    }
    if (n > 0) cen__append(kinds, sizeof kinds, &at, ")");
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%s: no image of class \"%.100s\" can be used for training; %zu %s skipped%s, "
                     "as %s: %s; %s",
                     path, name, n_skipped, n_skipped == 1 ? "was" : "were", kinds,
                     cen__base_name(skipped->path), skipped->reason, remedy);
}

static cen_status check_any(const cen_folder_info *info, cen_error *error)
{
    if (info->n_images > 0 || info->n_skipped == 0) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT, "%s: %s; there is no other image to use",
                     info->skipped[0].path, info->skipped[0].reason);
}

static cen_status check_two(const cen_folder *folder, cen_error *error)
{
    size_t n = folder->info.n_classes;
    if (n >= 2) return CEN_OK;
    if (n == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "no class has an image to train on; at least two classes with images are "
                         "needed");
    }
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%s: only one class, \"%s\"; at least two classes with images are needed",
                     folder->class_folders[0], folder->class_names[0]);
}

/* is_empty[n_classes], of which *n are true. */
static void find_empty(const cen_folder *folder, bool *is_empty, size_t *n)
{
    *n = folder->info.n_classes;
    memset(is_empty, true, *n * sizeof *is_empty);
    for (size_t i = 0; i < folder->info.n_images; i++) {
        const cen_folder_image *image = &folder->images[i];
        if (image->split != CEN_SPLIT_TRAIN || !is_empty[image->label]) continue;
        is_empty[image->label] = false;
        --*n;
    }
}

cen_status cen__settle_classes(cen_folder *folder, cen_error *error)
{
    if (folder->options.unlabelled) return check_any(&folder->info, error);
    size_t n_empty, n = folder->info.n_classes;
    bool *is_empty = cen__alloc(folder->context, n, sizeof *is_empty);
    if (is_empty == NULL) return cen__fail_memory(error, "the names of classes");
    find_empty(folder, is_empty, &n_empty);
    cen_status status = CEN_OK;
    for (size_t i = 0; i < n && n_empty > 0 && status == CEN_OK; i++) {
        if (!is_empty[i]) continue;
        status =
            !folder->options.allow_empty
                ? fail_empty(folder, i, error)
                : cen__folder_remark(folder, folder->class_folders[i], error,
                                     "class \"%.100s\" is left out, it has no image to train on",
                                     folder->class_names[i]);
    }
    if (status == CEN_OK && n_empty > 0) status = drop_classes(folder, is_empty, error);
    cen__free(is_empty);
    return status == CEN_OK ? check_two(folder, error) : status;
}
