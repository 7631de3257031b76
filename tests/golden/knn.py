"""Makes knn.h for test_knn with scikit-learn and numpy. Run in this folder: /usr/bin/python3 knn.py"""
import itertools
import numpy
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

N, QUERIES, D, K, CLASSES = 60, 11, 7, 5, 4
rng = numpy.random.default_rng(3)
labels = rng.integers(0, CLASSES, N)
gallery = (rng.normal(size=(CLASSES, D))[labels] + rng.normal(size=(N, D))).astype("f4")
queries = rng.normal(size=(QUERIES, D)).astype("f4")


def array(name, kind, values):
    values = numpy.asarray(values)
    texts = [float(v).hex() + ("f" if kind == "float" else "") if values.dtype.kind == "f" else str(v)
             for v in values.ravel()]
    return f"static const {kind} {name}[{len(texts)}] = {{{', '.join(texts)}}};\n"


out = "/* Made by knn.py. */\n/* clang-format off */\n"
out += f"enum {{ N = {N}, QUERIES = {QUERIES}, D = {D}, K = {K}, CLASSES = {CLASSES} }};\n"
out += array("gallery", "float", gallery) + array("queries", "float", queries)
out += array("labels", "int32_t", labels)
x, q = gallery.astype("f8"), queries.astype("f8")
for metric in "euclidean", "cosine":
    search = NearestNeighbors(n_neighbors=K, metric=metric, algorithm="brute").fit(x)
    for name, found in ("search", search.kneighbors(q)), ("leave_one_out", search.kneighbors()):
        out += array(f"{metric}_{name}_distances", "double", found[0])
        out += array(f"{metric}_{name}_indices", "size_t", found[1])
    votes = KNeighborsClassifier(K, metric=metric, algorithm="brute").fit(x, labels).predict(q)
    out += array(f"{metric}_votes", "int32_t", votes)
means = numpy.stack([x[labels == c].mean(0) for c in range(CLASSES)])
intra = numpy.sqrt(((x - means[labels]) ** 2).sum(1).mean())
inter = numpy.sqrt(numpy.mean([((a - b) ** 2).sum() for a, b in itertools.combinations(means, 2)]))
out += f"static const double intra_inter = {float(intra / inter).hex()};\n"
with open("knn.h", "w") as file:
    file.write(out)
