#include <centerloss_eval.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"
#include "format/feature_format.h"
#include "format/features.h"

static const cen__feature_format *const formats[] = {
#define CEN__FEATURE_FORMAT(name) &cen__##name##_format,
#include "format/feature_list.h"
#undef CEN__FEATURE_FORMAT
};

static const cen__feature_format *format_of(cen_features_format format)
{
    return (size_t)format < sizeof formats / sizeof *formats ? formats[format] : NULL;
}

static cen_status start_file(cen_context *context, const char *path, cen__feature_write *write,
                             const cen__feature_table *t, cen__writer **writer, cen_error *error)
{
    cen__text line = {.context = context};
    cen_status status = cen__writer_create(context, writer, path, error);
    if (status != CEN_OK) return status;
    if (!write(t, &line, *writer)) {
        cen__writer_discard(writer);
        status = cen__fail_memory(error, "a line of a feature file");
    }
    cen__free(line.data);
    return status;
}

static char *exchange_ending(cen_context *context, const char *path, const char *ending,
                             const char *beside)
{
    size_t size = strlen(path), ending_size = strlen(ending);
    if (size >= ending_size && strcmp(path + size - ending_size, ending) == 0) size -= ending_size;
    char *result = cen__alloc(context, size + strlen(beside) + 1, 1);
    if (result == NULL) return NULL;
    memcpy(result, path, size);
    strcpy(result + size, beside);
    return result;
}

char *cen__features_beside(cen_context *context, const char *path, const char *ending,
                           const char *beside)
{
    char *result = exchange_ending(context, path, ending, beside);
    const bool is_there =
        result == NULL || cen__os_kind(result) != CEN__NOTHING || cen__os_is_link(result);
    if (is_there || !cen__os_is_link(path)) return result;
    const int kept = errno;
    char *file = cen__os_follow(context, path);
    if (file == NULL && errno != ENOMEM) { /* links that form a circle */
        errno = kept;
        return result;
    }
    cen__free(result);
    result = file != NULL ? exchange_ending(context, file, ending, beside) : NULL;
    cen__free(file);
    return result;
}

/* A failure leaves the old pair. */
static cen_status write_pair(cen_context *context, const char *path, const char *beside,
                             const cen__feature_format *format, const cen__feature_table *t,
                             cen_error *error)
{
    cen__writer *writer, *writer_beside;
    cen_status status = CEN_OK;
    if (format->is_tied) status = cen__features_finish(context, path, beside, error);
    if (status == CEN_OK) {
        status = start_file(context, path, format->write, t, &writer, error);
    }
    if (status != CEN_OK) return status;
    if (beside == NULL) return cen__writer_commit(&writer, error);
    status = start_file(context, beside, format->write_beside, t, &writer_beside, error);
    if (status == CEN_OK) return cen__writer_commit_pair(&writer, &writer_beside, error);
    cen__writer_discard(&writer);
    return status;
}

/* Numbers that are not finite could not be read again. */
static cen_status check_finite(const char *path, const cen__feature_table *t, cen_error *error)
{
    for (size_t i = 0; i < t->n * t->d; i++) {
        if (isfinite(t->features[i])) continue;
        const size_t row = i / t->d;
        const char *name = t->rows != NULL ? cen__feature_text(t->rows[row].path) : "";
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "%s: row %zu (from 0)%s%s has a feature that is not finite; leave it out",
                         path, row, *name != '\0' ? ", " : "", name);
    }
    return CEN_OK;
}

static cen_status fail_stream(const char *path, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%s: a pair of files cannot go here; name a file, or write a .csv", path);
}

static cen_status check(const char *path, const cen__feature_format *format,
                        const cen__feature_table *t, cen_error *error)
{
    size_t size;
    if (path == NULL || format == NULL) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "features need a path and a format to be written in");
    }
    if (t->d == 0 || (t->n > 0 && t->features == NULL) ||
        (t->n > 0 && t->rows == NULL && format->needs_rows)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "%s: features need at least one number each, and %s rows that name them",
                         path, format->name);
    }
    if (format->write_beside != NULL && cen__os_is_stream(path)) {
        return fail_stream(path, error);
    }
    if (!cen__multiply(t->n, t->d, &size) || !cen__multiply(size, sizeof(float), &size) ||
        t->d > format->most_d) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "%s: %zu features of %zu numbers are too many",
                         path, t->n, t->d);
    }
    return check_finite(path, t, error);
}

cen_status cen_features_replace(cen_context *context, const char *path, cen_features_format format,
                                const float *features, size_t n, size_t d,
                                const cen_feature_row *rows, cen_error *error)
{
    const cen__feature_table t = {features, n, d, rows};
    char *beside = NULL;
    const cen__feature_format *kind = format_of(format);
    cen_status status = check(path, kind, &t, error);
    if (status != CEN_OK) return status;
    if (kind->write_beside != NULL && (rows != NULL || kind->needs_rows)) {
        beside = cen__features_beside(context, path, kind->ending, kind->beside);
        if (beside == NULL) return cen__fail_memory(error, "the name of a file");
    }
    if (beside != NULL && cen__os_is_stream(beside)) { /* the folder may not be read */
        status = fail_stream(beside, error);
    } else {
        status = write_pair(context, path, beside, kind, &t, error);
    }
    cen__free(beside);
    return status;
}

cen_status cen_features_lock(cen_context *context, cen_lock **lock, const char *path,
                             cen_error *error)
{
    *lock = NULL;
    if (cen__os_is_stream(path)) return CEN_OK;
    char *hidden = cen__path_hidden(context, path, ".lock");
    if (hidden == NULL && errno == ENOMEM) return cen__fail_memory(error, "the name of a file");
    if (hidden == NULL) {
        return cen__fail(error, CEN_ERROR_IO, "%s: cannot write here: %s; choose another place",
                         path, strerror(errno));
    }
    cen_error why = {CEN_OK, ""};
    cen_status status = cen_lock_take(context, lock, hidden, true, &why);
    cen__free(hidden);
    if (status == CEN_OK) return CEN_OK;
    return cen__fail(error, status, "%s: %s", path, why.message);
}

cen_status cen_features_write(cen_context *context, const char *path, cen_features_format format,
                              const float *features, size_t n, size_t d,
                              const cen_feature_row *rows, cen_error *error)
{
    const cen__feature_table t = {features, n, d, rows};
    cen_lock *lock;
    cen_status status = check(path, format_of(format), &t, error);
    if (status == CEN_OK) status = cen_features_lock(context, &lock, path, error);
    if (status != CEN_OK) return status;
    status = cen_features_replace(context, path, format, features, n, d, rows, error);
    cen_lock_release(lock);
    return status;
}

void cen_features_normalize(float *features, size_t n, size_t d)
{
    for (size_t i = 0; i < n; i++) {
        float *row = features + i * d;
        double sum = 0;
        for (size_t j = 0; j < d; j++) sum += (double)row[j] * (double)row[j];
        if (sum == 0) continue;
        double length = sqrt(sum);
        for (size_t j = 0; j < d; j++) row[j] = (float)((double)row[j] / length);
    }
}
