#!/usr/bin/python3
"""How good are the groups of `cl_knn cluster` on classes that the net has not seen, beside scikit-learn's?

    python3 tests/parity/cluster.py --cl-knn build/cl_knn RUN [RUN ...] [--metric cosine] [--most 2000]

Of each RUN, which kept classes out (cl_train --holdout-classes), the held-out pictures are grouped. cl_knn runs with
its defaults: its threshold comes from pairs of a held-out picture and a picture of the training set, and it sees no
class of what it groups. The others may look at the classes: of all settings in a grid, also of the metric, the one
with the highest sum of the two figures is shown. Rows that DBSCAN and HDBSCAN call noise count as groups of one.
"at its best" is cl_knn at the best threshold. A run with more held-out pictures than --most gives whole classes up to
that number."""
import argparse
import json
import os
import subprocess
import tempfile
import warnings

import numpy as np
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering
from sklearn.metrics import pair_confusion_matrix
from sklearn.metrics.pairwise import cosine_distances, euclidean_distances

warnings.filterwarnings("ignore")


def read_run(run):
    features = np.load(os.path.join(run, "features.npy"))
    with open(os.path.join(run, "features.tsv"), encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return features, rows[0], rows[1:]


def write_set(path, features, head, rows, chosen):
    np.save(path, features[chosen])
    with open(path[:-4] + ".tsv", "w", encoding="utf-8") as file:
        for row in [head] + [[str(i)] + rows[j][1:] for i, j in enumerate(chosen)]:
            file.write("\t".join(row) + "\n")


def choose_rows(rows, most):
    names = np.array([row[3] for row in rows])
    held_out = np.flatnonzero(np.array([row[4] for row in rows]) == "heldout")
    chosen = np.zeros(0, int)
    for name in np.random.RandomState(1).permutation(np.unique(names[held_out])):
        more = held_out[names[held_out] == name]
        if len(chosen) + len(more) > most:
            break
        chosen = np.concatenate([chosen, more])
    return np.sort(chosen), names


def scores(labels, groups):
    groups = groups.copy()
    noise = np.flatnonzero(groups < 0)
    groups[noise] = groups.max() + 1 + np.arange(len(noise))
    (_, joined), (split, same) = pair_confusion_matrix(labels, groups)
    one_label, one_group = labels[:, None] == labels, groups[:, None] == groups
    both = (one_label & one_group).sum(1)
    precision, recall = (both / one_group.sum(1)).mean(), (both / one_label.sum(1)).mean()
    return 2 * same / (2 * same + joined + split), 2 * precision * recall / (precision + recall)


def best(labels, settings):
    """settings: pairs of a name and groups."""
    measured = [(*scores(labels, groups), name) for name, groups in settings]
    return max(measured, key=lambda m: m[0] + m[1])


def agglomerative(distances, metric):
    for linkage in "average", "complete", "single":
        tree = AgglomerativeClustering(n_clusters=None, distance_threshold=0, linkage=linkage, metric="precomputed")
        heights = np.unique(tree.fit(distances).distances_)
        for height in np.quantile(heights, np.linspace(0.02, 1, 40)):
            model = AgglomerativeClustering(n_clusters=None, distance_threshold=height, linkage=linkage,
                                            metric="precomputed")
            yield f"{metric} {linkage} {height:.4g}", model.fit_predict(distances)


def dbscan(distances, metric):
    near = np.sort(distances, 1)[:, 1:6]
    for n in 1, 2, 3, 4, 5:
        for radius in np.unique(np.quantile(near, np.linspace(0.02, 1, 25))):
            if radius > 0:
                model = DBSCAN(eps=radius, min_samples=n, metric="precomputed")
                yield f"{metric} eps {radius:.4g} min {n}", model.fit_predict(distances)


def hdbscan(distances, metric):
    for size in 2, 3, 4, 5, 8:
        for n in 1, 2, 3, 5:
            for method in "eom", "leaf":
                model = HDBSCAN(min_cluster_size=size, min_samples=n, metric="precomputed",
                                cluster_selection_method=method, copy=True)
                yield f"{metric} size {size} min {n} {method}", model.fit_predict(distances)


def ask(options, run, path, *more):
    out = subprocess.run([options.cl_knn, "cluster", path, "--json", "--metric", options.metric, *more],
                         check=True, capture_output=True, text=True).stdout
    answer = json.loads(out)
    return answer["scores"]["pair_f"], answer["scores"]["bcubed_f"], answer["threshold"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cl-knn", required=True, metavar="PATH")
    parser.add_argument("--metric", default="l2", choices=["l2", "cosine"], help="of cl_knn")
    parser.add_argument("--most", type=int, default=2000)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    options = parser.parse_args()
    for run in options.runs:
        features, head, rows = read_run(run)
        chosen, names = choose_rows(rows, options.most)
        labels = np.unique(names[chosen], return_inverse=True)[1]
        print(f"{run}: {len(chosen)} pictures of {labels.max() + 1} unseen classes; F of pairs, BCubed F")
        with tempfile.TemporaryDirectory() as work:
            path = os.path.join(work, "set.npy")
            write_set(path, features, head, rows, chosen)
            pairs, bcubed, threshold = ask(options, run, path, "--model", run)
            print(f"    {'cl_knn cluster':<16} {pairs:.3f} {bcubed:.3f}  {options.metric} {threshold:.4g}", flush=True)
            tried = [ask(options, run, path, "--threshold", repr(threshold * 1.07 ** i)) for i in range(-16, 17)]
            pairs, bcubed, threshold = max(tried, key=lambda m: m[0] + m[1])
            print(f"    {'at its best':<16} {pairs:.3f} {bcubed:.3f}  {options.metric} {threshold:.4g}", flush=True)
        x = features[chosen].astype("f8")
        for method in agglomerative, dbscan, hdbscan:
            found = max(best(labels, method(euclidean_distances(x), "l2")),
                        best(labels, method(np.maximum(cosine_distances(x), 0), "cosine")),
                        key=lambda m: m[0] + m[1])
            print(f"    {method.__name__:<16} {found[0]:.3f} {found[1]:.3f}  {found[2]}", flush=True)


if __name__ == "__main__":
    main()
