#!/usr/bin/python3
"""Golden values of the contrastive-center loss, from PyTorch's autograd in float64.

    /usr/bin/python3 tests/golden/contrastive.py  writes tests/golden/train/contrastive.bin"""
import numpy as np
import torch

from train import Golden, random_of

# name, batch, feature size, classes, delta, what is special
CASES = [
    ("plain", 6, 5, 4, 1.0),
    ("many_columns", 7, 131, 9, 1.0),
    ("many_classes", 5, 3, 40, 1.0),
    ("batch_1", 1, 8, 3, 1.0),
    ("two_classes", 5, 4, 2, 1.0),
    ("one_class", 3, 4, 1, 1.0),
    ("one_class_in_the_batch", 6, 4, 5, 1.0, "same"),
    ("small_delta", 6, 5, 4, 0.01),
    ("far_from_the_origin", 6, 5, 4, 1.0, "far"),
    ("at_the_centers", 4, 5, 4, 1.0, "equal"),
]

if __name__ == "__main__":
    golden = Golden("contrastive.bin")
    for name, n, d, k, delta, *special in CASES:
        rng = random_of("contrastive_" + name)
        f, centers = (rng.uniform(-1, 1, (m, d)).astype("f4") for m in (n, k))
        labels = rng.randint(0, k, n)
        if special == ["same"]:
            labels[:] = 2
        elif special == ["far"]:
            f, centers = f + np.float32(1000), centers + np.float32(1000)
        elif special == ["equal"]:
            f = centers[labels]
        x, c = (torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (f, centers))
        squares = ((x[:, None, :] - c[None, :, :]) ** 2).sum(dim=2)
        own = torch.nn.functional.one_hot(torch.tensor(labels), k).bool()
        near = squares[own]
        loss = (near / (squares.masked_fill(own, 0).sum(dim=1) + delta)).mean() / 2
        loss.backward()
        golden.put(name + "/f", f)
        golden.put(name + "/centers", centers)
        golden.put(name + "/labels", labels)
        golden.put(name + "/delta", [delta], "f8")
        golden.put(name + "/loss", [loss.item()], "f8")
        golden.put(name + "/df", x.grad)
        golden.put(name + "/dcenters", c.grad)
