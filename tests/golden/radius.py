"""Makes radius.h for test_radius with scikit-learn and SciPy. Run in this folder: python3 radius.py

Votes of the k nearest that lie within a radius, shares right in each class, and Wilson's intervals. No two
distances are equal, and none is the radius."""
import numpy
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import NearestNeighbors, RadiusNeighborsClassifier

rng = numpy.random.default_rng(19)
CLASSES, GALLERY, QUERIES, D, K, RADIUS = 6, 120, 200, 3, 5, 0.7


def array(name, kind, values):
    texts = [float(v).hex() + ("f" if kind == "float" else "") if kind != "int32_t" else str(int(v))
             for v in numpy.ravel(values)]
    return f"static const {kind} {name}[{len(texts)}] = {{{', '.join(texts)}}};\n"


middles = rng.normal(size=(CLASSES, D))
labels = rng.choice(CLASSES - 1, GALLERY)  # the last class is never in the gallery
asked_labels = rng.choice(CLASSES, QUERIES, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.1])
x = (middles[labels] + 0.5 * rng.normal(size=(GALLERY, D))).astype("f4")
asked = (middles[asked_labels] + 0.6 * rng.normal(size=(QUERIES, D))).astype("f4")
gallery, queries = x.astype("f8"), asked.astype("f8")

within, nearest = [], []
for weights in "uniform", "distance":
    model = RadiusNeighborsClassifier(RADIUS, weights=weights, outlier_label=-1)
    within.append(model.fit(gallery, labels).predict(queries))
far, rows = NearestNeighbors(n_neighbors=K).fit(gallery).kneighbors(queries)
for weight in numpy.ones_like(far), 1 / far:
    sums = numpy.zeros((QUERIES, CLASSES))
    numpy.add.at(sums, (numpy.arange(QUERIES)[:, None], labels[rows]), weight * (far <= RADIUS))
    nearest.append(numpy.where(far[:, 0] <= RADIUS, sums.argmax(1), -1))
    everyone = numpy.zeros((QUERIES, CLASSES))
    numpy.add.at(everyone, (numpy.arange(QUERIES)[:, None], labels[rows]), weight)
    beyond = (far[:, 0] <= RADIUS) & (everyone.argmax(1) != sums.argmax(1))
    assert beyond.sum() > 3, "no vote changes where the farther neighbours are left out"

right = everyone.argmax(1) == asked_labels  # by distance, at any distance: only for the shares
at_1 = labels[rows[:, 0]] == asked_labels
is_partner = asked_labels < CLASSES - 1
out = "/* Made by radius.py. */\n#include <stdint.h>\n"
out += f"enum {{ GALLERY = {GALLERY}, QUERIES = {QUERIES}, D = {D}, K = {K} }};\n"
out += f"static const double radius = {float(RADIUS).hex()};\n"
out += array("gallery_features", "float", x) + array("gallery_labels", "int32_t", labels)
out += array("query_features", "float", asked) + array("query_labels", "int32_t", asked_labels)
out += array("votes_within", "int32_t", within) + array("votes_of_k_within", "int32_t", nearest)
out += array("macro", "double", [balanced_accuracy_score(asked_labels, everyone.argmax(1))])
for name, hits in ("knn", right), ("at_1", at_1[is_partner]):
    interval = binomtest(int(hits.sum()), len(hits)).proportion_ci(0.95, "wilson")
    out += array(f"{name}_interval", "double", [interval.low, interval.high])
for n, hits in (1, 0), (1, 1), (30, 30), (100000, 1):
    interval = binomtest(hits, n).proportion_ci(0.95, "wilson")
    out += array(f"wilson_{hits}_of_{n}", "double", [interval.low, interval.high])
with open("radius.h", "w") as file:
    file.write(out)
