/* cl_train: what is measured of the features when training is over. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"
#include "train_json.h"
#include "train_page.h"
#include "train_split.h"

/* ---- what is printed of them ---- */

/* How many of many images were measured, and how sure the k-NN of few is. */
static void print_interval(const char *name, const cen_retrieval *r, size_t n, size_t n_all)
{
    enum { MANY = 1000 };
    if (r->n_queries == 0 && isnan(r->knn_accuracy)) {
        printf("          %s: no image has a class that could be measured\n", name);
    } else if (n < n_all) {
        char some[32], all[32];
        printf("          %s: %s of %s images, drawn evenly\n", name, with_commas(n, some),
               with_commas(n_all, all));
    } else if (r->n_queries < MANY) {
        char text[64];
        printf("          %s: k-NN of %s %.2f %%, 95 %% interval %.1f to %.1f %%\n", name,
               counted(r->n_queries, "image", text), 100 * r->knn_accuracy,
               100 * r->knn_interval[0], 100 * r->knn_interval[1]);
    }
}

static void print_all(const cen_report_set *sets, const size_t *n_all, size_t n_sets)
{
    const cen_measures *last = sets[n_sets - 1].measures;
    printf("\nfeatures       k-NN    MAP@R   1-shot   5-shot      AUC      EER%s intra/inter\n",
           s.is_verbose ? "   TAR at FAR .1, .01, .001" : "");
    for (size_t i = 0; i < n_sets; i++) print_measures(sets[i].name, sets[i].measures);
    for (size_t i = 0; i < n_sets; i++) {
        const cen_measures *m = sets[i].measures;
        print_interval(sets[i].name, &m->retrieval, m->n_queries, n_all[i]);
    }
    for (int i = 0; i < 2 && s.is_verbose; i++) {
        const cen_episodes *e = &last->few_shot[i];
        if (e->n_episodes == 0) continue;
        printf("          %s: %zu-shot among %zu classes %.2f +- %.2f %% (95 %%, %zu episodes)\n",
               sets[n_sets - 1].name, e->n_shots, e->n_ways, 100 * e->accuracy, 100 * e->interval,
               e->n_episodes);
    }
}

/* ---- all of it ---- */

/* Pictures that are measured: of classes that were trained, against the training images; of others, each
 * against the rest of them. */
static const struct {
    const char *name, *note; /* as printed, and on the page; of validation: if it chose */
    cen_split split;
    bool is_alone;
} measured[] = {
    {"validation",
     "pictures of the trained classes that were kept out of training. The best epoch was chosen by "
     "them, so new pictures may fare a little worse. Neighbours are training pictures.",
     CEN_SPLIT_VALIDATION, false},
    {"test",
     "pictures of the trained classes that were kept out of training and of every choice. "
     "Neighbours are training pictures.",
     CEN_SPLIT_TEST, false},
    {"unseen",
     "pictures of classes that were kept out of training. The best epoch was chosen by them, so "
     "other new classes may fare a little worse. Neighbours are the other pictures of this set.",
     CEN_SPLIT_HELD_OUT, true}};
enum { N_MEASURED = sizeof measured / sizeof *measured };

/* That of validation pictures that did not choose the best epoch. */
static const char not_chosen[] = "pictures of the trained classes that were kept out of training. "
                                 "Neighbours are training pictures.";

enum { MOST_NOTE = 300 };

/* A note on all pictures of a split, if some were taken on so many of them. */
static const char *note_of(const split_rows *rows, const char *note, char text[MOST_NOTE])
{
    if (rows->n == rows->n_all) return note;
    char some[32], all[32];
    (void)snprintf(text, MOST_NOTE, "%s of the %s %s", with_commas(rows->n, some),
                   with_commas(rows->n_all, all), note);
    return text;
}

cen_status page_finish(page *p, const page_content *content, cen_error *error)
{
    size_t d = cen_model_get(content->model)->feature_size, n_sets = 0, n_taken = 0;
    split_rows train = {.n = 0}, taken[N_MEASURED];
    char notes[N_MEASURED][MOST_NOTE];
    size_t n_all[N_MEASURED];
    int32_t *answers[N_MEASURED] = {NULL};
    cen_measures measures[N_MEASURED];
    cen_report_set sets[N_MEASURED];
    cen_measure_options options = cen_measure_options_init();
    cen_knn_options knn = cen_knn_options_init();
    options.knn = &knn;
    knn.metric = content->metric;
    options.seed = content->seed;
    cen_status status = take_split(content, CEN_SPLIT_TRAIN, SIZE_MAX, &train, error);
    for (size_t i = 0; status == CEN_OK && i < N_MEASURED; i++) {
        split_rows *rows = &taken[n_taken];
        status = take_split(content, measured[i].split,
                            measured[i].is_alone ? SIZE_MAX : CEN_MEASURED_QUERIES, rows, error);
        if (status != CEN_OK) break;
        n_taken++;
        if (rows->n < (measured[i].is_alone ? 2 : 1)) continue;
        if (measured[i].is_alone && content->images->n_held_out < 2) continue; /* all are alike */
        const split_rows *gallery = measured[i].is_alone ? rows : &train;
        knn.leave_one_out = measured[i].is_alone;
        const cen_labelled known = labelled(gallery), asked = labelled(rows);
        status = cen_measures_create(content->context, &measures[n_sets], &known, &asked, d,
                                     &options, error);
        if (status != CEN_OK) break;
        if (!measured[i].is_alone) {
            status = page_head_answers(content, rows->features, rows->n, &answers[i], error);
        }
        sets[n_sets] = (cen_report_set){measured[i].name,
                                        &measures[n_sets],
                                        rows->rows,
                                        gallery->rows,
                                        note_of(rows, measured[i].note, notes[n_sets]),
                                        answers[i]};
        if (measured[i].is_alone && isfinite(measures[n_sets].verification.auc) && n_sets > 0 &&
            sets[0].name == measured[0].name) {
            sets[0].note = note_of(&taken[0], not_chosen, notes[0]);
        }
        n_all[n_sets++] = rows->n_all;
    }
    if (status == CEN_OK && n_sets > 0 && is_talking()) print_all(sets, n_all, n_sets);
    if (status == CEN_OK) {
        if (s.is_json) json_measures(sets, n_sets, content->metric);
        if (content->has_page) status = page_write(p, content, sets, n_sets, error);
    }
    for (size_t i = 0; i < n_sets; i++) cen_measures_free(&measures[i]);
    for (size_t i = 0; i < n_taken; i++) free_split(&taken[i]);
    for (size_t i = 0; i < N_MEASURED; i++) free(answers[i]);
    free_split(&train);
    return status;
}
