/* The checkpoints of a training. */
#include "base/os.h"
#include "train/fit.h"
#include "train/model.h"

static cen__checkpoint checkpoint_of(cen__fit *f)
{
    return (cen__checkpoint){f->trainer, f->dataset, f->options, f->best, f->centers, &f->at};
}

cen_status cen__fit_save(cen__fit *f, cen_error *error)
{
    cen__checkpoint checkpoint = checkpoint_of(f);
    cen_status status = CEN_OK;
    const double start = cen__os_seconds();
    if (f->options->checkpoint != NULL) status = cen__checkpoint_write(&checkpoint, error);
    f->saved = cen__os_seconds();
    f->save_seconds = f->saved - start;
    return status;
}

/* Within an epoch a checkpoint is due if the last one is old, or if training stops here. If batches are slow, each is kept,
 * so a stop need not wait for the current batch and loses only that one. */
bool cen__fit_is_due(const cen__fit *f)
{
    double most = f->options->checkpoint_seconds, passed = cen__os_seconds() - f->saved;
    if (f->is_stopped) return true;
    if (f->is_slow && most > 8 * f->save_seconds) most = 8 * f->save_seconds;
    return most > 0 && passed >= most;
}

cen_status cen__fit_resume(cen__fit *f, cen_error *error)
{
    const cen_fit_options *options = f->options;
    cen__checkpoint checkpoint = checkpoint_of(f);
    cen_error warning;
    if (options->checkpoint == NULL) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "there is no checkpoint to resume from");
    }
    cen_status status = cen__checkpoint_read(&checkpoint, &warning, error);
    if (status != CEN_OK || options->on_resume == NULL) return status;
    char machine[64];
    cen__machine_name(f->model->context, machine);
    cen_resume_report report = {.machine = machine,
                                .machine_before = f->at.machine,
                                .epoch = f->at.epoch,
                                .batch = f->at.batch,
                                .step = f->at.n_steps,
                                .best_epoch = f->at.best_epoch,
                                .best_knn = f->at.best_knn,
                                .warning = warning.status != CEN_OK ? warning.message : NULL};
    return cen__fit_heed(f, options->on_resume(options->user, &report), error);
}
