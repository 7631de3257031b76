#!/bin/sh
# cl_train --init RUN|MODEL: net, image size and normalisation are those of that model if no option names others, and a
# run that goes on knows them without it. Classes of the same name keep what they have.
. "$(dirname "$0")/common.sh"
few small 10
for class in bag dress; do
    mkdir -p "others/$class"
    cp "$SOURCE/data/fashion/train/$class/"*[0-4].png "others/$class/"
done
train() {
    "$TOOLS/cl_train" --epochs 2 --threads 1 --no-report "$@"
}
# info RUN: its net and input.
info() {
    "$TOOLS/cl_features" --info "$1" | grep -E '^(input|resize|line)'
}
succeed train --net "$LITTLE" --image-size 16x14 --resize stretch -o before small
succeed train --init before --stop-after 2 -o folder others
says "^weights   1[0-9] tensors from before$"
says "1x16x14"
info before >old
info folder >new
grep -q "16x14" old || complain "no size in: $(cat old)"
cmp old new || complain "another net or input: $(cat old new)"
succeed train --init before/model.safetensors --stop-after 2 -o file others
cmp folder/model.safetensors file/model.safetensors || complain "a run folder is not its model"
# whoever trains nothing has the weights as they were, of known classes and of the body
succeed train --init before --lr 0 --alpha 0 --epochs 1 -o still others
if command -v python3 >/dev/null; then
    cat >rows.py <<'EOF'
import json, struct, sys
def load(run):
    file = open(run + "/model.safetensors", "rb")
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    data = file.read()
    return header, lambda name: data[slice(*header[name]["data_offsets"])]
(a, old), (b, new) = load("before"), load("still")
classes = [json.loads(h["__metadata__"]["classes"]).index("bag") for h in (a, b)]
for name in ("head.weight", "head.bias", "centers.weight"):
    size = len(new(name)) // 2
    print(name, old(name)[classes[0] * size:][:size] == new(name)[classes[1] * size:][:size])
print("body", old("body.0.weight") == new("body.0.weight"))
EOF
    python3 rows.py >kept
    [ "$(grep -c True kept)" -eq 4 ] || complain "rows of bag: $(cat kept)"
fi
# typed options count more
succeed train --init before --mean 0.25 --std 0.5 --dry-run others
says "1x16x14 .*mean 0.25, std 0.5"
# a run that was stopped goes on without the other one
succeed train --init before -o whole others
succeed train --init before --stop-after 1 -o stopped others
rm -r before
succeed "$TOOLS/cl_train" --resume stopped -q
cmp whole/model.safetensors stopped/model.safetensors || complain "a run that was stopped ends otherwise"
# mistakes: nothing begins
refused() { # PATTERN OPTION...
    pattern=$1
    shift
    expect 1 "$pattern" train -o none "$@" others
    [ ! -e none ] || complain "$* : a run begins"
}
refused "whole/model.safetensors: tensor 'body.0.weight' has another shape than this net's; use the net and the input size that the file was made with$" \
    --init whole --net "conv 4 5x5, flatten, dense 8"
refused "tensor 'body.9.weight' has another shape" --init whole --image-size 20
refused "tensor 'body.0.weight' has another shape" --init whole --channels 3
mkdir empty
refused "^cl_train: empty/model.safetensors: " --init empty
finish
