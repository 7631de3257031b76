/* The confusion matrix as a picture, and the pairs most often confused as a table. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>

#include "report/report.h"

enum { NAME_MOST = 15 };

static void add_name(cen__text *text, const cen__set_view *view, size_t i)
{
    char number[16];
    const char *name = cen__class_name(view->report, view->matrix_labels[i], number);
    cen__add_escaped(text, name, NAME_MOST);
    cen__text_add(text, "<title>");
    cen__add_escaped(text, name, SIZE_MAX);
    cen__text_add(text, "</title></text>\n");
}

static void add_names(cen__text *text, const cen__set_view *view, double left, double top,
                      double cell)
{
    for (size_t i = 0; i < view->n_matrix; i++) {
        double middle = ((double)i + 0.5) * cell;
        cen__open_text(text, "tick end", left - 6, top + middle + 4);
        add_name(text, view, i);
        cen__text_add(text, "<g transform=\"translate(");
        cen__add_fixed(text, left + middle + 3, 1);
        cen__text_add(text, " ");
        cen__add_fixed(text, top - 6, 1);
        cen__text_add(text, ") rotate(-55)\">");
        cen__open_text(text, "tick", 0, 0);
        add_name(text, view, i);
        cen__text_add(text, "</g>\n");
    }
}

/* A cell is as dark as its share of the row. On shades from 0.51 to 0.9 neither ink has a contrast of
 * 4.5, so these are left out. */
static void add_cell(cen__text *text, const cen__set_view *view, size_t row, size_t column,
                     double left, double top, double cell)
{
    size_t count = view->matrix[row][column], total = 0;
    if (count == 0) return;
    for (size_t i = 0; i < view->n_matrix; i++) total += view->matrix[row][i];
    double part = (double)count / (double)total;
    double x = left + (double)column * cell, y = top + (double)row * cell;
    cen__text_print(text, "<rect class=\"%s\"", row == column ? "right" : "wrong");
    cen__add_attribute(text, "x", x + 1);
    cen__add_attribute(text, "y", y + 1);
    cen__add_attribute(text, "width", cell - 2);
    cen__add_attribute(text, "height", cell - 2);
    cen__text_add(text, " fill-opacity=\"");
    cen__add_fixed(text, part > 0.5 ? 0.8 + 0.2 * part : 0.05 + 0.9 * part, 2);
    cen__text_add(text, "\"/>\n");
    cen__open_text(text, part > 0.5 ? "count on" : "count", x + cell / 2, y + cell / 2 + 3.5);
    cen__add_figure(text, "tspan", CEN__COUNT, (double)count, "sets.%zu.matrix.counts.%zu.%zu",
                    view->index, row, column);
    cen__text_add(text, "</text>\n");
}

void cen__draw_matrix(cen__page *page, const cen__set_view *view)
{
    char id[40], description[200];
    double n = (double)view->n_matrix, cell = n <= 12 ? 34 : 24, left = 112, top = 108;
    (void)snprintf(id, sizeof id, "set-%zu-confusion", view->index + 1);
    (void)snprintf(description, sizeof description,
                   "%s: one row a class, one column an answer of k-NN, a count in each cell. The "
                   "most frequent confusions are in the table as well.",
                   view->n_matrix < view->n_classes ? "The classes that are confused most often"
                                                    : "All classes");
    cen__plot plot = cen__plot_sized(page, id, left + n * cell + 60, top + n * cell + 12);
    cen__plot_begin(&plot, "Confusion matrix", description);
    cen__open_text(plot.text, "name", 4, 16);
    cen__text_add(plot.text, "Class (rows), answer (columns)</text>\n");
    for (size_t i = 0; i <= view->n_matrix; i++) {
        double at = (double)i * cell;
        cen__add_line(plot.text, "grid", left, top + at, left + n * cell, top + at);
        cen__add_line(plot.text, "grid", left + at, top, left + at, top + n * cell);
    }
    add_names(plot.text, view, left, top, cell);
    for (size_t row = 0; row < view->n_matrix; row++) {
        for (size_t column = 0; column < view->n_matrix; column++)
            add_cell(plot.text, view, row, column, left, top, cell);
    }
    cen__plot_end(&plot);
}

static void add_class(cen__text *text, const cen__set_view *view, int32_t label)
{
    char number[16];
    cen__text_add(text, "<td><bdi>");
    cen__add_escaped(text, cen__class_name(view->report, label, number), SIZE_MAX);
    cen__text_add(text, "</bdi></td>");
}

void cen__add_confusions(cen__page *page, const cen__set_view *view)
{
    cen__text *text = &page->text;
    const cen_measures *m = view->set->measures;
    size_t n = m->n_confusions < CEN__PAIRS_MOST ? m->n_confusions : CEN__PAIRS_MOST;
    if (n == 0) {
        cen__text_add(text, "<p>No class was taken for another.</p>\n");
        return;
    }
    cen__text_add(text,
                  "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Confused "
                  "pairs\">\n<table><caption>Confused most often");
    if (n < m->n_confusions) {
        cen__text_print(text, ": the first %zu of ", n);
        cen__add_figure(text, "span", CEN__COUNT, (double)m->n_confusions, "sets.%zu.n_confusions",
                        view->index);
        cen__text_add(text, " pairs");
    }
    cen__text_add(text, "</caption>\n<thead><tr><th scope=\"col\">Class</th><th "
                        "scope=\"col\">Taken for</th><th scope=\"col\" "
                        "class=\"n\">Times</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++) {
        cen__text_add(text, "<tr>");
        add_class(text, view, m->confusions[i].label);
        add_class(text, view, m->confusions[i].predicted);
        cen__text_add(text, "<td class=\"n\">");
        cen__add_figure(text, "span", CEN__COUNT, (double)m->confusions[i].count,
                        "sets.%zu.confusions.%zu.count", view->index, i);
        cen__text_add(text, "</td></tr>\n");
    }
    cen__text_add(text, "</tbody></table></div>\n");
}
