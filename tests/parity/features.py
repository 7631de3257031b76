#!/usr/bin/python3
"""What cl_train leaves behind, read by others: numpy, scikit-learn, PyTorch and Pillow.

    /usr/bin/python3 tests/parity/features.py RUN        in the folder where cl_train was started

1. numpy.load reads features.npy, and its rows are those of features.tsv.
2. scikit-learn's KNeighborsClassifier(5) on the training rows has the accuracy on the validation rows
   that cl_train logged for its best epoch.
3. torch.nn.Sequential with the tensors of model.safetensors, by name, computes the same features from
   the images as Pillow decodes and resizes them: at most 1e-4 of the largest feature apart. Pictures
   far larger than the net's input need cl_train --exact-decode for that."""
import csv
import json
import math
import os
import struct
import sys

import numpy as np
import torch
from PIL import Image, ImageOps
from sklearn.neighbors import KNeighborsClassifier

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import oracle  # noqa: E402


def read_model(path):
    """Every tensor of a model file in a dozen lines, as a user may write them."""
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], np.float32).reshape(tensor["shape"])
    return tensors, metadata


def read_rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def resized(image, height, width, mode):
    """As cen_image_resize says it."""
    if mode == "stretch":
        return image.resize((width, height), Image.BILINEAR)
    if height * image.width >= width * image.height:
        size = (height * image.width // image.height, height)
    else:
        size = (width, width * image.height // image.width)
    left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
    return image.resize(size, Image.BILINEAR).crop((left, top, left + width, top + height))


def features_of(paths, tensors, metadata):
    channels, height, width = json.loads(metadata["input"])
    body = oracle.sequential(metadata["net"], channels, height, width, torch.float64)
    body.load_state_dict({name[len("body."):]: torch.tensor(tensor).double()
                          for name, tensor in tensors.items() if name.startswith("body.")})
    body.eval()
    mean, std = (np.reshape(json.loads(metadata[key])[:channels], (-1, 1, 1))
                 for key in ("mean", "std"))
    rows = []
    for path in paths:
        image = ImageOps.exif_transpose(Image.open(path)).convert("L" if channels == 1 else "RGB")
        pixels = np.asarray(resized(image, height, width, metadata["resize"]))
        x = (pixels.reshape(height, width, channels).transpose(2, 0, 1) / 255.0 - mean) / std
        with torch.no_grad():
            feature = body(torch.tensor(x[None]))[0].numpy()
            if metadata.get("mirror") == "true":
                length = np.linalg.norm(feature)
                feature = (feature + body(torch.tensor(x[None, :, :, ::-1].copy()))[0].numpy()) / 2
                if metadata["net"].split(",")[-1].strip().startswith("l2norm"):
                    feature *= length / np.linalg.norm(feature)
        rows.append(feature)
    return np.stack(rows)


def main(run):
    features = np.load(os.path.join(run, "features.npy"))
    rows = read_rows(os.path.join(run, "features.tsv"))
    tensors, metadata = read_model(os.path.join(run, "model.safetensors"))
    print("features.npy: %s %s, model.safetensors: %d tensors" % (
        features.dtype, features.shape, len(tensors)))
    fine = features.dtype == np.float32 and len(rows) == len(features)
    fine = fine and [int(row["row"]) for row in rows] == list(range(len(rows)))
    print("rows of features.tsv: %s" % ("ok" if fine else "FAILED"))

    labels = np.array([int(row["label"]) for row in rows])
    split = np.array([row["split"] for row in rows])
    train, val = split == "train", split == "val"
    with open(os.path.join(run, "log.csv"), newline="") as file:
        log = [float(row["knn_accuracy"]) for row in csv.DictReader(file)]
    if val.any():
        knn = KNeighborsClassifier(5).fit(features[train], labels[train])
        accuracy = np.mean(knn.predict(features[val]) == labels[val])
        same = math.isclose(accuracy, max(log), abs_tol=0.5 / val.sum())
        print("k-NN accuracy of %d among %d: scikit-learn %.6f, logged %.6f: %s" % (
            val.sum(), train.sum(), accuracy, max(log), "ok" if same else "FAILED"))
        fine = fine and same

    step = max(1, len(rows) // 500)
    theirs = features_of([row["path"] for row in rows[::step]], tensors, metadata)
    apart = np.abs(theirs - features[::step]).max() / np.abs(theirs).max()
    same = apart <= 1e-4
    print("features of %d images by PyTorch and Pillow: %.1e of the largest apart: %s" % (
        len(theirs), apart, "ok" if same else "FAILED"))
    return 0 if fine and same else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
