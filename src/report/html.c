/* The page, from top to bottom. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/report.h"

void cen__page_begin(cen__page *page)
{
    cen__text *text = &page->text;
    cen__text_add(text, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    cen__add_escaped(text, page->report->title, SIZE_MAX);
    cen__text_add(text, "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n");
    cen__add_lines(text, cen__plot_style);
    cen__add_lines(text, cen__page_style);
    cen__text_add(text, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the "
                        "figures</a>\n<header>\n<h1>");
    cen__add_escaped(text, page->report->title, SIZE_MAX);
    cen__text_add(text, "</h1>\n");
}

void cen__add_link(cen__page *page, const char *id, const char *name)
{
    cen__text_print(&page->text, "<a href=\"#%s\">", id);
    cen__add_escaped(&page->text, name, SIZE_MAX);
    cen__text_add(&page->text, "</a>\n");
}

static void add_contents(cen__page *page)
{
    const cen_report *report = page->report;
    cen__text_add(&page->text, "<nav aria-label=\"Contents\">\n");
    cen__add_link(page, "figures", "Figures");
    if (report->n_epochs > 0) cen__add_link(page, "training", "Training");
    if (cen__has_scatter(report)) cen__add_link(page, "plane", "Features in the plane");
    for (size_t i = 0; i < report->n_sets; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "set-%zu", i + 1);
        cen__add_link(page, id, report->sets[i].name);
    }
    cen__add_link(page, "skipped", "Skipped files");
    cen__text_add(&page->text, "</nav>\n</header>\n<main id=\"main\">\n");
}

void cen__open_section(cen__page *page, const char *id, const char *name)
{
    cen__text_print(&page->text,
                    "<section id=\"%s\" aria-labelledby=\"%s-name\">\n<h2 "
                    "id=\"%s-name\">",
                    id, id, id);
    cen__add_escaped(&page->text, name, SIZE_MAX);
    cen__text_add(&page->text, "</h2>\n");
}

void cen__close_section(cen__page *page)
{
    cen__text_add(&page->text, "</section>\n");
}

void cen__page_end(cen__page *page)
{
    cen__text_add(&page->text, "</main>\n<footer><p>Written by libcenterloss " CEN_VERSION
                               ". Every figure stands with all its digits in the JSON beside this "
                               "page.</p></footer>\n");
    cen__text_add(&page->text, "<script>\n");
    cen__add_lines(&page->text, cen__page_script);
    cen__text_add(&page->text, "</script>\n</body>\n</html>\n");
}

static void add_key_figure(cen__page *page, const char *key, const char *name)
{
    cen__text *text = &page->text;
    for (size_t i = 0; i < cen__n_set_figures; i++) {
        const cen__figure *figure = &cen__set_figures[i];
        if (strcmp(figure->key, key) != 0) continue;
        for (size_t j = 0; j < page->report->n_sets; j++) {
            const cen__set_view *view = &page->views[j];
            double value = cen__figure_value(figure, view);
            if (!isfinite(value)) continue;
            cen__text_print(text, "<div><dt>%s, ", name);
            cen__add_escaped(text, view->set->name, SIZE_MAX);
            cen__text_add(text, "</dt><dd>");
            cen__add_figure(text, "span", figure->unit, value, "sets.%zu.%s", j, key);
            cen__add_interval(text, cen__figure_interval(figure, view), "sets.%zu.%s", j, key);
            cen__text_add(text, "</dd></div>\n");
        }
    }
}

/* The first things one wants to know, and of which pictures. */
static void add_key_figures(cen__page *page)
{
    cen__text *text = &page->text;
    if (page->report->n_sets == 0) return;
    cen__text_add(text, "<dl class=\"key\">\n");
    add_key_figure(page, "knn_accuracy", "k-NN accuracy");
    add_key_figure(page, "head_accuracy", "Head accuracy");
    cen__text_add(text, "</dl>\n<ul class=\"sets\">\n");
    for (size_t i = 0; i < page->report->n_sets; i++) {
        const cen_report_set *set = &page->report->sets[i];
        if (set->note == NULL) continue;
        cen__text_add(text, "<li><b>");
        cen__add_escaped(text, set->name, SIZE_MAX);
        cen__text_add(text, "</b>: ");
        cen__add_escaped(text, set->note, SIZE_MAX);
        cen__text_add(text, "</li>\n");
    }
    cen__text_add(text, "</ul>\n");
}

static void add_figures(cen__page *page)
{
    cen__open_section(page, "figures", "Figures");
    add_key_figures(page);
    cen__add_facts(page);
    if (page->report->command != NULL) {
        cen__text_add(&page->text, "<h3>Command</h3>\n<pre><code>");
        cen__add_escaped(&page->text, page->report->command, SIZE_MAX);
        cen__text_add(&page->text, "</code></pre>\n");
    }
    cen__text_add(&page->text, "<h3>Measures</h3>\n");
    cen__add_results(page);
    cen__close_section(page);
}

static void add_training(cen__page *page)
{
    if (page->report->n_epochs == 0) return;
    cen__open_section(page, "training", "Training");
    cen__text_add(&page->text, "<div class=\"grid2\">\n");
    for (size_t i = 0; i < CEN__N_PANELS; i++) {
        if (cen__panel_has_figures(page, i)) cen__draw_panel(page, i);
    }
    cen__text_add(&page->text, "</div>\n");
    cen__add_epochs(page);
    cen__close_section(page);
}

static void add_slider(cen__page *page, size_t shown)
{
    const cen_report *report = page->report;
    size_t epoch = report->frames[shown].epoch;
    cen__text_print(&page->text,
                    "<div class=\"slider\" hidden><label for=\"epoch\">Epoch</label><input "
                    "type=\"range\" id=\"epoch\" min=\"0\" max=\"%zu\" value=\"%zu\" step=\"1\">"
                    "<output id=\"epoch-now\" for=\"epoch\">epoch %zu</output></div>\n",
                    report->n_frames - 1, shown, epoch);
}

static cen_status add_plane(cen__page *page, cen_error *error)
{
    const cen_report *report = page->report;
    cen__text *text = &page->text;
    if (!cen__has_scatter(report)) return CEN_OK;
    size_t shown = cen__first_shown(report);
    cen__open_section(page, "plane", "Features in the plane");
    cen__text_add(text, "<p class=\"hint\">");
    if (report->plane != NULL) cen__add_escaped(text, report->plane, SIZE_MAX);
    cen__text_print(text,
                    " A point is a picture, a cross is the center of a class. Shown first: epoch "
                    "%zu. All epochs share one scale; points outside of it stand at the edge.</p>\n"
                    "<div class=\"wide\">\n<div id=\"plane-plot\">\n",
                    report->frames[shown].epoch);
    cen__draw_scatter(page);
    cen__text_add(text, "</div>\n<p id=\"point\" class=\"point-card\" aria-live=\"polite\" "
                        "hidden></p></div>\n");
    add_slider(page, shown);
    cen__add_legend_of_classes(page);
    cen_status status = cen__add_frames(page, error);
    cen__close_section(page);
    return status;
}

static void add_matrix(cen__page *page, const cen__set_view *view)
{
    cen__text *text = &page->text;
    cen__text_add(text, "<h3>Classes</h3>\n");
    if (view->n_matrix > 0) {
        if (view->n_matrix < view->n_classes)
            cen__text_print(text,
                            "<p class=\"hint\">The %zu classes that are confused most often, of "
                            "%zu; answers outside of these are not in the matrix.</p>\n",
                            view->n_matrix, view->n_classes);
        cen__text_print(text,
                        "<div class=\"scroll matrix\" tabindex=\"0\" role=\"group\" "
                        "aria-label=\"Confusion matrix\" style=\"--least:%dpx\">\n",
                        (int)cen__matrix_width(view));
        cen__draw_matrix(page, view);
        cen__text_add(text, "</div>\n");
    }
    cen__add_classes(page, view);
}

static cen_status add_set(cen__page *page, const cen__set_view *view, cen_error *error)
{
    cen__text *text = &page->text;
    char id[32];
    (void)snprintf(id, sizeof id, "set-%zu", view->index + 1);
    cen__open_section(page, id, view->set->name);
    add_matrix(page, view);
    cen__text_add(text, "<h3>Distances and verification</h3>\n");
    if (view->n_roc > 0) {
        cen__text_add(text, "<div class=\"grid2\">\n");
        cen__draw_histogram(page, view);
        cen__draw_roc(page, view);
        cen__text_add(text, "</div>\n");
        if (view->set->measures->verification.is_sample)
            cen__text_add(text, "<p class=\"hint\">There are more pairs than were looked at: these "
                                "are a sample, drawn by seed.</p>\n");
    } else {
        cen__text_add(text, "<p>Not measured: it takes pairs of one class and pairs of two.</p>\n");
    }
    cen__text_add(text, "<h3>Queries and their nearest neighbours</h3>\n");
    cen__add_wrong(page, view);
    if (view->n_picks > 0)
        cen__text_add(text,
                      "<p class=\"hint\">Nearest first, with class and distance. \xE2\x9C\x93 "
                      "the class of the query, \xE2\x9C\x97 and a dashed frame another "
                      "one.</p>\n");
    if (page->report->n_pictures > 0)
        cen__text_add(
            text, "<p class=\"hint\">A file name in place of a picture: there is no picture, or "
                  "it lies outside of the folders that were named.</p>\n");
    cen_status status = cen__add_sheet(page, view, error);
    cen__close_section(page);
    return status;
}

static cen_status add_page(cen__page *page, cen_error *error)
{
    cen__page_begin(page);
    add_contents(page);
    add_figures(page);
    add_training(page);
    cen_status status = add_plane(page, error);
    for (size_t i = 0; status == CEN_OK && i < page->report->n_sets; i++)
        status = add_set(page, &page->views[i], error);
    cen__open_section(page, "skipped", "Skipped files");
    cen__add_skipped(page);
    cen__close_section(page);
    cen__page_end(page);
    return status;
}

cen_status cen_report_write_html(cen_context *context, const cen_report *report, const char *path,
                                 cen_error *error)
{
    cen__page page;
    cen_status status = cen__page_create(context, &page, report, error);
    if (status != CEN_OK) return status;
    status = cen__find_folders(&page, error);
    if (status == CEN_OK) status = add_page(&page, error);
    if (status == CEN_OK) status = cen__page_save(&page, path, error);
    cen__page_free(&page);
    return status;
}
