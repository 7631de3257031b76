/* From the command line to the options of the library, which has all defaults. */
#include "train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train_ranks.h"

/* --lambda auto: the center loss's gradient at the feature over that of softmax. */
static const double auto_ratio = 0.4;

/* In the order of losses. */
const char *const loss_names[] = {
    "center", "softmax", "triplet", "triplet-semi", "contrastive-center", "cosface", NULL};

static const cen_loss losses[] = {CEN_LOSS_CENTER,
                                  CEN_LOSS_CENTER, /* with lambda 0 */
                                  CEN_LOSS_TRIPLET_HARD,
                                  CEN_LOSS_TRIPLET_SEMI_HARD,
                                  CEN_LOSS_CONTRASTIVE_CENTER,
                                  CEN_LOSS_COSFACE};

const char *const center_modes[] = {"adam", "adam-dense", "mean", NULL};
const char *const recipes[] = {"article", NULL};
const char *const optimizers[] = {"adam", "muon", NULL};
const char *const adam_forms[] = {"torch", "keras", NULL};
const char *const schedules[] = {"cosine", "constant", NULL};
const char *const augments[] = {"none", "light", "strong", NULL};

const char *first_term(void)
{
    return losses[s.loss] == CEN_LOSS_TRIPLET_HARD || losses[s.loss] == CEN_LOSS_TRIPLET_SEMI_HARD
               ? "triplet"
               : "softmax";
}

void fill_folder_options(cen_folder_options *folder)
{
    folder->validation_share = s.validation_share;
    folder->validation = s.validation;
    folder->group = s.group;
    folder->allow_empty = s.allow_empty;
    folder->seed = s.seed;
    folder->strict = s.is_strict;
    folder->exact_decode = s.exact_decode;
    folder->max_pixels = s.max_pixels;
    folder->exchange = ranks;
    if (s.holdout == NULL) {
        folder->holdout_share = 0.1;
        folder->holdout_least = 50;
    } else if (!is_holdout_share(&folder->holdout_share)) {
        folder->holdout_list = s.holdout;
    }
}

void begin_training(training *t)
{
    *t = (training){cen_model_options_init(), cen_train_options_init(), cen_fit_options_init(),
                    cen_augment_init()};
    t->model.net = s.net;
    t->model.feature_size = s.feature_size;
    t->model.seed = s.seed;
    t->model.input.height = s.image_size[0];
    t->model.input.width = s.image_size[1];
    t->model.input.channels = s.channels;
    t->model.input.resize = s.resize == 1 ? CEN_RESIZE_STRETCH : CEN_RESIZE_CROP;
    t->train.loss = losses[s.loss];
    t->train.batch_size = s.batch_size;
    t->train.n_shards = s.n_shards;
    t->train.exchange = ranks;
}

static void apply_input(cen_input *input)
{
    for (size_t c = 0; c < input->channels; c++) {
        if (s.mean.n > 0) input->mean[c] = (float)s.mean.values[s.mean.n > 1 ? c : 0];
        if (s.std.n > 0) input->std[c] = (float)s.std.values[s.std.n > 1 ? c : 0];
    }
}

static void apply_flip(cen_model_options *model)
{
    if (s.flip_is_typed) model->mirror = s.flips;
    s.flips = model->mirror;
    s.mirror_kept = model->mirror_kept;
}

static void apply_train(cen_train_options *train)
{
    static char text[32];
    if (s.margin >= 0) train->margin = s.margin;
    if (s.centers >= 0) train->centers = (cen_center_mode)s.centers;
    s.centers = (int)train->centers;
    if (s.lambda == NULL) {
        (void)snprintf(text, sizeof text, "%g", train->lambda);
        s.lambda = text;
        s.lambda_value = train->lambda; /* for a second call */
    } else {
        train->lambda = s.lambda_value;
        if (strcmp(s.lambda, "auto") == 0) train->lambda_ratio = auto_ratio;
    }
    train->weight_decay = s.weight_decay;
    train->clip_norm = s.clip;
    train->label_smoothing = s.smoothing;
    train->n_sampled = s.n_sampled;
    train->alpha = s.alpha;
    train->lr = s.lr;
    train->adam_eps = s.adam_eps;
    train->optimizer = (cen_optimizer)s.optimizer;
    train->adam_form = (cen_adam_form)s.adam_form;
    train->n_frozen = s.n_frozen;
}

static void apply_augment(cen_augment *augment)
{
    const double given[] = {s.changes.shift,      s.changes.rotation, s.changes.scale,
                            s.changes.brightness, s.changes.contrast, s.changes.erase};
    if (s.augment < 0) s.augment = augment->shift > 0;
    *augment = s.augment == 0   ? cen_augment_init()
               : s.augment == 1 ? cen_augment_light()
                                : cen_augment_strong();
    double *const chosen[] = {&augment->shift,      &augment->rotation, &augment->scale,
                              &augment->brightness, &augment->contrast, &augment->erase};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        if (given[i] >= 0) *chosen[i] = given[i];
    }
}

void apply_settings(training *t)
{
    cen_fit_options *fit = &t->fit;
    apply_input(&t->model.input);
    apply_flip(&t->model);
    apply_train(&t->train);
    apply_augment(&t->augment);
    fit->augment = &t->augment;
    if (s.n_epochs > 0) fit->n_epochs = s.n_epochs;
    s.n_epochs = fit->n_epochs;
    if (s.per_class > 0) fit->per_class = s.per_class;
    fit->stop_after = s.stop_after;
    fit->shuffle = !s.keep_order;
    fit->balance = s.balance;
    fit->seed = s.seed;
    fit->warmup = s.warmup;
    fit->cosine = s.schedule == 0;
    fit->lambda_warmup = s.lambda_warmup;
    fit->patience = s.patience;
    if (s.no_whitening) fit->whiten = false;
    s.no_whitening = !fit->whiten;
    fit->checkpoint_seconds = 60 * s.checkpoint_minutes;
}

static cen_status note(cen_model *model, const char *key, cen_error *error, const char *format,
                       double value)
{
    char text[64];
    (void)snprintf(text, sizeof text, format, value);
    return cen_model_set_note(model, key, text, error);
}

cen_status note_settings(cen_model *model, cen_error *error)
{
    cen_status status = cen_model_set_note(model, "loss", loss_names[s.loss], error);
    if (status == CEN_OK) status = cen_model_set_note(model, "lambda", s.lambda, error);
    if (status == CEN_OK)
        status = cen_model_set_note(model, "centers", center_modes[s.centers], error);
    if (status == CEN_OK && s.centers == CEN_CENTERS_MEAN)
        status = note(model, "alpha", error, "%.17g", s.alpha);
    if (status == CEN_OK) status = note(model, "epochs", error, "%.0f", (double)s.n_epochs);
    if (status == CEN_OK) status = note(model, "batch_size", error, "%.0f", (double)s.batch_size);
    if (status == CEN_OK) status = note(model, "lr", error, "%.17g", s.lr);
    if (status == CEN_OK) status = note(model, "adam_eps", error, "%.17g", s.adam_eps);
    if (status == CEN_OK)
        status = cen_model_set_note(model, "optimizer", optimizers[s.optimizer], error);
    if (status == CEN_OK)
        status = cen_model_set_note(model, "adam_form", adam_forms[s.adam_form], error);
    if (status == CEN_OK && isfinite(s.mirror_kept))
        status = note(model, "mirror_kept", error, "%.4f", s.mirror_kept);
    if (status == CEN_OK && isfinite(s.alike))
        status = note(model, "alike", error, "%.4f", s.alike);
    if (status == CEN_OK && s.n_frozen > 0)
        status = note(model, "frozen", error, "%.0f", (double)s.n_frozen);
    char seed[32];
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)s.seed);
    return status == CEN_OK ? cen_model_set_note(model, "seed", seed, error) : status;
}
