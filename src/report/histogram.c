/* Distances of pairs within a class against those between classes. */
#include <math.h>
#include <stdio.h>

#include "report/report.h"

/* The outline of the bars, one step a bin. */
static void draw_steps(const cen__plot *plot, const cen__set_view *view, const double *shares,
                       const char *kind, const char *name)
{
    cen__text *text = plot->text;
    cen__text_print(text, "<path class=\"%s\" d=\"", kind);
    cen__add_point(text, 'M', cen__plot_x(plot, view->bins_low), plot->bottom);
    for (size_t i = 0; i < CEN__N_BINS; i++) {
        double width = (view->bins_high - view->bins_low) / (double)CEN__N_BINS;
        double x = view->bins_low + width * (double)i, y = cen__plot_y(plot, shares[i]);
        cen__add_point(text, 'L', cen__plot_x(plot, x), y);
        cen__add_point(text, 'L', cen__plot_x(plot, x + width), y);
    }
    cen__add_point(text, 'L', cen__plot_x(plot, view->bins_high), plot->bottom);
    cen__text_print(text, "z\"><title>%s</title></path>\n", name);
}

void cen__draw_histogram(cen__page *page, const cen__set_view *view)
{
    char id[40];
    (void)snprintf(id, sizeof id, "set-%zu-distances", view->index + 1);
    cen__plot plot = cen__plot_sized(page, id, 460, 300);
    double most = 0, threshold = view->set->measures->verification.eer_threshold;
    for (size_t i = 0; i < CEN__N_BINS; i++)
        most = fmax(most, fmax(view->genuine[i], view->impostor[i]));
    plot.x = cen__axis_over("distance", view->bins_low, view->bins_high, 6);
    plot.y = cen__axis_over(NULL, 0, most, 5);
    plot.y.is_percent = true;
    cen__plot_begin(&plot, "Distances within and between classes",
                    "Two histograms over one distance axis: pairs of one class, and pairs of two "
                    "classes. The less they overlap, the better one threshold tells them apart.");
    cen__open_text(plot.text, "name", 4, 16);
    cen__text_add(plot.text, "Share of pairs</text>\n");
    cen__plot_axes(&plot);
    draw_steps(&plot, view, view->impostor, "two area", "between classes");
    draw_steps(&plot, view, view->genuine, "one area", "within a class");
    if (threshold >= plot.x.low && threshold <= plot.x.high) {
        double x = cen__plot_x(&plot, threshold);
        cen__add_line(plot.text, "mark", x, plot.top, x, plot.bottom);
        cen__open_text(plot.text, "tick", x + 4, plot.top + 10);
        cen__text_add(plot.text, "EER</text>\n");
    }
    cen__add_legend(plot.text, "one", "within a class", 180, 16);
    cen__add_legend(plot.text, "two", "between classes", 314, 16);
    cen__plot_end(&plot);
}
