#!/usr/bin/python3
"""`cl_knn eval --json` against scikit-learn and plain Python.

    /usr/bin/python3 tests/parity/measures.py --cl-knn build/cl_knn GALLERY.npy [QUERY.npy]
                                              [--metric l2|cosine] [--k N] [--weights uniform|distance]

Labels come from the .tsv beside each .npy. Without QUERY every row is asked about the others. Compared, to
1e-6: knn_accuracy, precision_at_1, r_precision, map_at_r, n_queries, n_lone, auc, eer, and tar_at_far with
the keys "0.1", "0.01", "0.001".

Distances here are float64, each pair on its own: sums of squares of differences, or 1 - a.b / (|a| |b|).
Neighbours are ordered by distance, then by row, so equal rows are in the same order in both. Distances
that differ by their last bits alone may change places where the two add in another order. So every figure
that depends on an order is computed twice, with distances that differ by less than 1e-12 of their size
taken as a tie in favour of the label asked for, and against it: the answer has to lie between the two,
which are the same where no such pair of rows exists. k-NN accuracy is also that of KNeighborsClassifier,
whose order among equals is open: its figure is printed, and has to be as near as such queries allow.
cl_knn rounds distances of pairs to float32 and so does this script before roc_curve sees them; rounding
may part equals, which moves AUC by far less than 1e-6. Exit code 1 where a figure differs."""
import argparse
import csv
import json
import subprocess
import sys

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.neighbors import KNeighborsClassifier

MOST_PAIRS = 20_000_000
LIMIT = 1e-6


def read(path):
    features = np.load(path).astype("f8")
    with open(path[:-len("npy")] + "tsv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) == len(features), path
    return features, [row["class"] or row["label"] for row in rows], \
        np.array([int(row["label"]) >= 0 for row in rows])


def distances_of(metric, query, gallery):
    if metric == "l2":
        return np.sqrt(((gallery - query) ** 2).sum(1))
    lengths = np.sqrt((gallery ** 2).sum(1) * (query @ query))
    dots = (gallery * query).sum(1)
    return np.clip(1 - np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0), 0, 2)


def vote(labels, far, weights):
    """The labels that win, smallest first; more than one only where rounding decides."""
    sums = {}
    for label, away in zip(labels, far):
        weight = 1.0
        if weights == "distance":
            weight = float(away == 0) if far[0] == 0 else 1 / away
        sums[label] = sums.get(label, 0) + weight
    most = max(sums.values())
    exact = min(label for label in sums if sums[label] == most)
    return {exact} | {label for label in sums if weights == "distance" and
                      sums[label] > most * (1 - 1e-12) and sums[label] != most}


def orders(far, is_wanted):
    """Two orders of the rows: near ties against the wanted label, and in its favour."""
    order = np.lexsort((np.arange(len(far)), far))
    gaps = np.diff(far[order])  # the row that is left out is at infinity
    near = (gaps > 0) & np.isfinite(gaps) & (gaps <= 1e-12 * far[order][1:])
    if not near.any():
        return [order]
    rank = np.empty(len(far), int)
    rank[order] = np.concatenate([[0], np.cumsum(~(near | (gaps == 0)))])
    return [np.lexsort((far, preferred, rank)) for preferred in (is_wanted, ~is_wanted)]


def retrieve(metric, k, weights, x, labels, q, q_labels, alone):
    """[low, high] sums of the four figures, and the number of lone queries."""
    n_lone, sums = 0, np.zeros((2, 4))
    for i, query in enumerate(q):
        far = distances_of(metric, query, x)
        hits = labels == q_labels[i]
        if alone:
            far[i], hits[i] = np.inf, False
        r = hits.sum()
        figures = []
        for order in orders(far, hits):
            winners = vote(labels[order[:k]].tolist(), far[order[:k]], weights)
            right = [label == q_labels[i] for label in winners]
            hit = hits[order[:r]]
            p = np.cumsum(hit) / np.arange(1, r + 1)
            rest = [hit[0], hit.mean(), (p * hit).sum() / r] if r else [0, 0, 0]
            figures += [[float(f)] + rest for f in right]
        sums += [np.min(figures, 0), np.max(figures, 0)]
        n_lone += r == 0
    return sums / ([len(q)] + [max(len(q) - n_lone, 1)] * 3), n_lone


def verify(metric, x, labels, q, q_labels, alone):
    far, same = [], []
    for i, query in enumerate(q):
        rows = slice(0, i) if alone else slice(None)
        far.append(distances_of(metric, query, x[rows]).astype("f4"))
        same.append(labels[rows] == q_labels[i])
    far, same = np.concatenate(far), np.concatenate(same)
    if same.all() or not same.any():
        return {}
    fpr, tpr, _ = roc_curve(same, -far, drop_intermediate=False)
    after = np.argmax(fpr + tpr >= 1)
    line = (fpr + tpr)[after - 1:after + 1]
    figures = {"auc": roc_auc_score(same, -far),
               "eer": np.interp(1, line, fpr[after - 1:after + 1])}
    for most in "0.1", "0.01", "0.001":
        figures["tar_at_far " + most] = tpr[fpr <= float(most)].max()
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cl-knn", required=True)
    parser.add_argument("--metric", choices=["l2", "cosine"], default="l2")
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--weights", choices=["uniform", "distance"], default="uniform")
    parser.add_argument("gallery")
    parser.add_argument("query", nargs="?")
    o = parser.parse_args()
    command = [o.cl_knn, "eval", "--json", "--metric", o.metric, "--k", str(o.k), "--weights", o.weights,
               "--gallery-split", "all", "--query-split", "all", o.gallery] + ([o.query] if o.query else [])
    ours = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    alone = o.query is None
    x, names, _ = read(o.gallery)
    q, q_names, is_labelled = (x, names, np.ones(len(x), bool)) if alone else read(o.query)
    places = {name: i for i, name in enumerate(sorted(set(names), key=str.encode))}
    labels = np.array([places[name] for name in names])
    q_labels = np.array([places.get(name, -1) for name in q_names])  # -1: lone
    q, q_labels = q[is_labelled], q_labels[is_labelled]
    k = min(o.k, len(x) - alone)

    (low, high), n_lone = retrieve(o.metric, k, o.weights, x, labels, q, q_labels, alone)
    names = ["knn_accuracy", "precision_at_1", "r_precision", "map_at_r"]
    expected = {"n_queries": (len(q), len(q)), "n_lone": (n_lone, n_lone)}
    expected.update({name: (low[i], high[i]) for i, name in enumerate(names)})
    n_pairs = len(x) * (len(x) - 1) // 2 if alone else len(x) * len(q)
    if n_pairs <= MOST_PAIRS:
        expected.update({name: (value, value) for name, value in
                         verify(o.metric, x, labels, q, q_labels, alone).items()})
    else:
        print("%d pairs: cl_knn draws a sample, which is not compared" % n_pairs)

    fine = True
    for name, (least, most) in expected.items():
        key, _, far = name.partition(" ")
        value = ours[key][far] if far else ours[key]
        if n_lone == len(q) and name in names[1:]:
            same, least = value is None, float("nan")
        else:
            same = value is not None and least - LIMIT <= value <= most + LIMIT
        fine = fine and same
        print("%-18s cl_knn %-12s here %.9g%s: %s" % (
            name, value, least, "" if most - least < LIMIT else " to %.9g" % most,
            "ok" if same else "FAILED"))

    if not alone:
        model = KNeighborsClassifier(k, weights=o.weights, algorithm="brute",
                                     metric="euclidean" if o.metric == "l2" else "cosine")
        theirs = (model.fit(x, labels).predict(q) == q_labels).mean()
        print("KNeighborsClassifier: accuracy %.9g" % theirs)
        tolerance = LIMIT + ties(o.metric, x, q, k) / len(q)
        if not low[0] - tolerance <= theirs <= high[0] + tolerance:
            print("that is further off than queries with tied neighbours allow: FAILED")
            fine = False
    return 0 if fine else 1


def ties(metric, x, q, k):
    """Queries whose k-th neighbour is as far as the next, or that have one at distance about 0."""
    n = 0
    for query in q:
        far = np.sort(distances_of(metric, query, x))[:k + 1]
        n += bool(far[0] < 1e-7 or (len(far) > k and far[k] - far[k - 1] <= 1e-7 * far[k]))
    return n


if __name__ == "__main__":
    sys.exit(main())
