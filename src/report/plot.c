/* The frame of a plot: its head, its axes, and the few shapes that all plots are made of. */
#include <math.h>
#include <stdio.h>

#include "report/report.h"

cen__axis cen__axis_over(const char *label, double low, double high, int n_steps)
{
    if (!(high > low)) {
        low -= fabs(low) > 0 ? fabs(low) / 2 : 0;
        high = low + (fabs(low) > 0 ? 2 * fabs(low) : 1);
    }
    double raw = (high - low) / n_steps, unit = pow(10, floor(log10(raw))), step = 10 * unit;
    static const double ROUND[3] = {1, 2, 5};
    for (int i = 2; i >= 0; i--) {
        if (ROUND[i] * unit >= raw * 0.999) step = ROUND[i] * unit;
    }
    return (cen__axis){.label = label, .low = low, .high = high, .step = step};
}

cen__plot cen__plot_sized(cen__page *page, const char *id, double width, double height)
{
    return (cen__plot){.text = &page->text,
                       .id = id,
                       .is_alone = page->is_alone,
                       .width = width,
                       .height = height,
                       .left = 56,
                       .right = width - 14,
                       .top = 34,
                       .bottom = height - 42};
}

static double share(const cen__axis *axis, double value)
{
    if (axis->is_log) return log10(value / axis->low) / log10(axis->high / axis->low);
    return (value - axis->low) / (axis->high - axis->low);
}

double cen__plot_x(const cen__plot *plot, double x)
{
    return plot->left + (plot->right - plot->left) * share(&plot->x, x);
}

double cen__plot_y(const cen__plot *plot, double y)
{
    return plot->bottom - (plot->bottom - plot->top) * share(&plot->y, y);
}

void cen__add_attribute(cen__text *text, const char *name, double value)
{
    cen__text_print(text, " %s=\"", name);
    cen__add_fixed(text, value, 1);
    cen__text_add(text, "\"");
}

void cen__add_point(cen__text *text, char command, double x, double y)
{
    cen__text_print(text, "%c", command);
    cen__add_fixed(text, x, 1);
    cen__text_add(text, " ");
    cen__add_fixed(text, y, 1);
}

void cen__add_line(cen__text *text, const char *kind, double x1, double y1, double x2, double y2)
{
    cen__text_print(text, "<line class=\"%s\"", kind);
    cen__add_attribute(text, "x1", x1);
    cen__add_attribute(text, "y1", y1);
    cen__add_attribute(text, "x2", x2);
    cen__add_attribute(text, "y2", y2);
    cen__text_add(text, "/>\n");
}

void cen__open_text(cen__text *text, const char *kind, double x, double y)
{
    cen__text_print(text, "<text class=\"%s\"", kind);
    cen__add_attribute(text, "x", x);
    cen__add_attribute(text, "y", y);
    cen__text_add(text, ">");
}

void cen__add_legend(cen__text *text, const char *kind, const char *name, double x, double y)
{
    cen__add_line(text, kind, x, y - 4, x + 24, y - 4);
    cen__open_text(text, "label", x + 30, y);
    cen__add_escaped(text, name, SIZE_MAX);
    cen__text_add(text, "</text>\n");
}

void cen__plot_begin(const cen__plot *plot, const char *title, const char *description)
{
    cen__text *text = plot->text;
    cen__text_print(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" id=\"%s\" role=\"img\" "
        "aria-labelledby=\"%s-title %s-desc\" viewBox=\"0 0 ",
        plot->id, plot->id, plot->id);
    cen__text_print(text, "%d %d\"", (int)plot->width, (int)plot->height);
    if (plot->is_alone)
        cen__text_print(text, " width=\"%d\" height=\"%d\"", (int)plot->width, (int)plot->height);
    cen__text_print(text, ">\n<title id=\"%s-title\">", plot->id);
    cen__add_escaped(text, title, SIZE_MAX);
    cen__text_print(text, "</title>\n<desc id=\"%s-desc\">", plot->id);
    cen__add_escaped(text, description, SIZE_MAX);
    cen__text_add(text, "</desc>\n");
    if (!plot->is_alone) return;
    cen__text_add(text, "<style>\n");
    cen__add_lines(text, cen__plot_style);
    cen__text_add(text, "</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n");
}

void cen__plot_end(const cen__plot *plot)
{
    cen__text_add(plot->text, "</svg>\n");
}

static void add_tick_label(cen__text *text, const cen__axis *axis, double value)
{
    double shown = axis->is_percent ? 100 * value : value;
    double step = axis->is_percent ? 100 * axis->step : axis->step;
    int decimals = axis->is_log ? (int)ceil(-log10(shown) - 1e-9) : (int)ceil(-log10(step) - 1e-9);
    cen__add_fixed(text, shown, decimals > 0 ? decimals : 0);
    if (axis->is_percent) cen__text_add(text, " %");
    cen__text_add(text, "</text>\n");
}

static double first_tick(const cen__axis *axis)
{
    return axis->is_log ? axis->low : ceil(axis->low / axis->step - 1e-9) * axis->step;
}

/* The n-th tick; past the last one above axis->high. */
static double tick(const cen__axis *axis, int n)
{
    if (axis->is_log) return axis->low * pow(10, n);
    double value = first_tick(axis) + n * axis->step;
    return fabs(value) < axis->step / 1e6 ? 0 : value;
}

static double last_tick(const cen__axis *axis)
{
    return axis->high + (axis->is_log ? axis->high : axis->step) * 1e-6;
}

void cen__plot_axes(const cen__plot *plot)
{
    cen__text *text = plot->text;
    for (int n = 0; tick(&plot->y, n) <= last_tick(&plot->y); n++) {
        double y = cen__plot_y(plot, tick(&plot->y, n));
        cen__add_line(text, "grid", plot->left, y, plot->right, y);
        cen__open_text(text, "tick end", plot->left - 6, y + 4);
        add_tick_label(text, &plot->y, tick(&plot->y, n));
    }
    for (int n = 0; tick(&plot->x, n) <= last_tick(&plot->x); n++) {
        double x = cen__plot_x(plot, tick(&plot->x, n));
        cen__add_line(text, "axis", x, plot->bottom, x, plot->bottom + 4);
        cen__open_text(text, "tick middle", x, plot->bottom + 17);
        add_tick_label(text, &plot->x, tick(&plot->x, n));
    }
    cen__add_line(text, "axis", plot->left, plot->bottom, plot->right, plot->bottom);
    if (plot->x.label != NULL) {
        cen__open_text(text, "tick middle", (plot->left + plot->right) / 2, plot->height - 8);
        cen__text_print(text, "%s</text>\n", plot->x.label);
    }
}
