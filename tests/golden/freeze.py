#!/usr/bin/python3
"""Golden values of a training whose first layers are frozen, from PyTorch in float64: their parameters without a gradient,
their modules in eval().

    /usr/bin/python3 tests/golden/freeze.py        writes tests/golden/train/freeze.bin"""
import numpy as np
import torch

from train import Golden, oracle, random_of

# The dropout of a frozen part does nothing.
LINE = ("batchnorm, conv 6 3x3 pad 1, batchnorm, prelu, dropout 0.5, maxpool 2, conv 8 3x3 pad 1, batchnorm, relu, flatten, "
        "dense 6, batchnorm")
CASES = [("freeze_1", LINE, 1), ("freeze_2", LINE, 2), ("freeze_all", LINE, 3),
         ("freeze_in_a_residual", oracle.RESNET, 2), ("freeze_before_a_shortcut", oracle.RESNET, 6)]
SHAPE, N_CLASSES, N_IMAGES, BATCH, N_STEPS, WEIGHT = (3, 9, 8), 5, 48, 12, 9, 0.2


def freeze(body, n_frozen):
    """The modules up to the one before convolution or matrix n_frozen + 1, in the order of the line."""
    found = 0
    for module in body.modules():
        if list(module.children()):
            continue
        found += isinstance(module, (torch.nn.Conv2d, torch.nn.Linear))
        if found > n_frozen:
            return
        module.eval()
        for parameter in module.parameters():
            parameter.requires_grad_(False)


def run(arrays, batches, line, n_frozen, dtype):
    model = oracle.Model(line, *SHAPE, N_CLASSES, dtype=dtype)
    model.load(arrays)
    freeze(model.body, n_frozen)
    trainer = oracle.Trainer(model, WEIGHT, "adam-dense")
    return np.array([trainer.step(x, labels) for x, labels in batches]), model.arrays()


def main():
    golden = Golden("freeze.bin")
    for name, line, n_frozen in CASES:
        rng = random_of("freeze")
        arrays = oracle.initial(rng, oracle.Model(line, *SHAPE, N_CLASSES))
        for key in arrays:
            if "running_" in key:
                low, high = (0.5, 2) if key.endswith("var") else (-0.5, 0.5)
                arrays[key] = rng.uniform(low, high, arrays[key].shape).astype("f4")
        labels = rng.permutation(np.arange(N_IMAGES) % N_CLASSES)
        pixels = rng.randint(0, 256, (N_IMAGES,) + SHAPE).astype("u1")
        x = torch.tensor((pixels.astype("f8") - 128) / 64)
        batches = [(x[at:at + BATCH], labels[at:at + BATCH])
                   for at in (step * BATCH % N_IMAGES for step in range(N_STEPS))]
        losses, final = run(arrays, batches, line, n_frozen, torch.float64)
        single, _ = run(arrays, batches, line, n_frozen, torch.float32)
        print("%-26s float32 against float64: losses %.1e" % (name, np.max(np.abs(single - losses) / losses)))
        golden.put(name + "/net", line)
        golden.put(name + "/n_frozen", [n_frozen], "u1")
        golden.put(name + "/mode", "adam-dense")
        golden.put(name + "/lambda", [WEIGHT], "f8")
        golden.put(name + "/pixels", pixels, "u1")
        golden.put(name + "/labels", labels, "u1")
        golden.put(name + "/batch", [BATCH], "u1")
        golden.put_all(name + "/parameters", arrays)
        golden.put(name + "/losses", losses, "f8")
        golden.put_all(name + "/final", final)


if __name__ == "__main__":
    main()
