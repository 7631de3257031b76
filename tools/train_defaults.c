/* cl_train: its settings before the command line is read, and those that are a number or a word. */
#include "train.h"

#include <stdlib.h>
#include <string.h>

static const train_settings defaults = {
    .margin = -1,
    .resize = -1,
    .recipe = -1,
    .augment = -1,
    .centers = -1,
    .checkpoint_minutes = 10,
    .cache_mb = 2048,
    .changes = {
        .shift = -1, .rotation = -1, .scale = -1, .brightness = -1, .contrast = -1, .erase = -1}};

train_settings s;

void restore_defaults(void)
{
    const cen_train_options train = cen_train_options_init();
    const cen_folder_options folder = cen_folder_options_init();
    s = defaults;
    s.lr = train.lr;
    s.adam_eps = train.adam_eps;
    s.alpha = train.alpha;
    s.batch_size = train.batch_size;
    s.n_shards = train.n_shards;
    s.weight_decay = train.weight_decay;
    s.warmup = cen_fit_options_init().warmup;
    s.validation_share = folder.validation_share;
    s.seed = folder.seed;
    s.max_pixels = folder.max_pixels;
}

void take_recipe(int recipe)
{
    if (recipe < 0) return;
    s.net = "article";
    s.lambda = "0.2";
    s.centers = CEN_CENTERS_ADAM_DENSE;
    s.adam_form = CEN_ADAM_KERAS;
    s.adam_eps = 1e-7;
    s.lr = 1e-3;
    s.schedule = 1;
    s.warmup = s.weight_decay = 0;
    s.augment = 0;
    s.no_whitening = true;
    s.holdout = "0";
    s.batch_size = 32;
    s.n_epochs = 10;
}

bool is_holdout_share(double *share)
{
    char *end;
    const double value = strtod(s.holdout, &end);
    if (end == s.holdout || *end != '\0') return false;
    *share = value;
    return true;
}

bool is_lambda_good(void)
{
    if (strcmp(loss_names[s.loss], "softmax") == 0 && s.lambda == NULL) s.lambda = "0";
    if (s.lambda == NULL || strcmp(s.lambda, "auto") == 0) return true;
    char *end;
    s.lambda_value = strtod(s.lambda, &end);
    return end != s.lambda && *end == '\0' && s.lambda_value >= 0 && s.lambda_value <= RATE_MOST;
}
