#!/usr/bin/python3
"""Golden values of the triplet losses, from PyTorch's autograd in float64.

    /usr/bin/python3 tests/golden/triplet.py      writes tests/golden/train/triplet.bin"""
import numpy as np
import torch

from train import Golden, random_of

MARGINS = (0.2, 1.0)

# name, labels, feature size, what is special
CASES = [
    ("pairs", [0, 1, 0, 2, 1, 2, 2, 0], 6),
    ("p_4_k_4", [3, 3, 3, 3, 0, 0, 0, 0, 7, 7, 7, 7, 1, 1, 1, 1], 19),
    ("classes_with_one_sample", [0, 1, 2, 0, 3, 4], 5),
    ("one_feature", [0, 1, 0, 1, 1, 0, 2, 2, 2], 1),
    ("far_apart", [0, 0, 1, 1, 2, 2], 4, "far"),
    ("ties", [0, 0, 0, 1, 1, 1, 2, 2, 0, 1], 2, "integers"),
    ("equal_features", [0, 0, 1, 1, 1, 0], 3, "equal"),
]


def distance(a, b):
    """Autograd's root of 0 has no number for a slope; a constant 0 has 0."""
    square = ((a - b) ** 2).sum()
    return square.sqrt() if square.item() > 0 else square.detach() * 0


def batch_hard(distances, labels, margin):
    hinges = []
    for a, label in enumerate(labels):
        positives = [j for j, other in enumerate(labels) if other == label and j != a]
        negatives = [j for j, other in enumerate(labels) if other != label]
        if positives and negatives:
            positive = max(positives, key=lambda j: distances[a][j].item())
            negative = min(negatives, key=lambda j: distances[a][j].item())
            hinges.append(margin + distances[a][positive] - distances[a][negative])
    return torch.relu(torch.stack(hinges)).mean()


def semi_hard(distances, labels, margin):
    hinges = []
    for a, label in enumerate(labels):
        negatives = [j for j, other in enumerate(labels) if other != label]
        for p, other in enumerate(labels):
            if other != label or p == a or not negatives:
                continue
            outside = [j for j in negatives if distances[a][j].item() > distances[a][p].item()]
            negative = (min(outside, key=lambda j: distances[a][j].item()) if outside else
                        max(negatives, key=lambda j: distances[a][j].item()))
            hinges.append(margin + distances[a][p] - distances[a][negative])
    return torch.relu(torch.stack(hinges)).mean()


def features(name, n, d, special=None):
    rng = random_of("triplet_" + name)
    f = rng.uniform(-1, 1, (n, d)).astype("f4")
    if special == "far":
        f[::2] = f[1::2] + rng.uniform(-0.01, 0.01, f[1::2].shape).astype("f4")
        f += np.arange(n)[:, None] // 2 * np.float32(9)
    elif special == "integers":
        f = rng.randint(-1, 2, (n, d)).astype("f4")
    elif special == "equal":
        f[1], f[3] = f[0], f[2]
        f[5] = f[2]
    return f


if __name__ == "__main__":
    golden = Golden("triplet.bin")
    for name, labels, d, *special in CASES:
        f = features(name, len(labels), d, *special)
        golden.put(name + "/f", f)
        golden.put(name + "/labels", labels)
        for kind, loss_of in (("batch_hard", batch_hard), ("semi_hard", semi_hard)):
            for margin in MARGINS:
                x = torch.tensor(f, dtype=torch.float64, requires_grad=True)
                loss = loss_of([[distance(a, b) for b in x] for a in x], labels, margin)
                loss.backward()
                of = "%s/%s_%g" % (name, kind, margin)
                golden.put(of + "/loss", [loss.item()], "f8")
                golden.put(of + "/df", torch.zeros_like(x) if x.grad is None else x.grad)
