#!/bin/sh
# cl_features --info says what a model is, as lines and as JSON, and the figures are those of its file.
. "$(dirname "$0")/common.sh"
few photos 4
"$TOOLS/cl_train" --net "$LITTLE" --image-size 20x24 --resize stretch --flip --seed 7 -e 2 -q photos -o run ||
    complain "no training"
bytes=$(($(wc -c <run/model.safetensors)))

# The counts are those of torch.nn: Conv2d(1, 8, 3), BatchNorm2d(8), Conv2d(8, 16, 3), BatchNorm2d(16), Linear(480, 32)
# and the head Linear(32, 3).
succeed "$TOOLS/cl_features" --info run
says "^model     run: $(echo $bytes | sed 's/\([0-9]\)\([0-9]\{3\}\)$/\1,\2/') bytes$"
says '^input     1x20x24 \(channels x height x width\), mean 0\.[0-9]+, std 0\.[0-9]+$'
says '^net       16,787 parameters, and 96 of centers$'
says '^ +0  conv 8 3x3 pad 1 +8x20x24 +80$'
says '^ +9  dense 32 +32x1x1 +15,392$'
says '^          head: 32 -> 3 classes$'
says '^mirror    a feature is the mean over a picture and its mirror image$'
says '^resize    stretch: both sides to those of the input$'
says '^feature   32 numbers, [0-9,]+ multiply-adds per image$'
grep -q ' $' out.txt && complain "blanks at the end of a line: $(cat out.txt)"
says '^classes   3: bag, coat, sandal$'
says '^trained   loss center, lambda 0.02, .*epochs 2, batch_size 64, lr 0.002.*, seed 7$'
says "^line      $LITTLE\$"

succeed "$TOOLS/cl_features" --info --json run/model.safetensors
[ "$(wc -l <out.txt)" -eq 1 ] || complain "the JSON is not one line"
says "^\{\"model\": \"run/model.safetensors\", \"n_bytes\": $bytes, \"net\": \"$LITTLE\", \"layers\": \[\{\"place\": \"0\", "
says '"text": "maxpool 2", "channels": 16, "height": 5, "width": 6, "n_parameters": 0'
says '"n_parameters": 16787, "n_center_parameters": 96, "multiply_adds": [0-9.e+]+, '
says '"input": \{"channels": 1, "height": 20, "width": 24, "resize": "stretch", "mean": \[0\.[0-9]+\], "std": \[0\.[0-9]+\], "mirror": true\}'
says '"feature_size": 32, "classes": \["bag", "coat", "sandal"\], "trained": \{"loss": "center", "lambda": "0.02", .*"seed": "7"\}\}$'
if command -v python3 >/dev/null; then
    python3 -m json.tool out.txt >/dev/null 2>err.txt || complain "no JSON: $(cat err.txt)"
fi

# ---- many classes, and mistakes ----
mkdir many
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do cp -r photos/bag many/c$i; done
"$TOOLS/cl_train" --net "$LITTLE" -e 1 -q many -o other || complain "no training of twelve"
succeed "$TOOLS/cl_features" --info other
says '^classes   12: c1, c10, c11, c12, c2, c3, c4, c5, c6, c7 and 2 more$'
says '^resize    crop: the shorter side'
expect 2 '^cl_features: --info takes one run or model, as: cl_features --info runs/1$' "$TOOLS/cl_features" --info
expect 2 '^cl_features: --info takes one run or model' "$TOOLS/cl_features" --info run photos
expect 2 '^cl_features: --info takes one run or model' "$TOOLS/cl_features" --info run -o features.npy
expect 2 '^cl_features: --json has no use here; it goes with --info$' "$TOOLS/cl_features" --json run photos -o f.npy
expect 2 '^cl_features: name a run, images, and -o FILE, as: cl_features runs/1 photos -o features.npy$' "$TOOLS/cl_features" run
expect 1 'nothing.safetensors' "$TOOLS/cl_features" --info nothing.safetensors
finish
