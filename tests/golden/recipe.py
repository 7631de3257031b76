#!/usr/bin/python3
"""Golden values of the training recipe, from PyTorch in float64: AdamW, clipping, label smoothing, warm-up
and cosine over 40 steps, and the gradients of each --loss through a whole net.

    /usr/bin/python3 tests/golden/recipe.py        writes tests/golden/train/recipe.bin"""
import numpy as np
import torch
from torch.nn import functional

from train import Golden, oracle, random_of

NET, SHAPE, N_CLASSES, BATCH, N_STEPS, WARMUP = "conv 5 3x3, prelu, flatten, dense 6", (3, 6, 5), 7, 12, 40, 8
LR, DECAY, CLIP, SMOOTHING, WEIGHT = 0.01, 0.5, 0.4, 0.1, 0.05


def start(name, sparse):
    rng = random_of(name)
    model = oracle.Model(NET, *SHAPE, N_CLASSES, sparse=sparse)
    arrays = oracle.initial(rng, model)
    model.load(arrays)
    return rng, model, arrays


def put_start(golden, name, arrays, x, labels):
    golden.put(name + "/net", NET)
    golden.put(name + "/x", x)
    golden.put(name + "/labels", labels, "u1")
    golden.put_all(name + "/parameters", arrays)


def recipe(golden):
    rng, model, arrays = start("recipe", True)
    x = rng.uniform(-1, 1, (N_STEPS * BATCH,) + SHAPE).astype("f4")
    labels = rng.randint(0, N_CLASSES, N_STEPS * BATCH)
    body = [p for name, p in model.tensors().items() if name != "centers.weight"]
    adam = torch.optim.AdamW([{"params": [p for p in body if p.ndim > 1], "weight_decay": DECAY},
                              {"params": [p for p in body if p.ndim == 1], "weight_decay": 0}], lr=LR)
    sparse = torch.optim.SparseAdam([model.centers.weight], lr=LR)
    schedules = [torch.optim.lr_scheduler.SequentialLR(
        optimizer, [torch.optim.lr_scheduler.LinearLR(optimizer, 1 / WARMUP, 1, WARMUP - 1),
                    torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, N_STEPS - WARMUP)], [WARMUP])
        for optimizer in (adam, sparse)]
    losses, rates, norms = [], [], []
    for step in range(N_STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        y = torch.tensor(labels[rows])
        features = model.body(torch.tensor(x[rows]).double())
        softmax = functional.cross_entropy(model.head(features), y, label_smoothing=SMOOTHING)
        center = ((features - model.centers(y)) ** 2).sum(dim=1).mean()
        adam.zero_grad()
        sparse.zero_grad()
        (softmax + WEIGHT * center).backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(body, CLIP)))
        rates.append(adam.param_groups[0]["lr"])
        adam.step()
        sparse.step()
        for schedule in schedules:
            schedule.step()
        losses.append([float(softmax + WEIGHT * center), float(softmax), float(center)])
    print("norms %.2f to %.2f, clipped at %.2f" % (min(norms), max(norms), CLIP))
    put_start(golden, "recipe", arrays, x, labels)
    golden.put("recipe/losses", losses, "f8")
    golden.put("recipe/rates", rates, "f8")
    golden.put_all("recipe/final", model.arrays())


def hard_triplets(features, labels, margin):
    """Of each anchor the farthest positive and the nearest negative."""
    distances = torch.cdist(features, features)
    same = torch.tensor(labels[:, None] == labels[None, :])
    own = torch.eye(len(labels), dtype=torch.bool)
    terms = []
    for i in range(len(labels)):
        positives, negatives = distances[i][same[i] & ~own[i]], distances[i][~same[i]]
        if len(positives) and len(negatives):
            terms.append(functional.relu(margin + positives.max() - negatives.min()))
    return torch.stack(terms).mean()


def contrastive(features, centers, y):
    squares = ((features[:, None] - centers[None]) ** 2).sum(dim=2)
    own = squares.gather(1, y[:, None]).squeeze(1)
    return (0.5 * own / (squares.sum(dim=1) - own + 1)).mean()


def losses(golden):
    for name in ("triplet", "contrastive", "cosface"):
        rng, model, arrays = start("loss_" + name, False)
        x = rng.uniform(-1, 1, (BATCH,) + SHAPE).astype("f4")
        labels = np.arange(BATCH) % 4
        y = torch.tensor(labels)
        features = model.body(torch.tensor(x).double())
        center = ((features - model.centers(y)) ** 2).sum(dim=1).mean()
        if name == "triplet":
            first = hard_triplets(features, labels, 0.2)
        elif name == "cosface":
            cosines = functional.normalize(features) @ functional.normalize(model.head.weight).T
            first = functional.cross_entropy(30 * (cosines - 0.2 * functional.one_hot(y, N_CLASSES)), y)
        else:
            first = functional.cross_entropy(model.head(features), y)
            center = contrastive(features, model.centers.weight, y)
        total = first + WEIGHT * center
        total.backward()
        put_start(golden, name, arrays, x, labels)
        golden.put(name + "/losses", [float(total), float(first), float(center)], "f8")
        golden.put_all(name + "/gradient", {
            key: np.zeros(p.shape) if p.grad is None else p.grad.numpy()
            for key, p in model.tensors().items()})


if __name__ == "__main__":
    file = Golden("recipe.bin")
    recipe(file)
    losses(file)
