/* The normalisation of scores by a cohort of strangers, as speaker recognition does (the test side of AS-norm:
 * Matejka et al. 2017), with two changes that were measured: the score is divided, not shifted, and by the square root.
 * With a = d(x, gallery) and m(x) the mean distance of x to its 10 nearest of the cohort, a stranger passes if
 *
 *     a / sqrt(m(x) / m)  <=  threshold,     m the mean of m(x) over strangers
 *
 * Thresholds so depend on the question only, and stay valid when rows are added or removed. Kept as
 *
 *     n <u8, m <f8, features <f4 [n, d] */
#include "search/cohort.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/sizes.h"

enum { HEAD = 16 };

cen_status cen__cohort_measure(const cen_gallery *g, const cen__cohort *cohort,
                               const float *queries, size_t n,
                               bool (*skips)(const void *skip_data, size_t query, size_t row),
                               const void *skip_data, double *closeness, cen_error *error)
{
    enum { K = CEN__COHORT_NEAR };
    double *exact = cen__alloc(g->context, cen__times(n, K), sizeof *exact);
    const cen__query query = {.gallery = cohort->features,
                              .queries = queries,
                              .n_gallery = cohort->n,
                              .n_queries = n,
                              .d = g->info.d,
                              .k = K,
                              .metric = g->info.metric,
                              .skips = skips,
                              .skip_data = skip_data,
                              .context = g->context};
    cen_status status = exact != NULL ? cen__search(&query, (cen__found){.exact = exact}, error)
                                      : cen__fail_memory(error, "a search among strangers");
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        double sum = 0;
        for (size_t j = 0; j < K; j++) sum += exact[i * K + j];
        closeness[i] = sum / K;
    }
    cen__free(exact);
    return status;
}

double cen__cohort_factor(const cen__cohort *cohort, double closeness)
{
    return sqrt(closeness / cohort->typical);
}

static void put_le(uint8_t *bytes, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(value >> 8 * i);
}

uint8_t *cen__cohort_write(const cen_gallery *g, const cen__cohort *cohort, size_t *size)
{
    const size_t count = cohort->n * g->info.d;
    *size = HEAD + 4 * count;
    uint8_t *bytes = cen__alloc(g->context, *size, 1);
    if (bytes == NULL) return NULL;
    uint64_t typical;
    memcpy(&typical, &cohort->typical, sizeof typical);
    put_le(bytes, cohort->n, 8);
    put_le(bytes + 8, typical, 8);
    for (size_t i = 0; i < count; i++) {
        uint32_t number;
        memcpy(&number, &cohort->features[i], sizeof number);
        put_le(bytes + HEAD + 4 * i, number, 4);
    }
    return bytes;
}

cen_status cen__cohort_read(const cen_gallery *g, cen__cohort *cohort, cen_error *error)
{
    cen__cohort read = {0};
    *cohort = read;
    if (g->state_size == 0) return CEN_OK;
    const size_t d = g->info.d;
    bool is_whole = g->state_size >= HEAD;
    if (is_whole) {
        const uint64_t typical = cen__le64(g->state + 8), n = cen__le64(g->state);
        memcpy(&read.typical, &typical, sizeof typical);
        is_whole = n >= CEN__COHORT_NEAR && n <= CEN__COHORT_MOST && read.typical > 0 &&
                   isfinite(read.typical) && g->state_size - HEAD == (size_t)n * d * 4;
        read.n = (size_t)n;
    }
    if (is_whole) {
        read.features = cen__alloc(g->context, read.n * d, sizeof *read.features);
        if (read.features == NULL) return cen__fail_memory(error, "the strangers of a gallery");
    }
    for (size_t i = 0; i < read.n * d && is_whole; i++) {
        const uint32_t number = cen__le32(g->state + HEAD + 4 * i);
        memcpy(&read.features[i], &number, sizeof number);
        is_whole = isfinite(read.features[i]);
    }
    if (is_whole) {
        *cohort = read;
        return CEN_OK;
    }
    cen__free(read.features);
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "the strangers that the gallery keeps of its calibration are damaged; "
                     "calibrate it again");
}
