/* One page for several runs. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "report/runs.h"

enum { FACTS_MOST = 200, SETS_MOST = 8, NAME_MOST = 60, VALUE_MOST = 300 };

typedef struct comparison {
    cen__page page;
    cen__compared runs[CEN__RUNS_MOST];
    size_t n;
} comparison;

/* ---- results ---- */

static const char *const COLUMNS[] = {"n_queries", "knn_accuracy", "knn_macro", "head_accuracy",
                                      "map_at_r",  "auc",          "eer",       "intra_inter"};
enum { N_COLUMNS = sizeof COLUMNS / sizeof *COLUMNS };

static const cen__figure *figure_of(const char *key)
{
    size_t i = 0;
    while (strcmp(cen__set_figures[i].key, key) != 0) i++;
    return &cen__set_figures[i];
}

/* The set of a run by its name; NULL: it has none. */
static const cen__json *set_of(const cen__compared *run, const char *name)
{
    const cen__json *set = run->sets != NULL ? run->sets->child : NULL;
    for (size_t i = 0; set != NULL && i < SETS_MOST; set = set->next, i++) {
        const char *found = cen__text_of(set, "name");
        if (found != NULL && strcmp(found, name) == 0) return set;
    }
    return NULL;
}

/* How the curves of a run are drawn, and its name. */
static void add_run(cen__text *text, const cen__compared *run)
{
    cen__text_print(text,
                    "<svg class=\"plot key-line\" viewBox=\"0 0 28 8\" aria-hidden=\"true\">"
                    "<line class=\"%s\" x1=\"2\" y1=\"4\" x2=\"26\" y2=\"4\"/></svg> <bdi>",
                    run->kind);
    cen__add_escaped(text, run->name, NAME_MOST);
    cen__text_add(text, "</bdi>");
}

static void add_run_name(cen__text *text, const cen__compared *run, const char *scope)
{
    cen__text_print(text, "<th scope=\"%s\">", scope);
    add_run(text, run);
    cen__text_add(text, "</th>");
}

static void add_result(cen__text *text, const cen__json *set, const cen__figure *figure)
{
    char key[80];
    cen__text_add(text, "<td class=\"n\">");
    cen__add_figure(text, "span", figure->unit, cen__number_of(set, figure->key), "%s",
                    figure->key);
    (void)snprintf(key, sizeof key, "%s_interval", figure->key);
    const cen__json *bounds = set != NULL ? cen__json_get(set, key) : NULL;
    if (bounds != NULL && bounds->n_children == 2 && bounds->child->kind == CEN__JSON_NUMBER &&
        bounds->child->next->kind == CEN__JSON_NUMBER) {
        const double interval[2] = {bounds->child->number, bounds->child->next->number};
        cen__add_interval(text, interval, "%s", figure->key);
    }
    cen__text_add(text, "</td>");
}

/* One row per run. */
static void add_set(comparison *c, const char *name)
{
    cen__text *text = &c->page.text;
    cen__text_add(text, "<h3><bdi>");
    cen__add_escaped(text, name, NAME_MOST);
    cen__text_add(text, "</bdi></h3>\n");
    cen__open_table(text, "long results", "Small figures are 95 % intervals");
    cen__text_add(text, "<thead><tr><th scope=\"col\">Run</th>");
    for (size_t j = 0; j < N_COLUMNS; j++)
        cen__text_print(text, "<th scope=\"col\" class=\"n\">%s</th>", figure_of(COLUMNS[j])->name);
    cen__text_add(text, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < c->n; i++) {
        const cen__json *set = set_of(&c->runs[i], name);
        cen__text_add(text, "<tr>");
        add_run_name(text, &c->runs[i], "row");
        for (size_t j = 0; j < N_COLUMNS; j++) add_result(text, set, figure_of(COLUMNS[j]));
        cen__text_add(text, "</tr>\n");
    }
    cen__close_table(text);
}

static bool is_known_set(const comparison *c, size_t n_runs, const char *name)
{
    for (size_t i = 0; i < n_runs; i++) {
        if (set_of(&c->runs[i], name) != NULL) return true;
    }
    return false;
}

static void add_results(comparison *c)
{
    size_t n = 0;
    cen__open_section(&c->page, "results", "Results");
    for (size_t i = 0; i < c->n; i++) {
        const cen__json *set = c->runs[i].sets != NULL ? c->runs[i].sets->child : NULL;
        for (size_t j = 0; set != NULL && j < SETS_MOST; set = set->next, j++) {
            const char *name = cen__text_of(set, "name");
            if (name == NULL || is_known_set(c, i, name)) continue;
            add_set(c, name);
            n++;
        }
    }
    if (n == 0) cen__text_add(&c->page.text, "<p>No run has results yet.</p>\n");
    cen__close_section(&c->page);
}

/* ---- what differs ---- */

static const char *fact_of(const cen__compared *run, const char *name)
{
    const cen__json *fact = run->facts != NULL ? run->facts->child : NULL;
    for (size_t i = 0; fact != NULL && i < FACTS_MOST; fact = fact->next, i++) {
        const char *found = cen__text_of(fact, "name");
        if (found != NULL && strcmp(found, name) == 0) return cen__text_of(fact, "value");
    }
    return NULL;
}

static bool differs(const comparison *c, const char *name)
{
    const char *first = fact_of(&c->runs[0], name);
    for (size_t i = 1; i < c->n; i++) {
        const char *other = fact_of(&c->runs[i], name);
        if ((first == NULL) != (other == NULL)) return true;
        if (first != NULL && strcmp(first, other) != 0) return true;
    }
    return false;
}

static void add_difference(comparison *c, const char *name)
{
    cen__text *text = &c->page.text;
    cen__text_add(text, "<tr><th scope=\"row\"><bdi>");
    cen__add_escaped(text, name, NAME_MOST);
    cen__text_add(text, "</bdi></th>");
    for (size_t i = 0; i < c->n; i++) {
        const char *value = fact_of(&c->runs[i], name);
        cen__text_add(text, "<td class=\"path\">");
        cen__add_escaped(text, value != NULL ? value : "\xE2\x80\x93", VALUE_MOST);
        cen__text_add(text, "</td>");
    }
    cen__text_add(text, "</tr>\n");
}

static void add_differences(comparison *c)
{
    cen__text *text = &c->page.text;
    cen__open_section(&c->page, "differences", "What differs");
    cen__open_table(text, "facts-table", "Options and facts that are not the same in all runs");
    cen__text_add(text, "<thead><tr><th scope=\"col\">Fact</th>");
    for (size_t i = 0; i < c->n; i++) add_run_name(text, &c->runs[i], "col");
    cen__text_add(text, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < c->n; i++) {
        const cen__json *fact = c->runs[i].facts != NULL ? c->runs[i].facts->child : NULL;
        for (size_t j = 0; fact != NULL && j < FACTS_MOST; fact = fact->next, j++) {
            const char *name = cen__text_of(fact, "name");
            bool is_known = name == NULL;
            for (size_t k = 0; k < i && !is_known; k++)
                is_known = fact_of(&c->runs[k], name) != NULL;
            if (!is_known && differs(c, name)) add_difference(c, name);
        }
    }
    cen__close_table(text);
    cen__close_section(&c->page);
}

/* ---- curves ---- */

static const struct {
    cen__curves head;
    const char *key;
} PANELS[] = {
    {{"knn", "k-NN accuracy, validation", "Accuracy of k-NN by epoch, one curve per run.", true,
      false},
     "knn_accuracy"},
    {{"head", "Head accuracy, validation", "Accuracy of the head by epoch, one curve per run.",
      true, false},
     "validation_accuracy"},
    {{"train-softmax", "Softmax loss, training", "Softmax loss by epoch, one curve per run.", false,
      false},
     "train_softmax"},
    {{"validation-softmax", "Softmax loss, validation", "Softmax loss by epoch, one curve per run.",
      false, false},
     "validation_softmax"},
    {{"center", "Center loss, training", "Center loss by epoch, one curve per run.", false, false},
     "train_center"},
    {{"intra-inter", "Intra / inter, validation",
      "Spread within a class over the distance between classes by epoch, one curve per run.", false,
      false},
     "intra_inter"},
    {{"rate", "Learning rate", "Learning rate by epoch, one curve per run.", false, false}, "lr"}};

static void add_curves(comparison *c)
{
    cen__text *text = &c->page.text;
    cen__open_section(&c->page, "curves", "Curves");
    cen__text_add(text, "<ul class=\"legend\">\n");
    for (size_t i = 0; i < c->n; i++) {
        cen__text_add(text, "<li>");
        add_run(text, &c->runs[i]);
        cen__text_print(text, "%s</li>\n",
                        c->runs[i].document == NULL ? ", which has not ended" : "");
    }
    cen__text_add(text, "</ul>\n<div class=\"grid2\">\n");
    for (size_t j = 0; j < sizeof PANELS / sizeof *PANELS; j++) {
        cen__curve curves[CEN__RUNS_MOST];
        for (size_t i = 0; i < c->n; i++)
            curves[i] = (cen__curve){c->runs[i].epochs, c->runs[i].n_epochs, PANELS[j].key,
                                     c->runs[i].name, c->runs[i].kind};
        if (cen__has_curves(curves, c->n))
            cen__draw_curves(&c->page, &PANELS[j].head, curves, c->n);
    }
    cen__text_add(text, "</div>\n");
    cen__close_section(&c->page);
}

/* ---- the page ---- */

static void add_page(comparison *c)
{
    cen__page_begin(&c->page);
    cen__text_add(&c->page.text, "<nav aria-label=\"Contents\">\n");
    cen__add_link(&c->page, "results", "Results");
    cen__add_link(&c->page, "differences", "What differs");
    cen__add_link(&c->page, "curves", "Curves");
    cen__text_add(&c->page.text, "</nav>\n</header>\n<main id=\"main\">\n");
    add_results(c);
    add_differences(c);
    add_curves(c);
    cen__page_end(&c->page);
}

static cen_status compare(comparison *c, cen_context *context, const char *const *runs, size_t n,
                          const char *path, cen_error *error)
{
    char title[64];
    cen_report report = cen_report_init();
    cen_status status = CEN_OK;
    (void)snprintf(title, sizeof title, "Comparison of %zu runs", n);
    report.title = title;
    for (; status == CEN_OK && c->n < n; c->n += status == CEN_OK)
        status = cen__compared_read(context, &c->runs[c->n], runs[c->n], c->n, error);
    if (status == CEN_OK) status = cen__page_create(context, &c->page, &report, error);
    if (status == CEN_OK) {
        add_page(c);
        status = cen__page_save(&c->page, path, error);
        cen__page_free(&c->page);
    }
    for (size_t i = 0; i < c->n; i++) cen__compared_free(&c->runs[i]);
    return status;
}

cen_status cen_report_compare(cen_context *context, const char *const *runs, size_t n_runs,
                              const char *path, cen_error *error)
{
    if (n_runs < 1 || n_runs > CEN__RUNS_MOST)
        return cen__fail(error, CEN_ERROR_ARGUMENT, "%zu runs cannot be compared; name 1 to %d",
                         n_runs, (int)CEN__RUNS_MOST);
    comparison *c = cen__alloc_zeroed(context, 1, sizeof *c);
    if (c == NULL) return cen__fail_memory(error, "a comparison");
    cen_status status = compare(c, context, runs, n_runs, path, error);
    cen__free(c);
    return status;
}
