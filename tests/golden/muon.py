#!/usr/bin/python3
"""Golden values of Muon, from torch.optim.Muon in float64; biases and head by torch.optim.AdamW. The gradients are drawn.

    python3 tests/golden/muon.py        writes tests/golden/train/muon.bin; PyTorch 2.9 or later"""
import torch

from train import Golden, oracle, random_of

# A matrix of more columns than rows, one of more rows, and one whose gradient has rank 1.
NET, SHAPE, N_CLASSES = "conv 6 3x3, relu, flatten, dense 40, dense 5", (2, 4, 4), 3
RATES, DECAY = [0.01, 0.03, 0.02, 0.005], 0.4

torch.Tensor.bfloat16 = torch.Tensor.clone  # in which its product would round


def main():
    golden, rng = Golden("muon.bin"), random_of("muon")
    arrays = oracle.initial(rng, oracle.Model(NET, *SHAPE, N_CLASSES))
    tensors = {name: torch.nn.Parameter(torch.tensor(array).double()) for name, array in arrays.items()}
    by_muon = [name for name in tensors if name.startswith("body.") and tensors[name].ndim > 1]
    flat = {name: torch.nn.Parameter(tensors[name].detach().flatten(1)) for name in by_muon}
    rest = [name for name in tensors if name not in by_muon and name != "centers.weight"]
    muon = torch.optim.Muon(flat.values(), weight_decay=DECAY, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.AdamW([{"params": [tensors[n]], "weight_decay": DECAY * (tensors[n].ndim > 1)} for n in rest])
    golden.put("muon/net", NET)
    golden.put("muon/x", rng.uniform(-1, 1, (4,) + SHAPE))
    golden.put("muon/rates", RATES, "f8")
    golden.put_all("muon/parameters", arrays)
    for step, rate in enumerate(RATES):
        for name in by_muon + rest:
            of = flat.get(name, tensors[name])
            drawn = rng.normal(0, 1, of.shape)
            if name == "body.4.weight":
                drawn = drawn[:, :1] * drawn[:1] if step == 0 else 0 * drawn
            of.grad = torch.tensor(drawn.astype("f4")).double()
            golden.put("muon/gradient%d/%s" % (step, name), of.grad.reshape(arrays[name].shape))
        for optimizer in (muon, adam):
            for group in optimizer.param_groups:
                group["lr"] = rate * (4 if optimizer is muon else 1)
                if optimizer is muon:
                    group["weight_decay"] = DECAY / 4
            optimizer.step()
    for name in by_muon + rest:
        golden.put("muon/final/" + name, flat.get(name, tensors[name]).detach().reshape(arrays[name].shape), "f8")


if __name__ == "__main__":
    main()
