#!/usr/bin/python3
"""What decoding large JPEGs at 1/2, 1/4 or 1/8 costs in features and k-NN.

    tests/parity/shortcut.py BUILD FOLDER OUT [SIZE ...] [-- OPTION ...]      (64 28; of cl_train)

For each SIZE trains once with the shortcut and once with --exact-decode, from the same seed, and makes the features of
both nets from pictures decoded either way. Printed are the cosines of the two features of a picture from one net, how
often the class named by the nearest five differs, and the accuracy of k-NN (validation against training) for each net
and decoding. Needs nothing but Python."""
import array
import os
import statistics
import subprocess
import sys


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def read(path):
    """Rows of features by the path of their picture, and the split of each."""
    with open(path + ".npy", "rb") as file:
        head = file.read(128).decode("latin-1")
        numbers = array.array("f", file.read())
    n, d = eval(head[head.index("(") : head.index(")") + 1])
    with open(path + ".tsv", encoding="utf-8", newline="\n") as file:
        rows = [line.split("\t") for line in file.read().split("\n")[1:-1]]
    assert len(rows) == n
    return {row[1]: (numbers[i * d : i * d + d], row[3], row[4]) for i, row in enumerate(rows)}


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    return dot / (sum(x * x for x in a) * sum(y * y for y in b)) ** .5


def votes(features, train, queries):
    """The most frequent class of the five nearest of train, of equal counts the nearer, by picture."""
    answers = {}
    gallery = [features[path] for path in train]
    for path in queries:
        query = features[path][0]
        near = sorted((sum((x - y) ** 2 for x, y in zip(query, row[0])), row[1]) for row in gallery)[:5]
        classes = [name for _, name in near]
        answers[path] = max(classes, key=lambda name: (classes.count(name), -classes.index(name)))
    return answers


def compare(build, folder, out, size, options):
    decodings = {"shortcut": [], "exact": ["--exact-decode"]}
    for trained, option in decodings.items():
        net = os.path.join(out, "%s-%s" % (size, trained))
        run(os.path.join(build, "cl_train"), "--quiet", "--no-report", "-s", size, *option, *options, "-o", net, folder)
        splits = {path: row[2] for path, row in read(os.path.join(net, "features")).items()}
        train = [path for path in splits if splits[path] == "train"]
        queries = [path for path in splits if splits[path] == "val"]
        found = {}
        for decoded, decoding in decodings.items():
            path = "%s-of-%s" % (net, decoded)
            run(os.path.join(build, "cl_features"), "--quiet", net, folder, "-o", path + ".npy", *decoding)
            features = read(path)
            answers = votes(features, train, queries)
            right = sum(answers[path] == features[path][1] for path in queries)
            found[decoded] = features, answers
            print("%s pixels, trained on %s, decoded by %s: k-NN %d of %d, %.1f %%" %
                  (size, trained, decoded, right, len(queries), 100 * right / len(queries)), flush=True)
        one, other = found["shortcut"], found["exact"]
        cosines = sorted(cosine(one[0][path][0], other[0][path][0]) for path in one[0])
        print("%s pixels, trained on %s: cosine of a picture's two features: median %.5f, lowest hundredth %.5f, least %.5f; "
              "%d of %d are named otherwise" % (size, trained, statistics.median(cosines), cosines[len(cosines) // 100], cosines[0],
              sum(one[1][path] != other[1][path] for path in queries), len(queries)), flush=True)


def main():
    arguments, options = sys.argv[1:], []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, options = arguments[:at], arguments[at + 1 :]
    build, folder, out = arguments[:3]
    os.makedirs(out, exist_ok=True)
    for size in arguments[3:] or ["64", "28"]:
        compare(build, folder, out, size, options)


main()
