#!/usr/bin/python3
"""The nets that from_torch.py reads at their full size, beside PyTorch: a row of a table for each.

    python3 tests/parity/torch_nets.py BUILD PICTURES [--net NAME] [--weights FILE] [-n 100]

BUILD is a folder with cl_features and the shared library, PICTURES one with images below it. Needs torch, torchvision
and Pillow. The weights are random, their statistics those of 128 other pictures; --weights FILE takes the state dict
of a MobileNetV2 instead. The columns:

    parameters   of the net in PyTorch, without its classifier
    apart        the largest difference of a feature's number over the largest number of that feature, cl_features on the
                 files against PyTorch on what Pillow and torchvision made of them
    speed        images per second of one thread over those of PyTorch, both on batches of 8 in memory, by user time,
                 in turn, the best of each; PyTorch in its fastest way, which is named: as it is, frozen with its norms
                 folded (optimize_for_inference) or compiled, each in both memory formats"""
import argparse
import copy
import ctypes
import functools
import glob
import os
import random
import subprocess
import sys
import tempfile
import time

import torch
import torchvision
from PIL import Image
from torch import nn
from torch._inductor import config as inductor
from torchvision import transforms

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "golden"), os.path.join(HERE, "..", "..", "tools")]
import from_torch as golden  # noqa: E402
import torch_nets  # noqa: E402

IRESNET, MOBILEFACENET = golden.definitions()
BATCH, ROUNDS, SETTLED = 8, 5, 128
NETS = {
    "resnet18": torchvision.models.resnet18,
    "resnet34": torchvision.models.resnet34,
    "resnet50": torchvision.models.resnet50,
    "mobilenet_v2": torchvision.models.mobilenet_v2,
    "iresnet18": lambda: IRESNET([2, 2, 2, 2]),
    "iresnet34": lambda: IRESNET([3, 4, 6, 3]),
    "iresnet50": lambda: IRESNET([3, 4, 14, 3]),
    "iresnet100": lambda: IRESNET([3, 13, 30, 3]),
    "mobilefacenet": MOBILEFACENET,
}


def load(paths, side, scale):
    steps = [transforms.Resize(side), transforms.CenterCrop(side), transforms.ToTensor(), transforms.Normalize(*scale)]
    compose = transforms.Compose(steps)
    return torch.stack([compose(Image.open(path).convert("RGB")) for path in paths])


def settle(net, x):
    """Statistics of these inputs, as a trained net has them; other parameters of the norms move a little, too."""
    for part in net.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.momentum = None  # the mean of all batches
            nn.init.uniform_(part.weight, 0.7, 1.3)
            nn.init.uniform_(part.bias, -0.2, 0.2)
    net.train()
    net(x)


class Ours:
    """A predictor of the shared library."""

    def __init__(self, library, model):
        self.lib, error = ctypes.CDLL(library), ctypes.create_string_buffer(1024)
        one, context, made = ctypes.c_size_t(1), ctypes.c_void_p(), ctypes.c_void_p()
        self.predictor = ctypes.c_void_p()

        class Options(ctypes.Structure):
            _fields_ = [("size", ctypes.c_size_t), ("n_threads", ctypes.c_int)]

        options = Options(ctypes.sizeof(Options), one.value)
        assert self.lib.cen_context_create(ctypes.byref(context), ctypes.byref(options), error) == 0, error.raw[4:]
        assert self.lib.cen_model_load(context, ctypes.byref(made), model.encode(), None, error) == 0, error.raw[4:]
        n = ctypes.c_size_t(BATCH)
        assert self.lib.cen_predictor_create(ctypes.byref(self.predictor), made, n, error) == 0, error.raw[4:]

    def __call__(self, x, feature):
        n = ctypes.c_size_t(len(x))
        pointers = ctypes.c_void_p(x.data_ptr()), ctypes.c_void_p(feature.data_ptr())
        assert self.lib.cen_predictor_features(self.predictor, pointers[0], n, pointers[1], None) == 0


def ways(net, x):
    """What users of PyTorch do to make a net fast: functions of no arguments, by name."""
    frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))
    inductor.freezing = True
    last_net, last_x = copy.deepcopy(net).to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    last_frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(last_net, last_x)))
    return {
        "plain": lambda: net(x),
        "channels last": lambda: last_net(last_x),
        "frozen": lambda: frozen(x),
        "frozen, channels last": lambda: last_frozen(last_x),
        "compiled": functools.partial(torch.compile(copy.deepcopy(net)), x),
        "compiled, channels last": functools.partial(torch.compile(last_net), last_x),
    }


def speed(net, ours, x):
    """Ours over PyTorch's best, and which that is."""
    feature = net(x)
    runs = {"ours": lambda: ours(x, torch.empty_like(feature)), **ways(net, x)}
    for name, work in list(runs.items())[1:]:
        for _ in range(3):  # the first calls compile
            assert (work() - feature).abs().max() < 1e-3 * feature.abs().max(), name
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, work in runs.items():
            begin = time.process_time()
            work()
            best[name] = min(best[name], time.process_time() - begin)
    ours = best.pop("ours")
    fastest = min(best, key=best.get)
    return best[fastest] / ours, fastest


def row(name, options, paths, others):
    net = NETS[name]()
    net.fc = nn.Identity() if hasattr(net, "fc") and name.startswith("res") else getattr(net, "fc", None)
    if name == "mobilenet_v2":
        net.classifier = nn.Identity()
    family = torch_nets.find_family(net.state_dict())
    side = family.side or 112
    x = load(paths, side, family.scale)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        state, model = os.path.join(folder, "net.pth"), os.path.join(folder, "net.safetensors")
        features = os.path.join(folder, "features.npy")
        if options.weights:
            given = torch.load(options.weights, map_location="cpu", weights_only=True)
            values = [tensor for tensor in given.values()]  # the older code has the same order, other names
            net.load_state_dict(dict(zip(net.state_dict(), values)))
        else:
            settle(net, load(others, side, family.scale))
        torch.save(torch.load(options.weights, weights_only=True) if options.weights else net.state_dict(), state)
        net.eval()
        convert = [sys.executable, os.path.join(HERE, "..", "..", "tools", "from_torch.py")]
        subprocess.run(convert + [state, "-o", model], check=True, stdout=subprocess.DEVNULL)
        command = [os.path.join(options.build, "cl_features"), model, *paths, "-o", features]
        subprocess.run(command + ["--exact-decode", "-q", "-t", "1"], check=True)
        found = torch.tensor(golden.read_npy(features))
        wanted = torch.cat([net(part) for part in x.split(BATCH)])
        apart = ((found - wanted).abs().amax(1) / wanted.abs().amax(1)).max().item()
        ours = Ours(os.path.join(options.build, "libcenterloss.so"), model)
        ratio, fastest = speed(net, ours, x[:BATCH].contiguous())
    n = sum(parameter.numel() for parameter in net.parameters())
    kind = "trained" if options.weights else "random"
    line = "%-14s %-8s %11d %4d pictures %9.2g apart %6.2f times PyTorch (%s)"
    print(line % (name, kind, n, len(paths), apart, ratio, fastest), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("pictures")
    parser.add_argument("--net", choices=NETS)
    parser.add_argument("--weights")
    parser.add_argument("-n", type=int, default=100)
    options = parser.parse_args()
    paths = sorted(glob.glob(os.path.join(options.pictures, "**", "*.*"), recursive=True))
    paths = [path for path in paths if path.lower().endswith((".jpg", ".jpeg", ".png"))]
    paths = paths[:: max(1, len(paths) // (options.n + SETTLED))][: options.n + SETTLED]
    random.Random(1).shuffle(paths)
    paths, others = paths[: options.n], paths[options.n :]
    torch.set_num_threads(1)
    torch.manual_seed(1)
    print("PyTorch", torch.__version__)
    for name in [options.net] if options.net else NETS:
        row(name, options, paths, others)


if __name__ == "__main__":
    main()
