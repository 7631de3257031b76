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
export WIDE SAMPLED RESIDUAL SMALL THREE THREE_DROPOUT DROPOUT NORM NARROW FLATTEN GAP
