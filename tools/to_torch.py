#!/usr/bin/env python3
"""Writes a model as a PyTorch state dict, and as a module that computes the same features.

    python3 tools/to_torch.py runs/1 -o photos.pth          also writes photos.py
    python3 tools/to_torch.py tuned.safetensors -o resnet18.pth --original-names

photos.py needs only torch, and Pillow to read pictures; photos.pth is its state dict. With --original-names the
state dict has the names of torchvision or insightface, for their own code, if the net is one of theirs. Writing a
.pth or .pt needs PyTorch, a .safetensors only Python."""
import json
import os
import re
import struct

import torch_nets
from torch_nets import Conv, Dense, Mistake, Norm, PReLU, Tensor

# ---- the net line --------------------------------------------------------------------------------------------------


def parse(line):
    """Lists of words, ["conv", "10", "2x2"], and of residuals, ("residual", main, shortcut)."""
    signs = re.findall(r"[{}|,]|[^{}|,\s]+", line)

    def layers():
        found = []
        while signs and signs[0] not in "}|":
            if signs[0] == ",":
                signs.pop(0)
            elif signs[0] == "residual":
                del signs[:2]
                main, shortcut = layers(), []
                if signs.pop(0) == "|":
                    shortcut = layers()
                    signs.pop(0)
                found.append(("residual", main, shortcut))
            else:
                words = []
                while signs and signs[0] not in ",}|":
                    words.append(signs.pop(0))
                found.append(words)
        return found

    return layers()


def places(layers, prefix="body."):
    """(words, place) of each layer but residuals, in the order of the line."""
    for i, layer in enumerate(layers):
        if layer[0] == "residual":
            yield from places(layer[1], "%s%d.main." % (prefix, i))
            yield from places(layer[2], "%s%d.shortcut." % (prefix, i))
        else:
            yield layer, "%s%d" % (prefix, i)


# ---- the module ----------------------------------------------------------------------------------------------------

CLASSES = {
    "Residual": '''class Residual(nn.Module):
    def __init__(self, main, shortcut):
        super().__init__()
        self.main, self.shortcut = main, shortcut

    def forward(self, x):
        return self.main(x) + self.shortcut(x)
''',
    "Mean": '''class Mean(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))
''',
    "Unit": '''class Unit(nn.Module):
    """Scales a vector to the length `weight`."""

    def __init__(self, scale=None):
        super().__init__()
        self.scale = scale
        if scale is None:
            self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return nn.functional.normalize(x) * (self.weight if self.scale is None else self.scale)
''',
}


def number(word):
    """The word, which becomes part of a program."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?", word):
        raise Mistake("its net has '%s' in place of a number" % word)
    return word


def pair(word):
    h, _, w = word.partition("x")
    return "(%s, %s)" % (number(h), number(w or h))


def layer_text(words, state, place, is_flat):
    """The constructor of a layer, and whether its output is a vector."""
    kind, rest = words[0], words[1:]
    given = dict(zip(rest[1:], rest[2:]))  # pairs as "stride 2" lie anywhere after the sizes
    weight = state.get(place + ".weight")
    if is_flat and kind in ("conv", "maxpool", "avgpool"):
        raise Mistake("'%s' (%s) works on a vector, which torch.nn cannot" % (" ".join(words), place))
    if kind == "conv":
        names = (("stride", "stride"), ("padding", "pad"))
        more = "".join(", %s=%s" % (name, pair(given[word])) for name, word in names if word in given)
        groups = int(given.get("groups", 1))
        more += ", groups=%d" % groups if groups > 1 else ""
        out, per_group, h, w = weight.shape
        return "nn.Conv2d(%d, %d, (%d, %d)%s)" % (per_group * groups, out, h, w, more), False
    if kind in ("maxpool", "avgpool"):
        stride, pad = pair(given.get("stride", rest[0])), pair(given.get("pad", "0"))
        name = "nn.MaxPool2d" if kind == "maxpool" else "nn.AvgPool2d"
        return "%s(%s, stride=%s, padding=%s)" % (name, pair(rest[0]), stride, pad), False
    if kind == "dense":
        return "nn.Linear(%d, %d)" % (weight.shape[1], weight.shape[0]), True
    if kind == "batchnorm":
        return "nn.BatchNorm%dd(%d)" % (1 if is_flat else 2, weight.shape[0]), is_flat
    if kind == "prelu":
        return "nn.PReLU(%d)" % weight.shape[0], is_flat
    if kind == "dropout":
        return "nn.Dropout(%s)" % number(rest[0]), is_flat
    if kind == "l2norm":
        return "Unit(%s)" % (number(rest[1]) if rest else ""), True
    plain = {"relu": "nn.ReLU()", "relu6": "nn.ReLU6()", "gelu": "nn.GELU()"}
    if kind in plain:
        return plain[kind], is_flat
    if kind not in ("flatten", "gap"):
        raise Mistake("its layer '%s' is not known" % kind)
    return "nn.Flatten()" if kind == "flatten" or is_flat else "Mean()", True


def body_text(layers, state, prefix="body.", indent=8, is_flat=False):
    if not layers:
        return "nn.Sequential()", is_flat
    lines, space = [], " " * indent
    for i, layer in enumerate(layers):
        place = "%s%d" % (prefix, i)
        if layer[0] == "residual":
            main, after = body_text(layer[1], state, place + ".main.", indent + 8, is_flat)
            other, _ = body_text(layer[2], state, place + ".shortcut.", indent + 8, is_flat)
            lines += [space, "    Residual(\n"]
            lines += ["%s        %s,\n" % (space, branch) for branch in (main, other)] + [space, "    ),\n"]
            is_flat = after
        else:
            text, is_flat = layer_text(layer, state, place, is_flat)
            lines.append("%s    %s,\n" % (space, text))
    return "nn.Sequential(\n%s%s)" % ("".join(lines), space), is_flat


MODULE = '''"""Made by to_torch.py.

    net = Net()
    net.load_state_dict(torch.load(%(file)r, weights_only=True))
    net.eval()
    feature = net(read("picture.jpg")[None])
"""
import torch
from torch import nn

CLASSES = %(classes)r


%(parts)sclass Net(nn.Module):
    """Values of pictures, pixel / 255 as [n, %(channels)d, %(height)d, %(width)d], become features [n, %(size)d]."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor(%(mean)r).reshape(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(%(std)r).reshape(-1, 1, 1), persistent=False)
        self.body = %(body)s
%(extra)s
    def forward(self, x):
        x = (x - self.mean) / self.std
%(forward)s
%(logits)s

def read(path):
    """%(resize)s"""
    import numpy
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(Image.open(path)).convert("%(mode)s")
%(resizing)s
    pixels = numpy.asarray(image).reshape(%(height)d, %(width)d, %(channels)d)
    return torch.from_numpy(pixels.transpose(2, 0, 1) / numpy.float32(255))
'''

PLAIN = "        return self.body(x).flatten(1)\n"
MIRROR = '''        f = self.body(x).flatten(1)
        if self.training:
            return f
        other = self.body(x.flip(3)).flatten(1)
        return %s
'''
STRETCH = "    image = image.resize((%(width)d, %(height)d), Image.BILINEAR)"
CROP = '''    w, h = image.size
    if %(height)d * w >= %(width)d * h:
        w, h = %(height)d * w // h, %(height)d
    else:
        w, h = %(width)d, %(width)d * h // w
    left, top = round((w - %(width)d) / 2), round((h - %(height)d) / 2)
    image = image.resize((w, h), Image.BILINEAR).crop((left, top, left + %(width)d, top + %(height)d))'''


def logits_text(metadata, state):
    """The head: attributes of the module, and its function."""
    n, d = state["head.weight"].shape
    if metadata.get("head", "affine") == "none" or n == 0:
        return "", ""
    extra = "        self.head = nn.Linear(%d, %d)\n" % (d, n)
    if "head_scale" not in metadata:
        return extra, "\n    def logits(self, feature):\n        return self.head(feature)\n"
    cosine = "nn.functional.normalize(feature) @ nn.functional.normalize(self.head.weight).T"
    scale = number(metadata["head_scale"])
    return extra, "\n    def logits(self, feature):\n        return %s * (%s)\n" % (scale, cosine)


def resize_text(metadata, facts):
    if metadata["resize"] == "stretch":
        return "Resized to %(height)dx%(width)d, both sides." % facts, STRETCH % facts
    return "Resized until it covers %(height)dx%(width)d, and cut out of the center." % facts, CROP % facts


def module_text(metadata, state, layers, file):
    channels, height, width = json.loads(metadata["input"])
    facts = {"channels": channels, "height": height, "width": width, "file": file}
    facts["body"], _ = body_text(layers, state)
    facts["classes"] = json.loads(metadata["classes"])
    facts["mean"], facts["std"] = json.loads(metadata["mean"]), json.loads(metadata["std"])
    facts["size"] = state["centers.weight"].shape[1]
    facts["parts"] = "".join(text + "\n\n" for name, text in CLASSES.items() if name + "(" in facts["body"])
    head, facts["logits"] = logits_text(metadata, state)
    n = state["centers.weight"].shape[0]
    facts["extra"] = head + ("        self.centers = nn.Embedding(%d, %d)\n" % (n, facts["size"]) if n > 0 else "")
    mean = "(f + other) / 2"
    if layers[-1][0] == "l2norm":  # a mean is shorter
        mean = "nn.functional.normalize(f + other) * f.norm(dim=1, keepdim=True)"
    facts["forward"] = (MIRROR % mean if metadata.get("mirror") == "true" else PLAIN).rstrip("\n")
    facts["mode"] = "L" if channels == 1 else "RGB"
    facts["resize"], facts["resizing"] = resize_text(metadata, facts)
    return MODULE % facts


# ---- the state dict ------------------------------------------------------------------------------------------------


def numbers(tensor):
    kind, data = {"F64": "d", "F32": "f", "F16": "e", "BF16": "f"}[tensor.dtype], tensor.data
    if tensor.dtype == "BF16":  # the upper half of a float
        data = b"".join(b"\0\0" + data[i : i + 2] for i in range(0, len(data), 2))
    return struct.unpack("<%d%s" % (len(data) // struct.calcsize(kind), kind), data)


def without_bias(state, name, norm):
    """The running mean of a norm, which takes a layer's bias away."""
    mean, bias = norm + ".running_mean", numbers(state[name + ".bias"])
    if not any(bias):
        return state[mean]
    values = [a - b for a, b in zip(numbers(state[mean]), bias)]
    return Tensor("F32", state[mean].shape, struct.pack("<%df" % len(values), *values))


WORDS = {Conv: "conv", Dense: "dense", Norm: "batchnorm", PReLU: "prelu"}


def renamed(state, ours, net):
    """The state dict under the names of a net, whose modules are in the same order."""
    result, biased = {}, None
    for (words, place), module in zip(ours, torch_nets.modules(net)):
        for kind in ("weight", "bias", "running_mean", "running_var"):
            if "%s.%s" % (place, kind) in state:
                result["%s.%s" % (module.name, kind)] = state["%s.%s" % (place, kind)]
        if words[0] == "batchnorm" and biased:
            result[module.name + ".running_mean"] = without_bias(state, biased[0], place)
        if biased:
            del result[biased[1] + ".bias"]
        is_fc = module.name == "fc"  # iresnet's has a bias
        biased = (place, module.name) if words[0] in ("conv", "dense") and not is_fc else None
    return result


def original(state, layers, line):
    """The family, and the state dict under its names."""
    ours = [(words, place) for words, place in places(layers) if words[0] in WORDS.values()]
    kinds = [words[0] for words, _ in ours]
    for family in torch_nets.FAMILIES:
        for net in family.known:
            if kinds != [WORDS[type(module)] for module in torch_nets.modules(net)]:
                continue
            result = renamed(state, ours, net)
            try:
                if torch_nets.convert(result, family, net).line == line:
                    return family, result
            except Mistake:
                pass
    names = ", ".join(family.name for family in torch_nets.FAMILIES)
    raise Mistake("its net is none of these: %s; leave --original-names out" % names)


def write(path, tensors):
    if path.endswith(".safetensors"):
        torch_nets.write_safetensors(path, tensors, {})
        return
    try:
        import torch
    except ImportError:
        raise Mistake("%s: writing it needs PyTorch; install torch, or name a .safetensors file" % path) from None
    types = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    state = {}
    for name, tensor in tensors.items():
        flat = torch.frombuffer(bytearray(tensor.data), dtype=types[tensor.dtype])
        state[name] = flat.to(torch.float32).reshape(tensor.shape)
    try:
        torch.save(state, path + ".part")
    except RuntimeError:  # torch's word for a path that cannot be written
        raise Mistake("%s: it cannot be written" % path) from None
    os.replace(path + ".part", path)


def read_model(path):
    file = os.path.join(path, "model.safetensors") if os.path.isdir(path) else path
    state, metadata = torch_nets.read_safetensors(file)
    if not isinstance(metadata, dict) or metadata.get("format") != "centerloss 1":
        raise Mistake("%s: this is no model; name one that cl_train wrote" % file)
    return state, metadata


def convert(options):
    """The tensors to write, the text of the module or None, and what to print."""
    state, metadata = read_model(options.model)
    try:
        layers = parse(metadata["net"])
        channels, height, width = json.loads(metadata["input"])
        colours = {1: "grey", 3: "red, green, blue"}.get(channels, "%d channels" % channels)
        notes = ["pictures: %dx%d, %s (%s)" % (height, width, colours, metadata["resize"])]
        notes += ["value: (pixel / 255 - mean) / std, mean %s, std %s" % (metadata["mean"], metadata["std"])]
        if metadata.get("mirror") == "true":
            notes.append("feature: the mean of those of a picture and of its mirror image")
        if options.original_names:
            family, tensors = original(state, layers, metadata["net"])
            return tensors, None, ["for the code of %s, without its classifier" % family.name] + notes
        text = module_text(metadata, state, layers, os.path.basename(options.output))
    except Mistake as mistake:
        raise Mistake("%s: %s" % (options.model, mistake)) from None
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, RecursionError):
        raise Mistake("%s: this model is damaged; cl_features --info names the fault" % options.model) from None
    tensors = {name: tensor for name, tensor in state.items() if 0 not in tensor.shape}
    if metadata.get("head") == "none":
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("head.")}
    return tensors, text, ["the state dict of Net in " + module_path(options)] + notes


def module_path(options):
    return os.path.splitext(options.output)[0] + ".py"


def run(options):
    tensors, text, notes = convert(options)
    write(options.output, tensors)
    if text is not None:
        with open(module_path(options), "w", encoding="utf-8") as file:
            file.write(text)
    print("%s: %s" % (options.output, "\n".join(notes)))


def options():
    parser = torch_nets.Parser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", help="a run folder or a model file")
    parser.add_argument("-o", "--output", required=True, help="the state dict to write: .pth, .pt or .safetensors")
    parser.add_argument(
        "--original-names", action="store_true", help="the names of torchvision or insightface, and no module"
    )
    given = parser.parse_args()
    if not given.output.endswith((".pth", ".pt", ".safetensors")):
        parser.error("%s: end its name with .pth, .pt or .safetensors" % given.output)
    return given


if __name__ == "__main__":
    torch_nets.run(run, "to_torch.py", options())
