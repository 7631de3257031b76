#!/usr/bin/python3
"""C files of a model in float, 16 and 8 bits, on pictures that neither trained nor calibrated.

    python3 tests/parity/c_files.py --cl-export build/cl_export RUN [RUN...]

RUN is a run folder of cl_train with features.tsv. Needs numpy, Pillow and cc. Each file is compiled and computes the
features of all the run's pictures, which Pillow brought to the input's size; the 8 bits are calibrated on training
pictures. A row for each: bytes of constants and of work, the median and the smallest cosine of a validation picture's
feature to that of the float file, and the share of validation pictures that their 5 nearest training pictures name
right."""
import argparse
import csv
import ctypes
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

NEIGHBOURS = 5


def read_pixels(path, side, mode):
    image = Image.open(path).convert(mode)
    part = min(image.width / side[1], image.height / side[0])
    width, height = part * side[1], part * side[0]
    left, top = (image.width - width) / 2, (image.height - height) / 2
    box = (left, top, left + width, top + height)
    return np.ascontiguousarray(image.resize((side[1], side[0]), Image.BILINEAR, box))


def compute(source, name, pixels):
    """Features by the compiled file, and its bytes of constants and of work."""
    library = source[:-2] + ".so"
    subprocess.run(["cc", "-std=c99", "-O2", "-shared", "-fPIC", source, "-o", library], check=True)
    with open(source, encoding="utf-8") as file:
        text = file.read(2000)
    size, work = (int(number) for number in re.search(r"_size = (\d+), \w+_size = (\d+)", text).groups())
    constants = int(re.search(r"about (\d+) bytes of\s+(?:\* )?constants", text).group(1))
    function = getattr(ctypes.CDLL(library), name + "_feature")
    memory, features = np.zeros(work, "f4"), np.zeros((len(pixels), size), "f4")
    for picture, feature in zip(pixels, features):
        function(*(ctypes.c_void_p(array.ctypes.data) for array in (picture, feature, memory)))
    return features, constants, 4 * work


def accuracy(features, labels, is_query):
    """The share of queries whose nearest others name them right; of two names with as many votes the nearer one."""
    gallery, names, n_hits = features[~is_query].astype("f8"), labels[~is_query], 0
    for query, label in zip(features[is_query].astype("f8"), labels[is_query]):
        nearest = names[np.argsort(((gallery - query) ** 2).sum(1), kind="stable")[:NEIGHBOURS]].tolist()
        n_hits += max(nearest, key=lambda name: (nearest.count(name), -nearest.index(name))) == label
    return n_hits / is_query.sum()


def cosines(a, b):
    a, b = a.astype("f8"), b.astype("f8")
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


def rows(run, program):
    with open(os.path.join(run, "features.tsv"), encoding="utf-8") as file:
        pictures = list(csv.DictReader(file, delimiter="\t"))
    with open(os.path.join(run, "model.safetensors"), "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    channels, *side = json.loads(header["__metadata__"]["input"])
    pixels = [read_pixels(picture["path"], side, "RGB" if channels == 3 else "L") for picture in pictures]
    labels = np.array([picture["class"] for picture in pictures])
    is_query = np.array([picture["split"] == "val" for picture in pictures])
    with tempfile.TemporaryDirectory() as work:
        for i in np.flatnonzero(~is_query):
            folder = os.path.join(work, "pictures", labels[i])
            os.makedirs(folder, exist_ok=True)
            os.symlink(os.path.abspath(pictures[i]["path"]), os.path.join(folder, "%06d" % i))
        first = None
        for name, options in (("float", []), ("half", ["--half"]), ("int8", ["--int8", work + "/pictures"])):
            source = os.path.join(work, "model_%s.c" % name)
            subprocess.run([program, *options, run, "-o", source], check=True, stdout=subprocess.DEVNULL)
            features, constants, memory = compute(source, "model_" + name, pixels)
            first = features if first is None else first
            near = cosines(features[is_query], first[is_query])
            print("| %s | %s | %d | %d | %.5f | %.5f | %.2f %% |" % (
                run, name, constants, memory, np.median(near), near.min(),
                100 * accuracy(features, labels, is_query)), flush=True)
    print("%d training and %d validation pictures" % ((~is_query).sum(), is_query.sum()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="+")
    parser.add_argument("--cl-export", required=True, metavar="PATH")
    options = parser.parse_args()
    print("| run | weights | constants | work | median cosine | smallest | k-NN |\n|---|---|---|---|---|---|---|")
    for run in options.run:
        rows(run, options.cl_export)


if __name__ == "__main__":
    sys.exit(main())
