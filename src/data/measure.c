/* Mean and standard deviation of a dataset's channels. */
#include <centerloss_eval.h>

#include <math.h>
#include <string.h>

#include "base/context.h"
#include "base/memory.h"
#include "data/reader.h"

enum { BATCH = 64 };

/* Sums of values times 255, minus `origin`, so that large values do not hide their spread. For pixels, all of
 * them are whole numbers and exact. */
typedef struct channel {
    double origin, sum, square, n;
} channel;

static void add(channel *c, const float *x, size_t n)
{
    if (c->n == 0) c->origin = floor((double)(255 * x[0]));
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        double level = (double)(255 * x[i]) - c->origin;
        sum += level;
        square += level * level;
    }
    c->sum += sum;
    c->square += square;
    c->n += (double)n;
}

/* Both relative to the whole number below the mean, as a folder computes them. */
static void finish(const channel *c, float *mean, float *std)
{
    double whole = floor(c->sum / c->n), rest = c->sum - whole * c->n, fraction = rest / c->n;
    double square = c->square + whole * whole * c->n - 2 * whole * c->sum;
    double variance = square / c->n - fraction * fraction;
    *mean = (float)((c->origin + whole + fraction) / 255);
    *std = variance > 0 ? (float)(sqrt(variance) / 255) : 1;
    if (!(*std > 0)) *std = 1; /* less than a float can resolve */
}

static cen_status measure_all(const cen__reader *reader, size_t *rows, size_t n, float *x,
                              channel *channels, cen_error *error)
{
    const cen_dataset *dataset = reader->dataset;
    size_t plane = dataset->height * dataset->width, count;
    for (size_t at = 0; at < n; at += BATCH) {
        size_t wanted = n - at < BATCH ? n - at : BATCH;
        cen_status status =
            cen__reader_read(reader, NULL, rows + at, wanted, x, NULL, &count, error);
        if (status != CEN_OK) return status;
        for (size_t i = 0; i < count * dataset->channels; i++) {
            add(&channels[i % dataset->channels], x + i * plane, plane);
        }
    }
    return channels[0].n > 0 ? CEN_OK : cen__reader_fail(reader, "to measure", error);
}

static cen_status read_and_measure(cen_context *context, const cen_dataset *dataset, float *mean,
                                   float *std, cen_error *error)
{
    channel channels[CEN_MAX_CHANNELS] = {{0, 0, 0, 0}};
    size_t size = dataset->channels * dataset->height * dataset->width;
    cen__reader reader = {
        .context = context, .dataset = dataset, .size = BATCH, .unread = cen__reader_skip};
    size_t *rows = cen__alloc(context, dataset->n, sizeof *rows);
    float *x = cen__alloc(context, BATCH, size * sizeof *x);
    cen_status status = rows != NULL && x != NULL ? cen__reader_prepare(&reader, error)
                                                  : cen__fail_memory(error, "the rows of a batch");
    if (status == CEN_OK) {
        size_t n = cen__rows_of(dataset, CEN_SPLIT_TRAIN, rows);
        status = n > 0 ? measure_all(&reader, rows, n, x, channels, error)
                       : cen__fail(error, CEN_ERROR_ARGUMENT,
                                   "the dataset has no row to train on; give it some");
        cen__reader_free(&reader);
    }
    for (size_t c = 0; c < dataset->channels && status == CEN_OK; c++) {
        finish(&channels[c], &mean[c], &std[c]);
        if (isfinite(mean[c]) && isfinite(std[c])) continue;
        status =
            cen__fail(error, CEN_ERROR_NOT_FINITE,
                      "the values of channel %zu are too large to be measured; scale them down", c);
    }
    cen__free(rows);
    cen__free(x);
    return status;
}

cen_status cen_dataset_measure(cen_context *context, const cen_dataset *dataset, float *mean,
                               float *std, cen_error *error)
{
    cen_dataset taken;
    cen_context *own = NULL;
    cen_status status = cen__dataset_take(dataset, &taken, error);
    if (status != CEN_OK) return status;
    if (taken.mean != NULL && taken.std != NULL) {
        memcpy(mean, taken.mean, taken.channels * sizeof *mean);
        memcpy(std, taken.std, taken.channels * sizeof *std);
        return CEN_OK;
    }
    context = cen__context_use(context, &own);
    status = context != NULL ? read_and_measure(context, &taken, mean, std, error)
                             : cen__fail_memory(error, "a context");
    cen_context_free(own);
    return status;
}
