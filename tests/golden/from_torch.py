#!/usr/bin/python3
"""Features of small nets of torchvision and insightface by PyTorch, for tests/cli/test_from_torch.sh.

    python3 tests/golden/from_torch.py                   writes from_torch.txt; needs torch, torchvision, Pillow
    python3 tests/golden/from_torch.py states DIR        writes the state dicts and pictures into DIR
    python3 tests/golden/from_torch.py compare NET NPY   holds features against those of PyTorch

The nets of torchvision are its own classes with fewer channels; those of insightface are written here from the
published structure. from_torch.txt has each module's name and shape. All numbers are drawn by Python's generator
from the names, so the last two commands need nothing but Python."""
import json
import math
import os
import random
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
VALUES = os.path.join(HERE, "from_torch.txt")
SIDE = 32
PICTURES = {"a.ppm": (50, 40), "b.ppm": (32, 32), "c.ppm": (61, 97)}  # width, height
KINDS = {"weight": ("weight",), "biased": ("weight", "bias"), "norm": ("weight", "bias", "running_mean", "running_var")}


# ---- numbers and pictures: Python only -----------------------------------------------------------------------------


def draw(net, name, shape, sort):
    """The numbers of a tensor."""
    source = random.Random("%s %s" % (net, name))
    fan_in = math.prod(shape[1:])
    bound = math.sqrt(6 / fan_in)
    kind = name.rpartition(".")[2]
    if len(shape) > 1:
        low, high = -bound, bound
    elif sort == "norm" and kind in ("weight", "running_var"):
        low, high = 0.5, 1.5
    elif kind == "weight":  # a slope
        low, high = 0.1, 0.4
    else:
        low, high = -0.2, 0.2
    return [low + (high - low) * source.random() for _ in range(math.prod(shape))]


def tensors(module, shape, sort):
    """(name, shape) of each tensor of a module."""
    return [("%s.%s" % (module, kind), shape[:1] if kind == "bias" else shape) for kind in KINDS[sort]]


def swapped(numbers, shape):
    """The weight of a convolution of red, green, blue for blue, green, red."""
    area = shape[2] * shape[3]
    planes = [numbers[i : i + area] for i in range(0, len(numbers), area)]
    return [number for i in range(len(planes)) for number in planes[i - i % 3 + 2 - i % 3]]


def picture(name):
    width, height = PICTURES[name]
    source = random.Random(name)
    phases = [6 * source.random() for _ in range(6)]
    pixels = bytearray()
    for y in range(height):
        for x in range(width):
            for c in range(3):
                wave = math.sin(x / 5 + phases[c]) * math.cos(y / 7 + phases[3 + c])
                pixels.append(int(127 + 90 * wave + 30 * source.random()))
    return b"P6 %d %d 255\n" % (width, height) + bytes(pixels)


def read_values():
    """Of each net: modules [(name, shape, sort)], and features by picture."""
    nets = {}
    for line in open(VALUES, encoding="utf-8"):
        word, *rest = line.split()
        if word == "net":
            net = nets[rest[0]] = ([], {})
        elif word == "feature":
            net[1][rest[0]] = [float(value) for value in rest[1:]]
        else:
            net[0].append((rest[0], [int(size) for size in rest[1].split("x")], word))
    return nets


def write_states(folder):
    for name in PICTURES:
        with open(os.path.join(folder, name), "wb") as file:
            file.write(picture(name))
    nets = [(net, net, modules) for net, (modules, _) in read_values().items()]
    nets.append(("bgr", "resnet18", read_values()["resnet18"][0]))
    for net, source, modules in nets:
        header, data = {}, b""
        for module in modules:
            for name, shape in tensors(*module):
                numbers = draw(source, name, shape, module[2])
                if net == "bgr" and name == "conv1.weight":
                    numbers = swapped(numbers, shape)
                added = struct.pack("<%df" % len(numbers), *numbers)
                header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(added)]}
                data += added
        text = json.dumps(header).encode()
        with open(os.path.join(folder, net + ".safetensors"), "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + data)


def read_npy(path):
    with open(path, "rb") as file:
        content = file.read()
    begin = 10 + struct.unpack("<H", content[8:10])[0]
    d = int(content[:begin].decode("latin-1").partition("'shape': (")[2].split(")")[0].split(",")[1])
    numbers = struct.unpack("<%df" % ((len(content) - begin) // 4), content[begin:])
    return [numbers[i : i + d] for i in range(0, len(numbers), d)]


def compare(net, path):
    """Rows of the pictures in their order."""
    wanted, worst = read_values()[net][1], 0
    for name, found in zip(sorted(wanted), read_npy(path)):
        largest = max(abs(value) for value in wanted[name])
        assert len(found) == len(wanted[name])
        worst = max(worst, *(abs(a - b) / largest for a, b in zip(found, wanted[name])))
    print("%s: at most %s of the largest number apart" % (net, "1e-4" if worst <= 1e-4 else "%g" % worst))


# ---- the nets in PyTorch -------------------------------------------------------------------------------------------


def definitions():
    """iresnet and mobilefacenet with a module's name for each layer as insightface has them."""
    from torch import nn

    def conv(c, out, kernel=3, stride=1, pad=None, groups=1):
        return nn.Conv2d(c, out, kernel, stride, kernel // 2 if pad is None else pad, groups=groups, bias=False)

    class Block(nn.Module):
        def __init__(self, c, out, stride):
            super().__init__()
            self.bn1, self.conv1 = nn.BatchNorm2d(c), conv(c, out)
            self.bn2, self.prelu = nn.BatchNorm2d(out), nn.PReLU(out)
            self.conv2, self.bn3 = conv(out, out, stride=stride), nn.BatchNorm2d(out)
            self.downsample = nn.Sequential(conv(c, out, 1, stride), nn.BatchNorm2d(out)) if stride > 1 else None

        def forward(self, x):
            y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
            y = self.bn3(self.conv2(y))
            return y + (x if self.downsample is None else self.downsample(x))

    class IResNet(nn.Module):
        def __init__(self, blocks, width=64, feature=512, side=112):
            super().__init__()
            self.conv1, self.bn1, self.prelu = conv(3, width), nn.BatchNorm2d(width), nn.PReLU(width)
            c = width
            for i, n in enumerate(blocks):
                out = width << i
                layers = [Block(c if j == 0 else out, out, 2 if j == 0 else 1) for j in range(n)]
                setattr(self, "layer%d" % (i + 1), nn.Sequential(*layers))
                c = out
            self.bn2, self.dropout = nn.BatchNorm2d(c), nn.Dropout(0.0)
            self.fc, self.features = nn.Linear(c * (side // 16) ** 2, feature), nn.BatchNorm1d(feature)

        def forward(self, x):
            x = self.prelu(self.bn1(self.conv1(x)))
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.features(self.fc(self.dropout(self.bn2(x).flatten(1))))

    class Unit(nn.Module):
        def __init__(self, c, out, kernel=1, stride=1, pad=None, groups=1, has_slope=True):
            super().__init__()
            layers = [conv(c, out, kernel, stride, pad, groups), nn.BatchNorm2d(out)]
            self.layers = nn.Sequential(*layers, *([nn.PReLU(out)] if has_slope else []))

        def forward(self, x):
            return self.layers(x)

    class DepthWise(nn.Module):
        def __init__(self, c, out, inner, stride=2, is_residual=False):
            super().__init__()
            self.is_residual = is_residual
            self.layers = nn.Sequential(
                Unit(c, inner), Unit(inner, inner, 3, stride, groups=inner), Unit(inner, out, has_slope=False)
            )

        def forward(self, x):
            return x + self.layers(x) if self.is_residual else self.layers(x)

    class Blocks(nn.Module):
        def __init__(self, c, inner, n):
            super().__init__()
            self.layers = nn.Sequential(*(DepthWise(c, c, inner, 1, True) for _ in range(n)))

        def forward(self, x):
            return self.layers(x)

    class Last(nn.Module):
        def __init__(self, c, feature, side):
            super().__init__()
            self.layers = nn.Sequential(
                Unit(c, c, side, 1, 0, c, False),
                nn.Flatten(),
                nn.Linear(c, feature, bias=False),
                nn.BatchNorm1d(feature),
            )

        def forward(self, x):
            return self.layers(x)

    class MobileFaceNet(nn.Module):
        def __init__(self, blocks=(1, 4, 6, 2), width=128, feature=512, side=112):
            super().__init__()
            w = width
            layers = [Unit(3, w, 3, 2), Unit(w, w, 3, groups=w // 2)]
            layers += [DepthWise(w, w, w), Blocks(w, w, blocks[1])]
            layers += [DepthWise(w, 2 * w, 2 * w), Blocks(2 * w, 2 * w, blocks[2])]
            layers += [DepthWise(2 * w, 2 * w, 4 * w), Blocks(2 * w, 2 * w, blocks[3])]
            self.layers = nn.Sequential(*layers)
            self.conv_sep, self.features = Unit(2 * w, 4 * w), Last(4 * w, feature, side // 16)

        def forward(self, x):
            return self.features(self.conv_sep(self.layers(x)))

    return IResNet, MobileFaceNet


def shrink(module, factor):
    """The same net with a share of its channels; its code stays that of its library."""
    from torch import nn

    for name, part in module.named_children():
        if isinstance(part, nn.Conv2d):
            c = part.in_channels if part.in_channels == 3 else part.in_channels // factor
            groups = part.groups if part.groups == 1 else part.groups // factor
            new = nn.Conv2d(
                c, part.out_channels // factor, part.kernel_size, part.stride, part.padding, groups=groups, bias=False
            )
            setattr(module, name, new)
        elif isinstance(part, nn.BatchNorm2d):
            setattr(module, name, nn.BatchNorm2d(part.num_features // factor))
        else:
            shrink(part, factor)
    return module


def small_nets():
    import torchvision
    from torch import nn

    iresnet, mobilefacenet = definitions()
    resnet18 = torchvision.models.resnet18()
    deep = torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, [1, 1, 1, 1])
    mobilenet = torchvision.models.mobilenet_v2()
    resnet18.fc = deep.fc = mobilenet.classifier = nn.Identity()
    return {
        "resnet18": shrink(resnet18, 16),
        "bottleneck": shrink(deep, 16),
        "mobilenet_v2": shrink(mobilenet, 8),
        "iresnet18": iresnet([2, 2, 2, 2], 4, 12, SIDE),
        "mobilefacenet": mobilefacenet(width=8, feature=12, side=SIDE),
    }


def prepare(name, net):
    import io

    import torch
    from PIL import Image
    from torchvision import transforms

    faces = net in ("iresnet18", "mobilefacenet")
    scale = ([0.5] * 3, [0.5] * 3) if faces else ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    steps = [transforms.Resize(SIDE), transforms.CenterCrop(SIDE), transforms.ToTensor(), transforms.Normalize(*scale)]
    return transforms.Compose(steps)(Image.open(io.BytesIO(picture(name)))).to(torch.float64)


def fill(module, net):
    """Draws the module's tensors; returns the lines that describe them."""
    import torch
    from torch import nn

    lines, state = [], {}
    for name, part in module.named_modules():
        if not isinstance(part, (nn.Conv2d, nn.Linear, nn.PReLU, nn.modules.batchnorm._BatchNorm)):
            continue
        shape, sort = list(part.weight.shape), "weight" if getattr(part, "bias", None) is None else "biased"
        sort = "norm" if isinstance(part, nn.modules.batchnorm._BatchNorm) else sort
        lines.append("%s %s %s\n" % (sort, name, "x".join(map(str, shape))))
        for tensor, shape in tensors(name, shape, sort):
            state[tensor] = torch.tensor(draw(net, tensor, shape, sort)).reshape(shape)
    missing, unknown = module.load_state_dict(state, strict=False)
    assert not unknown and all(name.endswith("num_batches_tracked") for name in missing), (missing, unknown)
    return lines


def write_values():
    import torch

    with open(VALUES, "w", encoding="utf-8") as file:
        for net, module in small_nets().items():
            file.write("net %s\n" % net)
            file.writelines(fill(module, net))
            module.double().eval()
            for name in sorted(PICTURES):
                with torch.no_grad():
                    feature = module(prepare(name, net)[None]).flatten().tolist()
                file.write("feature %s %s\n" % (name, " ".join("%.7g" % value for value in feature)))


if __name__ == "__main__":
    commands = {"states": write_states, "compare": compare}
    commands[sys.argv[1]](*sys.argv[2:]) if len(sys.argv) > 1 else write_values()
