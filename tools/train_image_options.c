/* The rest of the command line of cl_train: images, validation, augmentation, the run. */
#include "train_image_options.h"

#include "train.h"

static const char *const resizes[] = {"crop", "stretch", NULL};

const option image_options[N_IMAGE_OPTIONS] = {
    {"image-size", 's', OPTION_SIZE, s.image_size, "N|HxW", .group = "Images",
     .help = "size of the input of the net",
     .more =
         "The default is that of the preset, else the median shorter side of the images, at most "
         "64."},
    {"resize", '\0', OPTION_CHOICE, &s.resize, "KIND", .choices = resizes,
     .help = "crop (default) or stretch to that size",
     .more =
         "crop brings the shorter side to the size and cuts out the center; stretch brings both "
         "sides to it."},
    {"channels", 'c', OPTION_COUNT, &s.channels, "1|3", .least = 1, .most = 3,
     .help = "grey or colour (1 if every image is grey)"},
    {"mean", '\0', OPTION_REALS, &s.mean, "X[,X,X]", .least = -1e30, .most = 1e30,
     .help = "subtracted from pixel / 255 (measured)", .more = "One number, or one per channel."},
    {"std", '\0', OPTION_REALS, &s.std, "X[,X,X]", .least = 1e-30, .most = 1e30,
     .help = "divides what is left (measured)", .more = "One number, or one per channel."},
    {"exact-decode", '\0', OPTION_FLAG, &s.exact_decode,
     .help = "decode large JPEGs at full size (slower)",
     .more =
         "By default a JPEG that is resized is decoded at 1/2, 1/4 or 1/8 if that is enough; the "
         "result lies within a few levels."},
    {"max-pixels", '\0', OPTION_COUNT, &s.max_pixels, "N", .least = 1, .most = 1e15,
     .help = "refuse images of more pixels (268435456)"},
    {"strict", '\0', OPTION_FLAG, &s.is_strict,
     .help = "fail if an image is broken; do not skip it"},
    {"cache-mb", '\0', OPTION_COUNT, &s.cache_mb, "N", .most = 1e9,
     .help = "memory for decoded images, in MB (2048)",
     .more =
         "The images that have no room in it wait, decoded, in a file of the run folder, which is "
         "gone when the training ends; with several processes they are decoded at each use."},

    {"val", '\0', OPTION_TEXT, &s.validation, "DIR|LIST", .is_input = true, .group = "Validation",
     .help = "folder or list with the validation images",
     .more = "A folder has one sub-folder per class."},
    {"val-split", '\0', OPTION_REAL, &s.validation_share, "X", .most = 0.9,
     .help = "share of each class kept for validation (0.1)",
     .more = "It is not used if there are validation images. If classes are held out, a class of "
             "fewer than 5 images keeps all to train."},
    {"group", '\0', OPTION_TEXT, &s.group, "N|PATTERN|COLUMN",
     .help = "keep related images on one side of the split",
     .more =
         "One group are the images with the same first N folders below their class, or with the "
         "same text for the first * of PATTERN in their file names (\"*_*\": up to the first _), "
         "or with the same value in this column of a list."},
    {"holdout-classes", '\0', OPTION_TEXT, &s.holdout, "X|FILE",
     .help = "classes not trained, but measured",
     .more = "A share of the classes, or a file with their names, one per line. The default is 0.1 "
             "of 50 classes or more, else none. They show what the "
             "features are worth on new classes, and choose the best epoch. The model does not "
             "name them, but their features are written, too, so k-NN finds them. 0 trains all "
             "classes."},
    {"folds", '\0', OPTION_COUNT, &s.n_folds, "N", .least = 2, .most = 100,
     .help = "ask N more nets for wrong labels (none)",
     .more =
         "Each is trained without one of N parts of the training images, and then says how likely "
         "their classes are. cl_knn audit RUN lists those that look misplaced."},
    {"allow-empty", '\0', OPTION_FLAG, &s.allow_empty,
     .help = "leave out classes without a training image"},

    {"augment", 'a', OPTION_CHOICE, &s.augment, "KIND", .choices = augments,
     .group = "Augmentation", .help = "random changes: none, light or strong",
     .more =
         "The default is light, and none if a class has 2,000 images or more. The options below "
         "set one change each."},
    {"shift", '\0', OPTION_REAL, &s.changes.shift, "X", .most = 0.5,
     .help = "move by up to this share of a side"},
    {"rotate", '\0', OPTION_REAL, &s.changes.rotation, "X", .most = 180,
     .help = "turn by up to so many degrees"},
    {"scale", '\0', OPTION_REAL, &s.changes.scale, "X", .most = 1,
     .help = "grow or shrink by up to a factor of 1 + X"},
    {"brightness", '\0', OPTION_REAL, &s.changes.brightness, "X", .most = 1,
     .help = "add up to X to pixel / 255"},
    {"contrast", '\0', OPTION_REAL, &s.changes.contrast, "X", .most = 1,
     .help = "stretch contrast by up to 1 + X"},
    {"erase", '\0', OPTION_REAL, &s.changes.erase, "X", .most = 1,
     .help = "chance that a rectangle is blanked"},
    {"flip", '\0', OPTION_FLAG, &s.flips, .help = "mirror every second image",
     .more =
         "Left and right change places. A feature is then the mean of that of an image and that "
         "of its mirror image. The default is to flip if mirror images of the training images "
         "keep enough of what tells the classes apart, as with faces and objects, and unlike "
         "letters, digits and signs."},
    {"no-flip", '\0', OPTION_FLAG, &s.flips_never, .help = "never mirror images"},

    {"output", 'o', OPTION_TEXT, &s.output, "DIR", .group = "Run",
     .help = "the run folder (runs/1, runs/2, ...)"},
    {"overwrite", '\0', OPTION_FLAG, &s.overwrite, .help = "write into a run folder that exists"},
    {"resume", '\0', OPTION_TEXT, &s.resume, "RUN", .help = "continue a training that was stopped",
     .more =
         "It goes on from the last checkpoint and with the command line of that run; --epochs may "
         "grow."},
    {"checkpoint-minutes", '\0', OPTION_REAL, &s.checkpoint_minutes, "N", .most = 1e6,
     .help = "save the state at least so often (10)", .more = "It is saved after each epoch, too."},
    {"stop-after", '\0', OPTION_COUNT, &s.stop_after, "N", .least = 1, .most = 1e15,
     .help = "stop after so many steps"},
    {"steps", '\0', OPTION_TEXT, &s.steps, "FILE", .help = "write the losses of every step as CSV",
     .more = "Its columns are step,total,softmax,center."},
    {"svg", '\0', OPTION_FLAG, &s.has_svg, .help = "write the plots as svg/NAME.svg, too"},
    {"no-report", '\0', OPTION_FLAG, &s.no_report, .help = "write no report.html and report.json"},
    {"dry-run", '\0', OPTION_FLAG, &s.is_dry, .help = "say what would be trained; write nothing",
     .more = "It also says how long that takes and how much memory."},
    {"verbose", '\0', OPTION_FLAG, &s.is_verbose, .help = "print more of each epoch",
     .more = "Also the learning rate, lambda, and how far features and centers lie."},
    {"json", '\0', OPTION_FLAG, &s.is_json,
     .help = "print one JSON object per line in place of text"},
    {"quiet", 'q', OPTION_FLAG, &s.is_quiet, .help = "print errors only"},
};
