# The nets of the experiments in data/README.md, for cl_train --net:  . data/nets.sh
first='conv 64 3x3 pad 1, batchnorm, relu, maxpool 2'
second='conv 64 3x3 pad 1, batchnorm, relu, maxpool 2, conv 128 3x3 pad 1, batchnorm, relu, maxpool 2'
fourth='conv 128 3x3 pad 1, batchnorm, relu'
SMALL="$first, $second, $fourth, flatten, dense 128"   # the preset small
THREE="$first, $second, flatten, dense 128"            # without its fourth convolution
THREE_DROPOUT="$first, $second, flatten, dropout 0.5, dense 128"
DROPOUT="$first, $second, $fourth, flatten, dropout 0.3, dense 128"
NORM="$DROPOUT, batchnorm"
NARROW="conv 32 3x3 pad 1, batchnorm, relu, maxpool 2, $second, $fourth, flatten, dropout 0.3, dense 128"
FLATTEN="$first, $second, $fourth, flatten" # no dense
GAP="$first, $second, $fourth, gap"
SAMPLED="conv 32 3x3 pad 1, batchnorm, relu, maxpool 2, conv 64 3x3 pad 1, batchnorm, relu, maxpool 2, \
conv 64 3x3 pad 1, batchnorm, relu, flatten, dense 128"
# Residual pairs at a quarter and an eighth of the size; a step costs about what one of small does
pair64='residual {conv 64 3x3 pad 1, batchnorm, relu, conv 64 3x3 pad 1, batchnorm}, relu'
pair128='residual {conv 128 3x3 pad 1, batchnorm, relu, conv 128 3x3 pad 1, batchnorm}, relu'
RESIDUAL="conv 32 3x3 pad 1, batchnorm, relu, maxpool 2, conv 64 3x3 pad 1, batchnorm, relu, maxpool 2, $pair64, \
conv 128 3x3 pad 1, batchnorm, relu, maxpool 2, $pair128, flatten, dense 128"
WIDE="$first, conv 128 3x3 pad 1, batchnorm, relu, maxpool 2, conv 256 3x3 pad 1, batchnorm, relu, maxpool 2, \
conv 256 3x3 pad 1, batchnorm, relu, flatten, dense 256"
# Depthwise nets for 64 x 64 pixels: plain blocks, and the preset mobilefacenet with fewer of its bottlenecks
depthwise() { echo "conv $1 3x3 stride $2 pad 1 groups $1, batchnorm, relu, conv $3 1x1, batchnorm, relu"; }
bottleneck() {
    echo "conv $1 1x1, batchnorm, prelu, conv $1 3x3 stride $2 pad 1 groups $1, batchnorm, prelu, conv $3 1x1, batchnorm"
}
DEPTHWISE="conv 64 3x3 stride 2 pad 1, batchnorm, relu, $(depthwise 64 1 128), $(depthwise 128 2 128), \
$(depthwise 128 1 128), $(depthwise 128 2 256), $(depthwise 256 1 256), flatten, dense 128"
narrow="residual {$(bottleneck 128 1 64)}"
broad="residual {$(bottleneck 256 1 128)}"
BOTTLENECKS="conv 64 3x3 stride 2 pad 1, batchnorm, prelu, conv 64 3x3 pad 1 groups 64, batchnorm, prelu, \
$(bottleneck 128 2 64), $narrow, $narrow, $(bottleneck 256 2 128), $broad, $broad, \
conv 512 1x1, batchnorm, prelu, conv 512 8x8 groups 512, batchnorm, flatten, dense 128"
# Photos of objects: a fifth stage, and a deeper net that ends in a mean over places
FIFTH="$first, $second, $fourth, maxpool 2, conv 256 3x3 pad 1, batchnorm, relu, flatten, dense 128"
objects="conv 32 3x3 pad 1, batchnorm, relu, maxpool 2, conv 64 3x3 pad 1, batchnorm, relu, maxpool 2, $fourth, $fourth, \
maxpool 2, conv 256 3x3 pad 1, batchnorm, relu"
OBJECTS="$objects, gap, dense 128"
export BOTTLENECKS DEPTHWISE FIFTH OBJECTS WIDE SAMPLED RESIDUAL SMALL THREE THREE_DROPOUT DROPOUT NORM NARROW FLATTEN GAP
