/* The command line of cl_train, as its help and its manual page show it. */
#include "train.h"
#include "train_manual.h"
#include "train_compare.h"
#include "train_image_options.h"

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
     .help = "one of --nets, or a line (by the images)",
     .more =
         "Or a line of layers, as \"conv 10 2x2, maxpool 2, flatten, dense 32, relu\", or a file "
         "that holds such a line. Without it small is taken, or objects if images of different "
         "classes have nothing in common but chance."},
    {"nets", '\0', OPTION_FLAG, &s.lists_nets, .help = "list the presets, their sizes and speeds",
     .more = "The speeds are measured on this machine: images per second in training, and features "
             "per second. Nothing is trained."},
    {"recipe", '\0', OPTION_CHOICE, &s.recipe, "NAME", .choices = recipes,
     .help = "article: all options as the article has them",
     .more = "Its net and its Adam as Keras has them, for 10 epochs, without augmentation. Options "
             "beside it "
             "count more."},
    {"feature-size", 'd', OPTION_COUNT, &s.feature_size, "D", .least = 1, .most = 1 << 24,
     .help = "numbers in a feature (128 in small and objects)",
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
    .rest = image_options,
    .n_rest = N_IMAGE_OPTIONS,
    .examples = train_examples,
    .files = train_files,
    .about = train_about};
