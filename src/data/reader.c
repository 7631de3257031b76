#include <centerloss_eval.h>

#include "data/reader.h"

#include <string.h>

#include "base/context.h"
#include "base/exchange.h"
#include "base/memory.h"
#include "data/augment.h"

enum {
    READ_CHUNK = 1 << 16,   /* numbers normalised in one task, */
    CHANGE_CHUNK = 1 << 13, /* or changed and normalised */
    CHANGE_WORK = 16        /* the work of a number, as a multiple of normalising it */
};

cen_status cen__reader_skip(void *user, size_t row, const cen_error *why, cen_error *error)
{
    (void)user;
    (void)row;
    (void)why;
    (void)error;
    return CEN_OK;
}

cen_status cen__reader_prepare(cen__reader *reader, cen_error *error)
{
    const cen_dataset *dataset = reader->dataset;
    size_t n_threads = (size_t)cen_context_threads(reader->context);
    reader->n_values = dataset->channels * dataset->height * dataset->width;
    size_t room = cen__exchange_room(reader->exchange, reader->size, sizeof *reader->errors);
    reader->errors = cen__alloc_zeroed(reader->context, reader->size, sizeof *reader->errors);
    reader->buffer = cen__alloc(reader->context, room, 1);
    reader->raw = cen__alloc(reader->context, n_threads, reader->n_values * sizeof *reader->raw);
    if (reader->errors != NULL && reader->raw != NULL && reader->buffer != NULL) return CEN_OK;
    cen__reader_free(reader);
    return cen__fail_memory(error, "the rows of a batch");
}

void cen__reader_free(cen__reader *reader)
{
    cen__free(reader->errors);
    cen__free(reader->buffer);
    cen__free(reader->raw);
    *reader = (cen__reader){.errors = NULL};
}

/* ---- raw values ---------------------------------------------------------------------------- */

/* True if the error is not that of a row. */
static bool is_fatal(cen_status status)
{
    return status == CEN_ERROR_MEMORY || status == CEN_ERROR_STOPPED ||
           status == CEN_ERROR_ARGUMENT;
}

/* Halves rows that cannot be read together, until it finds those that fail by themselves. errors[n] of the others
 * is CEN_OK. */
static cen_status read_raw(const cen__reader *reader, const size_t *rows, size_t n, float *x,
                           cen_error *errors, cen_error *error)
{
    cen_error why = {CEN_OK, "it cannot be read"};
    cen_status status = reader->dataset->read(reader->dataset->user, rows, n, x, &why);
    if (status == CEN_OK) {
        for (size_t i = 0; i < n; i++) errors[i].status = CEN_OK;
        return CEN_OK;
    }
    /* for example -1 from a function in another language */
    if ((unsigned)status > CEN_ERROR_NOT_FINITE) status = CEN_ERROR_IO;
    if (is_fatal(status)) return cen__fail(error, status, "%s", why.message);
    if (n == 1) {
        errors[0] = why;
        errors[0].status = status;
        return CEN_OK;
    }
    const size_t half = n / 2;
    status = read_raw(reader, rows, half, x, errors, error);
    if (status != CEN_OK) return status;
    return read_raw(reader, rows + half, n - half, x + half * reader->n_values, errors + half,
                    error);
}

/* Moves up the rows that could be read; *n becomes their number. */
static cen_status pass_over(const cen__reader *reader, size_t *rows, size_t *n, float *x,
                            cen_error *error)
{
    const size_t size = reader->n_values;
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        const cen_error *why = &reader->errors[i];
        if (why->status != CEN_OK && reader->unread == NULL) {
            return cen__fail(error, why->status, "%s", why->message);
        }
        if (why->status != CEN_OK) {
            cen_status status = reader->unread(reader->user, rows[i], why, error);
            if (status != CEN_OK) return status;
            if (i > 0) reader->errors[0] = *why;
            continue;
        }
        rows[kept] = rows[i];
        if (kept < i) memcpy(x + kept * size, x + i * size, size * sizeof *x);
        kept++;
    }
    *n = kept;
    return CEN_OK;
}

/* ---- numbers ------------------------------------------------------------------------------- */

typedef struct batch {
    const cen__reader *reader;
    const cen__changes *changes; /* NULL: rows are not changed */
    const size_t *rows;
    size_t n, chunk; /* rows of the call, of a task */
    float *x;
    cen_error *errors; /* of these rows */
} batch;

/* Looks at the exponents, so that the compiler can use vectors. */
static bool are_finite(const float *x, size_t n)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bad |= (bits & 0x7f800000U) == 0x7f800000U;
    }
    return bad == 0;
}

static void normalise(const cen_input *input, float *x)
{
    size_t plane = input->height * input->width;
    for (size_t c = 0; c < input->channels; c++, x += plane) {
        const float mean = input->mean[c], std = input->std[c];
        for (size_t i = 0; i < plane; i++) x[i] = (x[i] - mean) / std;
    }
}

/* Gives NOT_FINITE and no message to each row with a number that is not finite. */
static void prepare_chunk(void *data, size_t task, int worker)
{
    const batch *b = data;
    const cen__reader *reader = b->reader;
    const size_t size = reader->n_values, begin = task * b->chunk;
    const size_t end = b->n - begin < b->chunk ? b->n : begin + b->chunk;
    for (size_t i = begin; i < end; i++) {
        float *x = b->x + i * size;
        if (b->errors[i].status != CEN_OK) continue;
        if (!are_finite(x, size)) b->errors[i] = (cen_error){CEN_ERROR_NOT_FINITE, ""};
        if (b->errors[i].status != CEN_OK || reader->input == NULL) continue;
        if (b->changes == NULL) {
            normalise(reader->input, x);
            continue;
        }
        float *raw = reader->raw + (size_t)worker * size;
        memcpy(raw, x, size * sizeof *x);
        const cen__change change = cen__augment_draw(
            b->changes->augment, reader->input, b->changes->seed, b->changes->epoch, b->rows[i]);
        cen__change_apply(&change, reader->input, raw, x);
    }
}

static cen_status prepare(const batch *b, cen_error *error)
{
    const cen__reader *reader = b->reader;
    char text[CEN__ROW_NAME];
    double work = (double)b->n * (double)reader->n_values * (b->changes == NULL ? 1 : CHANGE_WORK);
    cen__parallel(reader->context, (b->n + b->chunk - 1) / b->chunk, work, prepare_chunk,
                  (void *)b);
    for (size_t i = 0; i < b->n; i++) {
        if (b->errors[i].status == CEN_OK || b->errors[i].message[0] != '\0') continue;
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "%.300s: it holds a value that is not finite; fix it, or leave it "
                         "out",
                         cen__row_name(reader->dataset, b->rows[i], text));
    }
    return CEN_OK;
}

/* The rows of this process, of n. */
static cen_status read_share(const cen__reader *reader, const cen__changes *changes,
                             const size_t *rows, size_t n, float *x, cen_error *error)
{
    const bool is_changed = changes != NULL && !cen__augment_is_none(changes->augment);
    size_t first, count;
    cen__exchange_share(reader->exchange, n, &first, &count);
    const batch b = {.reader = reader,
                     .changes = is_changed ? changes : NULL,
                     .rows = rows + first,
                     .n = count,
                     .chunk = (is_changed ? CHANGE_CHUNK : READ_CHUNK) / reader->n_values + 1,
                     .x = x + first * reader->n_values,
                     .errors = reader->errors + first};
    if (count == 0) return CEN_OK;
    cen_status status = read_raw(reader, b.rows, count, b.x, b.errors, error);
    return status == CEN_OK ? prepare(&b, error) : status;
}

/* What has come of the rows in all processes: *is_broken if some cannot be read, of which all then have the
 * errors. */
static cen_status agree(const cen__reader *reader, cen_status status, size_t n, bool *is_broken,
                        cen_error *error)
{
    enum { FINE, BROKEN, FAILED };
    size_t first, count;
    cen__exchange_share(reader->exchange, n, &first, &count);
    *is_broken = false;
    for (size_t i = first; i < first + count && status == CEN_OK; i++) {
        *is_broken = *is_broken || reader->errors[i].status != CEN_OK;
    }
    if (cen__exchange_is_alone(reader->exchange)) return status;
    const unsigned char own = status != CEN_OK ? FAILED : *is_broken ? BROKEN : FINE;
    unsigned char *all = reader->buffer, worst = FINE;
    cen_status shared = cen__exchange_gather(reader->exchange, &own, 1, all, error);
    if (shared != CEN_OK) return shared;
    for (size_t rank = 0; rank < reader->exchange->n_ranks; rank++) {
        if (all[rank] > worst) worst = all[rank];
    }
    if (worst == FAILED) {
        return cen__exchange_status(reader->exchange, reader->context, status, error);
    }
    *is_broken = worst == BROKEN;
    if (!*is_broken) return CEN_OK;
    return cen__exchange_rows(reader->exchange, reader->errors, n, sizeof *reader->errors,
                              reader->buffer, error);
}

cen_status cen__reader_read(const cen__reader *reader, const cen__changes *changes, size_t *rows,
                            size_t n, float *x, int32_t *labels, size_t *n_read, cen_error *error)
{
    cen_status status = CEN_OK;
    bool is_broken = n > 0;
    *n_read = n;
    while (status == CEN_OK && is_broken && *n_read > 0) {
        status = read_share(reader, changes, rows, *n_read, x, error);
        status = agree(reader, status, *n_read, &is_broken, error);
        if (status == CEN_OK && is_broken) status = pass_over(reader, rows, n_read, x, error);
        if (cen__exchange_is_alone(reader->exchange)) break; /* else shares are other ones now */
    }
    for (size_t i = 0; i < *n_read && labels != NULL; i++) {
        const int32_t label =
            reader->dataset->labels != NULL ? reader->dataset->labels[rows[i]] : -1;
        labels[i] = label >= 0 && reader->labels != NULL ? reader->labels[label] : label;
    }
    return status;
}

cen_status cen__reader_fail(const cen__reader *reader, const char *of, cen_error *error)
{
    return cen__fail(error, reader->errors[0].status,
                     "%s; no row %s can be read, put them back and go on",
                     reader->errors[0].message, of);
}

/* ---- public -------------------------------------------------------------------------------- */

static cen_status read_copy(const cen__reader *reader, const cen__changes *changes,
                            const size_t *rows, float *x, int32_t *labels, cen_error *error)
{
    size_t n;
    size_t *copy = cen__alloc(reader->context, reader->size, sizeof *copy);
    if (copy == NULL) return cen__fail_memory(error, "the rows of a batch");
    memcpy(copy, rows, reader->size * sizeof *copy);
    cen_status status = cen__reader_read(reader, changes, copy, reader->size, x, labels, &n, error);
    cen__free(copy);
    return status;
}

cen_status cen_dataset_read(cen_context *context, const cen_dataset *dataset,
                            const cen_input *input, const cen_augment *augment, uint64_t seed,
                            size_t epoch, const size_t *rows, size_t n, float *x, int32_t *labels,
                            cen_error *error)
{
    cen_dataset taken;
    cen_augment change;
    const cen__changes changes = {&change, seed, epoch};
    cen_status status = cen__dataset_take(dataset, &taken, error);
    if (status == CEN_OK) status = cen__dataset_check_size(&taken, input, error);
    if (status == CEN_OK) status = cen__augment_take(augment, input, &change, error);
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        if (rows[i] < taken.n) continue;
        status =
            cen__fail(error, CEN_ERROR_ARGUMENT, "there is no row %zu of %zu", rows[i], taken.n);
    }
    if (status != CEN_OK || n == 0) return status;
    cen_context *own;
    cen__reader reader = {
        .context = cen__context_use(context, &own), .dataset = &taken, .input = input, .size = n};
    status = reader.context != NULL ? cen__reader_prepare(&reader, error)
                                    : cen__fail_memory(error, "a context");
    if (status == CEN_OK) {
        status = read_copy(&reader, &changes, rows, x, labels, error);
        cen__reader_free(&reader);
    }
    cen_context_free(own);
    return status;
}
