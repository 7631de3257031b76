/* Adds, removes and renames rows. Each function first takes all memory that it may need, and then cannot fail. */
#include "search/gallery.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/sizes.h"
#include "format/floats.h"

enum { MOST_DEAD = 8 };

/* Memory that is no longer used. It is freed at the end, because the rows to be added may point into it. */
typedef struct {
    void *blocks[MOST_DEAD];
    size_t n;
} dead;

static void bury(dead *old)
{
    for (size_t i = 0; i < old->n; i++) cen__free(old->blocks[i]);
}

/* cen__grow, which frees nothing. */
static bool make_room(const cen_context *context, void *items, size_t *capacity, size_t needed,
                      size_t size, dead *old)
{
    void *before, *none = NULL;
    size_t larger = *capacity, nothing = 0;
    if (needed <= *capacity) return true;
    memcpy(&before, items, sizeof before);
    if (larger < needed / 2) larger = needed;
    while (larger < needed) larger = larger > SIZE_MAX / 2 ? needed : larger < 8 ? 8 : larger * 2;
    if (!cen__grow(context, &none, &nothing, larger, size)) return false;
    if (*capacity > 0) memcpy(none, before, *capacity * size);
    memcpy(items, &none, sizeof none);
    *capacity = nothing;
    if (before != NULL) old->blocks[old->n++] = before;
    return true;
}

static void view_block(cen_gallery *g)
{
    cen__gallery_block *block = &g->blocks[g->n_blocks - 1];
    const cen__gallery_growing *from = &g->growing[g->n_blocks - 1];
    block->features = from->features;
    block->rows = from->rows;
    block->negatives = from->negatives;
    block->names = from->names;
    block->text = from->text;
}

/* Makes the last block one that grows. Its text begins with "". */
static bool begin_block(cen_gallery *g)
{
    if (g->has_growing) return true;
    if (!cen__grow(g->context, &g->blocks, &g->blocks_capacity, g->n_blocks + 1,
                   sizeof *g->blocks) ||
        !cen__grow(g->context, &g->growing, &g->growing_capacity, g->n_blocks + 1,
                   sizeof *g->growing)) {
        return false;
    }
    cen__gallery_growing *growing = &g->growing[g->n_blocks];
    memset(growing, 0, sizeof *growing);
    if (!cen__grow(g->context, &growing->text, &growing->text_capacity, 1, 1)) return false;
    growing->text[0] = '\0';
    g->blocks[g->n_blocks] = (cen__gallery_block){.text_size = 1, .first_name = g->n_names};
    g->has_growing = true;
    g->n_blocks++;
    view_block(g);
    return true;
}

/* Room for n rows, m names and text of so many bytes. */
static bool reserve(cen_gallery *g, size_t n, size_t m, size_t text_size, dead *old)
{
    if (!begin_block(g)) return false;
    const cen__gallery_block *block = &g->blocks[g->n_blocks - 1];
    cen__gallery_growing *to = &g->growing[g->n_blocks - 1];
    const size_t rows = cen__plus(block->n, n), names = cen__plus(block->n_names, m);
    const bool has_room =
        make_room(g->context, &to->features, &to->features_capacity, cen__times(rows, g->info.d),
                  sizeof(float), old) &&
        make_room(g->context, &to->rows, &to->rows_capacity, cen__times(rows, CEN__GALLERY_ROW), 1,
                  old) &&
        make_room(g->context, &to->names, &to->names_capacity, cen__times(names, 8), 1, old) &&
        make_room(g->context, &to->text, &to->text_capacity, cen__plus(block->text_size, text_size),
                  1, old);
    view_block(g);
    return has_room && cen__gallery_index(g, m) &&
           (g->redirect == NULL || cen__grow(g->context, &g->redirect, &g->redirect_capacity,
                                             g->n_names + m, sizeof *g->redirect));
}

/* ---- add ------------------------------------------------------------------------------------------- */

static uint64_t put_text(cen_gallery *g, const char *text)
{
    cen__gallery_block *block = &g->blocks[g->n_blocks - 1];
    const size_t size = strlen(text) + 1, place = block->text_size;
    memcpy(g->growing[g->n_blocks - 1].text + place, text, size);
    block->text_size += size;
    return place;
}

/* The label of a name, which is new if it is not there. There is room for it. */
static size_t put_name(cen_gallery *g, const char *name)
{
    size_t label;
    if (cen__gallery_find_label(g, name, &label)) return label;
    cen__gallery_block *block = &g->blocks[g->n_blocks - 1];
    label = g->n_names;
    cen__put_u64(g->growing[g->n_blocks - 1].names + 8 * block->n_names, put_text(g, name));
    block->n_names++;
    g->n_names++;
    if (g->redirect != NULL) g->redirect[label] = (uint32_t)label;
    cen__gallery_index_add(g, label);
    return label;
}

static void put_row(cen_gallery *g, const cen_gallery_row *row)
{
    cen__gallery_block *block = &g->blocks[g->n_blocks - 1];
    cen__gallery_growing *to = &g->growing[g->n_blocks - 1];
    uint8_t *bytes = to->rows + block->n * CEN__GALLERY_ROW;
    const uint32_t label = (uint32_t)put_name(g, row->name);
    const char *source = row->source != NULL ? row->source : "";
    for (size_t i = 0; i < 4; i++) bytes[i] = (uint8_t)(label >> 8 * i);
    cen__put_u64(bytes + CEN__GALLERY_SOURCE, *source != '\0' ? put_text(g, source) : 0);
    memcpy(bytes + CEN__GALLERY_DIGEST, row->digest, CEN_DIGEST_SIZE);
    memcpy(to->features + block->n * g->info.d, row->feature, g->info.d * sizeof(float));
    if (row->is_negative) {
        cen__put_u64(to->negatives + 8 * block->n_negatives, block->n);
        block->n_negatives++;
        g->negatives[g->info.n_negatives++] = g->info.n;
    }
    cen__gallery_span *last = g->n_spans > 0 ? &g->spans[g->n_spans - 1] : NULL;
    if (last == NULL || last->block != g->n_blocks - 1 || last->place + last->n != block->n) {
        last = &g->spans[g->n_spans++];
        *last = (cen__gallery_span){g->n_blocks - 1, block->n, 0, g->info.n};
    }
    last->n++;
    block->n++;
    g->info.n++;
}

static cen_status check_rows(const cen_gallery *g, const cen_gallery_row *rows, size_t n,
                             cen_error *error)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i].name == NULL || *rows[i].name == '\0' || rows[i].feature == NULL) {
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "row %zu for a gallery has no name or no feature; give both", i);
        }
        for (size_t j = 0; j < g->info.d; j++) {
            if (isfinite(rows[i].feature[j])) continue;
            const char *source = rows[i].source != NULL ? rows[i].source : "";
            return cen__fail(error, CEN_ERROR_NOT_FINITE,
                             "row %zu for a gallery%s%s has a feature that is not finite; leave it "
                             "out",
                             i, *source != '\0' ? ", " : "", source);
        }
    }
    if (n < UINT32_MAX - 1 - g->n_names && n < SIZE_MAX - g->info.n) return CEN_OK;
    return cen__fail(error, CEN_ERROR_LIMIT, "a gallery has at most %lu names; make a second one",
                     (unsigned long)(UINT32_MAX - 1));
}

cen_status cen_gallery_add(cen_gallery *g, const cen_gallery_row *rows, size_t n, cen_error *error)
{
    dead old = {.n = 0};
    size_t text_size = 0, n_negatives = 0;
    cen_status status = check_rows(g, rows, n, error);
    if (status != CEN_OK || n == 0) return status;
    for (size_t i = 0; i < n; i++) {
        const char *source = rows[i].source != NULL ? rows[i].source : "";
        text_size = cen__plus(text_size, strlen(rows[i].name) + strlen(source) + 2);
        n_negatives += rows[i].is_negative;
    }
    const bool has_room =
        reserve(g, n, n, text_size, &old) &&
        make_room(g->context, &g->growing[g->n_blocks - 1].negatives,
                  &g->growing[g->n_blocks - 1].negatives_capacity,
                  8 * (g->blocks[g->n_blocks - 1].n_negatives + n_negatives), 1, &old) &&
        cen__grow(g->context, &g->negatives, &g->negatives_capacity,
                  g->info.n_negatives + n_negatives, sizeof *g->negatives) &&
        cen__grow(g->context, &g->spans, &g->spans_capacity, g->n_spans + 1, sizeof *g->spans);
    if (g->has_growing) view_block(g);
    for (size_t i = 0; i < n && has_room; i++) put_row(g, &rows[i]);
    bury(&old);
    return has_room ? CEN_OK : cen__fail_memory(error, "the rows of a gallery");
}

/* ---- remove ---------------------------------------------------------------------------------------- */

static int compare_sizes(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* sorted[n] = rows, ascending. */
static cen_status sort_rows(const cen_gallery *g, const size_t *rows, size_t n, size_t *sorted,
                            cen_error *error)
{
    memcpy(sorted, rows, n * sizeof *rows);
    qsort(sorted, n, sizeof *sorted, compare_sizes);
    for (size_t i = 0; i < n; i++) {
        if (sorted[i] >= g->info.n) {
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "row %zu is not there; the gallery has %zu row%s", sorted[i],
                             g->info.n, cen__plural(g->info.n));
        }
        if (i > 0 && sorted[i] == sorted[i - 1]) {
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "row %zu is to be removed twice; name it once", sorted[i]);
        }
    }
    return CEN_OK;
}

/* Cuts the rows out of the spans. */
static size_t cut_spans(const cen_gallery *g, const size_t *sorted, size_t n,
                        cen__gallery_span *spans)
{
    size_t n_spans = 0, next = 0;
    for (size_t s = 0; s < g->n_spans; s++) {
        const cen__gallery_span *span = &g->spans[s];
        size_t at = span->first;
        const size_t end = span->first + span->n;
        while (at < end) {
            const size_t stop = next < n && sorted[next] < end ? sorted[next] : end;
            if (stop > at) {
                spans[n_spans++] = (cen__gallery_span){
                    span->block, span->place + (at - span->first), stop - at, at - next};
            }
            next += stop < end;
            at = stop + 1;
        }
    }
    return n_spans;
}

static void cut_negatives(cen_gallery *g, const size_t *sorted, size_t n)
{
    size_t kept = 0, next = 0;
    for (size_t i = 0; i < g->info.n_negatives; i++) {
        const size_t row = g->negatives[i];
        while (next < n && sorted[next] < row) next++;
        if (next < n && sorted[next] == row) continue;
        g->negatives[kept++] = row - next;
    }
    g->info.n_negatives = kept;
}

cen_status cen_gallery_remove(cen_gallery *g, const size_t *rows, size_t n, cen_error *error)
{
    if (n == 0) return CEN_OK;
    size_t *sorted = cen__alloc(g->context, n, sizeof *sorted);
    cen__gallery_span *spans = cen__alloc(g->context, cen__plus(g->n_spans, n), sizeof *spans);
    cen_status status = sorted != NULL && spans != NULL
                            ? sort_rows(g, rows, n, sorted, error)
                            : cen__fail_memory(error, "the rows of a gallery");
    if (status == CEN_OK) {
        g->spans_capacity = g->n_spans + n;
        g->n_spans = cut_spans(g, sorted, n, spans);
        cen__gallery_span *before = g->spans;
        g->spans = spans;
        spans = before;
        cut_negatives(g, sorted, n);
        g->info.n -= n;
        g->has_other_rows = true;
    }
    cen__free(sorted);
    cen__free(spans);
    return status;
}

/* ---- rename ---------------------------------------------------------------------------------------- */

/* Redirects each name to itself, at first. */
static bool reserve_redirect(cen_gallery *g)
{
    if (g->redirect != NULL) return true;
    uint32_t *redirect = cen__alloc(g->context, g->n_names + 1, sizeof *redirect);
    if (redirect == NULL) return false;
    for (size_t i = 0; i < g->n_names; i++) redirect[i] = (uint32_t)i;
    g->redirect = redirect;
    g->redirect_capacity = g->n_names + 1;
    return true;
}

cen_status cen_gallery_rename(cen_gallery *g, const char *from, const char *to, cen_error *error)
{
    size_t n = 0, label;
    dead old = {.n = 0};
    if (*to == '\0') {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "a name must not be empty; give another one");
    }
    cen_status status = cen_gallery_find(g, from, NULL, 0, &n, error);
    if (status == CEN_OK && (n == 0 || !cen__gallery_find_label(g, from, &label))) {
        status = cen__fail(error, CEN_ERROR_ARGUMENT,
                           "%s: the gallery has no row of this name; check its spelling", from);
    }
    if (status != CEN_OK || strcmp(from, to) == 0) return status;
    const bool has_room = g->n_names < UINT32_MAX - 1 && reserve_redirect(g) &&
                          reserve(g, 0, 1, strlen(to) + 1, &old);
    if (has_room) {
        const uint32_t target = (uint32_t)put_name(g, to);
        for (size_t i = 0; i < g->n_names; i++) {
            if (g->redirect[i] == label) g->redirect[i] = target;
        }
        g->has_other_rows = true;
    }
    bury(&old);
    return has_room ? CEN_OK : cen__fail_memory(error, "the names of a gallery");
}
