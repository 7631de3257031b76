#!/usr/bin/python3
"""The article's program in Keras beside cl_train --recipe article: total, softmax and center loss of each step.

    pip install tensorflow-cpu tf_keras pillow
    python3 tests/parity/keras_article.py --cl-train build/cl_train PHOTOS/ [--size 64] [--steps 60]

The program is run as it is printed, but for the import lines, the number of classes and the size of the input. It begins
with weights of its own, which go to cl_train --init. PHOTOS/CLASS/PICTURE are cropped to squares by Pillow, so both read
the same pixels; both divide them by 255. cl_train shuffles as it always does, and its order is given to Keras.

Printed is the largest relative difference of any step:

    ours to Keras       cl_train against the program, at most 1e-4 more than the next line
    Keras to float64    the program against itself with every number a float64
    ours to float64     cl_train against that, at most 1e-4

Keras in float32 rounds 0.999 and its powers before the bias correction, which moves a step by up to 1e-5. --rest also trains
with one setting of the recipe left out, which shows what each is for. Exit code 1 if a loss differs by more."""
import argparse
import csv
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import article  # noqa: E402
from tensors import write_safetensors  # noqa: E402

BATCH, MASK, GAMMA, SHUFFLE = 32, 2**64 - 1, 0x9E3779B97F4A7C15, 4


def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def shuffled(n, epoch, seed=1):
    """The rows of an epoch as src/base/random.c draws them."""
    stream = mix((SHUFFLE * GAMMA + mix((epoch + GAMMA) & MASK)) & MASK)
    key = mix(mix((seed + GAMMA) & MASK) ^ (stream * GAMMA & MASK))
    rows = list(range(n))
    for i in range(n, 1, -1):
        j = (mix((key + (i + 1) * GAMMA) & MASK) >> 32) * i >> 32
        rows[i - 1], rows[j] = rows[j], rows[i - 1]
    return rows


def crop(photos, folder, size, std):
    """Squares of the photos as PNG; x[n, 3, size, size] and labels[n] in bytewise order."""
    pixels, labels = [], []
    classes = sorted((name for name in os.listdir(photos) if os.path.isdir(os.path.join(photos, name))),
                     key=os.fsencode)
    for label, name in enumerate(classes):
        os.makedirs(os.path.join(folder, name))
        for k, file in enumerate(sorted(os.listdir(os.path.join(photos, name)), key=os.fsencode)):
            image = Image.open(os.path.join(photos, name, file)).convert("RGB")
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            image = image.resize((size, size), Image.BILINEAR, (left, top, left + side, top + side))
            image.save(os.path.join(folder, name, "%06d.png" % k))
            pixels.append(np.asarray(image).transpose(2, 0, 1))
            labels.append(label)
    return np.stack(pixels).astype("f4") / np.float32(255) / np.float32(std), np.array(labels), len(classes)


def batches_of(x, labels, n_steps):
    rows, epoch = [], 1
    while len(rows) < n_steps:
        order = shuffled(len(x), epoch)
        rows += [order[at:at + BATCH] for at in range(0, len(x), BATCH)]
        epoch += 1
    return [(x[chosen], labels[chosen]) for chosen in rows[:n_steps]]


def run_cl_train(program, work, size, std, n_steps, n_images, more=()):
    steps = os.path.join(work, "steps.csv")
    epochs = -(-n_steps // -(-n_images // BATCH))
    subprocess.run([program, "--recipe", "article", "--image-size", str(size), "--val-split", "0", "--mean", "0",
                    "--std", "%.9g" % std, "--init", os.path.join(work, "initial.safetensors"), "--epochs", str(epochs),
                    "--stop-after", str(n_steps), "--steps", steps, "--threads", "1", "--quiet", "--overwrite",
                    *more, "-o", os.path.join(work, "run"), os.path.join(work, "photos")], check=True)
    with open(steps, newline="") as file:
        return np.array([[float(row[key]) for key in ("total", "softmax", "center")] for row in csv.DictReader(file)])


# What a user of Keras would otherwise have to know.
LEFT_OUT = [("--adam-form", "torch"), ("--centers", "mean"), ("--centers", "adam"), ("--augment", "light"),
            ("--warmup", "1"), ("--schedule", "cosine"), ("--weight-decay", "0.02"), ("--adam-eps", "1e-8")]


def apart(a, b):
    return np.max(np.abs(a - b) / np.abs(b), axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("--cl-train", required=True, metavar="PATH")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--std", type=float, default=1, help="divides the pixels, too")
    parser.add_argument("--rest", action="store_true")
    parser.add_argument("--csv", metavar="FILE", help="write the losses of every step")
    options = parser.parse_args()
    article.use_one_thread()
    with tempfile.TemporaryDirectory() as work:
        x, labels, n_classes = crop(options.photos, os.path.join(work, "photos"), options.size, options.std)
        batches = batches_of(x, labels, options.steps)
        single = article.Article(options.size, options.size, n_classes)
        write_safetensors(os.path.join(work, "initial.safetensors"), single.arrays())
        double = article.Article(options.size, options.size, n_classes, "float64")
        double.start_as(single)
        float64 = double.fit(batches)
        single = article.Article(options.size, options.size, n_classes)  # float32 again, with the same seed
        keras = single.fit(batches)
        train = [options.cl_train, work, options.size, options.std, options.steps, len(x)]
        ours = run_cl_train(*train)
        print("%d photos of %d classes at %dx%d, %d steps; softmax %.4f -> %.4f, center %.4f -> %.4f" % (
            len(x), n_classes, options.size, options.size, options.steps, keras[0, 1], keras[-1, 1], keras[0, 2],
            keras[-1, 2]))
        print("%-28s %10s %10s %10s" % ("", "total", "softmax", "center"))
        for name, a, b in (("ours to Keras", ours, keras), ("Keras to float64", keras, float64),
                           ("ours to float64", ours, float64)):
            print("%-28s %10.1e %10.1e %10.1e" % (name, *apart(a, b)))
        for setting in LEFT_OUT if options.rest else ():
            print("%-28s %10.1e %10.1e %10.1e" % (" ".join(setting), *apart(run_cl_train(*train, setting), keras)))
    if options.csv:
        with open(options.csv, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([who + " " + what for who in ("ours", "keras", "float64")
                             for what in ("total", "softmax", "center")])
            writer.writerows(np.hstack([ours, keras, float64]).tolist())
    is_near = np.all(apart(ours, keras) <= 1e-4 + apart(keras, float64)) and np.all(apart(ours, float64) <= 1e-4)
    return 0 if is_near else 1


if __name__ == "__main__":
    sys.exit(main())
