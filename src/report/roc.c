#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>

#include "report/report.h"

static void draw_dot(const cen__plot *plot, double far, double tar)
{
    cen__text_add(plot->text, "<circle class=\"dot\" r=\"4.5\"");
    cen__add_attribute(plot->text, "cx", cen__plot_x(plot, far));
    cen__add_attribute(plot->text, "cy", cen__plot_y(plot, tar));
    cen__text_add(plot->text, "/>\n");
}

/* The three operating points, and the one where both errors are equal. */
static void draw_marks(const cen__plot *plot, const cen__set_view *view)
{
    const cen_verification *v = &view->set->measures->verification;
    static const char *const KEYS[3] = {"tar_at_far_0.1", "tar_at_far_0.01", "tar_at_far_0.001"};
    for (int i = 0; i < 3; i++) {
        double far = pow(10, -i - 1), x = cen__plot_x(plot, far);
        if (far < plot->x.low * 0.99 || !isfinite(v->tar[i])) continue;
        cen__add_line(plot->text, "mark", x, plot->top, x, plot->bottom);
        draw_dot(plot, far, v->tar[i]);
        /* The curve rises: below to the right of a point is free, and above to the left. */
        bool is_low = v->tar[i] < 0.15;
        cen__open_text(plot->text, is_low ? "label end" : "label", x + (is_low ? -6 : 8),
                       cen__plot_y(plot, v->tar[i]) + (is_low ? -8 : 16));
        cen__add_figure(plot->text, "tspan", CEN__PERCENT, v->tar[i], "sets.%zu.%s", view->index,
                        KEYS[i]);
        cen__text_add(plot->text, "</text>\n");
    }
    if (isfinite(v->eer) && v->eer >= plot->x.low) {
        draw_dot(plot, v->eer, 1 - v->eer);
    }
}

void cen__draw_roc(cen__page *page, const cen__set_view *view)
{
    char id[40];
    const cen_verification *v = &view->set->measures->verification;
    (void)snprintf(id, sizeof id, "set-%zu-roc", view->index + 1);
    cen__plot plot = cen__plot_sized(page, id, 460, 300);
    plot.x = (cen__axis){.label = "false accepts (FAR), logarithmic",
                         .low = view->far_low,
                         .high = 1,
                         .is_log = true,
                         .is_percent = true};
    plot.y = cen__axis_over(NULL, 0, 1, 5);
    plot.y.is_percent = true;
    cen__plot_begin(
        &plot, "ROC",
        "Share of pairs of one class that are accepted (TAR) over the share of pairs of "
        "two classes that pass (FAR), for every threshold. Dots at FAR 10, 1 and 0.1 % "
        "and at equal error.");
    cen__open_text(plot.text, "name", 4, 16);
    cen__text_add(plot.text, "True accepts (TAR)</text>\n");
    cen__plot_axes(&plot);
    cen__text_add(plot.text, "<path class=\"chance\" d=\"");
    for (size_t i = 0; i < view->n_roc; i++)
        cen__add_point(plot.text, i == 0 ? 'M' : 'L', cen__plot_x(&plot, view->far[i]),
                       cen__plot_y(&plot, view->far[i]));
    cen__text_add(plot.text, "\"><title>chance</title></path>\n<path class=\"one\" d=\"");
    for (size_t i = 0; i < view->n_roc; i++)
        cen__add_point(plot.text, i == 0 ? 'M' : 'L', cen__plot_x(&plot, view->far[i]),
                       cen__plot_y(&plot, view->tar[i]));
    cen__text_add(plot.text, "\"/>\n");
    draw_marks(&plot, view);
    cen__open_text(plot.text, "label end", plot.right, 16);
    cen__text_add(plot.text, "AUC ");
    cen__add_figure(plot.text, "tspan", CEN__REAL, v->auc, "sets.%zu.auc", view->index);
    cen__text_add(plot.text, " \xC2\xB7 EER ");
    cen__add_figure(plot.text, "tspan", CEN__PERCENT, v->eer, "sets.%zu.eer", view->index);
    cen__text_add(plot.text, "</text>\n");
    cen__plot_end(&plot);
}
