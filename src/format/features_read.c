#include <centerloss_eval.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"
#include "format/features.h"
#include "format/gallery_file.h"
#include "format/npy.h"
#include "format/table.h"

/* The memory that the rows and names of a set point into. */
typedef struct {
    cen_context *context; /* for memory */
    char *text;           /* of the file beside it, or of a .csv */
    char *numbers;        /* [unnamed rows, NUMBER_SIZE] names of classes without one */
    const char **names;   /* class_names */
    cen__gallery_file gallery;
} memory;

/* A class, for sorting. */
typedef struct {
    const char *name;
    size_t place;
} named;

enum { NUMBER_SIZE = 12 }; /* of an int32_t in decimal */

cen_status cen__features_fit(const char *path, size_t n, size_t d, uint64_t more, cen_error *error)
{
    uint64_t memory_size = cen__os_memory(), most = memory_size > 0 ? memory_size : UINT64_MAX;
    size_t row_size, size;
    bool fits = cen__multiply(d, sizeof(float), &row_size) &&
                row_size < SIZE_MAX - sizeof(cen_feature_row) &&
                cen__multiply(n, row_size + sizeof(cen_feature_row), &size) && n <= INT32_MAX &&
                more <= most && size <= most - more;
    if (fits) return CEN_OK;
    if (n == 0 && d == 0) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "%s: this file of %llu MB is larger than the memory of this machine, %llu "
                         "MB; export a part of it",
                         path, (unsigned long long)(more >> 20),
                         (unsigned long long)(memory_size >> 20));
    }
    double needed = ((double)d * sizeof(float) + sizeof(cen_feature_row)) * (double)n;
    return cen__fail(
        error, CEN_ERROR_LIMIT,
        "%s: %zu rows of %zu numbers take %.0f MB, and this machine has %llu MB for at "
        "most %ld rows; export a part of them",
        path, n, d, (needed + (double)more) / 1048576, (unsigned long long)(memory_size >> 20),
        (long)INT32_MAX);
}

/* ---- classes ----------------------------------------------------------------------------------- */

static int compare_named(const void *a, const void *b)
{
    const named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    if (order != 0) return order;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* Replaces empty names by the number of the label, or by NULL if there is no label. */
static bool name_by_number(cen_feature_set *set, memory *owned)
{
    size_t n_unnamed = 0;
    for (size_t i = 0; i < set->n; i++) {
        cen_feature_row *row = &set->rows[i];
        if (row->class_name != NULL && *row->class_name == '\0') row->class_name = NULL;
        if (row->split != NULL && *row->split == '\0') row->split = NULL;
        n_unnamed += row->class_name == NULL && row->label >= 0;
    }
    owned->numbers = cen__alloc(owned->context, n_unnamed, NUMBER_SIZE);
    if (owned->numbers == NULL) return false;
    char *number = owned->numbers;
    for (size_t i = 0; i < set->n; i++) {
        cen_feature_row *row = &set->rows[i];
        if (row->class_name != NULL || row->label < 0) continue;
        (void)snprintf(number, NUMBER_SIZE, "%ld", (long)row->label);
        row->class_name = number;
        number += NUMBER_SIZE;
    }
    return true;
}

/* Sets the labels to the places of the names in bytewise order; -1 without a name. */
static bool number_classes(cen_feature_set *set, memory *owned)
{
    named *sorted = cen__alloc(owned->context, set->n, sizeof *sorted);
    if (sorted == NULL) return false;
    size_t n_named = 0, n_classes = 0;
    for (size_t i = 0; i < set->n; i++) {
        set->rows[i].label = -1;
        if (set->rows[i].class_name == NULL) continue;
        sorted[n_named++] = (named){set->rows[i].class_name, i};
    }
    qsort(sorted, n_named, sizeof *sorted, compare_named);
    owned->names = cen__alloc(owned->context, n_named, sizeof *owned->names);
    for (size_t i = 0; i < n_named && owned->names != NULL; i++) {
        if (i == 0 || strcmp(sorted[i].name, sorted[i - 1].name) != 0) {
            owned->names[n_classes++] = sorted[i].name;
        }
        cen_feature_row *row = &set->rows[sorted[i].place];
        row->label = (int32_t)(n_classes - 1);
        row->class_name = owned->names[n_classes - 1];
    }
    cen__free(sorted);
    set->n_classes = n_classes;
    set->class_names = owned->names;
    return owned->names != NULL;
}

/* ---- files ------------------------------------------------------------------------------------- */

/* Empty rows, for numbers without a file of names. */
static cen_status leave_unnamed(cen_context *context, cen_feature_set *set, cen_error *error)
{
    set->rows = cen__alloc(context, set->n, sizeof *set->rows);
    if (set->rows == NULL) return cen__fail_memory(error, "the rows of a file");
    for (size_t i = 0; i < set->n; i++) set->rows[i] = (cen_feature_row){"", -1, NULL, NULL};
    return CEN_OK;
}

/* True if these names belong to these numbers, row by row. */
static bool fits(const cen__table *table, const cen_feature_set *set)
{
    if (table->digests == NULL || table->n != set->n) return false;
    for (size_t i = 0; i < set->n; i++) {
        if (table->digests[i] != cen__features_digest(set->features + i * set->d, set->d)) {
            return false;
        }
    }
    return true;
}

static void take_names(cen__table *table, cen_feature_set *set, memory *owned)
{
    cen__free(table->digests);
    set->rows = table->rows;
    owned->text = table->text;
}

/* Takes the names that a writer has stored under the reserved name, if they fit: it was killed before they were in place,
 * or is still working. */
static bool take_next(const char *beside, cen_feature_set *set, memory *owned)
{
    const int kept = errno;
    cen__table table = {.n = 0};
    char *next = cen__path_hidden(owned->context, beside, ".next");
    const bool is_taken = next != NULL && cen__os_kind(next) == CEN__FILE &&
                          cen__table_read_tsv(owned->context, next, &table, NULL) == CEN_OK &&
                          fits(&table, set);
    if (is_taken) {
        take_names(&table, set, owned);
    } else {
        cen__table_free(&table);
    }
    cen__free(next);
    errno = kept;
    return is_taken;
}

/* *is_torn: numbers and names are of different exports; this may be the moment between two renames. */
static cen_status read_names(const char *path, const char *beside, cen_feature_set *set,
                             memory *owned, bool *is_torn, cen_error *error)
{
    cen__table table = {.n = 0};
    const bool is_there = cen__os_kind(beside) != CEN__NOTHING;
    cen_status status =
        is_there ? cen__table_read_tsv(owned->context, beside, &table, error) : CEN_OK;
    const bool has_digests = table.digests != NULL, has_all = table.n == set->n;
    const size_t n = table.n;
    bool is_taken = status == CEN_OK && is_there && fits(&table, set);
    if (!is_taken && status == CEN_OK && take_next(beside, set, owned)) {
        cen__table_free(&table);
        return CEN_OK;
    }
    if (status == CEN_OK && !is_there) return leave_unnamed(owned->context, set, error);
    is_taken = is_taken || (status == CEN_OK && !has_digests && has_all);
    if (is_taken) {
        take_names(&table, set, owned);
        return CEN_OK;
    }
    cen__table_free(&table);
    *is_torn = status == CEN_OK;
    if (status != CEN_OK) return status;
    if (!has_all) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "%s: it names %zu row%s, but %s has %zu; they are not of one export, so "
                         "export both again",
                         beside, n, cen__plural(n), path, set->n);
    }
    return cen__fail(
        error, CEN_ERROR_FORMAT,
        "%s: its digests are not those of the numbers in %s; export both again, or, if "
        "the numbers were changed on purpose, take out the column digest",
        beside, path);
}

/* True if the numbers at path belong to `next` and not to `beside`. Errors: MEMORY. A file that cannot be read for another
 * reason is not worth keeping. */
static cen_status is_unfinished(cen_context *context, const char *path, const char *beside,
                                const char *next, bool *unfinished, cen_error *error)
{
    cen_feature_set set = {.n = 0};
    cen__table now = {.n = 0}, later = {.n = 0};
    *unfinished = false;
    cen_status status = cen__npy_read(context, path, &set.features, &set.n, &set.d, error);
    if (status == CEN_OK) status = cen__table_read_tsv(context, next, &later, error);
    if (status == CEN_OK && fits(&later, &set)) {
        status = cen__table_read_tsv(context, beside, &now, error);
        *unfinished = status != CEN_ERROR_MEMORY && !fits(&now, &set);
    }
    cen__free(set.features);
    cen__table_free(&now);
    cen__table_free(&later);
    return status == CEN_ERROR_MEMORY ? status : CEN_OK;
}

cen_status cen__features_finish(cen_context *context, const char *path, const char *beside,
                                cen_error *error)
{
    const int kept = errno;
    bool unfinished = false;
    char *next = cen__path_hidden(context, beside, ".next"),
         *place = cen__os_follow(context, beside);
    cen_status status = CEN_OK;
    if (next == NULL || place == NULL) {
        status = cen__fail_memory(error, "the name of a file");
    } else if (cen__os_kind(next) == CEN__FILE) {
        status = is_unfinished(context, path, beside, next, &unfinished, error);
    }
    if (unfinished && !cen__os_replace(next, place)) {
        status = cen__fail(error, CEN_ERROR_IO,
                           "%s: the names that a killed process left in %s cannot be put in place: "
                           "%s; check that disk",
                           beside, next, strerror(errno));
    }
    cen__free(next);
    cen__free(place);
    if (status == CEN_OK) errno = kept;
    return status;
}

static bool is_locked(cen_context *context, const char *path)
{
    const int kept = errno;
    char *lock = cen__path_hidden(context, path, ".lock");
    const bool is_there = lock != NULL && cen__os_kind(lock) != CEN__NOTHING;
    cen__free(lock);
    errno = kept;
    return is_there;
}

/* A writer may be between two renames. So a torn pair is read again, with pauses while a writer holds the lock. */
static cen_status read_pair(const char *path, const char *beside, cen_feature_set *set,
                            memory *owned, cen_error *error)
{
    enum { TRIES = 30, FREE_TRIES = 3 };
    bool is_torn = true;
    cen_status status = CEN_OK;
    for (int i = 0; i < TRIES && is_torn; i++) {
        const bool waits = i > 0 && is_locked(owned->context, path);
        if (waits) cen__os_pause();
        if (i >= FREE_TRIES && !waits) break;
        cen__free(set->features);
        set->features = NULL;
        is_torn = false;
        status = cen__npy_read(owned->context, path, &set->features, &set->n, &set->d, error);
        if (status == CEN_OK) status = read_names(path, beside, set, owned, &is_torn, error);
    }
    return status;
}

static cen_status read_npy(const char *path, cen_feature_set *set, memory *owned, cen_error *error)
{
    char *beside = cen__features_beside(owned->context, path, ".npy", ".tsv");
    if (beside == NULL) return cen__fail_memory(error, "the name of a file");
    cen_status status = read_pair(path, beside, set, owned, error);
    cen__free(beside);
    return status;
}

static cen_status read_csv(const char *path, cen_feature_set *set, memory *owned, cen_error *error)
{
    cen__table table;
    cen_status status = cen__table_read_csv(owned->context, path, &table, error);
    if (status != CEN_OK) {
        cen__table_free(&table);
        return status;
    }
    set->n = table.n;
    set->d = table.d;
    set->rows = table.rows;
    set->features = table.features;
    owned->text = table.text;
    return CEN_OK;
}

static cen_status read_gallery(const char *path, cen_feature_set *set, memory *owned,
                               cen_error *error)
{
    cen_status status = cen__gallery_file_read(owned->context, path, &owned->gallery, error);
    return status == CEN_OK ? cen__gallery_file_take(&owned->gallery, path, set, error) : status;
}

static cen_status check_finite(const char *path, const cen_feature_set *set, cen_error *error)
{
    for (size_t i = 0; i < set->n; i++) {
        for (size_t j = 0; j < set->d; j++) {
            if (isfinite(set->features[i * set->d + j])) continue;
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "%s: row %zu (from 0) holds a number that is not finite as float32; "
                             "leave the row out",
                             path, i);
        }
    }
    return CEN_OK;
}

static bool ends_in(const char *path, const char *ending)
{
    size_t size = strlen(path), ending_size = strlen(ending);
    return size >= ending_size && strcmp(path + size - ending_size, ending) == 0;
}

static cen_status read_file(cen_context *context, const char *path, cen_feature_set *set,
                            cen_error *error)
{
    memory *owned = cen__alloc_zeroed(context, 1, sizeof *owned);
    if (owned == NULL) return cen__fail_memory(error, "features");
    owned->context = context;
    set->owned = owned;
    cen_status status = ends_in(path, ".csv")       ? read_csv(path, set, owned, error)
                        : ends_in(path, ".gallery") ? read_gallery(path, set, owned, error)
                                                    : read_npy(path, set, owned, error);
    if (status == CEN_OK) status = check_finite(path, set, error);
    if (status == CEN_OK && (!name_by_number(set, owned) || !number_classes(set, owned))) {
        status = cen__fail_memory(error, "the classes of features");
    }
    return status;
}

/* ---- the public functions ---------------------------------------------------------------------- */

cen_status cen_features_read(cen_context *context, const char *path, cen_feature_set *set,
                             cen_error *error)
{
    char *inside = NULL;
    memset(set, 0, sizeof *set);
    if (path == NULL) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "features need a path to be read from");
    }
    if (cen__os_kind(path) == CEN__FOLDER) {
        inside = cen__path_join(context, path, "features.npy");
        if (inside == NULL) return cen__fail_memory(error, "the name of a file");
    }
    cen_status status = read_file(context, inside != NULL ? inside : path, set, error);
    cen__free(inside);
    if (status != CEN_OK) cen_features_free(set);
    return status;
}

void cen_features_free(cen_feature_set *set)
{
    if (set == NULL) return;
    memory *owned = set->owned;
    if (owned != NULL) {
        cen__free(owned->text);
        cen__free(owned->numbers);
        cen__free((void *)owned->names);
        cen__gallery_file_free(&owned->gallery);
    }
    cen__free(owned);
    cen__free(set->features);
    cen__free(set->rows);
    memset(set, 0, sizeof *set);
}
