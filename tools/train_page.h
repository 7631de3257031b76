/* cl_train: the page of a run, and what is measured for it when training is over. */
#ifndef TOOLS_TRAIN_PAGE_H
#define TOOLS_TRAIN_PAGE_H

#include <centerloss_eval.h>

/* Collects epochs while they pass. */
typedef struct page page;

/* NULL without memory. */
page *page_create(const cen_folder_info *folder, size_t n_epochs);
void page_free(page *p);

/* Keeps a report, and the features of up to 600 validation images with up to 1,000 centers. False without
 * memory. */
bool page_add_epoch(page *p, const cen_epoch_report *report, cen_model *model);

/* Of all epochs together. */
double page_seconds(const page *p);

typedef struct page_content {
    cen_context *context;
    const char *folder, *command, *title; /* of the run; as it can be typed again */
    const char *const *facts;             /* [n_facts, 2] */
    size_t n_facts;
    cen_model *model;
    const cen_folder_info *images;
    const cen_file_note *skipped; /* [n_skipped] with those that are gone by now */
    size_t n_skipped;
    size_t n;                    /* images that could be read */
    const float *features;       /* [n, D] */
    const cen_feature_row *rows; /* [n] */
    uint64_t seed;
    cen_metric metric;
    bool has_svg, has_page;
} page_content;

/* Chooses cosine if it tells held-out classes apart clearly better than L2. Prints what both are worth, of them or of
 * other images that were not trained. The model's file gets a note of cosine. */
cen_status choose_metric(page_content *content, const char *model_path, cen_error *error);

/* The place, among n_all, of the i-th of n that are drawn evenly, as cen_fit draws. */
static inline size_t page_place(size_t i, size_t n, size_t n_all)
{
    return (size_t)((double)i * (double)n_all / (double)n);
}

/* Measures up to CEN_MEASURED_QUERIES validation images, and test images, against all training images and the held-out
 * classes among themselves, prints them, and writes report.html, report.json and, where asked for, svg/. */
cen_status page_finish(page *p, const page_content *content, cen_error *error);

/* A row of the table of measures. */
void print_measures(const char *name, const cen_measures *m);

/* The label that the head gives to each of features[n, D], the caller's to free; NULL if there is no head. */
cen_status page_head_answers(const page_content *content, const float *features, size_t n,
                             int32_t **answers, cen_error *error);

/* The page with these sets, and its JSON and plots. */
cen_status page_write(page *p, const page_content *content, const cen_report_set *sets,
                      size_t n_sets, cen_error *error);

/* MEMORY. */
static inline cen_status page_no_memory(cen_error *error)
{
    *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for the report of this run"};
    return error->status;
}

#endif
