#!/usr/bin/python3
"""How well `cl_knn audit` finds wrong labels: in-sample, by `cl_train --folds`, and beside cleanlab.

    python3 tests/parity/labels.py --build build FOLDER [FOLDER ...] [--share 0.05 0.1] [--folds 5] [--seed 1]
                                   [--classes N] [-- OPTION OF cl_train ...]

FOLDER has a sub-folder of images for each class. A share of the labels, drawn by seed, is exchanged for another one,
cl_train trains with --folds on the list, and the average precision (scikit-learn) of three orders of the training
images is printed:

    in-sample    cl_knn audit --ratio 0 of features.npy, so without the folds
    out-of-fold  cl_knn audit --ratio 0 of the run, by its folds
    cleanlab     cleanlab.rank.get_label_quality_scores, self_confidence, by the probabilities of the same nets. It
                 needs only that of the given label; the rest of a row is filled up evenly

Needs cleanlab, numpy and scikit-learn."""
import argparse
import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import average_precision_score

ENDINGS = (".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def images_of(folder, n_classes, seed):
    classes = sorted(path for path in pathlib.Path(folder).resolve().iterdir() if path.is_dir())
    if n_classes:
        classes = sorted(random.Random(seed).sample(classes, min(n_classes, len(classes))))
    return [(str(file), path.name) for path in classes for file in sorted(path.iterdir())
            if file.suffix.lower() in ENDINGS]


def flip(images, share, seed):
    draw = random.Random(seed * 1000 + round(share * 1000))
    names = sorted({name for _, name in images})
    wrong = set(draw.sample(range(len(images)), round(share * len(images))))
    return [(path, draw.choice([other for other in names if other != name]) if i in wrong else name)
            for i, (path, name) in enumerate(images)]


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def audit(build, source, paths):
    """How doubtful the tool finds each path: the first in its list most, and what it does not list least."""
    out = subprocess.run([build + "/cl_knn", "audit", source, "--gallery-split", "train", "--ratio", "0", "--json"],
                         check=True, capture_output=True, text=True).stdout
    listed = [finding["picture"]["path"] for finding in json.loads(out)["findings"] if finding["kind"] == "misplaced"]
    doubts = {path: len(listed) - place for place, path in enumerate(listed)}
    return np.array([doubts.get(path, 0) for path in paths])


def cleanlab_order(labels, own):
    n = labels.max() + 1
    probabilities = np.repeat(((1 - own) / (n - 1))[:, None], n, axis=1)
    probabilities[np.arange(len(labels)), labels] = own
    return -get_label_quality_scores(labels, probabilities, method="self_confidence")


def measure(arguments, folder, share):
    images = images_of(folder, arguments.classes, arguments.seed)
    given = flip(images, share, arguments.seed)
    truth = {path: name for path, name in images}
    with tempfile.TemporaryDirectory() as work:
        run = work + "/run"
        with open(work + "/list.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("path", "label"), *given])
        subprocess.run([arguments.build + "/cl_train", work + "/list.csv", "-o", run, "-q", "--no-report",
                        "--folds", str(arguments.folds), "--seed", str(arguments.seed), *arguments.options],
                       check=True)
        verdicts, rows = np.load(run + "/folds.npy").astype("f8"), rows_of(run + "/features.tsv")
        assert [row["path"] for row in rows] == [row["path"] for row in rows_of(run + "/folds.tsv")]
        trained = np.array([row["split"] == "train" for row in rows]) & (verdicts[:, 0] > 0)
        paths = [row["path"] for row, is_trained in zip(rows, trained) if is_trained]
        orders = [audit(arguments.build, source, paths) for source in (run + "/features.npy", run)]
    names = sorted({row["class"] for row in rows})
    labels = np.array([names.index(row["class"]) for row in rows])[trained]
    wrong = np.array([truth[row["path"]] != row["class"] for row in rows])[trained]
    own, nearer = verdicts[trained, 2], verdicts[trained, 5]
    figures = [average_precision_score(wrong, order) for order in (*orders, cleanlab_order(labels, own))]
    accuracy = (nearer <= 1).mean()
    print(f"{pathlib.Path(folder).name:24} {share:5.0%} {wrong.sum():4} of {len(wrong):5}  in-sample {figures[0]:.3f}  "
          f"out-of-fold {figures[1]:.3f}  cleanlab {figures[2]:.3f}  (like their class: {accuracy:.1%})", flush=True)
    return figures[1] >= figures[2]


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--build", default="build")
parser.add_argument("--share", type=float, nargs="+", default=[0.05, 0.1])
parser.add_argument("--folds", type=int, default=5)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--classes", type=int, default=0)
parser.add_argument("folders", nargs="+")
cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
given = parser.parse_args(sys.argv[1:cut])
given.options = sys.argv[cut + 1:]
good = [measure(given, folder, share) for folder in given.folders for share in given.share]
raise SystemExit(not all(good))
