#!/usr/bin/python3
"""Golden values of CosFace's head under a softmax cross-entropy, from PyTorch's autograd in float64.

    /usr/bin/python3 tests/golden/margin.py       writes tests/golden/train/margin.bin"""
import numpy as np
import torch
from torch.nn.functional import cross_entropy, normalize, one_hot

from train import Golden, random_of

# name, batch, feature size, classes, s, m, what is special
CASES = [
    ("article", 6, 5, 4, 64.0, 0.35),
    ("gentle", 9, 17, 11, 16.0, 0.2),
    ("without_margin", 6, 5, 4, 10.0, 0.0),
    ("many_classes", 5, 6, 70, 30.0, 0.35),
    ("batch_1", 1, 8, 3, 30.0, 0.35),
    ("one_feature", 5, 1, 3, 4.0, 0.1),
    ("one_class_in_the_batch", 6, 4, 5, 30.0, 0.35, "same"),
    ("short_and_long", 6, 4, 5, 30.0, 0.35, "lengths"),
    ("shorter_than_eps", 4, 4, 3, 4.0, 0.35, "zero"),
]

if __name__ == "__main__":
    golden = Golden("margin.bin")
    for name, n, d, k, scale, margin, *special in CASES:
        rng = random_of("margin_" + name)
        f, w = (rng.uniform(-1, 1, (m, d)).astype("f4") for m in (n, k))
        labels = rng.randint(0, k, n)
        if special == ["same"]:
            labels[:] = 2
        elif special == ["lengths"]:
            f *= 10.0 ** (np.arange(n) - n // 2).astype("f4")[:, None]
            w *= 10.0 ** (np.arange(k) - k // 2).astype("f4")[:, None]
        elif special == ["zero"]:
            f[1] *= np.float32(1e-13)
            f[2] = 0
            w[0] = 0
        x, v = (torch.tensor(a.astype("f4"), dtype=torch.float64, requires_grad=True)
                for a in (f, w))
        targets = torch.tensor(labels)
        plain = scale * normalize(x) @ normalize(v).T
        plain.retain_grad()
        logits = plain - scale * margin * one_hot(targets, k)
        loss = cross_entropy(logits, targets)
        loss.backward()
        golden.put(name + "/f", f)
        golden.put(name + "/w", w)
        golden.put(name + "/labels", labels)
        golden.put(name + "/numbers", [scale, margin, loss.item()], "f8")
        golden.put(name + "/hits", (plain.argmax(dim=1) == targets).numpy(), "u1")
        golden.put(name + "/logits", logits.detach())
        golden.put(name + "/dlogits", plain.grad)
        golden.put(name + "/df", x.grad)
        golden.put(name + "/dw", v.grad)
