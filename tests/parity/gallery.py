#!/usr/bin/env python3
"""What a calibrated gallery does with people that were never trained: the tables of data/README.md, by asking the library.

    python3 tests/parity/gallery.py build/libcenterloss.so RUN/features.npy
    python3 tests/parity/gallery.py build/libcenterloss.so ALL.npy --unseen 666 --strangers OTHERS.npy

Only classes of split heldout are used; of a file of cl_features, those whose label is at least --unseen. Each draw cuts
them by chance: 40 % are in the gallery, with up to five pictures and at most half of theirs (the others are asked), 30 %
calibrate, and 30 % are visitors that nobody knows. With --strangers half of the classes are in the gallery, the others
are visitors, and the strangers are halved: one half calibrates, the other is scored with the intervals.

1. Shares: how often the share of new strangers that get a name lies within the interval of the gallery.
2. Names: pictures of known people that get their name (TAR), and pictures of visitors that get one (false names).
   Negatives: the first half of each visitor's pictures comes by; up to 20 that got a name become negatives. Then the
   second half comes, of all visitors, and of those that have a negative.
3. Claims of visitors to be each name of the gallery: is this A? TAR, and the share of false claims that pass; the rate at
   which both errors are equal; how often that share lies within the interval, for all names and for ten of them.
4. Together: visits of several pictures of one person as one question, and one by one, of which any name counts.

--votes measures something else: pictures of known people that get their name without a threshold, in a gallery of up to
100 people with 1, 2 and 8 pictures in turn, and of people with 9 pictures each."""
import argparse
import ctypes
from ctypes import POINTER, Structure, byref, c_bool, c_char, c_char_p, c_double, c_float, c_int, c_size_t, c_void_p

import numpy as np


class Error(Structure):
    _fields_ = [("status", c_int), ("message", c_char * 512)]


class Labelled(Structure):
    _fields_ = [("features", c_void_p), ("labels", c_void_p), ("n", c_size_t)]


class Threshold(Structure):
    _fields_ = [("distance", c_double), ("false_accepts", c_double), ("low", c_double), ("high", c_double),
                ("n_pictures", c_size_t), ("n_strangers", c_size_t)]


class Row(Structure):
    _fields_ = [("name", c_char_p), ("source", c_char_p), ("digest", c_char * 16), ("is_negative", c_bool),
                ("feature", c_void_p)]


class GalleryOptions(Structure):
    _fields_ = [("size", c_size_t), ("d", c_size_t), ("metric", c_int)]


class Info(Structure):
    _fields_ = [("n", c_size_t), ("n_negatives", c_size_t), ("d", c_size_t), ("metric", c_int), ("model", c_char_p),
                ("fingerprint", c_char_p), ("known", Threshold), ("same", Threshold)]


class Calibration(Structure):
    _fields_ = [("size", c_size_t), ("false_accepts", c_double), ("strangers", POINTER(Labelled))]


class Ask(Structure):
    _fields_ = [("size", c_size_t), ("k", c_size_t), ("weights", c_int), ("threshold", c_double), ("claim", c_char_p),
                ("together", c_bool)]


class Answer(Structure):
    _fields_ = [("name", c_char_p), ("nearest", c_char_p), ("distance", c_double), ("margin", c_double),
                ("share", c_double), ("threshold", c_double), ("n_nearest", c_size_t)]


def need(function, *arguments):
    error = Error()
    if function(*arguments, byref(error)) != 0:
        raise RuntimeError(error.message.decode())


class Gallery:
    def __init__(self, lib, x, names, metric):
        self.lib, self.gallery = lib, c_void_p()
        need(lib.cen_gallery_create, None, byref(self.gallery),
             byref(GalleryOptions(ctypes.sizeof(GalleryOptions), x.shape[1], metric)))
        self.add(x, names, False)

    def __del__(self):
        self.lib.cen_gallery_free(self.gallery)

    def add(self, x, names, is_negative):
        x = np.ascontiguousarray(x)
        rows = (Row * len(x))(*(Row(str(n).encode(), None, b"", is_negative, x[i].ctypes.data)
                                for i, n in enumerate(names)))
        need(self.lib.cen_gallery_add, self.gallery, rows, c_size_t(len(x)))

    def calibrate(self, x, names, far):
        x, labels = np.ascontiguousarray(x), np.unique(names, return_inverse=True)[1].astype(np.int32)
        strangers = Labelled(x.ctypes.data, labels.ctypes.data, len(x))
        need(self.lib.cen_gallery_calibrate, self.gallery,
             byref(Calibration(ctypes.sizeof(Calibration), far, ctypes.pointer(strangers))))
        return self.lib.cen_gallery_get(self.gallery).contents

    def ask(self, x, threshold=-1.0, claim=None, together=False, k=5, weights=2):
        x = np.ascontiguousarray(x)
        answers = (Answer * len(x))()
        options = Ask(ctypes.sizeof(Ask), k, weights, threshold, claim, together)
        need(self.lib.cen_gallery_ask, self.gallery, x.ctypes.data_as(c_void_p), c_size_t(len(x)), byref(options),
             answers, None, None)
        return answers[:1] if together else answers

    def names(self, x, **options):
        return np.array([a.name.decode() if a.name else "" for a in self.ask(x, **options)])


def load(path, unseen):
    rows = [line.rstrip("\n").split("\t") for line in open(path[:-4] + ".tsv", encoding="utf-8")][1:]
    names = np.array([row[3] or str(i) for i, row in enumerate(rows)])
    keep = np.array([row[4] == "heldout" if unseen is None else not 0 <= int(row[2]) < unseen for row in rows])
    return np.load(path)[keep], names[keep]


def halves(names, rng, most):
    """At most `most` and at most half of the pictures of each, but one; and the others."""
    first, second = [], []
    for name in np.unique(names):
        rows = rng.permutation(np.flatnonzero(names == name))
        k = min(most, max(1, len(rows) // 2))
        first += list(rows[:k])
        second += list(rows[k:])
    return np.array(first), np.array(second)


class Draw:
    def __init__(self, lib, x, names, strangers, metric, rng):
        people = rng.permutation(np.unique(names))
        a = len(people) // 2 if strangers else len(people) * 2 // 5
        b = a if strangers else a + (len(people) - a) // 2
        known, visitors = np.isin(names, people[:a]), np.isin(names, people[b:])
        first, second = halves(names[known], rng, 5)
        self.probes, self.probe_names = x[known][second], names[known][second]
        self.start = lib, x[known][first], names[known][first], metric
        self.gallery = Gallery(*self.start)
        self.people = people[:a]
        self.visitors, self.visitor_names = x[visitors], names[visitors]
        if strangers:
            order = rng.permutation(len(strangers[0]))
            half = (len(order) + 42) // 2  # at least 1,000 for a share of 0.1 %
            self.others, self.other_names = (s[order[:half]] for s in strangers)
            self.scored = strangers[0][order[half:]]
        else:
            others = np.isin(names, people[a:b])
            self.others, self.other_names, self.scored = x[others], names[others], self.visitors

    def calibrate(self, far):
        return self.gallery.calibrate(self.others, self.other_names, far)


def visits(names, size, rng):
    found = []
    for name in np.unique(names):
        rows = rng.permutation(np.flatnonzero(names == name))
        found += [rows[i:i + size] for i in range(0, len(rows) - size + 1, size)]
    return found


def shares(draw, info, out):
    passed = (draw.gallery.names(draw.scored) != "").mean()
    out.append((info.known.low <= passed <= info.known.high, passed, info.known.low, info.known.high))


def tar_and_false(draw, **options):
    return [(draw.gallery.names(draw.probes, **options) == draw.probe_names).mean(),
            (draw.gallery.names(draw.visitors, **options) != "").mean()]


def one_threshold(draw, far):
    """Without the normalisation: the share of strangers' pictures whose nearest is within it."""
    nearest = np.sort([a.distance for a in draw.gallery.ask(draw.others, threshold=np.inf, k=1)])
    return nearest[max(int(far * len(nearest) + 1e-9), 1) - 1]


def negatives(draw, far, rng, out):
    first, later = halves(draw.visitor_names, rng, 10**9)
    gallery = Gallery(*draw.start)
    gallery.calibrate(draw.others, draw.other_names, far)
    named = gallery.names(draw.visitors[first])
    chosen = rng.permutation(np.flatnonzero(named != ""))[:20]
    again = np.isin(draw.visitor_names[later], draw.visitor_names[first[chosen]])
    result = [len(chosen)]
    for _ in range(2):
        false = gallery.names(draw.visitors[later]) != ""
        result += [(gallery.names(draw.probes) == draw.probe_names).mean(), false.sum(), false[again].sum()]
        if len(chosen) > 0:
            gallery.add(draw.visitors[first[chosen]], named[chosen], True)
    out.append(result[:7])


def nearest(x, rows, metric):
    if metric:
        x, rows = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, rows))
        return (1 - x @ rows.T).min(1)
    square = (x ** 2).sum(1)[:, None] + (rows ** 2).sum(1) - 2 * x @ rows.T
    return np.sqrt(np.maximum(square, 0)).min(1)


def claims(draw, info, rng, out):
    _, x, names, metric = draw.start
    genuine, by_name, people = [], [], rng.permutation(draw.people)
    asked = [draw.gallery.ask(rows, claim=str(people[0]).encode()) for rows in (draw.probes, draw.scored)]
    limits, others = (np.array([a.threshold for a in answers]) for answers in asked)  # the same for every name
    for person in people:
        rows, own = x[names == person], draw.probe_names == person
        genuine += list(nearest(draw.probes[own], rows, metric) / limits[own])
        by_name.append(nearest(draw.scored, rows, metric) / others)
    assert np.allclose(by_name[0] * others, [a.distance for a in asked[1]], rtol=1e-2, atol=1e-3)
    shares = np.mean(np.array(by_name) <= 1, axis=1)
    genuine, false = np.sort(genuine), np.sort(np.concatenate(by_name))
    rejected = 1 - np.searchsorted(genuine, false, side="right") / len(genuine)
    accepted = np.arange(1, len(false) + 1) / len(false)
    equal = np.argmin(abs(rejected - accepted))
    within = [info.same.low <= share <= info.same.high for share in (shares.mean(), shares[:10].mean())]
    out.append(((genuine <= 1).mean(), shares.mean(), (rejected[equal] + accepted[equal]) / 2,
                np.quantile(shares, 0.9), shares.max(), *within))


def together(draw, size, rng, out):
    result = []
    for x, names, known in ((draw.probes, draw.probe_names, True), (draw.visitors, draw.visitor_names, False)):
        one, many, any_of = [], [], []
        for rows in visits(names, size, rng):
            right = names[rows[0]] if known else None
            single = draw.gallery.names(x[rows])
            given = draw.gallery.names(x[rows], together=True)[0]
            one.append(single[0] == right if known else single[0] != "")
            many.append(given == right if known else given != "")
            any_of.append((single == right).any() if known else (single != "").any())
        result += [np.mean(v) if v else np.nan for v in (one, many, any_of)]
    out.append(result)


def draw_sizes(names, sizes, rng):
    """Rows of the gallery and of questions; the sizes go round, and who has too few pictures gives all but one."""
    known, asked, n = [], [], 0
    for name in rng.permutation(np.unique(names)):
        rows = rng.permutation(np.flatnonzero(names == name))
        size = sizes[n % len(sizes)]
        if n == 100 or len(rows) < 2 or (len(sizes) == 1 and len(rows) <= size):
            continue
        size = min(size, len(rows) - 1)
        known += list(rows[:size])
        asked += list(rows[size:size + 10])
        n += 1
    return known, asked


def votes(lib, x, names, metric, n_draws):
    kinds = {"5, uniform": (5, 0), "5, 1 / distance": (5, 1), "5, steep": (5, 2), "the nearest": (1, 2)}
    for sizes in (1, 2, 8), (9,):
        right = {what: [] for what in kinds}
        for seed in range(n_draws):
            known, asked = draw_sizes(names, sizes, np.random.RandomState(seed))
            gallery = Gallery(lib, x[known], names[known], metric)
            for what, (k, weights) in kinds.items():
                found = gallery.names(x[asked], threshold=np.inf, k=k, weights=weights)
                right[what].append((found == names[asked]).mean())
        print(f"{' '.join(map(str, sizes))} pictures: "
              + "; ".join(f"{what} {100 * np.mean(v):.1f} %" for what, v in right.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("features")
    parser.add_argument("--unseen", type=int)
    parser.add_argument("--strangers")
    parser.add_argument("--cosine", action="store_true")
    parser.add_argument("--votes", action="store_true")
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--few", type=int, default=20, help="so many draws for all but intervals and negatives")
    o = parser.parse_args()
    lib = ctypes.CDLL(o.library)
    lib.cen_gallery_get.restype = POINTER(Info)
    x, names = load(o.features, o.unseen)
    strangers = load(o.strangers, 0) if o.strangers else None
    metric, fars = int(o.cosine), (0.1, 0.01, 0.001)

    if o.votes:
        return votes(lib, x, names, metric, o.draws)
    shared = {far: [] for far in fars}
    pushed = {far: [] for far in fars[:2]}
    named = {far: ([], [], []) for far in fars[:2]}
    asked = {far: [] for far in fars[:2]}
    bursts = {(far, size): [] for far in fars[:2] for size in (2, 4, 8)}
    for seed in range(o.draws):
        rng = np.random.RandomState(seed)
        draw = Draw(lib, x, names, strangers, metric, rng)
        if seed == 0:
            print(f"{o.features}, {'cosine' if metric else 'L2'}: {len(draw.people)} people in the gallery, "
                  f"{len(draw.probes)} pictures of them asked; {len(draw.others)} pictures calibrate, "
                  f"{len(draw.scored)} are scored")
        for far in fars:
            if len(draw.others) * far < 1:
                continue
            info = draw.calibrate(far)
            shares(draw, info, shared[far])
            if far not in pushed:
                continue
            negatives(draw, far, rng, pushed[far])
            if seed >= o.few:
                continue
            named[far][0].append(tar_and_false(draw, threshold=np.inf, k=1))
            named[far][1].append(tar_and_false(draw, threshold=float(one_threshold(draw, far))))
            named[far][2].append(tar_and_false(draw))
            claims(draw, info, rng, asked[far])
            for size in (2, 4, 8):
                together(draw, size, rng, bursts[far, size])
    report(shared, named, pushed, asked, bursts)


def report(shared, named, pushed, asked, bursts):
    for far, out in shared.items():
        if out:
            v = np.array(out, float)
            print(f"1. FAR {100 * far:g} %: within the interval in {v[:, 0].sum():.0f} of {len(v)} draws; passed "
                  f"{100 * v[:, 1].mean():.2f} %, interval {100 * v[:, 2].mean():.2f} to {100 * v[:, 3].mean():.2f} %")
    for far, values in named.items():
        for what, v in zip(("nearest, no threshold", "one threshold", "own thresholds"), values):
            if v:
                tar, false = 100 * np.mean(v, axis=0)
                print(f"2. FAR {100 * far:g} %: {what}: TAR {tar:.1f} %, false names {false:.2f} %")
    for far, out in pushed.items():
        if out:
            v = np.array(out, float)
            left = 100 * v.sum(axis=0)[5:] / np.maximum(v.sum(axis=0)[2:4], 1)
            print(f"2. FAR {100 * far:g} %: with {v[:, 0].mean():.1f} negatives: TAR {100 * v[:, 1].mean():.2f} -> "
                  f"{100 * v[:, 4].mean():.2f} %, later false names {v[:, 2].sum():.0f} -> {v[:, 5].sum():.0f} "
                  f"({left[0]:.0f} %), of visitors with a negative {v[:, 3].sum():.0f} -> {v[:, 6].sum():.0f} "
                  f"({left[1]:.0f} %)")
    for far, out in asked.items():
        if out:
            tar, passed, equal, ninth, most, within, of_ten = 100 * np.mean(np.array(out, float), axis=0)
            print(f"3. FAR {100 * far:g} %: claims: TAR {tar:.1f} %, false claims that pass {passed:.2f} % (of one name in "
                  f"ten {ninth:.2f} % or more, at most {most:.2f} %), equal error rate {equal:.2f} %; within the interval "
                  f"in {within:.0f} % of {len(out)} draws, the share of ten names in {of_ten:.0f} %")
    for (far, size), out in bursts.items():
        if out:
            v = np.array(out)
            v = 100 * v[~np.isnan(v).any(axis=1)]
            if len(v) == 0:  # nobody has so many pictures
                continue
            v = v.mean(axis=0)
            print(f"4. FAR {100 * far:g} %, visits of {size}: TAR one {v[0]:.1f}, together {v[1]:.1f}, any {v[2]:.1f} %; "
                  f"false names one {v[3]:.1f}, together {v[4]:.1f}, any {v[5]:.1f} %")


if __name__ == "__main__":
    main()
