/* The confusion matrix as a picture. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

/* Pixels of a character; of one that takes three bytes or more, as those of East Asia do, twice that. */
enum { NAME_MOST = 24, CHARACTER_WIDTH = 7 };

/* Pixels of the longest name, as it is shown. */
static double name_width(const cen__set_view *view)
{
    double widest = 0;
    for (size_t i = 0; i < view->n_matrix; i++) {
        char number[16];
        const char *name = cen__class_name(view->report, view->matrix_labels[i], number);
        double n = (double)cen__count_characters(name), bytes = (double)strlen(name);
        if (n > NAME_MOST) n = NAME_MOST + 1;
        widest = fmax(widest, CHARACTER_WIDTH * n * (bytes >= 2.5 * n && n > 0 ? 2 : 1));
    }
    return fmin(widest, 1.5 * NAME_MOST * CHARACTER_WIDTH);
}

static double cell_side(const cen__set_view *view)
{
    return view->n_matrix <= 12 ? 34 : 24;
}

double cen__matrix_width(const cen__set_view *view)
{
    double width = name_width(view);
    return fmax(14 + width + (double)view->n_matrix * cell_side(view) + 0.6 * width + 10, 230);
}

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
    double n = (double)view->n_matrix, cell = cell_side(view), width = name_width(view);
    double left = 14 + width, top = 40 + 0.83 * width;
    (void)snprintf(id, sizeof id, "set-%zu-confusion", view->index + 1);
    (void)snprintf(
        description, sizeof description,
        "%s: one row per class, one column per answer of k-NN, a count in each cell. The "
        "table below it has the same figures class by class.",
        view->n_matrix < view->n_classes ? "The classes that are confused most often"
                                         : "All classes");
    cen__plot plot = cen__plot_sized(page, id, cen__matrix_width(view), top + n * cell + 12);
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
