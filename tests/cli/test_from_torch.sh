#!/bin/sh
# from_torch.py turns state dicts of torchvision and insightface into models whose features are those of PyTorch, on
# pictures of other sizes, too. It names a layer that it does not know, and shapes that differ. Without PyTorch it reads
# .safetensors; a .pth gives the same model.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || {
    echo "skipped: there is no python3"
    exit 77
}
export PYTHONDONTWRITEBYTECODE=1
golden=$SOURCE/tests/golden/from_torch.py
succeed python3 "$golden" states .

# convert NET OPTION...
convert() {
    net=$1
    shift
    succeed python3 "$SOURCE/tools/from_torch.py" "$net.safetensors" -o "$net.model.safetensors" "$@"
}
same_features() { # NET, and whose features it has
    succeed "$TOOLS/cl_features" "$1.model.safetensors" a.ppm b.ppm c.ppm -o "$1.npy"
    succeed python3 "$golden" compare "$2" "$1.npy"
    says "^$2: at most 1e-4 of the largest number apart$"
}
for net in resnet18 bottleneck mobilenet_v2; do
    convert $net --image-size 32
    says '^pictures: 32x32, red, green, blue \(crop\)$'
    same_features $net $net
done
for net in iresnet18 mobilefacenet; do
    convert $net
    says '^value: .*, mean \[0.5, 0.5, 0.5\], std \[0.5, 0.5, 0.5\]$'
    same_features $net $net
done
# The command that is printed trains it further: the first epoch begins with its weights, and pictures are prepared as
# for them.
few photos 4
convert mobilefacenet --resize stretch --mean 0.406,0.456,0.485
sed -n 's/^to train it further: cl_train \(.*\) PICTURES$/\1/p' out.txt >command.txt
[ -s command.txt ] || complain "no command: $(cat out.txt)"
# shellcheck disable=SC2046
succeed "$TOOLS/cl_train" $(cat command.txt) --lr 1e-30 -e 1 -q --no-report --batch-size 4 -o further photos
cat >body.py <<'END'
import json, struct, torch_nets
files = "mobilefacenet.model.safetensors", "further/model.safetensors"
(first, notes), (second, others) = (torch_nets.read_safetensors(path) for path in files)
weights = all(second[name] == first[name] for name in first if name.startswith("body.") and "running" not in name)
def input_of(notes):
    values = json.loads(notes["mean"]) + json.loads(notes["std"])
    return notes["net"], json.loads(notes["input"]), notes["resize"], struct.pack("6f", *values)
print(weights, input_of(notes) == input_of(others))
END
PYTHONPATH=$SOURCE/tools succeed python3 body.py
says '^True True$'
convert bgr --image-size 32 --bgr --mean 0.406,0.456,0.485 --std 0.225,0.224,0.229
same_features bgr resnet18
convert resnet18 --resize stretch
succeed "$TOOLS/cl_features" --info resnet18.model.safetensors
says '3x224x224'
says 'stretch'

# Halves stay halves.
cat >halve.py <<'END'
import struct, torch_nets
s = torch_nets.read_safetensors("iresnet18.safetensors")[0]
for n, t in s.items():
    v = struct.unpack("<%df" % (len(t.data) // 4), t.data)
    s[n] = t._replace(dtype="F16", data=struct.pack("<%de" % len(v), *v))
torch_nets.write_safetensors("half.safetensors", s, {})
END
PYTHONPATH=$SOURCE/tools succeed python3 halve.py
convert half
[ "$(wc -c <half.model.safetensors)" -lt 140000 ] || complain "halves became floats"
succeed "$TOOLS/cl_features" half.model.safetensors a.ppm b.ppm c.ppm -o half.npy
succeed python3 "$golden" compare iresnet18 half.npy
says '^iresnet18: at most 0.0'

# ---- mistakes ----
# change NET CODE: a copy of the state dict as changed.safetensors; s: the tensors by name
change() {
    PYTHONPATH=$SOURCE/tools python3 - "$1" "$2" <<'END' || complain "no changed state dict"
import sys, torch_nets
s = torch_nets.read_safetensors(sys.argv[1] + ".safetensors")[0]
exec(sys.argv[2])
torch_nets.write_safetensors("changed.safetensors", s, {})
END
}
refused() { # PATTERN
    expect 1 "^from_torch.py: changed.safetensors: $1$" python3 "$SOURCE/tools/from_torch.py" changed.safetensors -o no
}
change resnet18 's["layer2.0.se.fc.weight"] = s["bn1.weight"]'
refused "its layer 'layer2.0.se.fc.weight' is not known: torchvision's ResNet has none there"
change resnet18 'del s["layer3.1.bn2.running_var"]'
refused "its 'layer3.1.bn2.running_var' is missing: torchvision's ResNet needs it"
change mobilenet_v2 's["features.2.block.0.weight"] = s.pop("features.2.conv.0.0.weight")'
refused "its 'features.2.conv.0.0.weight' is missing: torchvision's MobileNetV2 needs it, and knows no 'features.2.block.0.weight'"
change resnet18 's["layer2.0.conv2.weight"] = s["layer1.0.conv1.weight"]'
refused "'layer2.0.conv2.weight' is 4x4x3x3, and torchvision's ResNet has \?x8x3x3 there"
change resnet18 's["bn1.bias"] = s["layer4.0.bn1.bias"]'
refused "'bn1.bias' is 32, and torchvision's ResNet has 4 there"
change resnet18 's["layer1.1.conv2.weight"] = torch_nets.zeros(8, 4, 3, 3)
for n in torch_nets.read_safetensors("resnet18.safetensors")[0]:
    if n.startswith("layer1.1.bn2."): s[n] = torch_nets.zeros(8)'
refused "the block with 'layer1.1.conv1' gives 8 channels, and its shortcut 4"
change iresnet18 's["fc.weight"] = torch_nets.zeros(12, 130)'
refused "'fc.weight' is 12x130, and its input has 32 channels"
change mobilefacenet 's["layers.1.layers.0.weight"] = torch_nets.zeros(8, 3, 3, 3)'
refused "'layers.1.layers.0.weight' is 8x3x3x3, which does not fit its input of 8 channels"
change resnet18 's = {"vit." + n: t for n, t in s.items()}'
refused "its layer 'vit.conv1.weight' is of no net that is known; these are: .*"
change resnet18 's["bn1.bias"] = s["bn1.bias"]._replace(dtype="I64")'
refused "'bn1.bias' has the type I64; save it as floats"
change resnet18 's = {}'
refused "it holds no tensor"
change resnet18 's["conv1.\n\x1b[2J"] = s["bn1.bias"]'
refused "its layer 'conv1.\?\?.2J' is not known: torchvision's ResNet has none there"
head -c 5000 resnet18.safetensors >changed.safetensors
refused "this is no safetensors file, or a damaged one"
echo "no tensors" >changed.safetensors
refused "this is no safetensors file, or a damaged one"
# Any bytes are only data: changed ones are read or refused.
cat >fuzz.py <<'END'
import argparse, random, sys, from_torch, to_torch, torch_nets
draw = random.Random(1)
nets = ("resnet18", "mobilenet_v2", "iresnet18", "mobilefacenet")
n_refused = 0
for round in range(int(sys.argv[1])):
    net = draw.choice(nets)
    bytes_of = bytearray(open(net + draw.choice([".safetensors", ".model.safetensors"]), "rb").read())
    size = int.from_bytes(bytes_of[:8], "little")
    for _ in range(draw.choice([1, 1, 2, 5])):
        at = draw.choice([draw.randrange(8 + size), 8 + draw.randrange(size), 8 + draw.randrange(min(size, 900))])
        bytes_of[at] = draw.choice([draw.randrange(256), *b'0123456789{}[]",:-.xe'])
    if draw.random() < 0.1:
        del bytes_of[draw.randrange(len(bytes_of)) :]
    open("fuzzed.safetensors", "wb").write(bytes_of)
    options = argparse.Namespace(model="fuzzed.safetensors", output="out.pth", original_names=draw.random() < 0.5)
    for read in (lambda: from_torch.read_net("fuzzed.safetensors"), lambda: to_torch.convert(options)):
        try:
            read()
        except torch_nets.Mistake:
            n_refused += 1
print("refused", n_refused)
END
PYTHONPATH=$SOURCE/tools succeed python3 fuzz.py "${FUZZ_ROUNDS:-60}"
says '^refused [1-9]'
from_torch() { python3 "$SOURCE/tools/from_torch.py" "$@"; }
expect 1 '^from_torch.py: nothing.safetensors: No such file' from_torch nothing.safetensors -o no
expect 1 '^from_torch.py: no/folder' from_torch resnet18.safetensors -o no/folder
expect 1 'takes pictures of 32x32 only; leave --image-size out$' from_torch iresnet18.safetensors -o no --image-size 64
expect 2 '^from_torch.py: the following arguments are required: -o/--output; see --help$' from_torch resnet18.pth
expect 2 '^from_torch.py: argument --mean: give one number, or one per channel' from_torch resnet18.pth -o no --mean 1,2
expect 2 '^from_torch.py: --std must be above 0; see --help$' from_torch resnet18.pth -o no --std 0
expect 2 '^from_torch.py: --image-size 8: give a side of 32 to 4096; see --help$' from_torch resnet18.pth -o no --image-size 8
[ ! -e no ] && [ ! -e no.part ] || complain "a failure left a file"

# ---- .pth ----
if python3 -c 'import torch' 2>/dev/null; then
    cat >save.py <<'END'
import torch, torch_nets
state = torch_nets.read_safetensors("resnet18.safetensors")[0]
state = {n: torch.frombuffer(bytearray(t.data), dtype=torch.float32).reshape(t.shape) for n, t in state.items()}
torch.save(state, "plain.pth")
torch.save({"epoch": 3, "state_dict": {"module." + name: tensor for name, tensor in state.items()}}, "inner.pth")
torch.save(torch.nn.Linear(2, 2), "module.pth")
torch.save([1, 2], "list.pth")
END
    PYTHONPATH=$SOURCE/tools succeed python3 save.py
    mv resnet18.safetensors plain.safetensors
    for file in plain.safetensors plain.pth inner.pth; do
        succeed from_torch $file -o $file.model
        tail -c 100000 $file.model >$file.tail
        cmp plain.safetensors.tail $file.tail || complain "$file gives another model"
    done
    echo "no tensors" >text.pth
    for file in module.pth list.pth text.pth; do
        expect 1 "^from_torch.py: $file: this is no state dict; write one with torch.save" from_torch $file -o no
    done
    # Tensors that are no plain numbers; any bytes are only data.
    cat >unplain.py <<'END'
import random, sys, warnings, from_torch, torch, torch_nets
warnings.simplefilter("ignore")
state = torch.load("plain.pth", weights_only=True)
weight = state["conv1.weight"]
others = {"sparse": weight.to_sparse(), "rows": weight.flatten(1).to_sparse_csr(), "meta": weight.to("meta")}
others.update(complex=weight.to(torch.complex64), huge=torch.ones(1).expand(1 << 20, 1 << 20))
others.update(nested=torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]))
for name, other in others.items():
    torch.save(dict(state, **{"conv1.weight": other}), "unplain.pth")
    try:
        from_torch.read_net("unplain.pth")
        sys.exit(name + " was read")
    except torch_nets.Mistake as mistake:
        assert str(mistake) == "unplain.pth: its 'conv1.weight' is no plain tensor; save it as floats", mistake
with open("plain.pth", "rb") as file:
    good = file.read()
draw, n_refused = random.Random(1), 0
for round in range(int(sys.argv[1])):
    data = bytearray(good)
    for _ in range(draw.choice([1, 1, 2, 5])):
        at = draw.choice([draw.randrange(len(data)), draw.randrange(3000), len(data) - 1 - draw.randrange(3000)])
        data[at] = draw.randrange(256)
    with open("fuzzed.pth", "wb") as file:
        file.write(data[: draw.randrange(len(data))] if draw.random() < 0.1 else data)
    try:
        from_torch.read_net("fuzzed.pth")
    except torch_nets.Mistake:
        n_refused += 1
print("refused", n_refused)
END
    PYTHONPATH=$SOURCE/tools succeed python3 unplain.py "${FUZZ_ROUNDS:-60}"
    says '^refused [1-9]'
else
    echo "PyTorch is not there: .pth files are left out"
    expect 1 '^from_torch.py: a.pth: reading it needs PyTorch; install torch, or save a .safetensors file$' from_torch a.pth -o no
fi
finish
