/* A threshold from the distances of strangers to a gallery: who the strangers are, and how far. */
#include "search/threshold.h"

#include <math.h>
#include <string.h>

#include "base/context.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/sizes.h"
#include "base/status.h"
#include "search/search.h"

/* ---- who plays the stranger -------------------------------------------------------------------- */

enum { MOST_PICTURES = 1 << 14, LEAST_OF_CLASS = 8, MOST_PASS = 100 };

size_t cen__threshold_most(double far)
{
    const double most = fmax(MOST_PICTURES, ceil((double)MOST_PASS / far));
    return most < 1e9 ? (size_t)most : (size_t)1000000000;
}

/* counts[c]: the number of rows of class c that are drawn. If the gallery has more than `most` rows, each class gives
 * equally many, at least LEAST_OF_CLASS, and classes are drawn until there are enough. order is scratch. */
static void share_out(const cen__classes *all, size_t most, size_t *order, size_t *counts)
{
    const size_t n = all->n_classes, all_of_class = all->n_rows <= most ? all->n_rows : 0;
    size_t each = n > 0 ? most / n : 0, total = 0;
    if (each < LEAST_OF_CLASS) each = LEAST_OF_CLASS;
    if (each < all_of_class) each = all_of_class;
    for (size_t c = 0; c < n; c++) order[c] = c;
    cen__shuffle(order, n, 1, CEN__STREAM_THRESHOLD);
    for (size_t i = 0; i < n; i++) {
        const size_t size = all->starts[order[i] + 1] - all->starts[order[i]];
        counts[order[i]] = total >= most ? 0 : size < each ? size : each;
        total += counts[order[i]];
    }
}

bool cen__threshold_draw(cen_context *context, const cen__classes *all, size_t most,
                         cen__classes *sample)
{
    const size_t n = all->n_classes;
    size_t *order = cen__alloc(context, n, sizeof *order),
           *counts = cen__alloc(context, n, sizeof *counts);
    sample->rows = cen__alloc(context, all->n_rows, sizeof *sample->rows);
    sample->starts = cen__alloc(context, n + 1, sizeof *sample->starts);
    const bool ok =
        order != NULL && counts != NULL && sample->rows != NULL && sample->starts != NULL;
    if (ok) share_out(all, most, order, counts);
    for (size_t c = 0; c < n && ok; c++) {
        const size_t size = all->starts[c + 1] - all->starts[c];
        size_t *rows = sample->rows + sample->n_rows;
        memcpy(rows, all->rows + all->starts[c], size * sizeof *rows);
        if (counts[c] < size) cen__shuffle(rows, size, 1, cen__substream(CEN__STREAM_THRESHOLD, c));
        if (counts[c] > 0) sample->starts[sample->n_classes++] = sample->n_rows;
        sample->n_rows += counts[c];
    }
    if (ok) sample->starts[sample->n_classes] = sample->n_rows;
    cen__free(order);
    cen__free(counts);
    return ok;
}

/* ---- checks ------------------------------------------------------------------------------------ */

cen_status cen__threshold_check(double far, size_t n_gallery, size_t n, cen_error *error)
{
    if (!(far > 0 && far < 1)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the share of strangers that may pass is %g; choose one between 0 and 1",
                         far);
    }
    if (n_gallery == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the gallery is empty; a threshold needs something to be near to");
    }
    if (1 / (double)n > far) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "there %s only %zu picture%s of strangers, too few to let the share %g of "
                         "them pass: at least %.0f are needed",
                         n == 1 ? "is" : "are", n, cen__plural(n), far, ceil(1 / far));
    }
    return CEN_OK;
}

cen_status cen__threshold_check_set(cen_labelled set, const char *what, size_t d, cen_error *error)
{
    for (size_t i = 0; i < set.n; i++) {
        if (set.labels[i] < 0) {
            return cen__fail(
                error, CEN_ERROR_ARGUMENT,
                "row %zu of the %s has no label; a threshold needs to know whose it is", i, what);
        }
        for (size_t j = 0; j < d; j++) {
            if (isfinite(set.features[i * d + j])) continue;
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "row %zu of the %s holds a number that is not finite; leave it out", i,
                             what);
        }
    }
    return CEN_OK;
}

/* ---- features and labels ----------------------------------------------------------------------- */

float *cen__threshold_gather(cen_context *context, const float *features, const size_t *rows,
                             size_t n, size_t d)
{
    float *gathered = cen__alloc(context, cen__times(n, d), sizeof *gathered);
    for (size_t i = 0; i < n && gathered != NULL; i++) {
        memcpy(gathered + i * d, features + rows[i] * d, d * sizeof *gathered);
    }
    return gathered;
}

/* Labels of a gallery and of the rows of a set that are the queries. */
typedef struct {
    const int32_t *gallery, *set;
    const size_t *rows;
} label_pair;

static bool is_same(const void *data, size_t query, size_t row)
{
    const label_pair *labels = data;
    return labels->gallery[row] == labels->set[labels->rows[query]];
}

/* The distances of strangers->rows of `set` to the gallery; if it is the gallery, to rows of other classes. */
static cen_status measure(cen_context *context, const cen_labelled *gallery, cen_labelled set,
                          bool is_own, size_t d, cen_metric metric, const cen__classes *strangers,
                          float *distances, cen_error *error)
{
    const label_pair labels = {gallery->labels, set.labels, strangers->rows};
    float *queries =
        cen__threshold_gather(context, set.features, strangers->rows, strangers->n_rows, d);
    if (queries == NULL) return cen__fail_memory(error, "the features of strangers");
    const cen__query query = {.gallery = gallery->features,
                              .queries = queries,
                              .n_gallery = gallery->n,
                              .n_queries = strangers->n_rows,
                              .d = d,
                              .k = 1,
                              .metric = metric,
                              .skips = is_own ? is_same : NULL,
                              .skip_data = &labels,
                              .context = context};
    cen_status status = cen__search(&query, (cen__found){.distances = distances}, error);
    cen__free(queries);
    return status;
}

static cen_status calibrate(cen_context *context, const cen_labelled *gallery, cen_labelled set,
                            bool is_own, size_t d, cen_metric metric, const cen__classes *strangers,
                            cen_threshold *threshold, cen_error *error)
{
    const size_t n = strangers->n_rows;
    float *distances = cen__alloc(context, n, sizeof *distances);
    cen__impostor *impostors = cen__alloc(context, n, sizeof *impostors);
    cen_status status =
        distances != NULL && impostors != NULL
            ? measure(context, gallery, set, is_own, d, metric, strangers, distances, error)
            : cen__fail_memory(error, "the calibration of a threshold");
    for (size_t c = 0; c < strangers->n_classes && status == CEN_OK; c++) {
        for (size_t i = strangers->starts[c]; i < strangers->starts[c + 1]; i++) {
            impostors[i] = (cen__impostor){(double)distances[i], c, 0};
        }
    }
    if (status == CEN_OK) {
        status =
            cen__threshold_choose(context, impostors, n, strangers->n_classes, 1, threshold, error);
    }
    cen__free(distances);
    cen__free(impostors);
    return status;
}

cen_status cen__threshold_fail_one_class(cen_error *error)
{
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "the gallery has one class, so none can play the stranger to another; "
                     "give pictures of strangers");
}

cen_status cen_threshold_calibrate(cen_context *context, const cen_labelled *gallery,
                                   const cen_labelled *strangers, size_t d, cen_metric metric,
                                   double false_accepts, cen_threshold *threshold, cen_error *error)
{
    const bool is_own = strangers == NULL || strangers->n == 0;
    const cen_labelled set = is_own ? *gallery : *strangers;
    cen__classes all = {0}, sample = {0};
    cen_threshold made = {.false_accepts = false_accepts, .high = 1};
    cen_status status = cen__threshold_check(false_accepts, gallery->n, set.n, error);
    if (status == CEN_OK) {
        status = cen__threshold_check_set(set, is_own ? "gallery" : "strangers", d, error);
    }
    if (status != CEN_OK) return status;
    cen_context *own;
    context = cen__context_use(context, &own);
    if (context == NULL) return cen__fail_memory(error, "a context");
    if (!cen__classes_create(context, &all, set.labels, set.n) ||
        (is_own &&
         !cen__threshold_draw(context, &all, cen__threshold_most(false_accepts), &sample))) {
        status = cen__fail_memory(error, "the calibration of a threshold");
    } else if (is_own && all.n_classes < 2) {
        status = cen__threshold_fail_one_class(error);
    } else {
        status = calibrate(context, gallery, set, is_own, d, metric, is_own ? &sample : &all, &made,
                           error);
    }
    if (status == CEN_OK) *threshold = made;
    cen__classes_free(&all);
    cen__classes_free(&sample);
    cen_context_free(own);
    return status;
}
