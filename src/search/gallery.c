/* The object: rows and names. */
#include "search/gallery.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checks.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/status.h"

/* ---- rows ------------------------------------------------------------------------------------------ */

const cen__gallery_span *cen__gallery_span_of(const cen_gallery *g, size_t i)
{
    size_t low = 0, high = g->n_spans; /* the span is in [low, high) */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (g->spans[middle].first <= i) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &g->spans[low];
}

const uint8_t *cen__gallery_bytes(const cen_gallery *g, size_t i, const cen__gallery_block **block)
{
    const cen__gallery_span *span = cen__gallery_span_of(g, i);
    *block = &g->blocks[span->block];
    return (*block)->rows + (span->place + (i - span->first)) * CEN__GALLERY_ROW;
}

const float *cen__gallery_feature(const cen_gallery *g, size_t i)
{
    const cen__gallery_span *span = cen__gallery_span_of(g, i);
    return g->blocks[span->block].features + (span->place + (i - span->first)) * g->info.d;
}

size_t cen__gallery_negatives_before(const cen_gallery *g, size_t i)
{
    size_t low = 0, high = g->info.n_negatives;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (g->negatives[middle] < i) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool cen__gallery_is_negative(const cen_gallery *g, size_t i)
{
    const size_t place = cen__gallery_negatives_before(g, i);
    return place < g->info.n_negatives && g->negatives[place] == i;
}

void cen__gallery_describe(const cen_gallery *g, size_t i, char *text, size_t size)
{
    const cen__gallery_block *block;
    const uint8_t *bytes = cen__gallery_bytes(g, i, &block);
    const char *source = cen__gallery_source(block, bytes), *path = g->path != NULL ? g->path : "";
    size_t at = 0;
    text[0] = '\0';
    if (*path != '\0') cen__append(text, size, &at, "%s: ", path);
    cen__append(text, size, &at, "row %zu", i);
    if (source != NULL && *source != '\0') cen__append(text, size, &at, " (%s)", source);
}

/* ---- names ----------------------------------------------------------------------------------------- */

const char *cen__gallery_text(const cen_gallery *g, size_t number)
{
    return number < g->n_names ? cen__gallery_name_text(g->blocks, g->n_blocks, number) : NULL;
}

static cen_status fail_row(const cen_gallery *g, size_t i, const char *what, cen_error *error)
{
    char row[CEN__GALLERY_DESCRIBED];
    cen__gallery_describe(g, i, row, sizeof row);
    return cen__fail(
        error, CEN_ERROR_FORMAT,
        "%s of the gallery %s, so the file is damaged; copy it again, or remove the row", row,
        what);
}

cen_status cen__gallery_label(const cen_gallery *g, size_t i, size_t *label, cen_error *error)
{
    const cen__gallery_block *block;
    const size_t number = cen__le32(cen__gallery_bytes(g, i, &block));
    if (number < g->n_names) {
        *label = g->redirect != NULL ? g->redirect[number] : number;
        return CEN_OK;
    }
    return fail_row(g, i, "has no name", error);
}

cen_status cen__gallery_name(const cen_gallery *g, size_t label, const char **name,
                             cen_error *error)
{
    *name = cen__gallery_text(g, label);
    if (*name != NULL) return CEN_OK;
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "%s%sname %zu of the gallery is not in its text, so the file is damaged; copy "
                     "it again",
                     g->path != NULL ? g->path : "", g->path != NULL ? ": " : "", label);
}

static bool is_label(const cen_gallery *g, size_t number)
{
    return g->redirect == NULL || g->redirect[number] == number;
}

static uint64_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *name != '\0'; name++) hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return hash ^ hash >> 32;
}

/* The slot of a name, or a free one. n_slots is a power of 2, and some are free. */
static size_t slot_of(const cen_gallery *g, const char *name)
{
    size_t slot = (size_t)hash_of(name) & (g->n_slots - 1);
    for (; g->slots[slot] != 0; slot = (slot + 1) & (g->n_slots - 1)) {
        const size_t number = g->slots[slot] - 1;
        const char *text = cen__gallery_text(g, number);
        if (is_label(g, number) && text != NULL && strcmp(text, name) == 0) break;
    }
    return slot;
}

bool cen__gallery_find_label(const cen_gallery *g, const char *name, size_t *label)
{
    if (g->slots != NULL) {
        const size_t slot = slot_of(g, name);
        if (g->slots[slot] != 0) *label = g->slots[slot] - 1;
        return g->slots[slot] != 0;
    }
    for (size_t i = 0; i < g->n_names; i++) {
        const char *text = cen__gallery_text(g, i);
        if (text == NULL || !is_label(g, i) || strcmp(text, name) != 0) continue;
        *label = i;
        return true;
    }
    return false;
}

bool cen__gallery_index(cen_gallery *g, size_t more)
{
    enum { MOST_SCANS = 16 };
    size_t n_slots = 64;
    if (g->slots == NULL && more <= MOST_SCANS - g->n_scans) {
        g->n_scans += more;
        return true;
    }
    while (n_slots / 2 < g->n_names + more) n_slots *= 2;
    if (g->slots != NULL && n_slots <= g->n_slots) return true;
    uint32_t *slots = cen__alloc_zeroed(g->context, n_slots, sizeof *slots);
    if (slots == NULL) return false;
    cen__free(g->slots);
    g->slots = slots;
    g->n_slots = n_slots;
    for (size_t i = 0; i < g->n_names; i++) cen__gallery_index_add(g, i);
    return true;
}

void cen__gallery_index_add(cen_gallery *g, size_t number)
{
    const char *text = g->slots != NULL ? cen__gallery_text(g, number) : NULL;
    if (text == NULL || !is_label(g, number)) return;
    const size_t slot = slot_of(g, text);
    if (g->slots[slot] == 0) g->slots[slot] = (uint32_t)number + 1;
}

/* ---- the public functions -------------------------------------------------------------------------- */

void cen__gallery_point_info(cen_gallery *g)
{
    g->info.d = g->about.d;
    g->info.metric = g->about.metric;
    g->info.model = g->about.model;
    g->info.fingerprint = g->about.fingerprint;
    g->info.known = g->about.known;
    g->info.same = g->about.same;
}

cen_status cen__gallery_start(cen_context *context, cen_gallery **gallery, cen_error *error)
{
    cen_context *own;
    *gallery = NULL;
    context = cen__context_use(context, &own);
    if (context == NULL) return cen__fail_memory(error, "a context");
    cen_gallery *g = *gallery = cen__alloc_zeroed(context, 1, sizeof *g);
    if (g == NULL) {
        cen_context_free(own);
        return cen__fail_memory(error, "a gallery");
    }
    g->context = context;
    g->own_context = own;
    return CEN_OK;
}

/* True if the info of a file would have no room for it. */
static bool is_long(const char *text)
{
    return text != NULL && strlen(text) > CEN__GALLERY_TEXT_MOST;
}

cen_status cen_gallery_create(cen_context *context, cen_gallery **gallery,
                              const cen_gallery_options *options, cen_error *error)
{
    cen_gallery_options o = cen_gallery_options_init();
    size_t row_size;
    *gallery = NULL;
    cen_status status = cen__take_options(&o, options, error);
    if (status == CEN_OK) {
        status = cen__check_choice("the metric", (long)o.metric, CEN_METRIC_COSINE, error);
    }
    if (status == CEN_OK && (o.d == 0 || !cen__multiply(o.d, sizeof(float), &row_size))) {
        status =
            cen__fail(error, CEN_ERROR_ARGUMENT,
                      "a gallery of features of %zu numbers cannot be made; d is at least 1", o.d);
    }
    if (status == CEN_OK && (is_long(o.model) || is_long(o.fingerprint))) {
        status =
            cen__fail(error, CEN_ERROR_ARGUMENT,
                      "the model or the fingerprint of a gallery has more than %d bytes; take a "
                      "shorter one",
                      (int)CEN__GALLERY_TEXT_MOST);
    }
    if (status == CEN_OK) status = cen__gallery_start(context, gallery, error);
    if (status != CEN_OK) return status;
    cen_gallery *g = *gallery;
    g->about.d = o.d;
    g->about.metric = o.metric;
    if (o.model != NULL) g->about.model = cen__duplicate(g->context, o.model);
    if (o.fingerprint != NULL) g->about.fingerprint = cen__duplicate(g->context, o.fingerprint);
    cen__gallery_point_info(g);
    if ((o.model == NULL) == (g->about.model == NULL) &&
        (o.fingerprint == NULL) == (g->about.fingerprint == NULL)) {
        return CEN_OK;
    }
    cen_gallery_free(g);
    *gallery = NULL;
    return cen__fail_memory(error, "a gallery");
}

void cen__gallery_drop(cen_gallery *g)
{
    for (size_t i = 0; i < g->n_blocks; i++) {
        cen__free(g->growing[i].features);
        cen__free(g->growing[i].rows);
        cen__free(g->growing[i].negatives);
        cen__free(g->growing[i].names);
        cen__free(g->growing[i].text);
    }
    cen__free(g->blocks);
    cen__free(g->growing);
    cen__free(g->spans);
    cen__free(g->negatives);
    cen__free(g->redirect);
    cen__free(g->slots);
    cen__free(g->state);
    if (g->file != NULL) cen__gallery_file_free(g->file);
    cen__free(g->file);
}

void cen_gallery_free(cen_gallery *g)
{
    if (g == NULL) return;
    cen__gallery_drop(g);
    cen__gallery_about_free(&g->about);
    cen_lock_release(g->lock);
    cen__free(g->path);
    cen_context *own = g->own_context;
    cen__free(g);
    cen_context_free(own);
}

const cen_gallery_info *cen_gallery_get(const cen_gallery *gallery)
{
    return &gallery->info;
}

static cen_status check_row(const cen_gallery *g, size_t i, cen_error *error)
{
    if (i < g->info.n) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT, "row %zu is not there; the gallery has %zu row%s",
                     i, g->info.n, cen__plural(g->info.n));
}

cen_status cen_gallery_row_get(const cen_gallery *g, size_t i, cen_gallery_row *row,
                               cen_error *error)
{
    cen_gallery_row found;
    size_t label = 0;
    cen_status status = check_row(g, i, error);
    if (status == CEN_OK) status = cen__gallery_label(g, i, &label, error);
    if (status == CEN_OK) status = cen__gallery_name(g, label, &found.name, error);
    if (status != CEN_OK) return status;
    const cen__gallery_block *block;
    const uint8_t *bytes = cen__gallery_bytes(g, i, &block);
    found.source = cen__gallery_source(block, bytes);
    if (found.source == NULL) return fail_row(g, i, "has no source", error);
    memcpy(found.digest, bytes + CEN__GALLERY_DIGEST, CEN_DIGEST_SIZE);
    found.is_negative = cen__gallery_is_negative(g, i);
    found.feature = cen__gallery_feature(g, i);
    *row = found;
    return CEN_OK;
}

cen_status cen_gallery_find(const cen_gallery *g, const char *name, size_t *rows, size_t most,
                            size_t *n, cen_error *error)
{
    size_t wanted, found = 0;
    (void)error;
    const bool is_there = cen__gallery_find_label(g, name, &wanted);
    for (size_t s = 0; s < g->n_spans && is_there; s++) {
        const cen__gallery_span *span = &g->spans[s];
        const uint8_t *bytes = g->blocks[span->block].rows + span->place * CEN__GALLERY_ROW;
        for (size_t i = 0; i < span->n; i++, bytes += CEN__GALLERY_ROW) {
            const size_t number = cen__le32(bytes);
            if (number >= g->n_names) continue;
            if ((g->redirect != NULL ? g->redirect[number] : number) != wanted) continue;
            if (found < most) rows[found] = span->first + i;
            found++;
        }
    }
    *n = found;
    return CEN_OK;
}

cen_status cen__gallery_set_calibration(cen_gallery *g, const cen_threshold *known,
                                        const cen_threshold *same, const void *state,
                                        size_t state_size, cen_error *error)
{
    const double numbers[] = {known->distance, known->false_accepts, known->low, known->high,
                              same->distance,  same->false_accepts,  same->low,  same->high};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (isfinite(numbers[i])) continue;
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a threshold of the gallery is not finite; calibrate with more rows");
    }
    uint8_t *copy = cen__alloc(g->context, state_size, 1);
    if (copy == NULL) return cen__fail_memory(error, "a gallery");
    if (state_size > 0) memcpy(copy, state, state_size);
    cen__free(g->state);
    g->state = copy;
    g->state_size = state_size;
    g->about.known = g->info.known = *known;
    g->about.same = g->info.same = *same;
    g->has_other_state = true;
    return CEN_OK;
}
