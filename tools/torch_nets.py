"""The nets that from_torch.py and to_torch.py know, layer by layer under PyTorch's names, and safetensors files.
Python 3 only."""
import argparse
import json
import math
import os
import re
import struct
from collections import namedtuple

DTYPES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}  # bytes per number


class Mistake(Exception):
    """One sentence for the user."""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, "%s: %s; see --help\n" % (self.prog, message))


def run(work, name, options):
    """work(options), or one sentence and exit code 1; what files say cannot steer a terminal."""
    try:
        work(options)
    except Mistake as mistake:
        raise SystemExit("%s: %s" % (name, re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", str(mistake)))) from None
    except OSError as problem:
        raise SystemExit("%s: %s: %s" % (name, problem.filename, problem.strerror)) from None


class Tensor(namedtuple("Tensor", "dtype shape data")):
    """data: the bytes, little-endian."""


def zeros(*shape):
    return Tensor("F32", list(shape), bytes(4 * math.prod(shape)))


# ---- safetensors ---------------------------------------------------------------------------------------------------


def read_safetensors(path):
    """Tensors by name, and the metadata."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        (size,) = struct.unpack("<Q", content[:8])
        header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
        metadata = header.pop("__metadata__", {})
        tensors = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            tensors[name] = Tensor(entry["dtype"], list(entry["shape"]), data[begin:end])
            if len(tensors[name].data) != math.prod(entry["shape"]) * DTYPES.get(entry["dtype"], 0):
                if entry["dtype"] in DTYPES:
                    raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error):
        raise Mistake("%s: this is no safetensors file, or a damaged one" % path) from None
    return tensors, metadata


def write_safetensors(path, tensors, metadata):
    header, at = {"__metadata__": metadata} if metadata else {}, 0
    for name, tensor in tensors.items():
        end = at + len(tensor.data)
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64)
    with open(path + ".part", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.data)
    os.replace(path + ".part", path)


# ---- the nets ------------------------------------------------------------------------------------------------------
# A net is a list of layers: (kind, name, ...) as made here, or words of a net line. A name is that of the module in
# the state dict. Sizes are read from the tensors.

Conv = namedtuple("Conv", "name kernel stride pad groups", defaults=(3, 1, None, "one"))  # groups: one, each, any
Norm = namedtuple("Norm", "name")
PReLU = namedtuple("PReLU", "name")
Dense = namedtuple("Dense", "name")
Sum = namedtuple("Sum", "main shortcut", defaults=([],))  # shortcut None: a sum only if main keeps the shape


def resnet(blocks, is_deep):
    """torchvision's ResNet of basic or, if it is deep, bottleneck blocks."""
    net = [Conv("conv1", 7, 2), Norm("bn1"), "relu", "maxpool 3 stride 2 pad 1"]
    for i, n in enumerate(blocks):
        for j in range(n):
            at, stride = "layer%d.%d." % (i + 1, j), 2 if i > 0 and j == 0 else 1
            if is_deep:
                main = [Conv(at + "conv1", 1), Norm(at + "bn1"), "relu"]
                main += [Conv(at + "conv2", 3, stride, groups="any"), Norm(at + "bn2"), "relu"]
                main += [Conv(at + "conv3", 1), Norm(at + "bn3")]
            else:
                main = [Conv(at + "conv1", 3, stride), Norm(at + "bn1"), "relu", Conv(at + "conv2"), Norm(at + "bn2")]
            shortcut = [Conv(at + "downsample.0", 1, stride), Norm(at + "downsample.1")]
            net += [Sum(main, shortcut if j == 0 and (i > 0 or is_deep) else []), "relu"]
    return net + ["gap"]


def iresnet(blocks):
    """insightface's iresnet."""
    net = [Conv("conv1"), Norm("bn1"), PReLU("prelu")]
    for i, n in enumerate(blocks):
        for j in range(n):
            at, stride = "layer%d.%d." % (i + 1, j), 2 if j == 0 else 1
            main = [Norm(at + "bn1"), Conv(at + "conv1"), Norm(at + "bn2"), PReLU(at + "prelu")]
            main += [Conv(at + "conv2", 3, stride), Norm(at + "bn3")]
            shortcut = [Conv(at + "downsample.0", 1, stride), Norm(at + "downsample.1")]
            net.append(Sum(main, shortcut if j == 0 else []))
    return net + [Norm("bn2"), "flatten", Dense("fc"), Norm("features")]


def mobilenet(is_flat):
    """torchvision's MobileNetV2; flat: a block's layers have one number each, as in older code."""

    def block(at, stride, expands):
        parts = [("each", 3, stride), ("one", 1, 1)]
        parts = [("one", 1, 1)] + parts if expands else parts
        layers = []
        for k, (groups, kernel, step) in enumerate(parts):
            is_last = k == len(parts) - 1
            names = (3 * k, 3 * k + 1) if is_flat else (k, k + 1) if is_last else ("%d.0" % k, "%d.1" % k)
            layers += [Conv("%s%s" % (at, names[0]), kernel, step, groups=groups), Norm("%s%s" % (at, names[1]))]
            layers += [] if is_last else ["relu6"]
        return Sum(layers, None)

    net = [Conv("features.0.0", 3, 2), Norm("features.0.1"), "relu6"]
    strides = [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1]
    net += [block("features.%d.conv." % (i + 1), stride, i > 0) for i, stride in enumerate(strides)]
    return net + [Conv("features.18.0", 1), Norm("features.18.1"), "relu6", "gap"]


def mobilefacenet(blocks):
    """insightface's mobilefacenet; blocks: the residual ones of each size, at first 1 for one convolution."""

    def unit(at, kernel=1, stride=1, pad=None, groups="one", has_slope=True):
        layers = [Conv(at + "layers.0", kernel, stride, pad, groups), Norm(at + "layers.1")]
        return layers + [PReLU(at + "layers.2")] if has_slope else layers

    def depthwise(at, stride):
        return (
            unit(at + "layers.0.")
            + unit(at + "layers.1.", 3, stride, groups="each")
            + unit(at + "layers.2.", has_slope=False)
        )

    net = unit("layers.0.", 3, 2)
    for i, n in enumerate(blocks):
        net += depthwise("layers.%d." % (2 * i), 2) if i > 0 else []
        if n == 1 and i == 0:
            net += unit("layers.1.", 3, groups="any")
        else:
            net += [Sum(depthwise("layers.%d.layers.%d." % (2 * i + 1, j), 1)) for j in range(n)]
    net += unit("conv_sep.") + unit("features.layers.0.", None, 1, 0, "each", False)
    return net + ["flatten", Dense("features.layers.2"), Norm("features.layers.3")]


IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
HALVES = ([0.5] * 3, [0.5] * 3)

# name; a layer that only it has; its net from a state dict's names; nets whose names to_torch.py can restore; the
# layers of its classifier, which are left out; mean and std; the side of the input, None: read from the tensors
Family = namedtuple("Family", "name mark build known classifier scale side")


def count(names, prefix):
    n = 0
    while any(name.startswith("%s%d." % (prefix, n)) for name in names):
        n += 1
    return n


def stages(names):
    return [count(names, "layer%d." % i) for i in (1, 2, 3, 4)]


def face_stages(names):
    first = count(names, "layers.1.layers.") if "layers.1.layers.0.layers.0.layers.0.weight" in names else 1
    return [first] + [count(names, "layers.%d.layers." % i) for i in (3, 5, 7)]


FAMILIES = [
    Family(
        "insightface's mobilefacenet",
        "conv_sep.layers.0.weight",
        lambda names: mobilefacenet(face_stages(names)),
        [mobilefacenet(blocks) for blocks in ((1, 4, 6, 2), (2, 8, 12, 4))],
        (),
        HALVES,
        None,
    ),
    Family(
        "insightface's iresnet",
        "layer1.0.prelu.weight",
        lambda names: iresnet(stages(names)),
        [iresnet(blocks) for blocks in ((2, 2, 2, 2), (3, 4, 6, 3), (3, 4, 14, 3), (3, 13, 30, 3), (6, 26, 60, 6))],
        (),
        HALVES,
        None,
    ),
    Family(
        "torchvision's MobileNetV2",
        "features.0.0.weight",
        lambda names: mobilenet("features.1.conv.3.weight" in names),
        [mobilenet(False)],
        ("classifier.",),
        IMAGENET,
        224,
    ),
    Family(
        "torchvision's ResNet",
        "layer1.0.conv1.weight",
        lambda names: resnet(stages(names), "layer1.0.conv3.weight" in names),
        [resnet(blocks, False) for blocks in ((2, 2, 2, 2), (3, 4, 6, 3))]
        + [resnet(blocks, True) for blocks in ((3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3))],
        ("fc.",),
        IMAGENET,
        224,
    ),
]


# ---- from a state dict to a net line -------------------------------------------------------------------------------


def dims(shape):
    return "x".join(map(str, shape)) or "one number"


class Converter:
    """Writes the net line, and the tensors under the names of a model file."""

    def __init__(self, family, net, state):
        self.family, self.state, self.known = family, state, {layer.name for layer in modules(net)}
        self.left = [n for n in state if not n.endswith(".num_batches_tracked") and not n.startswith(family.classifier)]
        self.tensors, self.running = {}, {}
        self.channels, self.side, self.pixels = 3, None, None

    def take(self, name, shape):
        """The tensor, which must have this shape; None: any size."""
        if name not in self.state:
            unknown = [n for n in self.left if n.rpartition(".")[0] not in self.known]
            hint = ", and knows no '%s'" % unknown[0] if unknown else ""
            raise Mistake("its '%s' is missing: %s needs it%s" % (name, self.family.name, hint))
        tensor = self.state[name]
        if len(tensor.shape) != len(shape) or any(b is not None and a != b for a, b in zip(tensor.shape, shape)):
            wanted = dims("?" if b is None else b for b in shape)
            raise Mistake("'%s' is %s, and %s has %s there" % (name, dims(tensor.shape), self.family.name, wanted))
        if tensor.dtype not in DTYPES:
            raise Mistake("'%s' has the type %s; save it as floats" % (name, tensor.dtype))
        self.left.remove(name)
        return tensor

    def conv(self, layer, place):
        c, k = self.channels, layer.kernel
        name = layer.name + ".weight"
        each = layer.groups == "each"
        weight = self.take(name, [c if each else None, 1 if each else None if layer.groups == "any" else c, k, k])
        out, per_group, k = weight.shape[:3]
        if per_group == 0 or c % per_group or out % max(c // per_group, 1) or weight.shape[3] != k or out == 0:
            raise Mistake("'%s' is %s, which does not fit its input of %d channels" % (name, dims(weight.shape), c))
        pad, groups = k // 2 if layer.pad is None else layer.pad, c // per_group
        self.tensors["body.%s.weight" % place] = weight
        self.tensors["body.%s.bias" % place] = zeros(out)
        self.channels = out
        if layer.kernel is None:  # it covers what it sees
            self.side, self.pixels = k, 1
        text = "conv %d %dx%d" % (out, k, k)
        text += " stride %d" % layer.stride if layer.stride > 1 else ""
        text += " pad %d" % pad if pad > 0 else ""
        return text + (" groups %d" % groups if groups > 1 else "")

    def norm(self, layer, place):
        for kind in ("weight", "bias", "running_mean", "running_var"):
            to = self.running if kind.startswith("running") else self.tensors
            to["body.%s.%s" % (place, kind)] = self.take("%s.%s" % (layer.name, kind), [self.channels])
        return "batchnorm"

    def dense(self, layer, place):
        weight = self.take(layer.name + ".weight", [None, None])
        out, size = weight.shape
        if self.pixels is None:
            self.side = max(1, math.isqrt(size // self.channels))
            self.pixels = self.side**2
        if size != self.channels * self.pixels:
            size = dims(weight.shape)
            raise Mistake("'%s.weight' is %s, and its input has %d channels" % (layer.name, size, self.channels))
        has_bias = layer.name + ".bias" in self.state
        self.tensors["body.%s.weight" % place] = weight
        self.tensors["body.%s.bias" % place] = self.take(layer.name + ".bias", [out]) if has_bias else zeros(out)
        self.channels = out
        return "dense %d" % out

    def sum(self, layer, prefix, i):
        """A residual, or only its layers; returns the text and how many places of the line it takes."""
        before, is_sum = self.channels, layer.shortcut is not None
        if not is_sum:
            last = [part for part in layer.main if isinstance(part, Conv)][-1]
            out = self.state[last.name + ".weight"].shape[:1] if last.name + ".weight" in self.state else []
            is_sum = out == [before] and all(part.stride == 1 for part in layer.main if isinstance(part, Conv))
        if not is_sum:
            return self.layers(layer.main, prefix, i)
        main, _ = self.layers(layer.main, "%s%d.main." % (prefix, i), 0)
        after, self.channels = self.channels, before
        other, _ = self.layers(layer.shortcut or [], "%s%d.shortcut." % (prefix, i), 0)
        if self.channels != after:
            raise Mistake(
                "the block with '%s' gives %d channels, and its shortcut %d"
                % (layer.main[0].name, after, self.channels)
            )
        return "residual {%s%s}" % (main, " | " + other if other else ""), 1

    def layers(self, layers, prefix="", first=0):
        texts, i = [], first
        for layer in layers:
            place, n = "%s%d" % (prefix, i), 1
            if isinstance(layer, str):
                text = layer
            elif isinstance(layer, Sum):
                text, n = self.sum(layer, prefix, i)
            elif isinstance(layer, Conv):
                text = self.conv(layer, place)
            elif isinstance(layer, Norm):
                text = self.norm(layer, place)
            elif isinstance(layer, PReLU):
                self.tensors["body.%s.weight" % place] = self.take(layer.name + ".weight", [self.channels])
                text = "prelu"
            else:
                text = self.dense(layer, place)
            texts.append(text)
            i += n
        return ", ".join(texts), i - first


def modules(layers):
    """The names of the modules of a net, in the order of its line."""
    for layer in layers:
        if isinstance(layer, Sum):
            yield from modules(layer.main)
            yield from modules(layer.shortcut or [])
        elif not isinstance(layer, str):
            yield layer


def find_family(names):
    for family in FAMILIES:
        if family.mark in names:
            return family
    raise Mistake(
        "its layer '%s' is of no net that is known; these are: %s"
        % (next(iter(names), ""), ", ".join(family.name for family in FAMILIES))
    )


Converted = namedtuple("Converted", "line tensors running feature_size side")


def convert(state, family, net):
    """The net line, the tensors and running statistics of the body, and the side of the input."""
    converter = Converter(family, net, state)
    line, _ = converter.layers(net)
    if converter.left:
        raise Mistake("its layer '%s' is not known: %s has none there" % (converter.left[0], family.name))
    side = family.side or 16 * converter.side
    return Converted(line, converter.tensors, converter.running, converter.channels, side)
