#!/usr/bin/python3
"""Does `cl_knn classify --far X` keep its promise? Of a run with held-out classes, people that are neither in
the gallery nor calibrated on are classified; the share of them that is accepted should stand within the
interval that the threshold states, in about 95 of 100 draws.

    /usr/bin/python3 tests/parity/strangers.py --cl-knn build/cl_knn RUN [--far 0.05] [--draws 50]

The gallery is the run's training images. Each draw splits the held-out classes into two halves by chance:
one calibrates (--strangers), the other is scored. Exit code 1 where fewer than 85 % of the draws stand within."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np


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


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cl-knn", required=True, metavar="PATH")
    parser.add_argument("--far", type=float, default=0.05)
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("run")
    options = parser.parse_args()
    features, head, rows = read_run(options.run)
    split = np.array([row[4] for row in rows])
    names = np.array([row[3] for row in rows])
    held_out = np.unique(names[split == "heldout"])
    rng = np.random.RandomState(1)
    within, shares, widths = 0, [], []
    with tempfile.TemporaryDirectory() as work:
        paths = {name: os.path.join(work, name + ".npy") for name in ("gallery", "others", "queries")}
        write_set(paths["gallery"], features, head, rows, np.flatnonzero(split == "train"))
        for _ in range(options.draws):
            others = rng.permutation(held_out)[:len(held_out) // 2]
            calibrates = np.isin(names, others)
            unseen = split == "heldout"
            write_set(paths["others"], features, head, rows, np.flatnonzero(unseen & calibrates))
            write_set(paths["queries"], features, head, rows, np.flatnonzero(unseen & ~calibrates))
            out = subprocess.run([options.cl_knn, "classify", paths["gallery"], paths["queries"],
                                  "--far", str(options.far), "--strangers", paths["others"], "--json"],
                                 check=True, capture_output=True, text=True).stdout
            answer = json.loads(out)
            threshold = answer["threshold"]
            accepted = [picture["known"] for picture in answer["pictures"]]
            share = float(np.mean(accepted))
            shares.append(share)
            widths.append(threshold["high"] - threshold["low"])
            within += threshold["low"] <= share <= threshold["high"]
    print("%s, FAR %g: %d draws of %d strangers that calibrate and %d that are scored" % (
        options.run, options.far, options.draws, len(held_out) // 2,
        len(held_out) - len(held_out) // 2))
    print("    accepted %.2f %% on average (%.2f to %.2f); within the interval %d of %d; its mean width "
          "%.3f" % (100 * np.mean(shares), 100 * min(shares), 100 * max(shares), within,
                    options.draws, np.mean(widths)))
    return 0 if within >= 0.85 * options.draws else 1


if __name__ == "__main__":
    sys.exit(main())
