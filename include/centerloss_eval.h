/* What is done with features: how good they are, what is wrong with them, files of them, and a page to look at. The
 * rules are those of centerloss.h. */
#ifndef CENTERLOSS_EVAL_H
#define CENTERLOSS_EVAL_H

#include <centerloss.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- measures of features -------------------------------------------------------------------- */

/* Retrieval: Musgrave, Belongie and Lim, A Metric Learning Reality Check, 2020. R of a query is the
 * number of gallery rows of its class (itself left out). A query with R = 0 is lone: k-NN counts it
 * as wrong, the other three leave it out. A query with label -1 is none: it has neighbours, and counts
 * nowhere. Neighbours are ordered by distance, then by row. */
typedef struct cen_retrieval {
    size_t n_queries, n_lone;
    double knn_accuracy;
    double precision_at_1; /* share of queries whose nearest has their label */
    double r_precision;    /* mean share of the R nearest that have their label */
    double map_at_r;       /* mean of 1/R sum_{i <= R} precision@i where the i-th has it, else 0 */
    double knn_macro;      /* mean over the queries' classes of the accuracy within the class */
    double knn_interval[2],
        at_1_interval[2]; /* 95 % intervals of knn_accuracy and precision_at_1 for
                                                 queries drawn one by one: Wilson 1927 */
} cen_retrieval;

/* Distances of pairs of rows with one label (genuine) and with two (impostor), ascending. */
typedef struct cen_pairs {
    float *genuine, *impostor;
    size_t n_genuine, n_impostor;
    bool is_sample; /* more pairs than asked for: drawn by seed, at most half of them genuine unless
                       there are too few impostors */
} cen_pairs;

/* All pairs of a row of a with one of b; b NULL: all pairs within a, each once. At most `most`.
 * Errors: ARGUMENT (no genuine or no impostor pair, a row that is not finite), MEMORY. */
CEN_API cen_status cen_pairs_create(cen_context *context, cen_pairs *pairs, const cen_labelled *a,
                                    const cen_labelled *b, size_t d, cen_metric metric, size_t most,
                                    uint64_t seed, cen_error *error);
CEN_API void cen_pairs_free(cen_pairs *pairs);

/* Shares of impostor and genuine pairs at a distance of at most threshold: FAR and TAR. */
CEN_API void cen_pairs_rates(const cen_pairs *pairs, double threshold, double *false_accepts,
                             double *true_accepts);

/* The ROC has a point for each distance that occurs: FAR and TAR of the pairs at most that far. */
typedef struct cen_verification {
    size_t n_genuine, n_impostor;
    bool is_sample;
    double auc;                /* under the ROC, points joined by straight lines */
    double eer, eer_threshold; /* where that line meets FAR = 1 - TAR, the threshold in line too */
    double tar[3];             /* the highest TAR at FAR <= 1e-1, 1e-2, 1e-3 */
} cen_verification;

CEN_API void cen_pairs_verify(const cen_pairs *pairs, cen_verification *verification);

/* Episodes: n_ways classes are drawn by seed, of each n_shots rows as support and up to n_queries
 * others; a query gets the class whose mean of support is nearest. */
typedef struct cen_episode_options {
    size_t size; /* see above */
    size_t n_ways, n_shots, n_queries, n_episodes;
    uint64_t seed;
    cen_metric metric;
} cen_episode_options;

/* 20 ways, 1 shot, 15 queries, 600 episodes, seed 1, L2. */
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

typedef struct cen_episodes {
    size_t n_ways, n_shots, n_episodes; /* n_episodes 0: not measured */
    double accuracy, interval;          /* mean, and +- 1.96 standard errors of it */
} cen_episodes;

/* Errors: ARGUMENT (fewer than n_ways classes with more than n_shots rows), MEMORY. */
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
    cen_pairs pairs; /* empty where there are none of a kind */
    cen_verification verification;
    cen_episodes few_shot[2];  /* 1 shot and 5 shots, among the queries; ways: 20, or all classes */
    double intra_inter;        /* as cen_intra_inter; NAN where it has no meaning */
    size_t n_queries, k;       /* rows below; k is less than asked for in a small gallery */
    int32_t *predicted;        /* [n_queries] */
    size_t *neighbours;        /* [n_queries, k], rows of the gallery, nearest first */
    float *distances;          /* [n_queries, k] */
    cen_confusion *confusions; /* most frequent first, then by label, then by predicted */
    size_t n_confusions;
} cen_measures;

typedef struct cen_measure_options {
    size_t size;                /* see above */
    const cen_knn_options *knn; /* NULL: the defaults; leave_one_out: queries must be the gallery */
    size_t most_pairs;          /* 20,000,000: 80 MB */
    size_t n_episodes;          /* 600; 0: none */
    uint64_t seed;
} cen_measure_options;

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

/* Verification pairs are those between queries and gallery, or within the set by leave-one-out. What
 * a set is too small for (pairs, episodes) stays NAN or empty and is no error. Errors: ARGUMENT (as
 * cen_knn_search, a negative label in the gallery), MEMORY. */
CEN_API cen_status cen_measures_create(cen_context *context, cen_measures *measures,
                                       const cen_labelled *gallery, const cen_labelled *queries,
                                       size_t d, const cen_measure_options *options,
                                       cen_error *error);
CEN_API void cen_measures_free(cen_measures *measures);

/* How near a picture must be to its nearest in the gallery to be no stranger. */
typedef struct cen_threshold {
    double distance;      /* known where the nearest is at most this far */
    double false_accepts; /* the share of strangers that it lets pass, as asked for */
    double low, high;     /* 95 % interval of that share for strangers to come: pictures of one
                                stranger are alike, so it counts strangers and not pictures alone */
    size_t n_pictures, n_strangers;
} cen_threshold;

/* Calibrates on strangers: rows of classes that are not in the gallery. Without any (strangers NULL)
 * each class of the gallery plays the stranger to the others; of more than 2^14 rows (or 100 / false_accepts, if that
 * is more) so many are drawn, equally from the classes and always the same. Errors: ARGUMENT (false_accepts outside of
 * (0, 1), too few pictures for it: says how many are needed, a row without a label or that is not
 * finite, one class alone without strangers, strangers at distance 0), MEMORY. */
CEN_API cen_status cen_threshold_calibrate(cen_context *context, const cen_labelled *gallery,
                                           const cen_labelled *strangers, size_t d,
                                           cen_metric metric, double false_accepts,
                                           cen_threshold *threshold, cen_error *error);

/* Principal components of features[n, d]: components[n_components, d], orthonormal, by falling
 * variance; each one's largest number by size is positive. variances[n_components] (n - 1 in the
 * denominator) may be NULL. Errors: ARGUMENT (n < 2, more components than d), MEMORY. */
CEN_API cen_status cen_pca(cen_context *context, const float *features, size_t n, size_t d,
                           size_t n_components, float *mean, float *components, double *variances,
                           cen_error *error);

/* projected[n, n_components] = (features - mean) components^T */
CEN_API void cen_pca_project(const float *features, size_t n, size_t d, const float *mean,
                             const float *components, size_t n_components, float *projected);

/* Compactness: the root mean square distance of a query to the mean of its class in the gallery,
 * over the root mean square distance between two such means. Both may be the same set. Labels are
 * in 0 .. n_classes - 1; a query without its class in the gallery does not count. NAN where no
 * query counts or the gallery has fewer than two classes. Errors: ARGUMENT (a label), MEMORY. */
CEN_API cen_status cen_intra_inter(cen_context *context, const cen_labelled *queries,
                                   const cen_labelled *gallery, size_t d, size_t n_classes,
                                   double *ratio, cen_error *error);

/* ---- files ------------------------------------------------------------------------------------ */

/* Whether path can be written, before there is something to write; nothing stays there. Errors: IO,
 * MEMORY. */
CEN_API cen_status cen_path_check_writable(cen_context *context, const char *path,
                                           cen_error *error);

/* Removes from a folder the temporary files of processes that were killed while they wrote there. */
CEN_API void cen_clear_temporary(cen_context *context, const char *folder);

/* Makes these bytes a file, in one step: a reader sees the old file or the new one, whole, also after a
 * power cut. So do all functions that write a file, and in all of them owner and mode of the old file stay, a
 * link leads to the file that is replaced, a device, pipe or FIFO is written to, and "-" is standard output.
 * Errors: IO, MEMORY. */
CEN_API cen_status cen_file_write(cen_context *context, const char *path, const void *bytes,
                                  size_t size, cen_error *error);

/* All of a regular file of at most `most` bytes, with a NUL after them. Errors: IO, LIMIT, MEMORY. */
CEN_API cen_status cen_text_read(cen_context *context, const char *path, size_t most, char **text,
                                 size_t *size, cen_error *error);
CEN_API void cen_text_free(char *text);

/* A lock that processes take in turn: the file at path is made, held, and removed on release. A process that
 * dies lets go of it. `waits`: until it is free; else a lock that another holds (also this process) is
 * an error. Errors: ARGUMENT (in use), IO, MEMORY. */
typedef struct cen_lock cen_lock;
CEN_API cen_status cen_lock_take(cen_context *context, cen_lock **lock, const char *path,
                                 bool waits, cen_error *error);
CEN_API void cen_lock_release(cen_lock *lock);

/* Unpacks an IDX pair (MNIST's format, .gz or not) into folder/class/NNNNN.png. class_names may be
 * NULL (then "0", "1", ...); at most `most` images a class, 0: all. Errors: ARGUMENT (a
 * name that cannot be a folder's, too few names), IO, FORMAT, LIMIT, MEMORY. */
CEN_API cen_status cen_idx_unpack(cen_context *context, const char *images, const char *labels,
                                  const char *const *class_names, size_t n_class_names, size_t most,
                                  const char *folder, cen_error *error);

/* ---- feature files ------------------------------------------------------------------------- */

typedef enum cen_features_format {
    CEN_FEATURES_NPY, /* PATH (.npy, float32) and beside it .tsv: row path label class split
                              digest. Names have \t \n \r \\ for those four characters, and \xNN for
                              the bytes of other control characters and of what is no UTF-8. A digest is
                              FNV-1a of 64 bits, in hexadecimal, of the row's bytes as little-endian
                              float32: it ties a name to its feature */
    CEN_FEATURES_CSV, /* one line a row: path, label, class, split, f0 ... A name that a spreadsheet
                              takes for a formula begins with ', one with control characters or bytes
                              that are no UTF-8 with '\ and has the escapes of a .tsv */
    CEN_FEATURES_FVECS,    /* int32 d, then d float32, for each row; with rows also PATH.tsv */
    CEN_FEATURES_PROJECTOR /* TensorBoard: PATH (.tsv) of numbers and PATH with .metadata.tsv */
} cen_features_format;

typedef struct cen_feature_row {
    const char *path;
    int32_t label;          /* -1: none */
    const char *class_name; /* NULL: none */
    const char *split;      /* NULL: none */
} cen_feature_row;

/* Writes features[n, d]. rows may be NULL for FVECS. Readers find a whole old pair or a whole new one,
 * also if this process is killed; writers of one path take turns. Errors: ARGUMENT (also a pair for a
 * device or a pipe), NOT_FINITE (a row that could not be read again), IO, MEMORY. */
CEN_API cen_status cen_features_write(cen_context *context, const char *path,
                                      cen_features_format format, const float *features, size_t n,
                                      size_t d, const cen_feature_row *rows, cen_error *error);

/* To read features, change them and write them back without losing what another process writes meanwhile:
 * waits for the lock of this path, which cen_lock_release lets go of, and in between
 * cen_features_replace takes the place of cen_features_write, which takes the lock itself. *lock is NULL
 * for a device or a pipe. Errors: IO, MEMORY; as cen_features_write. */
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
    cen_feature_row *rows; /* [n]; path "" where the file names none */
    size_t n_classes;
    const char *const *class_names; /* bytewise until relabelled; labels are places in it */
    void *owned;                    /* what rows and names point into */
} cen_feature_set;

/* Reads a .npy with its .tsv (labels need it), a .csv, as cen_features_write makes them, or a run
 * folder's features.npy. .npy of float32 and float64, either byte order, C and Fortran order, 2-D. A
 * class without a name is named by its number. Classes that occur are renumbered 0 ... in the order
 * of their names. The size is held against the memory of the machine before it is taken.
 * Errors: IO, FORMAT (with the place: a row that is not finite, a file cut short, two files that are
 * not of one export), UNSUPPORTED, LIMIT, MEMORY. */
CEN_API cen_status cen_features_read(cen_context *context, const char *path, cen_feature_set *set,
                                     cen_error *error);
CEN_API void cen_features_free(cen_feature_set *set);

/* Gives equal names equal labels: those of `set` become places in a list that begins with the n
 * names and goes on with what is new; *n_all (may be NULL) is its length. Errors: MEMORY. */
CEN_API cen_status cen_features_relabel(cen_feature_set *set, const char *const *names, size_t n,
                                        size_t *n_all, cen_error *error);

/* What looks wrong in a set of features. */
typedef enum cen_finding_kind {
    CEN_FINDING_MISPLACED, /* far nearer to the mean of another class than to that of its own */
    CEN_FINDING_DUPLICATE, /* (almost) the same feature as another row, in the same split */
    CEN_FINDING_LEAK       /* the same, in another split */
} cen_finding_kind;

typedef struct cen_finding {
    cen_finding_kind kind;
    size_t row, other;    /* other: the duplicate's row (row < other) */
    int32_t label;        /* MISPLACED: the class that is nearer */
    double distance, own; /* MISPLACED: to that mean and to its own; else between the two, 0 */
} cen_finding;

/* Findings by kind, then the strongest first, in a new array that cen_audit_free frees. MISPLACED:
 * own mean (the row itself left out) more than `ratio` times as far as the other (1.5 is a good
 * start). Errors: ARGUMENT (ratio < 1, a row
 * that is not finite), MEMORY. */
CEN_API cen_status cen_audit(cen_context *context, const cen_feature_set *set, cen_metric metric,
                             double ratio, cen_finding **findings, size_t *n_findings,
                             cen_error *error);
CEN_API void cen_audit_free(cen_finding *findings);

/* ---- a page to look at ------------------------------------------------------------------------ */

/* One set on the page: validation images, or classes that were held out. */
typedef struct cen_report_set {
    const char *name;
    const cen_measures *measures;
    const cen_feature_row *queries, *gallery; /* [measures->n_queries], and of its neighbours */
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
    const cen_report_frame *frames; /* one an epoch, or some of them */
    size_t n_frames;
    const cen_report_set *sets;
    size_t n_sets;
    const cen_file_note *skipped;
    size_t n_skipped;
    uint64_t seed; /* of the queries on the contact sheet */
    /* The page opens files at the paths of rows. Where those come from a stranger's file: the folders and
     * files (links resolved on both sides) outside of which nothing is opened, but shown as missing.
     * n_pictures 0: every path is opened. */
    const char *const *pictures;
    size_t n_pictures;
} cen_report;

/* All of it empty. */
static inline cen_report cen_report_init(void)
{
    cen_report report;
    memset(&report, 0, sizeof report);
    report.size = sizeof report;
    return report;
}

/* One HTML file that needs nothing else: no network, and no script to be read. Errors: IO, MEMORY. */
CEN_API cen_status cen_report_write_html(cen_context *context, const cen_report *report,
                                         const char *path, cen_error *error);

/* The same figures as JSON. */
CEN_API cen_status cen_report_write_json(cen_context *context, const cen_report *report,
                                         const char *path, cen_error *error);

/* The same plots as single files FOLDER/NAME.svg; makes the folder. */
CEN_API cen_status cen_report_write_svg(cen_context *context, const cen_report *report,
                                        const char *folder, cen_error *error);

#ifdef __cplusplus
}
#endif

#endif
