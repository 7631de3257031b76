/* libcenterloss trains a small convolutional net with softmax cross-entropy + lambda * center loss.
 * The features of one class then form one tight cloud, and plain k-nearest-neighbours works on
 * them, also for classes that were never trained. Plain C99, no packages. MIT licence.
 *
 *     loss = mean_i CE(logits_i, y_i) + lambda * mean_i || f_i - c_{y_i} ||^2
 *
 * The means are over the batch. The square is summed over the D numbers of a feature, without 1/2.
 *
 * Rules for all functions:
 * - Errors. What can fail returns a cen_status and fills *error (may be NULL) with one sentence: the
 *   file, the place, the remedy. Then nothing has changed, and nothing is left to free. Each call
 *   may give ARGUMENT (a value outside of what is written here) and MEMORY; a docstring names the
 *   others.
 * - Ownership. Each _create, _open, _load and _read has its _free, and _free(NULL) does nothing.
 *   "Borrowed" memory belongs to somebody else and must live as long as it is used.
 * - Threads. Two threads may use two objects, and share objects that are const to a function. The
 *   number of threads never changes a bit of a result.
 * - A guest in your program: no printing, no exit, no signal handler, no global state. The locale
 *   stays as it is and has no influence. errno stays as it was if a call succeeds.
 * - Tensors are float32, dense and row-major; images are n c h w. Paths are UTF-8.
 * - Options. Structs that begin with `size` are made by their _init, which stands at the end of this
 *   header. It sets the size and the defaults, which the fields show in (parentheses). NULL in place
 *   of a struct means the defaults. A library that knows more fields than your header takes their
 *   defaults. A struct without a size never grows.
 *
 * centerloss_eval.h measures and audits features, stores them in files and draws pages. */
#ifndef CENTERLOSS_H
#define CENTERLOSS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32) && defined(CEN_SHARED)
#if defined(CEN_BUILDING)
#define CEN_API __declspec(dllexport)
#else
#define CEN_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define CEN_API __attribute__((visibility("default")))
#else
#define CEN_API
#endif

#define CEN_VERSION "0.1.0"
#define CEN_VERSION_NUMBER 100 /* major * 10000 + minor * 100 + patch */

/* The version of the library that is linked; CEN_VERSION is that of the header. */
CEN_API const char *cen_version(void);

/* ---- errors -------------------------------------------------------------------------------- */

typedef enum cen_status {
    CEN_OK = 0,
    CEN_ERROR_ARGUMENT,    /* a value that makes no sense */
    CEN_ERROR_MEMORY,      /* an allocation failed */
    CEN_ERROR_IO,          /* the system could not open, read or write */
    CEN_ERROR_FORMAT,      /* damaged bytes, or not what they claim to be */
    CEN_ERROR_UNSUPPORTED, /* well-formed, but of a kind that is not read */
    CEN_ERROR_LIMIT,       /* over a limit of the caller or of the format */
    CEN_ERROR_STOPPED,     /* a callback asked to stop */
    CEN_ERROR_NOT_FINITE   /* infinity, or not a number */
} cen_status;

typedef struct cen_error {
    cen_status status;
    char message[512]; /* one sentence, UTF-8, no newline */
} cen_error;

/* A few words for a status; never NULL. */
CEN_API const char *cen_status_name(cen_status status);

/* ---- context ------------------------------------------------------------------------------- */

/* Owns threads, instruction set and allocator. An object keeps the context that it is made in, and
 * the context must outlive it. Threads may share a context: it works for one of them at a time, and
 * the others compute on their own. NULL means a private context with the defaults, which lives as
 * long as the object or the call. */
typedef struct cen_context cen_context;

typedef struct cen_context_options {
    size_t size;
    int n_threads; /* including the caller, at most 1024. (0): one for each processor that this
                      process may use, by its affinity and its control group's quota */
    /* Set both or none (malloc and free). They give all memory of the context and of what is made
     * in it, and may be called from any thread that uses it. allocate returns NULL if it has none.
     * The library aligns by itself and asks for up to 96 bytes more. */
    void *(*allocate)(void *user, size_t size);
    void (*release)(void *user, void *block); /* block is never NULL */
    void *allocator_user;
} cen_context_options;

/* Chooses the best instruction set of the processor, or the one that the environment variable
 * CEN_INSTRUCTIONS names. Threads start with the first work and sleep without any. If the system
 * refuses a thread, the caller does its work. After a fork both processes may go on. */
CEN_API cen_status cen_context_create(cen_context **context, const cen_context_options *options,
                                      cen_error *error);

/* Call it after all that was made in the context is freed. */
CEN_API void cen_context_free(cen_context *context);

/* ---- tensors ------------------------------------------------------------------------------- */

enum { CEN_MAX_DIMS = 4 };

/* A view that owns nothing. */
typedef struct cen_tensor {
    size_t n_dims;
    size_t shape[CEN_MAX_DIMS]; /* unused entries are 1 */
    float *data;
} cen_tensor;

/* ---- images -------------------------------------------------------------------------------- */

/* 8 bits per channel, rows from the top: pixels[(y * width + x) * channels + c]. */
typedef struct cen_image {
    size_t width, height;
    int channels;        /* 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha */
    uint8_t *pixels;     /* owned; cen_image_free */
    const char *warning; /* NULL, or a static sentence on what was tolerated ("... ends early") */
    uint8_t excess[4]; /* left, top, right, bottom, in 1/8 pixel: how far the outermost pixels reach
                            beyond the picture. Only in a JPEG decoded at 1/2 to 1/8;
                            cen_image_resize leaves it out */
} cen_image;

typedef struct cen_image_options {
    size_t size;
    int channels; /* (0): as in the file; 1, 3 or 4: as Pillow's convert("L"), ("RGB"), ("RGBA").
                          Alpha is dropped, not blended */
    size_t max_pixels; /* (2^28) larger images are refused before memory is taken */
    size_t target_height, target_width; /* (0, 0): every pixel. Else the size that you will resize
                                           to: a JPEG may then be decoded at 1/2, 1/4 or 1/8, with
                                           both sides still at least twice as long */
} cen_image_options;

/* Reads PNG, JPEG, WebP, GIF, TIFF, BMP and PNM (P1 to P6), recognised by their bytes: the first
 * picture of the file. Orientation (EXIF, TIFF) is applied. Of a file at most 16 MB and 24 bytes per
 * pixel are read. Floats of a TIFF are read from 0 (black) to 1. Tolerated, with image->warning: a
 * missing end of a JPEG or after a PNG's pixels; 16-bit samples, cut to their upper 8 bits, that are
 * all below 4096 and so nearly black; floats beyond 0 to 1, which are cut off; one colour under an
 * alpha that holds the drawing. Errors: IO, FORMAT, UNSUPPORTED (names the kind), LIMIT. */
CEN_API cen_status cen_image_read(cen_context *context, const char *path,
                                  const cen_image_options *options, cen_image *image,
                                  cen_error *error);
CEN_API cen_status cen_image_decode(cen_context *context, const void *bytes, size_t size,
                                    const cen_image_options *options, cen_image *image,
                                    cen_error *error);

/* Frees the pixels and zeroes the struct. */
CEN_API void cen_image_free(cen_image *image);

typedef enum cen_resize {
    CEN_RESIZE_CROP,   /* scale until the image covers the target, then cut out the center */
    CEN_RESIZE_STRETCH /* scale each side to the target */
} cen_resize;

/* ---- datasets ------------------------------------------------------------------------------ */

enum { CEN_MAX_CHANNELS = 64 };

/* How raw values become the input of a net: x = (value - mean) / std per channel. A picture of 1 or
 * 3 channels is resized to height x width first, and its values are pixel / 255. */
typedef struct cen_input {
    size_t channels, height, width;
    cen_resize resize;
    float mean[CEN_MAX_CHANNELS], std[CEN_MAX_CHANNELS];
} cen_input;

typedef enum cen_split {
    CEN_SPLIT_TRAIN,
    CEN_SPLIT_VALIDATION,
    CEN_SPLIT_TEST,
    CEN_SPLIT_HELD_OUT /* classes that take no part in training */
} cen_split;

/* "train", "val", "test", "heldout". */
CEN_API const char *cen_split_name(cen_split split);

/* Rows of raw values with labels: what training, measuring and extracting take. Make one of a
 * folder or a list (cen_folder_dataset), of arrays (cen_arrays_create), or fill it by hand for your
 * own data. All that it points to is borrowed. */
typedef struct cen_dataset {
    size_t size;
    size_t n, n_classes;
    const char *const *class_names; /* [n_classes], all different; NULL: "0", "1", ... */
    size_t channels, height, width; /* 1 to CEN_MAX_CHANNELS channels */
    cen_resize resize;              /* how pictures got this size: must be the model's */
    const int32_t *labels;          /* [n]; -1: none. NULL: no row has one */
    const cen_split *splits;        /* [n]; NULL: all rows are training rows */
    const char *const *names;       /* [n], for messages; NULL: "row 0", "row 1", ... */
    uint64_t digest;                /* of all values: a training resumes only with the same. 0: not
                                       known, resumes with any */
    const float *mean, *std;        /* [channels] of the training rows; NULL: measured */
    void *user;
    /* x[n, channels, height, width] = raw values of rows[n], on the thread that called the library.
     * MEMORY, STOPPED and ARGUMENT end that call. After another error the library asks again for
     * parts, and leaves out the rows that fail by themselves. */
    cen_status (*read)(void *user, const size_t *rows, size_t n, float *x, cen_error *error);
} cen_dataset;

/* Arrays in memory as a dataset; all are borrowed. */
typedef struct cen_arrays {
    size_t size;
    size_t n, channels, height, width;
    cen_resize resize;
    const float *values;  /* [n, channels, height, width], or else */
    const uint8_t *bytes; /* the same; a value is byte / 255 */
    const int32_t *labels;
    size_t n_classes;
    const char *const *class_names;
    const cen_split *splits; /* NULL: validation rows are drawn from each class */
    double validation_share; /* (0.1) */
    uint64_t seed;           /* (1) */
} cen_arrays;

/* Errors: LIMIT (the size overflows). */
CEN_API cen_status cen_arrays_create(cen_context *context, cen_dataset **dataset,
                                     const cen_arrays *arrays, cen_error *error);
CEN_API void cen_arrays_free(cen_dataset *dataset);

/* Random changes of training rows, a function of (seed, epoch, row). Brightness and contrast change
 * all channels alike: leave them at 0 for sensors. (All 0: no change.) */
typedef struct cen_augment {
    size_t size;
    double shift;      /* moved by up to this share of each side; edges are repeated */
    double rotation;   /* turned by up to this many degrees */
    double scale;      /* grown or shrunk by a factor of up to 1 + this */
    double brightness; /* up to this is added to the raw values */
    double contrast;   /* their distance to the row's mean times, or divided by, up to 1 + this */
    double erase;      /* chance that a rectangle of 2 to 20 % of the area becomes the mean */
    bool flip;         /* left and right change places in every second row, and in each row every
                          second epoch. cen_fit sets it to the model's `mirror` */
} cen_augment;

/* For your own loop: rows[n] as cen_fit feeds them, that is read, augmented (augment may be NULL)
 * and normalised with the mean and std of input. x[n, channels, height, width]; labels[n] may be
 * NULL. Errors: NOT_FINITE (names the row), what dataset->read gave. */
CEN_API cen_status cen_dataset_read(cen_context *context, const cen_dataset *dataset,
                                    const cen_input *input, const cen_augment *augment,
                                    uint64_t seed, size_t epoch, const size_t *rows, size_t n,
                                    float *x, int32_t *labels, cen_error *error);

/* ---- folders of images --------------------------------------------------------------------- */

typedef struct cen_folder cen_folder;

enum { CEN_DIGEST_SIZE = 16 }; /* of a file's bytes: BLAKE2b, as b2sum -l 128 prints it */

typedef struct cen_folder_options {
    size_t size;
    double validation_share; /* (0.1) of each class, drawn by seed, at least one row of two; if
                                classes are held out, none of a class with fewer than 5. Unused
                                if the folder has validation images */
    const char *validation; /* a folder of classes, or a list, of validation images. (NULL): none */
    const char *group;    /* rows of one group stay in one split. "1": the group is the first folder
                             below the class, "2": the first two; with *: what the first * matches in
                             the file name ("*_*": up to the first _); else a column of the list.
                             (NULL): no groups */
    double holdout_share; /* (0) of the classes, drawn by seed and kept out of training */
    const char *holdout_list; /* or a text file with their names, one per line */
    uint64_t seed;            /* (1) */
    bool strict;              /* a broken image is an error; else it is skipped */
    bool unlabelled;          /* images without a class folder are allowed, with label -1 */
    bool allow_empty;  /* a class without a usable training image is left out; else an error */
    size_t max_pixels; /* (2^28) */
    bool exact_decode; /* decode large JPEGs at full size */
    bool lazy;         /* decode each image when it is read, not in cen_folder_load; skipped and
                                 damaged grow then. For features, which need each image once */
    bool digests;      /* images get the digest of their bytes; a file has at most 2^30 */
    /* With digests: images with one of these are known, and not looked at further. Their width,
     * height and channels are 0. [n_known, CEN_DIGEST_SIZE], sorted bytewise; (NULL, 0) */
    const uint8_t (*known)[CEN_DIGEST_SIZE];
    size_t n_known;
    /* Copied; (NULL): one process. With others cen_folder_load decodes its share of the images and
     * gets the bytes of the rest, if they have room in the cache. All must have the same images.
     * A process that fails leaves the others waiting in the exchange. */
    const struct cen_exchange *exchange;
    /* A file that cen_folder_load makes and removes, for the bytes of images that the cache has no
     * room for: each is then decoded once. One that cannot be written is a remark, and the images are
     * decoded at each reading. Not used with an exchange or `lazy`. Borrowed until cen_folder_free.
     * (NULL): none */
    const char *scratch;
    size_t holdout_least; /* holdout_share is for folders of at least so many classes (0) */
} cen_folder_options;

typedef struct cen_folder_image {
    const char *path;  /* as opened, with the root */
    const char *name;  /* below its class or root; of a list: as written there */
    const char *group; /* NULL: none */
    int32_t label;     /* place in class_names; -1: none */
    cen_split split;
    size_t width, height; /* of the file */
    int channels;
    uint8_t digest[CEN_DIGEST_SIZE]; /* zeros: not asked for */
} cen_folder_image;

typedef struct cen_file_note {
    const char *path, *reason;
} cen_file_note;

typedef struct cen_folder_info {
    size_t n_classes;  /* to train on */
    size_t n_held_out; /* the others: labels n_classes .. n_classes + n_held_out - 1 */
    size_t n_images, n_skipped, n_damaged;
    const char *const *class_names; /* of both kinds, each sorted bytewise */
    /* By split, class and name, bytewise. Unlabelled: by path in the order given, then below. */
    const cen_folder_image *images;
    const cen_file_note *skipped; /* images that cannot be used */
    const cen_file_note *damaged; /* used, though the file is damaged */
    const cen_file_note *remarks; /* folders that are no classes, two spellings of a class, ... */
    size_t n_remarks;
    size_t n_passed_over; /* dot files, and files that are no images */
    bool has_own_split;   /* validation images were there; none are drawn */
} cen_folder_info;

/* Reads names and image headers. Classes of one name are one class. A path is
 *   root/CLASS/... with images at any depth below the class; or
 *   root/{train,val,test}/CLASS/... (also training, valid, validation, testing, in any case). What
 *   stands beside these is not read. Without val a share of train is drawn. test may hold images
 *   without classes; or
 *   a list (.csv, .tsv, .txt; RFC 4180) of path,label[,split]. A header may name these (or class,
 *   for label) and other columns in any order. Paths are relative to the list. A row without a
 *   label is a test row. At most 2^28 bytes; or
 *   with unlabelled: an image, a folder of images, or "-" for names on standard input, one per line.
 * Links are followed, and no folder is read twice for a class. Folders of systems (__MACOSX, @eaDir,
 * lost+found, ...), runs of cl_train, and folders with files but no images are no classes; a remark
 * says so. Errors: IO, FORMAT, LIMIT; ARGUMENT also for no class, one class, an empty class, a class
 * to hold out that is not there, an image with two labels or in two splits, a group in two splits. */
CEN_API cen_status cen_folder_open(cen_context *context, cen_folder **folder,
                                   const char *const *paths, size_t n_paths,
                                   const cen_folder_options *options, cen_error *error);
CEN_API void cen_folder_free(cen_folder *folder);

/* Borrowed; valid until the folder is loaded or freed. */
CEN_API const cen_folder_info *cen_folder_get(const cen_folder *folder);

/* Return nonzero to stop. Called on the thread that called the library. */
typedef int cen_progress(void *user, size_t done, size_t total);

/* Decodes and resizes every image once. Broken ones move from images to skipped, so call
 * cen_folder_get again. The others stay in memory as bytes at the input's size, up to cache_bytes;
 * the rest is decoded again at each read. input->mean and std are not used. progress may be NULL.
 * Errors: as cen_folder_open, LIMIT, STOPPED; ARGUMENT also if all images have one level in every
 * pixel. */
CEN_API cen_status cen_folder_load(cen_folder *folder, const cen_input *input, size_t cache_bytes,
                                   cen_progress *progress, void *user, cen_error *error);

/* The images of a loaded folder, in the order of cen_folder_info; names are paths. Borrowed; valid
 * until the folder is loaded or freed. NULL: not loaded. */
CEN_API const cen_dataset *cen_folder_dataset(const cen_folder *folder);

/* ---- models -------------------------------------------------------------------------------- */

/* A net is one line of text. It describes the body, from the image to the feature:
 *
 *     conv 10 2x2, maxpool 2, flatten, dense 32, relu
 *
 *     conv OUT HxW [stride S] [pad P] [groups G]
 *                                     weight [out, in / G, h, w], bias [out]; S and P: N or HxW
 *     maxpool HxW [stride S] [pad P]  HxW or N; the stride is the window unless given; P is at most
 *                                     half of the window
 *     avgpool HxW [stride S] [pad P]  the same; padding counts as zeros
 *     flatten                         c h w in this order
 *     dense OUT                       weight [out, in], bias [out]
 *     relu, relu6                     max(x, 0), min(max(x, 0), 6)
 *     gelu                            x * Phi(x), with erf
 *     prelu                           x > 0 ? x : weight * x; weight [channels], 0.25 at first
 *     batchnorm                       weight, bias, running_mean, running_var [channels]; eps 1e-5,
 *                                     momentum 0.1
 *     gap                             mean over height and width: [c, 1, 1]
 *     dropout P                       in training zero with chance P, else x / (1 - P)
 *     l2norm [scale S]                S * x / || x || over the feature; without S: weight [1], which
 *                                     is 1 at first
 *     residual {A, B}                 layers A and B, plus their input
 *     residual {A, B | S, T}          the sum of two branches of one input; nests up to 8 deep
 *
 * Layers compute what torch.nn's do, and their places are those of torch.nn.Sequential; a residual
 * is a module with two of these, main and shortcut. Beside the body stand a head (weight
 * [classes, D], bias) and the centers [classes, D]. */
typedef struct cen_model cen_model;

/* What a model from elsewhere may ask for. */
typedef struct cen_model_limits {
    size_t size;
    size_t max_input; /* (2^22) height * width of its input. An image takes at most 512 bytes for
                         each of so many pixels while it runs: 2 GB */
    double max_work;  /* (1e11) multiply-adds, as in cen_model_info */
} cen_model_limits;

typedef struct cen_model_options {
    size_t size;
    const char *net;     /* a line, or the name of a preset ("small"); NULL: the recipe's */
    size_t feature_size; /* replaces OUT of the last dense; (0): as in the line */
    cen_input input;     /* (1 x 28 x 28, mean 0, std 1) */
    bool mirror; /* (false) left and right mean the same: cen_fit flips training rows, and a feature
                    is the mean of those of an image and of its mirror image, with their length
                    after an l2norm */
    size_t n_classes;               /* (0) */
    const char *const *class_names; /* (NULL): "0", "1", ... */
    uint64_t seed; /* (1) of the weights: He uniform before a rectifier, else Glorot uniform; biases
                      0, centers uniform in +-0.05 */
    const cen_model_limits *limits; /* if net and input come from elsewhere; (NULL): none */
    double mirror_kept; /* (0) from cen_recipe_choose, which decides mirror by it: the share of what
                           tells classes apart that mirror images keep; NAN: not measured */
    double alike; /* (0) from cen_recipe_choose, which decides a net that is NULL by it and its
                           error: the mean correlation of pictures of two classes; NAN: not measured */
} cen_model_options;

/* Copies the options and what they point to. ARGUMENT names the word and column of a line that cannot
 * be read, or the layer for which the image is too small. Errors: LIMIT, before memory is taken. */
CEN_API cen_status cen_model_create(cen_context *context, cen_model **model,
                                    const cen_model_options *options, cen_error *error);
CEN_API void cen_model_free(cen_model *model);

/* A model file is safetensors: body.I.weight, body.I.bias, ... (I: place in the line; in a residual
 * body.I.main.J.weight, body.I.shortcut.J.weight), head.weight, head.bias, centers.weight, and in
 * __metadata__ all that makes an image an input again. If a class name is not UTF-8, classes_hex
 * has the bytes of all. path may be a run folder. Limits are checked before memory is taken.
 * Errors: IO, FORMAT (also a number that is not finite, a variance below 0), LIMIT. */
CEN_API cen_status cen_model_load(cen_context *context, cen_model **model, const char *path,
                                  const cen_model_limits *limits, cen_error *error);
/* Errors: NOT_FINITE, IO, LIMIT; then no file is written. */
CEN_API cen_status cen_model_save(const cen_model *model, const char *path, cen_error *error);

/* From the bytes of a model file. in_place: the bytes are borrowed, and if they are aligned to 4,
 * come from cen_model_save, and the machine is little-endian, the numbers are not copied.
 * Predictors then read flash or a mapped file. What may write (cen_trainer_create,
 * cen_model_parameters, ...) copies first. */
CEN_API cen_status cen_model_load_memory(cen_context *context, cen_model **model, const void *bytes,
                                         size_t size, bool in_place, const cen_model_limits *limits,
                                         cen_error *error);

/* Writes the bytes of the file into bytes[most], and their number into *size. bytes NULL asks only
 * for the size. Errors: LIMIT (most is too small; *size is set), NOT_FINITE. */
CEN_API cen_status cen_model_save_memory(const cen_model *model, void *bytes, size_t most,
                                         size_t *size, cen_error *error);

/* Copies the tensors of a safetensors file, or of a run folder's model, by name. The body must have
 * the same shapes. Of a model file head and centers are copied row by row, for classes of the same
 * name; of another file if their shapes are the same. *n_taken (may be NULL): how many were copied;
 * none is an error. Errors: IO, FORMAT, LIMIT. */
CEN_API cen_status cen_model_load_weights(cen_model *model, const char *path, size_t *n_taken,
                                          cen_error *error);

/* Gives the model n classes (names NULL: "0", "1", ...). Classes of a name that it has keep their
 * rows of head and centers. To rename, from[n] gives the old row of each class, SIZE_MAX: none;
 * NULL: by name. New rows start as in cen_model_create, by seed and name. Trainers and predictors
 * made before then fail. Errors: LIMIT. */
CEN_API cen_status cen_model_set_classes(cen_model *model, size_t n, const char *const *names,
                                         const size_t *from, cen_error *error);

/* Keeps key = value, both copied UTF-8, in the file's __metadata__ ("epochs", ...). Keys of the
 * file itself (format, net, input, resize, mean, std, mirror, classes, classes_hex, head,
 * head_scale) are refused. */
CEN_API cen_status cen_model_set_note(cen_model *model, const char *key, const char *value,
                                      cen_error *error);

/* The value of a key, or NULL. Valid until the next cen_model_set_note. */
CEN_API const char *cen_model_note(const cen_model *model, const char *key);

/* A residual gives the layers of main, those of the shortcut, and their sum, "residual". */
typedef struct cen_layer_info {
    const char *text;               /* as in the line: "conv 10 2x2" */
    const char *place;              /* "4", "4.main.0": its tensors are body.PLACE.weight, ... */
    size_t channels, height, width; /* of its output */
    size_t n_parameters;
} cen_layer_info;

typedef struct cen_model_info {
    const char *net; /* the line; presets are resolved */
    cen_input input;
    bool mirror;
    size_t feature_size, n_classes;
    const char *const *class_names;
    size_t n_layers;
    const cen_layer_info *layers;
    size_t n_parameters; /* of body and head */
    size_t n_center_parameters;
    double work; /* multiply-adds of one feature, with its mirror image. A layer counts at least 64
                    for each number of its input or output: moving a number costs as much */
} cen_model_info;

/* Borrowed; valid until the model is freed or gets other classes. */
CEN_API const cen_model_info *cen_model_get(const cen_model *model);

/* 32 hexadecimal digits and a NUL: the BLAKE2b digest of all that a feature depends on (net, input,
 * mirror, parameters and statistics of the body), not of head, classes and notes. */
enum { CEN_FINGERPRINT_SIZE = 33 };
CEN_API cen_status cen_model_fingerprint(const cen_model *model, char text[CEN_FINGERPRINT_SIZE],
                                         cen_error *error);

/* ---- prediction ---------------------------------------------------------------------------- */

/* A model made ready for up to max_n images per call: memory planned, batch normalisation folded,
 * kernels transformed and weights of dense layers packed, which takes their memory once more, or up
 * to twice with fewer than 48 outputs (not with CEN_SMALL). The model is borrowed and must not
 * change. Each thread needs its own predictor; they may share a model. */
typedef struct cen_predictor cen_predictor;

/* Errors: LIMIT. */
CEN_API cen_status cen_predictor_create(cen_predictor **predictor, const cen_model *model,
                                        size_t max_n, cen_error *error);
CEN_API void cen_predictor_free(cen_predictor *predictor);

/* features[n, D] of inputs x[n, channels, height, width]. An image has the same bits in a batch of
 * any size. Allocates nothing, except for the context's threads when they start. */
CEN_API cen_status cen_predictor_features(cen_predictor *predictor, const float *x, size_t n,
                                          float *features, cen_error *error);

/* logits[n, n_classes] and probabilities[n, n_classes], their softmax; one may be NULL. They mean
 * something only for classes that were trained. ARGUMENT also if the model has no classes or no
 * head (triplet loss), or got another head from a later trainer. */
CEN_API cen_status cen_predictor_classes(cen_predictor *predictor, const float *x, size_t n,
                                         float *logits, float *probabilities, cen_error *error);

/* The same of features[n, D] that are there already, without the net. */
CEN_API cen_status cen_model_classes(const cen_model *model, const float *features, size_t n,
                                     float *logits, float *probabilities, cen_error *error);

/* The input x[channels, height, width] of a decoded image, or of the bytes of an image file,
 * exactly as a folder is read. Errors: as cen_image_decode. */
CEN_API cen_status cen_predictor_input(const cen_predictor *predictor, const cen_image *image,
                                       float *x, cen_error *error);
CEN_API cen_status cen_predictor_decode(const cen_predictor *predictor, const void *bytes,
                                        size_t size, float *x, cen_error *error);

/* features[*n, D] of a dataset, and rows[*n], their places in it; room for all. Rows that cannot be
 * read are left out. rows NULL: such a row is an error, and n may be NULL. progress may be NULL.
 * Errors: NOT_FINITE (names the row), STOPPED, what dataset->read gave. */
CEN_API cen_status cen_model_features(const cen_model *model, const cen_dataset *dataset,
                                      float *features, size_t *rows, size_t *n,
                                      cen_progress *progress, void *user, cen_error *error);

/* ---- training: one step -------------------------------------------------------------------- */

typedef enum cen_center_mode {
    CEN_CENTERS_ADAM,       /* Adam on the rows of the batch's classes, as torch.optim.SparseAdam */
    CEN_CENTERS_ADAM_DENSE, /* Adam on every row, as an Embedding of Keras or torch.optim.Adam */
    CEN_CENTERS_MEAN /* c_j -= alpha * sum_{y_i = j} (c_j - f_i) / (1 + n_j), without lambda: Wen et
                        al. 2016, eq. 4 */
} cen_center_mode;

typedef enum cen_optimizer {
    CEN_OPTIMIZER_ADAM,
    CEN_OPTIMIZER_MUON /* Jordan et al. 2024, at the rate of Adam */
} cen_optimizer;

/* Where Adam's epsilon comes in (Kingma and Ba 2015). */
typedef enum cen_adam_form {
    CEN_ADAM_TORCH, /* algorithm 1: after the bias correction, as torch.optim.Adam */
    CEN_ADAM_KERAS  /* the "epsilon hat" of section 2: before it, as Keras */
} cen_adam_form;

/* total = first + lambda * second. */
typedef enum cen_loss {
    CEN_LOSS_CENTER,       /* softmax cross-entropy; second: mean || f - c ||^2 */
    CEN_LOSS_TRIPLET_HARD, /* mean over anchors of max(0, margin + distance of the farthest positive
                              - that of the nearest negative) (Hermans et al. 2017); second as
                              above. Without a head */
    CEN_LOSS_TRIPLET_SEMI_HARD, /* the nearest negative beyond the positive (Schroff et al. 2015) */
    CEN_LOSS_CONTRASTIVE_CENTER, /* softmax; second: Qi and Su 2017. All centers get gradients and
                                    must move by Adam */
    CEN_LOSS_COSFACE /* softmax of scale * (cos - margin for the label) (Wang et al. 2018);
                                    second as in CENTER */
} cen_loss;

typedef struct cen_train_options {
    size_t size;
    cen_loss loss;               /* (CENTER) */
    double margin, margin_scale; /* of triplets and CosFace (0.2, 30) */
    double lambda;               /* (0.02) */
    cen_center_mode centers;     /* (MEAN) */
    double alpha;                /* of MEAN (0.5) */
    /* Kingma and Ba 2015, algorithm 1 (2e-3, 0.9, 0.999, 1e-8) */
    double lr, beta1, beta2, adam_eps;
    double weight_decay;    /* AdamW (Loshchilov and Hutter 2019), of kernels and matrices only
                               (0.02) */
    double clip_norm;       /* a longer gradient of body and head is cut to this norm; (0): never */
    double label_smoothing; /* share of a label that is spread over all classes (0) */
    double lambda_ratio;    /* above 0: lambda is set so that, at the feature, the center loss's
                               gradient has this share of the norm of the softmax loss's, averaged
                               over about 20 steps (0) */
    size_t batch_size;      /* the largest batch (64) */
    size_t n_shards;        /* (1) see below */
    const struct cen_exchange *exchange; /* copied; (NULL): one process */
    uint64_t seed;                       /* of dropout; cen_fit uses its own (1) */
    cen_adam_form adam_form; /* of all but CENTERS_ADAM, which has that of Keras (TORCH) */
    /* Classes that the softmax of a step compares: the batch's, and others drawn at random. Only
     * their rows of the head take a step, as in torch.optim.SparseAdam (An et al. 2021). 0 or more
     * than there are: all (0) */
    size_t n_sampled;
    size_t n_frozen; /* the first conv and dense layers that stay as they are, with what
                                follows each up to the next; these run as in prediction (0) */
    cen_optimizer
        optimizer; /* (ADAM); of the kernels and matrices of the net. Adam trains the rest */
} cen_train_options;

/* Shards. A batch of n is cut into n_shards; shard s begins at image s * n / n_shards. Each has its
 * own batch statistics, as in torch.nn.parallel.DistributedDataParallel, and running statistics are
 * averaged over the shards. All else (losses, centers, lambda, clipping, dropout) is that of the
 * whole batch. The result depends on the number of shards, never on who works on them:
 * - One process runs them one after another in the memory of one, for batches that do not fit. Each
 *   but one costs a second forward pass.
 * - Several processes take n_shards / n_ranks each, in the order of ranks. They start with the same
 *   model, give the same options, batches and calls, and use the same library and instruction set.
 *   Each reads only its own images of x (cen_trainer_share). n_ranks divides n_shards.
 * Features are gathered, so each process computes the losses of the whole batch. Gradients are added
 * up in one tree over the shards. With `gather` only, each process gathers and adds all of them:
 * n_ranks - 1 times the parameters come to it. With `swap` it adds a slice of each block and gathers
 * the sums: 2 times the parameters, however many processes there are, and the same bits. (A process
 * whose shards are no node of the tree sends a few sums in place of one; with a power of two of
 * shards and of processes there are none.) */
typedef struct cen_exchange {
    size_t size;
    size_t rank, n_ranks; /* rank: 0 to n_ranks - 1 (0, 1) */
    void *user;
    /* all[n_ranks * size] = the bytes `own` of each rank, in their order. All ranks call it in the
     * same order with the same sizes. Returns 0, or else it has failed. */
    int (*gather)(void *user, const void *own, size_t size, void *all);
    /* all[n_ranks * size] = the r-th block of own[n_ranks * size] of each rank, if r is this rank
     * (MPI_Alltoall). (NULL): gather does all. All ranks have it or none. */
    int (*swap)(void *user, const void *own, size_t size, void *all);
} cen_exchange;

/* Means over a batch. */
typedef struct cen_losses {
    double total, first, center; /* total = first + lambda * center, which is the second loss */
    double accuracy;             /* share of labels with the largest logit; NAN without a head */
    double lambda;               /* as used */
    double gradient_ratio; /* at the feature: norm of the gradient of lambda * center over that of
                              first; 0 without a backward */
} cen_losses;

typedef struct cen_trainer cen_trainer;

/* Plans all memory for the largest batch. The model is borrowed, and its logits are those of the
 * loss from now on. Errors: LIMIT. */
CEN_API cen_status cen_trainer_create(cen_trainer **trainer, cen_model *model,
                                      const cen_train_options *options, cen_error *error);
CEN_API void cen_trainer_free(cen_trainer *trainer);

/* Forward and backward of x[n, c, h, w], labels[n]: sets the gradient to that of the total loss.
 * Errors: NOT_FINITE (a loss, a gradient, or its square if clip_norm does not cut it: names the
 * image or tensor, *losses is filled). With an exchange also ARGUMENT (the processes differ, or
 * another one failed so) and IO (the hook failed); what is not finite in one process stops all.
 * After an error model and trainer are as before, and update does nothing until a backward
 * succeeds. */
CEN_API cen_status cen_trainer_backward(cen_trainer *trainer, const float *x, const int32_t *labels,
                                        size_t n, cen_losses *losses, cen_error *error);

/* The images of a batch of n that this process works on: first .. first + count - 1. */
CEN_API void cen_trainer_share(const cen_trainer *trainer, size_t n, size_t *first, size_t *count);

/* features[*n, D] of the last backward's whole batch; *n is 0 if it failed. Borrowed; valid until
 * the next backward or evaluate. */
CEN_API const float *cen_trainer_features(const cen_trainer *trainer, size_t *n);

/* One step of Adam and one of the centers. Called twice, it steps twice. Does nothing if the last
 * backward failed. */
CEN_API void cen_trainer_update(cen_trainer *trainer);

/* lr and lambda from the next step on. With a lambda_ratio lambda has no effect. */
CEN_API cen_status cen_trainer_set_rates(cen_trainer *trainer, double lr, double lambda,
                                         cen_error *error);

/* Saves, between steps, the model's numbers, Adam's moments, steps, seed, lr and lambda. A training
 * that was killed and loads them goes on with the same bits. The file is the old or the new one,
 * whole. Errors: IO, LIMIT. */
CEN_API cen_status cen_trainer_save(cen_trainer *trainer, const char *path, cen_error *error);

/* Needs the same options, net and classes (ARGUMENT names what differs); the number of processes
 * may differ. *n_steps (may be NULL): the steps taken. Errors: FORMAT, IO, UNSUPPORTED, LIMIT. */
CEN_API cen_status cen_trainer_load(cen_trainer *trainer, const char *path, size_t *n_steps,
                                    cen_error *error);

/* ---- training: all epochs ------------------------------------------------------------------ */

/* After each batch. */
typedef struct cen_step_report {
    size_t epoch, n_epochs;  /* from 1 */
    size_t batch, n_batches; /* within the epoch, from 1 */
    size_t step;             /* over all epochs, from 1 */
    size_t n_images;         /* done in this epoch */
    double seconds;          /* since the epoch began */
    bool is_slow;            /* a batch takes a second or more: see checkpoint_seconds */
    cen_losses losses;       /* of this batch */
    cen_losses mean_losses;  /* of the epoch so far */
} cen_step_report;

/* What an epoch measures at most: so many validation images, drawn evenly, among so many training images, or so many
 * of each class if that is more; and about so many epochs, evenly, with the first and the last. */
enum {
    CEN_MEASURED_QUERIES = 10000,
    CEN_MEASURED_GALLERY = 5000,
    CEN_MEASURED_PER_CLASS = 10,
    CEN_MEASURED_EPOCHS = 20
};

/* After each epoch. Measures of validation images are NAN without any, and in epochs that are not measured. */
typedef struct cen_epoch_report {
    size_t epoch, n_epochs;
    cen_losses train, validation;
    double knn_accuracy;    /* of validation features among those of training images */
    size_t n_gallery;       /* that many training images */
    double knn_macro;       /* mean over the classes */
    double intra_inter;     /* of validation features about the training classes: cen_intra_inter */
    double lr;              /* at the end of the epoch */
    double center_distance; /* root mean square of || f - c || over the training images */
    double center_spread;   /* root mean square distance of the centers to their mean */
    double center_step;     /* root mean square move of a center in this epoch */
    double feature_spread;  /* root mean square distance to their mean of the features of 128
                                     training images, as a training step sees them */
    double feature_spread_before; /* the same before training */
    bool is_collapsed; /* nothing can be learned from such features: the first loss is that of
                          guessing (ln C for C classes of one size, a triplet's margin), within
                          1 % or above it, and feature_spread is at most a fifth of that before */
    double seconds;
    bool is_best; /* highest unseen_auc so far, or without held-out rows highest knn_accuracy (with
                     balance: knn_macro), then lowest validation loss; always without any of them.
                     Never in an epoch that is not measured, if others are */
    const float *features; /* [n_features, D] of the validation images measured; borrowed, valid
                              during the callback */
    size_t n_features;
    double
        unseen_auc; /* of up to 1,000 held-out rows, by cosine: the area under the ROC of pairs of
                          one class and of two; NAN without such pairs */
} cen_epoch_report;

/* Where a resumed training goes on. */
typedef struct cen_resume_report {
    size_t epoch, batch; /* of the next step; batches of this epoch are done */
    size_t step;         /* steps done */
    size_t best_epoch;   /* 0: none yet */
    double best_knn;     /* what chose it: unseen_auc, knn_accuracy or knn_macro */
    const char *warning; /* NULL, or why the older of two checkpoints is used */
    /* Compiler and instruction set ("gcc 12 avx2"), now and of the checkpoint. If they differ, the
     * last bits may differ from here on. */
    const char *machine, *machine_before;
} cen_resume_report;

typedef struct cen_fit_options {
    size_t size;
    size_t n_epochs;   /* (30) */
    size_t stop_after; /* steps of this call; (0): no limit */
    bool shuffle;      /* (true) */
    bool balance; /* all classes come equally often in an epoch of the same length, and knn_macro
                     chooses the best epoch (false) */
    size_t per_class; /* above 0: batches of batch_size / per_class classes with so many images each
                         (0) */
    double warmup;    /* epochs in which lr rises linearly from 0 (1) */
    bool cosine; /* lr then falls to 0 as half a cosine (Loshchilov and Hutter 2017), else it stays
                    (true) */
    /* Gives the learning rate of step (from 0) of n_steps, in place of these two; (NULL): none. It
     * must depend on nothing else if the training is to be resumed. */
    double (*rate)(void *user, size_t step, size_t n_steps);
    double lambda_warmup; /* epochs in which lambda rises linearly from 0 (0) */
    size_t patience;      /* epochs without a better one after which training ends; (0): never */
    const cen_augment *augment; /* (NULL): none */
    uint64_t seed;              /* (1) */
    size_t k;                   /* of the k-NN measure (5) */
    /* Callbacks may be NULL. They return 0 to go on, above 0 to stop, below 0 if they failed (a row
     * of a log could not be written): training then ends with the checkpoint before, and resumes in
     * front of the same call. */
    int (*on_step)(void *user, const cen_step_report *report);
    int (*on_epoch)(void *user, const cen_epoch_report *report);
    /* A file for the whole state of the training: written before the first epoch, after each, and
     * when training stops. The one before stays as "FILE.previous". The name is read at each
     * writing. (NULL): none. */
    const char *checkpoint;
    double checkpoint_seconds; /* also written within an epoch after so much time; (0): not. With
                                  batches of a second or more after each, unless writing takes over
                                  an eighth of the time */
    bool resume; /* go on from `checkpoint`, or from the one before if it is damaged, with the same
                    bits as without a stop. Options (except n_epochs) and the dataset must be the
                    same, by its digest (false) */
    int (*on_resume)(void *user, const cen_resume_report *report);
    cen_progress *on_measure; /* while an epoch is measured; nonzero stops there, with a checkpoint
                                 and without on_epoch. Resumed, it measures that epoch again */
    /* A row that cannot be read, once each. It is left out of its batch, or of what is measured. A
     * batch without rows is passed over; an epoch without rows is an error. */
    void (*on_unreadable)(void *user, const char *name, const char *reason);
    void *user;
    /* At the end, the last dense layer of the best epoch is multiplied by ((1 - a) S + a t)^(-1/4),
     * with S the covariance of training features within their classes, t its mean eigenvalue and a =
     * 0.1. It is scaled so that t stays. Logits stay, too. Not after a stop, and not if the net ends
     * in another layer, that one is frozen, or the loss has no affine head (CosFace, triplets)
     * (false) */
    bool whiten;
} cen_fit_options;

/* Trains on a dataset, whose classes must have the model's names, in any order. The last batch of
 * an epoch may be smaller. A stop ends after the current batch, measures as an epoch's end does,
 * and is no error. During on_epoch the model holds the parameters of that epoch, at the end those
 * of the best one. With an exchange all processes call it alike and read only their share of each
 * batch; `checkpoint` is written and read by rank 0, and another number of processes may resume it;
 * the answer of a callback in one is that of all. Errors: NOT_FINITE (as cen_trainer_backward, and
 * names images; the model holds the best epoch, or the initial weights, and the checkpoint stays),
 * STOPPED (a callback failed), IO, FORMAT, ... (no row of an epoch can be read). */
CEN_API cen_status cen_fit(cen_trainer *trainer, const cen_dataset *dataset,
                           const cen_fit_options *options, cen_error *error);

/* ---- recipe -------------------------------------------------------------------------------- */

/* The settings of cl_train if nobody chooses others. First the input to load a folder with:
 * channels, height and width that are 0 become those of the preset `net`; else 3 channels if an
 * image has colour, and the median shorter side, at most 64. */
CEN_API cen_status cen_folder_choose_input(cen_context *context, const cen_folder *folder,
                                           const char *net, cen_input *input, cen_error *error);

/* Then what depends on the dataset, on train->loss and on train->batch_size; other fields stay.
 * model: the input with mean and std, the classes (names are borrowed), a net that is NULL, and
 * mirror for 1 or 3 channels: up to 1,000 rows are compared with their mirror images and with rows of
 * other classes. train: margin, lambda, centers. fit: epochs, images per class (for triplets), and
 * *augment, which it borrows: cen_augment_light for 1 or 3 channels and classes of fewer than 2,000
 * rows. Each may be NULL.
 * Errors: as cen_dataset_measure. */
CEN_API cen_status cen_recipe_choose(cen_context *context, const cen_dataset *dataset,
                                     cen_model_options *model, cen_train_options *train,
                                     cen_fit_options *fit, cen_augment *augment, cen_error *error);

/* ---- galleries ----------------------------------------------------------------------------- */

typedef enum cen_metric {
    CEN_METRIC_L2,    /* || a - b || */
    CEN_METRIC_COSINE /* 1 - a.b / (|a| |b|); 1 to a vector of zeros */
} cen_metric;

/* Features [n, d] with labels [n]; borrowed. */
typedef struct cen_labelled {
    const float *features;
    const int32_t *labels;
    size_t n;
} cen_labelled;

/* How near a picture must be to its nearest in the gallery to be no stranger. */
typedef struct cen_threshold {
    double distance; /* a picture is known if its nearest is at most this far; in a gallery that
                             strangers calibrated: that of a typical picture (cen_gallery_ask) */
    double false_accepts; /* the share of strangers that pass, as asked for */
    double low, high;     /* 95 % interval of that share for new strangers. Pictures of one stranger
                             are alike, so it counts strangers, not only pictures */
    size_t n_pictures, n_strangers;
} cen_threshold;

/* Who is known: features, each with a name. A gallery lives in memory, and in a file that grows by
 * what is added (see tools/README.md; numpy reads it). Names and sources are bytes without NUL. */
typedef struct cen_gallery cen_gallery;

typedef struct cen_gallery_row {
    const char *name;                /* who it is; not "" */
    const char *source;              /* the path of the picture; NULL or "": none */
    uint8_t digest[CEN_DIGEST_SIZE]; /* of the picture's bytes; zeros: not known */
    bool is_negative;                /* this is not NAME */
    const float *feature;            /* [d] */
} cen_gallery_row;

typedef struct cen_gallery_options {
    size_t size;
    size_t d;
    cen_metric metric;       /* (L2) */
    const char *model;       /* (NULL) the path of the model that made the features, for people */
    const char *fingerprint; /* (NULL) of cen_model_fingerprint: asking with features of another
                                model means nothing */
} cen_gallery_options;

typedef struct cen_gallery_info {
    size_t n, n_negatives, d; /* n counts all rows */
    cen_metric metric;
    const char *model, *fingerprint; /* NULL: not known */
    cen_threshold known;             /* of cen_gallery_calibrate; n_pictures is 0 before that */
    cen_threshold same;              /* the same for one name that is claimed */
    size_t
        n_unfinished; /* bytes at the end of the file that a killed writer left; they are ignored */
} cen_gallery_info;

CEN_API cen_status cen_gallery_create(cen_context *context, cen_gallery **gallery,
                                      const cen_gallery_options *options, cen_error *error);
CEN_API void cen_gallery_free(cen_gallery *gallery);

/* Maps a file; rows are read when they are needed. To change the file, take its lock: changes waits
 * for another writer, and holds the lock until cen_gallery_free. A reader keeps what it has loaded.
 * Errors: IO, FORMAT, LIMIT. */
CEN_API cen_status cen_gallery_load(cen_context *context, cen_gallery **gallery, const char *path,
                                    bool changes, cen_error *error);

/* Makes the file hold the gallery. If rows were only added to what was loaded from path, only these
 * are written; else a new file replaces the old one, and what was removed is gone from it. A crash
 * leaves the old gallery or the new one. Errors: IO. */
CEN_API cen_status cen_gallery_save(cen_gallery *gallery, const char *path, cen_error *error);

/* Borrowed; valid until the gallery changes, as are the rows. */
CEN_API const cen_gallery_info *cen_gallery_get(const cen_gallery *gallery);
CEN_API cen_status cen_gallery_row_get(const cen_gallery *gallery, size_t i, cen_gallery_row *row,
                                       cen_error *error);

/* The first `most` rows of a name, in rows[most], and the number of all in *n. */
CEN_API cen_status cen_gallery_find(const cen_gallery *gallery, const char *name, size_t *rows,
                                    size_t most, size_t *n, cen_error *error);

/* Copies n rows to the end. Errors: NOT_FINITE, LIMIT. */
CEN_API cen_status cen_gallery_add(cen_gallery *gallery, const cen_gallery_row *rows, size_t n,
                                   cen_error *error);

/* The other rows keep their order. ARGUMENT also for a row that is given twice. */
CEN_API cen_status cen_gallery_remove(cen_gallery *gallery, const size_t *rows, size_t n,
                                      cen_error *error);

/* All rows of `from`, negatives too; if `to` is there already, the two become one. ARGUMENT also for
 * a name that is not there. */
CEN_API cen_status cen_gallery_rename(cen_gallery *gallery, const char *from, const char *to,
                                      cen_error *error);

typedef struct cen_calibration {
    size_t size;
    double false_accepts;          /* share of strangers' pictures that may pass (0.01) */
    const cen_labelled *strangers; /* whose classes are not in the gallery; (NULL): each name of
                                      the gallery plays the stranger to the others */
} cen_calibration;

/* Sets info->known and info->same, which cen_gallery_save keeps. The n_pictures of `same` counts
 * claims: pictures compared with a name. Its share is that of all names together; one name may let
 * more strangers pass. The gallery also keeps the features of up to 512 pictures of strangers.
 * Calibrate again after one of them is added. Errors: ARGUMENT (as cen_threshold_calibrate), FORMAT
 * (a damaged row). */
CEN_API cen_status cen_gallery_calibrate(cen_gallery *gallery, const cen_calibration *options,
                                         cen_error *error);

typedef enum cen_weights {
    CEN_WEIGHTS_UNIFORM,  /* each neighbour counts 1 */
    CEN_WEIGHTS_DISTANCE, /* 1 / distance; if some are at distance 0, only these count, 1 each */
    CEN_WEIGHTS_STEEP     /* the same with distance^16, of cosine distances ^8: of two that are
                             nearly as near, both count; else the nearer one decides */
} cen_weights;

typedef struct cen_ask_options {
    size_t size;
    size_t k;            /* neighbours that vote (5) */
    cen_weights weights; /* (STEEP): a name with one picture can win against names with many */
    double threshold;    /* neighbours beyond it do not vote; infinity: all do. (-1): that of the
                            gallery; if it is not calibrated, all vote, and a claim is refused */
    const char *claim;   /* (NULL): who is it? Else: is it this one? */
    bool together;       /* (false) all features show one visitor and are one question */
} cen_ask_options;

typedef struct cen_answer {
    const char *name;    /* NULL: unknown, or not the one that was claimed */
    const char *nearest; /* the name of the nearest row; NULL: the gallery is empty */
    double distance;  /* to the nearest row of `name` or of the claim; if unknown, of `nearest` */
    double margin;    /* by which the nearest row of any other name is farther (or, if below 0,
                            nearer); infinity: there is none */
    double share;     /* of the votes; 0 if unknown */
    double threshold; /* that decided */
    size_t n_nearest; /* rows[i * k ...] and distances of question i that are set; no negatives */
} cen_answer;

/* Answers n questions, or one of n pictures (the mean of their directions, with their mean length).
 * The k nearest rows within the threshold vote; a tie goes to the name that is first by its bytes.
 * The answer is unknown if a negative of any name is nearer than the nearest row of the name that
 * wins. In a gallery that strangers calibrated, a question has a smaller threshold if strangers are
 * near to it.
 *
 * rows[questions, k] and distances[questions, k] are the nearest rows and may be NULL. After a
 * failure, the outputs have any content. Names are borrowed, as rows are. Errors: ARGUMENT (also a
 * claim of which there is no row), NOT_FINITE, FORMAT (a damaged row). */
CEN_API cen_status cen_gallery_ask(const cen_gallery *gallery, const float *features, size_t n,
                                   const cen_ask_options *options, cen_answer *answers,
                                   size_t *rows, float *distances, cen_error *error);

/* ---- defaults ------------------------------------------------------------------------------ */

static inline cen_context_options cen_context_options_init(void)
{
    cen_context_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

static inline cen_image_options cen_image_options_init(void)
{
    cen_image_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.max_pixels = (size_t)1 << 28;
    return options;
}

static inline cen_dataset cen_dataset_init(void)
{
    cen_dataset dataset;
    memset(&dataset, 0, sizeof dataset);
    dataset.size = sizeof dataset;
    return dataset;
}

static inline cen_arrays cen_arrays_init(void)
{
    cen_arrays arrays;
    memset(&arrays, 0, sizeof arrays);
    arrays.size = sizeof arrays;
    arrays.validation_share = 0.1;
    arrays.seed = 1;
    return arrays;
}

static inline cen_augment cen_augment_init(void)
{
    cen_augment augment;
    memset(&augment, 0, sizeof augment);
    augment.size = sizeof augment;
    return augment;
}

/* What cl_train calls light ... */
static inline cen_augment cen_augment_light(void)
{
    cen_augment augment = cen_augment_init();
    augment.shift = 0.1;
    augment.rotation = 12;
    augment.scale = 0.15;
    augment.brightness = 0.1;
    augment.contrast = 0.1;
    return augment;
}

/* ... and strong. Neither flips. */
static inline cen_augment cen_augment_strong(void)
{
    cen_augment augment = cen_augment_init();
    augment.shift = 0.15;
    augment.rotation = 18;
    augment.scale = 0.25;
    augment.brightness = 0.3;
    augment.contrast = 0.3;
    augment.erase = 0.25;
    return augment;
}

static inline cen_folder_options cen_folder_options_init(void)
{
    cen_folder_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.validation_share = 0.1;
    options.seed = 1;
    options.max_pixels = (size_t)1 << 28;
    return options;
}

static inline cen_model_limits cen_model_limits_init(void)
{
    cen_model_limits limits;
    memset(&limits, 0, sizeof limits);
    limits.size = sizeof limits;
    limits.max_input = (size_t)1 << 22;
    limits.max_work = 1e11;
    return limits;
}

static inline cen_model_options cen_model_options_init(void)
{
    cen_model_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.net = "small";
    options.input.channels = 1;
    options.input.height = 28;
    options.input.width = 28;
    for (size_t c = 0; c < CEN_MAX_CHANNELS; c++) options.input.std[c] = 1;
    options.seed = 1;
    return options;
}

static inline cen_exchange cen_exchange_init(void)
{
    cen_exchange exchange;
    memset(&exchange, 0, sizeof exchange);
    exchange.size = sizeof exchange;
    exchange.n_ranks = 1;
    return exchange;
}

static inline cen_train_options cen_train_options_init(void)
{
    cen_train_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.margin = 0.2;
    options.margin_scale = 30;
    options.lambda = 0.02;
    options.centers = CEN_CENTERS_MEAN;
    options.alpha = 0.5;
    options.lr = 2e-3;
    options.beta1 = 0.9;
    options.beta2 = 0.999;
    options.adam_eps = 1e-8;
    options.weight_decay = 0.02;
    options.batch_size = 64;
    options.n_shards = 1;
    options.seed = 1;
    return options;
}

static inline cen_fit_options cen_fit_options_init(void)
{
    cen_fit_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.n_epochs = 30;
    options.shuffle = true;
    options.warmup = 1;
    options.cosine = true;
    options.seed = 1;
    options.k = 5;
    return options;
}

static inline cen_gallery_options cen_gallery_options_init(void)
{
    cen_gallery_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

static inline cen_calibration cen_calibration_init(void)
{
    cen_calibration options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.false_accepts = 0.01;
    return options;
}

static inline cen_ask_options cen_ask_options_init(void)
{
    cen_ask_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.k = 5;
    options.weights = CEN_WEIGHTS_STEEP;
    options.threshold = -1;
    return options;
}

#ifdef __cplusplus
}
#endif

#endif
