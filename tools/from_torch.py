#!/usr/bin/env python3
"""Makes a model file of a net that was trained with PyTorch.

    python3 tools/from_torch.py resnet18.pth -o resnet18.safetensors
    cl_features resnet18.safetensors photos/ -o features.npy

Reads the state dict of torchvision's ResNet and MobileNetV2, and of insightface's iresnet and mobilefacenet. A .pth
or .pt file needs PyTorch, a .safetensors file only Python. The feature is what the net computes before its
classifier, which is left out. The model has no classes."""
import argparse
import ctypes
import json
import os
import shlex

import torch_nets
from torch_nets import Mistake, Tensor

INNER = ("state_dict", "state_dict_backbone", "model")  # of checkpoints that hold more
PREFIXES = ("module.", "backbone.")
NO_STATE = "%s: this is no state dict; write one with torch.save(net.state_dict(), FILE)"


def read_torch(path):
    try:
        import torch
    except ImportError:
        raise Mistake("%s: reading it needs PyTorch; install torch, or save a .safetensors file" % path) from None
    with open(path, "rb") as file:
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception:  # torch.load raises many kinds, OSError if bytes are damaged
            raise Mistake(NO_STATE % path) from None
    for key in INNER:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise Mistake(NO_STATE % path)
    state = {}
    for name, tensor in content.items():
        try:
            if tensor.is_complex() or tensor.is_meta:
                raise RuntimeError
            numbers = tensor.detach().to(torch.float32).contiguous()
            shape = list(numbers.shape)
        except RuntimeError:  # sparse, nested, of more numbers than the memory holds
            raise Mistake("%s: its '%s' is no plain tensor; save it as floats" % (path, name)) from None
        data = ctypes.string_at(numbers.data_ptr(), 4 * numbers.numel()) if numbers.numel() > 0 else b""
        state[str(name)] = Tensor("F32", shape, data)
    return state


def read_state(path):
    state = torch_nets.read_safetensors(path)[0] if path.endswith(".safetensors") else read_torch(path)
    if not state:
        raise Mistake("%s: it holds no tensor" % path)
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in state):
            state = {name[len(prefix) :]: tensor for name, tensor in state.items()}
    return state


def read_net(path):
    state = read_state(path)
    try:
        family = torch_nets.find_family(state)
        return family, torch_nets.convert(state, family, family.build(state))
    except Mistake as mistake:
        raise Mistake("%s: %s" % (path, mistake)) from None


def swap_channels(weight):
    """The weight of the first convolution for red, green, blue, if it had blue, green, red."""
    out, channels = weight.shape[:2]
    plane = len(weight.data) // (out * channels)
    planes = [weight.data[i * plane : (i + 1) * plane] for i in range(out * channels)]
    order = [planes[o * channels + channels - 1 - c] for o in range(out) for c in range(channels)]
    return weight._replace(data=b"".join(order))


def numbers(text):
    values = [float(value) for value in text.split(",")]
    if len(values) not in (1, 3):
        raise argparse.ArgumentTypeError("give one number, or one per channel as 0.5,0.5,0.5")
    return values * (3 // len(values))


def metadata(line, side, options, family):
    mean, std = options.mean or family.scale[0], options.std or family.scale[1]
    order = slice(None, None, -1) if options.bgr else slice(None)
    return {
        "format": "centerloss 1",
        "net": line,
        "input": json.dumps([3, side, side]),
        "resize": options.resize,
        "mean": json.dumps(mean[order]),
        "std": json.dumps(std[order]),
        "mirror": "false",
        "classes": "[]",
        "head": "none",
        "source": "%s, %s" % (family.name, os.path.basename(options.state)),
    }


def run(options):
    family, net = read_net(options.state)
    line, tensors, running, size, side = net
    if options.image_size and family.side is None and options.image_size != side:
        raise Mistake("%s takes pictures of %dx%d only; leave --image-size out" % (options.state, side, side))
    side = options.image_size or side
    if options.bgr:
        first = next(name for name in tensors if len(tensors[name].shape) == 4)
        tensors[first] = swap_channels(tensors[first])
    head = {"head.weight": [0, size], "head.bias": [0], "centers.weight": [0, size]}
    head = {name: torch_nets.zeros(*shape) for name, shape in head.items()}
    notes = metadata(line, side, options, family)
    torch_nets.write_safetensors(options.output, {**tensors, **head, **running}, notes)
    n = sum(len(tensor.data) // torch_nets.DTYPES[tensor.dtype] for tensor in tensors.values())
    print("%s: %s, %d parameters, a feature of %d numbers" % (options.output, family.name, n, size))
    print("pictures: %dx%d, red, green, blue (%s)" % (side, side, options.resize))
    print("value: (pixel / 255 - mean) / std, mean %s, std %s" % (notes["mean"], notes["std"]))
    print("to train it further: cl_train --init %s PICTURES" % shlex.quote(options.output))


def parse():
    parser = torch_nets.Parser(
        description=__doc__.partition("\n")[0],
        epilog="Without options pictures are prepared as both libraries do it: torchvision's Resize(224), "
        "CenterCrop(224) and the mean and deviation of ImageNet; insightface's 112x112, mean 0.5, deviation 0.5.",
    )
    parser.add_argument("state", help="the state dict: .pth, .pt or .safetensors")
    parser.add_argument("-o", "--output", required=True, help="the model file to write")
    parser.add_argument("--image-size", type=int, metavar="N", help="side of the input (torchvision's nets: 224)")
    parser.add_argument("--resize", choices=["crop", "stretch"], default="crop", help="how pictures get this size")
    parser.add_argument("--mean", type=numbers, metavar="X[,X,X]", help="mean of the pixels / 255")
    parser.add_argument("--std", type=numbers, metavar="X[,X,X]", help="their standard deviation")
    parser.add_argument("--bgr", action="store_true", help="the net was trained on blue, green, red")
    options = parser.parse_args()
    if options.image_size is not None and not 32 <= options.image_size <= 4096:
        parser.error("--image-size %d: give a side of 32 to 4096" % options.image_size)
    if options.std and min(options.std) <= 0:
        parser.error("--std must be above 0")
    return options


if __name__ == "__main__":
    torch_nets.run(run, "from_torch.py", parse())
