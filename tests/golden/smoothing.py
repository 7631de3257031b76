#!/usr/bin/python3
"""Golden values of softmax cross-entropy with label smoothing, from PyTorch's autograd in float64.

    /usr/bin/python3 tests/golden/smoothing.py    writes tests/golden/train/smoothing.bin"""
import torch

from train import Golden, random_of

SMOOTHINGS = (0.0, 0.1, 0.6, 1.0)

# name, batch, classes, size of the logits
CASES = [
    ("plain", 6, 5, 2),
    ("batch_1", 1, 7, 2),
    ("two_classes", 5, 2, 2),
    ("many_classes", 4, 300, 5),
    ("logits_of_hundreds", 6, 5, 300),
]

if __name__ == "__main__":
    golden = Golden("smoothing.bin")
    for name, n, k, size in CASES:
        rng = random_of("smoothing_" + name)
        logits, labels = rng.uniform(-size, size, (n, k)).astype("f4"), rng.randint(0, k, n)
        golden.put(name + "/logits", logits)
        golden.put(name + "/labels", labels)
        for smoothing in SMOOTHINGS:
            x = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
            losses = torch.nn.functional.cross_entropy(
                x, torch.tensor(labels), reduction="none", label_smoothing=smoothing)
            losses.mean().backward()
            golden.put("%s/losses_%g" % (name, smoothing), losses.detach(), "f8")
            golden.put("%s/gradient_%g" % (name, smoothing), x.grad)
