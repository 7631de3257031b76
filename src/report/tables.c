/* The tables of the page. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

/* Rows of epochs, and bytes of skipped files; report.json has the rest. */
enum { EPOCHS_MOST = 120, SKIPPED_BYTES = 50000 };

void cen__open_table(cen__text *text, const char *kind, const char *caption)
{
    cen__text_print(text,
                    "<div class=\"scroll %s\" tabindex=\"0\" role=\"group\" aria-label=\"%s\">\n"
                    "<table><caption>%s</caption>\n",
                    kind, caption, caption);
}

void cen__close_table(cen__text *text)
{
    cen__text_add(text, "</tbody></table></div>\n");
}

void cen__add_facts(cen__page *page)
{
    const cen_report *report = page->report;
    cen__text *text = &page->text;
    if (report->n_facts == 0) return;
    cen__text_add(text, "<dl class=\"facts\">\n");
    for (size_t i = 0; i < report->n_facts; i++) {
        cen__text_add(text, "<div><dt>");
        cen__add_escaped(text, report->facts[2 * i], SIZE_MAX);
        cen__text_add(text, "</dt><dd>");
        cen__add_escaped(text, report->facts[2 * i + 1], SIZE_MAX);
        cen__text_add(text, "</dd></div>\n");
    }
    cen__text_add(text, "</dl>\n");
}

static void open_row(cen__text *text, const char *name, const char *note)
{
    cen__text_print(text, "<tr><th scope=\"row\">%s", name);
    if (note != NULL) cen__text_print(text, "<span class=\"note\">%s</span>", note);
    cen__text_add(text, "</th>");
}

/* 1 and 5 shots: how many ways there were belongs to the figure. */
static void add_episodes(cen__page *page, size_t shot)
{
    cen__text *text = &page->text;
    open_row(text, shot == 0 ? "1-shot accuracy" : "5-shot accuracy",
             shot == 0 ? "one picture of each class is known"
                       : "five pictures of each class are known");
    for (size_t i = 0; i < page->report->n_sets; i++) {
        const cen_episodes *e = &page->report->sets[i].measures->few_shot[shot];
        cen__text_add(text, "<td class=\"n\">");
        cen__add_figure(text, "span", CEN__PERCENT, e->n_episodes > 0 ? e->accuracy : NAN,
                        "sets.%zu.few_shot.%zu.accuracy", i, shot);
        if (e->n_episodes > 0) {
            cen__text_add(text, " \xC2\xB1\xC2\xA0");
            cen__add_figure(text, "span", CEN__PERCENT, e->interval,
                            "sets.%zu.few_shot.%zu.interval", i, shot);
            cen__text_add(text, "<span class=\"note\">");
            cen__add_figure(text, "span", CEN__COUNT, (double)e->n_ways,
                            "sets.%zu.few_shot.%zu.n_ways", i, shot);
            cen__text_add(text, " ways, ");
            cen__add_figure(text, "span", CEN__COUNT, (double)e->n_episodes,
                            "sets.%zu.few_shot.%zu.n_episodes", i, shot);
            cen__text_add(text, " episodes</span>");
        }
        cen__text_add(text, "</td>");
    }
    cen__text_add(text, "</tr>\n");
}

static void add_measure(cen__page *page, const cen__figure *figure)
{
    cen__text *text = &page->text;
    open_row(text, figure->name, figure->note);
    for (size_t i = 0; i < page->report->n_sets; i++) {
        const cen__set_view *view = &page->views[i];
        cen__text_add(text, "<td class=\"n\">");
        cen__add_figure(text, "span", figure->unit, cen__figure_value(figure, view), "sets.%zu.%s",
                        i, figure->key);
        cen__add_interval(text, cen__figure_interval(figure, view), "sets.%zu.%s", i, figure->key);
        cen__text_add(text, "</td>");
    }
    cen__text_add(text, "</tr>\n");
}

void cen__add_results(cen__page *page)
{
    cen__text *text = &page->text;
    if (page->report->n_sets == 0) {
        cen__text_add(text, "<p>No set of features was measured.</p>\n");
        return;
    }
    cen__open_table(text, "measures", "All figures of each set; small figures are 95 % intervals");
    cen__text_add(text, "<thead><tr><th scope=\"col\">Measure</th>");
    for (size_t i = 0; i < page->report->n_sets; i++) {
        cen__text_add(text, "<th scope=\"col\" class=\"n\">");
        cen__add_escaped(text, page->report->sets[i].name, SIZE_MAX);
        cen__text_add(text, "</th>");
    }
    cen__text_add(text, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < cen__n_set_figures; i++) add_measure(page, &cen__set_figures[i]);
    for (size_t shot = 0; shot < 2; shot++) add_episodes(page, shot);
    cen__close_table(text);
}

/* A row of group names, each as wide as its figures, and a row of their own names. */
static void add_epoch_head(cen__text *text)
{
    cen__text_add(text, "<thead><tr><td></td>");
    for (size_t j = 0; j < cen__n_epoch_figures;) {
        size_t first = j;
        const char *group = cen__epoch_figures[j].note;
        while (j < cen__n_epoch_figures && strcmp(cen__epoch_figures[j].note, group) == 0) j++;
        cen__text_print(text, "<th scope=\"colgroup\" colspan=\"%zu\" class=\"n\">%s</th>",
                        j - first, group);
    }
    cen__text_add(text, "</tr>\n<tr><th scope=\"col\">Epoch</th>");
    for (size_t j = 0; j < cen__n_epoch_figures; j++)
        cen__text_print(text, "<th scope=\"col\" class=\"n\">%s</th>", cen__epoch_figures[j].name);
    cen__text_add(text, "</tr></thead>\n<tbody>\n");
}

static void add_epoch(cen__text *text, const cen_epoch_report *epoch, size_t i)
{
    cen__text_print(text, "<tr><th scope=\"row\">%zu%s</th>", epoch->epoch,
                    epoch->is_best ? " <span class=\"note\">best yet</span>" : "");
    for (size_t j = 0; j < cen__n_epoch_figures; j++) {
        const cen__figure *figure = &cen__epoch_figures[j];
        cen__add_figure(text, "td", figure->unit, cen__figure_value(figure, epoch), "epochs.%zu.%s",
                        i, figure->key);
    }
    cen__text_add(text, "</tr>\n");
}

/* Of many epochs those at even steps, the best and the last. */
void cen__add_epochs(cen__page *page)
{
    const cen_report *report = page->report;
    cen__text *text = &page->text;
    const size_t step = (report->n_epochs + EPOCHS_MOST - 1) / EPOCHS_MOST;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < report->n_epochs; i++) {
        if (report->epochs[i].is_best) best = i;
    }
    cen__text_print(text, "<details><summary>The figures of %s</summary>\n",
                    step > 1 ? "the epochs" : "every epoch");
    cen__open_table(text, "epochs", step > 1 ? "Epochs at even steps" : "Every epoch");
    add_epoch_head(text);
    for (size_t i = 0; i < report->n_epochs; i++) {
        if (i % step == 0 || i == best || i + 1 == report->n_epochs)
            add_epoch(text, &report->epochs[i], i);
    }
    cen__close_table(text);
    if (step > 1)
        cen__text_print(
            text,
            "<p class=\"hint\">One epoch of %zu, the best and the last; report.json has "
            "the others, too.</p>\n",
            step);
    cen__text_add(text, "</details>\n");
}

void cen__add_skipped(cen__page *page)
{
    const cen_report *report = page->report;
    cen__text *text = &page->text;
    if (report->n_skipped == 0) {
        cen__text_add(text, "<p>None: every image could be read.</p>\n");
        return;
    }
    cen__open_table(text, "files", "Images that could not be used");
    cen__text_add(text, "<thead><tr><th scope=\"col\">File</th><th scope=\"col\">Why</th></tr>"
                        "</thead>\n<tbody>\n");
    const size_t most = text->size + SKIPPED_BYTES;
    size_t i = 0;
    for (; i < report->n_skipped && text->size < most && !text->failed; i++) {
        cen__text_add(text, "<tr><td class=\"path\">");
        cen__add_escaped(text, report->skipped[i].path, SIZE_MAX);
        cen__text_add(text, "</td><td>");
        cen__add_escaped(text, report->skipped[i].reason, SIZE_MAX);
        cen__text_add(text, "</td></tr>\n");
    }
    cen__close_table(text);
    if (i < report->n_skipped)
        cen__text_print(text,
                        "<p class=\"hint\">The first %zu of %zu; report.json lists the others, "
                        "too.</p>\n",
                        i, report->n_skipped);
}
