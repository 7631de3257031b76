/* Training curves: one panel per kind of figure, since their sizes have nothing to do with each other. */
#include <centerloss_eval.h>

#include <math.h>
#include <string.h>

#include "report/report.h"

enum { SERIES_MOST = 3 };

typedef struct series {
    const char *key, *name, *kind; /* of cen__epoch_figures; the class of its stroke */
} series;

typedef struct panel {
    cen__curves head;
    series series[SERIES_MOST]; /* name NULL: no more */
} panel;

static const panel PANELS[CEN__N_PANELS] = {
    {{"softmax-loss", "Softmax loss",
      "Softmax cross-entropy by epoch, of training and of validation images.", false, true},
     {{"train_softmax", "training", "one"}, {"validation_softmax", "validation", "two"}}},
    {{"center-loss", "Center loss",
      "Mean squared distance of a feature to the center of its class by epoch, before lambda.",
      false, true},
     {{"train_center", "training", "one"}, {"validation_center", "validation", "two"}}},
    {{"accuracy", "Accuracy",
      "Accuracy of the softmax head by epoch, on training and validation images, and of k-nearest "
      "neighbours on validation images.",
      true, true},
     {{"train_accuracy", "training", "one"},
      {"validation_accuracy", "validation", "two"},
      {"knn_accuracy", "k-NN", "three"}}},
    {{"intra-inter", "Intra / inter",
      "Spread within a class over the distance between classes by epoch: lower is tighter.", false,
      true},
     {{"intra_inter", "validation", "two"}}},
    {{"centers", "Distances of centers",
      "Root mean square distance of features to the center of their class, and of the centers to "
      "their mean, by epoch. Centers that all lie at one place have collapsed.",
      false, true},
     {{"center_distance", "to center", "one"}, {"center_spread", "spread", "two"}}},
    {{"learning-rate", "Learning rate", "Learning rate at the end of each epoch.", false, true},
     {{"lr", "training", "one"}}}};

/* A curve has no more points than a plot has units. */
enum { CURVE_POINTS_MOST = 400 };

static double value_of(const char *key, const cen_epoch_report *epoch)
{
    for (size_t i = 0; i < cen__n_epoch_figures; i++) {
        if (strcmp(cen__epoch_figures[i].key, key) == 0)
            return cen__figure_value(&cen__epoch_figures[i], epoch);
    }
    return NAN;
}

/* Lowest and highest of a curve, which widen *low and *high; how many values are finite. */
static size_t span(const cen__curve *c, double *low, double *high)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        double value = value_of(c->key, &c->epochs[i]);
        if (!isfinite(value)) continue;
        *low = fmin(*low, value);
        *high = fmax(*high, value);
        n++;
    }
    return n;
}

bool cen__has_curves(const cen__curve *curves, size_t n)
{
    double low = 0, high = 0;
    size_t n_values = 0;
    for (size_t i = 0; i < n; i++) n_values += span(&curves[i], &low, &high);
    return n_values > 0;
}

/* A line through what is finite: not every epoch measures all. A dot if it is one value. */
static void draw_curve(const cen__plot *plot, const cen__curve *c)
{
    bool goes_on = false;
    double low = 0, high = 0;
    size_t step = span(c, &low, &high) / CURVE_POINTS_MOST + 1, n_seen = 0;
    cen__text_print(plot->text, "<path class=\"%s\" d=\"", c->kind);
    for (size_t i = 0; i < c->n; i++) {
        double value = value_of(c->key, &c->epochs[i]);
        if (!isfinite(value) || (n_seen++ % step != 0 && i + 1 < c->n)) continue;
        double x = cen__plot_x(plot, (double)c->epochs[i].epoch);
        cen__add_point(plot->text, goes_on ? 'L' : 'M', x, cen__plot_y(plot, value));
        if (!goes_on) cen__text_add(plot->text, "h.01");
        goes_on = true;
    }
    cen__text_add(plot->text, "\"><title>");
    cen__add_escaped(plot->text, c->name, SIZE_MAX);
    cen__text_add(plot->text, "</title></path>\n");
}

static void draw_best(const cen__plot *plot, const cen__curve *c)
{
    size_t best = c->n;
    for (size_t i = 0; i < c->n; i++) {
        if (c->epochs[i].is_best) best = i;
    }
    if (best == c->n) return;
    double x = cen__plot_x(plot, (double)c->epochs[best].epoch);
    cen__add_line(plot->text, "mark", x, plot->top, x, plot->bottom);
    bool is_right = x > (plot->left + plot->right) / 2;
    cen__open_text(plot->text, is_right ? "tick end" : "tick", x + (is_right ? -4 : 4),
                   plot->top + 10);
    cen__text_add(plot->text, "best</text>\n");
}

static cen__axis epoch_axis(const cen__curve *curves, size_t n)
{
    double first = INFINITY, last = 0;
    for (size_t i = 0; i < n; i++) {
        if (curves[i].n == 0) continue;
        first = fmin(first, (double)curves[i].epochs[0].epoch);
        last = fmax(last, (double)curves[i].epochs[curves[i].n - 1].epoch);
    }
    cen__axis axis = cen__axis_over("epoch", first, last > first ? last : first + 1, 6);
    if (axis.step < 1) axis.step = 1;
    return axis;
}

void cen__draw_curves(cen__page *page, const cen__curves *p, const cen__curve *curves, size_t n)
{
    cen__plot plot = cen__plot_sized(page, p->id, 460, 250);
    double low = INFINITY, high = p->is_percent ? 1 : 0, end = plot.right - 2;
    for (size_t i = 0; i < n; i++) (void)span(&curves[i], &low, &high);
    if (p->is_percent) {
        low = fmax(0, floor(low * 10) / 10);
        if (low >= 1) low = 0.9;
    } else {
        low = fmin(low, 0);
    }
    plot.x = epoch_axis(curves, n);
    plot.y = cen__axis_over(NULL, low, high, 5);
    plot.y.is_percent = p->is_percent;
    cen__plot_begin(&plot, p->title, p->description);
    cen__open_text(plot.text, "name", 4, 16);
    cen__text_print(plot.text, "%s</text>\n", p->title);
    cen__plot_axes(&plot);
    if (p->has_legend) draw_best(&plot, curves);
    for (size_t i = n; i-- > 0;) {
        draw_curve(&plot, &curves[i]);
        if (!p->has_legend) continue;
        end -= 46 + 6.4 * (double)strlen(curves[i].name);
        cen__add_legend(plot.text, curves[i].kind, curves[i].name, end, 16);
    }
    cen__plot_end(&plot);
}

/* ---- of one run ---- */

static size_t make_curves(const cen_report *report, const panel *p, cen__curve curves[SERIES_MOST])
{
    size_t n = 0;
    for (; n < SERIES_MOST && p->series[n].name != NULL; n++)
        curves[n] = (cen__curve){report->epochs, report->n_epochs, p->series[n].key,
                                 p->series[n].name, p->series[n].kind};
    return n;
}

const char *cen__panel_name(size_t i)
{
    return PANELS[i].head.id;
}

bool cen__panel_has_figures(const cen__page *page, size_t i)
{
    cen__curve curves[SERIES_MOST];
    return cen__has_curves(curves, make_curves(page->report, &PANELS[i], curves));
}

void cen__draw_panel(cen__page *page, size_t i)
{
    cen__curve curves[SERIES_MOST];
    size_t n = make_curves(page->report, &PANELS[i], curves);
    cen__draw_curves(page, &PANELS[i].head, curves, n);
}
