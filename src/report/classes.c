/* How each class of a set fares, and the pictures that got a wrong answer, as tables. */
#include <centerloss_eval.h>

#include <string.h>

#include "report/report.h"

/* Bytes of all lists of wrong answers, and of all tables of classes; report.json has the rest. */
enum { WRONG_BYTES = 200000, CLASSES_BYTES = 400000 };

/* "coat 3, dress 1" */
static void add_worst(cen__text *text, const cen__set_view *view, const cen__class_view *c)
{
    for (size_t i = 0; i < c->n_worst; i++) {
        const cen_confusion *confusion = &view->set->measures->confusions[c->worst[i]];
        cen__text_add(text, i > 0 ? ", " : "");
        cen__add_class(text, view->report, confusion->predicted);
        cen__text_print(text, "\xC2\xA0%zu", confusion->count);
    }
}

/* There may be many rows, so they are kept short. */
static void add_row(cen__text *text, const cen__set_view *view, size_t i)
{
    const cen__class_view *c = &view->classes[view->order[i]];
    size_t set = view->index;
    cen__text_add(text, "<tr><th scope=\"row\">");
    cen__add_class(text, view->report, view->order[i]);
    cen__text_add(text, "</th>");
    cen__add_figure(text, "td", CEN__COUNT, (double)c->n, "sets.%zu.classes.%zu.n", set, i);
    cen__add_figure(text, "td", CEN__PERCENT, c->precision, "sets.%zu.classes.%zu.precision", set,
                    i);
    cen__add_figure(text, "td", CEN__PERCENT, c->recall, "sets.%zu.classes.%zu.recall", set, i);
    cen__text_add(text, "<td>");
    if (c->n > 0) {
        cen__add_fixed(text, 100 * c->recall_interval[0], 1);
        cen__text_add(text, " to ");
        cen__add_fixed(text, 100 * c->recall_interval[1], 1);
    }
    cen__text_add(text, "</td><td>");
    add_worst(text, view, c);
    cen__text_add(text, "</td></tr>\n");
}

void cen__add_classes(cen__page *page, const cen__set_view *view)
{
    cen__text *text = &page->text;
    size_t i = 0;
    if (view->n_classes == 0) return;
    cen__open_table(text, "long classes",
                    "Each class: precision is the share of right ones among the answers that name "
                    "it, recall the share of its pictures that were answered right");
    cen__text_add(text,
                  "<thead><tr><th scope=\"col\">Class</th><th scope=\"col\" class=\"n\">n</th>"
                  "<th scope=\"col\" class=\"n\">Precision</th><th scope=\"col\" "
                  "class=\"n\">Recall</th><th scope=\"col\" class=\"n\">95 % interval</th>"
                  "<th scope=\"col\">Most often taken for</th></tr></thead>\n<tbody>\n");
    const size_t most = text->size + CLASSES_BYTES / page->report->n_sets;
    for (; i < view->n_classes && text->size < most && !text->failed; i++) add_row(text, view, i);
    cen__close_table(text);
    if (i < view->n_classes)
        cen__text_print(text,
                        "<p class=\"hint\">The first %zu of %zu classes; report.json has the "
                        "others, too.</p>\n",
                        i, view->n_classes);
}

/* How many bytes of their paths all wrong queries share: up to the last '/' in them. */
static size_t shared_folder(const cen__set_view *view)
{
    const cen_feature_row *rows = view->set->queries;
    const char *first = rows[view->wrong[0]].path;
    size_t n = strlen(first);
    for (size_t i = 0; i < view->n_wrong; i++) {
        const char *path = rows[view->wrong[i]].path;
        size_t same = 0;
        while (same < n && path[same] == first[same] && path[same] != '\0') same++;
        n = same;
    }
    while (n > 0 && first[n - 1] != '/') n--;
    return n;
}

static void add_wrong_row(cen__text *text, const cen__set_view *view, size_t query, size_t n_shared)
{
    const cen_report_set *set = view->set;
    cen__text_add(text, "<tr><td class=\"path\">");
    cen__add_escaped(text, set->queries[query].path + n_shared, SIZE_MAX);
    cen__text_add(text, "</td><td>");
    cen__add_class(text, view->report, set->queries[query].label);
    cen__text_add(text, "</td><td>");
    cen__add_class(text, view->report, set->measures->predicted[query]);
    if (set->head != NULL) {
        cen__text_add(text, "</td><td>");
        cen__add_class(text, view->report, set->head[query]);
    }
    cen__text_add(text, "</td></tr>\n");
}

static void add_summary(cen__text *text, const cen__set_view *view, size_t n_shared)
{
    cen__text_add(text, "<details><summary>All wrong answers: ");
    cen__add_figure(text, "span", CEN__COUNT, (double)view->n_wrong, "sets.%zu.n_wrong",
                    view->index);
    cen__text_add(text, "</summary>\n");
    if (n_shared == 0) return;
    char folder[1024];
    const char *path = view->set->queries[view->wrong[0]].path;
    size_t size = n_shared < sizeof folder ? n_shared : sizeof folder - 1;
    memcpy(folder, path, size);
    folder[size] = '\0';
    cen__text_add(text, "<p class=\"hint\">Pictures in ");
    cen__add_escaped(text, folder, SIZE_MAX);
    cen__text_add(text, "</p>\n");
}

void cen__add_wrong(cen__page *page, const cen__set_view *view)
{
    cen__text *text = &page->text;
    if (view->n_wrong == 0) {
        cen__text_add(text, "<p>Every answer is right.</p>\n");
        return;
    }
    size_t n_shared = shared_folder(view), i = 0;
    add_summary(text, view, n_shared);
    cen__open_table(text, "long", "Pictures that got a wrong answer");
    cen__text_add(text, "<thead><tr><th scope=\"col\">Picture</th><th scope=\"col\">Class</th>"
                        "<th scope=\"col\">k-NN answers</th>");
    if (view->set->head != NULL) cen__text_add(text, "<th scope=\"col\">The head answers</th>");
    cen__text_add(text, "</tr></thead>\n<tbody>\n");
    size_t most = text->size + WRONG_BYTES / page->report->n_sets;
    for (; i < view->n_wrong && text->size < most && !text->failed; i++)
        add_wrong_row(text, view, view->wrong[i], n_shared);
    cen__close_table(text);
    if (i < view->n_wrong)
        cen__text_print(
            text, "<p class=\"hint\">The first %zu; report.json lists the others, too.</p>\n", i);
    cen__text_add(text, "</details>\n");
}
