"""Makes cluster.h for test_cluster with scikit-learn. Run in this folder: python3 cluster.py

Average linkage of squared distances, cut at thresholds between two heights of the tree; pairs by the confusion matrix
of pairs, BCubed by its definition over all pairs of rows."""
import numpy
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import pair_confusion_matrix
from sklearn.metrics.pairwise import cosine_distances, euclidean_distances

rng = numpy.random.default_rng(22)
CLASSES, N, D = 25, 300, 5
SHARES = (0.3, 0.6, 0.8, 0.92, 0.98)


def array(name, kind, values):
    texts = [float(v).hex() + ("f" if kind == "float" else "") if kind != "int32_t" else str(int(v))
             for v in numpy.ravel(values)]
    return f"static const {kind} {name}[{len(texts)}] = {{{', '.join(texts)}}};\n"


def by_size(clusters):
    """0 for the largest, ties by first row."""
    names = list(dict.fromkeys(clusters))
    names.sort(key=lambda name: -(clusters == name).sum())  # stable
    return numpy.array([names.index(name) for name in clusters])


def scores(labels, clusters):
    known = labels >= 0
    labels, clusters = labels[known], clusters[known]
    (_, joined), (split, same) = pair_confusion_matrix(labels, clusters)
    one_label = labels[:, None] == labels
    one_cluster = clusters[:, None] == clusters
    both = (one_label & one_cluster).sum(1)
    precision, recall = (both / one_cluster.sum(1)).mean(), (both / one_label.sum(1)).mean()
    return [same / (same + joined), same / (same + split), 2 * same / (2 * same + joined + split),
            precision, recall, 2 * precision * recall / (precision + recall)]


middles = rng.normal(size=(CLASSES, D))
labels = rng.choice(CLASSES, N)
x = (middles[labels] + rng.uniform(0.1, 0.5, size=(N, 1)) * rng.normal(size=(N, D))).astype("f4")
wide = x.astype("f8")
labels[rng.random(N) < 0.1] = -1
out = "/* Made by cluster.py. */\n#include <stdint.h>\n"
out += f"enum {{ N = {N}, D = {D}, CUTS = {len(SHARES)} }};\n"
out += array("features", "float", x) + array("labels", "int32_t", labels)
for name, distances in ("l2", euclidean_distances(wide) ** 2), ("cosine", cosine_distances(wide)):
    model = AgglomerativeClustering(n_clusters=None, distance_threshold=0, linkage="average", metric="precomputed")
    heights = numpy.sort(model.fit(distances).distances_)
    thresholds, clusters, measured = [], [], []
    for share in SHARES:
        place = int(share * len(heights))
        assert heights[place] - heights[place - 1] > 1e-5 * heights[place]
        middle = (heights[place - 1] + heights[place]) / 2
        model = AgglomerativeClustering(n_clusters=None, distance_threshold=middle, linkage="average",
                                        metric="precomputed")
        clusters.append(by_size(model.fit_predict(distances)))
        thresholds.append(numpy.sqrt(middle) if name == "l2" else middle)
        measured.append(scores(labels, clusters[-1]))
    out += array(f"{name}_thresholds", "double", thresholds) + array(f"{name}_clusters", "int32_t", clusters)
    out += array(f"{name}_scores", "double", measured)
with open("cluster.h", "w") as file:
    file.write(out)
