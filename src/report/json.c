/* The figures of the page, with all their digits: a figure's data-key there is its path here. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "format/json.h"
#include "report/report.h"

/* "name": value; with a comma before it unless it is the first of its object. */
static void add_key(cen__text *text, const char *name)
{
    char last = text->size > 0 ? text->data[text->size - 1] : '{';
    if (last != '{' && last != '[') cen__text_add(text, ",\n");
    if (name != NULL) cen__text_print(text, "\"%s\": ", name);
}

static void add_number(cen__text *text, const char *name, double value)
{
    add_key(text, name);
    if (isfinite(value)) {
        cen__text_add_double(text, value);
    } else {
        cen__text_add(text, "null");
    }
}

static void add_count(cen__text *text, const char *name, size_t value)
{
    add_key(text, name);
    cen__text_print(text, "%zu", value);
}

static void add_bool(cen__text *text, const char *name, bool value)
{
    add_key(text, name);
    cen__text_add(text, value ? "true" : "false");
}

static void add_string(cen__text *text, const char *name, const char *value)
{
    add_key(text, name);
    if (value == NULL) {
        cen__text_add(text, "null");
    } else {
        cen__text_add_json_string(text, value);
    }
}

static void open_value(cen__text *text, const char *name, const char *bracket)
{
    add_key(text, name);
    cen__text_add(text, bracket);
}

static void close_value(cen__text *text, const char *bracket)
{
    cen__text_add(text, bracket);
}

/* "KEY_interval": [low, high] */
static void add_interval(cen__text *text, const char *key, const double *interval)
{
    char name[64];
    if (interval == NULL) return;
    (void)snprintf(name, sizeof name, "%s_interval", key);
    open_value(text, name, "[");
    add_number(text, NULL, interval[0]);
    add_number(text, NULL, interval[1]);
    close_value(text, "]");
}

static void add_figures(cen__text *text, const cen__figure *figures, size_t n, const void *from)
{
    for (size_t i = 0; i < n; i++) {
        add_number(text, figures[i].key, cen__figure_value(&figures[i], from));
        add_interval(text, figures[i].key, cen__figure_interval(&figures[i], from));
    }
}

static void add_head(cen__text *text, const cen_report *report)
{
    add_string(text, "title", report->title);
    add_string(text, "command", report->command);
    add_string(text, "version", CEN_VERSION);
    add_string(text, "plane", report->plane);
    open_value(text, "facts", "[");
    for (size_t i = 0; i < report->n_facts; i++) {
        open_value(text, NULL, "{");
        add_string(text, "name", report->facts[2 * i]);
        add_string(text, "value", report->facts[2 * i + 1]);
        close_value(text, "}");
    }
    close_value(text, "]");
}

static void add_epochs(cen__text *text, const cen_report *report)
{
    open_value(text, "epochs", "[");
    for (size_t i = 0; i < report->n_epochs; i++) {
        const cen_epoch_report *epoch = &report->epochs[i];
        open_value(text, NULL, "{");
        add_count(text, "epoch", epoch->epoch);
        add_figures(text, cen__epoch_figures, cen__n_epoch_figures, epoch);
        add_bool(text, "is_best", epoch->is_best);
        close_value(text, "}");
    }
    close_value(text, "]");
}

static void add_few_shot(cen__text *text, const cen_measures *m)
{
    open_value(text, "few_shot", "[");
    for (size_t i = 0; i < 2; i++) {
        const cen_episodes *e = &m->few_shot[i];
        open_value(text, NULL, "{");
        add_count(text, "n_ways", e->n_ways);
        add_count(text, "n_shots", e->n_shots);
        add_count(text, "n_episodes", e->n_episodes);
        add_number(text, "accuracy", e->n_episodes > 0 ? e->accuracy : NAN);
        add_number(text, "interval", e->n_episodes > 0 ? e->interval : NAN);
        close_value(text, "}");
    }
    close_value(text, "]");
}

static void add_array(cen__text *text, const char *name, const double *values, size_t n)
{
    open_value(text, name, "[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0) cen__text_add(text, ", ");
        cen__text_add_double(text, values[i]);
    }
    close_value(text, "]");
}

static void add_curves(cen__text *text, const cen__set_view *view)
{
    size_t n_bins = view->n_roc > 0 ? CEN__N_BINS : 0;
    open_value(text, "distances", "{");
    add_number(text, "low", view->bins_low);
    add_number(text, "high", view->bins_high);
    add_array(text, "genuine", view->genuine, n_bins);
    add_array(text, "impostor", view->impostor, n_bins);
    close_value(text, "}");
    open_value(text, "roc", "{");
    add_array(text, "far", view->far, view->n_roc);
    add_array(text, "tar", view->tar, view->n_roc);
    close_value(text, "}");
}

static void add_class(cen__text *text, const char *name, const cen__set_view *view, int32_t label)
{
    char number[16];
    add_string(text, name, label < 0 ? NULL : cen__class_name(view->report, label, number));
}

static void add_confusions(cen__text *text, const cen__set_view *view)
{
    const cen_measures *m = view->set->measures;
    add_count(text, "n_confusions", m->n_confusions);
    open_value(text, "confusions", "[");
    for (size_t i = 0; i < m->n_confusions; i++) {
        open_value(text, NULL, "{");
        add_class(text, "class", view, m->confusions[i].label);
        add_class(text, "predicted", view, m->confusions[i].predicted);
        add_count(text, "count", m->confusions[i].count);
        close_value(text, "}");
    }
    close_value(text, "]");
    open_value(text, "matrix", "{");
    open_value(text, "classes", "[");
    for (size_t i = 0; i < view->n_matrix; i++) add_class(text, NULL, view, view->matrix_labels[i]);
    close_value(text, "]");
    open_value(text, "counts", "[");
    for (size_t i = 0; i < view->n_matrix; i++) {
        open_value(text, NULL, "[");
        for (size_t j = 0; j < view->n_matrix; j++)
            cen__text_print(text, "%s%zu", j > 0 ? ", " : "", view->matrix[i][j]);
        close_value(text, "]");
    }
    close_value(text, "]}");
}

static void add_classes(cen__text *text, const cen__set_view *view)
{
    open_value(text, "classes", "[");
    for (size_t i = 0; i < view->n_classes; i++) {
        const cen__class_view *c = &view->classes[view->order[i]];
        open_value(text, NULL, "{");
        add_class(text, "class", view, view->order[i]);
        add_count(text, "n", c->n);
        add_count(text, "n_answers", c->n_answers);
        add_count(text, "n_right", c->n_right);
        add_number(text, "precision", c->precision);
        add_number(text, "recall", c->recall);
        add_interval(text, "recall", c->recall_interval);
        close_value(text, "}");
    }
    close_value(text, "]");
}

static void add_wrong(cen__text *text, const cen__set_view *view)
{
    const cen_report_set *set = view->set;
    open_value(text, "wrong", "[");
    for (size_t i = 0; i < view->n_wrong; i++) {
        size_t query = view->wrong[i];
        open_value(text, NULL, "{");
        add_string(text, "path", set->queries[query].path);
        add_class(text, "class", view, set->queries[query].label);
        add_class(text, "predicted", view, set->measures->predicted[query]);
        if (set->head != NULL) add_class(text, "head", view, set->head[query]);
        close_value(text, "}");
    }
    close_value(text, "]");
}

static void add_neighbours(cen__text *text, const cen__set_view *view, size_t query)
{
    const cen_measures *m = view->set->measures;
    size_t k = m->k < CEN__NEIGHBOURS_MOST ? m->k : CEN__NEIGHBOURS_MOST;
    open_value(text, "neighbours", "[");
    for (size_t j = 0; j < k; j++) {
        const cen_feature_row *row = &view->set->gallery[m->neighbours[query * m->k + j]];
        open_value(text, NULL, "{");
        add_string(text, "path", row->path);
        add_class(text, "class", view, row->label);
        add_number(text, "distance", (double)m->distances[query * m->k + j]);
        close_value(text, "}");
    }
    close_value(text, "]");
}

static void add_sheet(cen__text *text, const cen__set_view *view)
{
    open_value(text, "sheet", "[");
    for (size_t i = 0; i < view->n_picks; i++) {
        size_t query = view->picks[i];
        open_value(text, NULL, "{");
        add_string(text, "path", view->set->queries[query].path);
        add_class(text, "class", view, view->set->queries[query].label);
        add_class(text, "predicted", view, view->set->measures->predicted[query]);
        add_neighbours(text, view, query);
        close_value(text, "}");
    }
    close_value(text, "]");
}

static void add_set(cen__text *text, const cen__set_view *view)
{
    const cen_measures *m = view->set->measures;
    open_value(text, NULL, "{");
    add_string(text, "name", view->set->name);
    add_string(text, "note", view->set->note);
    add_figures(text, cen__set_figures, cen__n_set_figures, view);
    add_bool(text, "is_sample", m->verification.is_sample);
    add_few_shot(text, m);
    add_curves(text, view);
    add_classes(text, view);
    add_confusions(text, view);
    add_count(text, "n_wrong", view->n_wrong);
    add_wrong(text, view);
    add_sheet(text, view);
    close_value(text, "}");
}

static void add_report(cen__page *page)
{
    const cen_report *report = page->report;
    cen__text *text = &page->text;
    cen__text_add(text, "{");
    add_head(text, report);
    add_epochs(text, report);
    open_value(text, "sets", "[");
    for (size_t i = 0; i < report->n_sets; i++) add_set(text, &page->views[i]);
    close_value(text, "]");
    open_value(text, "skipped", "[");
    for (size_t i = 0; i < report->n_skipped; i++) {
        open_value(text, NULL, "{");
        add_string(text, "path", report->skipped[i].path);
        add_string(text, "reason", report->skipped[i].reason);
        close_value(text, "}");
    }
    close_value(text, "]}\n");
}

cen_status cen_report_write_json(cen_context *context, const cen_report *report, const char *path,
                                 cen_error *error)
{
    cen__page page;
    cen_status status = cen__page_create(context, &page, report, error);
    if (status != CEN_OK) return status;
    add_report(&page);
    status = cen__page_save(&page, path, error);
    cen__page_free(&page);
    return status;
}
