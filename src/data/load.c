/* Files -> bytes at the input's size -> normalised batches. */
#include <math.h>
#include <string.h>

#include "base/checks.h"
#include "base/memory.h"
#include "base/context.h"
#include "base/random.h"
#include "data/augment.h"
#include "data/folder.h"
#include "data/picture.h"

enum {
    LOAD_BLOCK = 64,          /* images decoded between two calls of progress, */
    LOAD_BLOCK_A_THREAD = 16, /* but enough for every thread */
    READ_CHUNK = 1 << 16,     /* numbers normalised in one task, */
    CHANGE_CHUNK = 1 << 13,   /* or changed and normalised */
    CHANGE_WORK = 16          /* of a number, as many times that of reading it */
};

/* bytes[channels, height, width] of one file; *warning as in cen_image. */
static cen_status decode(const cen_folder *folder, const char *path, uint8_t *bytes,
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
    cen_error why;
    const char *warning;
    bool is_flat; /* every byte is `level` */
    uint8_t level;
    uint64_t sums[3], squares[3]; /* of a training image */
    uint64_t digest;              /* of its bytes at the input's size */
} loaded;

typedef struct {
    const cen_folder *folder;
    const cen_folder_image *images; /* of this block */
    uint8_t *bytes;                 /* [block, channels, height, width] */
    loaded *results;
} load_block;

/* FNV-1a over eight bytes at a time. */
static uint64_t hash_bytes(const uint8_t *bytes, size_t size)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t at = 0; at < size;) {
        uint64_t word = 0;
        for (int shift = 0; shift < 64 && at < size; shift += 8) {
            word |= (uint64_t)bytes[at++] << shift;
        }
        hash = (hash ^ word) * UINT64_C(1099511628211);
        hash ^= hash >> 32;
    }
    return hash;
}

static void load_one(void *data, size_t task, int worker)
{
    const load_block *block = data;
    const cen_folder *folder = block->folder;
    const cen_folder_image *image = &block->images[task];
    loaded *result = &block->results[task];
    uint8_t *bytes = block->bytes + task * folder->image_size;
    (void)worker;
    result->status = decode(folder, image->path, bytes, &result->warning, &result->why);
    if (result->status != CEN_OK) return;
    result->digest = hash_bytes(bytes, folder->image_size);
    result->level = bytes[0];
    result->is_flat = memcmp(bytes, bytes + 1, folder->image_size - 1) == 0;
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

/* Takes over one decoded image as the n-th that is good. */
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
    cen_progress *progress;
    void *user;
    cen__folder_visit *visit; /* NULL: none */
    void *visitor;
} loader;

/* The i-th image of a block becomes the next good one, or is skipped. */
static cen_status take_image(cen_folder *folder, const loader *l, size_t i,
                             const cen_folder_image *image, size_t *n_good, cen_error *error)
{
    const loaded *result = &l->results[i];
    if (result->status != CEN_OK) return cen__folder_skip(folder, image->path, &result->why, error);
    if (result->warning != NULL) {
        cen_status status = cen__folder_warn(folder, image->path, result->warning, error);
        if (status != CEN_OK) return status;
    }
    keep_image(folder, (*n_good)++, image, result, l->bytes + i * folder->image_size,
               l->cache_capacity);
    return CEN_OK;
}

/* Those of the block's n images that are good; first of them is image `first`. */
static cen_status show_good(const cen_folder *folder, const loader *l, size_t first, size_t n,
                            cen_error *error)
{
    size_t n_good = 0;
    if (l->visit == NULL) return CEN_OK;
    for (size_t i = 0; i < n; i++) {
        if (l->results[i].status != CEN_OK) continue;
        memmove(l->bytes + n_good++ * folder->image_size, l->bytes + i * folder->image_size,
                folder->image_size);
    }
    return n_good > 0 ? l->visit(l->visitor, first, n_good, l->bytes, error) : CEN_OK;
}

/* Good images are moved up over broken ones; whatever happens, images[] has no gap after it. */
static cen_status load_all(cen_folder *folder, const loader *l, cen_error *error)
{
    size_t n_images = folder->info.n_images, n_good = 0, done = 0;
    cen_folder_image *images = folder->images;
    cen_status status = CEN_OK;
    while (done < n_images && status == CEN_OK) {
        size_t n = n_images - done < l->block_size ? n_images - done : l->block_size;
        size_t first = n_good;
        load_block block = {folder, images + done, l->bytes, l->results};
        cen__parallel(folder->context, n, CEN__MUCH_WORK, load_one, &block);
        for (size_t i = 0; i < n; i++, done++) {
            status = take_image(folder, l, i, &images[done], &n_good, error);
            if (status != CEN_OK) break;
        }
        if (status == CEN_OK) status = show_good(folder, l, first, n, error);
        if (status == CEN_OK && l->progress != NULL && l->progress(l->user, done, n_images) != 0) {
            status = cen__fail(error, CEN_ERROR_STOPPED, "loading stopped after %zu of %zu images",
                               done, n_images);
        }
    }
    memmove(images + n_good, images + done, (n_images - done) * sizeof *images);
    folder->info.n_images = n_good + n_images - done;
    return status;
}

/* Pictures that are all one level, as dark ones of 16 bits are at 8. */
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

/* What an earlier load left. */
static void unload(cen_folder *folder)
{
    cen__free(folder->cache);
    folder->cache = NULL;
    folder->n_cached = 0;
    folder->is_loaded = false;
    folder->n_pixels = 0;
    folder->digest = 0;
    folder->is_flat = false;
    memset(folder->sums, 0, sizeof folder->sums);
    memset(folder->squares, 0, sizeof folder->squares);
}

/* As many pixels as an image may have by default: a stranger's model says what its input is. */
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

cen_status cen_folder_load(cen_folder *folder, const cen_input *input, size_t cache_bytes,
                           cen_progress *progress, void *user, cen_error *error)
{
    return cen__folder_load(folder, input, cache_bytes, progress, user, NULL, NULL, error);
}

cen_status cen__folder_load(cen_folder *folder, const cen_input *input, size_t cache_bytes,
                            cen_progress *progress, void *user, cen__folder_visit *visit,
                            void *visitor, cen_error *error)
{
    unload(folder);
    cen_status status = set_input(folder, input, error);
    if (status != CEN_OK) return status;
    size_t n_images = folder->info.n_images, size = folder->image_size;
    size_t n_threads = (size_t)cen_context_threads(folder->context);
    loader l = {.block_size = n_threads * LOAD_BLOCK_A_THREAD,
                .cache_capacity = cache_bytes / size,
                .progress = progress,
                .user = user,
                .visit = visit,
                .visitor = visitor};
    if (l.block_size < LOAD_BLOCK) l.block_size = LOAD_BLOCK;
    if (l.block_size > n_images) l.block_size = n_images;
    if (l.cache_capacity > n_images) l.cache_capacity = n_images;
    l.bytes = cen__alloc(folder->context, l.block_size, size);
    l.results = cen__alloc(folder->context, l.block_size, sizeof *l.results);
    folder->cache = cen__alloc(folder->context, l.cache_capacity, size);
    if (l.bytes == NULL || l.results == NULL || folder->cache == NULL) {
        status = cen__fail(error, CEN_ERROR_MEMORY,
                           "not enough memory for %zu decoded images of %zu bytes; keep fewer in "
                           "the cache or choose a smaller image size",
                           l.block_size + l.cache_capacity, size);
    }
    if (status == CEN_OK) status = load_all(folder, &l, error);
    if (status == CEN_OK) status = cen__settle_classes(folder, error);
    cen__free(l.bytes);
    cen__free(l.results);
    if (status == CEN_OK) status = check_levels(folder, error);
    if (status != CEN_OK) {
        unload(folder);
        return status;
    }
    folder->is_loaded = true;
    return CEN_OK;
}

void cen_folder_measure(const cen_folder *folder, float mean[3], float std[3])
{
    uint64_t n = folder->n_pixels;
    for (size_t c = 0; c < 3; c++) {
        mean[c] = 0;
        std[c] = 1;
        if (!folder->is_loaded || n == 0 || c >= folder->input.channels) continue;
        /* With the sum = whole * n + rest, sum (p - whole)^2 is a whole number; so nothing is lost
         * by subtracting large numbers from each other. */
        uint64_t sum = folder->sums[c], whole = sum / n, rest = sum % n;
        uint64_t square = folder->squares[c] + whole * whole * n - 2 * whole * sum;
        double fraction = (double)rest / (double)n;
        double variance = (double)square / (double)n - fraction * fraction;
        mean[c] = (float)(((double)whole + fraction) / 255);
        if (variance > 0) std[c] = (float)(sqrt(variance) / 255);
    }
}

/* ---- read ---------------------------------------------------------------------------------- */

/* What is drawn for an epoch's images. */
typedef struct {
    const cen_augment *augment;
    uint64_t seed;
    size_t epoch;
} epoch_changes;

typedef struct {
    const cen_folder *folder;
    const cen_input *input;
    const epoch_changes *changes; /* NULL: images stay as they are */
    const size_t *indices;
    size_t n, chunk;    /* images in all, in a task */
    const float *table; /* [channels, 256]: byte -> number */
    float *x;
    uint8_t *bytes;    /* [n_threads, channels, height, width]; NULL where all is cached */
    cen_error *errors; /* [n], status CEN_OK at first; NULL likewise */
} reader;

void cen__folder_normalise(const cen_input *input, const uint8_t *bytes, size_t n, float *x)
{
    float table[3 * 256];
    size_t size = input->height * input->width * input->channels;
    cen__picture_table(input, table);
    for (size_t i = 0; i < n; i++) {
        cen__picture_numbers(input, table, bytes + i * size, x + i * size);
    }
}

/* x[channels, height, width] of the image at index, whose bytes these are. */
static void make_numbers(const reader *r, size_t index, const uint8_t *bytes, float *x)
{
    const cen_input *input = r->input;
    if (r->changes == NULL) {
        cen__picture_numbers(input, r->table, bytes, x);
        return;
    }
    const epoch_changes *all = r->changes;
    cen__change change = cen__augment_draw(all->augment, input, all->seed, all->epoch, index);
    cen__change_apply(&change, input, r->table, bytes, x);
}

static void read_chunk(void *data, size_t task, int worker)
{
    const reader *r = data;
    const cen_folder *folder = r->folder;
    size_t size = folder->image_size, begin = task * r->chunk;
    size_t end = r->n - begin < r->chunk ? r->n : begin + r->chunk;
    for (size_t i = begin; i < end; i++) {
        size_t index = r->indices[i];
        const uint8_t *bytes = folder->cache + index * size;
        if (index >= folder->n_cached) {
            uint8_t *decoded = r->bytes + (size_t)worker * size;
            const char *warning;
            if (decode(folder, folder->images[index].path, decoded, &warning, &r->errors[i]) !=
                CEN_OK) {
                continue;
            }
            bytes = decoded;
        }
        make_numbers(r, index, bytes, r->x + i * size);
    }
}

static cen_status fail_changed(const cen_error *why, cen_error *error)
{
    const char *remedy =
        why->status == CEN_ERROR_MEMORY
            ? ""
            : "; it has changed since it was loaded, leave it alone while it is used";
    return cen__fail(error, why->status, "%s%s", why->message, remedy);
}

/* Images that are not cached are decoded here, one a task. errors NULL: one that fails is the error. */
static cen_status read_uncached(reader *r, cen_error *errors, cen_error *error)
{
    cen_status status = CEN_OK;
    r->chunk = 1;
    cen_context *context = r->folder->context;
    r->bytes = cen__alloc(context, (size_t)cen_context_threads(context), r->folder->image_size);
    r->errors = cen__alloc_zeroed(context, r->n, sizeof *r->errors);
    if (r->bytes == NULL || r->errors == NULL) {
        status = cen__fail_memory(error, "a batch of images");
    } else {
        cen__parallel(context, r->n, CEN__MUCH_WORK, read_chunk, r);
        for (size_t i = 0; i < r->n && status == CEN_OK; i++) {
            bool is_kept = errors != NULL && r->errors[i].status != CEN_ERROR_MEMORY;
            if (is_kept) errors[i] = r->errors[i];
            if (is_kept || r->errors[i].status == CEN_OK) continue;
            status = fail_changed(&r->errors[i], error);
        }
    }
    cen__free(r->bytes);
    cen__free(r->errors);
    return status;
}

static cen_status check_read(const cen_folder *folder, const cen_input *input, cen_error *error)
{
    const cen_input *is = &folder->input;
    if (folder->is_loaded && input->channels == is->channels && input->height == is->height &&
        input->width == is->width && input->resize == is->resize) {
        return CEN_OK;
    }
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "the images are not loaded as %zu x %zu x %zu; call cen_folder_load with this "
                     "input first",
                     input->channels, input->height, input->width);
}

static cen_status read_images(const cen_folder *folder, const cen_input *input,
                              const epoch_changes *changes, const size_t *indices, size_t n,
                              float *x, int32_t *labels, cen_error *errors, cen_error *error)
{
    cen_status status = check_read(folder, input, error);
    if (status != CEN_OK) return status;
    bool is_cached = true;
    for (size_t i = 0; i < n; i++) {
        if (indices[i] >= folder->info.n_images) {
            return cen__fail(error, CEN_ERROR_ARGUMENT, "there is no image %zu, only 0 to %zu",
                             indices[i], folder->info.n_images - 1);
        }
        is_cached = is_cached && indices[i] < folder->n_cached;
        if (labels != NULL) labels[i] = folder->images[indices[i]].label;
        if (errors != NULL) errors[i].status = CEN_OK;
    }
    float table[3 * 256];
    cen__picture_table(input, table);
    size_t chunk = (changes == NULL ? READ_CHUNK : CHANGE_CHUNK) / folder->image_size + 1;
    reader r = {.folder = folder,
                .input = input,
                .changes = changes,
                .indices = indices,
                .n = n,
                .chunk = chunk,
                .table = table,
                .x = x};
    if (!is_cached) return read_uncached(&r, errors, error);
    double work = (double)n * (double)folder->image_size * (changes == NULL ? 1 : CHANGE_WORK);
    cen__parallel(folder->context, (n + chunk - 1) / chunk, work, read_chunk, &r);
    return CEN_OK;
}

cen_status cen_folder_read(const cen_folder *folder, const cen_input *input, const size_t *indices,
                           size_t n, float *x, int32_t *labels, cen_error *error)
{
    return read_images(folder, input, NULL, indices, n, x, labels, NULL, error);
}

cen_status cen__folder_read_some(const cen_folder *folder, const cen_input *input,
                                 const cen_augment *augment, uint64_t seed, size_t epoch,
                                 const size_t *indices, size_t n, float *x, int32_t *labels,
                                 cen_error *errors, cen_error *error)
{
    const epoch_changes all = {augment, seed, epoch};
    bool is_changed = augment != NULL && !cen__augment_is_none(augment);
    cen_status status = augment != NULL ? cen__augment_check(augment, input, error) : CEN_OK;
    if (status != CEN_OK) return status;
    return read_images(folder, input, is_changed ? &all : NULL, indices, n, x, labels, errors,
                       error);
}

cen_status cen_folder_read_augmented(const cen_folder *folder, const cen_input *input,
                                     const cen_augment *augment, uint64_t seed, size_t epoch,
                                     const size_t *indices, size_t n, float *x, int32_t *labels,
                                     cen_error *error)
{
    return cen__folder_read_some(folder, input, augment, seed, epoch, indices, n, x, labels, NULL,
                                 error);
}
