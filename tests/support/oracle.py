"""What the Python proofs share: the net line as torch.nn.Sequential, the three center modes as
PyTorch steps them, and safetensors without a package."""
import numpy as np
import torch

from tensors import read_safetensors, write_safetensors  # noqa: F401, for those who import this

ARTICLE = "conv 10 2x2, maxpool 2, flatten, dense 32, relu"
LENETPP = ", ".join(
    ["conv %d 5x5 pad 2, prelu, conv %d 5x5 pad 2, prelu, maxpool 2" % (k, k) for k in (32, 64, 128)]
    + ["flatten, dense 2"])

# Two blocks of He et al. 2016, the second with a projection; and one in the other.
RESNET = ("conv 8 3x3 pad 1, batchnorm, relu, "
          "residual {conv 8 3x3 pad 1, batchnorm, relu, conv 8 3x3 pad 1, batchnorm}, relu, "
          "residual {conv 12 3x3 stride 2 pad 1, batchnorm, relu, "
          "residual {conv 12 3x3 pad 1, batchnorm, relu}, conv 12 3x3 pad 1, batchnorm | "
          "conv 12 1x1 stride 2, batchnorm}, relu, gap, dense 6")


def pair(text):
    numbers = [int(number) for number in text.split("x")]
    return tuple(numbers) if len(numbers) == 2 else (numbers[0], numbers[0])


class MeanOfArea(torch.nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


class L2Norm(torch.nn.Module):
    def __init__(self, scale=None):
        super().__init__()
        self.scale = scale
        if scale is None:
            self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        return (self.weight if self.scale is None else self.scale) * torch.nn.functional.normalize(x)


class Residual(torch.nn.Module):
    def __init__(self, main, shortcut):
        super().__init__()
        self.main = main
        self.shortcut = shortcut if shortcut is not None else torch.nn.Identity()

    def forward(self, x):
        return self.main(x) + self.shortcut(x)


def split(line, sign):
    """At signs that stand in no braces."""
    parts, depth = [""], 0
    for c in line:
        depth += (c == "{") - (c == "}")
        if c == sign and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts]


def residual(text, shape, dtype):
    branches = split(text[text.index("{") + 1:text.rindex("}")], "|")
    return Residual(*([sequential(branch, *shape, dtype) for branch in branches] + [None])[:2])


def sequential(line, channels, height=None, width=None, dtype=torch.float64):
    """The body, index by index."""
    layers = []
    shape = (channels,) if height is None else (channels, height, width)
    for text in split(line, ","):
        words = text.split()
        option = {words[i]: pair(words[i + 1]) for i in range(len(words) - 1)
                  if words[i] in ("stride", "pad", "groups") and "{" not in text}
        if words[0].startswith("residual"):
            layer = residual(text, shape if len(shape) > 1 else (shape[0], None, None), dtype)
        elif words[0] == "conv":
            layer = torch.nn.Conv2d(shape[0], int(words[1]), pair(words[2]),
                                    stride=option.get("stride", 1), padding=option.get("pad", 0),
                                    groups=option.get("groups", (1,))[0])
        elif words[0] == "maxpool":
            layer = torch.nn.MaxPool2d(pair(words[1]), stride=option.get("stride"),
                                       padding=option.get("pad", 0))
        elif words[0] == "avgpool":
            layer = torch.nn.AvgPool2d(pair(words[1]), stride=option.get("stride"),
                                       padding=option.get("pad", 0))
        elif words[0] == "flatten":
            layer = torch.nn.Flatten()
        elif words[0] == "dense":
            layer = torch.nn.Linear(shape[0], int(words[1]))
        elif words[0] == "relu":
            layer = torch.nn.ReLU()
        elif words[0] == "relu6":
            layer = torch.nn.ReLU6()
        elif words[0] == "gelu":
            layer = torch.nn.GELU()
        elif words[0] == "prelu":
            layer = torch.nn.PReLU(shape[0])
        elif words[0] == "batchnorm":
            layer = (torch.nn.BatchNorm1d if len(shape) == 1 else torch.nn.BatchNorm2d)(shape[0])
            if layers and isinstance(layers[-1], (torch.nn.Conv2d, torch.nn.Linear)):
                # Without effect: its gradient is 0, and rounding, which Adam would magnify, is none.
                layers[-1].bias.requires_grad_(False)
        elif words[0] == "gap":
            layer = MeanOfArea()
        elif words[0] == "dropout":
            layer = torch.nn.Dropout(float(words[1]))
        elif words[0] == "l2norm":
            layer = L2Norm(float(words[2]) if len(words) > 1 else None)
        else:
            raise ValueError("no layer " + text)
        layer = layer.to(dtype).eval()
        with torch.no_grad():
            shape = tuple(layer(torch.zeros((1,) + shape, dtype=dtype)).shape[1:])
        layers.append(layer.train())
    return torch.nn.Sequential(*layers)


class Model:
    """Body, head and centers; tensors have the names of a model file."""

    def __init__(self, line, channels, height, width, n_classes, dtype=torch.float64, sparse=False):
        self.dtype = dtype
        self.body = sequential(line, channels, height, width, dtype)
        with torch.no_grad():
            d = self.body.eval()(torch.zeros(1, channels, height, width, dtype=dtype)).shape[1]
        self.body.train()
        self.head = torch.nn.Linear(d, n_classes).to(dtype)
        self.centers = torch.nn.Embedding(n_classes, d, sparse=sparse).to(dtype)

    def tensors(self):
        named = [("body." + name, p) for name, p in self.body.named_parameters()]
        named += [("head." + name, p) for name, p in self.head.named_parameters()]
        return dict(named + [("centers.weight", self.centers.weight)])

    def states(self):
        return {"body." + name: p for name, p in self.body.named_buffers() if "running_" in name}

    def load(self, arrays):
        with torch.no_grad():
            for name, p in {**self.tensors(), **self.states()}.items():
                assert tuple(arrays[name].shape) == tuple(p.shape), name
                p.copy_(torch.tensor(arrays[name], dtype=self.dtype))

    def arrays(self):
        return {name: p.detach().numpy().copy()
                for name, p in {**self.tensors(), **self.states()}.items()}

    def gradients(self):
        """Of the last backward."""
        return {name: (torch.zeros_like(p) if p.grad is None else p.grad).numpy().copy()
                for name, p in self.tensors().items()}

    def losses(self, x, labels, weight):
        """features, and total, softmax and center loss as data/README.md defines them."""
        x = torch.as_tensor(x).to(self.dtype)
        labels = torch.as_tensor(labels, dtype=torch.int64)
        features = self.body(x)
        logits = self.head(features)
        softmax = torch.nn.functional.cross_entropy(logits, labels)
        center = ((features - self.centers(labels)) ** 2).sum(dim=1).mean()
        accuracy = (logits.argmax(dim=1) == labels).double().mean()
        return features, softmax + weight * center, softmax, center, accuracy


class Trainer:
    """mode: adam, adam-dense or mean. The centers' Adam is PyTorch's own."""

    def __init__(self, model, weight, mode, lr=1e-3, eps=1e-8, alpha=0.5):
        assert model.centers.sparse == (mode == "adam")
        self.model, self.weight, self.mode, self.alpha = model, weight, mode, alpha
        dense = list(model.body.parameters()) + list(model.head.parameters())
        self.optimizers = [torch.optim.Adam(dense, lr=lr, eps=eps)]
        if mode == "adam":
            self.optimizers.append(
                torch.optim.SparseAdam(list(model.centers.parameters()), lr=lr, eps=eps))
        elif mode == "adam-dense":
            self.optimizers.append(
                torch.optim.Adam(model.centers.parameters(), lr=lr, eps=eps))

    def step(self, x, labels):
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        self.model.centers.weight.grad = None
        features, total, softmax, center, _ = self.model.losses(x, labels, self.weight)
        total.backward()
        if self.mode == "mean":
            self.move_to_mean(features.detach(), labels)
        for optimizer in self.optimizers:
            optimizer.step()
        return float(total), float(softmax), float(center)

    def move_to_mean(self, features, labels):
        """Wen et al. 2016, eq. 4."""
        with torch.no_grad():
            table = self.model.centers.weight
            for j in sorted(set(int(label) for label in labels)):
                rows = features[torch.as_tensor(labels) == j]
                table[j] -= self.alpha * (table[j] - rows).sum(dim=0) / (1 + len(rows))


def module_of(model, name):
    """That has the tensor; None of head and centers."""
    return model.body.get_submodule(name[5:].rpartition(".")[0]) if name.startswith("body.") else None


def initial(rng, model):
    """Float32 arrays for every tensor: Glorot uniform, and biases and slopes that are not trivial."""
    arrays = {}
    for name, p in model.tensors().items():
        shape = tuple(p.shape)
        layer = module_of(model, name)
        if name == "centers.weight":
            limit, middle = 0.5, 0.0
        elif len(shape) == 1:
            limit, middle = 0.1, (0.25 if isinstance(layer, torch.nn.PReLU) else 0.0)
            if name.endswith("weight") and not isinstance(layer, torch.nn.PReLU):
                limit, middle = 0.5, 1.0
        else:
            area = int(np.prod(shape[2:]))
            limit, middle = (6.0 / ((shape[0] + shape[1]) * area)) ** 0.5, 0.0
        arrays[name] = (middle + rng.uniform(-limit, limit, shape)).astype("<f4")
    arrays.update({name: p.numpy().astype("<f4") for name, p in model.states().items()})
    return arrays
