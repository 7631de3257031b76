/* What the plots of a set show, worked out of its measures. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checks.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "report/report.h"

enum { POINTS_A_DECADE = 40, DECADES_MOST = 4 };

/* How many of sorted[n] are less than value. */
static size_t count_less(const float *sorted, size_t n, double value)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((double)sorted[middle] < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void fill_bins(const float *sorted, size_t n, double low, double high, double *shares)
{
    size_t before = 0;
    for (size_t i = 0; i < CEN__N_BINS; i++) {
        double edge = low + (high - low) * (double)(i + 1) / (double)CEN__N_BINS;
        size_t upto = i + 1 == CEN__N_BINS ? n : count_less(sorted, n, edge);
        shares[i] = (double)(upto - before) / (double)n;
        before = upto;
    }
}

static void make_histogram(cen__set_view *view)
{
    const cen_pairs *p = &view->set->measures->pairs;
    if (p->n_genuine == 0 || p->n_impostor == 0) return;
    double low = (double)fminf(p->genuine[0], p->impostor[0]);
    double high = (double)fmaxf(p->genuine[p->n_genuine - 1], p->impostor[p->n_impostor - 1]);
    if (low < high / 4) low = 0;
    if (!(high > low)) high = low + 1;
    view->bins_low = low;
    view->bins_high = high;
    fill_bins(p->genuine, p->n_genuine, low, high, view->genuine);
    fill_bins(p->impostor, p->n_impostor, low, high, view->impostor);
}

/* The highest threshold at which at most `far` of the impostors pass lies just below the first that
 * must not; TAR is the share of genuine pairs below that one. */
static void make_roc(cen__set_view *view)
{
    const cen_pairs *p = &view->set->measures->pairs;
    if (p->n_genuine == 0 || p->n_impostor == 0) return;
    double n_impostor = (double)p->n_impostor, n_genuine = (double)p->n_genuine;
    int n_decades = (int)ceil(log10(n_impostor));
    if (n_decades < 1) n_decades = 1;
    if (n_decades > DECADES_MOST) n_decades = DECADES_MOST;
    view->far_low = pow(10, -n_decades);
    for (int i = 0; i <= n_decades * POINTS_A_DECADE; i++) {
        double far = pow(10, (double)i / (double)POINTS_A_DECADE - n_decades);
        size_t n_pass = (size_t)(far * n_impostor);
        double tar = 1;
        if (n_pass < p->n_impostor) {
            double first = (double)p->impostor[n_pass];
            tar = (double)count_less(p->genuine, p->n_genuine, first) / n_genuine;
        }
        view->far[view->n_roc] = fmin(far, 1);
        view->tar[view->n_roc++] = tar;
    }
}

static bool is_wrong(const cen_report_set *set, size_t i)
{
    return set->queries[i].label != set->measures->predicted[i];
}

static void see_label(cen__set_view *view, int32_t label)
{
    if (label >= 0 && (size_t)label >= view->n_labels) view->n_labels = (size_t)label + 1;
}

static bool occurs(const cen__set_view *view, size_t label)
{
    return view->classes[label].n + view->classes[label].n_answers > 0;
}

/* How each class fares, and the classes in order. False without memory. */
static bool list_classes(cen_context *context, cen__set_view *view)
{
    const cen_report_set *set = view->set;
    const cen_measures *m = set->measures;
    for (size_t i = 0; i < m->n_queries; i++) {
        see_label(view, set->queries[i].label);
        see_label(view, m->predicted[i]);
    }
    view->classes = cen__alloc_zeroed(context, view->n_labels, sizeof *view->classes);
    bool *is_there = cen__alloc_zeroed(context, view->n_labels, sizeof *is_there);
    if (view->classes != NULL && is_there != NULL) {
        for (size_t i = 0; i < m->n_queries; i++) {
            int32_t label = set->queries[i].label, answer = m->predicted[i];
            if (label >= 0) view->classes[label].n++;
            if (answer >= 0) view->classes[answer].n_answers++;
            if (label >= 0 && answer == label) view->classes[label].n_right++;
        }
        for (size_t j = 0; j < view->n_labels; j++) is_there[j] = occurs(view, j);
        view->order =
            cen__labels_in_order(context, view->report, is_there, view->n_labels, &view->n_classes);
    }
    cen__free(is_there);
    return view->order != NULL;
}

/* The mean over classes of their accuracy lies between bounds that add up the squares of what is to each class's own
 * bound: MOVER, Zou and Donner 2008. */
static void rate_classes(cen__set_view *view)
{
    double below = 0, above = 0, mean = 0;
    size_t n = 0;
    for (size_t i = 0; i < view->n_labels; i++) {
        cen__class_view *c = &view->classes[i];
        double n_right = (double)c->n_right;
        c->precision = c->n_answers > 0 ? n_right / (double)c->n_answers : NAN;
        c->recall = c->n > 0 ? n_right / (double)c->n : NAN;
        cen__wilson(c->n_right, c->n, c->recall_interval);
        if (c->n == 0) continue;
        below += pow(c->recall - c->recall_interval[0], 2);
        above += pow(c->recall_interval[1] - c->recall, 2);
        mean += c->recall;
        view->n_labelled += c->n;
        n++;
    }
    view->macro_interval[0] = n == 0 ? NAN : mean / (double)n - sqrt(below) / (double)n;
    view->macro_interval[1] = n == 0 ? NAN : mean / (double)n + sqrt(above) / (double)n;
    const cen_measures *m = view->set->measures;
    for (size_t i = 0; i < m->n_confusions; i++) { /* the most frequent first */
        int32_t label = m->confusions[i].label;
        if (label < 0 || (size_t)label >= view->n_labels) continue;
        cen__class_view *c = &view->classes[label];
        if (c->n_worst < CEN__WORST_MOST) c->worst[c->n_worst++] = i;
    }
}

static void rate_head(cen__set_view *view)
{
    const cen_report_set *set = view->set;
    size_t n_right = 0;
    for (size_t i = 0; set->head != NULL && i < set->measures->n_queries; i++)
        n_right += set->queries[i].label >= 0 && set->head[i] == set->queries[i].label;
    size_t n = set->head != NULL ? view->n_labelled : 0;
    view->head_accuracy = n > 0 ? (double)n_right / (double)n : NAN;
    cen__wilson(n_right, n, view->head_interval);
}

static bool list_wrong(cen_context *context, cen__set_view *view)
{
    size_t n = view->set->measures->n_queries, at = 0;
    for (size_t i = 0; i < n; i++) view->n_wrong += is_wrong(view->set, i);
    view->wrong = cen__alloc(context, view->n_wrong, sizeof *view->wrong);
    if (view->wrong == NULL) return false;
    for (size_t i = 0; i < n; i++) {
        if (is_wrong(view->set, i)) view->wrong[at++] = i;
    }
    return true;
}

/* Marks in takes[n_labels] the classes of the most frequent confusions. */
static void keep_most_confused(const cen__set_view *view, bool *takes)
{
    const cen_measures *m = view->set->measures;
    size_t n = 0;
    for (size_t i = 0; i < m->n_confusions && n < CEN__MATRIX_MOST; i++) {
        int32_t pair[2] = {m->confusions[i].label, m->confusions[i].predicted};
        for (int j = 0; j < 2; j++) {
            if (pair[j] < 0 || (size_t)pair[j] >= view->n_labels || takes[pair[j]] ||
                n == CEN__MATRIX_MOST)
                continue;
            takes[pair[j]] = true;
            n++;
        }
    }
}

static size_t place_of(const cen__set_view *view, int32_t label)
{
    size_t i = 0;
    while (i < view->n_matrix && view->matrix_labels[i] != label) i++;
    return i;
}

static bool make_matrix(cen_context *context, cen__set_view *view)
{
    const cen_report_set *set = view->set;
    bool *takes = cen__alloc_zeroed(context, view->n_labels, sizeof *takes);
    if (takes == NULL) return false;
    if (view->n_classes > CEN__MATRIX_MOST) {
        keep_most_confused(view, takes);
    } else {
        for (size_t i = 0; i < view->n_classes; i++) takes[view->order[i]] = true;
    }
    for (size_t i = 0; i < view->n_classes; i++) {
        if (takes[view->order[i]]) view->matrix_labels[view->n_matrix++] = view->order[i];
    }
    cen__free(takes);
    for (size_t i = 0; i < set->measures->n_queries; i++) {
        size_t row = place_of(view, set->queries[i].label);
        size_t column = place_of(view, set->measures->predicted[i]);
        if (row < view->n_matrix && column < view->n_matrix) view->matrix[row][column]++;
    }
    return true;
}

/* Up to `most` queries drawn by seed, half of them wrong where there are enough of both kinds. */
static bool pick_queries(cen_context *context, cen__set_view *view, size_t most, uint64_t seed)
{
    const cen_report_set *set = view->set;
    size_t n = set->measures->n_queries, n_wrong = view->n_wrong, n_right = n - n_wrong;
    size_t *order = cen__alloc(context, n, sizeof *order);
    if (order == NULL) return false;
    for (size_t i = 0; i < n; i++) order[i] = i;
    size_t take = n_wrong < most / 2 ? n_wrong : most / 2;
    if (n_right < most - take) take = n_wrong < most - n_right ? n_wrong : most - n_right;
    cen__shuffle(order, n, seed, cen__substream(CEN__STREAM_REPORT, view->index));
    for (int wrong = 1; wrong >= 0; wrong--) {
        size_t end = wrong ? take : most;
        for (size_t i = 0; i < n && view->n_picks < end; i++) {
            if (is_wrong(set, order[i]) == wrong) view->picks[view->n_picks++] = order[i];
        }
    }
    view->n_wrong_picks = take;
    cen__free(order);
    return true;
}

static bool make_view(cen_context *context, cen__set_view *view, size_t n_picks, uint64_t seed)
{
    view->measures = *view->set->measures;
    if (!list_classes(context, view) || !list_wrong(context, view)) return false;
    rate_classes(view);
    rate_head(view);
    make_histogram(view);
    make_roc(view);
    return make_matrix(context, view) && pick_queries(context, view, n_picks, seed);
}

cen_status cen__page_create(cen_context *context, cen__page *page, const cen_report *report,
                            cen_error *error)
{
    *page =
        (cen__page){.context = context, .text = {.context = context}, .taken = cen_report_init()};
    cen_status status = cen__take_options(&page->taken, report, error);
    if (status != CEN_OK) return status;
    report = page->report = &page->taken;
    page->views = cen__alloc_zeroed(context, report->n_sets, sizeof *page->views);
    if (page->views == NULL) return cen__fail_memory(error, "a report");
    size_t n_picks = report->n_sets < 1 ? 0 : CEN__PICKS_MOST / report->n_sets;
    if (n_picks < 4) n_picks = 4;
    for (size_t i = 0; i < report->n_sets; i++) {
        page->views[i].report = report;
        page->views[i].set = &report->sets[i];
        page->views[i].index = i;
        if (!make_view(page->context, &page->views[i], n_picks, report->seed)) {
            cen__page_free(page);
            return cen__fail_memory(error, "a report");
        }
    }
    return CEN_OK;
}

void cen__page_free(cen__page *page)
{
    for (size_t i = 0; page->folders != NULL && i < page->report->n_pictures; i++) {
        cen__free(page->folders[i]);
    }
    cen__free(page->folders);
    for (size_t i = 0; page->views != NULL && i < page->report->n_sets; i++) {
        cen__free(page->views[i].order);
        cen__free(page->views[i].classes);
        cen__free(page->views[i].wrong);
    }
    cen__free(page->views);
    cen__free(page->text.data);
    *page = (cen__page){.report = NULL};
}

cen_status cen__page_save(cen__page *page, const char *path, cen_error *error)
{
    if (page->text.failed) return cen__fail_memory(error, "a report");
    cen__writer *writer;
    cen_status status = cen__writer_create(page->context, &writer, path, error);
    if (status != CEN_OK) return status;
    cen__writer_write(writer, page->text.data, page->text.size);
    page->text.size = 0;
    return cen__writer_commit(&writer, error);
}
