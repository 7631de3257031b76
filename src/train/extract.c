#include "train/extract.h"

#include <math.h>
#include <string.h>

#include "base/exchange.h"
#include "base/memory.h"
#include "train/model.h"

enum { BATCH = 64 };

/* features[n, D] of x[n], of this process's share. */
static void predict(cen_predictor *predictor, const cen_exchange *exchange, const float *x,
                    size_t n, float *features)
{
    const cen_model *model = predictor->model;
    const size_t d = model->info.feature_size, size = cen__shape_count(model->net.in);
    size_t first, count;
    cen__exchange_share(exchange, n, &first, &count);
    for (size_t at = first, end = first + count; at < end; at += count) {
        count = end - at < predictor->max_n ? end - at : predictor->max_n;
        memcpy(features + at * d, cen__predict(predictor, x + at * size, count),
               count * d * sizeof *features);
    }
}

cen_status cen__extract(cen_predictor *predictor, const cen__reader *reader, size_t *rows,
                        size_t *n, float *x, float *features, cen_progress *progress, void *user,
                        cen_error *error)
{
    const size_t d = predictor->model->info.feature_size, size = d * sizeof *features;
    size_t n_all = *n, n_done = 0, count;
    cen_status status = CEN_OK;
    void *buffer =
        cen__alloc(reader->context, cen__exchange_room(reader->exchange, reader->size, size), 1);
    if (buffer == NULL) return cen__fail_memory(error, "the features of a batch");
    cen__predictor_use(predictor);
    for (size_t start = 0; start < n_all && status == CEN_OK; start += reader->size) {
        size_t wanted = n_all - start < reader->size ? n_all - start : reader->size;
        status = cen__reader_read(reader, NULL, rows + start, wanted, x, NULL, &count, error);
        if (status == CEN_OK && count > 0) {
            predict(predictor, reader->exchange, x, count, features + n_done * d);
            status = cen__exchange_rows(reader->exchange, features + n_done * d, count, size,
                                        buffer, error);
            memmove(rows + n_done, rows + start, count * sizeof *rows);
            n_done += count;
        }
        if (status == CEN_OK && progress != NULL && progress(user, start + wanted, n_all) != 0) {
            status = cen__fail(error, CEN_ERROR_STOPPED, "the extraction of features was stopped");
        }
    }
    cen__free(buffer);
    if (status == CEN_OK) *n = n_done;
    return status;
}

/* ---- a dataset ----------------------------------------------------------------------------- */

static cen_status check_finite(const cen_dataset *dataset, const size_t *rows, size_t n, size_t d,
                               const float *features, cen_error *error)
{
    char text[CEN__ROW_NAME];
    for (size_t i = 0; i < n * d; i++) {
        if (isfinite(features[i])) continue;
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "%.300s: the model makes a feature of it that is not finite; train it "
                         "again, at a lower learning rate",
                         cen__row_name(dataset, rows[i / d], text));
    }
    return CEN_OK;
}

typedef struct extraction {
    cen_predictor *predictor;
    cen__reader reader;
    size_t *rows; /* the caller's, or NULL */
    size_t *own;
    float *x, *features;
    cen_progress *progress;
    void *user;
} extraction;

static cen_status extract_all(extraction *e, size_t *n, cen_error *error)
{
    const cen_dataset *dataset = e->reader.dataset;
    size_t *rows = e->rows != NULL ? e->rows : e->own, count = dataset->n;
    for (size_t i = 0; i < count; i++) rows[i] = i;
    cen_status status = cen__extract(e->predictor, &e->reader, rows, &count, e->x, e->features,
                                     e->progress, e->user, error);
    if (status == CEN_OK && count == 0)
        status = cen__reader_fail(&e->reader, "of the dataset", error);
    if (status == CEN_OK) {
        status = check_finite(dataset, rows, count, e->predictor->model->info.feature_size,
                              e->features, error);
    }
    if (status == CEN_OK && n != NULL) *n = count;
    return status;
}

cen_status cen_model_features(const cen_model *model, const cen_dataset *dataset, float *features,
                              size_t *rows, size_t *n, cen_progress *progress, void *user,
                              cen_error *error)
{
    cen_dataset taken;
    const cen_input *input = &model->info.input;
    cen_status status = cen__dataset_take(dataset, &taken, error);
    if (status == CEN_OK) status = cen__dataset_check_size(&taken, input, error);
    if (status != CEN_OK) return status;
    size_t batch = taken.n < BATCH ? taken.n : BATCH;
    if (n != NULL) *n = 0;
    if (batch == 0) return CEN_OK;
    extraction e = {.reader = {.context = model->context,
                               .dataset = &taken,
                               .input = input,
                               .size = batch,
                               .unread = rows != NULL ? cen__reader_skip : NULL},
                    .rows = rows,
                    .features = features,
                    .progress = progress,
                    .user = user};
    e.x = cen__alloc(model->context, batch, cen__shape_count(model->net.in) * sizeof *e.x);
    e.own = cen__alloc(model->context, rows == NULL ? taken.n : 0, sizeof *e.own);
    status = e.x != NULL && e.own != NULL ? cen__reader_prepare(&e.reader, error)
                                          : cen__fail_memory(error, "the rows of a batch");
    if (status == CEN_OK) {
        status = cen_predictor_create(&e.predictor, model, batch, error);
        if (status == CEN_OK) status = extract_all(&e, n, error);
        cen_predictor_free(e.predictor);
        cen__reader_free(&e.reader);
    }
    cen__free(e.x);
    cen__free(e.own);
    return status;
}
