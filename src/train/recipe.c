/* What a training takes that nobody asked otherwise: the options of a folder, as its images are. */
#include <math.h>

#include <centerloss.h>

/* A large folder needs few passes, a small one many: steps grow with the root of its size, and are at
 * least those of 60,000 images. */
static size_t choose_epochs(size_t n_train)
{
    double n = (double)n_train, epochs = 4000 / sqrt(n + 1);
    epochs = epochs < 12 ? 12 : epochs > 60 ? 60 : epochs;
    if (epochs * n < 60000) epochs = 60000 / (n + 1);
    return (size_t)(epochs > 240 ? 240 : epochs);
}

/* Of a large class hardly an image is seen often enough to be learned by heart. */
static bool is_to_change(size_t n_train, size_t n_classes)
{
    return n_classes == 0 || n_train / n_classes < 2000;
}

cen_fit_options cen_fit_options_for(const cen_folder *folder)
{
    const cen_folder_info *info = cen_folder_get(folder);
    cen_fit_options options = cen_fit_options_init();
    size_t n_train = 0;
    for (size_t i = 0; i < info->n_images; i++) n_train += info->images[i].split == CEN_SPLIT_TRAIN;
    options.n_epochs = choose_epochs(n_train);
    if (is_to_change(n_train, info->n_classes)) options.augment = cen_augment_light();
    return options;
}
