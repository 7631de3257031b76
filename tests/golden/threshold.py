"""Thresholds and intervals for tests/unit/test_threshold.c, with NumPy and SciPy.

    /usr/bin/python3 tests/golden/threshold.py > tests/golden/threshold.h

The gallery is the one number 0, so a stranger's number is its distance."""
import numpy
from scipy import stats


def correlation(score, group):
    """Intraclass, one-way analysis of variance, groups of different sizes."""
    groups = [score[group == g] for g in numpy.unique(group)]
    n, k = len(score), len(groups)
    f = sum(len(g) * (g.mean() - score.mean()) ** 2 for g in groups) / (k - 1)
    w = sum(((g - g.mean()) ** 2).sum() for g in groups) / (n - k)
    size = (n - sum(len(g) ** 2 for g in groups) / n) / (k - 1)
    return max(0, (f - w) / (f + (size - 1) * w))


def calibrate(x, group, far, widening=1):
    n, k = len(x), len(numpy.unique(group))
    m = max(m for m in range(n) if m / n <= far and numpy.sum(x <= numpy.sort(x)[m - 1]) == m)
    threshold = numpy.sort(x)[m - 1]
    r = max(correlation((x <= threshold) * 1.0, group), correlation(stats.rankdata(x), group) ** 3)
    size = sum(numpy.sum(group == g) ** 2 for g in numpy.unique(group)) / n
    effective = n / (1 + (size - 1) * r)
    t = stats.t.ppf(0.975, k - 1) * widening
    q, p = numpy.linspace(0, 1, 2000001), m / n
    s = (p + q) / 2
    inside = q[(q - p) ** 2 <= t**2 * s * (1 - s) * 2 / effective]
    return threshold, numpy.floor(inside.min() * n) / n, numpy.ceil(inside.max() * n) / n


rng = numpy.random.default_rng(4)
print("/* Made by threshold.py. */")
print("static const struct {\n    size_t n;\n    double far, distance, low, high;\n    float x[240];\n"
      "    int32_t labels[240];\n} golden[] = {")
for k, far, spread in ((4, 0.1, 0.5), (10, 0.05, 0.9), (24, 0.1, 0.3), (24, 0.02, 0.0), (12, 0.2, 2.0)):
    sizes = rng.integers(1, 11, k)
    sizes[0] = 10
    group = numpy.repeat(numpy.arange(k), sizes) * 3 + 1
    x = 8 + rng.normal(0, spread, k).repeat(sizes) + rng.normal(0, 0.7, len(group))
    x = (numpy.round(x * 50) / 50).astype(numpy.float32)  # some equal
    order = rng.permutation(len(x))
    x, group = x[order], group[order]
    threshold, low, high = calibrate(x, group, far)
    print(f"    {{{len(x)}, {far}, {float(threshold).hex()}, {low:.17g}, {high:.17g},")
    print("     {" + ", ".join(f"{v:.9g}f" if "." in f"{v:.9g}" else f"{v:.9g}.0f" for v in x) + "},")
    print("     {" + ", ".join(map(str, group)) + "}},")
print("};")
