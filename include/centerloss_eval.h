/* Looks into datasets, models and trainings, measures and audits features, stores them in files, and
 * draws the page of a run. The rules are those of centerloss.h; the defaults stand at the end. */
#ifndef CENTERLOSS_EVAL_H
#define CENTERLOSS_EVAL_H

#include <centerloss.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- parts of images, datasets and training ---------------------------------------------------- */

/* Its threads, including the caller; 1 for NULL. */
CEN_API int cen_context_threads(const cen_context *context);

/* Only the header: width and height (after orientation) and channels. pixels stays NULL. */
CEN_API cen_status cen_image_read_size(cen_context *context, const char *path, cen_image *image,
                                       cen_error *error);

/* Antialiased bilinear, as Pillow's resize(..., BILINEAR). CROP is torchvision's Resize +
 * CenterCrop: scale by max(H / height, W / width), round the other side down, and round half of
 * what is over to even. Colours are weighted by alpha. The caller frees *resized. */
CEN_API cen_status cen_image_resize(cen_context *context, const cen_image *image, size_t height,
                                    size_t width, cen_resize mode, cen_image *resized,
                                    cen_error *error);

/* How much there is to be seen in a picture, by its grey values g from 0 to 1 (0.299 R + 0.587 G +
 * 0.114 B). Measure it at the size that a net sees: what a picture loses to a resize does not count. */
typedef struct cen_quality {
    double
        sharpness; /* mean square of the Laplacian g(x - 1) + g(x + 1) + g(y - 1) + g(y + 1) - 4 g
                         over the mean square of the gradient (differences to the next pixel): about
                         1 to 3 in a sharp picture, below 0.3 in a blurred one, at any contrast. 0
                         without an edge, or with a side below 3 */
    double brightness, contrast; /* mean of g, and its standard deviation */
} cen_quality;

CEN_API void cen_image_quality(const cen_image *image, cen_quality *quality);

/* Writes 1 to 4 channels as PNG, without waiting for the disk. Errors: IO. */
CEN_API cen_status cen_image_write_png(cen_context *context, const cen_image *image,
                                       const char *path, cen_error *error);

/* The rows of a training epoch: order[*n], with room for dataset->n + n_classes * per_class.
 * n_classes 0: each training row once, shuffled by (seed, epoch). Else batches of n_classes classes
 * with per_class rows each, both in shuffled rounds, so rows of small classes come several times.
 * 1, 1: single rows, all classes equally often. */
CEN_API cen_status cen_dataset_order(cen_context *context, const cen_dataset *dataset,
                                     size_t n_classes, size_t per_class, uint64_t seed,
                                     size_t epoch, size_t *order, size_t *n, cen_error *error);

/* mean[channels] and std[channels] of the training rows' raw values, for cen_input. A channel
 * without spread gets std 1. Errors: NOT_FINITE, what dataset->read gave for all rows. */
CEN_API cen_status cen_dataset_measure(cen_context *context, const cen_dataset *dataset,
                                       float *mean, float *std, cen_error *error);

/* A named net. A size of 0 is measured on the images. */
typedef struct cen_preset {
    const char *name, *net;
    size_t channels, height, width;
} cen_preset;

/* All presets; the first is the default. */
CEN_API const cen_preset *cen_presets(size_t *n);

/* All parameters in one buffer: body, head, centers. Borrowed and writable. NULL: no memory for a
 * copy of numbers that were in place. */
CEN_API float *cen_model_parameters(cen_model *model, size_t *n);

/* The i-th named tensor, a view: the parameters in their order, then the running statistics. False
 * after the last one, and if there is no memory for a copy. */
CEN_API bool cen_model_tensor(cen_model *model, size_t i, const char **name, cen_tensor *view);

/* The gradient, laid out as cen_model_parameters. You may change it between backward and update;
 * changes are not checked. In mode ADAM the update reads only the centers of classes in the batch,
 * in mode MEAN none. *n is 0 if the model got other classes. */
CEN_API float *cen_trainer_gradient(cen_trainer *trainer, size_t *n);

/* Only the forward pass; exchanges nothing. features[n, D] may be NULL. Errors: NOT_FINITE (a loss;
 * *losses and features are filled). */
CEN_API cen_status cen_trainer_evaluate(cen_trainer *trainer, const float *x, const int32_t *labels,
                                        size_t n, cen_losses *losses, float *features,
                                        cen_error *error);

/* ---- k-nearest neighbours ------------------------------------------------------------------ */

/* The k nearest of gallery[n_gallery, d] for each of queries[n_queries, d], exact, nearest first,
 * ties by the lower index: indices and distances [n_queries, k], either may be NULL. leave_one_out:
 * queries are the gallery, and a row is not its own neighbour. Rows must be finite. */
CEN_API cen_status cen_knn_search(cen_context *context, const float *gallery, size_t n_gallery,
                                  const float *queries, size_t n_queries, size_t d, size_t k,
                                  cen_metric metric, bool leave_one_out, size_t *indices,
                                  float *distances, cen_error *error);

typedef struct cen_knn_options {
    size_t size;
    cen_metric metric;    /* (L2) */
    size_t k;             /* (5) */
    cen_weights weights;  /* (UNIFORM) */
    bool leave_one_out;   /* (false) */
    double most_distance; /* only neighbours at most this far vote (infinity) */
} cen_knn_options;

/* predicted[queries->n]: the label with the most weight among the k nearest within most_distance;
 * -1, unknown, if there is none. A tie goes to the smallest label, as in scikit-learn. indices and
 * distances as in cen_knn_search. queries->labels is not read. */
CEN_API cen_status cen_knn_classify(cen_context *context, const cen_labelled *gallery,
                                    const cen_labelled *queries, size_t d,
                                    const cen_knn_options *options, int32_t *predicted,
                                    size_t *indices, float *distances, cen_error *error);

/* ---- measures of features -------------------------------------------------------------------- */

/* Retrieval: Musgrave, Belongie and Lim, A Metric Learning Reality Check, 2020. R is the number of
 * gallery rows of a query's class, without itself. A query with R = 0 is lone: k-NN counts it as
 * wrong, and the other three leave it out. A query with label -1 has neighbours and counts nowhere.
 * Neighbours are ordered by distance, then by row. */
typedef struct cen_retrieval {
    size_t n_queries, n_lone;
    double knn_accuracy;
    double precision_at_1; /* share of queries whose nearest has their label */
    double r_precision;    /* mean share of the R nearest that have their label */
    double map_at_r;       /* mean of 1/R sum_{i <= R} precision@i if the i-th has it, else 0 */
    double knn_macro;      /* mean over the queries' classes of the accuracy within the class */
    double knn_interval[2], at_1_interval[2]; /* 95 % intervals of knn_accuracy and precision_at_1
                                                 for queries drawn one by one: Wilson 1927 */
} cen_retrieval;

/* Distances of pairs of rows with the same label (genuine) and with two labels (impostor),
 * ascending. */
typedef struct cen_pairs {
    float *genuine, *impostor;
    size_t n_genuine, n_impostor;
    bool is_sample; /* there are more pairs than asked for: these are drawn by seed, at most half of
                       them genuine unless there are too few impostors */
} cen_pairs;

/* All pairs of a row of a with a row of b, at most `most`; b NULL: all pairs within a, each once.
 * ARGUMENT also without a genuine or an impostor pair. */
CEN_API cen_status cen_pairs_create(cen_context *context, cen_pairs *pairs, const cen_labelled *a,
                                    const cen_labelled *b, size_t d, cen_metric metric, size_t most,
                                    uint64_t seed, cen_error *error);
CEN_API void cen_pairs_free(cen_pairs *pairs);

/* The ROC has one point per distance: FAR and TAR of the pairs at most that far. */
typedef struct cen_verification {
    size_t n_genuine, n_impostor;
    bool is_sample;
    double auc;                /* area under the ROC, linear between its points */
    double eer, eer_threshold; /* the point with FAR = 1 - TAR, both interpolated linearly */
    double tar[3];             /* the highest TAR at FAR <= 1e-1, 1e-2, 1e-3 */
} cen_verification;

CEN_API void cen_pairs_verify(const cen_pairs *pairs, cen_verification *verification);

/* Episodes: n_ways classes are drawn by seed, with n_shots rows of each as support and up to
 * n_queries others as queries. A query gets the class with the nearest mean of its support. */
typedef struct cen_episode_options {
    size_t size;
    size_t n_ways, n_shots, n_queries, n_episodes; /* (20, 1, 15, 600) */
    uint64_t seed;                                 /* (1) */
    cen_metric metric;                             /* (L2) */
    const int32_t
        *groups; /* [highest label + 1] of each class: the classes of an episode are of one
                              group, drawn from those with n_ways of them. (NULL): of any */
} cen_episode_options;

typedef struct cen_episodes {
    size_t n_ways, n_shots, n_episodes; /* n_episodes 0: not measured */
    double accuracy, interval;          /* mean, and +- 1.96 standard errors of it */
} cen_episodes;

/* ARGUMENT also if fewer than n_ways classes have more than n_shots rows. */
CEN_API cen_status cen_episodes_measure(cen_context *context, const cen_labelled *set, size_t d,
                                        const cen_episode_options *options, cen_episodes *measured,
                                        cen_error *error);

/* How often rows of one class were taken for another. */
typedef struct cen_confusion {
    int32_t label, predicted; /* predicted -1: unknown, with a finite most_distance */
    size_t count;
} cen_confusion;

/* All that is measured of one set against a gallery, or of one set by leave-one-out. */
typedef struct cen_measures {
    cen_retrieval retrieval;
    cen_pairs pairs; /* empty if there are none of a kind */
    cen_verification verification;
    cen_episodes few_shot[2];  /* 1 shot and 5 shots, among the queries; ways: 20, or all classes */
    double intra_inter;        /* as cen_intra_inter; NAN without a meaning */
    size_t n_queries, k;       /* rows below; k is less than asked for in a small gallery */
    int32_t *predicted;        /* [n_queries] */
    size_t *neighbours;        /* [n_queries, k], rows of the gallery, nearest first */
    float *distances;          /* [n_queries, k] */
    cen_confusion *confusions; /* most frequent first, then by label, then by predicted */
    size_t n_confusions;
} cen_measures;

typedef struct cen_measure_options {
    size_t size;
    const cen_knn_options *knn; /* (NULL): its defaults; leave_one_out: queries are the gallery */
    size_t most_pairs;          /* (20,000,000): 80 MB */
    size_t n_episodes;          /* (600); 0: none */
    uint64_t seed;              /* (1) */
    const int32_t *groups;      /* (NULL) of episodes, as in cen_episode_options */
} cen_measure_options;

/* Verification pairs are those between queries and gallery, or within the set by leave-one-out. If
 * a set is too small for pairs or episodes, these stay NAN or empty, and that is no error. Gallery
 * labels must not be negative. */
CEN_API cen_status cen_measures_create(cen_context *context, cen_measures *measures,
                                       const cen_labelled *gallery, const cen_labelled *queries,
                                       size_t d, const cen_measure_options *options,
                                       cen_error *error);
CEN_API void cen_measures_free(cen_measures *measures);

/* Calibrates on strangers: rows of classes that are not in the gallery. strangers NULL: each class
 * of the gallery plays the stranger to the others, with at most 2^14 rows (or 100 / false_accepts,
 * if that is more), drawn equally from the classes and always the same. ARGUMENT also for
 * false_accepts outside of (0, 1), too few pictures (says how many are needed), only one class,
 * strangers at distance 0. */
CEN_API cen_status cen_threshold_calibrate(cen_context *context, const cen_labelled *gallery,
                                           const cen_labelled *strangers, size_t d,
                                           cen_metric metric, double false_accepts,
                                           cen_threshold *threshold, cen_error *error);

/* Principal components of features[n, d]: components[n_components, d], orthonormal, largest
 * variance first; the largest number of each by size is positive. variances[n_components] (n - 1 in
 * the denominator) may be NULL. */
CEN_API cen_status cen_pca(cen_context *context, const float *features, size_t n, size_t d,
                           size_t n_components, float *mean, float *components, double *variances,
                           cen_error *error);

/* projected[n, n_components] = (features - mean) components^T */
CEN_API void cen_pca_project(const float *features, size_t n, size_t d, const float *mean,
                             const float *components, size_t n_components, float *projected);

/* Compactness: the root mean square distance of a query to the mean of its class in the gallery,
 * divided by the root mean square distance between two such means. Both may be the same set. Labels
 * are in 0 .. n_classes - 1. A query without its class in the gallery does not count. NAN if no
 * query counts or the gallery has fewer than two classes. */
CEN_API cen_status cen_intra_inter(cen_context *context, const cen_labelled *queries,
                                   const cen_labelled *gallery, size_t d, size_t n_classes,
                                   double *ratio, cen_error *error);

/* ---- clusters -------------------------------------------------------------------------------- */

typedef struct cen_cluster_options {
    size_t size;
    cen_metric metric; /* (L2) */
    double threshold;  /* (0) of distances in this metric; 0: only equal rows */
} cen_cluster_options;

/* Groups features[n, d] without labels: average linkage, exact (UPGMA, Sokal and Michener 1958). The
 * two nearest groups become one as long as the mean distance of their rows is at most the threshold:
 * for L2 the root of the mean square, for COSINE the mean. labels[n] are 0 .. *n_clusters - 1, the
 * largest group first, ties by their first row. The order of the rows changes only the numbers of
 * groups, and the choice among equal distances. Takes about twice the memory of the features, and
 * two to four times as long as a search for the 16 nearest of all rows. ARGUMENT also for a row that
 * is not finite and for more than 2^31 - 1 rows. */
CEN_API cen_status cen_cluster(cen_context *context, const float *features, size_t n, size_t d,
                               const cen_cluster_options *options, int32_t *labels,
                               size_t *n_clusters, cen_error *error);

/* A threshold for classes that no training has seen: the share false_accepts of the pairs of a row of
 * `set` with a row of `others` are at most that far apart. Others are of known classes, such as the
 * training set. Pairs with the same label do not count; the label -1 differs from all. Of more than
 * 2^22 pairs as many are drawn, always the same. ARGUMENT also for false_accepts outside of (0, 1)
 * and fewer than 1 / false_accepts pairs. */
CEN_API cen_status cen_cluster_calibrate(cen_context *context, const cen_labelled *set,
                                         const cen_labelled *others, size_t d, cen_metric metric,
                                         double false_accepts, double *threshold, cen_error *error);

/* Clusters against labels. Pairs: of the pairs of rows in one cluster, the share with one label
 * (precision), and the reverse (recall). BCubed (Bagga and Baldwin 1998): the means over the rows of
 * both shares among the row's cluster and its label, itself included. f: the harmonic mean. NAN
 * without any pair or row. */
typedef struct cen_cluster_scores {
    double pair_precision, pair_recall, pair_f, bcubed_precision, bcubed_recall, bcubed_f;
    size_t n; /* rows with a label; others, with a negative one, do not count */
} cen_cluster_scores;

CEN_API cen_status cen_cluster_score(cen_context *context, const int32_t *labels,
                                     const int32_t *clusters, size_t n, cen_cluster_scores *scores,
                                     cen_error *error);

/* ---- files ------------------------------------------------------------------------------------
 */

/* Tests that path can be written, and leaves nothing there. Errors: IO. */
CEN_API cen_status cen_path_check_writable(cen_context *context, const char *path,
                                           cen_error *error);

/* Removes the temporary files that killed processes left in a folder. */
CEN_API void cen_clear_temporary(cen_context *context, const char *folder);

/* Writes a file in one step: a reader sees the old file or the new one, whole, also after a power
 * cut. All functions that write a file do this. Owner and mode of the old file stay, a link is
 * followed, a device, pipe or FIFO is written to directly, and "-" is standard output. Errors: IO.
 */
CEN_API cen_status cen_file_write(cen_context *context, const char *path, const void *bytes,
                                  size_t size, cen_error *error);

/* All of a regular file of at most `most` bytes, with a NUL after them. Errors: IO, LIMIT. */
CEN_API cen_status cen_text_read(cen_context *context, const char *path, size_t most, char **text,
                                 size_t *size, cen_error *error);
CEN_API void cen_text_free(char *text);

/* digests[n]: BLAKE2b of the bytes of each file, as b2sum -l 128 prints it; for cen_gallery_row. A
 * file that cannot be read gets zeros, and the error is that of the first. Errors: IO. */
CEN_API cen_status cen_file_digests(cen_context *context, const char *const *paths, size_t n,
                                    uint8_t (*digests)[CEN_DIGEST_SIZE], cen_error *error);

/* A lock between processes: the file at path is made, held, and removed on release. It ends with
 * its process. `waits`: until it is free; else a lock that is held, also by this process, gives
 * ARGUMENT. Errors: IO. */
typedef struct cen_lock cen_lock;
CEN_API cen_status cen_lock_take(cen_context *context, cen_lock **lock, const char *path,
                                 bool waits, cen_error *error);
CEN_API void cen_lock_release(cen_lock *lock);

/* Unpacks an IDX pair (MNIST's format, .gz or not) into folder/class/NNNNN.png. class_names may be
 * NULL ("0", "1", ...); at most `most` images per class, 0: all. ARGUMENT also for too few names,
 * or one that cannot be a folder's. Errors: IO, FORMAT, LIMIT. */
CEN_API cen_status cen_idx_unpack(cen_context *context, const char *images, const char *labels,
                                  const char *const *class_names, size_t n_class_names, size_t most,
                                  const char *folder, cen_error *error);

/* ---- feature files ------------------------------------------------------------------------- */

typedef enum cen_features_format {
    CEN_FEATURES_NPY,   /* PATH (.npy, float32) and a .tsv: row path label class split digest. Names
                           have \t \n \r \\ for these four characters, and \xNN for the bytes of other
                           control characters and of what is not UTF-8. The digest ties a name to its
                           feature: 64-bit FNV-1a, in hexadecimal, of the row as little-endian float32
                         */
    CEN_FEATURES_CSV,   /* one line per row: path, label, class, split, f0 ... A name that a
                           spreadsheet   takes for a formula begins with '. One with control characters
                           or bytes that   are not UTF-8 begins with '\ and has the escapes of a .tsv */
    CEN_FEATURES_FVECS, /* int32 d, then d float32, for each row; with rows also PATH.tsv */
    CEN_FEATURES_PROJECTOR, /* TensorBoard: PATH (.tsv) of numbers and PATH with .metadata.tsv */
    CEN_FEATURES_FAISS      /* IndexFlatL2, for faiss.read_index; with rows also PATH.tsv */
} cen_features_format;

typedef struct cen_feature_row {
    const char *path;
    int32_t label;          /* -1: none */
    const char *class_name; /* NULL: none */
    const char *split;      /* NULL: none */
} cen_feature_row;

/* Writes features[n, d]. rows may be NULL for FVECS and FAISS. Readers find the old pair or the new one,
 * whole, also if this process is killed; writers of one path take turns. A pair cannot go to a
 * device or a pipe. Errors: NOT_FINITE (such a row could not be read again), IO. */
CEN_API cen_status cen_features_write(cen_context *context, const char *path,
                                      cen_features_format format, const float *features, size_t n,
                                      size_t d, const cen_feature_row *rows, cen_error *error);

/* To read features, change them and write them back without losing what another process writes
 * meanwhile: wait for the lock of the path, write with cen_features_replace (cen_features_write
 * takes the lock itself), and call cen_lock_release. *lock is NULL for a device or a pipe. Errors:
 * as cen_features_write. */
CEN_API cen_status cen_features_lock(cen_context *context, cen_lock **lock, const char *path,
                                     cen_error *error);
CEN_API cen_status cen_features_replace(cen_context *context, const char *path,
                                        cen_features_format format, const float *features, size_t n,
                                        size_t d, const cen_feature_row *rows, cen_error *error);

/* Scales each row of features[n, d] to length 1; rows of zeros stay. */
CEN_API void cen_features_normalize(float *features, size_t n, size_t d);

/* Features read from a file, with a row for each. */
typedef struct cen_feature_set {
    size_t n, d;
    float *features;       /* [n, d] */
    cen_feature_row *rows; /* [n]; path "" if the file has none */
    size_t n_classes;
    const char *const *class_names; /* bytewise until relabelled; labels are places in it */
    void *owned;                    /* what rows and names point into */
} cen_feature_set;

/* Reads a .npy with its .tsv (needed for labels), a .csv as cen_features_write makes it, the
 * features.npy of a run folder, or the rows of a .gallery that are no negatives. A .npy has 2 dimensions of float32 or float64, in either byte
 * order, in C or Fortran order. A class without a name is named by its number. Classes are
 * renumbered from 0 in the order of their names. A size beyond the machine's memory is refused
 * before memory is taken. Errors: IO, FORMAT (with the place: a row that is not finite, a file cut
 * short, two files of different exports), UNSUPPORTED, LIMIT. */
CEN_API cen_status cen_features_read(cen_context *context, const char *path, cen_feature_set *set,
                                     cen_error *error);
CEN_API void cen_features_free(cen_feature_set *set);

/* What looks wrong in a set of features. */
typedef enum cen_finding_kind {
    CEN_FINDING_MISPLACED, /* much nearer to the mean of another class than to that of its own */
    CEN_FINDING_DUPLICATE, /* (almost) the same feature as another row, in the same split */
    CEN_FINDING_LEAK       /* the same, in another split */
} cen_finding_kind;

typedef struct cen_finding {
    cen_finding_kind kind;
    size_t row, other;    /* other: the duplicate's row (row < other) */
    int32_t label;        /* MISPLACED: the class that is nearer */
    double distance, own; /* MISPLACED: to that mean and to its own; else between the two, 0 */
} cen_finding;

/* Findings by kind, then the strongest first; free them with cen_audit_free. MISPLACED: the own
 * mean, without the row itself, is more than `ratio` (try 1.5) times as far as the other. 0 lists
 * all rows whose class has another one. */
CEN_API cen_status cen_audit(cen_context *context, const cen_feature_set *set, cen_metric metric,
                             double ratio, cen_finding **findings, size_t *n_findings,
                             cen_error *error);
CEN_API void cen_audit_free(cen_finding *findings);

/* ---- exports ------------------------------------------------------------------------------- */

typedef struct cen_onnx_options {
    size_t size;
    bool unit_length; /* (false) features are scaled to length 1 */
} cen_onnx_options;

/* A model as ONNX (operators of version 13): "image", bytes [n, height, width, channels] of the
 * input's size, becomes "feature" [n, D]; normalisation and the mirror image are inside. Inputs of
 * other than 1 or 3 channels are raw "values" [n, channels, height, width] in float. Constants
 * have the names of the model file, nodes those of a layer's place and word (body.0.conv). The
 * metadata test_image and test_feature are a picture in hexadecimal and the feature that it must
 * have. Numbers that were in place are copied. Errors: LIMIT, IO. */
CEN_API cen_status cen_onnx_write(cen_context *context, cen_model *model, const char *path,
                                  const cen_onnx_options *options, cen_error *error);

/* What bytes cost, on the pictures that calibrated them. */
typedef struct cen_c_quality {
    size_t n;             /* pictures */
    double cosine;        /* median, of a feature before and after */
    double before, after; /* share of features whose nearest other one is of their class; NAN
                              without labels */
} cen_c_quality;

typedef struct cen_c_options {
    size_t size;
    bool unit_length; /* (false) features are scaled to length 1 */
    size_t bits; /* (32) of a weight: 32, 16, or 8, with which layers compute in whole numbers */
    const cen_dataset *pictures; /* of the input's size: they calibrate 8 bits. (NULL): none */
    cen_c_quality *quality;      /* filled with 8 bits. (NULL): not asked for */
} cen_c_options;

/* A model as one C99 file that needs no library, NAME.c, for pictures of 1 or 3 channels:
 *     void NAME_feature(const uint8_t *pixels, float *feature, float *work)
 * pixels are bytes [height, width, channels] of the input's size; normalisation and the mirror
 * image are inside. With 32 bits the feature has the bits of the instruction set "baseline"; with 8
 * a median cosine under 0.99 is an error. The file says how many numbers of work it needs, and with
 * -DNAME_CHECK it has a test picture and a check. Errors: ARGUMENT (NAME is no name in C, other
 * bits, 8 without pictures or with a cosine under 0.99), LIMIT, NOT_FINITE, UNSUPPORTED, IO. */
CEN_API cen_status cen_c_write(cen_context *context, cen_model *model, const char *path,
                               const cen_c_options *options, cen_error *error);

/* ---- a page to look at ------------------------------------------------------------------------
 */

/* One set on the page: validation images, or classes that were held out. */
typedef struct cen_report_set {
    const char *name;
    const cen_measures *measures;
    const cen_feature_row *queries, *gallery; /* [measures->n_queries], and of its neighbours */
    const char *note;                         /* what the set is, in a sentence; may be NULL */
    const int32_t *head; /* [n_queries], the labels that the head gives; NULL: no head */
} cen_report_set;

/* Points in the plane after one epoch. */
typedef struct cen_report_frame {
    size_t epoch, n, n_centers;
    const float *points;   /* [n, 2] */
    const float *centers;  /* [n_centers, 2] */
    const int32_t *labels; /* [n]; center j is that of label j */
} cen_report_frame;

typedef struct cen_report {
    size_t size;                 /* cen_report_init */
    const char *title, *command; /* the command line as it can be typed again */
    const char *const *facts;    /* [n_facts, 2]: name, value */
    size_t n_facts;
    const char *const *class_names; /* [n_classes], of all labels in frames and sets; others are
                                       shown as numbers */
    size_t n_classes;
    const cen_epoch_report *epochs;
    size_t n_epochs;
    const cen_report_frame *frames; /* one per epoch, or of some epochs; the page opens at that of
                                       the best epoch, else at the last */
    size_t n_frames;
    const cen_report_set *sets;
    size_t n_sets;
    const cen_file_note *skipped;
    size_t n_skipped;
    uint64_t seed; /* of the queries on the contact sheet */
    /* The page opens files at the paths of rows. If these come from a stranger's file, name the
     * folders and files that may be opened (links are resolved on both sides); others are shown as
     * missing. n_pictures 0: every path is opened. */
    const char *const *pictures;
    size_t n_pictures;
    const char *plane; /* what the axes of the frames are; may be NULL */
    const char *const
        *point_paths; /* pictures of the points, the same [n] in each frame; or NULL */
} cen_report;

/* One HTML file that needs no network, and can be read without scripts. Errors: IO. */
CEN_API cen_status cen_report_write_html(cen_context *context, const cen_report *report,
                                         const char *path, cen_error *error);

/* The same figures as JSON. */
CEN_API cen_status cen_report_write_json(cen_context *context, const cen_report *report,
                                         const char *path, cen_error *error);

/* The same plots as single files FOLDER/NAME.svg; makes the folder. */
CEN_API cen_status cen_report_write_svg(cen_context *context, const cen_report *report,
                                        const char *folder, cen_error *error);

/* One page for several runs of cl_train: their results, what differs between them, and their curves in
 * one plot each. runs: 1 to 16 folders with a report.json, or with a log.csv if the run has not ended.
 * Errors: ARGUMENT (too many runs), IO, FORMAT (a file that is none of a run), LIMIT. */
CEN_API cen_status cen_report_compare(cen_context *context, const char *const *runs, size_t n_runs,
                                      const char *path, cen_error *error);

/* ---- defaults ------------------------------------------------------------------------------ */

static inline cen_knn_options cen_knn_options_init(void)
{
    cen_knn_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.k = 5;
    options.most_distance = HUGE_VAL;
    return options;
}

static inline cen_episode_options cen_episode_options_init(void)
{
    cen_episode_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.n_ways = 20;
    options.n_shots = 1;
    options.n_queries = 15;
    options.n_episodes = 600;
    options.seed = 1;
    return options;
}

static inline cen_measure_options cen_measure_options_init(void)
{
    cen_measure_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.most_pairs = 20000000;
    options.n_episodes = 600;
    options.seed = 1;
    return options;
}

static inline cen_cluster_options cen_cluster_options_init(void)
{
    cen_cluster_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

static inline cen_onnx_options cen_onnx_options_init(void)
{
    cen_onnx_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

static inline cen_c_options cen_c_options_init(void)
{
    cen_c_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.bits = 32;
    return options;
}

static inline cen_report cen_report_init(void)
{
    cen_report report;
    memset(&report, 0, sizeof report);
    report.size = sizeof report;
    return report;
}

#ifdef __cplusplus
}
#endif

#endif
