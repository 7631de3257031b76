/* The checkpoints of a training. */
#include "base/exchange.h"
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
    const bool is_first = cen__trainer_exchange(f->trainer)->rank == 0;
    if (f->options->checkpoint != NULL && is_first)
        status = cen__checkpoint_write(&checkpoint, error);
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

/* Rank 0 reads the checkpoint, and all get what it holds. */
static cen_status read_first(cen__fit *f, cen_error *warning, cen_error *error)
{
    const cen_exchange *exchange = cen__trainer_exchange(f->trainer);
    const cen_context *context = f->model->context;
    cen__checkpoint checkpoint = checkpoint_of(f);
    cen_status status = CEN_OK;
    if (exchange->rank == 0 && f->options->checkpoint == NULL) {
        status = cen__fail(error, CEN_ERROR_ARGUMENT, "there is no checkpoint to resume from");
    } else if (exchange->rank == 0) {
        status = cen__checkpoint_read(&checkpoint, warning, error);
    }
    status = cen__exchange_status(exchange, context, status, error);
    return status == CEN_OK ? cen__checkpoint_share(&checkpoint, exchange, error) : status;
}

cen_status cen__fit_resume(cen__fit *f, cen_error *error)
{
    const cen_fit_options *options = f->options;
    cen_error warning = {CEN_OK, ""};
    char machine[64];
    cen_status status = read_first(f, &warning, error);
    if (status != CEN_OK) return status;
    cen__machine_name(f->model->context, machine);
    cen_resume_report report = {.machine = machine,
                                .machine_before = f->at.machine,
                                .epoch = f->at.epoch,
                                .batch = f->at.batch,
                                .step = f->at.n_steps,
                                .best_epoch = f->at.best_epoch,
                                .best_knn = f->at.best_knn,
                                .warning = warning.status != CEN_OK ? warning.message : NULL};
    const int answer = options->on_resume != NULL ? options->on_resume(options->user, &report) : 0;
    return cen__fit_heed(f, answer, error);
}
