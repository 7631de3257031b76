/* A loaded folder as a dataset. */
#include <centerloss_eval.h>

#include "base/context.h"
#include "base/memory.h"
#include "base/os.h"
#include "data/folder.h"

enum { READ_CHUNK = 1 << 16 /* bytes that become values in one task */ };

typedef struct {
    cen_status status;
    const char *warning;
    cen_error why;
} decoded;

typedef struct {
    const cen_folder *folder;
    const size_t *rows;
    size_t n, chunk;   /* images of the call, of a task */
    float values[256]; /* byte -> value */
    float *x;
    uint8_t *bytes;   /* [n_threads, channels, height, width]; NULL if all is cached */
    decoded *results; /* [n]; NULL likewise */
} reader;

static void read_chunk(void *data, size_t task, int worker)
{
    const reader *r = data;
    const cen_folder *folder = r->folder;
    size_t size = folder->image_size, begin = task * r->chunk;
    size_t end = r->n - begin < r->chunk ? r->n : begin + r->chunk;
    for (size_t i = begin; i < end; i++) {
        size_t row = r->rows[i];
        const uint8_t *bytes = folder->cache + row * size;
        if (row >= folder->n_cached) {
            uint8_t *own = r->bytes + (size_t)worker * size;
            decoded *result = &r->results[i];
            const uint64_t place = (uint64_t)(row - folder->n_cached) * size;
            if (folder->scratch == NULL || !cen__os_read_at(folder->scratch, place, own, size)) {
                result->status = cen__folder_decode(folder, folder->images[row].path, own,
                                                    &result->warning, &result->why);
            }
            if (result->status != CEN_OK) continue;
            bytes = own;
        }
        float *x = r->x + i * size;
        for (size_t at = 0; at < size; at++) x[at] = r->values[bytes[at]];
    }
}

/* Notes the skipped and the damaged images of a lazy folder, each once. */
static cen_status note(cen_folder *folder, size_t row, const decoded *result, cen_error *error)
{
    const char *path = folder->images[row].path;
    if (!folder->options.lazy || folder->is_noted[row]) return CEN_OK;
    cen_status status = CEN_OK;
    if (result->status != CEN_OK) {
        status = cen__folder_skip(folder, path, &result->why, error);
    } else if (result->warning != NULL) {
        status = cen__folder_warn(folder, path, result->warning, error);
    } else {
        return CEN_OK;
    }
    folder->is_noted[row] = status == CEN_OK;
    return status;
}

/* Images that are not cached are decoded here, one in each task. */
static cen_status read_uncached(cen_folder *folder, reader *r, cen_error *error)
{
    const decoded *first = NULL;
    cen_status status = CEN_OK;
    r->chunk = 1;
    r->bytes = cen__alloc(folder->context, (size_t)cen_context_threads(folder->context),
                          folder->image_size);
    r->results = cen__alloc_zeroed(folder->context, r->n, sizeof *r->results);
    if (r->bytes == NULL || r->results == NULL) {
        status = cen__fail_memory(error, "a batch of images");
    } else {
        cen__parallel(folder->context, r->n, CEN__MUCH_WORK, read_chunk, r);
        for (size_t i = 0; i < r->n && status == CEN_OK; i++) {
            const decoded *result = &r->results[i];
            status = note(folder, r->rows[i], result, error);
            if (result->status == CEN_ERROR_MEMORY) first = result;
            if (result->status != CEN_OK && first == NULL) first = result;
        }
        if (status == CEN_OK && first != NULL) {
            status = cen__fail(error, first->status, "%s", first->why.message);
        }
    }
    cen__free(r->bytes);
    cen__free(r->results);
    return status;
}

/* cen_dataset.read */
static cen_status read_values(void *user, const size_t *rows, size_t n, float *x, cen_error *error)
{
    cen_folder *folder = user;
    bool is_cached = true;
    for (size_t i = 0; i < n; i++) is_cached = is_cached && rows[i] < folder->n_cached;
    size_t chunk = READ_CHUNK / folder->image_size + 1;
    reader r = {.folder = folder, .rows = rows, .n = n, .chunk = chunk, .x = x};
    for (int p = 0; p < 256; p++) r.values[p] = (float)p / 255.0f;
    if (!is_cached) return read_uncached(folder, &r, error);
    double work = (double)n * (double)folder->image_size;
    cen__parallel(folder->context, (n + chunk - 1) / chunk, work, read_chunk, &r);
    return CEN_OK;
}

cen_status cen__folder_make_dataset(cen_folder *folder, cen_error *error)
{
    size_t n = folder->info.n_images;
    folder->labels = cen__alloc(folder->context, n, sizeof *folder->labels);
    folder->splits = cen__alloc(folder->context, n, sizeof *folder->splits);
    folder->paths = cen__alloc(folder->context, n, sizeof *folder->paths);
    folder->is_noted = cen__alloc_zeroed(folder->context, n, sizeof *folder->is_noted);
    if (folder->labels == NULL || folder->splits == NULL || folder->paths == NULL ||
        folder->is_noted == NULL) {
        return cen__fail_memory(error, "the list of images");
    }
    for (size_t i = 0; i < n; i++) {
        folder->labels[i] = folder->images[i].label;
        folder->splits[i] = folder->images[i].split;
        folder->paths[i] = folder->images[i].path;
    }
    cen_dataset *dataset = &folder->dataset;
    *dataset = cen_dataset_init();
    dataset->n = n;
    dataset->n_classes = folder->info.n_classes;
    dataset->class_names = folder->info.class_names;
    dataset->channels = folder->input.channels;
    dataset->height = folder->input.height;
    dataset->width = folder->input.width;
    dataset->resize = folder->input.resize;
    dataset->labels = folder->labels;
    dataset->splits = folder->splits;
    dataset->names = folder->paths;
    dataset->digest = folder->digest;
    dataset->mean = folder->options.lazy ? NULL : folder->mean;
    dataset->std = folder->options.lazy ? NULL : folder->std;
    dataset->user = folder;
    dataset->read = read_values;
    return CEN_OK;
}

const cen_dataset *cen_folder_dataset(const cen_folder *folder)
{
    return folder->is_loaded ? &folder->dataset : NULL;
}
