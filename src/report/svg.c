/* Each plot as a file of its own. */
#include <centerloss_eval.h>

#include <stdio.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"
#include "report/report.h"

/* Saves what was drawn as FOLDER/NAME.svg. */
static cen_status save(cen__page *page, const char *folder, const char *name, cen_error *error)
{
    char file[64];
    (void)snprintf(file, sizeof file, "%s.svg", name);
    char *path = cen__path_join(page->context, folder, file);
    if (path == NULL) return cen__fail_memory(error, "the name of a plot");
    if (cen__os_is_link(path)) (void)cen__os_remove(path); /* a run folder may be a stranger's */
    cen_status status = cen__page_save(page, path, error);
    cen__free(path);
    return status;
}

static cen_status save_run(cen__page *page, const char *folder, cen_error *error)
{
    cen_status status = CEN_OK;
    for (size_t i = 0; status == CEN_OK && i < CEN__N_PANELS; i++) {
        if (!cen__panel_has_figures(page, i)) continue;
        cen__draw_panel(page, i);
        status = save(page, folder, cen__panel_name(i), error);
    }
    if (status != CEN_OK || !cen__has_scatter(page->report)) return status;
    cen__draw_scatter(page);
    return save(page, folder, "scatter", error);
}

static cen_status save_set(cen__page *page, const cen__set_view *view, const char *folder,
                           cen_error *error)
{
    static const struct {
        const char *name;
        void (*draw)(cen__page *page, const cen__set_view *view);
    } PLOTS[3] = {{"distances", cen__draw_histogram},
                  {"roc", cen__draw_roc},
                  {"confusion", cen__draw_matrix}};
    cen_status status = CEN_OK;
    for (size_t i = 0; status == CEN_OK && i < 3; i++) {
        if (i < 2 ? view->n_roc == 0 : view->n_matrix == 0) continue;
        char name[48];
        (void)snprintf(name, sizeof name, "set-%zu-%s", view->index + 1, PLOTS[i].name);
        PLOTS[i].draw(page, view);
        status = save(page, folder, name, error);
    }
    return status;
}

cen_status cen_report_write_svg(cen_context *context, const cen_report *report, const char *folder,
                                cen_error *error)
{
    cen__page page;
    cen_status status = cen__os_make_folder(context, folder, error);
    if (status == CEN_OK) status = cen__page_create(context, &page, report, error);
    if (status != CEN_OK) return status;
    page.is_alone = true;
    status = save_run(&page, folder, error);
    for (size_t i = 0; status == CEN_OK && i < page.taken.n_sets; i++)
        status = save_set(&page, &page.views[i], folder, error);
    cen__page_free(&page);
    return status;
}
