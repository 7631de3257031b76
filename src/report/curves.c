/* Training curves: one panel a kind of figure, since their sizes have nothing to do with each other. */
#include <centerloss_eval.h>

#include <math.h>
#include <string.h>

#include "report/report.h"

enum { SERIES_MOST = 3 };

typedef struct series {
    const char *key, *name, *kind; /* of cen__epoch_figures; the class of its stroke */
} series;

typedef struct panel {
    const char *id, *title, *description;
    bool is_percent;
    series series[SERIES_MOST]; /* name NULL: no more */
} panel;

static const panel PANELS[CEN__N_PANELS] = {
    {"softmax-loss",
     "Softmax loss",
     "Softmax cross-entropy by epoch, of training and of validation images.",
     false,
     {{"train_softmax", "training", "one"}, {"validation_softmax", "validation", "two"}}},
    {"center-loss",
     "Center loss",
     "Mean squared distance of a feature to the center of its class by epoch, before lambda.",
     false,
     {{"train_center", "training", "one"}, {"validation_center", "validation", "two"}}},
    {"accuracy",
     "Accuracy",
     "Accuracy of the softmax head by epoch, on training and validation images, and of k-nearest "
     "neighbours on validation images.",
     true,
     {{"train_accuracy", "training", "one"},
      {"validation_accuracy", "validation", "two"},
      {"knn_accuracy", "k-NN", "three"}}},
    {"intra-inter",
     "Intra / inter",
     "Spread within a class over the distance between classes by epoch: lower is tighter.",
     false,
     {{"intra_inter", "validation", "two"}}},
    {"centers",
     "Distances of centers",
     "Root mean square distance of features to the center of their class, and of the centers to "
     "their mean, by epoch. Centers that all lie at one place have collapsed.",
     false,
     {{"center_distance", "to center", "one"}, {"center_spread", "spread", "two"}}},
    {"learning-rate",
     "Learning rate",
     "Learning rate at the end of each epoch.",
     false,
     {{"lr", "training", "one"}}}};

static double value_of(const series *s, const cen_epoch_report *epoch)
{
    for (size_t i = 0; i < cen__n_epoch_figures; i++) {
        if (strcmp(cen__epoch_figures[i].key, s->key) == 0)
            return cen__figure_value(&cen__epoch_figures[i], epoch);
    }
    return NAN;
}

/* Lowest and highest of a series, which widen *low and *high; how many are finite. */
static size_t span(const cen_report *report, const series *s, double *low, double *high)
{
    size_t n = 0;
    for (size_t i = 0; i < report->n_epochs; i++) {
        double value = value_of(s, &report->epochs[i]);
        if (!isfinite(value)) continue;
        *low = fmin(*low, value);
        *high = fmax(*high, value);
        n++;
    }
    return n;
}

const char *cen__panel_name(size_t i)
{
    return PANELS[i].id;
}

bool cen__panel_has_figures(const cen__page *page, size_t i)
{
    double low = 0, high = 0;
    size_t n = 0;
    for (size_t j = 0; j < SERIES_MOST && PANELS[i].series[j].name != NULL; j++)
        n += span(page->report, &PANELS[i].series[j], &low, &high);
    return n > 0;
}

/* A line through what is finite, broken where a value is not; a dot where it stands alone. */
static void draw_series(const cen__plot *plot, const cen_report *report, const series *s)
{
    bool goes_on = false;
    cen__text_print(plot->text, "<path class=\"%s\" d=\"", s->kind);
    for (size_t i = 0; i < report->n_epochs; i++) {
        double value = value_of(s, &report->epochs[i]);
        if (!isfinite(value)) {
            goes_on = false;
            continue;
        }
        double x = cen__plot_x(plot, (double)report->epochs[i].epoch);
        cen__add_point(plot->text, goes_on ? 'L' : 'M', x, cen__plot_y(plot, value));
        if (!goes_on) cen__text_add(plot->text, "h.01");
        goes_on = true;
    }
    cen__text_add(plot->text, "\"/>\n");
}

static void draw_best(const cen__plot *plot, const cen_report *report)
{
    size_t best = report->n_epochs;
    for (size_t i = 0; i < report->n_epochs; i++) {
        if (report->epochs[i].is_best) best = i;
    }
    if (best == report->n_epochs) return;
    double x = cen__plot_x(plot, (double)report->epochs[best].epoch);
    cen__add_line(plot->text, "mark", x, plot->top, x, plot->bottom);
    bool is_right = x > (plot->left + plot->right) / 2;
    cen__open_text(plot->text, is_right ? "tick end" : "tick", x + (is_right ? -4 : 4),
                   plot->top + 10);
    cen__text_add(plot->text, "best</text>\n");
}

static cen__axis epoch_axis(const cen_report *report)
{
    double first = (double)report->epochs[0].epoch;
    double last = (double)report->epochs[report->n_epochs - 1].epoch;
    cen__axis axis = cen__axis_over("epoch", first, last > first ? last : first + 1, 6);
    if (axis.step < 1) axis.step = 1;
    return axis;
}

void cen__draw_panel(cen__page *page, size_t i)
{
    const panel *p = &PANELS[i];
    const cen_report *report = page->report;
    cen__plot plot = cen__plot_sized(page, p->id, 460, 250);
    double low = INFINITY, high = 0;
    for (size_t j = 0; j < SERIES_MOST && p->series[j].name != NULL; j++)
        (void)span(report, &p->series[j], &low, &high);
    if (p->is_percent) {
        high = 1;
        low = fmax(0, floor(low * 10) / 10);
        if (low >= 1) low = 0.9;
    } else {
        low = fmin(low, 0);
    }
    plot.x = epoch_axis(report);
    plot.y = cen__axis_over(NULL, low, high, 5);
    plot.y.is_percent = p->is_percent;
    cen__plot_begin(&plot, p->title, p->description);
    cen__open_text(plot.text, "name", 4, 16);
    cen__text_print(plot.text, "%s</text>\n", p->title);
    cen__plot_axes(&plot);
    draw_best(&plot, report);
    double x = plot.right - 2;
    for (size_t j = SERIES_MOST; j-- > 0;) {
        if (p->series[j].name == NULL) continue;
        draw_series(&plot, report, &p->series[j]);
        x -= 46 + 6.4 * (double)strlen(p->series[j].name);
        cen__add_legend(plot.text, p->series[j].kind, p->series[j].name, x, 16);
    }
    cen__plot_end(&plot);
}
