#!/usr/bin/python3
"""Golden values of gap, l2norm and batchnorm, from PyTorch in float64.

    /usr/bin/python3 tests/golden/norms.py        writes tests/golden/train/norms.bin

Records as those of train.py. A case of batchnorm has three batches of its own x, one after the other
without a step between: losses and gradient of each, the running statistics behind them, and the features
of all images in evaluation with these."""
import numpy as np
import train
from train import oracle

CASES = [
    ("gap_alone", "gap", (3, 4, 5), 3),
    ("gap_batch_1", "conv 4 3x3, gap, dense 3", (3, 5, 6), 1),
    ("gap_flatten", "conv 5 2x2, relu, gap, flatten, dense 4", (1, 6, 3), 5),
    ("gap_one_number", "conv 5 4x3, gap", (3, 4, 3), 4),
    ("gap_large", "conv 2 1x1, gap", (1, 19, 17), 2),
    ("l2norm_learned", "flatten, dense 6, l2norm", (1, 3, 3), 5),
    ("l2norm_fixed", "flatten, dense 7, l2norm scale 8", (3, 3, 3), 4),
    ("l2norm_batch_1", "flatten, dense 5, l2norm", (1, 3, 3), 1),
    ("l2norm_between", "flatten, dense 5, l2norm scale 2.5, dense 3, l2norm", (1, 3, 3), 4),
    ("l2norm_of_gap", "conv 6 3x3, relu, gap, l2norm", (3, 5, 5), 4),
]

# name, net, shape, batch
NORMS = [
    ("norm_of_conv", "conv 4 3x3 pad 1, batchnorm, flatten", (3, 5, 7), 3),
    ("norm_of_the_image", "batchnorm, conv 3 2x2, flatten", (3, 5, 4), 3),
    ("norm_relu", "conv 5 2x2, batchnorm, relu, flatten, dense 4", (1, 6, 7), 4),
    ("norm_maxpool", "conv 5 2x2, batchnorm, maxpool 2, flatten", (3, 7, 7), 4),
    ("norm_relu_maxpool", "conv 6 3x3 pad 1, batchnorm, relu, maxpool 2, flatten", (3, 6, 8), 4),
    ("norm_relu_maxpool_odd", "conv 6 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dense 5",
     (3, 7, 9), 3),
    ("norm_maxpool_relu", "conv 6 3x3 pad 1, batchnorm, maxpool 2, relu, conv 4 2x2, flatten",
     (3, 7, 9), 3),
    ("norm_maxpool_3", "conv 6 3x3 pad 1, batchnorm, relu, maxpool 3 stride 2, flatten", (3, 8, 9), 3),
    ("norm_prelu", "conv 4 3x3, batchnorm, prelu, conv 3 2x2, flatten", (3, 6, 6), 3),
    ("norm_of_a_maxpool", "maxpool 2, batchnorm, conv 3 2x2 pad 1, batchnorm, relu, gap",
     (3, 8, 6), 4),
    ("norm_batch_1", "conv 4 3x3 pad 1, batchnorm, relu, maxpool 2, flatten", (3, 6, 5), 1),
    ("norm_wide", "conv 3 1x1, batchnorm, relu, maxpool 2, gap", (3, 5, 147), 2),
    ("norm_of_dense", "flatten, dense 7, batchnorm", (1, 3, 3), 9),
    ("norm_of_dense_relu", "flatten, dense 7, batchnorm, relu, dense 5, batchnorm", (3, 3, 3), 9),
    ("norm_of_a_vector", "flatten, batchnorm, dense 5", (1, 3, 3), 6),
    ("norm_deep", "conv 8 3x3 pad 1, batchnorm, relu, maxpool 2, conv 16 3x3 pad 1, batchnorm, relu, "
     "maxpool 2, conv 9 3x3 pad 1, batchnorm, relu, gap, dense 6, l2norm scale 8", (3, 13, 14), 10),
    ("norm_depthwise", "conv 6 1x1, batchnorm, relu, conv 6 3x3 pad 1 groups 6, batchnorm, relu, "
     "maxpool 2, conv 4 1x1, batchnorm, gap", (3, 5, 6), 3),
    ("norm_mobile", "conv 8 3x3 stride 2 pad 1, batchnorm, relu6, conv 8 3x3 pad 1 groups 8, gelu, "
     "conv 12 1x1, batchnorm, relu6, maxpool 3 stride 2 pad 1, avgpool 2 stride 1, gap", (3, 13, 14), 6),
    ("norm_groups", "conv 6 1x1, relu, conv 8 3x3 stride 2 groups 2, batchnorm, flatten", (1, 7, 6), 4),
]

# In residuals: the first is a net as people train, then those that begin and end a branch with a batchnorm.
RESIDUALS = [
    ("residual_resnet", oracle.RESNET, (3, 9, 8), 7),
    ("residual_norm_first", "conv 5 3x3 pad 1, residual {batchnorm, relu, conv 5 3x3 pad 1, batchnorm, relu, "
     "conv 5 1x1}, residual {batchnorm, relu, conv 5 1x1}, relu, gap", (3, 6, 5), 5),
    ("residual_norms_only", "conv 4 2x2, prelu, residual {batchnorm | batchnorm, relu}, relu, flatten, dense 4, "
     "residual {batchnorm}", (3, 5, 4), 6),
    ("residual_pool", "conv 4 3x3 pad 1, residual {conv 6 3x3 pad 1, batchnorm, relu, maxpool 2 | "
     "maxpool 2, conv 6 1x1, batchnorm}, relu, flatten, dense 5", (1, 8, 7), 4),
]
N_BATCHES = 3


def put_norm(golden, name, line, shape, n, weight):
    n_classes = 5
    rng = train.random_of(name)
    model = oracle.Model(line, *shape, n_classes)
    arrays = oracle.initial(rng, model)
    for key in arrays:
        if "running_" in key:
            arrays[key] = rng.uniform(0.5, 1.5, arrays[key].shape).astype("f4")
            at = key.rsplit(".", 1)[0]
            arrays[at + ".weight"][::3] *= -1
    model.load(arrays)
    x = (rng.uniform(-1, 1, (N_BATCHES * n,) + shape) + rng.uniform(-1, 1, (1,) + shape)).astype("f4")
    labels = rng.randint(0, n_classes, N_BATCHES * n)
    golden.put(name + "/net", line)
    golden.put(name + "/x", x)
    golden.put(name + "/labels", labels)
    golden.put(name + "/lambda", [weight], "f8")
    golden.put_all(name + "/parameters", arrays)
    for k in range(N_BATCHES):
        for p in model.tensors().values():
            p.grad = None
        part = slice(k * n, (k + 1) * n)
        _, *losses = model.losses(x[part], labels[part], weight)
        losses[0].backward()
        golden.put("%s/%d/losses" % (name, k), [float(v) for v in losses], "f8")
        golden.put_all("%s/%d/gradient" % (name, k), model.gradients())
    golden.put_all(name + "/states", {key: p.numpy() for key, p in model.states().items()})
    model.body.eval()
    golden.put(name + "/features", model.losses(x, labels, weight)[0].detach().numpy())


if __name__ == "__main__":
    golden = train.Golden("norms_residual.bin")
    for name, line, shape, n in RESIDUALS:
        put_norm(golden, name, line, shape, n, 0.2)
    golden = train.Golden("norms.bin")
    for name, line, shape, n in CASES:
        train.put_case(golden, name, line, shape, n, 5, 0.2)
    for name, line, shape, n in NORMS:
        put_norm(golden, name, line, shape, n, 0.2)
