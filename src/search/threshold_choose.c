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
#include "search/threshold.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/status.h"

/* The impostors of a threshold, by stranger. */
typedef struct {
    cen__impostor *impostors; /* [n] */
    size_t n, n_strangers;
    double *sizes;   /* [n_strangers] impostors of each, some may have none */
    double *sums;    /* [n_strangers] scratch */
    size_t n_groups; /* strangers with impostors */
} group;

/* The intraclass correlation of the impostors' values, from the analysis of variance: 0 .. 1. */
static double intraclass_correlation(const group *g)
{
    double n = (double)g->n, n_groups = (double)g->n_groups;
    double sum = 0, squares = 0, between = 0, sizes = 0;
    if (n_groups < 2 || n <= n_groups) return 0;
    for (size_t c = 0; c < g->n_strangers; c++) g->sums[c] = 0;
    for (size_t i = 0; i < g->n; i++) {
        sum += g->impostors[i].value;
        g->sums[g->impostors[i].stranger] += g->impostors[i].value;
    }
    double mean = sum / n;
    for (size_t i = 0; i < g->n; i++) {
        squares += (g->impostors[i].value - mean) * (g->impostors[i].value - mean);
    }
    for (size_t c = 0; c < g->n_strangers; c++) {
        double size = g->sizes[c];
        if (size == 0) continue;
        double difference = g->sums[c] / size - mean;
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

/* Values are ranks over n; equal scores share their mean rank. Impostors are sorted. */
static void set_ranks(const group *g)
{
    for (size_t first = 0, end; first < g->n; first = end) {
        for (end = first; end < g->n && g->impostors[end].score == g->impostors[first].score;)
            end++;
        double rank = ((double)first + (double)end) / 2 / (double)g->n;
        for (size_t i = first; i < end; i++) g->impostors[i].value = rank;
    }
}

static double effective_size(const group *g, size_t n_accepted)
{
    double sizes = 0;
    for (size_t c = 0; c < g->n_strangers; c++) sizes += g->sizes[c] * g->sizes[c];
    set_ranks(g);
    double ranks = intraclass_correlation(g);
    for (size_t i = 0; i < g->n; i++) g->impostors[i].value = i < n_accepted;
    double accepted = intraclass_correlation(g);
    double r = fmax(accepted, ranks * ranks * ranks);
    return (double)g->n / (1 + (sizes / (double)g->n - 1) * r);
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
static void set_interval(const group *g, size_t n_accepted, double widening,
                         cen_threshold *threshold)
{
    double n = (double)g->n, p = (double)n_accepted / n;
    threshold->low = 0;
    threshold->high = 1;
    if (g->n_groups < 2) return; /* from one stranger nothing follows for others */
    double t = student_quantile((double)(g->n_groups - 1)) * widening;
    double k = 2 * t * t / effective_size(g, n_accepted);
    double a = 4 + k, half = 4 * p + k / 2, root = sqrt(fmax(half * half - 4 * a * p * p, 0));
    double low = 2 * (half - root) / a - p, high = 2 * (half + root) / a - p;
    threshold->low = fmax(floor(low * n) / n, 0);
    threshold->high = fmin(ceil(high * n) / n, 1);
}

static int compare_impostors(const void *a, const void *b)
{
    const cen__impostor *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    return x->stranger < y->stranger ? -1 : x->stranger > y->stranger;
}

static cen_status choose(const group *g, double widening, cen_threshold *threshold,
                         cen_error *error)
{
    const cen__impostor *impostors = g->impostors;
    size_t n_accepted = (size_t)(threshold->false_accepts * (double)g->n) + 1;
    while ((double)n_accepted / (double)g->n > threshold->false_accepts) n_accepted--;
    qsort(g->impostors, g->n, sizeof *impostors, compare_impostors);
    /* Equal scores pass together or not at all. */
    while (n_accepted > 0 && impostors[n_accepted].score == impostors[n_accepted - 1].score) {
        n_accepted--;
    }
    if (n_accepted == 0 && impostors[0].score == 0) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "no threshold keeps strangers out: more than the share %g of their pictures "
            "have the same features as one of the gallery; leave such copies out",
            threshold->false_accepts);
    }
    threshold->distance = n_accepted > 0 ? impostors[n_accepted - 1].score
                                         : (double)nextafterf((float)impostors[0].score, 0);
    set_interval(g, n_accepted, widening, threshold);
    return CEN_OK;
}

cen_status cen__threshold_choose(cen_context *context, cen__impostor *impostors, size_t n,
                                 size_t n_strangers, double widening, cen_threshold *threshold,
                                 cen_error *error)
{
    cen_threshold chosen = *threshold;
    group g = {.impostors = impostors, .n = n, .n_strangers = n_strangers};
    g.sizes = cen__alloc_zeroed(context, n_strangers, sizeof *g.sizes);
    g.sums = cen__alloc(context, n_strangers, sizeof *g.sums);
    cen_status status = g.sizes != NULL && g.sums != NULL
                            ? CEN_OK
                            : cen__fail_memory(error, "the interval of a threshold");
    for (size_t i = 0; i < n && status == CEN_OK; i++) g.sizes[impostors[i].stranger]++;
    for (size_t c = 0; c < n_strangers && status == CEN_OK; c++) g.n_groups += g.sizes[c] > 0;
    chosen.n_pictures = n;
    chosen.n_strangers = g.n_groups;
    if (status == CEN_OK) status = choose(&g, widening, &chosen, error);
    if (status == CEN_OK) *threshold = chosen;
    cen__free(g.sizes);
    cen__free(g.sums);
    return status;
}
