/* A folder's dataset in a line each, for tests. */
#ifndef TESTS_SUPPORT_DATASETS_H
#define TESTS_SUPPORT_DATASETS_H

#include <centerloss_eval.h>

static inline cen_status folder_read(const cen_folder *folder, const cen_input *input,
                                     const size_t *rows, size_t n, float *x, int32_t *labels,
                                     cen_error *error)
{
    return cen_dataset_read(NULL, cen_folder_dataset(folder), input, NULL, 0, 0, rows, n, x, labels,
                            error);
}

/* The rows of a split. */
static inline size_t folder_split(const cen_folder *folder, cen_split split, size_t *rows)
{
    const cen_folder_info *info = cen_folder_get(folder);
    size_t n = 0;
    for (size_t i = 0; i < info->n_images; i++) {
        if (info->images[i].split == split) rows[n++] = i;
    }
    return n;
}

/* 0 after an error. */
static inline size_t folder_order(const cen_folder *folder, size_t n_classes, size_t per_class,
                                  uint64_t seed, size_t epoch, size_t *order)
{
    size_t n = 0;
    (void)cen_dataset_order(NULL, cen_folder_dataset(folder), n_classes, per_class, seed, epoch,
                            order, &n, NULL);
    return n;
}

static inline void folder_measure(const cen_folder *folder, float *mean, float *std)
{
    (void)cen_dataset_measure(NULL, cen_folder_dataset(folder), mean, std, NULL);
}

/* Of all images, which can be read. */
static inline cen_status folder_features(const cen_model *model, const cen_folder *folder,
                                         float *features, cen_progress *progress, void *user,
                                         cen_error *error)
{
    return cen_model_features(model, cen_folder_dataset(folder), features, NULL, NULL, progress,
                              user, error);
}

#endif
