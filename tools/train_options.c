/* The command line of cl_train, as its help shows it. */
#include "train.h"

static const char *const resizes[] = {"crop", "stretch", NULL};

static const option options[] = {
    {"loss", '\0', OPTION_CHOICE, &s.loss, "KIND",
     "center (default): softmax + lambda * center loss; softmax\n"
     "(lambda 0); triplet (batch-hard) and triplet-semi, with\n"
     "--per-class 4 or more; contrastive-center; cosface",
     0, 0, loss_names},
    {"margin", '\0', OPTION_REAL, &s.margin, "X", "of triplets (0.2) and cosface (0.35)", 0,
     RATE_MOST, NULL},
    {"lambda", 'l', OPTION_TEXT, &s.lambda, "X|auto",
     "weight of the center loss (0.02; 0 where --loss needs none);\nauto: so that its gradient "
     "at the feature is 0.4 times the\nsoftmax loss's",
     0, 0, NULL},
    {"lambda-warmup", '\0', OPTION_REAL, &s.lambda_warmup, "N",
     "epochs in which lambda rises from 0 (0)", 0, 1e9, NULL},
    {"net", 'n', OPTION_TEXT, &s.net, "LINE|PRESET",
     "the body: small (default), article, lenet++, or a line as\n"
     "'conv 10 2x2, maxpool 2, flatten, dense 32, relu'",
     0, 0, NULL},
    {"image-size", 's', OPTION_SIZE, s.image_size, "N|HxW",
     "size that images get (the preset's, else the median\nshorter side, at most 64)", 0, 0, NULL},
    {"channels", 'c', OPTION_COUNT, &s.channels, "1|3",
     "grey or colour (1 when every image is grey)", 1, 3, NULL},
    {"feature-size", 'd', OPTION_COUNT, &s.feature_size, "D",
     "numbers in a feature: replaces OUT of the last dense", 1, 1 << 24, NULL},
    {"epochs", 'e', OPTION_COUNT, &s.n_epochs, "N",
     "passes over the training images (12 to 240, the more the\nfewer images there are)", 1, 1e9,
     NULL},
    {"batch-size", 'b', OPTION_COUNT, &s.batch_size, "N", "images a step (64)", 1, 1 << 20, NULL},
    {"lr", 'r', OPTION_REAL, &s.lr, "X", "Adam's learning rate (0.002)", 0, RATE_MOST, NULL},
    {"adam-eps", '\0', OPTION_REAL, &s.adam_eps, "X", "Adam's epsilon (1e-8)", 0, RATE_MOST, NULL},
    {"weight-decay", '\0', OPTION_REAL, &s.weight_decay, "X",
     "AdamW's, on kernels and matrices alone (0.02)", 0, RATE_MOST, NULL},
    {"warmup", '\0', OPTION_REAL, &s.warmup, "N",
     "epochs in which the learning rate rises from 0 (1)", 0, 1e9, NULL},
    {"schedule", '\0', OPTION_CHOICE, &s.schedule, "cosine|constant",
     "the learning rate after that (cosine)", 0, 0, schedules},
    {"clip", '\0', OPTION_REAL, &s.clip, "X", "longest gradient of body and head; 0: any (0)", 0,
     RATE_MOST, NULL},
    {"label-smoothing", '\0', OPTION_REAL, &s.smoothing, "X",
     "share of a label that goes to all classes alike (0)", 0, 0.999, NULL},
    {"patience", '\0', OPTION_COUNT, &s.patience, "N",
     "epochs without a better k-NN after which to end (none)", 1, 1e9, NULL},
    {"augment", 'a', OPTION_CHOICE, &s.augment, "none|light|strong",
     "random changes of training images (light, or none where\na class has 2,000 images or more); "
     "single ones:",
     0, 0, augments},
    {"shift", '\0', OPTION_REAL, &s.changes.shift, "X", "  moved by up to this share of a side", 0,
     0.5, NULL},
    {"rotate", '\0', OPTION_REAL, &s.changes.rotation, "X", "  turned by up to so many degrees", 0,
     180, NULL},
    {"scale", '\0', OPTION_REAL, &s.changes.scale, "X",
     "  grown or shrunk by up to a factor of 1 + X", 0, 1, NULL},
    {"brightness", '\0', OPTION_REAL, &s.changes.brightness, "X",
     "  up to this added to pixel / 255", 0, 1, NULL},
    {"contrast", '\0', OPTION_REAL, &s.changes.contrast, "X", "  stretched by up to 1 + X", 0, 1,
     NULL},
    {"erase", '\0', OPTION_REAL, &s.changes.erase, "X", "  chance that a rectangle is blanked", 0,
     1, NULL},
    {"flip", '\0', OPTION_FLAG, &s.flips, NULL,
     "  left and right change places in every second image, and\n  a feature is the mean of a "
     "picture's and its mirror's",
     0, 0, NULL},
    {"per-class", '\0', OPTION_COUNT, &s.per_class, "K",
     "K images of each class of a batch (shuffled images)", 1, 1 << 20, NULL},
    {"centers", '\0', OPTION_CHOICE, &s.centers, "mean|adam|adam-dense",
     "how centers move: by Wen et al.'s eq. 4 (default), by Adam\n"
     "where their class is in the batch, or all by Adam",
     0, 0, center_modes},
    {"alpha", '\0', OPTION_REAL, &s.alpha, "X", "step of --centers mean (0.5)", 0, RATE_MOST, NULL},
    {"val", '\0', OPTION_TEXT, &s.validation, "DIR",
     "a folder of classes, or a list, with the validation images", 0, 0, NULL},
    {"val-split", '\0', OPTION_REAL, &s.validation_share, "X",
     "share of each class kept for validation (0.1); unused\nif there are validation images", 0,
     0.9, NULL},
    {"group", '\0', OPTION_TEXT, &s.group, "N|PATTERN|COLUMN",
     "pictures of one group stay on one side of the split: those\n"
     "with the same first N folders below their class, with the\n"
     "same text for the first * of PATTERN in their file names\n"
     "('*_*': up to the first _), or in this column of a list",
     0, 0, NULL},
    {"balance", '\0', OPTION_FLAG, &s.balance, NULL,
     "all classes come equally often, and the mean accuracy over\n"
     "classes (macro) chooses the best epoch",
     0, 0, NULL},
    {"allow-empty", '\0', OPTION_FLAG, &s.allow_empty, NULL,
     "leave classes out that have no image to train on", 0, 0, NULL},
    {"holdout-classes", '\0', OPTION_TEXT, &s.holdout, "X|FILE",
     "classes kept out of training and measured after it: a share\n"
     "of them, or a file with their names, one a line",
     0, 0, NULL},
    {"resize", '\0', OPTION_CHOICE, &s.resize, "crop|stretch",
     "shorter side then center crop (default), or both sides", 0, 0, resizes},
    {"mean", '\0', OPTION_REALS, &s.mean, "X[,X,X]",
     "subtracted from pixel / 255, a channel (measured)", -1e30, 1e30, NULL},
    {"std", '\0', OPTION_REALS, &s.std, "X[,X,X]", "and divided by (measured)", 1e-30, 1e30, NULL},
    {"no-shuffle", '\0', OPTION_FLAG, &s.keep_order, NULL,
     "train in folder order: bytewise by class, then file name", 0, 0, NULL},
    {"seed", '\0', OPTION_SEED, &s.seed, "N", "of split, weights and order (1)", 0, 1e18, NULL},
    {"threads", 't', OPTION_COUNT, &s.n_threads, "N",
     "processors to use (all); never changes a result", 1, 1024, NULL},
    {"init", 'i', OPTION_TEXT, &s.init, "FILE", "weights by name from a safetensors file", 0, 0,
     NULL},
    {"strict", '\0', OPTION_FLAG, &s.is_strict, NULL, "a broken image is an error, not skipped", 0,
     0, NULL},
    {"max-pixels", '\0', OPTION_COUNT, &s.max_pixels, "N",
     "images of more pixels are refused (268435456)", 1, 1e15, NULL},
    {"exact-decode", '\0', OPTION_FLAG, &s.exact_decode, NULL,
     "decode large JPEGs at full size before they are resized,\n"
     "not at 1/2, 1/4 or 1/8 (slower, within a few levels)",
     0, 0, NULL},
    {"cache-mb", '\0', OPTION_COUNT, &s.cache_mb, "N",
     "decoded images kept in memory, in MB (2048); the others\nare decoded anew in each epoch", 0,
     1e9, NULL},
    {"steps", '\0', OPTION_TEXT, &s.steps, "FILE",
     "the losses of every step as CSV: step,total,softmax,center", 0, 0, NULL},
    {"stop-after", '\0', OPTION_COUNT, &s.stop_after, "N", "steps", 1, 1e15, NULL},
    {"resume", '\0', OPTION_TEXT, &s.resume, "RUN",
     "go on with a training that was stopped, from its last\n"
     "checkpoint and with its own command line; --epochs may grow",
     0, 0, NULL},
    {"checkpoint-minutes", '\0', OPTION_REAL, &s.checkpoint_minutes, "N",
     "keep the state of training at least so often, beside once\nan epoch (10)", 0, 1e6, NULL},
    {"output", 'o', OPTION_TEXT, &s.output, "DIR", "the run folder (runs/1, runs/2, ...)", 0, 0,
     NULL},
    {"no-report", '\0', OPTION_FLAG, &s.no_report, NULL, "write no report.html and report.json", 0,
     0, NULL},
    {"svg", '\0', OPTION_FLAG, &s.has_svg, NULL, "write the report's plots as svg/NAME.svg, too", 0,
     0, NULL},
    {"overwrite", '\0', OPTION_FLAG, &s.overwrite, NULL, "write into a run folder that exists", 0,
     0, NULL},
    {"dry-run", '\0', OPTION_FLAG, &s.is_dry, NULL,
     "say what would be trained, how long it takes and how much\nmemory; write nothing", 0, 0,
     NULL},
    {"verbose", '\0', OPTION_FLAG, &s.is_verbose, NULL,
     "also the learning rate, lambda, and how far features and\ncenters lie, of each epoch", 0, 0,
     NULL},
    {"json", '\0', OPTION_FLAG, &s.is_json, NULL, "print one JSON object per line in place of text",
     0, 0, NULL},
    {"quiet", 'q', OPTION_FLAG, &s.is_quiet, NULL, "print errors alone", 0, 0, NULL},
};

const command train_tool = {
    "cl_train",
    "cl_train [OPTIONS] DIR|LIST...",
    "Trains a net on DIR/CLASS/.../IMAGE (or DIR/train/CLASS/... and DIR/val/CLASS/...), or on a "
    "LIST\n"
    "(.csv, .tsv, .txt) of rows path,label[,split], with\n"
    "softmax cross-entropy + lambda * center loss, with Adam. The run folder gets "
    "model.safetensors\n"
    "(of the epoch with the best k-NN accuracy on validation images), log.csv, features.npy,\n"
    "features.tsv and report.html. Ctrl-C saves and ends;\n"
    "cl_train --resume RUN goes on, after a crash, too.",
    "lambda weighs the mean over the batch of ||f - c||^2, summed over the feature, without 1/2.\n"
    "The same pull as elsewhere:  Keras (sum, batch mean) w: lambda w;  Wen et al. and caffe-face\n"
    "(1/2 sum) w: w / 2;  KaiyangZhou w: w;  jxgu1016 w: w / 2;  louis-she and facenet (mean over\n"
    "D too) w: w / D.\n\n"
    "Exit codes: 0 done, 1 failed, 2 the command line cannot be used.",
    options,
    sizeof options / sizeof *options};
