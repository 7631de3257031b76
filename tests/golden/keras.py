#!/usr/bin/python3
"""Golden values of the article's program, from Keras in float64: 50 steps on small images, with the epsilon of Keras
and with a large one, which shows where it comes in.

    python3 tests/golden/keras.py        writes tests/golden/train/keras.bin; pip install tensorflow-cpu tf_keras"""
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import article  # noqa: E402

HEIGHT, WIDTH, N_CLASSES, N_IMAGES, BATCH, N_STEPS = 11, 14, 10, 96, 16, 50


def put(file, name, value, kind):
    """As Golden.put in train.py, which needs PyTorch."""
    if isinstance(value, str):
        value = np.frombuffer(value.encode(), "u1")
    array = np.ascontiguousarray(value, dtype="u1" if kind == "t1" else "<" + kind)
    file.write(("%s %s %s\n" % (name, kind, " ".join(str(d) for d in array.shape))).encode() + array.tobytes())


def run(file, name, epsilon):
    rng = np.random.RandomState(2)
    labels = rng.permutation(np.arange(N_IMAGES) % N_CLASSES)
    patterns = rng.randint(0, 256, (N_CLASSES, 3, HEIGHT, WIDTH))
    pixels = ((patterns[labels] + rng.randint(0, 256, (N_IMAGES, 3, HEIGHT, WIDTH))) // 2).astype("u1")
    x = (pixels.astype("f8") - 128) / 64
    batches = [(x[at:at + BATCH], labels[at:at + BATCH])
               for at in (step * BATCH % N_IMAGES for step in range(N_STEPS))]
    single = article.Article(HEIGHT, WIDTH, N_CLASSES, "float32", epsilon=epsilon)
    arrays = {key: array.astype("f4") for key, array in single.arrays().items()}
    double = article.Article(HEIGHT, WIDTH, N_CLASSES, "float64", epsilon=epsilon)
    double.start_as(single)
    losses = double.fit(batches)
    final = double.arrays()
    again = article.Article(HEIGHT, WIDTH, N_CLASSES, "float32", epsilon=epsilon).fit(batches)
    put(file, name + "/net", article.NET, "t1")
    put(file, name + "/mode", "adam-dense", "t1")
    put(file, name + "/lambda", [article.WEIGHT], "f8")
    put(file, name + "/eps", [epsilon], "f8")
    put(file, name + "/pixels", pixels, "u1")
    put(file, name + "/labels", labels, "u1")
    put(file, name + "/batch", [BATCH], "u1")
    for key, array in arrays.items():
        put(file, "%s/parameters/%s" % (name, key), array, "f4")
    put(file, name + "/losses", losses, "f8")
    for key, array in final.items():
        put(file, "%s/final/%s" % (name, key), array, "f4")
    print("%-16s float32 against float64: losses %.1e; softmax %.3f -> %.3f, center %.3f -> %.3f" % (
        name, np.max(np.abs(again - losses) / losses), losses[0, 1], losses[-1, 1],
        losses[0, 2], losses[-1, 2]))


if __name__ == "__main__":
    article.use_one_thread()
    with open(os.path.join(HERE, "train", "keras.bin"), "wb") as out:
        run(out, "keras", 1e-7)
        run(out, "keras_large_eps", 0.01)
