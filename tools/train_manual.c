/* The texts of cl_train beside its options. */
#include "train_manual.h"

const entry train_commands[] = {{"compare", "one page for several runs, with what differs"},
                                {NULL, NULL}};

const entry train_examples[] = {
    {"cl_train photos", "train on photos/CLASS/IMAGE"},
    {"cl_train photos --epochs 20 --holdout-classes 0.2", "measure unseen classes, too"},
    {"cl_train --resume runs/1", "go on after a stop"},
    {NULL, NULL}};

const entry train_files[] = {
    {"model.safetensors",
     "The model of the epoch with the best k-NN accuracy on validation images."},
    {"report.html, report.json", "The page of the run, and its figures for programs."},
    {"log.csv", "One row per epoch."},
    {"features.npy, features.tsv", "The features of all images, and the name of each row."},
    {"folds.npy, folds.tsv", "With --folds: how likely the class of each image is."},
    {NULL, NULL}};

const char train_about[] =
    "cl_train trains on DIR/CLASS/.../IMAGE, or on DIR/train/CLASS/... and DIR/val/CLASS/..., "
    "or "
    "on a LIST (.csv, .tsv, .txt) of rows path,label[,split]. It minimises softmax "
    "cross-entropy "
    "+ lambda * center loss with Adam, and writes a run folder.\n"
    "Ctrl-C saves the state and ends, with exit status 130 in a shell. cl_train --resume RUN "
    "goes on, "
    "also after a crash.\n"
    "lambda weighs the mean over the batch of ||f - c||^2, summed over the feature, without "
    "1/2. "
    "The same pull has another weight w elsewhere. In Keras (sum, batch mean) lambda is w. In "
    "Wen "
    "et al. and caffe-face (1/2 sum) it is w / 2. For KaiyangZhou it is w, for jxgu1016 w / 2, "
    "for louis-she and facenet (mean over D, too) w / D.";
