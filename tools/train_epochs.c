/* cl_train: an epoch is one row of a table, and what came of all. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"
#include "train_run.h"
#include "system.h"
#include "train_json.h"

/* ---- the table ---- */

/* Seven characters at most. */
static const char *as_loss(double loss, char text[32])
{
    const char *format = loss < 100 ? "%.4f" : loss < 10000 ? "%.1f" : "%.1e";
    if (isnan(loss)) return "-";
    (void)snprintf(text, 32, format, loss);
    return text;
}

/* Without validation images their columns are left out. */
static void print_header(const run *r, bool is_validated, bool has_unseen)
{
    char a[32], b[32];
    if (is_validated && r->n_gallery < r->n_train) {
        printf("          k-NN among %s of %s training images\n", with_commas(r->n_gallery, a),
               with_commas(r->n_train, b));
    }
    printf("\n      ------ training -------");
    if (is_validated) {
        printf("   ------------ validation ---------%s---", s.balance ? "--------" : "");
    }
    if (has_unseen) printf("%8s", "unseen");
    if (is_validated || has_unseen) printf("%6s best", "*");
    printf("\nepoch%8s%8s%9s", first_term(), "center", "accuracy");
    if (is_validated) {
        printf("  %8s%9s%8s%s%12s", first_term(), "accuracy", "k-NN", s.balance ? "   macro" : "",
               "intra/inter");
    }
    if (has_unseen) printf("%8s", "AUC");
    printf("%8s\n", "time");
}

/* What the loss does within. */
static void print_internals(const cen_epoch_report *report)
{
    const cen_losses *train = &report->train;
    printf("      lr %.2g  lambda %.3g  gradients center/%s %.3f  feature to center %.3g  "
           "spread %.3g",
           report->lr, train->lambda, first_term(), train->gradient_ratio, report->center_distance,
           report->center_spread);
    if (!isnan(report->knn_accuracy)) printf("  val center %.3g", report->validation.center);
    printf("\n");
}

void print_epoch(run *r, const cen_epoch_report *report)
{
    const cen_losses *train = &report->train, *val = &report->validation;
    const bool is_validated = r->n_gallery > 0;
    const bool has_unseen = r->is_best_unseen || !isnan(report->unseen_auc);
    const bool is_best = (is_validated || has_unseen) && report->is_best;
    char a[32], b[32], c[32];
    if (!r->has_header) print_header(r, is_validated, has_unseen);
    r->has_header = true;
    fputs(is_best ? terminal_look(stdout, LOOK_BEST) : "", stdout);
    printf("%5zu%8s%8s%9s", report->epoch, as_loss(train->first, a), as_loss(train->center, b),
           as_percent(train->accuracy, c));
    if (is_validated) {
        printf("  %8s%9s%8s", as_loss(val->first, a), as_percent(val->accuracy, b),
               as_percent(report->knn_accuracy, c));
        if (s.balance) printf("%8s", as_percent(report->knn_macro, a));
        if (isnan(report->intra_inter)) printf("%12s", "-");
        if (!isnan(report->intra_inter)) printf("%12.3f", report->intra_inter);
    }
    if (has_unseen) printf("%8s", as_percent(report->unseen_auc, a));
    printf("%8s%s%s\n", as_clock(report->seconds, a), is_best ? " *" : "",
           is_best ? terminal_look(stdout, LOOK_PLAIN) : "");
    if (s.is_verbose) print_internals(report);
    fflush(stdout);
}

/* ---- what a training does that it should not ---- */

static bool is_first(run *r, unsigned kind)
{
    const bool is_new = (r->warned & 1u << kind) == 0;
    r->warned |= 1u << kind;
    return is_new;
}

void warn_of_epoch(run *r, const cen_epoch_report *report)
{
    enum { COLLAPSED, STANDING, PULLING };
    const cen_losses *train = &report->train;
    const bool pulls = train->gradient_ratio > 2;
    if (report->is_collapsed && is_first(r, COLLAPSED)) {
        warn(r, stdout,
             "the features have collapsed to one point: a loss of %.4f is no better than guessing, "
             "and their spread is %.2g, %.2g before training; begin anew with %s",
             train->first, report->feature_spread, report->feature_spread_before,
             pulls ? "a smaller --lambda, or auto, or a smaller --lr"
                   : "a smaller --lr, or batchnorm in the net");
    }
    if (!(train->lambda > 0)) return;
    if (report->center_step < 1e-4 * report->center_distance && is_first(r, STANDING)) {
        warn(r, stdout, "centers do not move; is the learning rate 0?");
    }
    if (pulls && !report->is_collapsed && is_first(r, PULLING)) {
        warn(r, stdout,
             "the center loss pulls harder than the softmax loss; features may collapse: use a "
             "smaller --lambda, or auto");
    }
}

/* ---- the end ---- */

char *knn_text(double accuracy, size_t n_gallery, size_t n_train, char text[96])
{
    char count[32];
    (void)snprintf(text, 96, "k-NN");
    if (n_gallery < n_train) append(text, 96, " among %s", with_commas(n_gallery, count));
    append(text, 96, " %.2f %%", 100 * accuracy);
    return text;
}

/* ---- what to type next ---- */

/* The command line as it can be typed: the tool is called as this one was, from beside it. */
static void print_command(const run *r, const char *tool, const char *const *words, size_t n)
{
    enum { MOST = 6 };
    const char *self = r->arguments->argv[0], *slash = strrchr(self, '/');
    char name[PATH_SIZE], *argv[MOST] = {name};
    const int size = slash != NULL ? (int)(slash - self) + 1 : 0;
    (void)snprintf(name, sizeof name, "%.*s%s", size, self, tool);
    for (size_t i = 0; i < n; i++) argv[i + 1] = (char *)words[i];
    char *line = join_command((int)n + 1, argv);
    if (line != NULL) print_names(stdout, "              %s\n", line);
    free(line);
}

/* A picture of a trained class that the net was not trained on, if there is one. */
static const cen_folder_image *example(const cen_folder_info *info)
{
    static const cen_split splits[] = {CEN_SPLIT_VALIDATION, CEN_SPLIT_TEST};
    for (size_t j = 0; j < 2; j++) {
        for (size_t i = 0; i < info->n_images; i++) {
            if (info->images[i].split == splits[j]) return &info->images[i];
        }
    }
    return &info->images[0];
}

static void print_next(const run *r, const cen_folder_info *info)
{
    char path[PATH_SIZE], output[PATH_SIZE], folder[PATH_SIZE];
    const cen_folder_image *image = example(info);
    const char *picture = image->path, *slash = strrchr(picture, '/');
    const int size = slash != NULL ? (int)(slash - picture) : 1;
    (void)snprintf(folder, sizeof folder, "%.*s", size, slash != NULL ? picture : ".");
    printf("\n");
    if (!s.no_report) print_names(stdout, "open      %s\n", in_run(r, "report.html", path));
    printf("next      which class is this picture of?\n");
    const char *const classify[] = {"classify", "--gallery-split", "train", r->folder, picture};
    print_command(r, "cl_knn", classify, 5);
    printf("          the features of other pictures, those of a folder:\n");
    const char *const extract[] = {r->folder, folder, "-o", in_run(r, "other.npy", output)};
    print_command(r, "cl_features", extract, 4);
    printf("          how well do the features tell the classes apart?\n");
    print_command(r, "cl_knn", (const char *const[]){"eval", r->folder}, 2);
}

void print_end(const run *r, const cen_folder_info *info, bool is_stopped)
{
    if (is_stopped) {
        printf("stopped   the state of the training is saved; to go on, and to make the features "
               "and the report:\n");
        print_command(r, "cl_train", (const char *const[]){"--resume", r->folder}, 2);
        return;
    }
    print_names(stdout, "done      %s: model.safetensors (epoch %zu", r->folder, r->best_epoch);
    char knn[96];
    if (!isnan(r->best_knn) && r->is_best_unseen) {
        printf(", AUC of held-out classes %.2f %%", 100 * r->best_knn);
    } else if (!isnan(r->best_knn)) {
        printf(
            ", %s%s", s.balance ? "macro " : "",
            knn_text(r->best_knn, r->n_gallery > 0 ? r->n_gallery : r->n_train, r->n_train, knn));
    }
    printf("),\n          log.csv, features.npy, features.tsv\n");
    print_next(r, info);
}
