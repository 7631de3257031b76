#!/usr/bin/python3
"""Golden values of batches cut into shards: torch.nn.parallel.DistributedDataParallel in float64, a process
for each shard.

    /usr/bin/python3 tests/golden/shards.py        writes tests/golden/train/shards.bin

Records as those of norms.py, of one batch. A process's loss is the mean over its shard, and the gradients are
averaged, which for shards of one size is the gradient of the mean over the batch. The running statistics
are averaged over the processes."""
import os

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

import train
from train import oracle

# name, net, shape, shards, images of a shard
CASES = [
    ("shards_plain", "conv 4 3x3 pad 1, relu, maxpool 2, flatten, dense 6", (3, 6, 5), 2, 4),
    ("shards_norm", "conv 4 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dense 6", (3, 6, 5), 2, 4),
    ("shards_deep", "conv 6 3x3 pad 1, batchnorm, relu, maxpool 2, conv 9 3x3 pad 1, batchnorm, gap, "
     "dense 6", (3, 9, 8), 4, 3),
    ("shards_of_one", "conv 5 3x3, batchnorm, relu, flatten, dense 4", (1, 6, 6), 3, 1),
]
N_CLASSES, WEIGHT = 5, 0.2


class Loss(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model, self.body, self.head, self.centers = model, model.body, model.head, model.centers

    def forward(self, x, labels):
        return torch.stack(self.model.losses(x, labels, WEIGHT)[1:])


def case_of(name, line, shape, n):
    rng = train.random_of(name)
    model = oracle.Model(line, *shape, N_CLASSES)
    arrays = oracle.initial(rng, model)
    for key in arrays:
        if "running_" in key:
            arrays[key] = rng.uniform(0.5, 1.5, arrays[key].shape).astype("f4")
    model.load(arrays)
    x = (rng.uniform(-1, 1, (n,) + shape) + rng.uniform(-1, 1, (1,) + shape)).astype("f4")
    return model, arrays, x, rng.randint(0, N_CLASSES, n)


def work(rank, case, out):
    name, line, shape, n_shards, size = case
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29511")
    dist.init_process_group("gloo", rank=rank, world_size=n_shards)
    model, _, x, labels = case_of(name, line, shape, n_shards * size)
    part = slice(rank * size, (rank + 1) * size)
    module = torch.nn.parallel.DistributedDataParallel(Loss(model), broadcast_buffers=False)
    losses = module(torch.as_tensor(x[part]), torch.as_tensor(labels[part]))
    losses[0].backward()
    losses = losses.detach()
    dist.all_reduce(losses)
    states = {key: p.clone() for key, p in model.states().items()}
    for p in states.values():
        dist.all_reduce(p)
    if rank == 0:
        torch.save({"losses": (losses / n_shards).numpy(), "gradient": model.gradients(),
                    "states": {key: (p / n_shards).numpy() for key, p in states.items()}}, out)
    dist.destroy_process_group()


if __name__ == "__main__":
    golden = train.Golden("shards.bin")
    for case in CASES:
        name, line, shape, n_shards, size = case
        out = os.path.join(os.environ.get("TMPDIR", "/tmp"), "shards.%d.pt" % os.getpid())
        mp.spawn(work, (case, out), n_shards)
        result = torch.load(out, weights_only=False)
        os.remove(out)
        _, arrays, x, labels = case_of(name, line, shape, n_shards * size)
        golden.put(name + "/net", line)
        golden.put(name + "/x", x)
        golden.put(name + "/labels", labels)
        golden.put(name + "/lambda", [WEIGHT], "f8")
        golden.put(name + "/n_shards", [n_shards], "f8")
        golden.put_all(name + "/parameters", arrays)
        golden.put(name + "/losses", result["losses"], "f8")
        golden.put_all(name + "/gradient", result["gradient"])
        golden.put_all(name + "/states", result["states"])
