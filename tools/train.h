/* cl_train: its command line, shared by its files. */
#ifndef TOOLS_TRAIN_H
#define TOOLS_TRAIN_H

#include <centerloss.h>

#include "options.h"

typedef struct train_settings {
    double lambda_value, lambda_warmup, lr, adam_eps, alpha, validation_share;
    double weight_decay, clip, smoothing, warmup, margin;
    double checkpoint_minutes, minutes, mirror_kept, alike;
    const char *lambda, *net, *init, *steps, *output, *holdout, *resume, *validation, *group;
    size_t image_size[2], channels, feature_size, n_epochs, batch_size, n_threads;
    size_t max_pixels, cache_mb, stop_after, n_sampled, per_class, patience, n_folds, n_frozen,
        n_shards;
    uint64_t seed;
    int recipe, loss, centers, optimizer, adam_form, resize, schedule, augment;
    real_list mean, std;
    cen_augment changes; /* numbers below 0: as --augment has it */
    bool allow_empty, balance, flips, flips_never, flip_is_typed, net_is_chosen, keep_order,
        is_strict, exact_decode, overwrite, is_quiet, no_report, no_whitening, has_svg, is_json,
        is_verbose, is_dry, lists_nets;
} train_settings;

/* Filled by parse_options(&train_tool, ...), after restore_defaults and take_recipe: -1 is none. */
extern train_settings s;
void restore_defaults(void);
void take_recipe(int recipe);
extern const command train_tool;

extern const char *const loss_names[], *const center_modes[], *const recipes[];
extern const char *const optimizers[], *const adam_forms[], *const schedules[], *const augments[];

#define RATE_MOST 1e29 /* the library refuses 1e30 */

/* What the first of the two terms of --loss is called. */
const char *first_term(void);

/* True if --holdout-classes is a share, else it names a file. */
bool is_holdout_share(double *share);

void fill_folder_options(cen_folder_options *folder);

/* The options of a training. */
typedef struct training {
    cen_model_options model;
    cen_train_options train;
    cen_fit_options fit;
    cen_augment augment;
} training;

/* What a recipe asks for; then, after it has chosen, what was typed. What was not, s has from the recipe. */
void begin_training(training *t);
void apply_settings(training *t);

/* Reads --lambda, a number or auto; false if it is neither. */
bool is_lambda_good(void);

/* The settings into the model's file. */
cen_status note_settings(cen_model *model, cen_error *error);

/* How many images. */
size_t count_split(const cen_folder_info *info, cen_split split);

void print_folder(const char *path, const cen_folder_info *info);

/* If images are mirrored, and why. */
enum { FLIP_TEXT = 128 };
const char *flip_text(char text[FLIP_TEXT]);

/* Which net, and why. */
const char *net_text(char text[FLIP_TEXT]);

/* What will be trained; n_taken: tensors from --init. */
void print_training(size_t n_taken);

#endif
