/* The parts of a training: fit.c runs the epochs, fit_epoch.c the batches of an epoch, fit_measure.c and fit_unseen.c
 * measure after it, fit_state.c keeps checkpoints, whiten.c is the last step. */
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
    bool *is_told; /* [n] the row cannot be read, and on_unreadable was called */
    float *gallery_features, *validation_features;
    int32_t *gallery_labels, *validation_labels;
    size_t *neighbours; /* [n_validation, k] */
    size_t *n_of,
        *n_hits; /* [n_classes] rows to validate, and those that k-NN classifies correctly */
    size_t *unseen, n_unseen; /* rows of held-out classes */
    int32_t *unseen_labels;   /* of the dataset */
    float *unseen_features;
    float *best;    /* the model's numbers after the best epoch */
    float *centers; /* [classes, D] at the end of the previous epoch */
    cen__progress at;
    cen__sample sample;
    double saved, save_seconds; /* the time of the last checkpoint, and how long writing it took */
    size_t k, first_step, gallery_epoch; /* the epoch that gallery_features are of, or 0 */
    int32_t *answers;                    /* [n_ranks] of callbacks */
    bool is_slow;                        /* a batch takes a second or more */
    bool is_stopped, is_cut;             /* cut: stopped while an epoch was measured */
} cen__fit;

/* sums += losses of n rows; and sums over n. */
void cen__losses_add(cen_losses *sums, const cen_losses *losses, size_t n);
cen_losses cen__losses_mean(const cen_losses *sums, size_t n);

/* *answer: below 0 if a callback failed in one of the processes, else above 0 if one asks to stop. */
cen_status cen__fit_agree(cen__fit *f, int *answer, cen_error *error);

/* Handles the answer of a callback; of several processes, those of all. */
cen_status cen__fit_heed(cen__fit *f, int answer, cen_error *error);

/* cen__unread of a fit. */
cen_status cen__fit_pass_over(void *user, size_t row, const cen_error *why, cen_error *error);

/* Trains the remaining batches of an epoch; *mean is over its rows. */
cen_status cen__fit_train(cen__fit *f, cen_losses *mean, cen_error *error);

/* Chooses what an epoch measures: f->validation, among f->gallery of the training rows; f->train is overwritten. */
void cen__fit_choose_measured(cen__fit *f);

/* True if the validation images are measured after this epoch: the first, the last, one that was stopped, and about 20
 * between them. */
bool cen__fit_is_measured(const cen__fit *f, size_t epoch);

/* Fills the report except for the training losses. Sets is_cut if a callback ended it. */
cen_status cen__fit_measure(cen__fit *f, cen_epoch_report *report, cen_error *error);

/* Whitens the model, which holds the best epoch: see whiten.c. Nothing if its net does not end in a dense layer, it is
 * frozen, or the head is not affine. */
cen_status cen__fit_whiten(cen__fit *f, cen_error *error);

/* Chooses rows of held-out classes; none if there are none. Errors: MEMORY. */
cen_status cen__fit_prepare_unseen(cen__fit *f, cen_error *error);

/* The area under the ROC of pairs of these rows; NAN without pairs of both kinds. */
cen_status cen__fit_measure_unseen(cen__fit *f, cen_progress *progress, double *auc,
                                   cen_error *error);

/* The figure of an epoch that chooses the best: of held-out classes, else of validation rows. NAN without either. */
double cen__fit_score(const cen__fit *f, const cen_epoch_report *report);

/* Writes a checkpoint if the options ask for one. */
cen_status cen__fit_save(cen__fit *f, cen_error *error);

/* True if one is due within an epoch. */
bool cen__fit_is_due(const cen__fit *f);

/* Continues from the checkpoint, and reports it. */
cen_status cen__fit_resume(cen__fit *f, cen_error *error);

#endif
