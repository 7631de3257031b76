/* A threshold from the distances of strangers to the gallery.
 *
 * The threshold is the m-th smallest of the N nearest distances of strangers' pictures, m / N <= far. The
 * share of a new group's pictures that will pass is less certain than N suggests, because pictures of one
 * stranger are alike. They count as
 *
 *     N' = N / (1 + (b - 1) r)       (Kish 1965: b the mean size of a picture's stranger, r the intraclass
 *                                    correlation of what is averaged: 1 if a picture passes, else 0)
 *
 * r comes from an analysis of variance over strangers. The few pictures that pass are
 * often all of one stranger, and then it says little. So r is at least R^3, with R the correlation of the ranks of
 * all distances: for normal distances, the correlation of exceeding a quantile falls about like that.
 *
 * The interval holds the shares q of a new group of the same size which differ from p = m / N by less than
 *
 *     (q - p)^2 <= t^2 s (1 - s) (1 / N' + 1 / N'),    s = (p + q) / 2
 *
 * (the score test of two proportions, turned into a prediction interval: Nelson 1982; Student's t with
 * strangers - 1 degrees of freedom for the normal quantile: Korn and Graubard 1998), rounded outwards to
 * whole pictures. Simulated with normal distances, also with one stranger in five 2.5 deviations nearer,
 * 5, 10 and 50 strangers of 10 pictures, far 0.02 to 0.1 and correlations 0 to 0.95, the 95 % intervals
 * held 90 to 100 % of new groups. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/context.h"
#include "base/random.h"
#include "base/status.h"
#include "search/classes.h"

typedef struct {
    float distance; /* to the nearest of the gallery */
    size_t stranger;
    double score; /* the argument of intraclass_correlation */
} picture;

/* ---- nearest distances ------------------------------------------------------------------------- */

/* distances[strangers.n], in the order of classes->rows. */
static cen_status measure_strangers(cen_context *context, cen_labelled gallery,
                                    cen_labelled strangers, size_t d, cen_metric metric,
                                    const cen__classes *classes, float *distances, cen_error *error)
{
    float *by_row = cen__alloc(context, strangers.n, sizeof *by_row);
    if (by_row == NULL) return cen__fail_memory(error, "the distances of strangers");
    cen_status status = cen_knn_search(context, gallery.features, gallery.n, strangers.features,
                                       strangers.n, d, 1, metric, false, NULL, by_row, error);
    for (size_t i = 0; i < strangers.n && status == CEN_OK; i++) {
        distances[i] = by_row[classes->rows[i]];
    }
    cen__free(by_row);
    return status;
}

/* Rows of the gallery by class, and rows that play the stranger; those of class c begin at starts[c]. */
typedef struct {
    const float *rows, *strangers;
    const size_t *starts, *stranger_starts;
    size_t d;
    cen_metric metric;
    cen_context *context;
    float *nearest; /* scratch */
    float *distances;
} by_class;

/* Compares strangers of the classes first .. end with the rows of the other classes from .. to. */
static cen_status measure_between(const by_class *b, size_t first, size_t end, size_t from,
                                  size_t to, cen_error *error)
{
    const size_t start = b->stranger_starts[first], n = b->stranger_starts[end] - start;
    if (n == 0) return CEN_OK;
    cen_status status = cen_knn_search(b->context, b->rows + b->starts[from] * b->d,
                                       b->starts[to] - b->starts[from], b->strangers + start * b->d,
                                       n, b->d, 1, b->metric, false, NULL, b->nearest, error);
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        if (b->nearest[i] < b->distances[start + i]) b->distances[start + i] = b->nearest[i];
    }
    return status;
}

/* Compares each half with the other, then each half within itself. A search of many rows costs far less than one
 * search per class. */
static cen_status measure_within(const by_class *b, size_t first, size_t end, cen_error *error)
{
    if (end - first < 2 || b->stranger_starts[end] == b->stranger_starts[first]) return CEN_OK;
    const size_t middle = first + (end - first) / 2;
    cen_status status = measure_between(b, first, middle, middle, end, error);
    if (status == CEN_OK) status = measure_between(b, middle, end, first, middle, error);
    if (status == CEN_OK) status = measure_within(b, first, middle, error);
    return status == CEN_OK ? measure_within(b, middle, end, error) : status;
}

/* The features of these rows, in their order; NULL without memory. */
static float *gather(cen_context *context, cen_labelled set, const size_t *rows, size_t n, size_t d)
{
    size_t size;
    float *gathered =
        cen__multiply(n, d, &size) ? cen__alloc(context, size, sizeof *gathered) : NULL;
    for (size_t i = 0; i < n && gathered != NULL; i++) {
        memcpy(gathered + i * d, set.features + rows[i] * d, d * sizeof *gathered);
    }
    return gathered;
}

static cen_status measure_other_classes(cen_context *context, cen_labelled gallery, size_t d,
                                        cen_metric metric, const cen__classes *classes,
                                        const cen__classes *strangers,
                                        const size_t *stranger_starts, float *distances,
                                        cen_error *error)
{
    float *rows = gather(context, gallery, classes->rows, classes->n_rows, d);
    float *queries = gather(context, gallery, strangers->rows, strangers->n_rows, d);
    float *nearest = cen__alloc(context, strangers->n_rows, sizeof *nearest);
    for (size_t i = 0; i < strangers->n_rows; i++) distances[i] = INFINITY;
    cen_status status = CEN_OK;
    if (rows != NULL && queries != NULL && nearest != NULL) {
        const by_class b = {rows,   queries, classes->starts, stranger_starts, d,
                            metric, context, nearest,         distances};
        status = measure_within(&b, 0, classes->n_classes, error);
    } else {
        status = cen__fail_memory(error, "the rows of a gallery by class");
    }
    cen__free(rows);
    cen__free(queries);
    cen__free(nearest);
    return status;
}

/* ---- who plays the stranger -------------------------------------------------------------------- */

enum { MOST_PICTURES = 1 << 14, LEAST_OF_CLASS = 8, MOST_PASS = 100 };

/* Enough pictures for a useful answer; with a small share, enough that some pass. */
static size_t most_pictures(double far)
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

/* The rows that were drawn, by class. sample has only classes with rows, starts[n_classes + 1] has all classes. False
 * without memory. */
static bool draw_strangers(cen_context *context, const cen__classes *all, double far,
                           cen__classes *sample, size_t *starts)
{
    const size_t n = all->n_classes;
    size_t *order = cen__alloc(context, n, sizeof *order),
           *counts = cen__alloc(context, n, sizeof *counts);
    sample->rows = cen__alloc(context, all->n_rows, sizeof *sample->rows);
    sample->starts = cen__alloc(context, n + 1, sizeof *sample->starts);
    const bool ok =
        order != NULL && counts != NULL && sample->rows != NULL && sample->starts != NULL;
    if (ok) share_out(all, most_pictures(far), order, counts);
    for (size_t c = 0; c < n && ok; c++) {
        const size_t size = all->starts[c + 1] - all->starts[c];
        size_t *rows = sample->rows + sample->n_rows;
        starts[c] = sample->n_rows;
        memcpy(rows, all->rows + all->starts[c], size * sizeof *rows);
        if (counts[c] < size) cen__shuffle(rows, size, 1, cen__substream(CEN__STREAM_THRESHOLD, c));
        if (counts[c] > 0) sample->starts[sample->n_classes++] = sample->n_rows;
        sample->n_rows += counts[c];
    }
    if (ok) starts[n] = sample->starts[sample->n_classes] = sample->n_rows;
    cen__free(order);
    cen__free(counts);
    return ok;
}

/* ---- the interval ------------------------------------------------------------------------------ */

/* The intraclass correlation of the pictures' scores, from the analysis of variance: 0 .. 1. sums[n_classes] is
 * scratch. */
static double intraclass_correlation(const picture *pictures, const cen__classes *strangers,
                                     double *sums)
{
    double n = (double)strangers->n_rows, n_groups = (double)strangers->n_classes;
    double sum = 0, squares = 0, between = 0, sizes = 0;
    if (n_groups < 2 || n <= n_groups) return 0;
    for (size_t c = 0; c < strangers->n_classes; c++) sums[c] = 0;
    for (size_t i = 0; i < strangers->n_rows; i++) {
        sum += pictures[i].score;
        sums[pictures[i].stranger] += pictures[i].score;
    }
    double mean = sum / n;
    for (size_t i = 0; i < strangers->n_rows; i++) {
        squares += (pictures[i].score - mean) * (pictures[i].score - mean);
    }
    for (size_t c = 0; c < strangers->n_classes; c++) {
        double size = (double)(strangers->starts[c + 1] - strangers->starts[c]);
        double difference = sums[c] / size - mean;
        between += size * difference * difference;
        sizes += size * size;
    }
    double size =
        (n - sizes / n) /
        (n_groups - 1); /* the mean size of a stranger, for strangers of different sizes */
    double between_mean = between / (n_groups - 1),
           within_mean = (squares - between) / (n - n_groups);
    if (within_mean < 0) within_mean = 0;
    double all = between_mean + (size - 1) * within_mean;
    double r = all > 0 ? (between_mean - within_mean) / all : 0;
    return r < 0 ? 0 : r;
}

/* Scores are ranks over n; equal distances share their mean rank. pictures are sorted. */
static void score_ranks(picture *pictures, size_t n)
{
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first; end < n && pictures[end].distance == pictures[first].distance;) end++;
        double rank = ((double)first + (double)end) / 2 / (double)n;
        for (size_t i = first; i < end; i++) pictures[i].score = rank;
    }
}

static double effective_size(picture *pictures, const cen__classes *strangers, size_t n_accepted,
                             double *sums)
{
    size_t n = strangers->n_rows;
    double sizes = 0;
    for (size_t c = 0; c < strangers->n_classes; c++) {
        double size = (double)(strangers->starts[c + 1] - strangers->starts[c]);
        sizes += size * size;
    }
    score_ranks(pictures, n);
    double ranks = intraclass_correlation(pictures, strangers, sums);
    for (size_t i = 0; i < n; i++) pictures[i].score = i < n_accepted;
    double accepted = intraclass_correlation(pictures, strangers, sums);
    double r = fmax(accepted, ranks * ranks * ranks);
    return (double)n / (1 + (sizes / (double)n - 1) * r);
}

/* The 97.5 % quantile of Student's t: exact for 1 and 2 degrees of freedom, else the expansion of
 * Abramowitz and Stegun, 26.7.5, off by less than 0.004. */
static double student_quantile(double degrees)
{
    const double z = 1.959963984540054, z2 = z * z;
    if (degrees < 2) return 12.706204736174698;
    if (degrees < 3) return 4.302652729749464;
    double g1 = z * (z2 + 1) / 4, g2 = z * ((5 * z2 + 16) * z2 + 3) / 96;
    double g3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
    double g4 = z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
    return z + (g1 + (g2 + (g3 + g4 / degrees) / degrees) / degrees) / degrees;
}

/* The inequality at the top of this file, with q = 2 s - p a quadratic in s. */
static void set_interval(picture *pictures, const cen__classes *strangers, size_t n_accepted,
                         double *sums, cen_threshold *threshold)
{
    double n = (double)strangers->n_rows, p = (double)n_accepted / n;
    threshold->low = 0;
    threshold->high = 1;
    if (strangers->n_classes < 2) return; /* from one stranger nothing follows for others */
    double t = student_quantile((double)(strangers->n_classes - 1));
    double k = 2 * t * t / effective_size(pictures, strangers, n_accepted, sums);
    double a = 4 + k, half = 4 * p + k / 2, root = sqrt(fmax(half * half - 4 * a * p * p, 0));
    double low = 2 * (half - root) / a - p, high = 2 * (half + root) / a - p;
    threshold->low = fmax(floor(low * n) / n, 0);
    threshold->high = fmin(ceil(high * n) / n, 1);
}

/* ---- the threshold ----------------------------------------------------------------------------- */

static int compare_pictures(const void *a, const void *b)
{
    const picture *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return x->stranger < y->stranger ? -1 : x->stranger > y->stranger;
}

static cen_status choose(picture *pictures, const cen__classes *strangers, double *sums,
                         cen_threshold *threshold, cen_error *error)
{
    size_t n = strangers->n_rows, n_accepted = (size_t)(threshold->false_accepts * (double)n) + 1;
    while ((double)n_accepted / (double)n > threshold->false_accepts) n_accepted--;
    qsort(pictures, n, sizeof *pictures, compare_pictures);
    /* Equal distances pass together or not at all. */
    while (n_accepted > 0 && pictures[n_accepted].distance == pictures[n_accepted - 1].distance) {
        n_accepted--;
    }
    float nearest = pictures[0].distance;
    if (n_accepted == 0 && nearest == 0) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "no threshold keeps strangers out: more than the share %g of their pictures "
            "have the same features as one of the gallery; leave such copies out",
            threshold->false_accepts);
    }
    threshold->distance =
        n_accepted > 0 ? (double)pictures[n_accepted - 1].distance : (double)nextafterf(nearest, 0);
    set_interval(pictures, strangers, n_accepted, sums, threshold);
    return CEN_OK;
}

static cen_status check(cen_labelled gallery, cen_labelled set, const char *what, size_t d,
                        double far, cen_error *error)
{
    if (!(far > 0 && far < 1)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the share of strangers that may pass is %g; choose one between 0 and 1",
                         far);
    }
    if (gallery.n == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the gallery is empty; a threshold needs something to be near to");
    }
    if (1 / (double)set.n > far) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "%zu pictures of strangers are too few to let the share %g of them pass: at "
            "least %.0f are needed",
            set.n, far, ceil(1 / far));
    }
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

typedef struct {
    cen__classes classes,
        strangers; /* of the gallery or of the strangers; the rows that are measured */
    size_t *starts;
    float *distances;
    picture *pictures;
    double *sums;
} scratch;

static bool reserve(cen_context *context, scratch *s, cen_labelled set, bool is_own, double far)
{
    if (!cen__classes_create(context, &s->classes, set.labels, set.n)) return false;
    s->starts = cen__alloc(context, s->classes.n_classes + 1, sizeof *s->starts);
    if (s->starts == NULL) return false;
    if (!is_own) {
        s->strangers = s->classes;
        s->classes = (cen__classes){.n_classes = 0};
    } else if (!draw_strangers(context, &s->classes, far, &s->strangers, s->starts)) {
        return false;
    }
    s->distances = cen__alloc(context, s->strangers.n_rows, sizeof *s->distances);
    s->pictures = cen__alloc(context, s->strangers.n_rows, sizeof *s->pictures);
    s->sums = cen__alloc(context, s->strangers.n_classes, sizeof *s->sums);
    return s->distances != NULL && s->pictures != NULL && s->sums != NULL;
}

static void release(scratch *s)
{
    cen__classes_free(&s->classes);
    cen__classes_free(&s->strangers);
    cen__free(s->starts);
    cen__free(s->distances);
    cen__free(s->pictures);
    cen__free(s->sums);
}

static cen_status measure(cen_context *context, const scratch *s, cen_labelled gallery,
                          cen_labelled strangers, size_t d, cen_metric metric, cen_error *error)
{
    if (strangers.n > 0) {
        return measure_strangers(context, gallery, strangers, d, metric, &s->strangers,
                                 s->distances, error);
    }
    if (s->classes.n_classes < 2) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the gallery has one class, so none can play the stranger to another; "
                         "give pictures of strangers");
    }
    return measure_other_classes(context, gallery, d, metric, &s->classes, &s->strangers, s->starts,
                                 s->distances, error);
}

cen_status cen_threshold_calibrate(cen_context *context, const cen_labelled *gallery,
                                   const cen_labelled *strangers, size_t d, cen_metric metric,
                                   double false_accepts, cen_threshold *threshold, cen_error *error)
{
    const bool is_own = strangers == NULL || strangers->n == 0;
    const cen_labelled set = is_own ? *gallery : *strangers;
    scratch s = {.starts = NULL};
    cen_threshold made = {0, false_accepts, 0, 1, 0, 0};
    cen_status status =
        check(*gallery, set, is_own ? "gallery" : "strangers", d, false_accepts, error);
    if (status != CEN_OK) return status;
    cen_context *own;
    context = cen__context_use(context, &own);
    if (context == NULL) return cen__fail_memory(error, "a context");
    status = reserve(context, &s, set, is_own, false_accepts)
                 ? measure(context, &s, *gallery, is_own ? (cen_labelled){0} : *strangers, d,
                           metric, error)
                 : cen__fail_memory(error, "the calibration of a threshold");
    made.n_pictures = s.strangers.n_rows;
    made.n_strangers = s.strangers.n_classes;
    for (size_t c = 0; c < s.strangers.n_classes && status == CEN_OK; c++) {
        for (size_t i = s.strangers.starts[c]; i < s.strangers.starts[c + 1]; i++) {
            s.pictures[i] = (picture){s.distances[i], c, 0};
        }
    }
    if (status == CEN_OK) status = choose(s.pictures, &s.strangers, s.sums, &made, error);
    if (status == CEN_OK) *threshold = made;
    release(&s);
    cen_context_free(own);
    return status;
}
