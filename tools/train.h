/* cl_train: its command line, shared by its files. */
#ifndef TOOLS_TRAIN_H
#define TOOLS_TRAIN_H

#include <centerloss.h>

#include "options.h"

typedef struct train_settings {
    double lambda_value, lambda_warmup, lr, adam_eps, alpha, validation_share;
    double weight_decay, clip, smoothing, warmup, margin;
    double checkpoint_minutes;
    const char *lambda, *net, *init, *steps, *output, *holdout, *resume, *validation, *group;
    size_t image_size[2], channels, feature_size, n_epochs, batch_size, n_threads;
    size_t max_pixels, cache_mb, stop_after, per_class, patience;
    uint64_t seed;
    int loss, centers, resize, schedule, augment;
    real_list mean, std;
    cen_augment changes; /* numbers below 0: as --augment has it */
    bool allow_empty, balance, flips, keep_order, is_strict, exact_decode, overwrite, is_quiet,
        no_report, has_svg;
} train_settings;

/* Filled by parse_options(&train_tool, ...), after restore_defaults. */
extern train_settings s;
void restore_defaults(void);
extern const command train_tool;

extern const char *const loss_names[], *const center_modes[], *const schedules[], *const augments[];

/* --loss, and what the first of its two terms is called. */
cen_loss chosen_loss(void);
const char *first_term(void);

/* --margin, or the loss's own. */
double chosen_margin(void);

/* Reads --lambda; it and --centers become the loss's own where they are not given. False where
 * lambda is neither a number nor auto. */
bool read_lambda(void);

/* --lambda auto: the ratio of the two gradients, else 0. */
double lambda_ratio(void);

/* Fills s.n_epochs and s.augment where --epochs and --augment are not given. */
void choose_by_folder(const cen_folder *folder);

/* The same for s.per_class where triplets need it. */
void choose_per_class(size_t n_classes);

/* s.augment with the single switches. */
cen_augment chosen_augment(void);

/* --holdout-classes: a share where it reads as a number, else a file. */
void choose_holdout(cen_folder_options *folder);

void print_folder(const char *path, const cen_folder_info *info);
void print_model(const cen_model *model);
void print_epoch(const cen_epoch_report *report, size_t n_train);

/* "k-NN 90.00 %", or "k-NN among 5,000 90.00 %" if not all n_train training images were searched. */
char *knn_text(double accuracy, size_t n_gallery, size_t n_train, char text[96]);

/* Two numbers of any size, with their digits before the point. */
enum { LOSSES_SIZE = 700 };
char *losses_text(const cen_losses *losses, char text[LOSSES_SIZE]);

#endif
