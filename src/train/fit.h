/* A training from the inside: fit.c runs its epochs, fit_epoch.c the batches of one, fit_measure.c what is measured
 * after it, fit_state.c its checkpoints. */
#ifndef CEN_TRAIN_FIT_H
#define CEN_TRAIN_FIT_H

#include "data/reader.h"
#include "train/checkpoint.h"
#include "train/collapse.h"

typedef struct cen__fit {
    cen_trainer *trainer;
    cen_model *model;
    const cen_dataset *dataset;
    const cen_fit_options *options;
    size_t batch_size, n_gallery, n_validation;
    size_t *train, *gallery, *validation; /* rows of the dataset */
    int32_t *label_of;                    /* [dataset's n_classes] the model's label of a class */
    cen__by_class by_class;               /* with balance and per_class */
    float *x;                             /* [batch, input] */
    int32_t *labels;                      /* [batch] */
    cen__reader reader;                   /* of batches */
    bool *is_told;                        /* [n] cannot be read, and on_unreadable knows */
    float *gallery_features, *validation_features;
    int32_t *gallery_labels, *validation_labels;
    size_t *neighbours;    /* [n_validation, k] */
    size_t *n_of, *n_hits; /* [n_classes] rows to validate, and those that k-NN names right */
    float *best;           /* the model's numbers after the best epoch */
    float *centers;        /* [classes, D] at the end of the epoch before */
    cen__progress at;
    cen__sample sample;
    double saved, save_seconds; /* when a checkpoint was written, and how long that took */
    size_t k, first_step;
    bool is_slow;            /* a batch takes a second or more */
    bool is_stopped, is_cut; /* cut: while an epoch was measured */
} cen__fit;

/* sums += losses of n rows; and sums over n. */
void cen__losses_add(cen_losses *sums, const cen_losses *losses, size_t n);
cen_losses cen__losses_mean(const cen_losses *sums, size_t n);

/* What a callback answers. */
cen_status cen__fit_heed(cen__fit *f, int answer, cen_error *error);

/* cen__unread of a fit. */
cen_status cen__fit_pass_over(void *user, size_t row, const cen_error *why, cen_error *error);

/* The batches of an epoch that are left; *mean over its rows. */
cen_status cen__fit_train(cen__fit *f, cen_losses *mean, cen_error *error);

/* Which training rows an epoch's k-NN searches, into f->gallery; f->train is overwritten. */
void cen__fit_choose_gallery(cen__fit *f);

/* All of the report but what comes of training. is_cut is set if a callback ended it. */
cen_status cen__fit_measure(cen__fit *f, cen_epoch_report *report, cen_error *error);

/* Of an epoch: what the best is chosen by. */
double cen__fit_score(const cen__fit *f, const cen_epoch_report *report);

/* Writes a checkpoint if there is to be one. */
cen_status cen__fit_save(cen__fit *f, cen_error *error);

/* Whether one is due within an epoch. */
bool cen__fit_is_due(const cen__fit *f);

/* Goes on from the checkpoint, and reports it. */
cen_status cen__fit_resume(cen__fit *f, cen_error *error);

#endif
