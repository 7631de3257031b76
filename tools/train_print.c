/* cl_train: what was found, and what will be trained. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "progress.h"
#include "train.h"
#include "system.h"
#include "train_json.h"
#include "train_page.h"

bool is_talking(void)
{
    return !s.is_quiet && !s.is_json;
}

void warn(run *r, FILE *file, const char *format, ...)
{
    char text[1400];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    progress_clear(&r->line);
    if (s.is_json) {
        json_warning(text);
    } else if (file == stderr || is_talking()) {
        fputs(terminal_look(file, LOOK_WARNING), file);
        print_names(file, file == stdout ? "warning   %s" : "cl_train: warning: %s", text);
        fprintf(file, "%s\n", terminal_look(file, LOOK_PLAIN));
    }
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
    char text[64];
    if (n > 0) printf("%-9s %s:\n", what, counted(n, of, text));
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
    char a[64], b[64], c[32], d[32];
    print_names(stdout, "folder    %s\n", path);
    printf("images    %s, %s: %s to train, %s to validate", counted(info->n_classes, "class", a),
           counted(info->n_images, "image", b), with_commas(count_split(info, CEN_SPLIT_TRAIN), c),
           with_commas(count_split(info, CEN_SPLIT_VALIDATION), d));
    if (info->n_held_out > 0) {
        printf(", %s of %s", with_commas(count_split(info, CEN_SPLIT_HELD_OUT), a),
               counted(info->n_held_out, "held-out class", b));
    }
    if (n_test > 0) printf(", %s to test", with_commas(n_test, a));
    printf("%s\n", info->has_own_split ? " (the folder's own split)" : "");
    if (info->n_held_out == 1) {
        printf("held out  one class, which has no other to be told from, is not measured\n");
    } else if (info->n_held_out > 0 && s.holdout == NULL) {
        printf("held out  they choose the best epoch and show what new classes can expect;\n"
               "          --holdout-classes 0 trains them, too\n");
    }
    print_sizes(info);
    if (info->n_passed_over > 0) {
        printf("passed    %s: no image of a class\n", counted(info->n_passed_over, "file", a));
    }
    print_notes("skipped", "image", info->skipped, info->n_skipped);
    print_notes("damaged", "image", info->damaged, info->n_damaged);
    print_notes("found", "remark", info->remarks, info->n_remarks);
}

const char *flip_text(char text[FLIP_TEXT])
{
    const char *answer = s.flips ? "yes" : "no";
    if (s.flip_is_typed) {
        (void)snprintf(text, FLIP_TEXT, "%s, as typed", answer);
    } else if (!isfinite(s.mirror_kept)) {
        (void)snprintf(text, FLIP_TEXT, "%s: too few images to tell", answer);
    } else {
        (void)snprintf(text, FLIP_TEXT,
                       "%s: mirror images keep %.0f %% of what tells the classes apart; --%sflip "
                       "overrides",
                       answer, s.mirror_kept > 0 ? 100 * s.mirror_kept : 0.0, s.flips ? "no-" : "");
    }
    return text;
}

const char *net_text(char text[FLIP_TEXT])
{
    if (!isfinite(s.alike)) {
        (void)snprintf(text, FLIP_TEXT, "%s: too few classes or images to tell", s.net);
    } else {
        const bool is_unsure = strcmp(s.net, "small") == 0 && fabs(s.alike) < 0.05;
        (void)snprintf(text, FLIP_TEXT, "%s: images of two classes correlate by %.2f%s", s.net,
                       fabs(s.alike) < 0.005 ? 0 : s.alike,
                       is_unsure ? ", but too few say so; --net overrides" : "; --net overrides");
    }
    return text;
}

void print_training(size_t n_taken)
{
    char text[64];
    if (n_taken > 0) {
        print_names(stdout, "weights   %s from %s", counted(n_taken, "tensor", text), s.init);
        if (s.n_frozen > 0) printf(", the first %s frozen", counted(s.n_frozen, "layer", text));
        printf("\n");
    }
    print_names(stdout, "training  %s, batches of %zu, %s loss, lambda %s,\n",
                counted(s.n_epochs, "epoch", text), s.batch_size, loss_names[s.loss], s.lambda);
    printf("          centers %s, augment %s, %s %g, seed %llu\n", center_modes[s.centers],
           augments[s.augment], s.optimizer == CEN_OPTIMIZER_MUON ? "Muon" : "Adam", s.lr,
           (unsigned long long)s.seed);
    char flip[FLIP_TEXT], net[FLIP_TEXT];
    if (s.net_is_chosen) printf("chosen    %s\n", net_text(net));
    printf("flip      %s\n", flip_text(flip));
    if (!s.no_whitening)
        printf("whiten    the features, at the end; --no-whiten leaves them as they are\n");
    fflush(stdout);
}

static void print_share(double share)
{
    if (isnan(share)) {
        printf("        -");
    } else {
        printf("%7.2f %%", 100 * share);
    }
}

void print_measures(const char *name, const cen_measures *m)
{
    const cen_verification *v = &m->verification;
    printf("%-10s", name);
    print_share(m->retrieval.knn_accuracy);
    print_share(m->retrieval.map_at_r);
    for (int i = 0; i < 2; i++) {
        print_share(m->few_shot[i].n_episodes > 0 ? m->few_shot[i].accuracy : NAN);
    }
    print_share(v->auc);
    print_share(v->eer);
    for (int i = 0; i < 3 && s.is_verbose; i++) print_share(v->tar[i]);
    if (isnan(m->intra_inter)) {
        printf("%12s\n", "-");
    } else {
        printf("%12.3f\n", m->intra_inter);
    }
}
