#!/bin/sh
# Mistakes of somebody who types cl_train for the first time: each sentence names the remedy.
. "$(dirname "$0")/common.sh"
TRAIN=$TOOLS/cl_train
few good 4

# an option that took the only folder for its value, of each kind
for option in lambda:X net:LINE output:DIR val:DIR holdout-classes:X init:RUN steps:FILE group:N epochs:N \
    batch-size:N lr:X seed:N image-size:N augment: loss:KIND mean:X; do
    name=${option%:*}
    expect 2 "^cl_train: --$name took the folder 'good' as its value; name both: --$name ${option#*:}.* good$" \
        $TRAIN --$name good
done
# but a number stays one, and a name of a choice, if a folder has that name, too
mkdir 1 light
succeed $TRAIN --dry-run --net "$LITTLE" --image-size 16 --epochs 1 --augment light good
rmdir 1 light

# a net that is no preset; what is a line has its column
for net in resnet Small resnet18; do
    expect 2 "net '$net': there is no such preset; the presets are small, objects, article, lenet\+\+, mobilefacenet, and a net of your own is a line as 'conv" \
        $TRAIN good --net "$net"
done
expect 2 "^cl_train: net, column 6: the end of the line comes where the number of outputs" $TRAIN good --net dense
expect 2 "^cl_train: net, column 8: the end of the line comes where the kernel's size \(as 3x3\) is expected" $TRAIN good --net "conv 10"
expect 2 "^cl_train: net, column 8: 'relus' stands where a layer" $TRAIN good --net "relu,  relus"

# a class whose pictures were all skipped: how many, of what kind, and why
mkdir -p heic/good heic/bag
cp good/coat/* heic/good
for i in 1 2 3; do printf '\000\000\000\030ftypheic\000\000\000\000mif1heic' >heic/bag/$i.heic; done
printf '\000\000\000\030ftypavif\000\000\000\000mif1avif' >heic/bag/4.avif
expect 1 "heic/bag: no image of class \"bag\" can be used for training; 4 were skipped \(3 .heic, 1 .avif\), as 1.heic: HEIC is not supported; convert it .*; or leave such classes out by --allow-empty" \
    $TRAIN heic
printf 'path,label\n1.png,a\ngood/coat/%s,b\n' "$(ls good/coat | head -n 1)" >list.csv
expect 1 "list.csv: no image of class \"a\" can be used for training; 1 was skipped \(1 .png\), as 1.png: cannot open" \
    $TRAIN list.csv
mkdir -p gone/a gone/b
cp good/coat/* gone/a
expect 1 "gone/b: no image of class \"b\" can be used for training; put images there, or leave" $TRAIN gone

# the rest, one sentence each
mkdir empty flat one one/a
cp good/coat/* flat
cp good/coat/* one/a
expect 2 "name the folder of images" $TRAIN
expect 1 "nowhere: no such folder; check the name" $TRAIN nowhere
expect 1 "empty: no classes here; the images must be in one sub-folder per class" $TRAIN empty
expect 1 "flat: no classes here, the images lie in the folder itself; move them into one sub-folder per class" $TRAIN flat
expect 1 "one/a: only one class" $TRAIN one
expect 1 "this is a file; name the folder that holds the classes" $TRAIN good/coat/*1*.png
expect 2 "did you mean --epochs" $TRAIN good --epoch 3
expect 2 "unknown option '-epochs'" $TRAIN good -epochs 3
expect 2 "did you mean --batch-size" $TRAIN good --batchsize 3
expect 2 "unknown option '--gpu'" $TRAIN good --gpu
expect 2 "resume needs a value" $TRAIN --resume
expect 1 "good: this is no run that can be resumed" $TRAIN --resume good
expect 2 "'-1' cannot be used; it takes a number from 0" $TRAIN good --lambda -1
expect 2 "'28,28' cannot be used; it takes N or HxW" $TRAIN good --image-size 28,28
expect 2 "'arcface' cannot be used; it takes center, softmax" $TRAIN good --loss arcface
finish
