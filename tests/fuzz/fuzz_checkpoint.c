/* Checkpoints: one of a small training is written at first (fuzz_genuine), and each input is read in its
 * place. */
#include "fuzz.h"

#include <string.h>

#include "base/memory.h"
#include "base/os.h"
#include "train/checkpoint.h"
#include "train/model.h"
#include "support/context.h"

enum { N_CLASSES = 2, SIDE = 2 };

static cen_folder *folder;
static cen_model *model;
static cen_trainer *trainer;
static cen_fit_options options;
static cen__progress progress;
static cen__checkpoint checkpoint;

static void make_folder(void)
{
    static const char *const names[N_CLASSES] = {"fuzz_images/a", "fuzz_images/b"};
    static const char *const root[] = {"fuzz_images"};
    cen_folder_options folder_options = cen_folder_options_init();
    cen_input input = {1, SIDE, SIDE, CEN_RESIZE_CROP, {0}, {1, 1, 1}};
    for (int i = 0; i < N_CLASSES; i++) {
        char path[64];
        FUZZ_CHECK(cen__os_make_folder(NULL, names[i], NULL) == CEN_OK);
        (void)snprintf(path, sizeof path, "%s/%d.pgm", names[i], i);
        fuzz_write(path, "P5 2 2 255 abcd", 15);
    }
    FUZZ_CHECK(cen_folder_open(threads(1), &folder, root, 1, &folder_options, NULL) == CEN_OK);
    FUZZ_CHECK(cen_folder_load(folder, &input, 1 << 16, NULL, NULL, NULL) == CEN_OK);
}

static void set_up(void)
{
    cen_model_options model_options = cen_model_options_init();
    cen_train_options train_options = cen_train_options_init();
    make_folder();
    model_options.net = "flatten, dense 2";
    model_options.input.height = model_options.input.width = SIDE;
    model_options.n_classes = N_CLASSES;
    FUZZ_CHECK(cen_model_create(threads(1), &model, &model_options, NULL) == CEN_OK);
    train_options.batch_size = N_CLASSES;
    FUZZ_CHECK(cen_trainer_create(&trainer, model, &train_options, NULL) == CEN_OK);
    options = cen_fit_options_init();
    progress = (cen__progress){.epoch = 1};
    checkpoint = (cen__checkpoint){
        .trainer = trainer,
        .dataset = cen_folder_dataset(folder),
        .options = &options,
        .best = cen__alloc_zeroed(NULL, model->n_numbers, sizeof(float)),
        .centers = cen__alloc_zeroed(NULL, model->info.n_center_parameters, sizeof(float)),
        .progress = &progress};
    FUZZ_CHECK(checkpoint.best != NULL && checkpoint.centers != NULL);
    options.checkpoint = "fuzz_genuine";
    cen_error warning;
    FUZZ_CHECK(cen__checkpoint_write(&checkpoint, NULL) == CEN_OK);
    FUZZ_CHECK(cen__checkpoint_read(&checkpoint, &warning, NULL) == CEN_OK);
    options.checkpoint = "fuzz_input";
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    cen_error error, warning;
    if (trainer == NULL) set_up();
    fuzz_write("fuzz_input", bytes, size);
    fuzz_memory_begin();
    cen_status status = cen__checkpoint_read(&checkpoint, &warning, &error);
    fuzz_memory_most((1 << 20) + 64 * size);
    fuzz_check_error(status, &error);
    if (status == CEN_OK) FUZZ_CHECK(progress.epoch > 0);
    fuzz_memory_end();
    return 0;
}
