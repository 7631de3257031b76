#!/usr/bin/python3
"""cl_train against PyTorch, step by step, from the same weights in the same order.

    /usr/bin/python3 tests/parity/parity.py --cl-train build/cl_train [--case NAME] [--threads N]
                                            [--each-step] [--seed N]

For each case: a folder of PNG files, initial weights as safetensors, `cl_train --init`, and the same
training in PyTorch, in float64 and in float32, on what Pillow decodes. Compared, always |a - b|:

    losses    total, softmax and center loss, relative, the worst of all steps:           at most 1e-4
    weights   of each tensor at the end, over the tensor's largest number, the worst:     at most 1e-3
    centers   the same:                                                                   at most 1e-3
    movement  L2 norm of a - b over that of the way from the initial tensor, the worst:    at most 1e-2
              (weights that hardly move cannot hide a wrong step here; ten steps of 1e-5 on a bias of 1
              are rounded by 1e-3 of the way where they are stored as float32)

The first column decides: cl_train against PyTorch in float64. The last is the control, PyTorch in
float32 against itself in float64: what rounding alone makes of these steps. It is not nothing: Adam
divides a gradient by its size, and a maximum or a slope with two candidates of nearly the same size
may be decided otherwise. Where the control is far above the limits a comparison proves little, so the
data and rates of the cases are chosen such that it is not.

--each-step compares where a free run cannot: the default rate, at which float32 and float64 part
within some steps. PyTorch in float64 trains one batch for 50 steps; from the weights of every step
cl_train makes one step of its own, Adam with lr = eps = 1000, which moves each weight by its gradient.

    losses    at every step:                                                              at most 1e-5
    gradient  L2 norm of a - b over that of the gradient, the worst tensor:
              median of all steps at most 1e-4; worst step at most 1e-2 (one maximum decided otherwise)

--seed replaces the seed of the images and initial weights. Exit code 1 when a case fails."""
import argparse
import copy
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import oracle  # noqa: E402

BATCH = 32
STRIDES = ("conv 16 3x5 stride 2 pad 1x2, prelu, conv 24 3x3 stride 2x1 pad 1, prelu, "
           "maxpool 3x2 stride 2, flatten, dense 32, prelu")
NORMS = ("conv 16 3x3 pad 1, batchnorm, relu, maxpool 2, conv 32 3x3 pad 1, batchnorm, relu, gap, "
         "dense 16, l2norm scale 8")


class Case:
    """n_images over n_classes; where n_images is no multiple of the batch, an epoch ends with a smaller
    one. spread: --std, by which x is divided. seed: of the images and the initial weights."""

    def __init__(self, net, shape, n_images, n_classes, n_steps, mode, weight, lr=1e-3, eps=1e-8,
                 spread=0.25, seed=1):
        self.net, self.shape, self.n_images, self.n_classes = net, shape, n_images, n_classes
        self.n_steps, self.mode, self.weight, self.lr = n_steps, mode, weight, lr
        self.eps, self.seed = eps, seed
        self.mean = [0.5, 0.45, 0.4][:shape[0]]
        self.std = [spread, spread * 0.9, spread * 1.2][:shape[0]]


# The article's net has 123,210 inputs to its dense layer. At the default rate one step of Adam moves
# every feature so far that all of its rectifiers die, so at 224 the rate is lower, and at 64
# the input is scaled down. LeNet++ at the default rate is out of reach of any float32: there PyTorch in
# float32 ends 50 steps 1e-2 to 2e-1 (total loss) from itself in float64, and so do we; the case below,
# at 1e-6, was picked among some twenty settings because it is calm, and --each-step is the proof at the
# default rate. The net with strides misses the limits with seeds 1 and 2 in adam-dense (2e-4 to 3e-4 in
# the total loss), where PyTorch in float32 is as far from itself; seed 3 was picked because there the
# control is calm. norms at the default rate misses them too (1.9e-4 in the softmax loss, 1.3e-3 in
# weights; PyTorch in float32 6.0e-4 and 3.2e-3), so its rate is lower.
CASES = {
    "article-224": Case(oracle.ARTICLE, (3, 224, 224), 320, 64, 10, "adam", 0.2, lr=1e-5, spread=1.0),
    "article-64": Case(oracle.ARTICLE, (3, 64, 64), 320, 64, 50, "adam", 0.2, spread=20.0),
    "lenet++": Case(oracle.LENETPP, (1, 28, 28), 64, 10, 50, "mean", 0.1, lr=1e-6),
    "strides": Case(STRIDES, (3, 45, 38), 300, 50, 50, "adam", 0.2, seed=3),
    "strides-dense": Case(STRIDES, (3, 45, 38), 300, 50, 50, "adam-dense", 0.2, seed=3),
    "norms": Case(NORMS, (3, 32, 28), 320, 20, 50, "adam", 0.2, lr=1e-4),
}


def make_initial(case, rng):
    """Features of a net that ends with relu begin above zero, and so do the centers, where relu lets
    gradients pass; those of two numbers begin far apart."""
    initial = oracle.initial(rng, oracle.Model(case.net, *case.shape, case.n_classes))
    last = max((name for name in initial if name.startswith("body.") and name.endswith(".bias")),
               key=lambda name: int(name.split(".")[1]))[:-len("bias")]
    if case.net.endswith(" relu"):
        initial[last + "bias"] += np.float32(1)
        initial["centers.weight"] = 2 * np.abs(initial["centers.weight"])
    elif case.net.endswith("dense 2"):
        initial[last + "weight"] *= np.float32(10)
        initial["centers.weight"] *= np.float32(4)
    return initial


def make_folder(root, rng, shape, n_images, n_classes):
    """A pattern of the class, one of the image, and noise. Names are numbers, so that bytewise order is not that of numbers."""
    channels, height, width = shape
    for label in range(n_classes):
        os.makedirs(os.path.join(root, "%d" % label))
    size = (n_classes + n_images, 8, 8, channels)
    coarse = [np.asarray(Image.fromarray(small.squeeze()).resize((width, height), Image.BILINEAR), "f8")
              for small in rng.randint(0, 256, size).astype("u1")]
    for i in range(n_images):
        label = i % n_classes
        noise = rng.uniform(-20, 20, coarse[label].shape)
        pixels = 0.45 * coarse[label] + 0.45 * coarse[n_classes + i] + noise + 12
        pixels = np.clip(pixels, 0, 255).astype("u1")
        Image.fromarray(pixels).save(os.path.join(root, "%d" % label, "%d.png" % i))


def read_folder(root, mean, std):
    """x[n, c, h, w], rounded to float32 as a net gets it, and labels[n]: bytewise by class, then by file
    name."""
    pixels, labels = [], []
    for label, name in enumerate(sorted(os.listdir(root), key=os.fsencode)):
        for file in sorted(os.listdir(os.path.join(root, name)), key=os.fsencode):
            image = np.asarray(Image.open(os.path.join(root, name, file)))
            pixels.append(image.reshape(image.shape[0], image.shape[1], -1).transpose(2, 0, 1))
            labels.append(label)
    shape = (1, -1, 1, 1)
    x = np.stack(pixels).astype("f4") / np.float32(255)
    x = (x - np.reshape(mean, shape).astype("f4")) / np.reshape(std, shape).astype("f4")
    return torch.tensor(x), np.array(labels)


def run_torch(case, initial, x, labels, dtype):
    model = oracle.Model(case.net, *case.shape, case.n_classes, dtype=dtype,
                         sparse=case.mode == "adam")
    model.load(initial)
    trainer = oracle.Trainer(model, case.weight, case.mode, lr=case.lr, eps=case.eps)
    curve, begin, x = [], 0, x.to(dtype)
    for _ in range(case.n_steps):
        end = min(begin + BATCH, case.n_images)
        curve.append(trainer.step(x[begin:end], labels[begin:end]))
        begin = end % case.n_images
    return np.array(curve), model.arrays()


def run_cl_train(program, case, folder, work, threads):
    n_epochs = -(-case.n_steps * BATCH // case.n_images)
    steps, run = os.path.join(work, "steps.csv"), os.path.join(work, "run")
    subprocess.run(
        [program, "--net", case.net, "--image-size", "%dx%d" % case.shape[1:],
         "--channels", str(case.shape[0]),
         "--mean", ",".join("%.9g" % v for v in case.mean),
         "--std", ",".join("%.9g" % v for v in case.std),
         "--lambda", str(case.weight), "--centers", case.mode, "--alpha", "0.5", "--lr", str(case.lr),
         "--schedule", "constant", "--warmup", "0", "--weight-decay", "0", "--augment", "none",
         "--adam-eps", str(case.eps), "--batch-size", str(BATCH), "--epochs", str(n_epochs),
         "--stop-after", str(case.n_steps), "--val-split", "0", "--no-shuffle",
         "--init", os.path.join(work, "initial.safetensors"), "--steps", steps,
         "--threads", str(threads), "--quiet", "-o", run, folder], check=True)
    with open(steps, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(1, case.n_steps + 1)), "steps.csv"
    curve = [[float(row[key]) for key in ("total", "softmax", "center")] for row in rows]
    return np.array(curve), oracle.read_safetensors(os.path.join(run, "model.safetensors"))[0]


def differences(a, b, initial):
    """a against b, each (losses of every step, tensors at the end), by the names of LIMITS."""
    curve_a, tensors_a = a
    curve_b, tensors_b = b
    assert set(tensors_a) == set(tensors_b), sorted(set(tensors_a) ^ set(tensors_b))
    found = dict(zip(LIMITS, (np.abs(curve_a - curve_b) / np.abs(curve_b)).max(axis=0)))
    found.update({"weights": 0.0, "centers": 0.0, "movement": 0.0})
    for name, tensor in tensors_b.items():
        apart = np.abs(tensors_a[name].astype("f8") - tensor)
        key = "centers" if name == "centers.weight" else "weights"
        found[key] = max(found[key], apart.max() / np.abs(tensor).max())
        way = np.linalg.norm(tensor.astype("f8") - initial[name])
        if way > 0 or apart.any():
            found["movement"] = max(found["movement"], np.linalg.norm(apart) / way)
    return found


LIMITS = {"total": 1e-4, "softmax": 1e-4, "center": 1e-4, "weights": 1e-3, "centers": 1e-3,
          "movement": 1e-2}
EACH_STEP = {"total": "total", "softmax": "softmax", "center": "center", "movement": "gradient"}


def each_step(name, case, program, threads):
    """One step of cl_train from every state of a float64 run at the default rate, without Adam's
    division: see the top of the file."""
    case, one = copy.copy(case), copy.copy(case)
    case.lr, case.eps, case.n_steps = 1e-3, 1e-8, 50
    one.lr, one.eps, one.n_steps = 1e3, 1e3, 1
    case.n_images = one.n_images = BATCH
    case.n_classes = one.n_classes = 10
    rng = np.random.RandomState(case.seed)
    found = []
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "images")
        make_folder(folder, rng, case.shape, BATCH, case.n_classes)
        x, labels = read_folder(folder, case.mean, case.std)
        model = oracle.Model(case.net, *case.shape, case.n_classes, sparse=case.mode == "adam")
        model.load(make_initial(case, rng))
        trainer = oracle.Trainer(model, case.weight, case.mode, lr=case.lr)
        losses = []
        for _ in range(case.n_steps):
            state = {key: array.astype("<f4") for key, array in model.arrays().items()}
            oracle.write_safetensors(os.path.join(work, "initial.safetensors"), state)
            ours = run_cl_train(program, one, folder, work, threads)
            shutil.rmtree(os.path.join(work, "run"))
            double = run_torch(one, state, x, labels, torch.float64)
            single = run_torch(one, state, x, labels, torch.float32)
            found.append([[differences(run, double, state)[key] for key in EACH_STEP]
                          for run in (ours, single)])
            losses.append(trainer.step(x.to(torch.float64), labels))
    print("%s, each of %d steps at lr %g: seed %d, softmax loss %.4f -> %.4f, center loss %.4f -> %.4f" % (
        name, case.n_steps, case.lr, case.seed, losses[0][1], losses[-1][1], losses[0][2],
        losses[-1][2]))
    print("    %-18s %16s %20s" % ("", "ours to float64", "float32 to float64"))
    passed = True
    for statistic, limits in ((np.max, (1e-5, 1e-5, 1e-5, 1e-2)), (np.median, (1e-5, 1e-5, 1e-5, 1e-4))):
        table = statistic(np.array(found), axis=0)
        for key, ours, control, limit in zip(EACH_STEP, *table, limits):
            fine = ours <= limit  # false for NaN
            passed = passed and fine
            print("    %-18s %16.1e %20.1e   at most %g: %s" % (
                {np.max: "worst ", np.median: "median "}[statistic] + EACH_STEP[key], ours, control,
                limit, "ok" if fine else "FAILED"))
    print(flush=True)
    return passed


def check(name, case, program, threads):
    rng = np.random.RandomState(case.seed)
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "images")
        make_folder(folder, rng, case.shape, case.n_images, case.n_classes)
        initial = make_initial(case, rng)
        oracle.write_safetensors(os.path.join(work, "initial.safetensors"), initial)
        started = time.time()
        ours = run_cl_train(program, case, folder, work, threads)
        seconds = time.time() - started
        x, labels = read_folder(folder, case.mean, case.std)
    single = run_torch(case, initial, x, labels, torch.float32)
    double = run_torch(case, initial, x, labels, torch.float64)
    pairs = [differences(*pair, initial)
             for pair in ((ours, double), (ours, single), (single, double))]
    print("%s: %s\n    %s, %d images of %d classes, %d steps, lambda %g, lr %g, centers %s; "
          "cl_train took %.1f s" % (
              name, case.net, "x".join(str(d) for d in case.shape), case.n_images, case.n_classes,
              case.n_steps, case.weight, case.lr, case.mode, seconds))
    print("    softmax loss %.4f -> %.4f, center loss %.4f -> %.4f" % (
        double[0][0, 1], double[0][-1, 1], double[0][0, 2], double[0][-1, 2]))
    print("    %-10s %16s %16s %20s" % ("", "ours to float64", "ours to float32",
                                        "float32 to float64"))
    passed = True
    for key, limit in LIMITS.items():
        fine = pairs[0][key] <= limit  # false for NaN
        passed = passed and fine
        print("    %-10s %16.1e %16.1e %20.1e   at most %g: %s" % (
            key, *(pair[key] for pair in pairs), limit, "ok" if fine else "FAILED"))
    print(flush=True)
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cl-train", required=True, metavar="PATH")
    parser.add_argument("--case", choices=sorted(CASES), action="append")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--each-step", action="store_true")
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    for case in CASES.values():
        case.seed = options.seed or case.seed
    torch.set_num_threads(options.threads)
    compare = each_step if options.each_step else check
    failed = [name for name in options.case or CASES
              if not compare(name, CASES[name], options.cl_train, options.threads)]
    print("failed: " + ", ".join(failed) if failed else "all equal")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
