/* The contact sheet: queries with their nearest neighbours. */
#include "report/report.h"

#include <centerloss_eval.h>

static cen_status add_query(cen__page *page, const cen__set_view *view, size_t i,
                            cen__shown *picture, cen_error *error)
{
    cen__text *text = &page->text;
    const cen_feature_row *query = &view->set->queries[i];
    int32_t answer = view->set->measures->predicted[i];
    cen__text_add(text, "<figure class=\"query\">");
    cen_status status = cen__add_thumbnail(page, picture, error);
    if (status != CEN_OK) return status;
    cen__text_add(text, "<figcaption><b>");
    cen__add_class(text, view->report, query->label);
    cen__text_add(text, "</b>");
    if (answer != query->label) {
        cen__text_add(text, " <span class=\"bad\">\xE2\x9C\x97 taken for ");
        cen__add_class(text, view->report, answer);
        cen__text_add(text, "</span>");
    }
    cen__text_add(text, "</figcaption></figure>\n");
    return CEN_OK;
}

static const cen_feature_row *neighbour(const cen__set_view *view, size_t at)
{
    return &view->set->gallery[view->set->measures->neighbours[at]];
}

/* A neighbour of another class than the query has a cross and a dashed frame. */
static cen_status add_neighbour(cen__page *page, const cen__set_view *view, size_t pick, size_t j,
                                cen__shown *picture, cen_error *error)
{
    cen__text *text = &page->text;
    const size_t at = view->picks[pick] * view->set->measures->k + j;
    const cen_feature_row *row = neighbour(view, at);
    bool is_right = row->label == view->set->queries[view->picks[pick]].label;
    cen__text_print(text, "<li class=\"%s\">", is_right ? "right" : "wrong");
    cen_status status = cen__add_thumbnail(page, picture, error);
    if (status != CEN_OK) return status;
    cen__text_print(text, "<span class=\"what\"><span class=\"sign\">%s</span> ",
                    is_right ? "\xE2\x9C\x93<span class=\"hidden\"> right:</span>"
                             : "\xE2\x9C\x97<span class=\"hidden\"> wrong:</span>");
    cen__add_class(text, view->report, row->label);
    cen__text_add(text, "</span>");
    cen__add_figure(text, "span", CEN__REAL, (double)view->set->measures->distances[at],
                    "sets.%zu.sheet.%zu.neighbours.%zu.distance", view->index, pick, j);
    cen__text_add(text, "</li>\n");
    return CEN_OK;
}

/* A query and its k nearest. */
static cen_status add_card(cen__page *page, const cen__set_view *view, size_t pick, size_t k,
                           cen_error *error)
{
    const size_t query = view->picks[pick], first = query * view->set->measures->k;
    cen__shown pictures[CEN__NEIGHBOURS_MOST + 1] = {{.path = view->set->queries[query].path}};
    for (size_t j = 0; j < k; j++) pictures[j + 1].path = neighbour(view, first + j)->path;
    cen__read_pictures(page, CEN__THUMBNAIL_SIDE, pictures, k + 1);
    cen__text_add(&page->text, "<li class=\"card\">");
    cen_status status = add_query(page, view, query, &pictures[0], error);
    cen__text_add(&page->text, "<ol class=\"near\">\n");
    for (size_t j = 0; j < k && status == CEN_OK; j++)
        status = add_neighbour(page, view, pick, j, &pictures[j + 1], error);
    cen__text_add(&page->text, "</ol></li>\n");
    for (size_t j = 0; j <= k; j++) cen_image_free(&pictures[j].image);
    return status;
}

static cen_status add_cards(cen__page *page, const cen__set_view *view, size_t from, size_t to,
                            cen_error *error)
{
    size_t k = view->set->measures->k;
    if (k > CEN__NEIGHBOURS_MOST) k = CEN__NEIGHBOURS_MOST;
    cen__text_add(&page->text, "<ul class=\"sheet\">\n");
    for (size_t i = from; i < to; i++) {
        cen_status status = add_card(page, view, i, k, error);
        if (status != CEN_OK) return status;
    }
    cen__text_add(&page->text, "</ul>\n");
    return CEN_OK;
}

cen_status cen__add_sheet(cen__page *page, const cen__set_view *view, cen_error *error)
{
    cen__text *text = &page->text;
    cen_status status = CEN_OK;
    if (view->n_picks == 0) {
        cen__text_add(text, "<p>There are no queries.</p>\n");
        return CEN_OK;
    }
    if (view->n_wrong_picks > 0) {
        cen__text_print(text, "<h4>Wrong answers: %zu of ", view->n_wrong_picks);
        cen__add_figure(text, "span", CEN__COUNT, (double)view->n_wrong, "sets.%zu.n_wrong",
                        view->index);
        cen__text_add(text, "</h4>\n");
        status = add_cards(page, view, 0, view->n_wrong_picks, error);
    }
    if (status == CEN_OK && view->n_picks > view->n_wrong_picks) {
        cen__text_print(text, "<h4>Right answers: %zu, drawn by seed</h4>\n",
                        view->n_picks - view->n_wrong_picks);
        status = add_cards(page, view, view->n_wrong_picks, view->n_picks, error);
    }
    return status;
}
