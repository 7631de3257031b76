/* Clusters against labels, counted from the cells of their table. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdlib.h>

#include "base/context.h"
#include "base/memory.h"
#include "base/status.h"

typedef struct {
    int32_t key, other; /* sorted by key, then by other */
} cell;

static int compare_cells(const void *left, const void *right)
{
    const cell *a = left, *b = right;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return (a->other > b->other) - (a->other < b->other);
}

static double pairs_of(size_t n)
{
    return (double)n * ((double)n - 1) / 2;
}

/* Of rows with one key: pairs, and those with the same other, too. shares: sum over the rows of the share of its
 * key's rows that have its other. */
typedef struct {
    double n_pairs, n_same, shares;
} sums;

static sums count(cell *cells, size_t n)
{
    sums s = {0, 0, 0};
    qsort(cells, n, sizeof *cells, compare_cells);
    for (size_t first = 0, end; first < n; first = end) {
        double squares = 0;
        for (end = first; end < n && cells[end].key == cells[first].key;) {
            const size_t begin = end;
            while (end < n && cells[end].key == cells[first].key &&
                   cells[end].other == cells[begin].other) {
                end++;
            }
            squares += (double)(end - begin) * (double)(end - begin);
            s.n_same += pairs_of(end - begin);
        }
        s.n_pairs += pairs_of(end - first);
        s.shares += squares / (double)(end - first);
    }
    return s;
}

static double harmonic_mean(double a, double b)
{
    return a + b > 0 ? 2 * a * b / (a + b) : a + b; /* NAN stays */
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : (double)NAN;
}

cen_status cen_cluster_score(cen_context *context, const int32_t *labels, const int32_t *clusters,
                             size_t n, cen_cluster_scores *scores, cen_error *error)
{
    cell *cells = cen__alloc(context, n, sizeof *cells);
    if (cells == NULL) return cen__fail_memory(error, "the table of clusters and labels");
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (labels[i] >= 0) cells[m++] = (cell){clusters[i], labels[i]};
    }
    const sums by_cluster = count(cells, m);
    for (size_t i = 0; i < m; i++) cells[i] = (cell){cells[i].other, cells[i].key};
    const sums by_label = count(cells, m);
    cen__free(cells);
    cen_cluster_scores s = {.n = m};
    s.pair_precision = ratio(by_cluster.n_same, by_cluster.n_pairs);
    s.pair_recall = ratio(by_label.n_same, by_label.n_pairs);
    s.pair_f = ratio(2 * by_label.n_same, by_cluster.n_pairs + by_label.n_pairs);
    s.bcubed_precision = ratio(by_cluster.shares, (double)m);
    s.bcubed_recall = ratio(by_label.shares, (double)m);
    s.bcubed_f = harmonic_mean(s.bcubed_precision, s.bcubed_recall);
    *scores = s;
    return CEN_OK;
}
