"""Makes measures.h for test_measures, test_verification and test_pca with scikit-learn, numpy and plain
Python. Run in this folder: /usr/bin/python3 measures.py

Where rows are equally far the order is by row, which scikit-learn leaves open; so retrieval is computed
here in plain Python, and votes by scikit-learn only on sets without such ties ("smooth"; its exact
duplicates have one label). "grid" has numbers whose distances are exact, so many of them are tied."""
import numpy
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.neighbors import KNeighborsClassifier

K = 5
rng = numpy.random.default_rng(11)


def array(name, kind, values):
    values = numpy.asarray(values)
    texts = [float(v).hex() + ("f" if kind == "float" else "") if values.dtype.kind == "f" else str(v)
             for v in values.ravel()]
    return f"static const {kind} {name}[{len(texts)}] = {{{', '.join(texts)}}};\n"


def distance(metric, a, b):
    a, b = a.astype("f8"), b.astype("f8")
    if metric == "l2":
        return float(numpy.sqrt(((a - b) ** 2).sum()))
    lengths = numpy.sqrt((a @ a) * (b @ b))
    return 1.0 if lengths == 0 else float(1 - (a @ b) / lengths)


def vote(neighbours, far, labels, weights):
    sums = {}
    for row, away in zip(neighbours, far):
        weight = 1.0
        if weights == "distance":
            weight = (away == 0) if min(far) == 0 else 1 / away
        sums[labels[row]] = sums.get(labels[row], 0) + weight
    return min(sums, key=lambda label: (-sums[label], label))


def retrieval(metric, x, labels, q, q_labels, alone):
    """alone: leave-one-out. Returns figures and what k-NN says, uniform and by distance."""
    n_lone, at_1, r_precision, map_at_r, votes = 0, [], [], [], []
    for i, (query, label) in enumerate(zip(q, q_labels)):
        far = [(distance(metric, query, row), j) for j, row in enumerate(x)
               if not (alone and i == j)]
        far.sort()
        nearest = [j for _, j in far[:K]]
        votes.append([vote(nearest, [d for d, _ in far[:K]], labels, w)
                      for w in ("uniform", "distance")])
        hits = [labels[j] == label for _, j in far]
        r = sum(hits)
        if r == 0:
            n_lone += 1
            continue
        at_1.append(hits[0])
        r_precision.append(sum(hits[:r]) / r)
        map_at_r.append(sum(sum(hits[:n + 1]) / (n + 1) for n in range(r) if hits[n]) / r)
    votes = numpy.array(votes)
    return [n_lone, (votes[:, 0] == q_labels).mean(), (votes[:, 1] == q_labels).mean(),
            numpy.mean(at_1), numpy.mean(r_precision), numpy.mean(map_at_r)], votes


def verification(metric, x, labels, q, q_labels, alone):
    if alone:
        pairs = [(i, j) for i in range(len(x)) for j in range(i)]
    else:
        pairs = [(i, j) for i in range(len(q)) for j in range(len(x))]
    far = numpy.array([distance(metric, q[i], x[j]) for i, j in pairs], "f4").astype("f8")
    same = numpy.array([q_labels[i] == labels[j] for i, j in pairs])
    fpr, tpr, thresholds = roc_curve(same, -far, drop_intermediate=False)
    thresholds = -thresholds
    thresholds[0] = thresholds[1]
    after = numpy.argmax(fpr + tpr >= 1)
    line = [fpr[after - 1] + tpr[after - 1], fpr[after] + tpr[after]]
    eer, threshold = (numpy.interp(1, line, of[after - 1:after + 1]) for of in (fpr, thresholds))
    return [same.sum(), (~same).sum(), roc_auc_score(same, -far), eer, threshold] + [
        tpr[fpr <= most].max() for most in (1e-1, 1e-2, 1e-3)]


def make_set(name):
    """Class 5 occurs among the queries alone, class 6 once in the gallery."""
    n, n_queries, d = 70, 31, 4
    labels, q_labels = rng.integers(0, 5, n), rng.integers(0, 5, n_queries)
    middles = rng.normal(size=(7, d))
    labels[33], q_labels[[3, 17]] = 6, 5
    x = middles[labels] + rng.normal(size=(n, d))
    q = middles[q_labels] + rng.normal(size=(n_queries, d))
    if name == "grid":
        x, q = numpy.round(x), numpy.round(q)
    x, q = x.astype("f4"), q.astype("f4")
    q[5], q[6], q[7] = x[11], x[12], x[13]
    x[40], labels[40] = x[12], labels[12]
    x[50], labels[50] = x[13], labels[13]
    return x, labels, q, q_labels


out = "/* Made by measures.py. */\n/* clang-format off */\n"
out += f"enum {{ N = 70, QUERIES = 31, D = 4, K = {K} }};\n"
for name in "smooth", "grid":
    x, labels, q, q_labels = make_set(name)
    out += array(f"{name}_gallery", "float", x) + array(f"{name}_labels", "int32_t", labels)
    out += array(f"{name}_queries", "float", q) + array(f"{name}_query_labels", "int32_t", q_labels)
    for metric in "l2", "cosine":
        if name == "grid" and metric == "cosine":
            continue  # ties of cosines depend on rounding
        for alone in False, True:
            case = (metric, x, labels, x if alone else q, labels if alone else q_labels, alone)
            prefix = f"{name}_{metric}_{'alone' if alone else 'queries'}"
            figures, votes = retrieval(*case)
            if name == "smooth":
                for column, weights in enumerate(("uniform", "distance")):
                    if alone or (metric == "cosine" and column == 1):
                        continue  # its zero distances are rounded otherwise
                    model = KNeighborsClassifier(
                        K, weights=weights, algorithm="kd_tree" if metric == "l2" else "brute",
                        metric="euclidean" if metric == "l2" else "cosine")
                    theirs = model.fit(x.astype("f8"), labels).predict(q.astype("f8"))
                    assert (theirs == votes[:, column]).all(), (name, metric, weights)
            out += array(f"{prefix}_retrieval", "double", [float(f) for f in figures])
            out += array(f"{prefix}_votes", "int32_t", votes.T)
            out += array(f"{prefix}_verification", "double", [float(f) for f in verification(*case)])

# Episodes: the mean of many, drawn by numpy.
EPISODE_ROWS, EPISODE_CLASSES = 12, 8
middles = rng.normal(size=(EPISODE_CLASSES, D := 4)) * 0.8
labels = numpy.repeat(numpy.arange(EPISODE_CLASSES), EPISODE_ROWS)
x = (middles[labels] + rng.normal(size=(len(labels), D))).astype("f4")
out += f"enum {{ EPISODE_ROWS = {EPISODE_ROWS}, EPISODE_CLASSES = {EPISODE_CLASSES} }};\n"
out += array("episode_features", "float", x)
for shots in 1, 5:
    accuracies = []
    for _ in range(20000):
        ways = rng.choice(EPISODE_CLASSES, 5, replace=False)
        rows = numpy.stack([w * EPISODE_ROWS + rng.permutation(EPISODE_ROWS)[:shots + 4] for w in ways])
        means = x[rows[:, :shots]].astype("f8").mean(1)
        asked = x[rows[:, shots:]].astype("f8")[:, :, None]
        right = ((asked - means) ** 2).sum(-1).argmin(-1) == numpy.arange(5)[:, None]
        accuracies.append(right.mean())
    out += array(f"episodes_of_{shots}", "double",
                 [numpy.mean(accuracies), numpy.std(accuracies, ddof=1)])

# The same with the classes of an episode from one group; the third group has too few.
GROUPS = [[0, 2, 4, 6], [1, 3, 5], [7]]
own, accuracies = numpy.random.default_rng(7), []
for _ in range(20000):
    ways = own.choice(GROUPS[own.integers(2)], 3, replace=False)
    rows = numpy.stack([w * EPISODE_ROWS + own.permutation(EPISODE_ROWS)[:1 + 4] for w in ways])
    means, asked = x[rows[:, 0]].astype("f8"), x[rows[:, 1:]].astype("f8")[:, :, None]
    right = ((asked - means) ** 2).sum(-1).argmin(-1) == numpy.arange(3)[:, None]
    accuracies.append(right.mean())
out += array("episodes_within", "double", [numpy.mean(accuracies), numpy.std(accuracies, ddof=1)])

# Principal components.
for name, n, d in ("tall", 50, 7), ("wide", 6, 9):
    x = (rng.normal(size=(n, d)) * numpy.linspace(3, 0.5, d) + 2).astype("f4")
    count = min(n - 1, d)
    pca = PCA(count, svd_solver="full").fit(x.astype("f8"))
    signs = numpy.sign([row[numpy.abs(row).argmax()] for row in pca.components_])
    components = pca.components_ * signs[:, None]
    out += array(f"{name}_features", "float", x) + array(f"{name}_mean", "double", pca.mean_)
    out += array(f"{name}_components", "double", components)
    out += array(f"{name}_variances", "double", pca.explained_variance_)
    out += array(f"{name}_projected", "double", pca.transform(x.astype("f8")) * signs)
with open("measures.h", "w") as file:
    file.write(out)
