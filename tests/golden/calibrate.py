"""Thresholds of galleries for tests/unit/test_calibrate.c, with NumPy and SciPy, written from the words of
src/search/calibrate.c and cohort.c.

    python3 tests/golden/calibrate.py > tests/golden/calibrate.h"""
import contextlib
import io

import numpy

with contextlib.redirect_stdout(io.StringIO()):
    from threshold import correlation, calibrate as plain  # the interval, as tested there


def distances(a, b, cosine):
    a, b = a.astype(float), b.astype(float)
    if cosine:
        a, b = (x / numpy.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
        return 1 - a @ b.T
    return numpy.sqrt(((a[:, None] - b[None]) ** 2).sum(2))


def closeness(x, cohort, cosine, own=None):
    d = distances(x, cohort, cosine)
    if own is not None:
        d[own] = numpy.inf
    return numpy.sort(d, axis=1)[:, :10].mean(1)


def calibrate(gallery, names, x, who, far, cosine, is_own):
    factor, typical = numpy.ones(len(x)), 1
    if not is_own:
        m = closeness(x, x, cosine, who[:, None] == who[None])
        typical = m.mean()
        factor = numpy.sqrt(m / typical)
    d = distances(x, gallery, cosine)
    by_name = numpy.stack([d[:, names == c].min(1) for c in range(names.max() + 1)], 1)
    score = numpy.float32(by_name).astype(float) / factor[:, None]
    claims = numpy.ones_like(score, bool)
    if is_own:
        claims[numpy.arange(len(x)), who] = False
    nearest = numpy.where(claims, score, numpy.inf).min(1)
    rows = numpy.nonzero(claims)
    return plain(nearest, who, far), plain(score[claims], who[rows[0]], far, 1 if is_own else 1.5), typical


rng = numpy.random.default_rng(7)
print("/* Made by calibrate.py. */")
print("enum { D = 3, ROWS = 24, PICTURES = 60, QUESTIONS = 5 };")
print("static const struct {\n    bool cosine, is_own;\n    size_t n_strangers;\n    double far;\n    double known[3], same[3]; "
      "/* distance, low, high */\n    double factors[QUESTIONS];\n    float gallery[ROWS * D];\n    int names[ROWS];\n"
      "    float pictures[PICTURES * D];\n    int32_t labels[PICTURES];\n    float questions[QUESTIONS * D];\n} golden[] = {")
for cosine, is_own, far in ((0, 0, 0.1), (1, 0, 0.1), (0, 0, 0.02), (0, 1, 0.1), (1, 1, 0.3)):
    names = numpy.sort(rng.integers(0, 5, 24))
    names[:5] = numpy.arange(5)
    gallery = numpy.float32(rng.normal(0, 2, (5, 3))[names] + rng.normal(0, 0.4, (24, 3)))
    group = rng.integers(0, 12, 60) * 2 + 1
    x = numpy.float32(rng.normal(0, 2, (60, 3))[group] + rng.normal(0, 0.5, (60, 3)))
    questions = numpy.float32(rng.normal(0, 2, (5, 3)))
    order = numpy.argsort(group, kind="stable")
    if is_own:
        known, same, typical = calibrate(gallery, names, gallery, names, far, cosine, True)
        factors = numpy.ones(5)
    else:
        known, same, typical = calibrate(gallery, names, x[order], group[order], far, cosine, False)
        factors = numpy.sqrt(closeness(questions, x, cosine) / typical)

    def floats(v):
        return "{" + ", ".join(f"{float(e).hex()}f" for e in v.ravel()) + "}"

    def doubles(v):
        return "{" + ", ".join(f"{float(e):.17g}" for e in v) + "}"
    print(f"    {{{cosine}, {is_own}, {len(set(names if is_own else group))}, {far}, {doubles(known)}, {doubles(same)}, {doubles(factors)},")
    print(f"     {floats(gallery)},\n     {{{', '.join(map(str, names))}}},\n     {floats(x)},\n"
          f"     {{{', '.join(map(str, group))}}},\n     {floats(questions)}}},")
print("};")
