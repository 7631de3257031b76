#!/bin/sh
# to_torch.py is the way back: a net of torchvision or insightface gets its own state dict again, byte for byte, and any
# net a module that computes the features of cl_features in PyTorch, if that is there. It says how pictures are prepared.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || {
    echo "skipped: there is no python3"
    exit 77
}
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$SOURCE/tools
to_torch() { python3 "$SOURCE/tools/to_torch.py" "$@"; }
from_torch() { python3 "$SOURCE/tools/from_torch.py" "$@"; }

# ---- there and back ----
python3 "$SOURCE/tests/golden/from_torch.py" states . || complain "no state dicts"
cat >same.py <<'END'
import sys, torch_nets
first, second = (torch_nets.read_safetensors(path)[0] for path in sys.argv[1:])
print("the same" if first == second else sorted(set(first) ^ set(second)))
END
for net in resnet18 mobilenet_v2 iresnet18 mobilefacenet; do
    succeed from_torch $net.safetensors -o model
    succeed to_torch model -o back.safetensors --original-names
    says '^back.safetensors: for the code of (torchvision|insightface).s '
    succeed python3 same.py $net.safetensors back.safetensors
    says '^the same$'
done

# A bias of training goes into the mean that follows it.
cat >bias.py <<'END'
import struct, torch_nets
tensors, metadata = torch_nets.read_safetensors("model")
for name, tensor in tensors.items():
    if name.endswith(".bias") and name.replace(".bias", ".weight") in tensors and "running" not in name:
        if len(tensors[name.replace(".bias", ".weight")].shape) > 1 and tensor.shape[0]:
            tensors[name] = tensor._replace(data=struct.pack("<f", 0.25) * tensor.shape[0])
torch_nets.write_safetensors("biased", tensors, metadata)
END
succeed python3 bias.py
succeed to_torch biased -o back.safetensors --original-names
succeed from_torch back.safetensors -o again
for model in biased again; do succeed "$TOOLS/cl_features" $model a.ppm b.ppm c.ppm -o $model.npy; done
cat >near.py <<'END'
import os, sys
sys.path.insert(0, os.path.join(sys.argv[1], "tests/golden"))
from from_torch import read_npy
first, second = (sum(map(list, read_npy(path)), []) for path in sys.argv[2:])
print(max(abs(a - b) for a, b in zip(first, second)) <= 1e-4 * max(map(abs, first)))
END
succeed python3 near.py "$SOURCE" biased.npy again.npy
says '^True$'

# ---- any net ----
few photos 4
mkdir colours
cp -r photos/bag photos/coat colours
for name in a b c; do cp $name.ppm colours/bag; done
train() { # NAME FOLDER OPTION...
    name=$1 folder=$2
    shift 2
    "$TOOLS/cl_train" --no-report --augment none --seed 7 -e 1 -q "$folder" -o "$name" "$@" || complain "no $name"
}
train little photos --net "$LITTLE" --image-size 20x24 --flip
train sum colours --resize stretch --image-size 16 --loss cosface --net "conv 8 3x3 pad 1 groups 1, prelu, \
residual {conv 8 3x2 stride 2x1 pad 1x0, batchnorm, residual {gelu, conv 8 1x1} | conv 8 2x2 stride 2x1}, \
avgpool 2 stride 1 pad 1, relu6, conv 16 3x3 pad 1 groups 4, maxpool 3x2 stride 2 pad 1, gap, dropout 0.2, dense 12, \
batchnorm, residual {dense 12, relu}, l2norm scale 4" --flip
train plain colours --loss triplet --image-size 12 --net "flatten, dense 9, relu, dense 5, l2norm"
succeed to_torch little -o little.safetensors
says '^little.safetensors: the state dict of Net in little.py$'
says '^pictures: 20x24, grey \(crop\)$'
says '^value: .*, mean \[[0-9.]+\], std \[[0-9.]+\]$'
says 'mirror image$'
for name in little sum plain; do
    succeed to_torch $name -o $name.safetensors
    succeed python3 -c "compile(open('$name.py').read(), '$name.py', 'exec')"
done
if python3 -c 'import torch, numpy, PIL' 2>/dev/null; then
    cat >module.py <<'END'
import csv, glob, importlib, sys
import numpy, torch
name = sys.argv[1]
made = importlib.import_module(name)
net = made.Net()
net.load_state_dict(torch.load(name + ".pth", weights_only=True))
net.eval()
wanted = numpy.load(name + ".npy")
rows = list(csv.DictReader(open(name + ".tsv"), delimiter="\t"))
with torch.no_grad():
    found = net(torch.stack([made.read(row["path"]) for row in rows]))
    print("head", tuple(net.logits(found).shape) if hasattr(net, "logits") else None, *made.CLASSES)
print(len(rows) >= 8, numpy.abs(found.numpy() - wanted).max() <= 1e-4 * numpy.abs(wanted).max())
END
    for name in little sum plain; do
        succeed to_torch $name -o $name.pth
        folder=colours
        [ $name != little ] || folder=photos
        succeed "$TOOLS/cl_features" --exact-decode $name $folder -o $name.npy
        PYTHONPATH=. succeed python3 module.py $name
        says '^True True$'
    done
    succeed to_torch model -o model.pth --original-names
    succeed from_torch model.pth -o model.again
    expect 1 '^to_torch.py: no/folder.pth: it cannot be written$' to_torch model -o no/folder.pth
else
    echo "PyTorch, numpy or Pillow is not there: the modules were not run"
    python3 -c 'import torch' 2>/dev/null ||
        expect 1 '^to_torch.py: a.pth: writing it needs PyTorch; install torch, or name a .safetensors file$' to_torch little -o a.pth
fi

# ---- mistakes ----
expect 1 '^to_torch.py: little: its net is none of these: insightface.s mobilefacenet, .*; leave --original-names out$' \
    to_torch little -o no.safetensors --original-names
expect 1 '^to_torch.py: resnet18.safetensors: this is no model; name one that cl_train wrote$' \
    to_torch resnet18.safetensors -o no.safetensors
# A net line becomes a program, so only its own words may be in it.
cat >hostile.py <<'END'
import sys, torch_nets
tensors, metadata = torch_nets.read_safetensors("plain/model.safetensors")
metadata.update([sys.argv[1].split("=", 1)])
torch_nets.write_safetensors("hostile", tensors, metadata)
END
hostile() { # METADATA PATTERN
    succeed python3 hostile.py "$1"
    expect 1 "^to_torch.py: hostile: $2$" to_torch hostile -o no.safetensors
}
hostile 'net=flatten, dropout exit()' "its net has 'exit\(\)' in place of a number"
hostile 'net=maxpool 2xexit(), flatten' "its net has 'exit\(\)' in place of a number"
hostile 'net=flatten, l2norm scale exit()' "its net has 'exit\(\)' in place of a number"
hostile 'net=flatten, eval(1)' "its layer 'eval\(1\)' is not known"
hostile 'input=[3,"x",12]' 'this model is damaged; cl_features --info names the fault'
hostile 'net=conv 8' 'this model is damaged; cl_features --info names the fault'
hostile "net=$(python3 -c 'print("residual {" * 5000)')" 'this model is damaged; .*'
expect 1 '^to_torch.py: nothing: No such file' to_torch nothing -o no.safetensors
expect 1 '^to_torch.py: little.py: this is no safetensors file, or a damaged one$' to_torch little.py -o no.safetensors
expect 2 '^to_torch.py: no.onnx: end its name with .pth, .pt or .safetensors; see --help$' to_torch little -o no.onnx
[ ! -e no.safetensors ] && [ ! -e no.py ] || complain "a failure left a file"
finish
