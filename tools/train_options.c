/* The command line of cl_train, as its help and its manual page show it. */
#include "train.h"
#include "train_manual.h"
#include "train_compare.h"

static const char *const resizes[] = {"crop", "stretch", NULL};

static const option options[] = {
    {"lambda", 'l', OPTION_TEXT, &s.lambda, "X|auto", .group = "Loss",
     .help = "weight of the center loss (0.02)",
     .more =
         "The default is 0 if --loss has no center term. auto chooses lambda so that its gradient "
         "at the feature is 0.4 times that of the softmax loss."},
    {"lambda-warmup", '\0', OPTION_REAL, &s.lambda_warmup, "N", .most = 1e9,
     .help = "epochs in which lambda rises from 0 (0)"},
    {"loss", '\0', OPTION_CHOICE, &s.loss, "KIND", .choices = loss_names,
     .help = "center (default), softmax, triplet, cosface, ...",
     .more =
         "center is softmax cross-entropy + lambda * center loss, softmax the same with lambda 0. "
         "triplet is batch-hard, triplet-semi semi-hard."},
    {"margin", '\0', OPTION_REAL, &s.margin, "X", .most = RATE_MOST,
     .help = "margin of triplets (0.2) and cosface (0.35)"},
    {"centers", '\0', OPTION_CHOICE, &s.centers, "RULE", .choices = center_modes,
     .help = "moves centers: mean (default), adam, adam-dense",
     .more = "mean is equation 4 of Wen et al. 2016. adam moves the centers of the classes in the "
             "batch by Adam, adam-dense moves all of them."},
    {"alpha", '\0', OPTION_REAL, &s.alpha, "X", .most = RATE_MOST,
     .help = "step of --centers mean (0.5)"},
    {"label-smoothing", '\0', OPTION_REAL, &s.smoothing, "X", .most = 0.999,
     .help = "share of a label spread evenly over classes (0)"},
    {"sample-classes", '\0', OPTION_COUNT, &s.n_sampled, "N", .least = 1, .most = 1e9,
     .help = "classes that a step compares (all)",
     .more =
         "Those of the batch, and others drawn at random. With 10,000 classes or more a step is "
         "then much faster."},

    {"net", 'n', OPTION_TEXT, &s.net, "LINE|PRESET|FILE", .group = "Net",
     .help = "the body: small (default), or another of --nets",
     .more =
         "Or a line of layers, as \"conv 10 2x2, maxpool 2, flatten, dense 32, relu\", or a file "
         "that holds such a line."},
    {"nets", '\0', OPTION_FLAG, &s.lists_nets, .help = "list the presets, their sizes and speeds",
     .more = "The speeds are measured on this machine: images per second in training, and features "
             "per second. Nothing is trained."},
    {"recipe", '\0', OPTION_CHOICE, &s.recipe, "NAME", .choices = recipes,
     .help = "article: all options as the article has them",
     .more = "Its net and its Adam as Keras has them, for 10 epochs, without augmentation. Options "
             "beside it "
             "count more."},
    {"feature-size", 'd', OPTION_COUNT, &s.feature_size, "D", .least = 1, .most = 1 << 24,
     .help = "numbers in a feature (128 in small)",
     .more = "Replaces the size of the last dense layer."},
    {"init", 'i', OPTION_TEXT, &s.init, "RUN|MODEL", .is_input = true,
     .help = "begin with the net and weights of this model",
     .more =
         "Its net, image size, channels, mean and deviation are used if no option names others. "
         "Classes of the same name keep their rows of head and centers, others begin anew. "
         "Any other safetensors file gives the tensors that have the names of the net's."},
    {"freeze", '\0', OPTION_COUNT, &s.n_frozen, "N", .most = 1 << 20,
     .help = "keep the first N layers of --init unchanged (0)",
     .more = "Conv and dense layers are counted, and batchnorm and prelu stay with the one before "
             "them. Frozen "
             "layers cost less time."},

    {"epochs", 'e', OPTION_COUNT, &s.n_epochs, "N", .least = 1, .most = 1e9, .group = "Training",
     .help = "passes over the training images (12 to 240)",
     .more = "The default is larger for fewer images."},
    {"minutes", '\0', OPTION_REAL, &s.minutes, "N", .most = 1e6,
     .help = "as many epochs as take so long here",
     .more = "A few steps are timed, the number of epochs is chosen and printed, and a resumed run "
             "keeps it. It is at most 240, or the default number if that is larger. --epochs goes "
             "before it."},
    {"batch-size", 'b', OPTION_COUNT, &s.batch_size, "N", .least = 1, .most = 1 << 20,
     .help = "images per step (64)"},
    {"lr", 'r', OPTION_REAL, &s.lr, "X", .most = RATE_MOST,
     .help = "learning rate of Adam (0.002)"},
    {"schedule", '\0', OPTION_CHOICE, &s.schedule, "KIND", .choices = schedules,
     .help = "learning rate: cosine (default) or constant"},
    {"warmup", '\0', OPTION_REAL, &s.warmup, "N", .most = 1e9,
     .help = "epochs in which it rises from 0 (1)",
     .more = "--schedule says how the learning rate goes on after that."},
    {"weight-decay", '\0', OPTION_REAL, &s.weight_decay, "X", .most = RATE_MOST,
     .help = "decay of AdamW (0.02)", .more = "It applies to kernels and matrices only."},
    {"adam-eps", '\0', OPTION_REAL, &s.adam_eps, "X", .most = RATE_MOST,
     .help = "epsilon of Adam (1e-8)"},
    {"optimizer", '\0', OPTION_CHOICE, &s.optimizer, "KIND", .choices = optimizers,
     .help = "of kernels and matrices: adam (default) or muon",
     .more =
         "Muon moves each by its momentum with all singular values near 1 (Jordan et al. 2024), "
         "and Adam the rest: what is no matrix, the softmax, and the centers unless their rule "
         "is mean. On few pictures of many classes its features are better; data/README.md has "
         "figures."},
    {"adam-form", '\0', OPTION_CHOICE, &s.adam_form, "KIND", .choices = adam_forms,
     .help = "epsilon comes in as in torch (default) or keras",
     .more = "torch adds it after the bias correction, keras before it."},
    {"clip", '\0', OPTION_REAL, &s.clip, "X", .most = RATE_MOST,
     .help = "longest gradient of body and head (0: any)"},
    {"patience", '\0', OPTION_COUNT, &s.patience, "N", .least = 1, .most = 1e9,
     .help = "end after so many epochs without a better one",
     .more = "The best epoch is the one with the highest AUC of held-out classes, or without them "
             "the highest k-NN accuracy. The default is to train all epochs."},
    {"balance", '\0', OPTION_FLAG, &s.balance, .help = "show all classes equally often",
     .more = "Without held-out classes, the mean accuracy over classes (macro) then chooses the "
             "best epoch."},
    {"per-class", '\0', OPTION_COUNT, &s.per_class, "K", .least = 1, .most = 1 << 20,
     .help = "images of each class in a batch",
     .more = "The default is to shuffle all images, and 4 or more for triplets."},
    {"no-shuffle", '\0', OPTION_FLAG, &s.keep_order, .help = "train in the order of the folder",
     .more = "The order is bytewise, by class and then by file name."},
    {"no-whiten", '\0', OPTION_FLAG, &s.no_whitening,
     .help = "leave the features as the best epoch has them",
     .more =
         "With 20 classes or more, the last dense layer is multiplied by a matrix at the end: "
         "directions in which the features of one class vary count less (half of a within-class "
         "whitening)."},
    {"seed", '\0', OPTION_SEED, &s.seed, "N", .most = 1e18,
     .help = "seed of split, weights and order (1)"},
    {"shards", '\0', OPTION_COUNT, &s.n_shards, "N", .least = 1, .most = 1 << 20,
     .help = "parts of a batch with own statistics (1)",
     .more = "They are trained one after another in the memory of one, or by the processes of "
             "\"mpirun -n P cl_train --shards N ...\", P a divisor of N, if cl_train is built with "
             "MPI. Their number changes the result; that of the processes never does."},
    {"threads", 't', OPTION_COUNT, &s.n_threads, "N", .least = 1, .most = 1024,
     .help = "processors to use (all)", .more = "Their number never changes a result."},

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

const command train_tool = {
    .name = "cl_train",
    .usage = "cl_train [OPTIONS] DIR|LIST...\n"
             "       cl_train compare RUN RUN... [-o PAGE]",
    .summary = "Trains a net that turns images into features, with softmax and center loss.",
    .arguments = "DIR|LIST",
    .commands = train_commands,
    .apart = &compare_tool,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = train_examples,
    .files = train_files,
    .about = train_about};
