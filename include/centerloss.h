/* libcenterloss: trains a small convolutional net with softmax cross-entropy + lambda * center
 * loss, so that one class is one tight cloud of feature vectors and plain k-nearest-neighbours
 * works, also for classes that were never trained. Plain C99, no packages. MIT licence.
 *
 *     loss = mean_i CE(logits_i, y_i) + lambda * mean_i || f_i - c_{y_i} ||^2
 *
 * The means are over the batch, the square is summed over the D numbers of a feature, no 1/2.
 *
 * Rules that hold for everything below:
 * - What can fail returns cen_status and fills *error (NULL is allowed) with one sentence that
 *   names the file, the place and the remedy. On failure nothing is left to free.
 * - Nothing prints, exits, handles signals or keeps state outside the objects. Two threads may use two
 *   objects; one object belongs to one thread at a time, except where a function takes it as const.
 * - The locale is left alone, and has no say in what is read, written or computed; errno is left alone
 *   by what succeeds.
 * - Every _create, _open, _load has its _free; _free(NULL) does nothing.
 * - Float tensors are dense, row-major, n c h w. The number of threads of a context never changes a result
 *   by a single bit.
 * - Paths are UTF-8.
 * - Options begin with their size, which their _init sets together with the defaults; then fields are changed. A
 *   library that knows more fields than the caller's header takes defaults for the others. NULL stands for the
 *   defaults. Without its size it is an error (ARGUMENT). A struct that does not begin with one never grows.
 *
 * centerloss_eval.h measures and audits features, keeps them in files and draws pages. */
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

/* The version of the library that is linked, as CEN_VERSION is that of the header. */
CEN_API const char *cen_version(void);

/* ---- errors -------------------------------------------------------------------------------- */

typedef enum cen_status {
    CEN_OK = 0,
    CEN_ERROR_ARGUMENT,    /* the caller asked for what makes no sense */
    CEN_ERROR_MEMORY,      /* an allocation failed */
    CEN_ERROR_IO,          /* the system refused to open, read or write */
    CEN_ERROR_FORMAT,      /* the bytes are damaged or not what they claim to be */
    CEN_ERROR_UNSUPPORTED, /* well-formed, but of a kind that is not read */
    CEN_ERROR_LIMIT,       /* over a limit of the caller or of the format */
    CEN_ERROR_STOPPED,     /* a callback asked to stop */
    CEN_ERROR_NOT_FINITE   /* training came to infinity or to what is no number */
} cen_status;

typedef struct cen_error {
    cen_status status;
    char message[512]; /* one sentence, UTF-8, no newline */
} cen_error;

/* A few words for a status; never NULL. */
CEN_API const char *cen_status_name(cen_status status);

/* ---- context --------------------------------------------------------------------------------- */

/* Threads and the instruction set that objects and calls use. An object keeps the context that it is made in,
 * which must outlive it. Several threads may use one context: while it works for one of them, the
 * others compute on their own. NULL stands for a private one with the default options, which lives as long
 * as the object or the call. */
typedef struct cen_context cen_context;

typedef struct cen_context_options {
    size_t size; /* see above */
    int n_threads; /* with the caller, at most 1024; 0: one for each processor that this process may use, by
                      its affinity and the quota of its control group */
    /* Both or none (malloc and free): all memory of the context and of what is made in it. allocate returns
     * NULL if it has none; it asks for up to 96 bytes more than an array needs, which it then aligns itself.
     * Both may be called from any thread that uses the context, and its own; a zeroed or a larger array is
     * made of a new one. */
    void *(*allocate)(void *user, size_t size);
    void (*release)(void *user, void *block); /* never NULL, and of allocate */
    void *allocator_user;
} cen_context_options;

static inline cen_context_options cen_context_options_init(void)
{
    cen_context_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

/* Takes the best instruction set of the processor, or the lower one that the environment variable
 * CEN_INSTRUCTIONS names. Threads start when there is work for them, sleep when there is none, and are not
 * needed: what the system refuses, the caller does. After a fork, parent and child may both go on.
 * options may be NULL. Errors: ARGUMENT (n_threads, a size of 0, one of allocate and release), MEMORY. */
CEN_API cen_status cen_context_create(cen_context **context, const cen_context_options *options,
                                      cen_error *error);

/* After all that was made in it: objects, images, sets, findings. */
CEN_API void cen_context_free(cen_context *context);

/* Threads that work in it, with the caller; 1 for NULL. */
CEN_API int cen_context_threads(const cen_context *context);

/* ---- tensors ------------------------------------------------------------------------------- */

enum { CEN_MAX_DIMS = 4 };

/* A shape and a float32 buffer, row-major: a view that owns nothing. */
typedef struct cen_tensor {
    size_t n_dims;
    size_t shape[CEN_MAX_DIMS]; /* unused entries are 1 */
    float *data;
} cen_tensor;

/* ---- images -------------------------------------------------------------------------------- */

/* 8 bits a channel, rows from the top, interleaved: pixels[(y * width + x) * channels + c]. */
typedef struct cen_image {
    size_t width, height;
    int channels;        /* 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha */
    uint8_t *pixels;     /* owned; cen_image_free */
    const char *warning; /* NULL, or a static sentence on what was tolerated ("... ends early") */
    uint8_t excess[4];   /* left, top, right, bottom: eighths of a pixel that the outermost pixels
                            reach beyond the picture. Only a JPEG decoded at 1/2 to 1/8 has any;
                            cen_image_resize leaves them out */
} cen_image;

typedef struct cen_image_options {
    size_t size;       /* see above */
    int channels;      /* 0: as in the file; 1, 3 or 4: as Pillow's convert("L"), ("RGB"), ("RGBA");
                          alpha is dropped, not blended */
    size_t max_pixels; /* width * height above this is refused before memory is taken */
    size_t target_height, target_width; /* 0, 0: every pixel. Else: the size that the caller will
                          resize to; a JPEG may then be decoded at 1/2, 1/4 or 1/8, as long as both
                          sides stay at least twice the target's */
} cen_image_options;

/* As in the file, at most 2^28 pixels, every pixel. */
static inline cen_image_options cen_image_options_init(void)
{
    cen_image_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.max_pixels = (size_t)1 << 28;
    return options;
}

/* PNG, JPEG, BMP or PNM (P1 to P6), told by the bytes, not the name. EXIF orientation is applied.
 * options may be NULL. Errors: IO, FORMAT (with the place), UNSUPPORTED (with the kind: "WebP is
 * not supported"), LIMIT, MEMORY. What is missing at the end of a JPEG, or behind
 * the pixels of a PNG, is tolerated with image->warning set. So are samples of 16 bits, cut to the
 * upper 8, that are all below 4096: what is left of them is nearly black.
 * So is a picture of one colour whose alpha, which is dropped, is the drawing. Of a file at most 16 MB and
 * 24 bytes a pixel are read. */
CEN_API cen_status cen_image_read(cen_context *context, const char *path,
                                  const cen_image_options *options, cen_image *image,
                                  cen_error *error);
CEN_API cen_status cen_image_decode(cen_context *context, const void *bytes, size_t size,
                                    const cen_image_options *options, cen_image *image,
                                    cen_error *error);

/* Width, height (after orientation) and channels from the header alone; pixels stays NULL. */
CEN_API cen_status cen_image_read_size(cen_context *context, const char *path, cen_image *image,
                                       cen_error *error);

/* Frees the pixels and zeroes the struct. */
CEN_API void cen_image_free(cen_image *image);

typedef enum cen_resize {
    CEN_RESIZE_CROP,   /* scale so that the image covers the target, then cut out the center */
    CEN_RESIZE_STRETCH /* scale both sides on their own */
} cen_resize;

/* Antialiased bilinear as Pillow's resize(..., BILINEAR) does it: a triangle filter whose support
 * grows with the scale, in fixed point. *resized is new and the caller's to free. CROP, for a
 * target of H x W: the scale is max(H / height, W / width), the other side is cut to a whole
 * number, and the crop's offset is half of what is over, rounded half to even, as torchvision's
 * Resize + CenterCrop. An image with an excess is cropped as the whole picture would be, and resized
 * as Pillow's resize(..., box=...). Colours of 2 and 4 channels are weighted by alpha. Errors:
 * ARGUMENT (a side of 0, no pixels, an excess as large as the image), MEMORY. */
CEN_API cen_status cen_image_resize(cen_context *context, const cen_image *image, size_t height,
                                    size_t width, cen_resize mode, cen_image *resized,
                                    cen_error *error);

/* Writes an image of 1, 2, 3 or 4 channels as PNG, without waiting for the disk. Errors: ARGUMENT,
 * IO, MEMORY. */
CEN_API cen_status cen_image_write_png(cen_context *context, const cen_image *image,
                                       const char *path, cen_error *error);

/* ---- datasets --------------------------------------------------------------------------------- */

enum { CEN_MAX_CHANNELS = 64 };

/* How raw values become a net's input: x = (value - mean) / std, a mean and std for each channel. A picture
 * of 1 or 3 channels is resized to height x width first, and its values are pixel / 255. */
typedef struct cen_input {
    size_t channels, height, width;
    cen_resize resize;
    float mean[CEN_MAX_CHANNELS], std[CEN_MAX_CHANNELS];
} cen_input;

typedef enum cen_split {
    CEN_SPLIT_TRAIN,
    CEN_SPLIT_VALIDATION,
    CEN_SPLIT_TEST,
    CEN_SPLIT_HELD_OUT /* of classes that take no part in training */
} cen_split;

/* "train", "val", "test", "heldout". */
CEN_API const char *cen_split_name(cen_split split);

/* Rows of raw values with their labels: what training, measuring and extracting take. cen_folder_dataset gives that
 * of a folder or a list of images, cen_arrays_create that of arrays in memory. A program of its own data fills one by
 * hand, after cen_dataset_init. All that it points to is borrowed and must stay as it is while it is used. */
typedef struct cen_dataset {
    size_t size; /* see above */
    size_t n, n_classes;
    const char *const *class_names; /* [n_classes], all different; NULL: "0", "1", ... */
    size_t channels, height, width; /* 1 to CEN_MAX_CHANNELS channels */
    cen_resize
        resize; /* of pictures: as they got this size. It is to be that of the model's input */
    const int32_t *
        labels; /* [n]; -1: none. Of rows to train and to validate below n_classes. NULL: no row has one */
    const cen_split *splits;  /* [n]; NULL: all rows are to train */
    const char *const *names; /* [n], for messages; NULL: "row 0", "row 1", ... */
    uint64_t
        digest; /* of all values. A training resumes only with the same; 0: not known, and with any */
    const float *mean,
        *std; /* [channels] of the training rows; NULL: cen_dataset_measure reads these */
    void *user;
    /* x[n, channels, height, width] = the raw values of rows[n]. Called from the thread that called the
     * library. MEMORY, STOPPED and ARGUMENT end what it was called for. After any other error the rows are
     * asked for in parts: those that fail by themselves are passed over. What is no status counts as IO. */
    cen_status (*read)(void *user, const size_t *rows, size_t n, float *x, cen_error *error);
} cen_dataset;

static inline cen_dataset cen_dataset_init(void)
{
    cen_dataset dataset;
    memset(&dataset, 0, sizeof dataset);
    dataset.size = sizeof dataset;
    return dataset;
}

/* Arrays of a program as a dataset; all are borrowed. */
typedef struct cen_arrays {
    size_t size; /* see above */
    size_t n, channels, height, width;
    cen_resize resize;    /* as in cen_dataset */
    const float *values;  /* [n, channels, height, width], or else */
    const uint8_t *bytes; /* the same; a value is byte / 255 */
    const int32_t *labels;
    size_t n_classes;
    const char *const *class_names; /* as in cen_dataset */
    const cen_split *splits;        /* NULL: drawn */
    double validation_share;        /* as in cen_folder_options, of each class, by seed */
    uint64_t seed;
} cen_arrays;

/* Share 0.1, seed 1. */
static inline cen_arrays cen_arrays_init(void)
{
    cen_arrays arrays;
    memset(&arrays, 0, sizeof arrays);
    arrays.size = sizeof arrays;
    arrays.validation_share = 0.1;
    arrays.seed = 1;
    return arrays;
}

/* Errors: ARGUMENT (neither or both of values and bytes, a share, what cen_fit would refuse of a dataset), LIMIT (the
 * size overflows), MEMORY. */
CEN_API cen_status cen_arrays_create(cen_context *context, cen_dataset **dataset,
                                     const cen_arrays *arrays, cen_error *error);
CEN_API void cen_arrays_free(cen_dataset *dataset);

/* Random changes of a training row, each drawn from (seed, epoch, row) only. Brightness and contrast
 * change all channels alike, which makes sense for pictures; leave them at 0 for sensors. */
typedef struct cen_augment {
    size_t size;       /* see above */
    double shift;      /* moved by up to this share of each side; what comes in repeats the edge */
    double rotation;   /* turned by up to this many degrees */
    double scale;      /* grown or shrunk by a factor of up to 1 + this */
    double brightness; /* up to this added to the raw values */
    double contrast;   /* and their distance to the row's mean times up to 1 + this, or divided */
    double erase;      /* chance that a rectangle of 2 to 20 % of the area becomes the mean */
    bool flip;         /* left and right change places in every second row, and of each row
                        * in every second epoch. cen_fit does so if, and only if, the model mirrors */
} cen_augment;

/* Nothing. */
static inline cen_augment cen_augment_init(void)
{
    cen_augment augment;
    memset(&augment, 0, sizeof augment);
    augment.size = sizeof augment;
    return augment;
}

/* What cl_train calls light: no erasing and no flip, */
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

/* and strong: no flip. */
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

/* For a loop of one's own: x[n, channels, height, width] and labels[n] (NULL: none) of rows[n], as cen_fit
 * feeds them: read, changed by `augment` (NULL: not), normalised by the mean and std of input. Shift,
 * rotation and scale are one bilinear resampling. Errors: ARGUMENT (the dataset, its size is not that of input, a row
 * that it has not, a share outside of 0 to 1, a rotation of over 180), NOT_FINITE (a value, names the row), MEMORY,
 * what dataset->read gave. */
CEN_API cen_status cen_dataset_read(cen_context *context, const cen_dataset *dataset,
                                    const cen_input *input, const cen_augment *augment,
                                    uint64_t seed, size_t epoch, const size_t *rows, size_t n,
                                    float *x, int32_t *labels, cen_error *error);

/* The rows of an epoch of training into order[dataset->n + n_classes * per_class]; *n: how many. n_classes 0: each
 * training row once, shuffled by (seed, epoch). Else batches of n_classes classes with per_class rows each: classes
 * come in shuffled rounds, and so do the rows of a class, so that a class with few gives some twice in an epoch;
 * *n is a multiple of n_classes * per_class. 1, 1 gives single rows, whose classes come equally often. Errors:
 * ARGUMENT (the dataset; fewer than n_classes classes, a class without a training row), MEMORY. */
CEN_API cen_status cen_dataset_order(cen_context *context, const cen_dataset *dataset,
                                     size_t n_classes, size_t per_class, uint64_t seed,
                                     size_t epoch, size_t *order, size_t *n, cen_error *error);

/* mean[channels] and standard deviation std[channels] of the training rows' raw values, for cen_input. A channel without
 * spread gets std 1. Rows that cannot be read are passed over. Errors: ARGUMENT (the dataset, no training row),
 * NOT_FINITE, MEMORY, what dataset->read gave for all. */
CEN_API cen_status cen_dataset_measure(cen_context *context, const cen_dataset *dataset,
                                       float *mean, float *std, cen_error *error);

/* ---- folders of images --------------------------------------------------------------------- */

typedef struct cen_folder cen_folder;

typedef struct cen_folder_options {
    size_t size;             /* see above */
    double validation_share; /* of each class, drawn by seed; a class of two or more gives at least
                                one and keeps at least one; unused if there are validation images
                                already */
    const char
        *validation;      /* a folder of classes or a list with the validation images; NULL: none */
    const char *group;    /* pictures of one group stay on one side of every split. "1": the group
                                is the first folder below the class ("2": the first two ...); with a
                                *: what the first * matches in the name of the file ("*_*": all in
                                front of the first _); else a column of the list. NULL: none */
    double holdout_share; /* of the classes: kept out of training as a whole, drawn by seed */
    const char *holdout_list; /* or a text file that names them, one a line; NULL: none */
    uint64_t seed;
    bool strict;       /* a broken image is an error, not skipped */
    bool unlabelled;   /* classes are not needed: pictures may lie in the root, with label -1 */
    bool allow_empty;  /* a class without a usable training image is left out: no error */
    size_t max_pixels; /* as in cen_image_options */
    bool exact_decode; /* large JPEGs are decoded at full size before they are resized */
    bool
        lazy; /* cen_folder_load decodes nothing: each image is decoded when it is read, and skipped
                  and damaged grow then. For features, which need every image once. One thread at a time
                  reads such a folder */
} cen_folder_options;

/* Share 0.1, seed 1, not strict, classes needed. */
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

typedef struct cen_folder_image {
    const char *path;  /* as opened: root and all */
    const char *name;  /* below its class (or its root); of a list: as written there */
    const char *group; /* NULL: in none */
    int32_t label;     /* row in class_names; -1: unlabelled, or of a test folder without classes */
    cen_split split;
    size_t width, height; /* of the file */
    int channels;
} cen_folder_image;

typedef struct cen_file_note {
    const char *path, *reason;
} cen_file_note;

typedef struct cen_folder_info {
    size_t n_classes;  /* to train on */
    size_t n_held_out; /* others: labels n_classes .. n_classes + n_held_out - 1 */
    size_t n_images, n_skipped, n_damaged;
    const char *const *class_names; /* both kinds, each sorted bytewise */
    /* By split, class, name, all bytewise; unlabelled: path by path in the order given, and so below each. */
    const cen_folder_image *images;
    const cen_file_note *skipped; /* images that could not be used */
    const cen_file_note *damaged; /* used, though their file is damaged */
    const cen_file_note *remarks; /* folders that are no classes, two spellings of one class, ... */
    size_t n_remarks;
    size_t n_passed_over; /* dot files and files that are no images */
    bool has_own_split; /* no validation images are drawn: they, or with unlabelled any split, were
                             there already */
} cen_folder_info;

/* Reads the names and image headers below each path; classes of one name are one class. A path is
 *   root/CLASS/... with images at any depth below the class; or
 *   root/{train,val,test}/CLASS/..., also training, valid, validation, testing, in any case; what
 *   stands beside them is not read, and without val a share of train is drawn. Validation and test
 *   labels are matched by name. test/ may hold images without classes; or
 *   a list (.csv, .tsv, .txt; RFC 4180): path,label[,split] with or without a header, which may name
 *   these (or class, instead of label) and others in any order. Paths are relative to the list's
 *   folder; without a label a row is of a test split. A list has at most 2^28 bytes and takes 1 MB and
 *   256 times them in memory (rows of 32 bytes and more 16 times), besides its folder's name for each row; or
 *   (unlabelled only) an image, a folder of images, or "-": names on standard input, one a line.
 * Links are followed; a folder that a class has already is not read again. Folders of the system
 * (__MACOSX, @eaDir, lost+found ...), runs of cl_train and folders whose files are no images are no
 * classes, which a remark says. Errors: IO (no such folder), ARGUMENT (no classes, one class, an empty
 * class, a class that cannot be held out, a picture with two labels or in two splits, a group in two
 * splits, no usable image in options->validation), FORMAT (a list; with strict an image), LIMIT (a list), MEMORY. */
CEN_API cen_status cen_folder_open(cen_context *context, cen_folder **folder,
                                   const char *const *paths, size_t n_paths,
                                   const cen_folder_options *options, cen_error *error);
CEN_API void cen_folder_free(cen_folder *folder);

/* Borrowed; valid until the folder is loaded or freed. */
CEN_API const cen_folder_info *cen_folder_get(const cen_folder *folder);

/* Return nonzero to stop. Called from the thread that called the library. */
typedef int cen_progress(void *user, size_t done, size_t total);

/* Decodes and resizes every image once, in parallel: broken ones move from images to skipped (so
 * fetch cen_folder_get again), and the others stay in memory as bytes at the input's size, as many
 * as cache_bytes hold (the rest is decoded again at each read). input->mean and std are not used.
 * progress may be NULL. Errors: as cen_folder_open, LIMIT (the input's size), STOPPED, ARGUMENT (all
 * images have one level in every pixel). */
CEN_API cen_status cen_folder_load(cen_folder *folder, const cen_input *input, size_t cache_bytes,
                                   cen_progress *progress, void *user, cen_error *error);

/* The images of a loaded folder as a dataset, in the order of cen_folder_info, names are paths. A list of
 * images is a folder, too. Borrowed; valid until the folder is loaded or freed. NULL: it is not loaded. An image
 * that is not cached and has changed or gone is a row that cannot be read. */
CEN_API const cen_dataset *cen_folder_dataset(const cen_folder *folder);

/* ---- models -------------------------------------------------------------------------------- */

/* A named net. A size of 0 means: measured on the images. */
typedef struct cen_preset {
    const char *name, *net;
    size_t channels, height, width;
} cen_preset;

/* All presets; the first is the default. */
CEN_API const cen_preset *cen_presets(size_t *n);

/* A net is one line of text that describes the body, from the image to the feature:
 *
 *     conv 10 2x2, maxpool 2, flatten, dense 32, relu
 *
 *     conv OUT HxW [stride S] [pad P] [groups G]
 *                                       weight [out, in / G, h, w], bias [out]; S and P: N or HxW; G
 *                                       groups of channels, each to its own outputs, as torch.nn.Conv2d
 *     maxpool HxW [stride S] [pad P]    HxW may be one number; stride as the window by default; P at
 *                                       most half of the window, as torch.nn.MaxPool2d
 *     avgpool HxW [stride S] [pad P]    the same; padding counts as zeros, as torch.nn.AvgPool2d
 *     flatten                           c h w in this order
 *     dense OUT                         weight [out, in], bias [out]
 *     relu                              max(x, 0)
 *     relu6                             min(max(x, 0), 6)
 *     gelu                              x times the share of the normal distribution below x, exact
 *     prelu                             weight [channels], 0.25 at first: x > 0 ? x : weight * x
 *     batchnorm                         weight, bias, running_mean, running_var [channels]: eps 1e-5,
 *                                       momentum 0.1, as torch.nn.BatchNorm1d and BatchNorm2d
 *     gap                               mean over height and width: [c, 1, 1]
 *     dropout P                         in training zero with chance P, the rest times 1 / (1 - P)
 *     l2norm [scale S]                  S x / || x || over the feature; without S: weight [1], learned,
 *                                       1 at first
 *     residual {A, B}                   the sum of layers A, B and their input, of the same shape
 *     residual {A, B | S, T}            the sum of two branches with the same input; may be nested, 8 deep
 *
 * It maps index by index on torch.nn.Sequential; a residual is a module with two of these, main and
 * shortcut. The last layer's output is the feature; a head
 * (weight [classes, D], bias) and a center table [classes, D] stand beside the body. */
typedef struct cen_model cen_model;

/* What a model that comes from elsewhere may ask for. */
typedef struct cen_model_limits {
    size_t size; /* see above */
    size_t
        max_input; /* height * width of its input; and what an image takes while it runs is at most
                         512 bytes for each of so many pixels */
    double max_work; /* as in cen_model_info */
} cen_model_limits;

/* 2^22 pixels (so 2 GB while it runs), 1e11 multiply-adds. */
static inline cen_model_limits cen_model_limits_init(void)
{
    cen_model_limits limits;
    memset(&limits, 0, sizeof limits);
    limits.size = sizeof limits;
    limits.max_input = (size_t)1 << 22;
    limits.max_work = 1e11;
    return limits;
}

typedef struct cen_model_options {
    size_t size;         /* see above */
    const char *net;     /* a line, or a preset's name */
    size_t feature_size; /* replaces OUT of the last dense; 0: as in the line */
    cen_input input;
    /* Left and right mean the same: cen_fit flips training rows (see cen_augment), and a feature is the mean of the
     * body's outputs for an image and for its mirror image, with the length of these after an l2norm. */
    bool mirror;
    size_t n_classes;
    const char *const *class_names; /* NULL: "0", "1", ... */
    uint64_t seed;                  /* of the initial weights: He uniform before a rectifier, else
                                       Glorot uniform; biases 0, centers uniform in +-0.05 */
    const cen_model_limits *limits; /* if net and input come from elsewhere; NULL: none */
} cen_model_options;

/* The first preset, 1 x 28 x 28, mean 0, std 1, not mirrored, no classes, seed 1, no limits. */
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

/* Errors: ARGUMENT (a line that cannot be read: names the word and its column; a net too large for
 * the image: names the layer; a limit of 0), LIMIT (before memory is taken: with limits, its parameters
 * may take no more than an image), MEMORY. options and what it points to are copied. */
CEN_API cen_status cen_model_create(cen_context *context, cen_model **model,
                                    const cen_model_options *options, cen_error *error);
CEN_API void cen_model_free(cen_model *model);

/* A model file is safetensors: body.I.weight, body.I.bias (I = place in the line; in a residual
 * body.I.main.J.weight, body.I.shortcut.J.weight), head.weight, head.bias, centers.weight, and in __metadata__ all that makes an image an input again. Class names
 * are any bytes: where one is not UTF-8, their bytes stand in classes_hex, too. path may
 * be a run folder that holds model.safetensors. limits NULL: the default ones; they are checked before
 * the memory of the model is taken. Errors: ARGUMENT (a limit of 0), IO, FORMAT (also a tensor with a
 * number that is not finite, or a variance below 0), LIMIT, MEMORY. */
CEN_API cen_status cen_model_load(cen_context *context, cen_model **model, const char *path,
                                  const cen_model_limits *limits, cen_error *error);
/* Errors: NOT_FINITE (a tensor that cen_model_load would refuse; no file is written), IO, LIMIT, MEMORY. */
CEN_API cen_status cen_model_save(const cen_model *model, const char *path, cen_error *error);

/* The same of the bytes of a model file. in_place: they must outlive the model, and stay as they are: its numbers
 * are not copied, if the file is one of cen_model_save, its bytes begin at a multiple of 4, and the machine is
 * little-endian. Predictors read them where they are (flash, a mapped file); what may write to them
 * (cen_trainer_create, cen_model_parameters, ...) makes a copy first. Errors: as above, without IO. */
CEN_API cen_status cen_model_load_memory(cen_context *context, cen_model **model, const void *bytes,
                                         size_t size, bool in_place, const cen_model_limits *limits,
                                         cen_error *error);

/* The bytes that cen_model_save writes, into bytes[most]. *size is how many they are, also if bytes is NULL, to
 * ask for that alone. Errors: LIMIT (most is less: *size is set), NOT_FINITE, MEMORY. */
CEN_API cen_status cen_model_save_memory(const cen_model *model, void *bytes, size_t most,
                                         size_t *size, cen_error *error);

/* Copies tensors by name from a safetensors file into the model. Body tensors of another shape are
 * an error; head and centers of another shape (other classes) are left. *n_taken (may be NULL) says
 * how many were copied; none at all is an error, and so is a number that is not finite. On failure the
 * model and *n_taken are as they were. Errors: IO, FORMAT, ARGUMENT, LIMIT, MEMORY. */
CEN_API cen_status cen_model_load_weights(cen_model *model, const char *path, size_t *n_taken,
                                          cen_error *error);

/* Gives the model n classes of these names (NULL: "0", "1", ...). A class whose name it has keeps its rows of head
 * and centers. Where a class is renamed, from[n] says which row so far each class takes over, SIZE_MAX: none;
 * NULL: the row of the same name. New rows start as in cen_model_create, by the model's seed (1 if it was
 * loaded) and the name. Trainers and predictors of the model must be made anew: the old ones give an error.
 * Errors: ARGUMENT (a class without a name, a row that is none), LIMIT, MEMORY; then the model is as it was. */
CEN_API cen_status cen_model_set_classes(cen_model *model, size_t n, const char *const *names,
                                         const size_t *from, cen_error *error);

/* Keeps key = value in the model file's __metadata__ ("lambda", "epochs", ...). Both are copied. Errors:
 * ARGUMENT (a key that the file has itself: format, net, input, resize, mean, std, mirror, classes,
 * classes_hex, head, head_scale; or what is not UTF-8), MEMORY. */
CEN_API cen_status cen_model_set_note(cen_model *model, const char *key, const char *value,
                                      cen_error *error);

/* The value of a key; NULL if there is none. Valid until the next cen_model_set_note. */
CEN_API const char *cen_model_note(const cen_model *model, const char *key);

/* A residual's layers stand each as a layer, those of main, then those of the shortcut, then their sum with
 * the text "residual". */
typedef struct cen_layer_info {
    const char *text;               /* as in the line, "conv 10 2x2" */
    const char *place;              /* "4", "4.main.0": its tensors are body.PLACE.weight, ... */
    size_t channels, height, width; /* of its output */
    size_t n_parameters;
} cen_layer_info;

typedef struct cen_model_info {
    const char *net; /* the line, presets resolved */
    cen_input input;
    bool mirror;
    size_t feature_size, n_classes;
    const char *const *class_names;
    size_t n_layers;
    const cen_layer_info *layers;
    size_t n_parameters; /* body and head, without centers */
    size_t n_center_parameters;
    double
        work; /* multiply-adds of the features of an image, twice as many where it mirrors. A layer
                    counts at least 64 for each number of its input or output, whichever are more:
                    moving a number costs as much */
} cen_model_info;

/* Borrowed; valid until the model is freed or gets other classes. */
CEN_API const cen_model_info *cen_model_get(const cen_model *model);

/* All parameters as one buffer: body, head, centers. Borrowed and writable. NULL if it takes a copy and there is
 * no memory. */
CEN_API float *cen_model_parameters(cen_model *model, size_t *n);

/* The i-th named tensor: views into that buffer, in its order, then the running statistics, which
 * stand behind its n numbers. False past the last, and as above. */
CEN_API bool cen_model_tensor(cen_model *model, size_t i, const char **name, cen_tensor *view);

/* A model that is made ready to compute: memory is planned for at most max_n images, batch normalisation is
 * folded and kernels are transformed once. The model is borrowed and must stay as it is. Threads may share
 * a model; each has a predictor of its own. */
typedef struct cen_predictor cen_predictor;

/* Errors: ARGUMENT (max_n is 0), LIMIT, MEMORY. */
CEN_API cen_status cen_predictor_create(cen_predictor **predictor, const cen_model *model,
                                        size_t max_n, cen_error *error);
CEN_API void cen_predictor_free(cen_predictor *predictor);

/* features[n, D] of x[n, channels, height, width], as cen_dataset_read gives it. An image has the same bits in
 * a batch of any size. Allocates nothing, but for the context's threads, which start when there is work for them.
 * Errors: ARGUMENT (n is above max_n; the model has got other classes). */
CEN_API cen_status cen_predictor_features(cen_predictor *predictor, const float *x, size_t n,
                                          float *features, cen_error *error);

/* logits[n, n_classes] and probabilities[n, n_classes], their softmax; either may be NULL. Those of a class that was
 * never trained mean nothing. As above; ARGUMENT also if the model has no classes, or no head (it was trained
 * with a triplet loss), or a trainer that was made later has given it another. */
CEN_API cen_status cen_predictor_classes(cen_predictor *predictor, const float *x, size_t n,
                                         float *logits, float *probabilities, cen_error *error);

/* x[channels, height, width] of a decoded image, or of the bytes of a file, exactly as a folder would be read.
 * Errors: ARGUMENT (an image without pixels or not of 1 to 4 channels), MEMORY; as cen_image_decode. */
CEN_API cen_status cen_predictor_input(const cen_predictor *predictor, const cen_image *image,
                                       float *x, cen_error *error);
CEN_API cen_status cen_predictor_decode(const cen_predictor *predictor, const void *bytes,
                                        size_t size, float *x, cen_error *error);

/* features[*n, D] of a dataset's rows, and rows[*n] which of them; room for all. Rows that cannot be
 * read are left out; rows NULL: such a row is the error, and n may be NULL. progress may be NULL. Errors: ARGUMENT (the dataset,
 * or its size), NOT_FINITE (a value or a feature, names the row), STOPPED, MEMORY, what dataset->read gave for all. */
CEN_API cen_status cen_model_features(const cen_model *model, const cen_dataset *dataset,
                                      float *features, size_t *rows, size_t *n,
                                      cen_progress *progress, void *user, cen_error *error);

/* ---- training ------------------------------------------------------------------------------ */

typedef enum cen_center_mode {
    CEN_CENTERS_ADAM,       /* Adam on the rows of the batch's classes: torch.optim.SparseAdam */
    CEN_CENTERS_ADAM_DENSE, /* Adam on every row: Keras's and torch.optim.Adam's Embedding */
    CEN_CENTERS_MEAN /* c_j -= alpha * sum_{y_i = j} (c_j - f_i) / (1 + n_j): Wen et al. 2016,
                               eq. 4; independent of lambda */
} cen_center_mode;

/* total = first + lambda * second; second is reported as center. */
typedef enum cen_loss {
    CEN_LOSS_CENTER,            /* softmax cross-entropy; mean || f - c ||^2 */
    CEN_LOSS_TRIPLET_HARD,      /* mean over anchors of max(0, margin + the farthest positive's
                                    distance - the nearest negative's) (Hermans et al. 2017); second:
                                    as above. Accuracy is NAN: there is no head */
    CEN_LOSS_TRIPLET_SEMI_HARD, /* the nearest negative beyond the positive (Schroff et al. 2015) */
    CEN_LOSS_CONTRASTIVE_CENTER, /* softmax; Qi and Su 2017, with gradients to all centers, which must move
                                    by Adam */
    CEN_LOSS_COSFACE             /* softmax of scale * (cos - margin for the label) (Wang et al.
                                    2018); second: as the first */
} cen_loss;

typedef struct cen_train_options {
    size_t size; /* see above */
    cen_loss loss;
    double margin, margin_scale; /* triplet, CosFace */
    double lambda;
    cen_center_mode centers;
    double alpha;                      /* of CEN_CENTERS_MEAN */
    double lr, beta1, beta2, adam_eps; /* Adam: Kingma and Ba 2015, algorithm 1 */
    double weight_decay; /* AdamW (Loshchilov and Hutter 2019), on kernels and matrices alone: not
                            on biases, slopes, norms and centers */
    double clip_norm;    /* a longer gradient of body and head is cut to this length; 0: never */
    double label_smoothing; /* share of a label that goes to all classes alike */
    double lambda_ratio;    /* above 0: lambda follows, so that at the feature the center loss's
                            gradient is this share of the softmax loss's (their L2 norms over the
                            batch, lambda averaged over about 20 steps) */
    size_t batch_size;      /* the largest batch */
    size_t n_shards;        /* that a batch is cut into, 0 as 1; see below */
    const struct cen_exchange *exchange; /* NULL, or copied: processes that train together */
    uint64_t seed;                       /* of what dropout draws; cen_fit draws by its own */
} cen_train_options;

/* Shards: a batch of n is cut into n_shards, shard s being its images s * n / n_shards and on. Each has its
 * own batch statistics (as in torch.nn.parallel.DistributedDataParallel); the running ones are averaged over
 * them. All else is that of the whole batch: losses, centers, lambda, clipping, what dropout draws. The result
 * depends on the number of shards, never on who works on them:
 *
 * in one process, they run one after the other in the memory of one, so that a large batch fits. That
 * costs a second forward of all but one;
 *
 * in several, each takes n_shards / n_ranks of them in the order of the ranks, and all come to the same model.
 * They begin with the same one and give the same options, batches and calls; they must compute alike,
 * with the same library and instruction set. Of x only a process's own images are read (cen_trainer_share).
 * n_ranks is n_shards, or a power of two that divides it.
 *
 * The one hook suffices: features are gathered, so that every process computes the losses of the whole
 * batch; gradients are gathered in blocks, and each process adds them up in the same tree. A hook that sums
 * would round in another order for another number of processes. */
typedef struct cen_exchange {
    size_t size;
    size_t rank, n_ranks; /* rank: 0 to n_ranks - 1 */
    void *user;
    /* all[n_ranks * size] = the own bytes of each rank, in their order. All ranks call it in the same order
     * with the same sizes. Returns 0, or something else if it failed. */
    int (*gather)(void *user, const void *own, size_t size, void *all);
} cen_exchange;

/* One rank, no gather. */
static inline cen_exchange cen_exchange_init(void)
{
    cen_exchange exchange;
    memset(&exchange, 0, sizeof exchange);
    exchange.size = sizeof exchange;
    exchange.n_ranks = 1;
    return exchange;
}

/* What cl_train trains with: center loss, margin 0.2, scale 30, lambda 0.02, mean, alpha 0.5, lr 2e-3, 0.9,
 * 0.999, 1e-8, weight decay 0.02, no clipping, smoothing or ratio, batch 64, one shard, seed 1. */
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

/* Means over a batch. */
typedef struct cen_losses {
    double total, first,
        center;            /* total = first + lambda * center; first: that of softmax, CosFace or
                                    triplets */
    double accuracy;       /* share of logits whose largest is the label's; NAN without a head */
    double lambda;         /* the weight that was used */
    double gradient_ratio; /* at the feature: norm of lambda * center's gradient over that of the
                              first's; 0 where there was no backward */
} cen_losses;

typedef struct cen_trainer cen_trainer;

/* Plans all memory for the largest batch. The model is borrowed and must outlive the trainer; its logits are from
 * now on those of the loss (see cen_predictor_classes).
 * Errors: ARGUMENT (lambda, lr, ... not finite or negative; a loss or way of centers that is none; batch
 * size 0; shards that cannot be shared; fewer than two classes), LIMIT, MEMORY. */
CEN_API cen_status cen_trainer_create(cen_trainer **trainer, cen_model *model,
                                      const cen_train_options *options, cen_error *error);
CEN_API void cen_trainer_free(cen_trainer *trainer);

/* Forward and backward of x[n, c, h, w], labels[n]: the gradient buffer = the gradient of the total
 * loss. Errors: ARGUMENT (n is 0 or above the batch size, a label outside the classes), NOT_FINITE (the
 * loss, the gradient or, but where clip_norm cuts it, its square: names an image of x or a tensor where
 * one is the cause; *losses is filled), with an exchange also ARGUMENT (the processes differ, or another has
 * failed so) and IO (the hook failed). What is not finite in one process stops all. After an error the model
 * and the trainer are as they were before the call, and update does nothing until a backward succeeds. */
CEN_API cen_status cen_trainer_backward(cen_trainer *trainer, const float *x, const int32_t *labels,
                                        size_t n, cen_losses *losses, cen_error *error);

/* The gradient, laid out as cen_model_parameters, to be read or changed (clipped, say) between backward
 * and update; what is changed is not checked again. Of the centers, only rows of classes in the batch are read
 * by the update in mode ADAM; in mode MEAN the update uses features and not the gradient. *n is 0 if the model has
 * got other classes. */
CEN_API float *cen_trainer_gradient(cen_trainer *trainer, size_t *n);

/* The images of a batch of n that this process works on: first and on; all of them without an exchange. */
CEN_API void cen_trainer_share(const cen_trainer *trainer, size_t n, size_t *first, size_t *count);

/* features[n, D] of the last backward, of the whole batch, as the losses saw them; *n is 0 if it failed.
 * Borrowed; valid until the next backward or evaluate. */
CEN_API const float *cen_trainer_features(const cen_trainer *trainer, size_t *n);

/* One step of Adam on the gradient, and one of the centers in their mode; called twice, it steps twice. Nothing if
 * the last backward failed. */
CEN_API void cen_trainer_update(cen_trainer *trainer);

/* Replaces lr and lambda from the next step on (lambda has no say if lambda_ratio is above 0). Errors: ARGUMENT
 * (one that cen_trainer_create would refuse; both stay). */
CEN_API cen_status cen_trainer_set_rates(cen_trainer *trainer, double lr, double lambda,
                                         cen_error *error);

/* Between steps: the model's numbers, Adam's moments, the steps taken, the seed, lr and lambda as they stand. A
 * training that was killed and loads them goes on to the same bits as if it had not stopped. The file is the
 * old or the new one, whole, at any moment. Errors: IO, LIMIT, MEMORY. */
CEN_API cen_status cen_trainer_save(cen_trainer *trainer, const char *path, cen_error *error);

/* Into a trainer and a model with the same options, net and classes; the number of processes may be another.
 * *n_steps (may be NULL): the steps taken, by which a loop knows where it stands. Errors: ARGUMENT (names the option that differs), FORMAT, IO, UNSUPPORTED, LIMIT, MEMORY; then nothing has
 * changed. */
CEN_API cen_status cen_trainer_load(cen_trainer *trainer, const char *path, size_t *n_steps,
                                    cen_error *error);

/* Forward alone. features[n, D] may be NULL. Errors: as cen_trainer_backward (NOT_FINITE: the loss;
 * *losses and features are filled). It exchanges nothing with other processes. */
CEN_API cen_status cen_trainer_evaluate(cen_trainer *trainer, const float *x, const int32_t *labels,
                                        size_t n, cen_losses *losses, float *features,
                                        cen_error *error);

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

/* After each epoch. Without validation images what is measured on them is NAN. */
typedef struct cen_epoch_report {
    size_t epoch, n_epochs;
    cen_losses train, validation;
    double knn_accuracy;    /* of validation features among those of training images: all, or of
                               more than 5,000 so many evenly, and 10 a class; not the k-NN among
                               all of them that cl_train's page has of the best epoch */
    size_t n_gallery;       /* so many training images */
    double knn_macro;       /* the mean over the classes of their share of that */
    double intra_inter;     /* of validation features about the training classes: see
                            cen_intra_inter */
    double lr;              /* at the epoch's end */
    double center_distance; /* root mean square of || f - c || over the training images */
    double center_spread;   /* root mean square distance of the centers to their mean */
    double center_step;     /* root mean square way of a center in this epoch */
    double feature_spread;  /* root mean square distance of features to their mean, of 128 training
                               images as a training step sees them */
    double feature_spread_before; /* the same before training */
    /* The training images' first loss is that of guessing (ln C where classes are alike in size, a
     * triplet's margin), within 1 % or above it, and feature_spread at most a fifth of what it was:
     * nothing can be learned from such features, and the options must change. */
    bool is_collapsed;
    double seconds;
    bool
        is_best; /* the highest knn_accuracy (with balance knn_macro) so far; a tie goes to the lower
                                       validation loss; without validation images always true */
    const float *features; /* [n_features, D] of the validation images, in the folder's order;
                                       borrowed, valid during the callback; NULL without any */
    size_t n_features;
} cen_epoch_report;

/* Where a resumed training goes on. */
typedef struct cen_resume_report {
    size_t epoch, batch; /* of the next step; batches of this epoch are done */
    size_t step;         /* steps done */
    size_t best_epoch;   /* 0: none yet */
    double best_knn;     /* what chose it: knn_accuracy, or knn_macro */
    const char *warning; /* NULL, or why the newer of two checkpoints could not be used */
    /* Compiler and instruction set ("gcc 12 avx2") now, and of the checkpoint: where they differ, so may
     * the last bits of what is computed from here on. */
    const char *machine, *machine_before;
} cen_resume_report;

typedef struct cen_fit_options {
    size_t size; /* see above */
    size_t n_epochs;
    size_t stop_after; /* steps of this call, 0: no limit */
    bool shuffle;
    bool balance; /* an epoch has as many draws as there are training images, and all classes come
                         equally often in it; knn_macro chooses the best epoch */
    size_t per_class; /* above 0: batches of batch_size / per_class classes with so many images each
                         (cen_dataset_order) in place of shuffled ones */
    double warmup;    /* epochs in which lr rises linearly from 0 */
    bool cosine;      /* lr then falls to 0 as half a cosine (Loshchilov and Hutter 2017); else it
                         stays */
    /* NULL, or gives the learning rate of a step (from 0, of so many in all epochs) in place of these
     * two. What it depends on beside its arguments is lost to a training that is resumed. */
    double (*rate)(void *user, size_t step, size_t n_steps);
    double lambda_warmup; /* epochs in which lambda rises linearly from 0 */
    size_t patience;      /* epochs without a better one after which training ends; 0: never */
    const cen_augment *augment; /* of the training images, NULL: none */
    uint64_t seed;
    size_t k; /* of the k-NN measure */
    /* NULL, or above 0 to stop; below 0: the callback has failed (a row of its log is lost, say), and
     * training ends at once, with the checkpoint of before, from which it comes by here again. */
    int (*on_step)(void *user, const cen_step_report *report);
    int (*on_epoch)(void *user, const cen_epoch_report *report); /* the same */
    /* NULL, or a file for the whole state of the training, written before the first epoch, after each
     * and when a callback or stop_after ends it; the one before it stays as "FILE.previous". The name is
     * read at each writing: a callback may move the files and change it. */
    const char *checkpoint;
    /* Also within an epoch when so much time has passed; 0: not. With batches of a second or more, after
     * each, unless the writing takes more than an eighth of the time. */
    double checkpoint_seconds;
    /* Go on from `checkpoint`, or from the one before where it is damaged: the same numbers as if it
     * had never stopped, at any number of threads. Options, but for n_epochs, and images must be the
     * same: their number, classes and splits, and the digest of the dataset (of a folder's images: a 64-bit digest
     * of their pixels at the input's size). */
    bool resume;
    int (*on_resume)(void *user, const cen_resume_report *report); /* as on_step */
    /* NULL, or called while an epoch is measured; nonzero ends the training there, with a checkpoint and
     * without on_epoch. Resumed, it measures that epoch again. */
    cen_progress *on_measure;
    /* NULL, or called with the name of a row that cannot be read, a picture that is gone, say, once each. It
     * is left out: of this batch, or for good of what is measured. A batch without any row left is no
     * step and is passed over; an epoch without any is an error. */
    void (*on_unreadable)(void *user, const char *name, const char *reason);
    void *user;
} cen_fit_options;

/* 30 epochs, shuffled, lr warmed up in 1 and then a cosine, no warm-up of lambda, no patience, no
 * augmentation, seed 1, k 5, no callbacks. */
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

/* Trains on a dataset. Classes are matched by name: those of the dataset and of the model must be the same, in any
 * order. The last batch of an epoch may be smaller. A stop ends after the
 * current batch, measures like an epoch's end, and is no error. At the end the model holds the
 * parameters of the best epoch; during on_epoch it holds those of that epoch. Errors: ARGUMENT (options; a rate;
 * the dataset or its size; class names that are not the model's, unless these are the numbers that
 * cen_model_create gives),
 * NOT_FINITE (as cen_trainer_backward, and for what an epoch measures: names images; the step is not
 * taken, the model holds the best epoch, or what it began with, and the checkpoint stays as it was),
 * IO, FORMAT and the like (no image of an epoch can be read any more), MEMORY, STOPPED (a callback has failed). */
CEN_API cen_status cen_fit(cen_trainer *trainer, const cen_dataset *dataset,
                           const cen_fit_options *options, cen_error *error);

/* ---- recipe ------------------------------------------------------------------------------------ */

/* What cl_train trains with if nobody asks otherwise: one set of defaults for a program and for the command
 * line. First the input that a folder is loaded with: channels, and height and width, that are 0 become those of
 * the preset that net names; else 3 channels if an image has colour, and the median shorter side of the images, at
 * most 64. resize stays. Errors: MEMORY. */
CEN_API cen_status cen_folder_choose_input(cen_context *context, const cen_folder *folder,
                                           const char *net, cen_input *input, cen_error *error);

/* Then what depends on the data, and on train->loss and train->batch_size; all else stays. model: input
 * with the mean and std of the data, and classes, whose names are borrowed. train: margin, lambda and
 * centers. fit: epochs (few over many rows), images per class (for triplets), and *augment (cen_augment_light for
 * 1 or 3 channels, unless classes are large), which it borrows. NULL: not asked
 * for. Errors: as cen_dataset_measure, ARGUMENT (a loss that is none); then all are as they were. */
CEN_API cen_status cen_recipe_choose(cen_context *context, const cen_dataset *dataset,
                                     cen_model_options *model, cen_train_options *train,
                                     cen_fit_options *fit, cen_augment *augment, cen_error *error);

/* ---- k-nearest neighbours ------------------------------------------------------------------ */

typedef enum cen_metric {
    CEN_METRIC_L2,    /* || a - b || */
    CEN_METRIC_COSINE /* 1 - a.b / (|a| |b|); the distance to a vector of zeros is 1 */
} cen_metric;

/* For each of queries[n_queries, d] its k nearest of gallery[n_gallery, d], nearest first, equal
 * distances by the lower index: indices[n_queries, k] and distances[n_queries, k] (either may be
 * NULL). leave_one_out: queries are the gallery itself, and row i is not its own neighbour. Exact.
 * Errors: ARGUMENT (k or d is 0, k is larger than what is there, leave_one_out with other queries
 * than the gallery, a row that is not finite), MEMORY. */
CEN_API cen_status cen_knn_search(cen_context *context, const float *gallery, size_t n_gallery,
                                  const float *queries, size_t n_queries, size_t d, size_t k,
                                  cen_metric metric, bool leave_one_out, size_t *indices,
                                  float *distances, cen_error *error);

typedef enum cen_weights {
    CEN_WEIGHTS_UNIFORM, /* each neighbour counts 1 */
    CEN_WEIGHTS_DISTANCE /* 1 / distance; where some are at distance 0, those alone count, 1 each */
} cen_weights;

typedef struct cen_knn_options {
    size_t size; /* see above */
    cen_metric metric;
    size_t k;
    cen_weights weights;
    bool leave_one_out;   /* queries are the gallery itself, and no row is its own neighbour */
    double most_distance; /* only neighbours at most this far vote (distances as float) */
} cen_knn_options;

/* L2, k 5, uniform, not leave-one-out, neighbours at any distance. */
static inline cen_knn_options cen_knn_options_init(void)
{
    cen_knn_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.k = 5;
    options.most_distance = HUGE_VAL;
    return options;
}

/* Features [n, d] with their labels [n]; borrowed. */
typedef struct cen_labelled {
    const float *features;
    const int32_t *labels;
    size_t n;
} cen_labelled;

/* predicted[queries->n]: the label with the most weight among those of the k nearest that are within
 * most_distance; -1, unknown, if none is. A tie goes to the smallest label, as in scikit-learn.
 * indices and distances [queries->n, k] are those of cen_knn_search and may be NULL. queries->labels is not
 * read. Errors: as cen_knn_search, ARGUMENT (most_distance is negative or no number). */
CEN_API cen_status cen_knn_classify(cen_context *context, const cen_labelled *gallery,
                                    const cen_labelled *queries, size_t d,
                                    const cen_knn_options *options, int32_t *predicted,
                                    size_t *indices, float *distances, cen_error *error);

#ifdef __cplusplus
}
#endif

#endif
