/* The files of a run may be a stranger's: sizes are bounded, and what is not as cl_train writes it is refused or
 * left out. */
#include "report/runs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"

enum { FILE_MOST = 64 << 20, EPOCHS_MOST = 100000 };

const char *cen__text_of(const cen__json *object, const char *key)
{
    const cen__json *value = object != NULL ? cen__json_get(object, key) : NULL;
    return value != NULL && value->kind == CEN__JSON_STRING ? value->string : NULL;
}

double cen__number_of(const cen__json *object, const char *key)
{
    const cen__json *value = object != NULL ? cen__json_get(object, key) : NULL;
    if (value == NULL || value->kind != CEN__JSON_NUMBER || !(fabs(value->number) < 1e30))
        return NAN;
    return value->number;
}

static const cen__json *array_of(const cen__json *object, const char *key)
{
    const cen__json *value = object != NULL ? cen__json_get(object, key) : NULL;
    return value != NULL && value->kind == CEN__JSON_ARRAY ? value : NULL;
}

/* All figures NAN. */
static void begin_epoch(cen_epoch_report *epoch)
{
    const double none = NAN;
    *epoch = (cen_epoch_report){.epoch = 0};
    for (size_t i = 0; i < cen__n_epoch_figures; i++)
        memcpy((char *)epoch + cen__epoch_figures[i].offset, &none, sizeof none);
}

/* A number by its name in report.json. */
static void set_figure(cen_epoch_report *epoch, const char *key, double value)
{
    for (size_t i = 0; i < cen__n_epoch_figures; i++) {
        if (strcmp(cen__epoch_figures[i].key, key) == 0)
            memcpy((char *)epoch + cen__epoch_figures[i].offset, &value, sizeof value);
    }
}

static bool is_epoch(double number)
{
    return number >= 0 && number <= 1e9;
}

static cen_status make_epochs(cen_context *context, cen__compared *run, size_t n, const char *path,
                              cen_error *error)
{
    if (n > EPOCHS_MOST)
        return cen__fail(error, CEN_ERROR_LIMIT, "%s: more than %d epochs cannot be compared", path,
                         (int)EPOCHS_MOST);
    run->epochs = cen__alloc(context, n + 1, sizeof *run->epochs);
    if (run->epochs == NULL) return cen__fail_memory(error, "the epochs of a run");
    for (size_t i = 0; i < n; i++) begin_epoch(&run->epochs[i]);
    return CEN_OK;
}

/* ---- report.json ---- */

static cen_status take_report(cen_context *context, cen__compared *run, const char *path,
                              cen_error *error)
{
    const cen__json *root = cen__json_root(run->document), *epochs = array_of(root, "epochs");
    run->facts = array_of(root, "facts");
    run->sets = array_of(root, "sets");
    if (epochs == NULL || run->facts == NULL || run->sets == NULL)
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "%s: this is no report of cl_train; train that run again, or leave it out",
                         path);
    cen_status status = make_epochs(context, run, epochs->n_children, path, error);
    if (status != CEN_OK) return status;
    for (const cen__json *e = epochs->child; e != NULL; e = e->next) {
        cen_epoch_report *epoch = &run->epochs[run->n_epochs];
        double number = cen__number_of(e, "epoch");
        const cen__json *is_best = cen__json_get(e, "is_best");
        if (!is_epoch(number)) continue;
        epoch->epoch = (size_t)number;
        epoch->is_best = is_best != NULL && is_best->kind == CEN__JSON_BOOL && is_best->number > 0;
        for (size_t i = 0; i < cen__n_epoch_figures; i++)
            set_figure(epoch, cen__epoch_figures[i].key,
                       cen__number_of(e, cen__epoch_figures[i].key));
        run->n_epochs++;
    }
    return CEN_OK;
}

static cen_status read_report(cen_context *context, cen__compared *run, const char *path,
                              cen_error *error)
{
    uint8_t *bytes;
    size_t size;
    cen_error reason;
    cen_status status = cen__file_read(context, path, FILE_MOST, &bytes, &size, error);
    if (status != CEN_OK) return status;
    status = cen__json_parse(context, (const char *)bytes, size, &run->document, &reason);
    cen__free(bytes);
    if (status != CEN_OK) return cen__fail(error, status, "%s: %s", path, reason.message);
    return take_report(context, run, path, error);
}

/* ---- log.csv ---- */

/* The length of a cell, and where the next begins; NULL: it was the last of its line. */
static size_t cell_size(const char *cell, const char **next)
{
    size_t size = strcspn(cell, ",\r\n");
    *next = cell[size] == ',' ? cell + size + 1 : NULL;
    return size;
}

static void take_cell(cen_epoch_report *epoch, const char *name, size_t name_size, const char *cell,
                      size_t size)
{
    char key[64];
    double value;
    bool is_validation = name_size > 4 && strncmp(name, "val_", 4) == 0;
    (void)snprintf(key, sizeof key, "%s%.*s", is_validation ? "validation_" : "",
                   (int)(name_size < 40 ? name_size : 40) - (is_validation ? 4 : 0),
                   is_validation ? name + 4 : name);
    if (!cen__number_read(cell, size, &value) || !(fabs(value) < 1e30)) return; /* nan, too */
    if (strcmp(key, "epoch") == 0 && is_epoch(value)) epoch->epoch = (size_t)value;
    if (strcmp(key, "best") == 0) epoch->is_best = value > 0;
    set_figure(epoch, key, value);
}

static cen_status read_log(cen_context *context, cen__compared *run, const char *path,
                           cen_error *error)
{
    char *head;
    size_t size, n = 0;
    cen_status status = cen_text_read(context, path, FILE_MOST, &head, &size, error);
    if (status != CEN_OK) return status;
    const char *line = head;
    if (strncmp(head, "epoch,", 6) != 0)
        status = cen__fail(error, CEN_ERROR_FORMAT,
                           "%s: this is no log of cl_train; train that run again, or leave it out",
                           path);
    for (size_t i = 0; i < size; i++) n += head[i] == '\n';
    if (status == CEN_OK) status = make_epochs(context, run, n, path, error);
    while (status == CEN_OK && (line = strchr(line, '\n')) != NULL &&
           strchr(++line, '\n') != NULL) {
        const char *name = head, *cell = line;
        while (name != NULL && cell != NULL) {
            const char *next_name, *next_cell;
            size_t name_size = cell_size(name, &next_name), n_cell = cell_size(cell, &next_cell);
            take_cell(&run->epochs[run->n_epochs], name, name_size, cell, n_cell);
            name = next_name;
            cell = next_cell;
        }
        run->n_epochs++;
    }
    cen_text_free(head);
    return status;
}

/* ---- a run ---- */

cen_status cen__compared_read(cen_context *context, cen__compared *run, const char *folder,
                              size_t index, cen_error *error)
{
    *run = (cen__compared){.name = folder};
    (void)snprintf(run->kind, sizeof run->kind, "r%zu", index);
    char *report = cen__path_join(context, folder, "report.json");
    char *log = cen__path_join(context, folder, "log.csv");
    cen_status status;
    if (report == NULL || log == NULL) {
        status = cen__fail_memory(error, "the name of a file");
    } else if (cen__os_kind(report) != CEN__NOTHING) {
        status = read_report(context, run, report, error);
    } else if (cen__os_kind(log) != CEN__NOTHING) {
        status = read_log(context, run, log, error);
    } else {
        status = cen__fail(error, CEN_ERROR_IO,
                           "%s: there is neither report.json nor log.csv; name the folder of a run",
                           folder);
    }
    cen__free(report);
    cen__free(log);
    if (status != CEN_OK) cen__compared_free(run);
    return status;
}

void cen__compared_free(cen__compared *run)
{
    cen__json_free(run->document);
    cen__free(run->epochs);
    *run = (cen__compared){.name = NULL};
}
