/* What was found, what will be trained, and how it goes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train.h"
#include "train_run.h"

/* What lambda does, and a warning where it does nothing or too much. */
static void print_centers(const cen_epoch_report *report)
{
    const cen_losses *train = &report->train;
    printf("          lr %.2g  lambda %.3g  gradients center/softmax %.3f  feature to center %.3g  "
           "spread of centers %.3g\n",
           report->lr, train->lambda, train->gradient_ratio, report->center_distance,
           report->center_spread);
    if (report->is_collapsed) {
        printf(
            "warning   the features have collapsed to one point: a loss of %.4f is no better "
            "than guessing, and their spread is %.2g, %.2g before training; begin anew with %s\n",
            train->first, report->feature_spread, report->feature_spread_before,
            train->gradient_ratio > 2 ? "a smaller --lambda, or auto, or a smaller --lr"
                                      : "a smaller --lr, or batchnorm in the net");
    }
    if (!(train->lambda > 0)) return;
    if (report->center_step < 1e-4 * report->center_distance) {
        printf("warning   centers do not move; is the learning rate 0?\n");
    }
    if (train->gradient_ratio > 2 && !report->is_collapsed) {
        printf("warning   the center loss pulls harder than the softmax loss; features may "
               "collapse: use a smaller --lambda, or auto\n");
    }
}

/* "softmax 0.1234  center 0.5678  accuracy 90.00 %"; triplets have no head and no accuracy. */
char *losses_text(const cen_losses *losses, char text[LOSSES_SIZE])
{
    (void)snprintf(text, LOSSES_SIZE, "%s %.4f  center %.4f", first_term(), losses->first,
                   losses->center);
    if (!isnan(losses->accuracy)) {
        append(text, LOSSES_SIZE, "  accuracy %.2f %%", 100 * losses->accuracy);
    }
    return text;
}

char *knn_text(double accuracy, size_t n_gallery, size_t n_train, char text[96])
{
    char count[32];
    (void)snprintf(text, 96, "k-NN");
    if (n_gallery < n_train) append(text, 96, " among %s", with_commas(n_gallery, count));
    append(text, 96, " %.2f %%", 100 * accuracy);
    return text;
}

void print_epoch(const cen_epoch_report *report, size_t n_train)
{
    char text[LOSSES_SIZE], knn[96];
    printf("epoch %zu/%zu  train: %s", report->epoch, report->n_epochs,
           losses_text(&report->train, text));
    if (!isnan(report->knn_accuracy)) {
        printf(" | val: %s  %s", losses_text(&report->validation, text),
               knn_text(report->knn_accuracy, report->n_gallery, n_train, knn));
        if (s.balance) printf(" (macro %.2f %%)", 100 * report->knn_macro);
        printf("  intra/inter %.3f", report->intra_inter);
        if (report->is_best) printf("  best");
    }
    printf("\n");
    print_centers(report);
    fflush(stdout);
}

static void print_sizes(const cen_folder_info *info)
{
    size_t least[2] = {SIZE_MAX, SIZE_MAX}, most[2] = {0, 0}, n_grey = 0;
    for (size_t i = 0; i < info->n_images; i++) {
        const cen_folder_image *image = &info->images[i];
        size_t sides[2] = {image->width, image->height};
        for (size_t j = 0; j < 2; j++) {
            if (sides[j] < least[j]) least[j] = sides[j];
            if (sides[j] > most[j]) most[j] = sides[j];
        }
        n_grey += image->channels < 3;
    }
    printf("sizes     %zux%zu", least[0], least[1]);
    if (least[0] != most[0] || least[1] != most[1]) printf(" to %zux%zu", most[0], most[1]);
    printf(" (width x height), %s\n", n_grey == info->n_images ? "grey"
                                      : n_grey == 0            ? "colour"
                                                               : "grey and colour");
}

static void print_notes(const char *what, const char *of, const cen_file_note *notes, size_t n)
{
    enum { MOST = 20 };
    char text[32];
    if (n > 0) printf("%-9s %s %s:\n", what, with_commas(n, text), of);
    for (size_t i = 0; i < n && i < MOST; i++) {
        print_names(stdout, "          %s: %s\n", notes[i].path, notes[i].reason);
    }
    if (n > MOST) printf("          and %s more\n", with_commas(n - MOST, text));
}

size_t count_split(const cen_folder_info *info, cen_split split)
{
    size_t n = 0;
    for (size_t i = 0; i < info->n_images; i++) n += info->images[i].split == split;
    return n;
}

void print_folder(const char *path, const cen_folder_info *info)
{
    size_t n_test = count_split(info, CEN_SPLIT_TEST);
    char a[32], b[32], c[32], d[32];
    print_names(stdout, "folder    %s: %s classes, %s images: %s to train, %s to validate", path,
                with_commas(info->n_classes, a), with_commas(info->n_images, b),
                with_commas(count_split(info, CEN_SPLIT_TRAIN), c),
                with_commas(count_split(info, CEN_SPLIT_VALIDATION), d));
    if (info->n_held_out > 0) {
        printf(", %s of %s held-out classes", with_commas(count_split(info, CEN_SPLIT_HELD_OUT), a),
               with_commas(info->n_held_out, b));
    }
    if (n_test > 0) printf(", %s to test", with_commas(n_test, a));
    printf("%s\n", info->has_own_split ? " (the folder's own split)" : "");
    print_sizes(info);
    if (info->n_passed_over > 0) {
        printf("passed    %s files that are no images of a class\n",
               with_commas(info->n_passed_over, a));
    }
    print_notes("skipped", "images", info->skipped, info->n_skipped);
    print_notes("damaged", "images", info->damaged, info->n_damaged);
    print_notes("remarks", "on what was found", info->remarks, info->n_remarks);
}

void print_training(size_t n_taken)
{
    if (n_taken > 0) print_names(stdout, "weights   %zu tensors from %s\n", n_taken, s.init);
    print_names(stdout,
                "training  %zu epochs, batches of %zu, %s loss, lambda %s, centers %s, Adam %g, "
                "augment %s, seed %llu\n",
                s.n_epochs, s.batch_size, loss_names[s.loss], s.lambda, center_modes[s.centers],
                s.lr, augments[s.augment], (unsigned long long)s.seed);
    fflush(stdout);
}

void print_end(const run *r, bool is_stopped)
{
    if (is_stopped) {
        print_names(stdout,
                    "stopped   the state of the training is saved; cl_train --resume %s goes "
                    "on, and makes the features and the report at its end\n",
                    r->folder);
        return;
    }
    print_names(stdout, "done      %s: model.safetensors (epoch %zu", r->folder, r->best_epoch);
    char knn[96];
    if (!isnan(r->best_knn)) {
        printf(
            ", %s%s", s.balance ? "macro " : "",
            knn_text(r->best_knn, r->n_gallery > 0 ? r->n_gallery : r->n_train, r->n_train, knn));
    }
    printf("), log.csv, features.npy, features.tsv%s\n", s.no_report ? "" : ", report.html");
}
