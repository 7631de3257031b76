/* The batches of an epoch. */
#include <math.h>

#include "base/exchange.h"
#include "base/os.h"
#include "base/random.h"
#include "train/fit.h"
#include "train/model.h"
#include "train/schedule.h"
#include "train/suspects.h"

void cen__losses_add(cen_losses *sums, const cen_losses *losses, size_t n)
{
    sums->total += losses->total * (double)n;
    sums->first += losses->first * (double)n;
    sums->center += losses->center * (double)n;
    sums->accuracy += losses->accuracy * (double)n;
    sums->lambda += losses->lambda * (double)n;
    sums->gradient_ratio += losses->gradient_ratio * (double)n;
}

cen_losses cen__losses_mean(const cen_losses *sums, size_t n)
{
    double count = (double)n;
    return (cen_losses){sums->total / count,    sums->first / count,  sums->center / count,
                        sums->accuracy / count, sums->lambda / count, sums->gradient_ratio / count};
}

/* The number of batches of n training rows; the last may be smaller. */
static size_t count_batches(const cen__fit *f, size_t n)
{
    return (n + f->batch_size - 1) / f->batch_size;
}

static size_t order_rows(cen__fit *f)
{
    const cen_fit_options *options = f->options;
    if (options->balance || options->per_class > 0) {
        size_t per_class = options->balance ? 1 : options->per_class;
        size_t n_classes = options->balance ? 1 : f->batch_size / per_class;
        return cen__by_class_order(&f->by_class, n_classes, per_class, options->seed, f->at.epoch,
                                   f->train);
    }
    size_t n = cen__rows_of(f->dataset, CEN_SPLIT_TRAIN, f->train);
    uint64_t stream = cen__substream(CEN__STREAM_SHUFFLE, f->at.epoch);
    if (options->shuffle) cen__shuffle(f->train, n, options->seed, stream);
    return n;
}

/* The learning rate of the next step. */
static cen_status set_rates(cen__fit *f, size_t n_batches, cen_error *error)
{
    const cen_fit_options *options = f->options;
    const cen_train_options *train = cen__trainer_options(f->trainer);
    double step = (double)f->at.n_steps, per_epoch = (double)n_batches;
    double lr = train->lr * cen__schedule_lr(step, per_epoch * (double)options->n_epochs,
                                             per_epoch * options->warmup, options->cosine);
    double ramp = cen__schedule_ramp(step, per_epoch * options->lambda_warmup);
    if (options->rate != NULL) {
        lr = options->rate(options->user, f->at.n_steps, n_batches * options->n_epochs);
    }
    f->at.lr = lr;
    return cen_trainer_set_rates(f->trainer, lr, train->lambda * ramp, error);
}

cen_status cen__fit_agree(cen__fit *f, int *answer, cen_error *error)
{
    const cen_exchange *exchange = cen__trainer_exchange(f->trainer);
    if (cen__exchange_is_alone(exchange)) return CEN_OK;
    const int32_t own = *answer < 0 ? -1 : *answer > 0;
    cen_status status = cen__exchange_gather(exchange, &own, sizeof own, f->answers, error);
    for (size_t rank = 0; rank < exchange->n_ranks && status == CEN_OK; rank++) {
        const int32_t other = f->answers[rank];
        if (other < 0 || (other > 0 && *answer == 0)) *answer = (int)other;
    }
    return status;
}

cen_status cen__fit_heed(cen__fit *f, int answer, cen_error *error)
{
    cen_status status = cen__fit_agree(f, &answer, error);
    if (status != CEN_OK) return status;
    if (answer != 0) f->is_stopped = true;
    if (answer >= 0) return CEN_OK;
    return cen__fail(error, CEN_ERROR_STOPPED,
                     "a callback failed, which ended the training; resume it when what failed is "
                     "fixed");
}

cen_status cen__fit_pass_over(void *user, size_t row, const cen_error *why, cen_error *error)
{
    cen__fit *f = user;
    const cen_fit_options *options = f->options;
    char text[CEN__ROW_NAME];
    (void)error;
    if (options->on_unreadable != NULL && !f->is_told[row]) {
        options->on_unreadable(options->user, cen__row_name(f->dataset, row, text), why->message);
    }
    f->is_told[row] = true;
    return CEN_OK;
}

/* *n: the rows that could be read. If there are none, no step is taken. */
static cen_status train_batch(cen__fit *f, size_t first, size_t count, size_t n_batches, size_t *n,
                              cen_losses *losses, cen_error *error)
{
    const cen_fit_options *options = f->options;
    const cen__changes changes = {options->augment, options->seed, f->at.epoch};
    size_t *rows = f->train + first;
    cen_status status =
        cen__reader_read(&f->reader, &changes, rows, count, f->x, f->labels, n, error);
    if (status != CEN_OK || *n == 0) return status;
    status = set_rates(f, n_batches, error);
    if (status != CEN_OK) return status;
    status = cen_trainer_backward(f->trainer, f->x, f->labels, *n, losses, error);
    if (status == CEN_OK) cen_trainer_update(f->trainer);
    if (status != CEN_ERROR_NOT_FINITE) return status;
    cen__reader whole = f->reader; /* which every process needs to find the images */
    whole.exchange = NULL;
    if (!cen__exchange_is_alone(f->reader.exchange)) {
        status = cen__reader_read(&whole, &changes, rows, *n, f->x, f->labels, n, error);
        if (status != CEN_OK) return status;
    }
    cen__batch batch = {f->trainer, f->dataset, rows, f->x, f->labels, *n};
    return cen__tell_step(&batch, f->at.n_steps + 1, f->at.epoch, losses, error);
}

cen_status cen__fit_train(cen__fit *f, cen_losses *mean, cen_error *error)
{
    const cen_fit_options *options = f->options;
    size_t n = order_rows(f);
    cen_step_report report = {
        .epoch = f->at.epoch, .n_epochs = options->n_epochs, .n_batches = count_batches(f, n)};
    double start = cen__os_seconds();
    size_t first = f->at.batch * f->batch_size, n_done = first < n ? first : n, n_read = n_done;
    size_t passed = 0; /* images before the first readable one; its batch counts for them */
    if (n_done > 0) report.mean_losses = cen__losses_mean(&f->at.sums, n_done);
    for (; first < n && !f->is_stopped; first += f->batch_size) {
        size_t count = n - first < f->batch_size ? n - first : f->batch_size, good;
        double step_start = cen__os_seconds();
        cen_status status =
            train_batch(f, first, count, report.n_batches, &good, &report.losses, error);
        if (status != CEN_OK) return status;
        n_read += good;
        if (good == 0) {
            f->at.batch++;
            passed += n_read == 0 ? count : 0;
            if (n_read > 0) cen__losses_add(&f->at.sums, &report.mean_losses, count);
            continue;
        }
        cen__losses_add(&f->at.sums, &report.losses, passed + count);
        passed = 0;
        report.batch = ++f->at.batch;
        report.step = ++f->at.n_steps;
        report.n_images = first + count;
        report.mean_losses = cen__losses_mean(&f->at.sums, report.n_images);
        report.seconds = cen__os_seconds() - start;
        if (count == f->batch_size || n < f->batch_size) {
            f->is_slow = report.seconds - (step_start - start) >= 1;
        }
        report.is_slow = f->is_slow;
        f->is_stopped = f->at.n_steps - f->first_step == options->stop_after;
        const int answer = options->on_step != NULL ? options->on_step(options->user, &report) : 0;
        status = cen__fit_heed(f, answer, error);
        if (status == CEN_OK && cen__fit_is_due(f)) status = cen__fit_save(f, error);
        if (status != CEN_OK) return status;
    }
    if (n_read == 0) return cen__reader_fail(&f->reader, "of an epoch", error);
    *mean = report.mean_losses;
    return CEN_OK;
}
