#!/bin/sh
# A training that explodes ends before the step, names the images, and leaves what was good.
. "$(dirname "$0")/common.sh"
few small 12
NET="conv 4 3x3 pad 1, batchnorm, relu, maxpool 4, flatten, dense 8"
train() {
    "$TOOLS/cl_train" -q --no-report --net "$NET" --batch-size 16 --warmup 0 "$@"
}

# at once: there is no model yet, but a checkpoint, which leads to the same place
expect 1 "^cl_train: step 2 \(epoch 1\) is not taken: .* not finite .*small/[a-z]+/[0-9]+\.png.* smaller learning rate" \
    train --lr 1e18 -o early small
mv err.txt first.txt
[ -e early/model.safetensors ] && complain "a model was written though no epoch was measured"
expect 1 "is not taken" "$TOOLS/cl_train" -q --resume early --threads 1
cmp -s err.txt first.txt || complain "resumed it ends otherwise: $(cat first.txt err.txt)"
expect 1 "begun with learning rate 1e+\+?18, not 0.001" "$TOOLS/cl_train" -q --resume early --lr 1e-3

# weights that double at each step: the best epoch stays and can be taken up
expect 1 "is not taken: .*; late/model.safetensors holds epoch [0-9]+, which .* --init$" \
    train --weight-decay 1500 --schedule constant --epochs 60 -o late small
succeed "$TOOLS/cl_features" late small -o late.npy
succeed train --init late/model.safetensors --epochs 1 -o again small

# one image is the cause
mkdir -p black/one black/two
for i in 1 2 3 4; do
    printf 'P5\n8\n8\n255\n%64s' '' | tr ' ' '\000' >black/one/$i.pgm
    cp black/one/$i.pgm black/two/$i.pgm
done
printf 'P5\n8\n8\n255\n%64s' '' >black/two/loud.pgm
expect 1 "not finite for black/two/loud.pgm, 1 of a batch of 9; look at " \
    train --mean 0 --std 1e-30 --val-split 0 --augment none -o loud black

# features that fall to one point, and such that do not
RELU="conv 10 2x2, maxpool 2, flatten, dense 32, relu"
succeed "$TOOLS/cl_train" --no-report --net "$RELU" --lambda 100 --centers adam --epochs 10 -o point small
says "^warning   the features have collapsed to one point: .* begin anew with a smaller --lambda"
for options in "--lambda 0.02" "--lr 1e-6" "--lr 0"; do
    succeed "$TOOLS/cl_train" --no-report --net "$RELU" $options --epochs 3 --overwrite -o healthy small
    grep "have collapsed" out.txt && complain "$options: told though it has not collapsed"
done
finish
