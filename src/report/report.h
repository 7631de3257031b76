/* The page, its JSON and its plots from the inside. view.c works out of the measures what is drawn,
 * once for all three; one file a plot draws it; html.c, json.c and svg.c put them together. */
#ifndef CEN_REPORT_REPORT_H
#define CEN_REPORT_REPORT_H

#include <centerloss_eval.h>

#include "base/status.h"
#include "format/text.h"

enum {
    CEN__N_BINS = 48,        /* of a histogram */
    CEN__N_ROC_MOST = 200,   /* points that are drawn */
    CEN__MATRIX_MOST = 30,   /* classes in a confusion matrix */
    CEN__WORST_MOST = 3,     /* answers in the row of a class */
    CEN__PICKS_MOST = 16,    /* queries on all contact sheets */
    CEN__NEIGHBOURS_MOST = 5 /* of each */
};

/* How one class of a set fares. */
typedef struct cen__class_view {
    size_t n, n_answers, n_right; /* queries of it, answers that name it, both at once */
    double precision, recall, recall_interval[2];
    size_t n_worst, worst[CEN__WORST_MOST]; /* places in measures->confusions */
} cen__class_view;

/* What is drawn of a set. */
typedef struct cen__set_view {
    const cen_report *report;
    const cen_report_set *set;
    cen_measures measures; /* of the set; for cen__set_figures, as are the next two lines */
    double head_accuracy, head_interval[2], macro_interval[2];
    size_t n_labelled;        /* queries with a label */
    size_t index, n_classes;  /* classes that occur as label or as answer */
    int32_t *order;           /* [n_classes] their labels, as they are listed */
    cen__class_view *classes; /* [n_labels] */
    size_t *wrong;            /* [n_wrong], places of the queries */
    size_t n_labels;          /* one more than the highest label that occurs */
    size_t n_wrong;           /* queries with another answer than their label */
    size_t n_matrix;          /* classes in the matrix: all, or those confused most often */
    int32_t matrix_labels[CEN__MATRIX_MOST];
    size_t matrix[CEN__MATRIX_MOST][CEN__MATRIX_MOST]; /* [label][answer] */
    double bins_low, bins_high;
    double genuine[CEN__N_BINS], impostor[CEN__N_BINS]; /* shares of the pairs of a kind */
    size_t n_roc;
    double far[CEN__N_ROC_MOST], tar[CEN__N_ROC_MOST], far_low; /* far_low: a power of ten */
    size_t n_picks, n_wrong_picks;                              /* the wrong ones first */
    size_t picks[CEN__PICKS_MOST];
} cen__set_view;

typedef struct cen__page {
    cen_context *context; /* for memory */
    cen_report taken;     /* what is known of the caller's */
    const cen_report *report;
    cen__set_view *views; /* [n_sets] */
    char **folders;       /* [report->n_pictures] their real paths, while the page is written */
    cen__text text;
    bool is_alone; /* a plot in a file of its own */
} cen__page;

cen_status cen__page_create(cen_context *context, cen__page *page, const cen_report *report,
                            cen_error *error);
void cen__page_free(cen__page *page);

/* Writes the text to a file and empties it. Errors: MEMORY where adding to it failed, IO. */
cen_status cen__page_save(cen__page *page, const char *path, cen_error *error);

/* The name of a class, its number if there is no name for it, or "no class". buffer: 16 bytes. */
const char *cen__class_name(const cen_report *report, int32_t label, char *buffer);

/* As people count: s2 before s11. Names that differ are never equal. */
int cen__compare_names(const char *a, const char *b);

/* The labels with occurs[label], ordered by their names, in a new array [*n]; NULL without memory. */
int32_t *cen__labels_in_order(cen_context *context, const cen_report *report, const bool *occurs,
                              size_t n_labels, size_t *n);

/* The 95 % interval of Wilson 1927 of n_right of n; NAN if n is 0. */
void cen__wilson(size_t n_right, size_t n, double interval[2]);

/* ---- text and numbers ---- */

/* For HTML and XML, in text and in quotes; what is no UTF-8 or no XML becomes U+FFFD. Longer than
 * `most` characters: an ellipsis in place of the middle. */
void cen__add_escaped(cen__text *text, const char *string, size_t most);

/* The characters of a string as cen__add_escaped has them. */
size_t cen__count_characters(const char *string);

/* <bdi>NAME</bdi> of a class. */
void cen__add_class(cen__text *text, const cen_report *report, int32_t label);

/* As printf's %.*f, always with a '.'. */
void cen__add_fixed(cen__text *text, double value, int decimals);

typedef enum cen__unit { CEN__PERCENT, CEN__REAL, CEN__COUNT } cen__unit;

/* <ELEMENT data-key="KEY">rounded value</ELEMENT>; KEY is the figure's place in the JSON. */
void cen__add_figure(cen__text *text, const char *element, cen__unit unit, double value,
                     const char *key, ...) CEN__PRINTF(5, 6);

/* A figure of a struct by its place in it: one table serves page, plots and JSON. COUNT is a
 * size_t, the others are double. */
typedef struct cen__figure {
    const char *key, *name, *note;
    cen__unit unit;
    size_t offset;
    size_t interval; /* the place of the double[2] of its 95 % interval; 0: none */
} cen__figure;

/* Of cen_epoch_report and of cen__set_view. */
extern const cen__figure cen__epoch_figures[], cen__set_figures[];
extern const size_t cen__n_epoch_figures, cen__n_set_figures;
double cen__figure_value(const cen__figure *figure, const void *from);
const double *cen__figure_interval(const cen__figure *figure, const void *from); /* or NULL */

/* "a % to b %" as two figures KEY_interval.0 and KEY_interval.1; nothing if it was not measured. */
void cen__add_interval(cen__text *text, const double *interval, const char *key, ...)
    CEN__PRINTF(3, 4);

/* ---- plots ---- */

typedef struct cen__axis {
    const char *label;
    double low, high, step;
    bool is_log, is_percent;
} cen__axis;

/* A linear axis over low .. high with a round step, about n_steps of them. */
cen__axis cen__axis_over(const char *label, double low, double high, int n_steps);

/* left .. right, top .. bottom: the area between the axes. */
typedef struct cen__plot {
    cen__text *text;
    const char *id;
    bool is_alone;
    double width, height, left, right, top, bottom;
    cen__axis x, y;
} cen__plot;

/* width and height with the usual margins. */
cen__plot cen__plot_sized(cen__page *page, const char *id, double width, double height);
void cen__plot_begin(const cen__plot *plot, const char *title, const char *description);
void cen__plot_axes(const cen__plot *plot);
void cen__plot_end(const cen__plot *plot);
double cen__plot_x(const cen__plot *plot, double x);
double cen__plot_y(const cen__plot *plot, double y);

/* " NAME="VALUE"" with one decimal. */
void cen__add_attribute(cen__text *text, const char *name, double value);
void cen__add_point(cen__text *text, char command, double x, double y);

/* <line class="KIND"> between two points of the picture. */
void cen__add_line(cen__text *text, const char *kind, double x1, double y1, double x2, double y2);

/* Begins a <text class="KIND"> at a place; the caller adds the text and the closing tag. */
void cen__open_text(cen__text *text, const char *kind, double x, double y);

/* One row of a legend from `x` on, as wide as it says it is: a stroke or box of a class and a name. */
void cen__add_legend(cen__text *text, const char *kind, const char *name, double x, double y);

/* Some figure of the epochs of a run; kind: the class of its stroke. */
typedef struct cen__curve {
    const cen_epoch_report *epochs;
    size_t n;
    const char *key, *name, *kind;
} cen__curve;

/* A plot of curves. With a legend it has the best epoch of the first curve, too. */
typedef struct cen__curves {
    const char *id, *title, *description;
    bool is_percent, has_legend;
} cen__curves;

bool cen__has_curves(const cen__curve *curves, size_t n);

/* Each adds one <svg> to page->text. */
void cen__draw_curves(cen__page *page, const cen__curves *head, const cen__curve *curves, size_t n);
enum { CEN__N_PANELS = 6 };
void cen__draw_panel(cen__page *page, size_t panel);
void cen__draw_scatter(cen__page *page);
void cen__draw_histogram(cen__page *page, const cen__set_view *view);
void cen__draw_roc(cen__page *page, const cen__set_view *view);
void cen__draw_matrix(cen__page *page, const cen__set_view *view);
double cen__matrix_width(const cen__set_view *view); /* in pixels */

/* The file name of a panel, "softmax-loss", and whether any of its figures was measured. */
const char *cen__panel_name(size_t panel);
bool cen__panel_has_figures(const cen__page *page, size_t panel);

/* True where a frame has a point that is finite. */
bool cen__has_scatter(const cen_report *report);

/* The frame that the page opens at: of the best epoch, else the last. */
size_t cen__first_shown(const cen_report *report);

/* The names of the classes with their symbols. */
void cen__add_legend_of_classes(cen__page *page);

/* The points of every frame, in whole units of the scatter plot, as a block of data; and what is shown of a
 * point: names and small pictures. Errors: MEMORY. */
cen_status cen__add_frames(cen__page *page, cen_error *error);

/* ---- parts of the page ---- */

extern const char *const cen__plot_style[], *const cen__page_style[], *const cen__page_script[];
void cen__add_lines(cen__text *text, const char *const *lines);

/* From <!DOCTYPE> to the title; what follows <main>; and what is between. */
void cen__page_begin(cen__page *page);
void cen__page_end(cen__page *page);
void cen__add_link(cen__page *page, const char *id, const char *name);
void cen__open_section(cen__page *page, const char *id, const char *name);
void cen__close_section(cen__page *page);

void cen__add_facts(cen__page *page);
void cen__add_results(cen__page *page);
void cen__add_epochs(cen__page *page);
void cen__add_classes(cen__page *page, const cen__set_view *view);
void cen__add_wrong(cen__page *page, const cen__set_view *view);
void cen__add_skipped(cen__page *page);

/* A box that scrolls, with a table in it that begins by its caption; and the end of both. */
void cen__open_table(cen__text *text, const char *kind, const char *caption);
void cen__close_table(cen__text *text);

/* The contact sheet of a set. Errors: MEMORY. */
cen_status cen__add_sheet(cen__page *page, const cen__set_view *view, cen_error *error);

/* A picture for the page; at first all fields but the path are zero. */
typedef struct cen__shown {
    const char *path;
    cen_image image;   /* the caller's to free */
    cen_status status; /* as of cen_image_read */
    cen_error error;
} cen__shown;

/* Reads pictures for places of `side` pixels, all threads at once: photos take long. */
void cen__read_pictures(const cen__page *page, size_t side, cen__shown *pictures, size_t n);

/* <img> with the picture, small, or a placeholder with the file's name. Errors: MEMORY. */
enum { CEN__THUMBNAIL_SIDE = 56 };
cen_status cen__add_thumbnail(cen__page *page, cen__shown *picture, cen_error *error);

/* One <img id="sprite"> with the pictures of the points side by side. Errors: MEMORY. */
cen_status cen__add_sprite(cen__page *page, const char *const *paths, size_t n, cen_error *error);
const char *cen__file_name(const char *path);

void cen__add_data_png(cen__text *text, const uint8_t *png, size_t size);

/* An image as a PNG of at most `most` bytes, if that can be: its numbers lose bits until it fits or they have one left.
 * *png is the caller's to free. Errors: MEMORY. */
cen_status cen__pack_within(cen_context *context, cen_image *image, size_t most, uint8_t **png,
                            size_t *size, cen_error *error);

/* Resolves the folders that pictures must lie in. Errors: IO (one is not there), MEMORY. */
cen_status cen__find_folders(cen__page *page, cen_error *error);

#endif
