/* Files -> bytes at the input's size -> raw values. */
#include <centerloss_eval.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checks.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/context.h"
#include "base/exchange.h"
#include "base/sizes.h"
#include "base/random.h"
#include "data/folder.h"
#include "data/picture.h"

enum {
    LOAD_BLOCK = 64,         /* images that are decoded between two calls of progress, */
    LOAD_BLOCK_A_THREAD = 16 /* but enough for every thread */
};

cen_status cen__folder_decode(const cen_folder *folder, const char *path, uint8_t *bytes,
                              const char **warning, cen_error *error)
{
    cen_image_options options = cen__picture_options(&folder->input);
    options.max_pixels = folder->options.max_pixels;
    if (folder->options.exact_decode) options.target_height = options.target_width = 0;
    cen_image image;
    cen_status status = cen_image_read(folder->context, path, &options, &image, error);
    if (status != CEN_OK) return status;
    *warning = image.warning;
    status = cen__picture_bytes(folder->context, &folder->input, &image, bytes, error);
    cen_image_free(&image);
    return status;
}

/* ---- load ---------------------------------------------------------------------------------- */

typedef struct {
    cen_status status;
    cen_error why; /* or the warning of an image that is used; else no message */
    bool is_flat;  /* every byte is `level` */
    uint8_t level;
    uint64_t sums[3], squares[3]; /* the image is one to train on */
    uint64_t digest;              /* of its bytes at the input's size */
    uint8_t thumbnail[CEN__THUMBNAIL];
} loaded;

typedef struct {
    const cen_folder *folder;
    const cen_folder_image *images; /* of this block */
    uint8_t *bytes;                 /* [block, channels, height, width] */
    loaded *results;
} load_block;

static void load_one(void *data, size_t task, int worker)
{
    const load_block *block = data;
    const cen_folder *folder = block->folder;
    const cen_folder_image *image = &block->images[task];
    loaded *result = &block->results[task];
    uint8_t *bytes = block->bytes + task * folder->image_size;
    const char *warning = NULL;
    (void)worker;
    *result = (loaded){.status = CEN_OK};
    result->status = cen__folder_decode(folder, image->path, bytes, &warning, &result->why);
    if (result->status != CEN_OK) return;
    (void)snprintf(result->why.message, sizeof result->why.message, "%s",
                   warning != NULL ? warning : "");
    result->digest = cen__hash_bytes(bytes, folder->image_size);
    result->level = bytes[0];
    result->is_flat = memcmp(bytes, bytes + 1, folder->image_size - 1) == 0;
    cen__thumbnail(folder, bytes, result->thumbnail);
    if (image->split != CEN_SPLIT_TRAIN) return;
    size_t plane = folder->input.height * folder->input.width;
    for (size_t c = 0; c < folder->input.channels; c++, bytes += plane) {
        uint64_t sum = 0, square = 0;
        for (size_t i = 0; i < plane; i++) {
            sum += bytes[i];
            square += (uint32_t)bytes[i] * bytes[i];
        }
        result->sums[c] = sum;
        result->squares[c] = square;
    }
}

/* Keeps one decoded image as the n-th good one. */
static void keep_image(cen_folder *folder, size_t n, const cen_folder_image *image,
                       const loaded *result, const uint8_t *bytes, size_t cache_capacity)
{
    folder->images[n] = *image;
    folder->digest = cen__substream(folder->digest, result->digest);
    if (n == 0) folder->level = result->level;
    folder->is_flat =
        (n == 0 || folder->is_flat) && result->is_flat && result->level == folder->level;
    if (n < cache_capacity) {
        memcpy(folder->cache + n * folder->image_size, bytes, folder->image_size);
        folder->n_cached = n + 1;
    } else if (folder->scratch != NULL &&
               fwrite(bytes, 1, folder->image_size, folder->scratch) != folder->image_size) {
        cen__folder_close(folder);
    }
    if (image->split != CEN_SPLIT_TRAIN) return;
    folder->n_pixels += folder->input.height * folder->input.width;
    for (size_t c = 0; c < folder->input.channels; c++) {
        folder->sums[c] += result->sums[c];
        folder->squares[c] += result->squares[c];
    }
}

typedef struct {
    size_t block_size;     /* images in flight */
    size_t cache_capacity; /* images */
    uint8_t *bytes;        /* [block_size, channels, height, width] */
    loaded *results;       /* [block_size] */
    uint8_t *thumbnails;   /* [n_images, CEN__THUMBNAIL] of the good ones */
    void *buffer;          /* of the exchange */
    cen_progress *progress;
    void *user;
} loader;

/* images[n] of a block, by this process and the others. */
static cen_status load_some(cen_folder *folder, const loader *l, size_t done, size_t n,
                            bool is_kept, cen_error *error)
{
    const cen_exchange *exchange = &folder->exchange;
    size_t first, count;
    cen__exchange_share(exchange, n, &first, &count);
    load_block block = {folder, folder->images + done + first,
                        l->bytes + first * folder->image_size, l->results + first};
    cen__parallel(folder->context, count, CEN__MUCH_WORK, load_one, &block);
    cen_status status =
        cen__exchange_rows(exchange, l->results, n, sizeof *l->results, l->buffer, error);
    if (status != CEN_OK || !is_kept) return status;
    return cen__exchange_rows(exchange, l->bytes, n, folder->image_size, l->buffer, error);
}

/* The i-th image of a block becomes the next good one, or is skipped. */
static cen_status take_image(cen_folder *folder, const loader *l, size_t i,
                             const cen_folder_image *image, size_t *n_good, cen_error *error)
{
    const loaded *result = &l->results[i];
    if (result->status != CEN_OK) return cen__folder_skip(folder, image->path, &result->why, error);
    if (result->why.message[0] != '\0') {
        const char *warning = cen__folder_keep(folder, result->why.message);
        cen_status status = warning != NULL ? cen__folder_warn(folder, image->path, warning, error)
                                            : cen__fail_memory(error, "the list of images");
        if (status != CEN_OK) return status;
    }
    memcpy(l->thumbnails + *n_good * CEN__THUMBNAIL, result->thumbnail, CEN__THUMBNAIL);
    keep_image(folder, (*n_good)++, image, result, l->bytes + i * folder->image_size,
               l->cache_capacity);
    return CEN_OK;
}

/* Moves good images up over broken ones. images[] has no gap afterwards, also after a failure. */
static cen_status load_all(cen_folder *folder, const loader *l, cen_error *error)
{
    size_t n_images = folder->info.n_images, n_good = 0, done = 0;
    cen_folder_image *images = folder->images;
    cen_status status = CEN_OK;
    while (done < n_images && status == CEN_OK) {
        size_t n = n_images - done < l->block_size ? n_images - done : l->block_size;
        status = load_some(folder, l, done, n, n_good < l->cache_capacity, error);
        for (size_t i = 0; i < n && status == CEN_OK; i++, done++) {
            status = take_image(folder, l, i, &images[done], &n_good, error);
            if (status != CEN_OK) break;
        }
        if (status == CEN_OK && l->progress != NULL && l->progress(l->user, done, n_images) != 0) {
            status = cen__fail(error, CEN_ERROR_STOPPED, "loading stopped after %zu of %zu images",
                               done, n_images);
        }
    }
    memmove(images + n_good, images + done, (n_images - done) * sizeof *images);
    folder->info.n_images = n_good + n_images - done;
    return status;
}

/* All pictures have one level: dark pictures of 16 bits look so at 8 bits. */
static cen_status check_levels(const cen_folder *folder, cen_error *error)
{
    if (folder->options.unlabelled || !folder->is_flat || folder->info.n_images < 2) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%s and all other pictures have the same level in every pixel (%d of 255), so "
                     "there is nothing to learn from; if they hold 16-bit values, multiply these "
                     "until they fill the range, and if they are drawn in their alpha channel, "
                     "draw them on a background",
                     folder->images[0].path, folder->level);
}

/* ---- the scratch file ---- */

void cen__folder_close(cen_folder *folder)
{
    if (folder->scratch == NULL) return;
    (void)fclose(folder->scratch);
    (void)cen__os_remove(folder->options.scratch); /* on a system that removes no open file */
    folder->scratch = NULL;
}

/* Where the system allows, its name goes at once, so that nothing is left after a crash. */
static void open_scratch(cen_folder *folder)
{
    if (folder->options.scratch == NULL || folder->exchange.n_ranks > 1) return;
    folder->scratch = fopen(folder->options.scratch, "w+b");
    if (folder->scratch != NULL) (void)cen__os_remove(folder->options.scratch);
}

/* After all is written. */
static cen_status settle_scratch(cen_folder *folder, size_t cache_capacity, cen_error *error)
{
    if (folder->scratch != NULL && fflush(folder->scratch) != 0) cen__folder_close(folder);
    if (folder->scratch != NULL || folder->options.scratch == NULL ||
        folder->exchange.n_ranks > 1 || folder->info.n_images <= cache_capacity) {
        return CEN_OK;
    }
    return cen__folder_remark(
        folder, folder->options.scratch, error,
        "the decoded images have no room here, so those beyond the cache are "
        "decoded again and again; free %zu MB",
        ((folder->info.n_images - cache_capacity) * folder->image_size >> 20) + 1);
}

/* Frees what an earlier load left. */
static void unload(cen_folder *folder)
{
    cen__folder_close(folder);
    cen__free(folder->cache);
    cen__free(folder->labels);
    cen__free(folder->splits);
    cen__free(folder->paths);
    cen__free(folder->is_noted);
    folder->cache = NULL;
    folder->labels = NULL;
    folder->splits = NULL;
    folder->paths = NULL;
    folder->is_noted = NULL;
    folder->n_cached = 0;
    folder->is_loaded = false;
    folder->n_pixels = 0;
    folder->digest = 0;
    folder->is_flat = false;
    memset(folder->sums, 0, sizeof folder->sums);
    memset(folder->squares, 0, sizeof folder->squares);
}

/* The default limit of an image, since the input may be that of a stranger's model. */
#define INPUT_MOST ((size_t)1 << 28)

static cen_status set_input(cen_folder *folder, const cen_input *input, cen_error *error)
{
    size_t plane, size;
    cen_status status =
        cen__check_choice("the way to resize", (long)input->resize, CEN_RESIZE_STRETCH, error);
    if (status != CEN_OK) return status;
    if ((input->channels != 1 && input->channels != 3) || input->height == 0 || input->width == 0) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "an input of %zu x %zu x %zu (channels, height, width) cannot be made from "
            "images; choose 1 or 3 channels and sides of at least 1",
            input->channels, input->height, input->width);
    }
    if (!cen__multiply(input->height, input->width, &plane) || plane > INPUT_MOST ||
        !cen__multiply(plane, input->channels, &size)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "an input of %zu x %zu pixels is too large; choose a smaller image size",
                         input->height, input->width);
    }
    folder->input = *input;
    folder->image_size = size;
    return CEN_OK;
}

static void measure(cen_folder *folder)
{
    uint64_t n = folder->n_pixels;
    for (size_t c = 0; c < folder->input.channels; c++) {
        folder->mean[c] = 0;
        folder->std[c] = 1;
        if (n == 0) continue;
        /* With sum = whole * n + rest, sum (p - whole)^2 is a whole number, so subtracting large numbers loses
         * nothing. */
        uint64_t sum = folder->sums[c], whole = sum / n, rest = sum % n;
        uint64_t square = folder->squares[c] + whole * whole * n - 2 * whole * sum;
        double fraction = (double)rest / (double)n;
        double variance = (double)square / (double)n - fraction * fraction;
        folder->mean[c] = (float)(((double)whole + fraction) / 255);
        if (variance > 0) folder->std[c] = (float)(sqrt(variance) / 255);
    }
}

/* All processes must have the same list, whatever the roots are called. */
static cen_status check_same(const cen_folder *folder, cen_error *error)
{
    const cen_exchange *exchange = &folder->exchange;
    const size_t n_ranks = exchange->n_ranks;
    uint64_t own = folder->info.n_images;
    if (n_ranks == 1) return CEN_OK;
    for (size_t i = 0; i < folder->info.n_images; i++) {
        own = cen__substream(own, cen__hash_name(folder->images[i].name));
        own = cen__substream(own, (uint64_t)folder->images[i].label);
        own = cen__substream(own, (uint64_t)folder->images[i].split);
    }
    uint64_t *all = cen__alloc(folder->context, n_ranks, sizeof *all);
    if (all == NULL) return cen__fail_memory(error, "an exchange");
    cen_status status = cen__exchange_gather(exchange, &own, sizeof own, all, error);
    for (size_t rank = 0; rank < n_ranks && status == CEN_OK; rank++) {
        if (all[rank] == all[0]) continue;
        status = cen__fail(error, CEN_ERROR_ARGUMENT,
                           "process %zu has other images than process 0; give each the same folder",
                           rank);
    }
    cen__free(all);
    return status;
}

/* Decodes all images. */
static cen_status load_images(cen_folder *folder, size_t cache_bytes, cen_progress *progress,
                              void *user, cen_error *error)
{
    size_t n_images = folder->info.n_images, size = folder->image_size;
    const int kept = errno;
    size_t n_threads = (size_t)cen_context_threads(folder->context);
    cen_status status = CEN_OK;
    loader l = {.block_size = n_threads * LOAD_BLOCK_A_THREAD,
                .cache_capacity = cache_bytes / size,
                .progress = progress,
                .user = user};
    if (l.block_size < LOAD_BLOCK) l.block_size = LOAD_BLOCK;
    l.block_size = cen__times(l.block_size, folder->exchange.n_ranks);
    if (l.block_size > n_images) l.block_size = n_images;
    if (l.cache_capacity > n_images) l.cache_capacity = n_images;
    l.bytes = cen__alloc(folder->context, l.block_size, size);
    l.results = cen__alloc(folder->context, l.block_size, sizeof *l.results);
    l.buffer = cen__alloc(folder->context,
                          cen__exchange_room(&folder->exchange, l.block_size,
                                             size > sizeof *l.results ? size : sizeof *l.results),
                          1);
    l.thumbnails = cen__alloc(folder->context, n_images, CEN__THUMBNAIL);
    folder->cache = cen__alloc(folder->context, l.cache_capacity, size);
    if (l.bytes == NULL || l.results == NULL || l.buffer == NULL || l.thumbnails == NULL ||
        folder->cache == NULL) {
        status = cen__fail(error, CEN_ERROR_MEMORY,
                           "not enough memory for %zu decoded images of %zu bytes; keep fewer in "
                           "the cache or choose a smaller image size",
                           l.block_size + l.cache_capacity, size);
    }
    if (n_images > l.cache_capacity) open_scratch(folder);
    if (status == CEN_OK) status = check_same(folder, error);
    if (status == CEN_OK) status = load_all(folder, &l, error);
    if (status == CEN_OK) status = cen__remark_tracks(folder, l.thumbnails, error);
    if (status == CEN_OK) status = settle_scratch(folder, l.cache_capacity, error);
    if (status == CEN_OK) status = cen__settle_classes(folder, error);
    if (status == CEN_OK) errno = kept;
    measure(folder);
    cen__free(l.bytes);
    cen__free(l.results);
    cen__free(l.buffer);
    cen__free(l.thumbnails);
    return status == CEN_OK ? check_levels(folder, error) : status;
}

cen_status cen_folder_load(cen_folder *folder, const cen_input *input, size_t cache_bytes,
                           cen_progress *progress, void *user, cen_error *error)
{
    unload(folder);
    cen_status status = set_input(folder, input, error);
    if (status != CEN_OK) return status;
    if (!folder->options.lazy) status = load_images(folder, cache_bytes, progress, user, error);
    if (status == CEN_OK) status = cen__folder_make_dataset(folder, error);
    folder->is_loaded = status == CEN_OK;
    if (status != CEN_OK) unload(folder);
    return status;
}
