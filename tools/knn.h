/* cl_knn: what its commands share. */
#ifndef TOOLS_KNN_H
#define TOOLS_KNN_H

#include <centerloss_eval.h>

#include "options.h"
#include "progress.h"

typedef struct knn {
    const command *tool;
    const char *command_line; /* as it can be typed again */
    const char *model_path, *gallery_split, *query_split, *strangers, *output, *report, *pictures,
        *svg;
    uint64_t seed;
    cen_context *context;
    size_t k, n_threads;          /* k 0: 5, or what there is */
    double threshold, far, ratio; /* negative: not given */
    int metric, weights;          /* metric -1: not given; weights: of the command, if not given */
    bool run_has_cosine; /* what cl_train chose for a run on the command line, or of --model */
    const char *claim, *within; /* NULL: none */
    bool as_json, adds, is_negative, is_quiet, is_strict, is_together, is_stream, has_frames;
    bool asks_head, asks_digests; /* sets of pictures get probabilities, digests */
    cen_model_limits limits;      /* 0: the default */
    cen_model *model;             /* loaded when the first picture needs it */
    /* What a .gallery on the command line says of its features; NULL: there is none, or it does not say. */
    const char *kept_by;                         /* its path */
    char *kept_model;                            /* owned */
    char kept_fingerprint[CEN_FINGERPRINT_SIZE]; /* "": not known */
    progress line;
} knn;

extern const char *const knn_weights[]; /* the names of --weights */

/* Features with what they are called after; labels[i] is rows[i].label. */
typedef struct knn_set {
    const char *name; /* as on the command line */
    cen_feature_set f;
    int32_t *labels;
    cen_folder *folder;   /* of pictures, or NULL */
    size_t *images;       /* [f.n] places among the images of the folder, or NULL */
    const char **names;   /* f.class_names of knn_match_classes, or NULL */
    float *probabilities; /* [f.n, classes of the model] of its head, or NULL */
    bool is_copy;         /* of rows of another set, whose names it borrows */
    size_t n_unlabelled;  /* rows that knn_set_drop_unlabelled left out */
} knn_set;

/* Each prints its sentence and returns its exit code, 0 if all went well. */
int knn_eval(knn *s, char *const *paths, size_t n_paths);
int knn_classify(knn *s, char *const *paths, size_t n_paths);
int knn_enroll(knn *s, char *const *paths, size_t n_paths);
int knn_audit(knn *s, char *const *paths, size_t n_paths);
int knn_cluster(knn *s, char *const *paths, size_t n_paths);
int knn_sync(knn *s, char *const *paths, size_t n_paths);
int knn_add(knn *s, char *const *paths, size_t n_paths);
int knn_remove(knn *s, char *const *paths, size_t n_paths);
int knn_rename(knn *s, char *const *paths, size_t n_paths);
int knn_list(knn *s, char *const *paths, size_t n_paths);
int knn_info(knn *s, char *const *paths, size_t n_paths);
int knn_calibrate_gallery(knn *s, char *const *paths, size_t n_paths);

/* The metric of --metric, else that of the .gallery, else what cl_train chose for the run, else l2. */
cen_metric knn_metric(const knn *s);

/* Learns what cl_train chose, from the model of the first run among paths, else of --model. One that cannot be read says
 * nothing: where it is needed for more, it is read again. */
void knn_learn_metric(knn *s, char *const *paths, size_t n_paths);

/* Of x[d] and y[d]: the Euclidean distance, or 1 - cosine. */
double knn_distance(cen_metric metric, size_t d, const float *x, const double *y);

/* Loads the model for pictures: that of --model, else `run` if it is a run folder (or NULL), else the one that the
 * .gallery names, whose fingerprint must then be right. */
int knn_need_model(knn *s, const char *pictures, const char *run);

/* Fails if the model is not the one that made the features of the .gallery. */
int knn_check_model(const knn *s);

/* Reads a run folder, a .npy, a .csv, a .gallery without its negatives, or pictures, for which the model is that of
 * knn_need_model. On failure nothing is left to free. */
int knn_set_load(knn *s, char *const *paths, size_t n_paths, const char *run, knn_set *set);
void knn_set_free(knn_set *set);

/* Reads a gallery, which has at least one row, without those of a test folder without classes; _load keeps
 * those of --gallery-split, each with a class. */
int knn_gallery_read(knn *s, char *path, knn_set *set);
int knn_gallery_load(knn *s, char *path, knn_set *set);

/* Keeps the rows of one split. Nothing left is an error that names the splits there are. */
int knn_set_keep_split(const knn *s, knn_set *set, const char *split);

/* Copies the rows of one split, in their order. */
int knn_set_copy_split(const knn *s, const knn_set *set, const char *split, knn_set *copy);
void knn_set_move_row(knn_set *set, size_t from, size_t to);
bool knn_set_has_split(const knn_set *set, const char *split);

/* Leaves out the rows of a test folder without classes, and says so. */
void knn_set_drop_unlabelled(const knn *s, knn_set *set);

/* Fails if a row has no class. */
int knn_set_need_classes(const knn *s, const knn_set *set);

/* Labels of `set` become places in a list that begins with the gallery's classes, which must outlive
 * it. */
int knn_match_classes(const knn *s, const knn_set *gallery, knn_set *set);

/* How many rows of `set` are in the gallery, too: by their path, or by exactly the same feature. False without
 * memory. */
bool knn_count_copies(const knn_set *gallery, const knn_set *set, size_t *n);

/* Fails if the two do not hold vectors of one size. */
int knn_same_size(const knn *s, const char *gallery, size_t d, const knn_set *other);

/* The row of features as a caller may print it: its path, or "row N" in text[32]. */
const char *knn_row_name(const knn_set *set, size_t row, char *text);

cen_labelled knn_labelled(const knn_set *set);

/* A picture that would poison its class, and why. */
typedef struct knn_doubt {
    size_t picture; /* row of the set */
    char reason[400];
} knn_doubt;

typedef struct knn_doubts {
    knn_doubt *list; /* [n], at most one for each picture, in their order */
    size_t n, capacity;
} knn_doubts;

/* Before a gallery is saved, whose last n rows are the pictures added[n] of a set: lists those that are tiny, dark,
 * without contrast or blurred, near a negative, far from the others of their class, or nearer to another class. With
 * --strict such a picture is an error, and all are printed. *doubts is empty; free it in any case. */
int knn_check_pictures(const knn *s, const cen_gallery *gallery, const knn_set *pictures,
                       const size_t *added, size_t n, knn_doubts *doubts);
/* A line for each on the error stream, when the others are added. */
void knn_print_doubts(const knn *s, const knn_set *pictures, const knn_doubts *doubts);
void knn_json_doubts(const knn_set *pictures, const knn_doubts *doubts); /* "doubtful": [...] */
void knn_doubts_free(knn_doubts *doubts);

/* k as asked for, held against the rows of a gallery; 0 after a printed error. */
size_t knn_choose_k(const knn *s, const char *gallery, size_t n_rows, bool leave_one_out);

/* Calibrates a gallery in memory on --strangers, or on its own classes. */
int knn_calibrate(knn *s, const char *path, cen_gallery *gallery, double far_share);
/* is_claim: the threshold of claims to be one name. _share is what follows the word threshold. */
void knn_print_threshold(const knn *s, FILE *file, const cen_threshold *threshold, bool is_claim);
void knn_print_share(FILE *file, const cen_threshold *threshold, bool is_claim,
                     const char *strangers);

/* "name": value, with null if value is no number. */
void knn_json_number(const char *name, double value);
/* "skipped": [...], "damaged": [...], "remarks": [...] of the pictures in two sets; one may be NULL or no pictures. */
void knn_json_notes(const knn_set *a, const knn_set *b);
void knn_json_threshold(const cen_threshold *threshold);

/* A run folder, or a name that ends in .gallery, .npy or .csv. */
bool knn_is_features(const char *path);
bool knn_ends_in(const char *text, const char *ending);

#endif
