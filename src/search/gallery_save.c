/* Loads and saves galleries. */
#include "search/gallery.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/sizes.h"

/* ---- load ------------------------------------------------------------------------------------------ */

/* The tables of a gallery whose blocks are those of the file. */
static bool make_tables(cen_gallery *g, const cen__gallery_file *file)
{
    size_t n_negatives = 0, first = 0;
    for (size_t i = 0; i < file->n_blocks; i++) n_negatives += file->blocks[i].n_negatives;
    if (!cen__grow(g->context, &g->blocks, &g->blocks_capacity, file->n_blocks,
                   sizeof *g->blocks) ||
        !cen__grow(g->context, &g->growing, &g->growing_capacity, file->n_blocks,
                   sizeof *g->growing) ||
        !cen__grow(g->context, &g->spans, &g->spans_capacity, file->n_blocks, sizeof *g->spans) ||
        !cen__grow(g->context, &g->negatives, &g->negatives_capacity, n_negatives,
                   sizeof *g->negatives) ||
        (g->state = cen__alloc(g->context, file->state_size, 1)) == NULL) {
        return false;
    }
    memset(g->growing, 0, file->n_blocks * sizeof *g->growing);
    memcpy(g->blocks, file->blocks, file->n_blocks * sizeof *g->blocks);
    if (file->state_size > 0) memcpy(g->state, file->state, file->state_size);
    g->state_size = file->state_size;
    g->n_blocks = file->n_blocks;
    for (size_t b = 0; b < g->n_blocks; b++) {
        const cen__gallery_block *block = &g->blocks[b];
        if (block->n > 0) g->spans[g->n_spans++] = (cen__gallery_span){b, 0, block->n, first};
        for (size_t i = 0; i < block->n_negatives; i++) {
            g->negatives[g->info.n_negatives++] =
                first + (size_t)cen__le64(block->negatives + 8 * i);
        }
        first += block->n;
    }
    g->info.n = file->n;
    g->n_names = file->n_names;
    return true;
}

/* Takes a file in place of all that the gallery has. The info of the file is that of the gallery, or becomes it. */
static cen_status take_file(cen_gallery *g, cen__gallery_file *read, cen_error *error)
{
    cen_gallery made = {.context = g->context};
    cen__gallery_file *file = cen__alloc(g->context, 1, sizeof *file);
    if (file == NULL || !make_tables(&made, read)) {
        cen__gallery_drop(&made);
        cen__free(file);
        cen__gallery_file_free(read);
        return cen__fail_memory(error, "a gallery");
    }
    *file = *read;
    made.own_context = g->own_context;
    made.path = g->path;
    made.lock = g->lock;
    made.about = g->about.d > 0 ? g->about : file->about;
    if (g->about.d == 0) file->about.model = file->about.fingerprint = NULL;
    made.file = file;
    made.identity[0] = file->identity[0];
    made.identity[1] = file->identity[1];
    made.size = file->size;
    made.end = file->end;
    made.info.n_unfinished = (size_t)(file->size - file->end);
    cen__gallery_drop(g);
    *g = made;
    cen__gallery_point_info(g);
    return CEN_OK;
}

static cen_status load(cen_gallery *g, const char *path, bool changes, cen_error *error)
{
    cen__gallery_file file;
    g->path = cen__duplicate(g->context, path);
    if (g->path == NULL) return cen__fail_memory(error, "a gallery");
    cen_status status = changes ? cen_features_lock(g->context, &g->lock, path, error) : CEN_OK;
    if (status == CEN_OK) status = cen__gallery_file_read(g->context, path, &file, error);
    return status == CEN_OK ? take_file(g, &file, error) : status;
}

cen_status cen_gallery_load(cen_context *context, cen_gallery **gallery, const char *path,
                            bool changes, cen_error *error)
{
    *gallery = NULL;
    if (path == NULL) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "a gallery needs a path to be loaded from");
    }
    cen_status status = cen__gallery_start(context, gallery, error);
    if (status != CEN_OK) return status;
    status = load(*gallery, path, changes, error);
    if (status == CEN_OK) return CEN_OK;
    cen_gallery_free(*gallery);
    *gallery = NULL;
    return status;
}

/* ---- save ------------------------------------------------------------------------------------------ */

static bool is_same_file(const char *a, const char *b)
{
    uint64_t x[2], y[2];
    if (strcmp(a, b) == 0) return true;
    (void)cen__os_identify(a, x);
    (void)cen__os_identify(b, y);
    return (x[0] != 0 || x[1] != 0) && x[0] == y[0] && x[1] == y[1];
}

static cen_status check_unchanged(const cen_gallery *g, cen_error *error)
{
    uint64_t now[2];
    (void)cen__os_identify(g->path, now);
    if (g->is_lost || (now[0] == g->identity[0] && now[1] == g->identity[1] &&
                       cen__os_path_size(g->path) == g->size)) {
        return CEN_OK;
    }
    return cen__fail(error, CEN_ERROR_IO,
                     "%s: another program has changed this file since it was read; load it again, "
                     "with its lock, and repeat the changes",
                     g->path);
}

static bool has_news(const cen_gallery *g)
{
    return g->has_other_rows || g->has_other_state || g->is_lost ||
           (g->has_growing && g->blocks[g->n_blocks - 1].n > 0);
}

/* True if a new segment is cheaper than a new file, for this save and for the readers after it. */
static bool should_append(const cen_gallery *g)
{
    enum { ROWS = 1024, SHARE = 32, SEGMENTS = 16, MOST_SEGMENTS = 1024 };
    if (g->has_other_rows || g->is_lost || g->file == NULL) return false;
    if (g->has_other_state && g->state_size == 0) return false;
    const size_t base = g->blocks[0].n, added = g->info.n - base;
    const size_t segments = SEGMENTS + g->info.n / ROWS;
    return added <= (base / SHARE > ROWS ? base / SHARE : ROWS) &&
           g->n_blocks <= (segments < MOST_SEGMENTS ? segments : MOST_SEGMENTS);
}

/* After a new file is in place: takes it. Without memory the gallery keeps what it has. */
static void take_new_file(cen_gallery *g, const char *path)
{
    const int kept = errno;
    cen__gallery_file file;
    char *copy = g->path == NULL ? cen__duplicate(g->context, path) : NULL;
    if (copy != NULL) g->path = copy;
    if (g->path == NULL || cen__os_is_stream(path)) return;
    g->is_lost = cen__gallery_file_read(g->context, path, &file, NULL) != CEN_OK ||
                 take_file(g, &file, NULL) != CEN_OK;
    errno = kept;
}

static cen_status save(cen_gallery *g, const char *path, bool is_known, cen_error *error)
{
    cen_status status = is_known ? check_unchanged(g, error) : CEN_OK;
    if (status != CEN_OK || (is_known && !has_news(g))) return status;
    if (is_known && should_append(g)) {
        bool is_possible;
        status = cen__gallery_append(g, &is_possible, error);
        if (status != CEN_OK)
            g->size = cen__os_path_size(g->path); /* it may have a rest that is ignored */
        if (is_possible) return status;
    }
    status = cen__gallery_write(g, path, error);
    if (status == CEN_OK && (is_known || g->path == NULL)) take_new_file(g, path);
    return status;
}

cen_status cen_gallery_save(cen_gallery *g, const char *path, cen_error *error)
{
    if (path == NULL) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "a gallery needs a path to be saved at");
    }
    cen_lock *lock = NULL;
    const bool is_known = g->path != NULL && is_same_file(g->path, path);
    cen_status status = CEN_OK;
    if (!is_known || g->lock == NULL) status = cen_features_lock(g->context, &lock, path, error);
    if (status == CEN_OK) status = save(g, path, is_known, error);
    cen_lock_release(lock);
    return status;
}
