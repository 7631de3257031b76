#!/bin/sh
# A program that takes the recipe of the library trains what cl_train trains: the same bytes.
. "$(dirname "$0")/common.sh"

command -v cc >/dev/null || {
    echo "cc is not here"
    exit 77
}
cat >recipe.c <<'END'
#include <centerloss.h>

#include <stdio.h>
#include <stdlib.h>

static cen_error error;

static void need(cen_status status)
{
    if (status == CEN_OK) return;
    fprintf(stderr, "%s\n", error.message);
    exit(1);
}

int main(int argc, char **argv)
{
    const char *root = argv[1];
    cen_folder_options folder_options = cen_folder_options_init();
    cen_model_options model_options = cen_model_options_init();
    cen_train_options train = cen_train_options_init();
    cen_fit_options fit = cen_fit_options_init();
    cen_augment augment = cen_augment_init();
    cen_folder *folder;
    cen_model *model;
    cen_trainer *trainer;
    if (argc != 4) return 2;
    train.loss = (cen_loss)atoi(argv[3]);
    model_options.input.channels = model_options.input.height = model_options.input.width = 0;
    need(cen_folder_open(NULL, &folder, &root, 1, &folder_options, &error));
    need(cen_folder_choose_input(NULL, folder, model_options.net, &model_options.input, &error));
    cen_input tall = {.height = 9};
    need(cen_folder_choose_input(NULL, folder, NULL, &tall, &error));
    if (tall.height != 9 || tall.width == 0 || tall.channels == 0) return 3;
    need(cen_folder_load(folder, &model_options.input, 0, NULL, NULL, &error));
    need(cen_recipe_choose(NULL, cen_folder_dataset(folder), &model_options, &train, &fit, &augment, &error));
    printf("%zu epochs, batches of %zu, lambda %g, augment %s\n", fit.n_epochs, train.batch_size,
           train.lambda, augment.shift > 0 ? "light" : "none");
    need(cen_model_create(NULL, &model, &model_options, &error));
    need(cen_trainer_create(&trainer, model, &train, &error));
    fit.stop_after = 3;
    need(cen_fit(trainer, cen_folder_dataset(folder), &fit, &error));
    need(cen_model_save(model, argv[2], &error));
    cen_trainer_free(trainer);
    cen_model_free(model);
    cen_folder_free(folder);
    return 0;
}
END
cc -std=c99 -I"$SOURCE/include" recipe.c "$TOOLS"/libcenterloss.a -lm -lpthread -o recipe ||
    complain "the program does not compile"

# numbers FILE: of a model, without its metadata, which have notes of cl_train.
numbers() {
    size=$(od -An -t u8 -N 8 "$1" | tr -d ' ')
    tail -c +$((size + 9)) "$1"
}

# same LOSS NUMBER FOLDER
same() {
    succeed ./recipe "$3" own.safetensors "$2"
    chosen=$(cat out.txt)
    succeed "$TOOLS/cl_train" --loss "$1" --stop-after 3 --overwrite -o run "$3"
    line="$(awk '/^training/ { line = $0; getline; print line, $0 }' out.txt |
        sed -n 's/^training  *\(.*batches of [0-9]*\),.*\(lambda [^,]*\),.*\(augment [a-z]*\).*/\1, \2, \3/p')"
    [ "$line" = "$chosen" ] || complain "$1: cl_train says '$line', the recipe '$chosen'"
    numbers own.safetensors >own
    numbers run/model.safetensors >cl_train
    cmp own cl_train || complain "$1: other bytes"
}

few small 8
same center 0 small
same triplet 1 small
same contrastive-center 3 small
same cosface 4 small
finish
