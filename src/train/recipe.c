/* The recipe: default options that depend on the data. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdlib.h>

#include "base/checks.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "loss/kinds.h"
#include "train/mirror.h"
#include "train/presets.h"

/* ---- the input of a folder ----------------------------------------------------------------- */

enum { LONGEST_SIDE = 64 };

static int compare_sizes(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return left < right ? -1 : left > right;
}

static cen_status median_shorter_side(cen_context *context, const cen_folder_info *info,
                                      size_t *median, cen_error *error)
{
    size_t *sides = cen__alloc(context, info->n_images, sizeof *sides);
    if (sides == NULL) return cen__fail_memory(error, "the sizes of the images");
    for (size_t i = 0; i < info->n_images; i++) {
        const cen_folder_image *image = &info->images[i];
        sides[i] = image->width < image->height ? image->width : image->height;
    }
    qsort(sides, info->n_images, sizeof *sides, compare_sizes);
    *median = info->n_images > 0 ? sides[info->n_images / 2] : 1;
    cen__free(sides);
    return CEN_OK;
}

static size_t choose_channels(const cen_folder_info *info)
{
    for (size_t i = 0; i < info->n_images; i++) {
        if (info->images[i].channels > 2) return 3;
    }
    return 1;
}

cen_status cen_folder_choose_input(cen_context *context, const cen_folder *folder, const char *net,
                                   cen_input *input, cen_error *error)
{
    const cen_folder_info *info = cen_folder_get(folder);
    const cen_preset *preset = net != NULL ? cen__preset_find(net) : NULL;
    cen_input chosen = *input;
    if (chosen.height == 0) chosen.height = preset != NULL ? preset->height : 0;
    if (chosen.width == 0) chosen.width = preset != NULL ? preset->width : 0;
    if (chosen.channels == 0 && preset != NULL) chosen.channels = preset->channels;
    if (chosen.channels == 0) chosen.channels = choose_channels(info);
    if (chosen.height == 0 || chosen.width == 0) {
        size_t side = 0;
        cen_status status = median_shorter_side(context, info, &side, error);
        if (status != CEN_OK) return status;
        if (side > LONGEST_SIDE) side = LONGEST_SIDE;
        if (chosen.height == 0) chosen.height = side;
        if (chosen.width == 0) chosen.width = side;
    }
    *input = chosen;
    return CEN_OK;
}

/* ---- a dataset ----------------------------------------------------------------------------- */

/* A large dataset needs few epochs, a small one many. The number of steps grows with the root of its size, and is at least
 * that of 60,000 rows. */
static size_t choose_epochs(size_t n_train)
{
    double n = (double)n_train, epochs = 4000 / sqrt(n + 1);
    epochs = epochs < 12 ? 12 : epochs > 60 ? 60 : epochs;
    if (epochs * n < 60000) epochs = 60000 / (n + 1);
    return (size_t)(epochs > 240 ? 240 : epochs);
}

static bool are_pictures(const cen_dataset *dataset)
{
    return dataset->channels == 1 || dataset->channels == 3;
}

/* True for pictures, unless classes are large: then hardly a picture is seen often enough to be memorised. */
static bool is_to_change(const cen_dataset *dataset, size_t n_train)
{
    return are_pictures(dataset) &&
           (dataset->n_classes == 0 || n_train / dataset->n_classes < 2000);
}

/* With few classes the covariance within them says little of others, and there whitening brings nothing. */
enum { WHITENED_CLASSES = 20 };

/* Triplets need rows of one class in a batch: four, or 8, 16 and so on if there are too few classes to fill it. */
static size_t choose_per_class(size_t batch_size, size_t n_classes)
{
    size_t per_class = 4;
    while (batch_size / per_class > (n_classes > 0 ? n_classes : 1)) per_class *= 2;
    return per_class;
}

cen_status cen_recipe_choose(cen_context *context, const cen_dataset *dataset,
                             cen_model_options *model, cen_train_options *train,
                             cen_fit_options *fit, cen_augment *augment, cen_error *error)
{
    cen_dataset taken;
    cen_augment augment_now = cen_augment_init();
    cen_model_options model_now = cen_model_options_init();
    cen_train_options train_now = cen_train_options_init();
    cen_fit_options fit_now = cen_fit_options_init();
    cen_status status = cen__dataset_take(dataset, &taken, error);
    if (status == CEN_OK) status = cen__take_options(&model_now, model, error);
    if (status == CEN_OK) status = cen__take_options(&train_now, train, error);
    if (status == CEN_OK) status = cen__take_options(&fit_now, fit, error);
    if (status == CEN_OK) status = cen__take_options(&augment_now, augment, error);
    cen_input *input = &model_now.input;
    if (status == CEN_OK) {
        status = cen_dataset_measure(context, dataset, input->mean, input->std, error);
    }
    const cen__loss_kind *kind = status == CEN_OK ? cen__loss_kind_of(train_now.loss) : NULL;
    if (status == CEN_OK && kind == NULL) {
        status = cen__fail(error, CEN_ERROR_ARGUMENT, "there is no loss %d", (int)train_now.loss);
    }
    cen__mirror mirror = {(double)NAN, false, {(double)NAN, false}};
    if (status == CEN_OK && model != NULL && are_pictures(&taken)) {
        status = cen__mirror_measure(context, &taken, &mirror, error);
    }
    if (status != CEN_OK) return status;
    size_t n_train = 0;
    for (size_t i = 0; i < taken.n; i++) n_train += cen__split_of(&taken, i) == CEN_SPLIT_TRAIN;
    input->channels = taken.channels;
    input->height = taken.height;
    input->width = taken.width;
    input->resize = taken.resize;
    model_now.mirror = mirror.is_same;
    model_now.mirror_kept = mirror.kept;
    model_now.alike = mirror.alike.share;
    if (model_now.net == NULL) model_now.net = mirror.alike.is_low ? "objects" : "small";
    model_now.n_classes = taken.n_classes;
    model_now.class_names = taken.class_names;
    train_now.margin = kind->margin;
    train_now.lambda = kind->lambda;
    train_now.centers = kind->centers;
    fit_now.n_epochs = choose_epochs(n_train);
    fit_now.per_class =
        kind->needs_pairs ? choose_per_class(train_now.batch_size, taken.n_classes) : 0;
    augment_now = is_to_change(&taken, n_train) ? cen_augment_light() : cen_augment_init();
    fit_now.augment = augment;
    fit_now.whiten = taken.n_classes >= WHITENED_CLASSES;
    cen__give_options(model, &model_now);
    cen__give_options(train, &train_now);
    cen__give_options(fit, &fit_now);
    cen__give_options(augment, &augment_now);
    return CEN_OK;
}
