#!/usr/bin/python3
"""Golden values of layers, losses, centers and training, from PyTorch in float64.

    /usr/bin/python3 tests/golden/train.py        writes tests/golden/train/*.bin

A file is a row of records. A record is one line of text, "NAME TYPE SHAPE...", and the bytes of the
array, little-endian: f4, f8, u1, or t1 for text. tests/support/golden.h reads it."""
import os
import sys
import zlib

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import oracle  # noqa: E402

torch.set_num_threads(1)


class Golden:
    def __init__(self, name):
        self.file = open(os.path.join(HERE, "train", name), "wb")

    def put(self, name, value, kind="f4"):
        if isinstance(value, str):
            value, kind = np.frombuffer(value.encode(), "u1"), "t1"
        array = np.ascontiguousarray(value, dtype="u1" if kind == "t1" else "<" + kind)
        shape = " ".join(str(d) for d in array.shape)
        self.file.write(("%s %s %s\n" % (name, kind, shape)).encode() + array.tobytes())

    def put_all(self, prefix, arrays):
        for name, array in arrays.items():
            self.put("%s/%s" % (prefix, name), array)


def random_of(name):
    return np.random.RandomState(zlib.crc32(name.encode()) & 0x7fffffff)


# ---- layers.bin: one forward and backward of small nets --------------------------------------------

# name, net, channels x height x width, batch, what is special
LAYERS = [
    ("conv_1x1", "conv 4 1x1, flatten", (3, 4, 5), 3),
    ("conv_article", "conv 10 2x2, flatten", (3, 5, 7), 4),
    ("conv_one_channel", "conv 5 3x3, flatten", (1, 7, 6), 3),
    ("conv_one_output", "conv 1 3x2, flatten", (3, 6, 7), 3),
    ("conv_batch_1", "conv 3 3x3 pad 1, flatten", (3, 5, 5), 1),
    ("conv_stride_2", "conv 4 3x3 stride 2, flatten", (3, 9, 7), 3),
    ("conv_stride_with_a_rest", "conv 4 3x3 stride 2, flatten", (3, 8, 10), 3),
    ("conv_stride_2x1", "conv 4 2x3 stride 2x1, flatten", (3, 7, 8), 3),
    ("conv_stride_1x3", "conv 4 3x2 stride 1x3, flatten", (3, 6, 11), 3),
    ("conv_stride_over_the_kernel", "conv 3 2x2 stride 3, flatten", (3, 8, 9), 3),
    ("conv_pad_1", "conv 4 3x3 pad 1, flatten", (3, 5, 6), 3),
    ("conv_pad_2x0", "conv 4 5x2 pad 2x0, flatten", (3, 5, 6), 3),
    ("conv_pad_0x2", "conv 4 2x5 pad 0x2, flatten", (3, 6, 4), 3),
    ("conv_pad_over_the_image", "conv 3 4x5 pad 3x4, flatten", (3, 2, 3), 2),
    ("conv_whole_image", "conv 6 5x4, flatten", (3, 5, 4), 5),
    ("conv_stride_pad_not_square", "conv 5 3x5 stride 2x3 pad 1x2, flatten", (3, 11, 13), 3),
    ("conv_5x5_pad_2", "conv 5 5x5 pad 2, flatten", (3, 9, 7), 2),
    ("conv_many_channels", "conv 17 1x1, conv 19 3x3 stride 2 pad 1, flatten", (1, 5, 5), 2),
    ("conv_then_1x1", "conv 5 2x2, conv 4 1x1, flatten", (3, 5, 6), 3),
    ("conv_then_3x3_pad_1", "conv 5 2x2, conv 4 3x3 pad 1, flatten", (3, 5, 6), 3),
    ("conv_then_stride_2", "conv 5 2x2, conv 4 3x3 stride 2, flatten", (3, 9, 9), 3),
    ("conv_then_stride_with_a_rest", "conv 5 2x2, conv 4 3x2 stride 2x3 pad 1, flatten",
     (3, 9, 10), 3),
    ("conv_then_stride_over_the_kernel", "conv 5 1x1, conv 4 2x2 stride 3, flatten", (3, 8, 9), 2),
    ("conv_then_not_square", "conv 6 3x3 pad 1, conv 7 1x5 pad 0x2, conv 5 4x1, flatten",
     (1, 7, 6), 3),
    ("conv_then_many", "conv 17 3x3 pad 1, conv 9 5x5 pad 2, flatten", (1, 6, 5), 2),
    ("conv_wide_in_a_row", "conv 16 3x3 pad 1, relu, conv 24 3x3 pad 1, conv 16 5x5 pad 2, relu, "
     "maxpool 2, conv 16 3x3, flatten", (3, 8, 7), 5),
    ("maxpool_2", "conv 3 1x1, maxpool 2, flatten", (3, 6, 8), 3),
    ("maxpool_odd_sizes", "conv 3 2x2, maxpool 2, flatten", (3, 8, 10), 3),
    ("maxpool_3_stride_2", "conv 3 2x2, maxpool 3 stride 2, flatten", (3, 9, 8), 3),
    ("maxpool_3_stride_1", "conv 3 2x2, maxpool 3 stride 1, flatten", (3, 7, 6), 3),
    ("maxpool_2x3", "conv 3 2x2, maxpool 2x3, flatten", (3, 8, 9), 3),
    ("maxpool_2x3_stride_3x2", "conv 3 2x2, maxpool 2x3 stride 3x2, flatten", (3, 10, 9), 3),
    ("maxpool_1x1", "conv 3 2x2, maxpool 1 stride 2, flatten", (3, 6, 6), 3),
    ("maxpool_whole_image", "conv 6 2x2, maxpool 5x4, flatten", (3, 6, 5), 4),
    ("maxpool_of_the_image", "maxpool 2, conv 4 2x2, flatten", (3, 8, 7), 3),
    ("maxpool_batch_1", "conv 3 3x3 pad 1, maxpool 3x2 stride 2x1, flatten", (1, 7, 6), 1),
    ("maxpool_of_negatives", "conv 3 2x2, maxpool 2, flatten", (3, 8, 8), 3, "negative"),
    ("maxpool_ties", "conv 4 2x2, maxpool 2, flatten", (3, 8, 8), 4, "integers"),
    ("maxpool_ties_overlapping", "conv 4 2x2, maxpool 3 stride 1, flatten", (3, 6, 6), 4,
     "integers"),
    ("flatten_alone", "flatten", (3, 2, 2), 4),
    ("flatten_order", "conv 3 2x2, flatten, dense 5", (3, 4, 5), 3),
    ("dense_2", "flatten, dense 2", (1, 3, 3), 5),
    ("dense_1", "flatten, dense 1", (1, 3, 3), 5),
    ("dense_batch_1", "flatten, dense 7", (3, 3, 3), 1),
    ("dense_odd_sizes", "flatten, dense 33", (3, 5, 5), 17),
    ("dense_then_dense", "flatten, dense 11, dense 5", (1, 4, 4), 6),
    ("relu_at_the_end", "flatten, dense 12, relu", (1, 4, 4), 6),
    ("relu_between", "conv 4 2x2, relu, flatten, dense 9, relu, dense 3", (3, 5, 5), 4),
    ("relu_of_zeros", "conv 4 2x2, relu, conv 3 2x2, relu, flatten", (3, 6, 6), 4, "integers"),
    ("relu_of_the_image", "relu, conv 4 2x2, flatten", (3, 4, 4), 3),
    ("prelu_per_channel", "conv 6 2x2, prelu, flatten", (3, 5, 6), 4),
    ("prelu_of_a_vector", "flatten, dense 9, prelu, dense 4", (3, 4, 4), 5),
    ("prelu_at_the_end", "conv 3 2x2, flatten, dense 8, prelu", (3, 4, 4), 5),
    ("prelu_of_zeros", "conv 4 2x2, prelu, conv 3 2x2, prelu, flatten", (3, 6, 6), 4, "integers"),
    ("prelu_with_negative_slopes", "conv 4 2x2, prelu, flatten, dense 6, prelu", (3, 5, 5), 4,
     "slopes"),
    ("prelu_batch_1", "prelu, conv 3 2x2 stride 2, prelu, flatten", (3, 6, 6), 1),
    ("net_article", oracle.ARTICLE, (3, 9, 11), 5),
    ("net_lenetpp", "conv 3 5x5 pad 2, prelu, conv 3 5x5 pad 2, prelu, maxpool 2, "
     "conv 5 5x5 pad 2, prelu, conv 5 5x5 pad 2, prelu, maxpool 2, flatten, dense 2", (1, 9, 10), 3),
    ("net_strides", "conv 6 3x5 stride 2x1 pad 1x2, prelu, conv 8 2x3 pad 1, prelu, "
     "maxpool 3x2 stride 2, flatten, dense 7, prelu, dense 4", (3, 11, 9), 4),
    ("net_deep", "conv 8 3x3 pad 1, relu, maxpool 2, conv 12 3x3 pad 1, relu, maxpool 2, "
     "flatten, dense 10", (3, 9, 8), 4),
    ("conv_depthwise", "conv 6 1x1, conv 6 3x3 pad 1 groups 6, flatten", (3, 5, 7), 3),
    ("conv_depthwise_of_the_image", "conv 3 3x3 pad 1 groups 3, conv 5 1x1, flatten", (3, 6, 5), 3),
    ("conv_depthwise_stride_2", "conv 5 1x1, conv 5 3x3 stride 2 pad 1 groups 5, conv 4 1x1, flatten",
     (3, 7, 8), 3),
    ("conv_depthwise_twice_the_channels", "conv 4 1x1, conv 8 5x5 pad 2 groups 4, flatten",
     (1, 6, 7), 2),
    ("conv_depthwise_not_square", "conv 4 1x1, conv 4 2x5 stride 1x2 pad 1x2 groups 4, flatten",
     (1, 5, 9), 2),
    ("conv_groups", "conv 6 2x2, conv 9 3x2 pad 1 groups 3, flatten", (3, 6, 5), 3),
    ("conv_groups_1x1", "conv 8 1x1, conv 12 1x1 groups 4, relu, maxpool 2, flatten", (1, 5, 4), 3),
    ("maxpool_pad_1", "conv 3 2x2, maxpool 3 stride 2 pad 1, flatten", (3, 9, 8), 3),
    ("maxpool_pad_not_square", "conv 3 2x2, maxpool 3x5 stride 1x2 pad 0x2, flatten", (3, 6, 8), 3),
    ("maxpool_pad_2x2", "conv 4 2x2, relu, maxpool 2 pad 1, flatten", (3, 7, 6), 3),
    ("maxpool_pad_over_the_image", "conv 3 1x1, maxpool 7 stride 2 pad 3, flatten", (3, 2, 3), 2),
    ("maxpool_pad_ties", "conv 2 2x2, maxpool 3 stride 1 pad 1, flatten", (1, 5, 5), 3, "integers"),
    ("maxpool_pad_of_negatives", "conv 3 2x2, maxpool 3 stride 2 pad 1, flatten", (1, 6, 5), 3,
     "negative"),
    ("avgpool_2", "conv 3 1x1, avgpool 2, flatten", (3, 6, 8), 3),
    ("avgpool_odd_sizes", "conv 3 2x2, relu, avgpool 2, flatten", (3, 8, 10), 3),
    ("avgpool_3_stride_2_pad_1", "conv 3 2x2, avgpool 3 stride 2 pad 1, flatten", (3, 9, 8), 3),
    ("avgpool_not_square", "conv 3 2x2, avgpool 2x3 stride 3x1 pad 1x0, flatten", (3, 10, 9), 3),
    ("avgpool_whole_image", "conv 6 2x2, avgpool 5x4, flatten", (3, 6, 5), 4),
    ("avgpool_of_the_image", "avgpool 3 stride 1 pad 1, conv 4 2x2, flatten", (3, 5, 7), 3),
    ("avgpool_3", "conv 4 3x3 pad 1, avgpool 3, flatten", (1, 9, 11), 3),
    ("relu6_between", "conv 4 2x2, relu6, flatten, dense 9, relu6, dense 3", (3, 5, 5), 4, "large"),
    ("relu6_of_zeros_and_sixes", "conv 4 2x2, relu6, conv 3 2x2, relu6, flatten", (3, 6, 6), 4,
     "integers"),
    ("relu6_of_the_image", "relu6, conv 4 2x2, flatten", (3, 4, 4), 3),
    ("gelu_between", "conv 4 2x2, gelu, flatten, dense 9, gelu, dense 3", (3, 5, 5), 4),
    ("gelu_at_the_end", "conv 4 2x2, gelu, flatten, dense 9, gelu", (3, 5, 5), 4),
    ("gelu_of_the_image", "gelu, conv 4 2x2, gelu, flatten", (3, 20, 18), 2),
    ("conv_groups_wide", "conv 32 1x1, conv 32 3x3 pad 1 groups 2, maxpool 2, flatten", (1, 4, 5), 2),
]

# The same in residual.bin: a residual's relu comes after it, or begins a branch, or ends one.
RESIDUALS = [
    ("residual_plain", "conv 4 3x3 pad 1, residual {conv 4 3x3 pad 1, relu, conv 4 1x1}, relu, flatten",
     (3, 5, 6), 3),
    ("residual_of_the_image", "residual {conv 3 3x3 pad 1}, relu, flatten, dense 4", (3, 5, 4), 3),
    ("residual_projection", "conv 4 3x3 pad 1, relu, residual {conv 6 3x3 stride 2 pad 1, relu, "
     "conv 6 3x3 pad 1 | conv 6 1x1 stride 2}, relu, gap", (3, 7, 6), 4),
    ("residual_nested", "conv 4 2x2, residual {conv 4 3x3 pad 1, residual {conv 4 1x1, prelu}, relu | "
     "residual {conv 4 1x1 | conv 4 3x3 pad 1, relu}}, flatten, dense 3", (3, 5, 6), 3),
    ("residual_that_begins_with_relu", "conv 4 2x2, residual {relu, conv 4 3x3 pad 1, relu, conv 4 1x1}, "
     "residual {relu, conv 4 3x3 pad 1}, relu, flatten", (3, 5, 6), 3),
    ("residual_that_ends_with_relu", "conv 4 2x2, residual {conv 4 1x1, relu | conv 4 1x1, relu}, relu, "
     "flatten", (3, 5, 6), 3),
    ("residual_in_a_residual_of_its_input", "conv 4 2x2, residual {residual {conv 4 1x1, relu}}, relu, "
     "residual {residual {residual {relu}}}, flatten", (3, 4, 4), 3),
    ("residual_of_dense", "flatten, dense 6, relu, residual {dense 8, relu, dense 6}, relu, "
     "residual {dense 5 | dense 5}, dense 3", (1, 3, 3), 5),
    ("residual_of_nothing_but_relu", "conv 3 2x2, residual {relu | prelu}, residual {relu}, flatten",
     (3, 4, 5), 3),
    ("residual_of_maxpools", "conv 4 3x3 pad 1, residual {maxpool 2 | conv 4 2x2 stride 2, relu}, "
     "residual {relu, maxpool 2 | maxpool 2, relu}, flatten", (3, 8, 9), 3),
    ("residual_batch_1", "conv 4 3x3, residual {conv 4 3x3 pad 1, prelu}, gap, l2norm", (3, 5, 5), 1),
]

# name, classes, batch, lambda, what is special
LOSSES = [
    ("loss_lambda_0", 5, 6, 0.0),
    ("loss_lambda_1", 5, 6, 1.0),
    ("loss_lambda_30", 5, 6, 30.0),
    ("loss_two_classes", 2, 5, 0.2),
    ("loss_forty_classes", 40, 8, 0.003),
    ("loss_one_class_in_the_batch", 6, 7, 0.2, "same"),
    ("loss_batch_1", 7, 1, 0.2),
    ("loss_logits_of_hundreds", 7, 9, 0.2, "hundreds"),
    ("loss_far_centers", 4, 6, 0.2, "far"),
]


def put_case(golden, name, line, shape, n, n_classes, weight, special=None):
    rng = random_of(name)
    model = oracle.Model(line, *shape, n_classes)
    arrays = oracle.initial(rng, model)
    x = rng.uniform(-1, 1, (n,) + shape).astype("f4")
    labels = rng.randint(0, n_classes, n)
    if n > 2:
        labels[2] = labels[0]
    if special == "integers":  # exact ties and zeros, in float32 as in float64
        x = np.floor(x * 2)
        for key in arrays:
            if key.startswith("body."):
                slopes = isinstance(oracle.module_of(model, key), torch.nn.PReLU)
                arrays[key] = (np.full(arrays[key].shape, 0.5) if slopes else
                               rng.randint(-1, 2, arrays[key].shape)).astype("f4")
    elif special == "large":
        for key in arrays:
            if key.startswith("body."):
                arrays[key] *= 3
    elif special == "negative":
        arrays["body.0.bias"] -= 40
    elif special == "slopes":
        for key in arrays:
            if key.startswith("body.") and "bias" not in key and arrays[key].ndim == 1:
                arrays[key] -= np.float32(0.6)
    elif special == "same":
        labels[:] = 3
    elif special == "hundreds":
        arrays["head.weight"] *= 300
    elif special == "far":
        arrays["centers.weight"] *= 200
    model.load(arrays)
    features, total, softmax, center, accuracy = model.losses(x, labels, weight)
    total.backward()
    golden.put(name + "/net", line)
    golden.put(name + "/x", x)
    golden.put(name + "/labels", labels)
    golden.put(name + "/lambda", [weight], "f8")
    golden.put_all(name + "/parameters", arrays)
    golden.put(name + "/features", features.detach().numpy())
    golden.put(name + "/losses", [float(v) for v in (total, softmax, center, accuracy)], "f8")
    golden.put_all(name + "/gradient", model.gradients())


def layers():
    golden = Golden("layers.bin")
    for name, line, shape, n, *special in LAYERS:
        put_case(golden, name, line, shape, n, 5, 0.2, *special)
    golden = Golden("residual.bin")
    for name, line, shape, n, *special in RESIDUALS:
        put_case(golden, name, line, shape, n, 5, 0.2, *special)
    golden = Golden("losses.bin")
    for name, n_classes, n, weight, *special in LOSSES:
        put_case(golden, name, "flatten, dense 6", (3, 3, 3), n, n_classes, weight, *special)


# ---- centers.bin: some steps, every tensor after each ----------------------------------------------

def centers():
    """Class 1 twice in a batch and more, class 4 in the first batch alone, class 5 in none."""
    golden = Golden("centers.bin")
    steps = [[1, 0, 1, 4], [2, 3, 2, 2], [1, 1, 1, 0], [0, 3, 2, 1], [3, 3, 0, 0], [1, 2, 1, 2]]
    for name, mode, eps in (("adam", "adam", 1e-8), ("adam_large_eps", "adam", 0.05),
                            ("adam_dense", "adam-dense", 1e-8),
                            ("adam_dense_large_eps", "adam-dense", 0.05), ("mean", "mean", 1e-8)):
        rng = random_of("centers")
        model = oracle.Model("flatten, dense 3", 1, 2, 4, 6, sparse=mode == "adam")
        arrays = oracle.initial(rng, model)
        model.load(arrays)
        trainer = oracle.Trainer(model, 0.2, mode, lr=0.01, eps=eps)
        x = rng.uniform(-1, 1, (len(steps), 4, 1, 2, 4)).astype("f4")
        losses, after = [], []
        for k, labels in enumerate(steps):
            losses.append(trainer.step(x[k], labels))
            after.append(model.arrays())
        golden.put(name + "/net", "flatten, dense 3")
        golden.put(name + "/eps", [eps], "f8")
        golden.put(name + "/x", x.reshape(-1, 1, 2, 4))
        golden.put(name + "/labels", np.array(steps).reshape(-1))
        golden.put_all(name + "/parameters", arrays)
        golden.put(name + "/losses", losses, "f8")
        golden.put_all(name + "/after",
                       {key: np.stack([step[key] for step in after]) for key in arrays})


# ---- training.bin: 50 steps ------------------------------------------------------------------------

# name, net, shape, classes, batch, images, mode, lambda
TRAINING = [
    ("article", oracle.ARTICLE, (3, 15, 13), 10, 16, 96, "adam", 0.2),
    ("article_dense", oracle.ARTICLE, (3, 11, 11), 10, 16, 96, "adam-dense", 0.2),
    ("lenetpp", "conv 6 5x5 pad 2, prelu, conv 6 5x5 pad 2, prelu, maxpool 2, conv 10 5x5 pad 2, "
     "prelu, conv 10 5x5 pad 2, prelu, maxpool 2, flatten, dense 2", (1, 12, 12), 10, 16, 96, "mean",
     0.1),
    ("strides", "conv 8 3x5 stride 2x1 pad 1x2, prelu, conv 12 3x3 stride 2 pad 1, prelu, "
     "maxpool 3x2 stride 2, flatten, dense 16, prelu", (3, 15, 14), 10, 16, 96, "adam", 0.2),
]
RESIDUAL_TRAINING = [("resnet", oracle.RESNET, (3, 12, 11), 10, 16, 96, "adam-dense", 0.2)]
# Steps: float32 and float64 part sooner by batchnorm, which makes much of little.
N_STEPS, N_RESIDUAL_STEPS = 50, 9


def run(line, shape, n_classes, mode, weight, arrays, batches, dtype):
    model = oracle.Model(line, *shape, n_classes, dtype=dtype, sparse=mode == "adam")
    model.load(arrays)
    trainer = oracle.Trainer(model, weight, mode)
    return np.array([trainer.step(x, labels) for x, labels in batches]), model.arrays()


def training(file, cases, n_steps):
    golden = Golden(file)
    for name, line, shape, n_classes, n, n_images, mode, weight in cases:
        rng = random_of(name)
        arrays = oracle.initial(rng, oracle.Model(line, *shape, n_classes))
        labels = rng.permutation(np.arange(n_images) % n_classes)
        patterns = rng.randint(0, 256, (n_classes,) + shape)
        noise = rng.randint(0, 256, (n_images,) + shape)
        pixels = ((patterns[labels] + noise) // 2).astype("u1")
        x = (pixels.astype("f8") - 128) / 64  # exact in float32
        batches = []
        for step in range(n_steps):
            begin = step * n % n_images
            batches.append((torch.tensor(x[begin:begin + n]), labels[begin:begin + n]))
        losses, final = run(line, shape, n_classes, mode, weight, arrays, batches, torch.float64)
        losses32, final32 = run(line, shape, n_classes, mode, weight, arrays, batches,
                                torch.float32)
        print("%-14s float32 against float64: losses %.1e, weights %.1e of the largest" % (
            name, np.max(np.abs(losses32 - losses) / np.abs(losses)),
            max(np.max(np.abs(final32[key] - final[key])) / np.max(np.abs(final[key]))
                for key in final)), "softmax %.3f -> %.3f, center %.3f -> %.3f" % (
                    losses[0, 1], losses[-1, 1], losses[0, 2], losses[-1, 2]))
        golden.put(name + "/net", line)
        golden.put(name + "/mode", mode)
        golden.put(name + "/lambda", [weight], "f8")
        golden.put(name + "/pixels", pixels, "u1")
        golden.put(name + "/labels", labels, "u1")
        golden.put(name + "/batch", [n], "u1")
        golden.put_all(name + "/parameters", arrays)
        golden.put(name + "/losses", losses, "f8")
        golden.put_all(name + "/final", final)


if __name__ == "__main__":
    layers()
    centers()
    training("training.bin", TRAINING, N_STEPS)
    training("training_residual.bin", RESIDUAL_TRAINING, N_RESIDUAL_STEPS)
