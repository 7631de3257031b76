#!/bin/sh
# cl_train --init MODEL --freeze N: other classes begin with the layers of that model, the first N stay, and a run that
# is stopped ends in the same bytes.
. "$(dirname "$0")/common.sh"
few small 10
for class in ankle-boot dress shirt trouser; do
    mkdir -p "others/$class"
    for file in $(ls "$SOURCE/data/fashion/train/$class" | head -n 10); do
        cp "$SOURCE/data/fashion/train/$class/$file" "others/$class/"
    done
done
train() {
    "$TOOLS/cl_train" --net "$LITTLE" --image-size 16 --epochs 3 --threads 1 --no-report "$@"
}
# tensors RUN: a digest of each tensor, by its name.
tensors() {
    python3 -c '
import json, struct, sys, zlib
file = open(sys.argv[1] + "/model.safetensors", "rb")
header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
data = file.read()
for name, t in sorted(header.items()):
    if name != "__metadata__": print(name, zlib.crc32(data[t["data_offsets"][0]:t["data_offsets"][1]]))
' "$1"
}
succeed train -o before others
succeed train --init before/model.safetensors --freeze 2 -o after small
says "^weights   14 tensors from before/model.safetensors, the first 2 layers frozen$"
succeed "$TOOLS/cl_features" --info after
says "frozen 2"
if command -v python3 >/dev/null; then
    tensors before >old
    tensors after >new
    for layer in 0 1 4 5; do
        [ "$(grep "^body.$layer\." old)" = "$(grep "^body.$layer\." new)" ] || complain "layer $layer has moved"
    done
    [ "$(grep "^body.9.weight" old)" != "$(grep "^body.9.weight" new)" ] || complain "the last layer has not moved"
    grep -q "^body.9.weight" new || complain "no tensors: $(cat new)"
fi
succeed train --init before/model.safetensors --freeze 2 --stop-after 2 -o stopped small
rm -r before
succeed "$TOOLS/cl_train" --resume stopped -q
cmp after/model.safetensors stopped/model.safetensors || complain "a run that was stopped ends otherwise"
# mistakes
expect 2 "^cl_train: --freeze 1 keeps layers of another model; name it by --init$" train --freeze 1 small
expect 1 "^cl_train: the first 9 layers cannot be frozen: the net has 3 of conv and dense; freeze fewer$" \
    train --init after/model.safetensors --freeze 9 -o many small
[ ! -e many ] || complain "a run begins with more frozen layers than there are"
finish
