/* What would be trained, and what it takes, measured on a few steps. */
#include "train_dry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"
#include "train_ranks.h"
#include "system.h"

enum { STEPS_LEAST = 3 };
static const double most_seconds = 2; /* of steps, and the same of measuring */

typedef struct trial {
    run *r;
    size_t n_steps, n_first, n_trained;     /* images of the first step, and of all */
    double first_seconds, trained_seconds;  /* the first step also takes memory and wakes threads */
    double measure_began, measured_seconds; /* 0: nothing was measured */
    size_t n_measured, n_phase, phase;      /* images; of the phase that is on, which has so many */
    bool is_whole;                          /* an epoch's measuring came to its end */
} trial;

static int on_step(void *user, const cen_step_report *report)
{
    trial *t = user;
    if (t->n_steps++ == 0) {
        t->n_first = report->n_images;
        t->first_seconds = report->seconds;
    }
    t->n_trained = report->n_images;
    t->trained_seconds = report->seconds;
    progress_images(&t->r->line, "trying", report->n_images, t->r->n_train);
    return t->n_steps >= STEPS_LEAST && report->seconds - t->first_seconds > most_seconds;
}

/* First the validation images are measured, then a gallery of training images. */
static int on_measure(void *user, size_t done, size_t total)
{
    trial *t = user;
    if (!(t->measure_began > 0)) t->measure_began = clock_seconds();
    if (total != t->phase || done < t->n_phase) t->n_measured += t->phase;
    t->phase = total;
    t->n_phase = done;
    t->measured_seconds = clock_seconds() - t->measure_began;
    progress_images(&t->r->line, "trying", done, total);
    return t->measured_seconds > most_seconds && t->n_measured + t->n_phase > 0;
}

static int on_epoch(void *user, const cen_epoch_report *report)
{
    trial *t = user;
    t->is_whole = true;
    if (t->measure_began > 0) t->measured_seconds = clock_seconds() - t->measure_began;
    (void)report;
    return 1;
}

/* Seconds of all, of what a few steps and a part of the measuring took. */
static void extrapolate(const trial *t, const cen_folder_info *info, size_t feature_size,
                        estimate *found)
{
    const double n_train = (double)t->r->n_train, n_images = (double)info->n_images;
    const double n_validation =
        fmin((double)count_split(info, CEN_SPLIT_VALIDATION), CEN_MEASURED_QUERIES);
    const bool has_many = t->n_trained > t->n_first;
    const double trained = (double)(has_many ? t->n_trained - t->n_first : t->n_trained);
    const double seconds = t->trained_seconds - (has_many ? t->first_seconds : 0);
    const double an_image = seconds / fmax(trained, 1);
    double gallery = fmax(CEN_MEASURED_GALLERY, CEN_MEASURED_PER_CLASS * (double)info->n_classes);
    if (gallery > n_train) gallery = n_train;
    const double n_asked = n_validation > 0 ? n_validation + gallery : 0;
    const double n_measured =
        t->is_whole ? n_asked : fmax(1, (double)t->n_measured + (double)t->n_phase);
    const double a_measure = n_asked > 0 ? t->measured_seconds / n_measured : an_image / 3;
    found->train_seconds = an_image * n_train;
    found->measure_seconds = a_measure * n_asked;
    found->epoch_seconds =
        found->train_seconds +
        found->measure_seconds * fmin((double)s.n_epochs, CEN_MEASURED_EPOCHS) / (double)s.n_epochs;
    found->seconds = found->epoch_seconds * (double)s.n_epochs + a_measure * n_images;
    /* At the end all features are there twice: as they were made, and sorted by split. */
    found->memory = peak_memory() + 2 * n_images * (double)feature_size * (double)sizeof(float);
}

static cen_status try_training(run *r, const cen_folder *folder, const training *t, estimate *found,
                               cen_error *error)
{
    const cen_folder_info *info = cen_folder_get(folder);
    trial tried = {.r = r};
    cen_fit_options fit = t->fit;
    cen_trainer *trainer;
    cen_status status = cen_trainer_create(&trainer, r->model, &t->train, error);
    if (status != CEN_OK) return status;
    fit.checkpoint = NULL;
    fit.stop_after = 0;
    fit.on_step = on_step;
    fit.on_measure = on_measure;
    fit.on_epoch = on_epoch;
    fit.user = &tried;
    status = cen_fit(trainer, cen_folder_dataset(folder), &fit, error);
    progress_clear(&r->line);
    extrapolate(&tried, info, cen_model_get(r->model)->feature_size, found);
    cen_trainer_free(trainer);
    return status;
}

/* "bag 10, coat 12, ..." with their training images, in lines of 79 columns. */
static cen_status print_classes(const cen_folder_info *info, cen_error *error)
{
    enum { MOST = 30, COLUMNS = 79, INDENT = 10 };
    char text[200], number[32];
    size_t column = INDENT - 1, *counts = calloc(info->n_classes + 1, sizeof *counts);
    if (counts == NULL) {
        *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory to count the images"};
        return error->status;
    }
    for (size_t i = 0; i < info->n_images; i++) {
        const cen_folder_image *image = &info->images[i];
        if (image->split == CEN_SPLIT_TRAIN) counts[image->label]++;
    }
    printf("to train ");
    for (size_t i = 0; i < info->n_classes && i < MOST; i++) {
        const bool is_last = i + 1 == info->n_classes;
        (void)snprintf(text, sizeof text, " %.150s %s%s", info->class_names[i],
                       with_commas(counts[i], number), is_last ? "" : ",");
        if (column + strlen(text) > COLUMNS && column >= INDENT) {
            printf("\n%*s", INDENT - 1, "");
            column = INDENT - 1;
        }
        print_names(stdout, "%s", text);
        column += strlen(text);
    }
    if (info->n_classes > MOST) printf(" and %s more", with_commas(info->n_classes - MOST, number));
    printf("\n");
    free(counts);
    return CEN_OK;
}

static const char *as_time(double seconds, char text[32])
{
    if (seconds >= 60) return as_clock(seconds, text);
    (void)snprintf(text, 32, "%.*f s", seconds < 10, seconds);
    return text;
}

cen_status choose_epochs(run *r, const cen_folder *folder, const training *t, cen_error *error)
{
    enum { MOST = 240 };
    estimate found;
    char took[32];
    cen_status status = try_training(r, folder, t, &found, error);
    if (status != CEN_OK) return status;
    const double most = fmax(MOST, (double)s.n_epochs);
    const double after = found.seconds - found.epoch_seconds * (double)s.n_epochs;
    const double seconds = 60 * s.minutes / (double)(1 + s.n_folds) - after;
    const double an_epoch = found.train_seconds + found.measure_seconds;
    double epochs = seconds / an_epoch;
    if (epochs > CEN_MEASURED_EPOCHS) {
        epochs = (seconds - CEN_MEASURED_EPOCHS * found.measure_seconds) / found.train_seconds;
    }
    s.n_epochs = (size_t)fmax(1, fmin(most, epochs));
    if (!take_from_first(&s.n_epochs, sizeof s.n_epochs)) { /* each has measured other times */
        *error = (cen_error){CEN_ERROR_IO, "the exchange with the other processes failed"};
        return error->status;
    }
    if (epochs < 1) {
        warn(r, stdout, "one epoch takes about %s, which is longer than --minutes %g",
             as_time(an_epoch + after, took), s.minutes);
    } else if (is_talking()) {
        printf("time      about %s per epoch: %zu epoch%s in %g minutes\n",
               as_time(found.train_seconds, took), s.n_epochs, s.n_epochs == 1 ? "" : "s",
               s.minutes);
    }
    return CEN_OK;
}

int dry_run(run *r, const cen_folder *folder, training *t)
{
    const cen_folder_info *info = cen_folder_get(folder);
    estimate found;
    cen_error error;
    cen_status status = is_talking() ? print_classes(info, &error) : CEN_OK;
    if (status == CEN_OK) status = try_training(r, folder, t, &found, &error);
    if (status != CEN_OK) return refuse(EXIT_FAILED, "%s", error.message);
    if (s.is_json) json_start(r, info, &found);
    if (!is_talking()) return 0;
    char epoch[32], all[32];
    printf("time      about %s per epoch, %s in all (measured on a few steps)\n",
           as_time(found.epoch_seconds, epoch), as_time(found.seconds, all));
    printf("memory    about %.0f MB\n", found.memory / 1e6);
    printf("dry run   nothing was written; to train, leave --dry-run out\n");
    return 0;
}
