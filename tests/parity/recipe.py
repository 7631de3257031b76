#!/usr/bin/python3
"""cl_train's recipe in PyTorch, to compare with: what it reaches from the same folder, split, net line, loss,
optimiser and schedule, without augmentation.

    /usr/bin/python3 tests/parity/recipe.py FOLDER --net LINE --image-size 28x28 --channels 1 [options]

Images are decoded and resized by Pillow; mean and std are measured on the training images. Printed are, for
each seed, validation and k-NN accuracy (Euclidean, uniform votes) of the last epoch and of the best one by
k-NN, and with --holdout the 20-way 1-shot accuracy (or of all classes, where they are fewer; nearest support, 600
episodes) of classes that took no part in training; with --average the same of the running average of the
weights; then means and standard deviations over the seeds."""
import argparse
import copy
import math
import os
import sys
import time

import numpy as np
import torch
from PIL import Image, ImageOps

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import oracle  # noqa: E402
from features import resized  # noqa: E402

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm")
F = torch.nn.functional

# ---- the split: src/base/random.c, draw_validation in src/data/folder.c, draw in src/data/holdout.c

BITS, GAMMA = 2 ** 64 - 1, 0x9e3779b97f4a7c15
STREAM_SPLIT, STREAM_HOLDOUT = 3, 9


def mix(z):
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9 & BITS
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb & BITS
    return z ^ (z >> 31)


def substream(stream, index):
    return mix(stream * GAMMA + mix(index + GAMMA & BITS) & BITS)


def random_bits(seed, stream, counter):
    key = mix(mix(seed + GAMMA & BITS) ^ (stream * GAMMA & BITS))
    return mix(key + (counter + 1) * GAMMA & BITS)


def shuffle(items, seed, stream):
    for i in range(len(items), 1, -1):
        j = (random_bits(seed, stream, i) >> 32) * i >> 32
        items[i - 1], items[j] = items[j], items[i - 1]


def hash_name(name):
    value = 14695981039346656037
    for byte in os.fsencode(name):
        value = (value ^ byte) * 1099511628211 & BITS
    return value


def names_in(folder):
    return sorted((name for name in os.listdir(folder) if not name.startswith(".")), key=os.fsencode)


def files_by_class(root):
    """{split: {class: [path]}}, in bytewise order."""
    folders = [name for name in names_in(root) if os.path.isdir(os.path.join(root, name))]
    has_splits = len(folders) > 1 and "train" in folders and all(name in SPLITS for name in folders)
    found = {"train": {}, "val": {}, "test": {}}
    for above in folders if has_splits else [""]:
        classes = found[SPLITS[above] if has_splits else "train"]
        for name in names_in(os.path.join(root, above)):
            folder = os.path.join(root, above, name)
            if os.path.isdir(folder):
                classes[name] = [os.path.join(folder, file) for file in names_in(folder)
                                 if file.lower().endswith(ENDINGS)]
    return found


def held_out_names(names, holdout, seed):
    if holdout is None:
        return set()
    try:
        count = max(1, math.floor(float(holdout) * len(names) + 0.5 + 1e-9))
    except ValueError:
        with open(holdout) as file:
            return {line.rstrip("\r\n") for line in file} - {""}
    keys = sorted((random_bits(seed, STREAM_HOLDOUT, hash_name(name)), i)
                  for i, name in enumerate(names))
    return {names[i] for _, i in keys[:count]}


def split(found, holdout, share, seed):
    """{split: [(path, label)]} with "heldout" as a fourth split, and the number of classes."""
    everything = sorted(found["train"], key=os.fsencode)
    out = held_out_names(everything, holdout, seed)
    names = [name for name in everything if name not in out]
    rows = {"train": [], "val": [], "test": [], "heldout": []}
    for label, name in enumerate(names):
        for which in "train", "val", "test":
            paths = found[which].get(name, [])
            drawn = set()
            if which == "train" and not found["val"] and share > 0 and len(paths) > 1:
                order = list(range(len(paths)))
                shuffle(order, seed, substream(STREAM_SPLIT, hash_name(name)))
                count = math.floor(share * len(paths) + 0.5 + 1e-9)
                drawn = set(order[:min(max(count, 1), len(paths) - 1)])
            for i, path in enumerate(paths):
                rows["val" if i in drawn else which].append((path, label))
    for label, name in enumerate(sorted(out, key=os.fsencode)):
        for which in "train", "val", "test":
            rows["heldout"] += [(path, label) for path in found[which].get(name, [])]
    return rows, len(names)


class Pictures:
    """Each file is decoded once, whatever the number of seeds."""

    def __init__(self, channels, height, width, resize):
        self.channels, self.height, self.width, self.resize = channels, height, width, resize
        self.known = {}

    def read(self, path):
        if path not in self.known:
            image = ImageOps.exif_transpose(Image.open(path))
            image = image.convert("L" if self.channels == 1 else "RGB")
            pixels = np.asarray(resized(image, self.height, self.width, self.resize))
            pixels = pixels.reshape(self.height, self.width, self.channels).transpose(2, 0, 1)
            self.known[path] = torch.from_numpy(pixels.copy())
        return self.known[path]

    def batch(self, rows):
        if not rows:
            return torch.zeros(0, self.channels, self.height, self.width, dtype=torch.uint8), \
                torch.zeros(0, dtype=torch.int64)
        return (torch.stack([self.read(path) for path, _ in rows]),
                torch.tensor([label for _, label in rows]))


# ---- training

def initialise(model, how):
    """Glorot uniform; with "he" He uniform where a rectifier follows; biases 0; centers in +-0.05."""
    torch.nn.init.uniform_(model.centers.weight, -0.05, 0.05)
    if how == "torch":
        return
    layers = list(model.body)
    weighted = (torch.nn.Conv2d, torch.nn.Linear)
    for i, layer in enumerate(layers + [model.head]):
        if not isinstance(layer, weighted):
            continue
        after = next((next_layer for next_layer in layers[i + 1:] if isinstance(
            next_layer, weighted + (torch.nn.ReLU, torch.nn.PReLU))), None)
        if how == "he" and isinstance(after, (torch.nn.ReLU, torch.nn.PReLU)):
            torch.nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
        else:
            torch.nn.init.xavier_uniform_(layer.weight)
        torch.nn.init.zeros_(layer.bias)


def epoch_batches(labels, o, generator):
    """Lists of rows: shuffled, or with --per-class of batch_size / per_class classes."""
    n = len(labels)
    if o.per_class == 0:
        return torch.randperm(n, generator=generator).split(o.batch_size)
    n_ways, n_classes = o.batch_size // o.per_class, int(labels.max()) + 1
    rows = [torch.nonzero(labels == label)[:, 0] for label in range(n_classes)]
    decks = [[] for _ in rows]
    classes, batches = [], []
    for _ in range(-(-n // (n_ways * o.per_class))):
        drawn = classes[:n_ways]
        classes = classes[n_ways:]
        if len(drawn) < n_ways:
            fresh = torch.randperm(n_classes, generator=generator).tolist()
            more = [label for label in fresh if label not in drawn][:n_ways - len(drawn)]
            drawn += more
            classes = [label for label in fresh if label not in more]
        batch = []
        for label in drawn:
            while len(decks[label]) < o.per_class:
                order = torch.randperm(len(rows[label]), generator=generator)
                decks[label] += rows[label][order].tolist()
            batch += decks[label][:o.per_class]
            del decks[label][:o.per_class]
        batches.append(torch.tensor(batch))
    return batches


def batch_hard(features, labels, margin):
    """Hermans et al. 2017, eq. 5, with Euclidean distances; the mean over anchors that have both."""
    square = ((features[:, None] - features[None]) ** 2).sum(2)
    distance = torch.where(square > 0, square.clamp(min=1e-24).sqrt(), square)
    same = labels[:, None] == labels[None]
    itself = torch.eye(len(labels), dtype=torch.bool)
    farthest = distance.masked_fill(~same | itself, -math.inf).max(1).values
    nearest = distance.masked_fill(same, math.inf).min(1).values
    has_both = torch.isfinite(farthest) & torch.isfinite(nearest)
    return F.relu(margin + farthest - nearest)[has_both].mean()


def loss_of(model, x, labels, weight, o):
    """The loss and the features."""
    features = model.body(x)
    if o.loss == "triplet":
        return batch_hard(features, labels, o.margin), features
    loss = F.cross_entropy(model.head(features), labels, label_smoothing=o.label_smoothing)
    if weight > 0:
        loss = loss + weight * ((features - model.centers(labels)) ** 2).sum(1).mean()
    return loss, features


def move_centers(centers, features, labels, alpha):
    """Wen et al. 2016, eq. 4."""
    with torch.no_grad():
        counts = torch.bincount(labels, minlength=len(centers)).to(centers.dtype)
        apart = torch.zeros_like(centers).index_add_(0, labels, centers[labels] - features)
        centers -= alpha * apart / (1 + counts)[:, None]


class Average:
    """A model that follows another: each number is DECAY of itself and the rest of the other's."""

    def __init__(self, model, decay):
        self.model, self.decay, self.followed = copy.deepcopy(model), decay, model

    def follow(self):
        with torch.no_grad():
            for own, other in zip(self.numbers(self.model), self.numbers(self.followed)):
                own.lerp_(other, 1 - self.decay)

    @staticmethod
    def numbers(model):
        return [t for t in [*model.body.parameters(), *model.body.buffers(), *model.head.parameters()]
                if t.is_floating_point()]


class Optimizer:
    """AdamW on body and head, decaying matrices and kernels alone; centers by eq. 4 or SparseAdam."""

    def __init__(self, model, n_steps, per_epoch, o):
        self.o, self.n_steps, self.warmup = o, n_steps, o.warmup * per_epoch
        self.dense = [p for p in [*model.body.parameters(), *model.head.parameters()] if p.requires_grad]
        groups = [{"params": [p for p in self.dense if p.dim() > 1], "weight_decay": o.weight_decay},
                  {"params": [p for p in self.dense if p.dim() <= 1], "weight_decay": 0}]
        self.optimizers = [torch.optim.AdamW(groups, lr=o.lr)]
        self.moves_centers = o.loss == "center" and o.weight > 0 and o.centers == "mean"
        if o.loss == "center" and o.weight > 0 and o.centers == "adam":
            self.optimizers.append(torch.optim.SparseAdam(list(model.centers.parameters()), lr=o.lr))

    def factor(self, step):
        """src/train/schedule.c."""
        if step < self.warmup:
            return min(1, (step + 1) / self.warmup)
        if self.o.constant_lr or self.n_steps <= self.warmup:
            return 1
        return (1 + math.cos(math.pi * (step - self.warmup) / (self.n_steps - self.warmup))) / 2

    def step(self, model, loss, features, labels, step):
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
            for group in optimizer.param_groups:
                group["lr"] = self.o.lr * self.factor(step)
        loss.backward()
        if self.o.clip > 0:
            torch.nn.utils.clip_grad_norm_([p for p in self.dense if p.grad is not None], self.o.clip)
        for optimizer in self.optimizers:
            optimizer.step()
        if self.moves_centers:
            move_centers(model.centers.weight, features, labels, self.o.alpha)


# ---- measuring

def features_of(model, x, normalised):
    model.body.eval()
    with torch.no_grad():
        parts = [model.body(normalised(part)) for part in x.split(500)] if len(x) else []
    return torch.cat(parts) if parts else torch.zeros(0, model.head.in_features)


def squared_distances(a, b):
    """In double: float32 would cancel between near neighbours."""
    a, b = a.double(), b.double()
    return (a ** 2).sum(1)[:, None] + (b ** 2).sum(1)[None] - 2 * a @ b.T


def knn_accuracy(gallery, labels, queries, query_labels, k):
    right, n_classes = 0, int(labels.max()) + 1
    for part, truth in zip(queries.split(500), query_labels.split(500)):
        near = squared_distances(part, gallery).topk(min(k, len(gallery)), largest=False).indices
        votes = F.one_hot(labels[near], n_classes).sum(1)
        lowest = (votes == votes.max(1, keepdim=True).values).int().argmax(1)
        right += int((lowest == truth).sum())
    return right / max(1, len(queries))


def one_shot_accuracy(features, labels, seed, n_ways=20, n_queries=15, n_episodes=600):
    rng = np.random.RandomState(seed)
    rows = [np.flatnonzero(labels.numpy() == label) for label in np.unique(labels.numpy())]
    rows = [of_class for of_class in rows if len(of_class) > 1]
    n_ways = min(n_ways, len(rows))
    if n_ways < 2:
        return math.nan
    accuracies = []
    for _ in range(n_episodes):
        chosen = [rng.permutation(rows[i])[:1 + n_queries]
                  for i in rng.choice(len(rows), n_ways, replace=False)]
        truth = np.concatenate([[way] * (len(some) - 1) for way, some in enumerate(chosen)])
        queries = features[np.concatenate([some[1:] for some in chosen])]
        support = features[[some[0] for some in chosen]]
        near = squared_distances(queries, support).argmin(1).numpy()
        accuracies.append(np.mean(near == truth))
    return float(np.mean(accuracies))


def measure(model, sets, normalised, o, seed):
    gallery = features_of(model, sets["train"][0], normalised)
    queries = features_of(model, sets["val"][0], normalised)
    with torch.no_grad():
        guess = model.head(queries).argmax(1)
    n_val = max(1, len(queries))
    found = {"accuracy": float((guess == sets["val"][1]).sum()) / n_val if o.loss == "center" else math.nan,
             "knn": knn_accuracy(gallery, sets["train"][1], queries, sets["val"][1], o.k)}
    if len(sets["heldout"][0]):
        found["1-shot"] = one_shot_accuracy(features_of(model, sets["heldout"][0], normalised),
                                            sets["heldout"][1], seed)
    return found


def in_words(found):
    return ", ".join("%s %.2f %%" % (key, 100 * value) for key, value in found.items())


def mean_and_std(x):
    """Of pixel / 255, a channel; a channel without spread gets 1."""
    levels, rows = torch.arange(256).double() / 255, []
    for c in range(x.shape[1]):
        shares = torch.bincount(x[:, c].flatten(), minlength=256).double() / x[:, c].numel()
        mean = (shares * levels).sum()
        std = (shares * (levels - mean) ** 2).sum().sqrt()
        rows.append([float(mean), float(std) or 1.0])
    return torch.tensor(rows).T.reshape(2, 1, -1, 1, 1)


def run(found, pictures, o, seed):
    rows, n_classes = split(found, o.holdout, o.val_split, seed)
    sets = {which: pictures.batch(some) for which, some in rows.items()}
    x, labels = sets["train"]
    mean, std = mean_and_std(x)
    print("seed %d: %d classes, %s; mean %s, std %s" % (
        seed, n_classes, ", ".join("%s %d" % (key, len(value)) for key, value in rows.items()),
        *(" ".join("%.6f" % value for value in values.flatten()) for values in (mean, std))), flush=True)

    def normalised(pixels):
        return (pixels / 255.0 - mean) / std

    torch.manual_seed(seed)
    model = oracle.Model(o.net, *x.shape[1:], n_classes, dtype=torch.float32, sparse=True)
    initialise(model, o.init)
    generator = torch.Generator().manual_seed(seed)
    average = Average(model, o.average) if o.average > 0 else None
    best, step, seconds = {"knn": -1.0}, 0, 0.0
    optimizer = None
    for epoch in range(1, o.epochs + 1):
        started = time.time()
        batches = epoch_batches(labels, o, generator)
        if optimizer is None:
            optimizer = Optimizer(model, o.epochs * len(batches), len(batches), o)
        model.body.train()
        total = 0.0
        for batch in batches:
            ramp = min(1.0, (step + 1) / (o.lambda_warmup * len(batches))) if o.lambda_warmup else 1.0
            loss, features = loss_of(model, normalised(x[batch]), labels[batch], o.weight * ramp, o)
            optimizer.step(model, loss, features, labels[batch], step)
            if average is not None:
                average.follow()
            total += float(loss) * len(batch)
            step += 1
        seconds += time.time() - started
        last = measure(model, sets, normalised, o, seed)
        print("  epoch %d: loss %.4f, %s, %.1f s of training" % (
            epoch, total / sum(map(len, batches)), in_words(last), seconds), flush=True)
        if last["knn"] > best["knn"]:
            best = last
    print("  last: %s\n  best by k-NN: %s" % (in_words(last), in_words(best)), flush=True)
    found = {"last": last, "best": best}
    if average is not None:
        found["averaged"] = measure(average.model, sets, normalised, o, seed)
        print("  averaged: %s" % in_words(found["averaged"]), flush=True)
    return {"%s %s" % (which, key): value for which, some in found.items() for key, value in some.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--net", required=True)
    parser.add_argument("--image-size", required=True, metavar="HxW", type=oracle.pair)
    parser.add_argument("--channels", type=int, choices=(1, 3), default=1)
    parser.add_argument("--resize", choices=("crop", "stretch"), default="crop")
    parser.add_argument("--val-split", type=float, default=0.1)
    parser.add_argument("--holdout", metavar="FILE|SHARE")
    parser.add_argument("--loss", choices=("center", "triplet"), default="center")
    parser.add_argument("--lambda", dest="weight", type=float, default=0.02)
    parser.add_argument("--centers", choices=("mean", "adam"), default="mean")
    parser.add_argument("--alpha", type=float, default=0.5)
    parser.add_argument("--lambda-warmup", type=float, default=0, metavar="EPOCHS")
    parser.add_argument("--margin", type=float, default=0.2)
    parser.add_argument("--per-class", type=int, default=0, metavar="K")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--constant-lr", action="store_true", help="no cosine after the warm-up")
    parser.add_argument("--warmup", type=float, default=1, metavar="EPOCHS")
    parser.add_argument("--weight-decay", type=float, default=0.02)
    parser.add_argument("--clip", type=float, default=0, metavar="NORM")
    parser.add_argument("--label-smoothing", type=float, default=0)
    parser.add_argument("--init", choices=("glorot", "he", "torch"), default="he")
    parser.add_argument("--average", type=float, default=0, metavar="DECAY")
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("-k", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    o = parser.parse_args()
    if o.per_class and o.batch_size // o.per_class < 1:
        parser.error("--per-class is larger than --batch-size")
    if o.loss == "triplet" and o.per_class < 2:
        parser.error("--loss triplet needs --per-class 2 or more")
    if o.threads:
        torch.set_num_threads(o.threads)
    pictures = Pictures(o.channels, *o.image_size, o.resize)
    results = [run(files_by_class(o.folder), pictures, o, seed) for seed in o.seed]
    if len(results) > 1:
        print("%d seeds:" % len(results))
        for key in results[0]:
            values = 100 * np.array([result[key] for result in results])
            print("  %-16s %.2f %% +- %.2f" % (key, values.mean(), values.std(ddof=1)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
