/* Features in the plane with their centers. The frame of the best epoch is drawn; the others are data that the
 * slider's script puts into the same paths. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "report/report.h"

/* Whole coordinates of points are in units of 1 / SCALE, so that they stay short and fine enough. */
enum {
    SCALE = 2,
    POINTS_MOST = 2000,
    ALL_POINTS_MOST = 30000,
    NAME_MOST = 60, /* characters of a name */
    NAMED_MOST = 12,
    CENTERS_MOST = 100, /* classes with centers: more would cover the points */
    N_COLORS = 8,
    N_SHAPES = 5
};

/* Each is drawn around the place where it begins. A class has its color and its shape. */
static const char *const SHAPES[N_SHAPES] = {"m-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0", "m-4-4h8v8h-8z",
                                             "m-6 5h12l-6-11z", "m0-7l7 7-7 7-7-7z",
                                             "m-6-2h4v-4h4v4h4v4h-4v4h-4v-4h-4z"};

bool cen__has_scatter(const cen_report *report)
{
    for (size_t i = 0; i < report->n_frames; i++) {
        const cen_report_frame *f = &report->frames[i];
        for (size_t j = 0; j < f->n; j++) {
            if (isfinite(f->points[2 * j]) && isfinite(f->points[2 * j + 1])) return true;
        }
    }
    return false;
}

size_t cen__first_shown(const cen_report *report)
{
    size_t best = SIZE_MAX, shown = report->n_frames - 1;
    for (size_t i = 0; i < report->n_epochs; i++) {
        if (report->epochs[i].is_best) best = report->epochs[i].epoch;
    }
    for (size_t i = 0; i < report->n_frames; i++) {
        if (report->frames[i].epoch == best) shown = i;
    }
    return shown;
}

/* Every step-th point is drawn. */
static size_t step_of(const cen_report *report, const cen_report_frame *frame)
{
    size_t most = ALL_POINTS_MOST / report->n_frames;
    if (most > POINTS_MOST) most = POINTS_MOST;
    if (most < POINTS_MOST / 10) most = POINTS_MOST / 10;
    return (frame->n + most - 1) / most;
}

typedef struct box {
    double low[2], high[2];
} box;

static void widen(box *b, const float *points, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(points[2 * i]) || !isfinite(points[2 * i + 1])) continue;
        for (int j = 0; j < 2; j++) {
            b->low[j] = fmin(b->low[j], (double)points[2 * i + (size_t)j]);
            b->high[j] = fmax(b->high[j], (double)points[2 * i + (size_t)j]);
        }
    }
}

static double side(const box *b)
{
    return fmax(b->high[0] - b->low[0], b->high[1] - b->low[1]);
}

/* All frames share one window: what they cover, but at most three times what the last one does, so
 * that a wild beginning does not shrink the end to a dot. */
static box window_of(const cen_report *report)
{
    box all = {{INFINITY, INFINITY}, {-INFINITY, -INFINITY}}, last = all;
    for (size_t i = 0; i < report->n_frames; i++) {
        const cen_report_frame *f = &report->frames[i];
        widen(&all, f->points, f->n);
        widen(&all, f->centers, f->n_centers);
        if (i + 1 < report->n_frames) continue;
        widen(&last, f->points, f->n);
        widen(&last, f->centers, f->n_centers);
    }
    if (!(side(&last) > 0) || side(&all) <= 3 * side(&last)) return all;
    double half = 1.5 * side(&last);
    for (int j = 0; j < 2; j++) {
        double middle = (last.low[j] + last.high[j]) / 2;
        last.low[j] = fmax(all.low[j], middle - half);
        last.high[j] = fmin(all.high[j], middle + half);
    }
    return last;
}

/* The window with a margin, and one unit as long upwards as sideways. */
static cen__plot make_plot(cen__page *page)
{
    cen__plot plot = cen__plot_sized(page, "scatter", 560, 460);
    plot.top = 10;
    box b = window_of(page->report);
    double width = plot.right - plot.left, height = plot.bottom - plot.top;
    double unit = fmax((b.high[0] - b.low[0]) / width, (b.high[1] - b.low[1]) / height) * 1.08;
    if (!(unit > 0)) unit = 1 / width;
    double x = (b.low[0] + b.high[0]) / 2, y = (b.low[1] + b.high[1]) / 2;
    plot.x = cen__axis_over(NULL, x - unit * width / 2, x + unit * width / 2, 6);
    plot.y = cen__axis_over(NULL, y - unit * height / 2, y + unit * height / 2, 6);
    plot.x.step = plot.y.step = fmax(plot.x.step, plot.y.step);
    return plot;
}

static int clamp(double value, double low, double high)
{
    return (int)floor(fmax(low, fmin(high, value)) * (double)SCALE + 0.5);
}

/* False where a point is not finite and so not drawn. */
static bool place(const cen__plot *plot, const float *point, int *x, int *y)
{
    if (!isfinite(point[0]) || !isfinite(point[1])) return false;
    *x = clamp(cen__plot_x(plot, (double)point[0]), plot->left, plot->right);
    *y = clamp(cen__plot_y(plot, (double)point[1]), plot->top, plot->bottom);
    return true;
}

/* A class with its points, in any of the frames. Without a label: -1. */
static void draw_points(const cen__plot *plot, const cen__page *page, int32_t label)
{
    const cen_report *report = page->report;
    const cen_report_frame *shown = &report->frames[cen__first_shown(report)];
    const char *shape = SHAPES[label < 0 ? 0 : label % N_SHAPES];
    char number[16];
    int x, y;
    cen__text_print(plot->text, "<path class=\"k%d\" data-label=\"%ld\" data-shape=\"%s\" d=\"",
                    label < 0 ? 7 : (int)(label % N_COLORS), (long)label, shape);
    for (size_t i = 0; i < shown->n; i += step_of(report, shown)) {
        if (shown->labels[i] != label || !place(plot, shown->points + 2 * i, &x, &y)) continue;
        cen__text_print(plot->text, "M%d %d%s", x, y, shape);
    }
    cen__text_add(plot->text, "\"><title>");
    cen__add_escaped(plot->text, cen__class_name(report, label, number), NAME_MOST);
    cen__text_add(plot->text, "</title></path>\n");
}

static void draw_center(const cen__plot *plot, const cen__page *page, int32_t label, bool is_named)
{
    const char *cross = is_named ? "M-11 0h22M0-11v22" : "M-7 0h14M0-7v14";
    const cen_report_frame *shown = &page->report->frames[cen__first_shown(page->report)];
    char number[16];
    int x = 0, y = 0;
    bool is_there =
        (size_t)label < shown->n_centers && place(plot, shown->centers + 2 * (size_t)label, &x, &y);
    cen__text_print(plot->text,
                    "<g class=\"center%s\" data-center=\"%ld\" transform=\"translate(%d %d)\"%s>"
                    "<path class=\"halo\" d=\"%s\"/><path d=\"%s\"/>",
                    is_named ? "" : " small", (long)label, x, y,
                    is_there ? "" : " visibility=\"hidden\"", cross, cross);
    if (is_named) {
        cen__open_text(plot->text, "point", 0, -20);
        cen__add_escaped(plot->text, cen__class_name(page->report, label, number), 24);
        cen__text_add(plot->text, "</text>");
    }
    cen__text_add(plot->text, "<title>center of ");
    cen__add_escaped(plot->text, cen__class_name(page->report, label, number), SIZE_MAX);
    cen__text_add(plot->text, "</title></g>\n");
}

/* Which labels have points in any frame, in a new array [*n]; NULL without memory. */
static bool *find_labels(cen_context *context, const cen_report *report, size_t *n,
                         bool *has_unlabelled)
{
    *n = 0;
    *has_unlabelled = false;
    for (size_t i = 0; i < report->n_frames; i++) {
        for (size_t j = 0; j < report->frames[i].n; j++) {
            int32_t label = report->frames[i].labels[j];
            if (label < 0) *has_unlabelled = true;
            if (label >= 0 && (size_t)label >= *n) *n = (size_t)label + 1;
        }
    }
    bool *is_there = cen__alloc_zeroed(context, *n, sizeof *is_there);
    for (size_t i = 0; is_there != NULL && i < report->n_frames; i++) {
        for (size_t j = 0; j < report->frames[i].n; j++) {
            if (report->frames[i].labels[j] >= 0) is_there[report->frames[i].labels[j]] = true;
        }
    }
    return is_there;
}

/* Frames have no class names of their own: their labels are those of the first set. */
void cen__draw_scatter(cen__page *page)
{
    const cen_report *report = page->report;
    bool has_unlabelled;
    size_t n_labels, n = 0;
    bool *is_there = find_labels(page->context, report, &n_labels, &has_unlabelled);
    if (is_there == NULL) {
        page->text.failed = true;
        return;
    }
    for (size_t i = 0; i < n_labels; i++) n += is_there[i];
    cen__plot plot = make_plot(page);
    cen__plot_begin(
        &plot, "Features in the plane",
        "One point per picture, with the color and the shape of its class; a cross is the "
        "center of a class. Pictures with near points have similar features.");
    cen__plot_axes(&plot);
    cen__text_add(plot.text, "<g class=\"points\" transform=\"scale(.5)\">\n");
    if (has_unlabelled) draw_points(&plot, page, -1);
    for (size_t i = 0; i < n_labels; i++) {
        if (is_there[i]) draw_points(&plot, page, (int32_t)i);
    }
    for (size_t i = 0; i < n_labels && n <= CENTERS_MOST; i++) {
        if (is_there[i]) draw_center(&plot, page, (int32_t)i, n <= NAMED_MOST);
    }
    cen__text_add(plot.text, "</g>\n");
    cen__plot_end(&plot);
    cen__free(is_there);
}

static void add_symbol(cen__text *text, int32_t label)
{
    cen__text_print(text,
                    "<svg viewBox=\"-8 -8 16 16\" aria-hidden=\"true\" class=\"points\"><path "
                    "class=\"k%ld\" d=\"M0 0%s\"/></svg>",
                    (long)label % N_COLORS, SHAPES[label % N_SHAPES]);
}

/* The script makes a check box of each item. */
void cen__add_legend_of_classes(cen__page *page)
{
    cen__text *text = &page->text;
    bool has_unlabelled;
    size_t n_labels, n = 0;
    char number[16];
    bool *is_there = find_labels(page->context, page->report, &n_labels, &has_unlabelled);
    int32_t *order = is_there == NULL ? NULL
                                      : cen__labels_in_order(page->context, page->report, is_there,
                                                             n_labels, &n);
    cen__free(is_there);
    text->failed = text->failed || order == NULL;
    if (order != NULL && n > 0) {
        const bool is_many = n > N_COLORS * N_SHAPES; /* symbols of two classes would be the same */
        cen__text_print(text, "<div id=\"picker\" class=\"%s\">\n<ul class=\"legend\">\n",
                        is_many ? "many" : "few");
        for (size_t i = 0; i < n; i++) {
            cen__text_print(text, "<li data-pick=\"%ld\">", (long)order[i]);
            if (!is_many) add_symbol(text, order[i]);
            cen__add_escaped(text, cen__class_name(page->report, order[i], number), NAME_MOST);
            cen__text_add(text, "</li>\n");
        }
        cen__text_add(text, "</ul></div>\n");
    }
    cen__free(order);
}

static void add_labels(cen__text *text, const cen_report *report, const cen_report_frame *f)
{
    cen__text_add(text, "\"labels\":[");
    for (size_t i = 0; i < f->n; i += step_of(report, f))
        cen__text_print(text, "%s%ld", i > 0 ? "," : "", (long)f->labels[i]);
    cen__text_add(text, "],");
}

/* Two numbers for each point and each center of a class that is there; -1,-1 if it is not drawn. */
static void add_frame(cen__text *text, const cen__plot *plot, const cen_report *report,
                      const cen_report_frame *f, const bool *is_there, size_t n_labels)
{
    int x, y;
    size_t n = 0;
    const char *comma = "";
    cen__text_add(text, "\"points\":[");
    for (size_t i = 0; i < f->n; i += step_of(report, f)) {
        if (!place(plot, f->points + 2 * i, &x, &y)) x = y = -1;
        cen__text_print(text, "%s%d,%d", comma, x, y);
        comma = ",";
    }
    cen__text_add(text, "],\"centers\":[");
    comma = "";
    for (size_t i = 0; i < n_labels; i++) n += is_there[i];
    for (size_t i = 0; i < n_labels && n <= CENTERS_MOST; i++) {
        if (!is_there[i]) continue;
        if (i >= f->n_centers || !place(plot, f->centers + 2 * i, &x, &y)) x = y = -1;
        cen__text_print(text, "%s%d,%d", comma, x, y);
        comma = ",";
    }
    cen__text_print(text, "],\"epoch\":%zu}", f->epoch);
}

static void add_all_frames(cen__page *page, const bool *is_there, size_t n_labels)
{
    const cen_report *report = page->report;
    cen__text *text = &page->text;
    cen__plot plot = make_plot(page);
    cen__text_add(text, "<script type=\"application/json\" id=\"frames\">[");
    for (size_t i = 0; i < report->n_frames; i++) {
        const cen_report_frame *f = &report->frames[i];
        cen__text_add(text, i > 0 ? ",\n{" : "{");
        /* Frames of the same pictures share their labels. */
        if (i == 0 || f->labels != f[-1].labels || f->n != f[-1].n) add_labels(text, report, f);
        add_frame(text, &plot, report, f, is_there, n_labels);
    }
    cen__text_add(text, "]</script>\n");
}

cen_status cen__add_frames(cen__page *page, cen_error *error)
{
    const cen_report *report = page->report;
    const cen_report_frame *shown = &report->frames[cen__first_shown(report)];
    bool has_unlabelled;
    size_t n_labels, n = 0;
    bool *is_there = find_labels(page->context, report, &n_labels, &has_unlabelled);
    if (is_there == NULL) return cen__fail_memory(error, "a report");
    add_all_frames(page, is_there, n_labels);
    cen__free(is_there);
    if (report->point_paths == NULL) return CEN_OK;
    const char **paths = cen__alloc(page->context, shown->n, sizeof *paths);
    if (paths == NULL) return cen__fail_memory(error, "a report");
    for (size_t i = 0; i < shown->n; i += step_of(report, shown))
        paths[n++] = report->point_paths[i];
    cen_status status = cen__add_sprite(page, paths, n, error);
    cen__free(paths);
    return status;
}
